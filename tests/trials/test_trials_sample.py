"""A fixed small sample of ``make trials``; of them themselves, the proof that they notice what does not keep rows."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.landing.store import LocalStore
from tests.trials import crash, nights, privacy, writers
from tests.trials.night import Place
from tests.trials.run import Places


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Place]:
    return Places(tmp_path, None)


def test_nights_that_are_cut_short_end_as_one_that_was_left_in_peace(places: Iterator[Place]) -> None:
    trials = crash.Crashes(places, worlds=1, days=2)
    done = [trials.trial(seed) for seed in (1, 8)]
    assert [trial for trial in done if trial["wrong"]] == []
    assert sum(len(trial["cut_at"]) for trial in done) >= 2
    assert {trial["how"] for trial in done} == {"killed", "stopped"}


@pytest.mark.trial
def test_a_store_that_writes_in_place_is_found_out(places: Iterator[Place]) -> None:
    """The null control: with it, crash trials have to fail."""
    trials = crash.Crashes(places, worlds=1, days=1, harm=write_in_place)
    assert any(trials.trial(seed)["wrong"] for seed in (2, 3, 1))


def write_in_place() -> None:
    def write(self: LocalStore, key: str, data: bytes) -> None:
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            for at in range(0, len(data), len(data) // 8 + 1):
                out.write(data[at : at + len(data) // 8 + 1])
                out.flush()
                os.fsync(out.fileno())

    LocalStore.write = write  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "seed", [pytest.param(6, marks=pytest.mark.trial), 13], ids=["with the lease", "with swaps alone"]
)
def test_writers_beside_each_other_lose_nothing(places: Iterator[Place], seed: int) -> None:
    trial = writers.Writers(places).trial(seed)
    assert trial["wrong"] == []
    assert trial["rows"] == trial["sent"]


@pytest.mark.trial
def test_without_lease_and_swaps_they_lose_rows_and_the_ledger_says_so(places: Iterator[Place]) -> None:
    """The null control. Whether two meet is a matter of time, so that one trial of a few is enough."""
    trials = map(writers.Writers(places).trial, (5, 8, 11, 14, 17))
    lost = next(trial for trial in trials if trial["rows"] < trial["sent"])
    assert lost["noticed"]


@pytest.mark.trial
def test_nights_with_a_fault_each_end_as_quiet_ones(places: Iterator[Place]) -> None:
    trial = nights.Nights(places, count=3).trial(2)
    assert trial["wrong"] == []
    assert len({night["fault"] for night in trial["nights"]}) == 3


@pytest.mark.trial
def test_two_weeks_of_a_city_tell_of_nobody() -> None:
    trial = privacy.Privacy(days=14, meters=240, zones=2).trial(1)
    assert trial["wrong"] == []
    assert trial["combinations"] > 1000
    assert trial["own_zone"] > 0.3, "a third of this town's energy is of customers that stand out"


@pytest.mark.trial  # of a single customer: the null control of ``tests/quality/test_privacy_attacks.py``
def test_without_the_memory_of_other_days_large_customers_come_and_go_all_month() -> None:
    """The null control of what days tell together."""
    trial = privacy.Privacy(days=20, meters=240, zones=2, pairs=1, steady=False).trial(1)
    assert trial["came_again"] > 5
