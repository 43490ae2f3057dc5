"""A day is judged a bucket after another, and found to be what all of it at once is: groups and check meters too."""

import hashlib
from functools import cache

import polars as pl
import pytest

from assets.lake import buckets
from assets.lake.files import CityLake
from assets.lake.meter_days import Judgement, MeterDays
from assets.lake.meter_registers import Registers
from assets.landing.store import LocalStore
from quality.tables import METER_INTERVALS, METER_QUALITY, METER_SUPERSEDED, METERS, REGISTER_CHECKS
from quality.vee.day_types import calendar
from quality.vee.thresholds import Thresholds
from quality.vee.verdicts import meter_verdicts
from tests.vee.test_planted_faults import FAULTS, change
from tests.vee.test_rule_cases import planted, superseded
from tests.vee.town import DAY, REGISTER, four_weeks, intervals

CUT = 8
IDS = {name: hashlib.sha256(name.encode()).hexdigest()[:20] for name in REGISTER["meter_id"]}
GROUPS = ("group_scale", "group_estimated", "label_shift", "aggregate", "dominant", "main_check")
OTHERS = " + ".join([*(f"home-{at}" for at in range(1, 6)), "solar-1"])
NAMES = (
    "a zone's file in watt-hours",
    "the city's",
    "a full register",
    "a zone at zero all day",
    "labels of a zone read as the wrong end",
    "a late estimate over a zone's actuals",
)
DAYS = {
    **{name: FAULTS[name][0] for name in NAMES},
    "a feeder's main meter among its customers": [change("home-6", "read the others", OTHERS)],
    "a check meter that reads something else": [change("check-1", "read times", 1.2)],
    "a main meter in Wh, beside its check": [change("plant-1", "read times", 1000)],
}


def named(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("meter_id").replace_strict(IDS))


@cache
def registers() -> Registers:
    known = named(REGISTER).with_columns(pl.col("check_of").replace_strict(IDS, default=None))
    rows = pl.concat([METERS.empty(), known], how="diagonal_relaxed").select(METERS.schema.names())
    return Registers([DAY], lambda _: rows, pl.DataFrame())


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, CityLake]:
    """Cities of one bucket and of several, with four weeks that were judged."""
    cities = {cut: CityLake(LocalStore(tmp_path_factory.mktemp("lake")), "phuket", cut) for cut in (1, CUT)}
    # What the new main meter was like is not known.
    past = named(four_weeks().filter(pl.col("meter_id") != "home-6"))
    for lake in cities.values():
        for rows in past.partition_by("local_date"):
            lake.put(METER_QUALITY, rows["local_date"][0], rows.sort(METER_QUALITY.order))
    return cities


def judged(lake: CityLake, name: str) -> tuple[Judgement, list[tuple[str, str, int, int, str]]]:
    rows, before = intervals(DAY), superseded(intervals(DAY), DAYS[name])
    for fault in DAYS[name]:
        rows = planted(rows, fault)
    frames = {METER_INTERVALS: rows, METER_SUPERSEDED: rows.clear() if before is None else before}
    for table, frame in frames.items():
        whole = pl.concat([table.empty(), named(frame)], how="diagonal_relaxed").select(table.schema.names())
        for bucket in lake.buckets(table):
            part = whole.filter(buckets.within(bucket)).sort(table.order).cast(dict(table.schema))
            lake.swap(lake.hold(table, DAY, bucket), part, [DAY])
    made = MeterDays(lake, Thresholds.of(), calendar(), registers(), REGISTER_CHECKS.empty()).whole(DAY)
    return made, [(v.check, v.verdict, v.checked, v.failed, v.message) for v in meter_verdicts(DAY, made.tallies)]


def values(made: Judgement) -> pl.DataFrame:
    parts = [
        part.channels.with_columns(
            exact=pl.Series(part.exact.tolist()),
            quality=pl.Series(part.quality.tolist()),
            flags=pl.Series(part.flags.array().tolist()),
        )
        for part in made.kept
    ]
    return pl.concat(parts).sort("meter_id", "channel", "quantity")


@pytest.mark.parametrize("name", DAYS)
def test_buckets_find_what_the_day_at_once_does(name: str, lakes: dict[int, CityLake]) -> None:
    (whole, told), (parts, told_of_parts) = (judged(lake, name) for lake in lakes.values())
    assert len(parts.kept) > CUT / 2 and len(whole.kept) == 2
    assert told_of_parts == told
    assert parts.quality.equals(whole.quality)
    assert values(parts).equals(values(whole))
    assert set(parts.turned) == set(whole.turned)


@pytest.mark.trial  # the null control
def test_buckets_by_themselves_would_not(lakes: dict[int, CityLake], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight buckets none has a group, and check meters are in others than the meters they check."""

    def broken(cut: int) -> set[str]:
        return {check for name in DAYS for check, _, _, failed, _ in judged(lakes[cut], name)[1] if failed}

    assert set(GROUPS) <= broken(1)
    monkeypatch.setattr(MeterDays, "_of_groups", lambda self, parts: parts[0].told.clear())
    monkeypatch.setattr(MeterDays, "_guests", lambda self, about, bucket: METER_INTERVALS.empty())
    assert set(GROUPS).isdisjoint(broken(CUT))
