"""The evaluators that need nothing but a frame."""

from datetime import date, timedelta

import polars as pl
import pytest

from quality.advice import advice
from quality.contracts import Column, Table
from quality.gate import to_frame
from quality.tables import VERDICTS, WEATHER
from quality.verdicts import Verdict, completeness, contract, freshness, keys, structure, together

TABLE = Table(
    name="things",
    title="Things",
    description="Things.",
    smart="energy",
    key=("meter_id", "day"),
    day="day",
    lineage=False,
    max_age=timedelta(days=2),
    columns=(
        Column("meter_id", pl.String(), "Thing."),
        Column("day", pl.Date(), "Day."),
        Column("value", pl.Float64(), "Value.", minimum=0),
    ),
)
DAY = date(2026, 3, 10)
GOOD = pl.DataFrame({"meter_id": ["a", "b"], "day": [DAY, DAY], "value": [1.0, None]}, schema=TABLE.schema)


def test_good_frame_passes():
    assert [check(TABLE, GOOD).verdict for check in (structure, keys, contract)] == ["pass"] * 3


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (GOOD.drop("value"), "value"),
        (GOOD.with_columns(more=1), "more"),
        (GOOD.cast({"value": pl.Float32}), "value"),
        (GOOD.select("day", "meter_id", "value"), "meter_id"),
    ],
)
def test_structure_blocks_and_names_the_column(frame, named):
    verdict = structure(TABLE, frame)
    assert verdict.verdict == "block"
    assert named in verdict.message
    assert verdict.failed == len(verdict.sample) > 0


@pytest.mark.parametrize(
    "frame", [pl.concat([GOOD, GOOD.head(1)]), GOOD.with_columns(day=pl.when(meter_id="a").then("day"))]
)
def test_keys_block_on_twins_and_nulls_without_showing_meters(frame):
    verdict = keys(TABLE, frame)
    assert verdict.verdict == "block"
    assert verdict.failed >= 1
    assert all("meter_id" not in row for row in verdict.sample)


def test_samples_are_capped_and_counts_are_not():
    many = pl.concat([GOOD] * 100)
    assert (keys(TABLE, many).failed, len(keys(TABLE, many).sample)) == (200, 20)


def test_contract_blocks_with_codes():
    verdict = contract(TABLE, GOOD.with_columns(value=pl.lit(-1.0)))
    assert (verdict.verdict, verdict.failed, verdict.message) == ("block", 2, "2 value-range")


@pytest.mark.parametrize(
    ("newest", "outcome"),
    [(DAY, "pass"), (DAY - timedelta(days=2), "pass"), (DAY - timedelta(days=3), "warn"), (None, "warn")],
)
def test_freshness_goes_by_the_age_of_the_data(newest, outcome):
    assert freshness(TABLE, newest, DAY).verdict == outcome


def test_a_table_without_an_age_limit_is_never_stale():
    assert freshness(VERDICTS, date(1999, 1, 1), DAY).verdict == "pass"


@pytest.mark.parametrize(("missing", "outcome"), [(0, "pass"), (5, "pass"), (6, "warn"), (100, "warn")])
def test_completeness_warns_above_five_per_cent_and_never_blocks(missing, outcome):
    frame = pl.DataFrame({"missing": [missing, 0], "slots": [96, 4]})
    verdict = completeness(TABLE, frame)[0]
    assert (verdict.verdict, verdict.failed, verdict.checked) == (outcome, missing, 100)
    assert completeness(TABLE, frame.clear())[0].verdict == "pass"


def test_verdicts_become_rows_of_their_table():
    frame = to_frame([Verdict("weather", "keys", "block", 3, 1, "twins", [{"a": 1}])], DAY)
    words = advice(WEATHER, "keys")
    batch = VERDICTS.conform(frame)
    good, problems = batch.rows, batch.found
    assert problems.is_empty()
    assert good.rows() == [("weather", "keys", DAY, "block", 3, 1, "twins", DAY, words.en, words.th)]
    assert to_frame([], DAY).schema == VERDICTS.schema


def test_verdicts_on_parts_are_told_in_the_words_of_the_part_that_broke_most():
    parts = [Verdict("t", "gap", "pass", 10, 0, "none of 10"), Verdict("t", "gap", "pass", 10, 4, "4 of 10")]
    assert together(parts) == together(parts[::-1]) == [Verdict("t", "gap", "pass", 20, 4, "4 of 10")]
