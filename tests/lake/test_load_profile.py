"""The load profile: what a meter contributes to a quarter-hour, and what of it is published."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest

from assets.lake.load_profile import LoadProfile, build, contributions, members, restatable
from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS, QUARTERS

DAY = date(2026, 1, 2)
MIDNIGHT = datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=7)))
SCHEMA = {
    "meter_id": pl.String,
    "channel": pl.String,
    "quantity": pl.String,
    "start": pl.Datetime("us", "UTC"),
    "minutes": pl.Int32,
    "local_date": pl.Date,
    "value_final": pl.Decimal(18, 6),
}
Row = tuple[str, str, str, datetime, int, date, Decimal | None]


def channel(
    meter: str, *values: str | None, minutes: int = 15, name: str = "E1", quantity: str = "active_import"
) -> list[Row]:
    """Consecutive intervals of a channel from local midnight."""
    return [
        (
            meter, name, quantity, (MIDNIGHT + timedelta(minutes=at * minutes)).astimezone(UTC), minutes, DAY,
            None if value is None else Decimal(value),
        )
        for at, value in enumerate(values)
    ]  # fmt: skip


def intervals(*channels: list[Row]) -> pl.DataFrame:
    rows = pl.DataFrame([row for rows in channels for row in rows], schema=SCHEMA, orient="row")
    return rows.with_columns(
        final_quality=pl.when(pl.col("value_final").is_null()).then(pl.lit("M")).otherwise(pl.lit("V"))
    )


def register(*meters: str, zone: str = "old_town", klass: str = "residential") -> pl.DataFrame:
    rows = [(meter, zone, klass, None, DAY) for meter in meters]
    names = ["meter_id", "zone", "customer_class", "customer_id"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String) | {"reference_date": pl.Date}, orient="row")


def profile(
    rows: pl.DataFrame, known: pl.DataFrame, published: pl.DataFrame | None = None, restate: bool = False
) -> LoadProfile:
    return build(contributions([rows]), known, published, restate)


def told(made: LoadProfile) -> pl.DataFrame:
    """Its cells in the quarter-hours of which anything is known."""
    return made.cells.filter(pl.col("kwh").is_not_null())


def kwh(*channels: list[Row]) -> dict[str, list[Decimal | None]]:
    """The first quarter-hours of meters' days, as many as any of them tells of."""
    quarters = contributions([intervals(*channels)]).quarters
    last = max((at for at, name in enumerate(QUARTERS) if quarters[name].count()), default=0)
    return {
        meter: [None if energy is None else Decimal(energy) / 1_000_000 for energy in day]
        for meter, *day in quarters.select("meter_id", *QUARTERS[: last + 1]).iter_rows()
    }


def test_quarter_hours_are_taken_as_they_are_and_shorter_intervals_summed():
    assert kwh(channel("a", "1", "2"), channel("b", *["0.1"] * 6, minutes=5)) == {
        "a": [1, 2],
        "b": [Decimal("0.3"), Decimal("0.3")],
    }


def test_all_import_channels_of_a_meter_count_and_nothing_else():
    other = (
        channel("a", "50", name="B1", quantity="active_export"),
        channel("a", "9", name="Q1", quantity="reactive_import"),
    )
    assert kwh(channel("a", "1"), channel("a", "2", name="E2"), *other) == {"a": [3]}


@pytest.mark.parametrize(
    "channels",
    [
        [channel("a", None)],
        [channel("a", "1", None, "1", minutes=5)],
        [channel("a", "1"), channel("a", None, name="E2")],
        [channel("a", "-1")],
        [channel("a", *["900000000000"] * 3, minutes=5)],
    ],
)
def test_a_quarter_hour_that_is_not_whole_has_no_value(channels):
    assert kwh(*channels) == {"a": [None]}


@pytest.mark.parametrize("minutes", [10, 30, 60])
def test_long_intervals_are_not_spread_but_counted(minutes):
    rows = intervals(channel("a", "1", minutes=minutes), channel("a", "1", "1", name="E2"), channel("b", "1"))
    parts = contributions([rows])
    assert parts.quarters["meter_id"].to_list() == ["b"]
    assert parts.long.to_list() == ["a"]


