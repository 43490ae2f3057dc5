"""The complete grid against a plain model of a Thai day."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, strategies as st

from quality.meter_grid import align, complete, on_clock, shapes, silent, usual

BANGKOK = timezone(timedelta(hours=7))
DAY = date(2026, 2, 28)
MIDNIGHT = datetime(2026, 2, 28, tzinfo=BANGKOK)
SCHEMA = {
    "meter_id": pl.String,
    "channel": pl.String,
    "quantity": pl.String,
    "unit": pl.String,
    "start": pl.Datetime("us", "UTC"),
    "minutes": pl.Int32,
    "local_date": pl.Date,
    "value": pl.Int64,
    "quality": pl.String,
}


def readings(*rows: tuple[str, str, float, int]) -> pl.DataFrame:
    """Rows of (meter, channel, minute of the local day, interval length)."""
    return pl.DataFrame(
        [
            (
                meter, channel, "active_import", "kWh", (MIDNIGHT + timedelta(minutes=minute)).astimezone(UTC),
                length, DAY, 7, "actual",
            )
            for meter, channel, minute, length in rows
        ],
        schema=SCHEMA,
        orient="row",
    )  # fmt: skip


def test_a_meter_with_one_reading_has_96_quarter_hours_from_local_midnight():
    grid = complete(readings(("a", "E1", 30, 15))).sort("start")
    assert grid.height == 96
    assert grid["start"][0] == MIDNIGHT
    assert grid["start"][-1] == MIDNIGHT + timedelta(hours=23, minutes=45)
    assert grid["start"].diff().drop_nulls().unique().to_list() == [timedelta(minutes=15)]
    assert grid.filter(quality="missing").height == 95
    assert grid.filter(pl.col("value").is_not_null())["start"].to_list() == [MIDNIGHT + timedelta(minutes=30)]
    assert grid["unit"].unique().to_list() == ["kWh"]


def test_every_channel_has_its_own_interval():
    grid = complete(readings(("a", "E1", 0, 30), ("a", "B1", 0, 5), ("b", "E1", 0, 1440)))
    counts = {(m, c): n for m, c, n in grid.group_by("meter_id", "channel").len().iter_rows()}
    assert counts == {("a", "E1"): 48, ("a", "B1"): 288, ("b", "E1"): 1}


def test_silent_meters_get_the_days_most_common_shape():
    delivered = readings(("a", "E1", 0, 15), ("b", "E1", 0, 15), ("c", "kWh", 0, 30))
    like = usual(shapes(delivered))
    grid = complete(delivered, silent(pl.Series("meter_id", ["quiet"]), like, DAY))
    quiet = grid.filter(meter_id="quiet")
    assert quiet.height == 96
    assert quiet.select("channel", "minutes", "quality").unique().rows() == [("E1", 15, "missing")]
    assert grid.height == 96 * 3 + 48


def test_a_day_nobody_delivered_stays_empty():
    like = usual(shapes(readings()))
    assert complete(readings(), silent(pl.Series("meter_id", ["quiet"]), like, DAY)).is_empty()


def test_lengths_and_starts_off_the_grid_are_refused_with_a_reason():
    delivered = readings(
        *(("a", "E1", 15 * slot, 15) for slot in range(4)),
        ("a", "E1", 60, 30),  # another length than the channel's
        ("a", "E1", 67, 15),  # between two slots
        ("a", "E1", 75.5, 15),  # half a minute late
        ("a", "E1", 90, 7),  # divides no day
        ("a", "E1", 105, 0),
    )
    fit, off = align(delivered)
    assert fit.height == 4
    assert off["code"].to_list() == [
        "interval-length", "interval-misaligned", "interval-misaligned", "interval-length", "interval-length",
    ]  # fmt: skip
    assert off["message"].null_count() == 0
    assert fit.columns == delivered.columns


def test_a_reading_delivered_often_has_one_vote():
    delivered = readings(("a", "E1", 0, 15), ("a", "E1", 15, 15), *[("a", "E1", 0, 30)] * 5)
    fit, off = align(delivered)
    assert fit["minutes"].to_list() == [15, 15]
    assert off.height == 5


rows = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.just("E1"), st.integers(0, 1439), st.sampled_from([-15, 0, 5, 7, 15, 30, 60, 1440])
    ),
    max_size=25,
)


@given(rows, st.randoms(use_true_random=False))
def test_align_agrees_with_a_plain_model_in_any_order(given_rows, random):
    expected = []
    for meter in "ab":
        placed = {(m, s, n) for m, _, s, n in given_rows if m == meter and n > 0 and 1440 % n == 0 and s % n == 0}
        votes = Counter(n for _, _, n in placed)
        if votes:
            chosen = min(votes, key=lambda n: (-votes[n], n))
            expected += [(m, s) for m, _, s, n in given_rows if m == meter and n == chosen and s % n == 0]
    shuffled = random.sample(given_rows, len(given_rows))
    fit, off = align(readings(*shuffled))
    got = [
        (m, round((start - MIDNIGHT).total_seconds() / 60)) for m, start in fit.select("meter_id", "start").iter_rows()
    ]
    assert sorted(got) == sorted(expected)
    assert fit.height + off.height == len(given_rows)


@pytest.mark.parametrize("off", [-20, -1, 1, 20])
def test_a_clock_that_is_a_little_off_loses_no_interval(off):
    day = readings(*(("a", "E1", 15 * slot + off / 60, 15) for slot in range(96)))
    moved = on_clock(day)
    assert moved["start"].to_list() == [MIDNIGHT + timedelta(minutes=15 * slot) for slot in range(96)]
    assert moved["clock_seconds"].unique().to_list() == [off]


def test_a_clock_that_is_further_off_is_left_as_it_is():
    day = readings(("a", "E1", 30, 15), ("a", "E1", 30 - 21 / 60, 15), ("a", "E1", 37, 15), ("a", "E1", 30.1, 7))
    moved = on_clock(day)
    assert moved["start"].equals(day["start"])
    assert moved["clock_seconds"].null_count() == 4


def test_a_part_of_a_second_is_told_as_a_whole_one():
    moved = on_clock(readings(("a", "E1", 30 + 0.2 / 60, 15), ("a", "E1", 45 - 0.2 / 60, 15)))
    assert moved["clock_seconds"].to_list() == [1, -1]
