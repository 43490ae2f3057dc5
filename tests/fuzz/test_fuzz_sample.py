"""A fixed small sample of ``make fuzz``."""

import random

import pytest

from assets.meters.exports import describe, read_export, readers
from tests.fuzz.mutate import MUTATIONS, inside
from tests.fuzz.run import Baseline, check
from tests.fuzz.samples import SAMPLES


def test_every_format_and_layout_has_a_sample_that_it_reads_whole() -> None:
    assert set(readers()) == set(SAMPLES)
    for format, make in SAMPLES.items():
        sample = make()
        found = describe(read_export(sample.data, sample.name, sample.options), sample.name)
        assert (found["format"], found["status"]) == (format, sample.status), found


@pytest.mark.parametrize("format", sorted(SAMPLES))
def test_mutations_end_ok_partial_or_rejected(format: str) -> None:
    sample = SAMPLES[format]()
    base = Baseline.of(format, sample)
    for name, mutation in MUTATIONS.items():
        chance = random.Random(f"{format}/{name}/0")
        made = {name: mutation(sample.data, chance)}
        if sample.data.startswith(b"PK"):
            made[f"inside:{name}"] = inside(sample.data, [name], chance)
        for how, data in made.items():
            _, _, broken = check(sample, base, how, data)
            assert broken is None, (how, broken)


def test_digits_of_another_script_in_a_stamp_are_refused_not_a_crash() -> None:
    """Found by fuzzing: to Polars' regular expressions a Thai digit is one, but no cast to an integer takes it."""
    for format, old, new in (
        ("iec61968", "T00:15", "T0๐:15"),
        ("mscons", "DTM+163:2", "DTM+163:๒"),
        ("nem12", "300,2026", "300,๒026"),
    ):
        sample = SAMPLES[format]()
        data = sample.data.decode().replace(old, new, 1).encode()
        assert data != sample.data
        found = describe(read_export(data, sample.name, sample.options), sample.name)
        assert "reader-failed" not in {problem["code"] for problem in found["problems"]}
        assert found["status"] != "ok"