def test_a_day_in_pieces_is_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.lake.load_profile.BLOCK", 2)
    rows = intervals(
        channel("a", "1"), channel("b", "-1", "2"), channel("c", "1", minutes=60), channel("d", *["0.1"] * 6, minutes=5)
    )
    quarters, long, negative = contributions([rows])
    for pieces in ("ab", "cd"), ("a", "bcd"), ("abcd", ""), ("", "a", "b", "c", "d"):
        parts = contributions(rows.filter(pl.col("meter_id").is_in([*piece])) for piece in pieces)
        assert parts.quarters.equals(quarters)
        assert (
            (parts.long.to_list(), parts.negative.to_list()) == (long.to_list(), negative.to_list()) == (["c"], ["b"])
        )


def test_a_works_beside_homes_is_as_exact_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Energy waits in 32 bits where these hold it: 2,147.483647 kWh and no more."""
    monkeypatch.setattr("assets.lake.load_profile.BLOCK", 1)
    most, more = Decimal("2147.483647"), Decimal("2147.483648")
    told = kwh(channel("a", "1", "2"), channel("b", str(most)), channel("c", str(more), "0.000001"), channel("d", "3"))
    assert told == {"a": [1, 2], "b": [most, None], "c": [more, Decimal("0.000001")], "d": [3, None]}


def test_cells_of_homes_and_of_works_are_corrected_alike() -> None:
    for least in (1, 2000, 3000):
        first = profile(intervals(*(channel(name, f"{least}") for name in NAMES)), register(*NAMES))
        assert told(first)["kwh"].to_list() == [40 * least]
        assert first.basis.schema == LOAD_PROFILE_BASIS.schema
        again = intervals(*(channel(name, f"{least * 2}") for name in NAMES))
        assert told(profile(again, register(*NAMES), first.basis))["kwh"].to_list() == [40 * least]
        assert told(profile(again, register(*NAMES), first.basis, restate=True))["kwh"].to_list() == [80 * least]


def test_unregistered_meters_are_unassigned():
    parts = contributions([intervals(channel("a", "1"), channel("b", "1"))])
    known = members(parts.quarters, register("a"))
    assert sorted(known.select("meter_id", "zone", "customer_class").iter_rows()) == [
        ("a", "old_town", "residential"),
        ("b", "unassigned", "other"),
    ]


def test_a_register_that_names_a_meter_twice_is_refused():
    with pytest.raises(pl.exceptions.ComputeError):
        profile(intervals(channel("a", "1")), register("a", "a"))


NAMES = [f"m{at}" for at in range(40)]


def test_a_days_profile_in_its_contract_with_verdicts():
    rows = intervals(*(channel(name, "0.5", "1.5", None if name == "m0" else "1") for name in NAMES))
    made = profile(rows, register(*NAMES))
    assert LOAD_PROFILE.conform(made.cells).found.is_empty()
    assert LOAD_PROFILE_BASIS.conform(made.basis).found.is_empty()
    assert told(made).select("zone", "customer_class", "local_date", "kwh", "n_band", "actual_share").rows() == [
        ("old_town", "residential", DAY, 20, "30-99", 1.0),
        ("old_town", "residential", DAY, 60, "30-99", 1.0),
        ("old_town", "residential", DAY, 39, "30-99", 0.95),
    ]
    assert {v.verdict for v in made.verdicts} == {"pass"}
    assert len({v.check for v in made.verdicts}) == len(made.verdicts)


def test_what_is_left_out_or_withheld_is_warned_about_without_naming_meters():
    channels = [channel(name, "1") for name in NAMES]
    strange = channel("stranger", "1"), channel("slow", "1", minutes=60), channel("odd", "-1")
    made = profile(intervals(*channels, *strange), register(*NAMES, "slow", "odd"))
    failed = {v.check: v.failed for v in made.verdicts if v.verdict == "warn"}
    assert failed == {"meter-unregistered": 1, "withheld-cell": 1, "interval-length": 1, "value-negative": 1}
    assert told(made).select("zone", "kwh").rows() == [("old_town", 40)]
    assert not any(name in str(made.verdicts) for name in ("stranger", "slow", "odd"))
    tiny = profile(intervals(*channels[:5]), register(*NAMES))
    assert tiny.cells.is_empty()
    assert {v.check: v.failed for v in tiny.verdicts if v.verdict == "warn"} == {"withheld-cell": 5}


def varied(at: int, values: int = 96) -> list[str]:
    return [f"{1 + (at * 7 + quarter % values * 5) % 97 / 100:.2f}" for quarter in range(96)]


@pytest.mark.parametrize(("values", "again", "cells"), [(96, 40, 1), (8, 40, 1), (7, 0, 2)])
def test_a_meter_that_another_file_writes_otherwise_counts_once(values, again, cells):
    """Only where the register has one of the two, and where the day is like the other's by no chance."""
    once = [channel(name, *varied(at, values)) for at, name in enumerate(NAMES)]
    twice = [channel(f"0{name}", *varied(at, values)) for at, name in enumerate(NAMES)]
    made = profile(intervals(*once, *twice), register(*NAMES))
    assert next(v.failed for v in made.verdicts if v.check == "unregistered-twice") == again
    assert made.cells["zone"].n_unique() == cells
    if again:
        assert made.cells.equals(profile(intervals(*once), register(*NAMES)).cells)
    strangers = profile(intervals(*once, *twice), register(*(f"x{name}" for name in NAMES)))
    energy = sum(Decimal(value) for at in range(40) for value in varied(at, values))
    assert abs(strangers.cells["kwh"].sum() - 2 * energy) < 48, "rounded by the quarter-hour"


