"""From receipts to tables: what is due, what the books say, and what a crash or a fixed reader leaves."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import accounts, ledger
from assets.lake.feeds import SOURCES
from assets.lake.files import CityLake
from assets.landing.archive import object_key
from assets.landing.deployment import Deployment, Step
from assets.landing.http import Client
from assets.landing.inbox import land_inbox
from assets.landing.store import LocalStore
from assets.sources import fetch
from assets.sources.source import Context, ReadResult, Source
from quality.contracts import Table
from quality.problems import no_problems, problem
from quality.tables import METER_INTERVALS, METER_SUPERSEDED, METERS, QUARANTINE, WEATHER
from tests.kit import ask, ask_national, ingest, ingest_meters
from tests.lake.small_city import (
    D1,
    D2,
    D3,
    books,
    content,
    deliver,
    deployment_at,
    nem12,
    sum_of,
    weather,
)

pytestmark = pytest.mark.usefixtures("without_suites")

JUDGED = re.compile("/verdicts/|/validation_results/")
"""What a night writes of how it judged, which is another matter on another night."""


def test_what_a_crash_left_unread_is_due_the_next_day_and_only_then(deployment: Deployment, city: City) -> None:
    first = deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, "P1"))
    second = deliver(deployment, city, "exports", D2, "b.csv", nem12(D2, "P1"))
    due = [item.receipt.id for item in ledger.due(Step(deployment, city, D2), METER_INTERVALS, {})]
    assert due == [first, second], "oldest first"
    ingest_meters(deployment, city, D2)
    assert {(row["receipt"], row["day"], row["rows"]) for row in books(deployment, city, METER_INTERVALS)} == {
        (first, D1, 96),
        (second, D2, 96),
    }
    assert [item.receipt.id for item in ledger.due(Step(deployment, city, D2), METER_INTERVALS, {})] == [second]
    assert [item.receipt.id for item in ledger.due(Step(deployment, city, D1), METER_INTERVALS, {})] == [first]
    assert not list(ledger.due(Step(deployment, city, D3), METER_INTERVALS, {}))


def test_each_table_has_its_own_books(deployment: Deployment, city: City) -> None:
    deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, "P1"))
    deliver(deployment, city, "register", D1, "r.csv", b"point,zone,customer_class\nP1,z,other\n")
    ingest(deployment, city, METERS, D1)
    assert [item.source for item in ledger.due(Step(deployment, city, D2), METER_INTERVALS, {})] == ["exports"]
    assert not list(ledger.due(Step(deployment, city, D2), METERS, {}))


def test_reading_again_on_any_later_day_changes_no_byte_of_a_table(deployment: Deployment, city: City) -> None:
    """What a later day brought stays when an earlier day is run again."""
    for day, value in ((D1, 1), (D2, 2)):
        deliver(deployment, city, "exports", day, "a.csv", nem12(D1, "P1", "P2", value=value))
        deliver(deployment, city, "weather", day, f"forecast/{day}", weather(D1, *[20.0 + value] * 24))
        ingest_meters(deployment, city, day)
        ingest(deployment, city, WEATHER, day)
    before = content(deployment.store)
    for day in (D1, D2, D1):
        ingest_meters(deployment, city, day)
        ingest(deployment, city, WEATHER, day)
        again = content(deployment.store)
        assert {k for k in again if before[k] != again[k] and not JUDGED.search(k)} == set()
        assert again.keys() == before.keys()
    assert sum_of(deployment, city) == 2 * 2 * 96
    assert set(CityLake(deployment.store, city.slug).read(WEATHER)["temperature_c"]) == {22.0}


class Power(LocalStore):
    """A disk whose machine goes down at the n-th change."""

    left = 10**9

    def _spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt("power cut")

    def write(self, key: str, data: bytes) -> None:
        self._spend()
        super().write(key, data)

    def delete(self, key: str) -> None:
        self._spend()
        super().delete(key)


def the_nights(deployment: Deployment, city: City, cut: Callable[[], None]) -> None:
    """Two nights of a register, meters with a correction and a bad file, and weather; ``cut`` sets the power cut."""
    deliver(deployment, city, "register", D1, "r.csv", b"point,zone,customer_class\nP1,z,other\nP9,z,other\n")
    deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, "P1", "P2"))
    deliver(deployment, city, "exports", D1, "bad.csv", b"<html>login</html>")
    deliver(deployment, city, "weather", D1, "w", weather(D1 - timedelta(days=1), 20.0, None, 99.0))
    tables(deployment, city, D1)
    deliver(deployment, city, "exports", D2, "b.csv", nem12(D1, "P1", value=3))
    deliver(deployment, city, "weather", D2, "w2", weather(D1, 21.0))
    cut()
    tables(deployment, city, D2)


def tables(deployment: Deployment, city: City, day: date) -> None:
    ingest(deployment, city, METERS, day)
    ingest_meters(deployment, city, day)
    ingest(deployment, city, WEATHER, day)


def test_a_power_cut_at_any_change_leaves_nothing_that_the_next_run_does_not_mend(tmp_path: Path, city: City) -> None:
    sound = deployment_at(tmp_path / "sound", city)
    the_nights(sound, city, lambda: None)
    expected = content(sound.store)
    assert sum(key.startswith("lake/meter_") for key in expected) == 2
    for changes in range(1, 60, 2):
        store = Power(tmp_path / str(changes))
        deployment = deployment_at(tmp_path, city, store)

        def cut(store: Power = store, changes: int = changes) -> None:
            store.left = changes

        try:
            the_nights(deployment, city, cut)
        except KeyboardInterrupt:
            store.left = 10**9
            for key in store.list("lake"):
                pl.read_parquet(store.path(key))  # what readers see in between is whole
            tables(deployment, city, D2)
        else:
            assert changes > 8, "the cuts came before the work"
            return
        again = content(store)
        assert again.keys() == expected.keys(), f"after {changes} changes"
        assert {key for key in again if again[key] != expected[key]} == set(), f"after {changes} changes"
    pytest.fail("the second night makes more changes than were tried")


def test_a_fixed_reader_replaces_all_that_the_old_one_brought(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one read the day wrongly: its rows, and the days that only it touched, are gone."""
    deliver(deployment, city, "exports", D1, "other.csv", nem12(D2, "P2", value=5))
    deliver(deployment, city, "exports", D2, "a.csv", nem12(D2, "P1", value=1))
    right = SOURCES["meter_exports"]

    def wrong(data: bytes, context: Any) -> Any:
        result = right.reader(data, context)
        if context.name != "a.csv":
            return result
        shifted = result.tables["readings"].with_columns(pl.col("start") - pl.duration(hours=36))
        return replace(result, tables={"readings": shifted})

    monkeypatch.setitem(SOURCES, "meter_exports", replace(right, reader=wrong))
    ingest_meters(deployment, city, D2)
    assert len(CityLake(deployment.store, city.slug).keys(METER_INTERVALS)) == 3
    monkeypatch.setitem(SOURCES, "meter_exports", right)
    ingest_meters(deployment, city, D2)
    fixed = content(deployment.store)
    assert CityLake(deployment.store, city.slug).days(METER_INTERVALS) == [D2]
    assert sum_of(deployment, city) == 6 * 96
    assert CityLake(deployment.store, city.slug).read(METER_SUPERSEDED).height == 0
    ingest_meters(deployment, city, D2)
    assert content(deployment.store) == fixed


