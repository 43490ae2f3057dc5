"""A day of intervals as arrays: as rows lie, or put in their places one by one."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from quality.vee.validate import meter_quality
from quality.vee.window import MISSING, MeterDay
from tests.vee.town import DAY, REGISTER, intervals, judged_day


def test_an_interval_length_is_an_array_and_a_value_is_where_its_slot_is() -> None:
    rows = intervals(DAY)
    quarter, hour = MeterDay.of(rows, REGISTER)
    assert (quarter.minutes, quarter.value.shape) == (15, (22, 96))
    assert (hour.minutes, hour.value.shape) == (60, (1, 24))
    for part in (quarter, hour):
        assert (
            part.value.ravel().tolist() == rows["value_delivered"].gather(part.row.ravel()).cast(pl.Float64).to_list()
        )
        assert part.starts.to_list() == rows["start"].gather(part.row[0]).to_list()
        assert part.channels["meter_id"].to_list() == rows["meter_id"].gather(part.row[:, 0]).to_list()
    told = dict(quarter.channels.select("meter_id", "customer_class").iter_rows())
    assert told["street-1"] == "public"


@pytest.mark.parametrize("seed", range(5))
def test_rows_in_any_order_and_with_some_lacking_are_the_same_day(seed: int) -> None:
    rows = intervals(DAY)
    lacking = rows.with_row_index().filter(pl.col("index").hash(seed) % 20 == 0)["index"]
    blank = rows.with_row_index().with_columns(
        value_delivered=pl.when(~pl.col("index").is_in(lacking.implode())).then("value_delivered"),
        quality=pl.when(pl.col("index").is_in(lacking.implode())).then(pl.lit("missing")).otherwise("quality"),
    )
    some = blank.filter(~pl.col("index").is_in(lacking.implode())).sample(fraction=1, shuffle=True, seed=seed)
    for whole, part in zip(
        MeterDay.of(blank.drop("index"), REGISTER), MeterDay.of(some.drop("index"), REGISTER), strict=True
    ):
        assert whole.channels.equals(part.channels)
        assert np.array_equal(whole.value, part.value, equal_nan=True)
        assert np.array_equal(whole.quality, part.quality)
        assert ((part.row < 0) == (part.quality == MISSING)).all()
        given = part.row >= 0
        assert some["value_delivered"].gather(part.row[given]).cast(pl.Float64).to_list() == part.value[given].tolist()


def test_two_meters_that_share_a_days_slots_are_not_one() -> None:
    """Sorted rows, as many as one day has, and every slot once: half of them are another meter's."""
    rows = intervals(DAY).filter(channel="E1")
    home, other = rows.filter(meter_id="home-1")[:48], rows.filter(meter_id="home-2")[48:]
    (part,) = MeterDay.of(pl.concat([home, other]))
    assert part.channels["meter_id"].to_list() == ["home-1", "home-2"]
    assert part.count.tolist() == [48, 48]


@pytest.mark.parametrize(
    ("rows", "register", "says"),
    [
        (pl.concat([intervals(DAY), intervals(DAY + timedelta(days=1))]), None, "a day of intervals is asked for"),
        (pl.concat([intervals(DAY), intervals(DAY)]), None, "two rows of one"),
        (intervals(DAY), pl.concat([REGISTER, REGISTER]), "the register has a meter twice"),
    ],
)
def test_what_is_no_day_is_refused(rows, register, says) -> None:
    with pytest.raises(ValueError, match=says):
        MeterDay.of(rows, register)


def test_a_day_without_rows_is_none() -> None:
    assert MeterDay.of(intervals(DAY).clear(), REGISTER) == []


def test_a_rule_that_lacks_what_it_needs_does_not_run_and_that_is_told() -> None:
    alone = judged_day(intervals(DAY), None, REGISTER.select("meter_id"))
    for part, context in alone:
        quality = meter_quality(part, context)
        assert (quality["flags"] == 0).all()
        assert ((quality["rules_run"] & (1 << 10)) == 0).all(), "no class, no limit"
        assert ((quality["rules_run"] & (1 << 18)) == 0).all(), "no history, no scale"
        assert ((quality["rules_run"] & 1) == 1).all()


def test_the_row_of_a_meter_day_adds_up() -> None:
    rows = intervals(DAY).with_columns(
        value_delivered=pl.when(pl.col("meter_id") == "home-1", pl.col("start").dt.hour() == 3)
        .then(None)
        .otherwise("value_delivered"),
        quality=pl.when(pl.col("meter_id") == "home-1", pl.col("start").dt.hour() == 5)
        .then(pl.lit("forecast"))
        .otherwise("quality"),
    )
    found = pl.concat([meter_quality(part, context) for part, context in judged_day(rows)])
    sums = rows.group_by("meter_id", "channel", maintain_order=True).agg(pl.col("value_delivered").sum())
    assert (
        found.join(sums, on=["meter_id", "channel"])
        .select((pl.col("energy") == pl.col("value_delivered")).all())
        .item()
    )
    columns = ("expected", "actual", "forecast", "substituted", "missing", "longest_gap")
    assert found.filter(meter_id="home-1").select(columns).rows() == [(96, 88, 4, 0, 4, 4)]


def test_days_share_a_fingerprint_only_where_all_their_values_are_the_same() -> None:
    """Constants and short numbers above all: their bits are mostly zeros."""
    (part,) = MeterDay.of(intervals(DAY).filter(channel="E1", minutes=15), REGISTER)
    constants = np.array([0, 1, 2, 4, 8, 0.5, 0.25, 3, 1024, 0.1])
    days = [replace(part, value=np.full(part.value.shape, value)).digest[0] for value in constants]
    swapped = np.zeros(part.value.shape)
    for slot in range(part.slots):
        swapped[:] = 0
        swapped[:, slot] = 2
        days.append(replace(part, value=swapped.copy()).digest[0])
    two = np.full(part.value.shape, 2.0)
    two[:, 7], two[:, 8] = 4, 0
    days.append(replace(part, value=two).digest[0])
    assert len(set(days)) == len(days)
    assert 0 not in days[1:]