def test_a_correction_by_a_single_meter_leaves_the_published_value():
    first = profile(intervals(*(channel(name, "1") for name in NAMES)), register(*NAMES))
    corrected = intervals(*(channel(name, "3" if name == "m0" else "1") for name in NAMES))
    second = profile(corrected, register(*NAMES), first.basis)
    assert second.cells.equals(first.cells)
    assert {v.check for v in second.verdicts if v.verdict == "warn"} == {"withheld-correction"}
    third = profile(intervals(*(channel(name, "3") for name in NAMES)), register(*NAMES), second.basis)
    assert third.cells.equals(first.cells)
    assert third.corrections == 1
    restated = profile(intervals(*(channel(name, "3") for name in NAMES)), register(*NAMES), third.basis, restate=True)
    assert told(restated)["kwh"].to_list() == [120]


@pytest.mark.parametrize(
    ("day", "restated"),
    [(date(2026, 1, 31), False), (date(2026, 2, 7), False), (date(2026, 2, 8), True), (date(2026, 9, 1), True)],
)
def test_a_month_is_restated_a_week_after_its_end(day, restated):
    assert restatable(date(2026, 1, 2), day) == restatable(date(2026, 1, 31), day) == restated


def test_public_meters_without_an_account_are_one_customer():
    homes = [channel(name, "1") for name in NAMES[:20]]
    offices = [channel(f"office{at}", "1") for at in range(20)]
    names = [f"office{at}" for at in range(20)]
    known = pl.concat([register(*NAMES[:20]), register(*names, klass="public")])
    made = profile(intervals(*homes, *offices), known)
    assert [tuple(row) for row in told(made).select("customer_class", "kwh").rows()] == [("residential", 20)]
    assert {v.check: v.failed for v in made.verdicts if v.verdict == "warn"} == {
        "withheld-cell": 20, "customer-unknown": 20
    }  # fmt: skip
    accounts = known.with_columns(customer_id=pl.lit("account ") + pl.col("meter_id"))
    counted = told(profile(intervals(*homes, *offices), accounts))
    assert dict(counted.select("customer_class", "kwh").iter_rows()) == {"residential": 20, "public": 20}


def test_a_day_without_intervals_has_no_cells():
    made = profile(intervals(), register())
    assert made.cells.schema == LOAD_PROFILE.schema
    assert made.cells.is_empty()
    assert {v.verdict for v in made.verdicts} == {"pass"}


def test_an_estimate_is_energy_and_not_actual() -> None:
    """In a cell of twenty homes a quarter-hour of four is estimated: they are in the sum and not in its share."""
    homes = [channel(f"m{at:02}", "1", "1") for at in range(20)]
    rows = intervals(*homes)
    late = (pl.col("start") == pl.col("start").max()) & pl.col("meter_id").is_in([f"m{at:02}" for at in range(4)])
    told = rows.with_columns(final_quality=pl.when(late).then(pl.lit("ET")).otherwise("final_quality"))
    register = pl.DataFrame(
        {
            "meter_id": [f"m{at:02}" for at in range(20)],
            "zone": "north",
            "customer_class": "residential",
            "customer_id": None,
        },
        schema_overrides={"customer_id": pl.String},
    )
    cells = build(contributions([told]), register).cells.sort("start")
    assert cells["kwh"].to_list()[:2] == [20, 20]
    assert cells["actual_share"].to_list()[:3] == [1.0, 0.8, 0.0]