def reading_weather(read: Callable[[bytes, Context], ReadResult]) -> Source:
    return replace(SOURCES["open_meteo"], reader=read)


def test_a_fixed_portal_reader_replaces_all_that_the_old_one_brought(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(deployment, city, "weather", D1, "w", weather(D1, 20.0, 21.0))
    right = SOURCES["open_meteo"].read

    def wrong(data: bytes, context: Context) -> ReadResult:
        rows = right(data, context).tables["weather"].with_columns(pl.col("temperature_c") + 1)
        late = rows.with_columns(pl.col("start") + pl.duration(days=1), pl.col("local_date") + pl.duration(days=1))
        return ReadResult("open_meteo", "", {"weather": pl.concat([rows, late])}, no_problems())

    monkeypatch.setitem(SOURCES, "open_meteo", reading_weather(wrong))
    ingest(deployment, city, WEATHER, D1)
    assert CityLake(deployment.store, city.slug).read(WEATHER)["temperature_c"].to_list() == [21.0, 22.0, 21.0, 22.0]
    monkeypatch.setitem(SOURCES, "open_meteo", reading_weather(right))
    ingest(deployment, city, WEATHER, D1)
    assert CityLake(deployment.store, city.slug).read(WEATHER)["temperature_c"].to_list() == [20.0, 21.0]
    assert CityLake(deployment.store, city.slug).days(WEATHER) == [D1]


def test_the_books_account_for_every_row_and_every_file(deployment: Deployment, city: City) -> None:
    whole = deliver(deployment, city, "weather", D1, "whole", weather(D1, *[25.0] * 24))
    part = deliver(deployment, city, "weather", D1, "part", weather(D2, 25.0, 99.0, -40.0, None, others=None))
    none = deliver(deployment, city, "weather", D1, "none", weather(D3, 99.0, 98.0, others=None))
    page = deliver(deployment, city, "weather", D1, "page", b"<html>")
    nothing = {"outcome": "not-reached", "code": "answer-not-reached", "reason": "no answer"}
    away = deliver(deployment, city, "weather", D1, "away", None, **nothing)
    filled = ingest(deployment, city, WEATHER, D1)
    told = {row["receipt"]: (row["status"], row["rows"], row["refused"]) for row in books(deployment, city, WEATHER)}
    assert told == {
        whole: ("ok", 24, 0),
        part: ("partial", 2, 2),
        none: ("rejected", 0, 2),
        page: ("rejected", 0, 0),
        away: ("nothing", 0, 0),
    }
    assert filled.rows == CityLake(deployment.store, city.slug).read(WEATHER).height == 26
    quarantine = CityLake(deployment.store, city.slug).read(QUARANTINE).filter(pl.col("severity") != "warn")
    found = {(row["receipt"], row["row"], row["code"]) for row in quarantine.iter_rows(named=True)}
    assert found == {
        *((part, row, "value-range") for row in (2, 3)),
        *((none, row, "value-range") for row in (1, 2)),
        (page, 0, "answer-bad"),
        (away, 0, "answer-not-reached"),
    }
    assert set(quarantine["source"]) == {"weather"}
    (late,) = [row for row in books(deployment, city, WEATHER) if row["receipt"] == part]
    assert (late["first_day"], late["last_day"], late["held"]) == (D2, D2, [{"day": D2, "rows": 2}])


def test_what_came_before_is_entered_as_unchanged_and_read_no_more(deployment: Deployment, city: City) -> None:
    for day in (D1, D2):
        deliver(deployment, city, "exports", day, "a.csv", nem12(D1, "P1"))
        ingest_meters(deployment, city, day)
    told = [(row["day"], row["format"], row["status"], row["rows"]) for row in books(deployment, city, METER_INTERVALS)]
    assert sorted(told) == [(D1, "nem12", "ok", 96), (D2, "unchanged", "ok", 0)]
    assert CityLake(deployment.store, city.slug).read(METER_INTERVALS).height == 96


def test_readings_are_counted_without_being_held(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large city's day is some ten gigabytes, all columns of it."""
    deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, "P1"))
    ingest_meters(deployment, city, D1)
    whole = CityLake.rows

    def small(lake: CityLake, table: Table, *more: Any) -> pl.DataFrame:
        assert not table.bucketed, table.name
        return whole(lake, table, *more)

    monkeypatch.setattr(CityLake, "rows", small)
    lake = CityLake(deployment.store, city.slug)
    assert lake.counts(METER_INTERVALS, [D1])["rows"].to_list() == [96]
    assert accounts.differences(lake) == []


@pytest.mark.parametrize(
    ("failure", "code"), [(RuntimeError, "reader-failed"), (pl.exceptions.PanicException, "reading-failed")]
)
def test_a_reader_that_fails_stops_no_other_delivery_and_quotes_no_data(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException], code: str
) -> None:
    right = SOURCES["open_meteo"].read

    def fails(data: bytes, context: Context) -> ReadResult:
        if context.name == "odd":
            raise failure("meter 0812345678 of Somchai")
        return right(data, context)

    monkeypatch.setitem(SOURCES, "open_meteo", reading_weather(fails))
    odd = deliver(deployment, city, "weather", D1, "odd", weather(D1, 25.0))
    deliver(deployment, city, "weather", D1, "even", weather(D2, 26.0))
    ingest(deployment, city, WEATHER, D1)
    assert CityLake(deployment.store, city.slug).read(WEATHER)["temperature_c"].to_list() == [26.0]
    (row,) = CityLake(deployment.store, city.slug).read(QUARANTINE).filter(receipt=odd).to_dicts()
    assert (row["code"], row["message"]) == (code, failure.__name__)
    monkeypatch.setitem(SOURCES, "open_meteo", reading_weather(right))
    ingest(deployment, city, WEATHER, D1)
    assert CityLake(deployment.store, city.slug).read(WEATHER)["temperature_c"].to_list() == [25.0, 26.0]
    assert not CityLake(deployment.store, city.slug).read(QUARANTINE).filter(receipt=odd, severity="reject").height


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_landing_that_rots_is_told_and_stops_no_other_delivery(deployment: Deployment, city: City, harm: str) -> None:
    data = nem12(D1, "P1")
    rotten = deliver(deployment, city, "exports", D1, "a.csv", data)
    deliver(deployment, city, "exports", D1, "b.csv", nem12(D1, "P2"))
    (key,) = [object_key(r.sha256) for r in deployment.archive.receipts(city.slug, "exports") if r.id == rotten]
    if harm == "gone":
        deployment.store.delete(key)
    else:
        deployment.store.write(key, data.replace(b"kWh", b"MWh"))
    ingest_meters(deployment, city, D1)
    assert sum_of(deployment, city) == 96
    (row,) = CityLake(deployment.store, city.slug).read(QUARANTINE).filter(receipt=rotten).to_dicts()
    assert row["code"] == "landing-damaged"


def test_a_store_that_fails_is_no_fault_of_the_delivery_which_stays_due(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = deliver(deployment, city, "weather", D1, "w", weather(D1, 25.0))
    read = LocalStore.read

    def away(store: LocalStore, key: str) -> bytes:
        if key.startswith("landing/objects/"):
            raise ConnectionError("no answer")
        return read(store, key)

    with monkeypatch.context() as outage:
        outage.setattr(LocalStore, "read", away)
        with pytest.raises(ConnectionError):
            ingest(deployment, city, WEATHER, D1)
    assert not books(deployment, city, WEATHER)
    ingest(deployment, city, WEATHER, D2)
    assert [row["receipt"] for row in books(deployment, city, WEATHER)] == [receipt]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []

    def refuse(*_: Any, **__: Any) -> None:
        asked.append("portal")
        raise AssertionError("a request for a day that is over")

    monkeypatch.setattr(Client, "fetch", refuse)
    yield asked


def test_a_past_day_is_run_again_from_landing_alone(
    deployment: Deployment, city: City, tmp_path: Path, no_network: list[str]
) -> None:
    inbox = tmp_path / "inbox" / city.slug / "exports"
    inbox.mkdir(parents=True)
    (inbox / "a.csv").write_bytes(nem12(D1, "P1"))
    os.utime(inbox / "a.csv", (0, 0))
    land_inbox(deployment.archive, deployment.inbox, Step(deployment, city, D1).delivery("exports"))
    known = deliver(deployment, city, "weather", D1, "w", weather(D1, 25.0))
    (inbox / "late.csv").write_bytes(nem12(D1, "P2"))
    again = fetch.land_inboxes(Step(deployment, city, D1, "again"))
    assert fetch.left_for_today(Step(deployment, city, D1)) == 1, "which the night tells"
    assert [receipt.name for receipt in again if receipt.source == "exports"] == ["a.csv"]
    found = ask(deployment, city, "weather", D1)
    assert [receipt.id for receipt in found] == [known]
    assert no_network == []


def test_a_past_day_is_not_asked_of_a_portal_that_only_knows_the_present(
    deployment: Deployment, city: City, no_network: list[str]
) -> None:
    assert ask_national(deployment, "air4thai_live", D1) == []
    with pytest.raises(AssertionError, match="a request"):
        ask_national(deployment, "air4thai_live", D3)
    assert no_network == ["portal"]


def test_the_status_of_a_delivery_is_the_worst_that_came_of_it(deployment: Deployment, city: City) -> None:
    deliver(deployment, city, "weather", D1, "w", weather(D1, 25.0))
    (item,) = ledger.due(Step(deployment, city, D1), WEATHER, {})
    refused, rejected, warned = (problem(code, "-") for code in ("value-range", "answer-bad", "no-date"))
    for problems, rows, status in (
        (no_problems(), 0, "ok"),
        (warned, 0, "ok"),
        (refused, 3, "partial"),
        (refused, 0, "rejected"),
        (rejected, 3, "partial"),
        (rejected, 0, "rejected"),
    ):
        assert ledger.Entry(item, "f", problems, rows).status == status


def test_the_lake_does_not_tell_whether_inbox_or_portal_was_landed_first(tmp_path: Path, city: City) -> None:
    """Workers on several hosts land a city's sources in the order in which they are free."""
    found = []
    for order in (("exports", "weather"), ("weather", "exports")):
        deployment = deployment_at(tmp_path / order[0], city)
        for source in order:
            for name, value in (("a", 20), ("b", 21)):
                data = nem12(D1, "P1", value=value) if source == "exports" else weather(D1, value)
                deliver(deployment, city, source, D2, name, data)
        ingest_meters(deployment, city, D2)
        ingest(deployment, city, WEATHER, D2)
        (row,) = CityLake(deployment.store, city.slug).read(WEATHER).to_dicts()
        assert (row["temperature_c"], row["_number"]) == (21, 2), "what came later counts"
        found.append({key: data for key, data in content(deployment.store).items() if "/deliveries/" not in key})
    assert len(found[0]) > 2 and found[0] == found[1]
