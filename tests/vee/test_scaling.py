"""Scaling of estimates to a register, against a model in plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings, strategies as st

from quality.meter_grid import MINUTE, midnight
from quality.tables import METER_FINAL, REGISTER_CHECKS
from quality.vee.scaling import factors, of_days, periods, scaled, unscaled

FIRST = date(2026, 11, 1)
DAYS = 12


@dataclass(frozen=True)
class Read:
    """A check of a period in days from the first, ``hours`` after midnight, of a register that tells ``kwh``."""

    meter: str
    first: int
    length: int
    hours: int
    kwh: int | None
    fails: bool

    @property
    def last(self) -> int:
        return self.first + self.length


READS = st.lists(
    st.builds(
        Read,
        meter=st.sampled_from("ab"),
        first=st.sampled_from([0, 4, 7, 8]),
        length=st.sampled_from([2, 3, 4, 5, 71]),
        hours=st.sampled_from([0, 0, 0, 0, 9]),
        kwh=st.sampled_from([0, 8, 12, 16, 20, 25, 30, 60, None]),
        fails=st.sampled_from([False] * 5 + [True]),
    ),
    max_size=4,
    unique_by=lambda read: (read.meter, read.last, read.hours),
)
VALUE = st.tuples(st.sampled_from(["A"] * 6 + ["K5"] * 8 + ["L2"] * 3 + ["C1", "M0"]), st.integers(0, 9))
PLACES = [(meter, day) for meter in "ab" for day in range(DAYS)]
ROWS = st.builds(
    lambda told, gone: {place: value for place, value in zip(PLACES, told, strict=True) if place not in gone},
    st.lists(VALUE, min_size=len(PLACES), max_size=len(PLACES)),
    st.sets(st.sampled_from(PLACES), max_size=2),
)
TOLERANCE = 1.5


def checks(reads: Sequence[Read]) -> pl.DataFrame:
    def at(day: int, hours: int) -> datetime:
        return datetime(2026, 10, 31, 17, tzinfo=UTC) + timedelta(days=day, hours=hours)

    rows = [
        dict.fromkeys(REGISTER_CHECKS.schema)
        | {"meter_id": read.meter, "channel": "1", "quantity": "active_import", "start": at(read.first, read.hours)}
        | {"end": at(read.last, read.hours), "local_date": FIRST + timedelta(days=read.last), "check": check}
        | {"outcome": "fails" if read.fails and check == "quantity" else "not-run", "asked": read.kwh}
        | {"tolerance": TOLERANCE}
        for read in reads
        for check in ("intervals", "quantity")
    ]
    return pl.DataFrame(rows, REGISTER_CHECKS.schema, strict=False)


def final(day: int, values: dict[tuple[str, int], tuple[str, int]]) -> pl.DataFrame:
    """A day's rows, of one interval a meter."""
    start = midnight(FIRST + timedelta(days=day)) + 0 * MINUTE
    rows = [
        dict.fromkeys(METER_FINAL.schema)
        | {"meter_id": meter, "channel": "E1", "quantity": "active_import", "unit": "kWh", "minutes": 1440}
        | {"local_date": FIRST + timedelta(days=day), "method": method, "final_quality": "ET"}
        | {"value_final": None if method == "M0" else Decimal(kwh)}
        for (meter, of), (method, kwh) in sorted(values.items())
        if of == day
    ]
    told = pl.DataFrame(rows, {**METER_FINAL.schema, "start": pl.Int64}, strict=False)
    return told.with_columns(start=pl.lit(start).cast(METER_FINAL.schema["start"])).select(METER_FINAL.schema.names())


def modelled(reads: Sequence[Read], values: dict[tuple[str, int], tuple[str, int]]) -> dict[tuple[str, int], Decimal]:
    """The estimates that are scaled, by meter and day."""
    told = dict[tuple[str, int], Decimal]()
    short = [read for read in reads if read.length <= 70]
    for read in short:
        days = range(read.first, read.last)
        others = [each for each in short if each is not read and each.meter == read.meter]
        # A read of nine o'clock is in the day that begins before it.
        shares = any(each.first < read.last and read.first < each.last + (each.hours > 0) for each in others)
        there = [values.get((read.meter, day), ("M0", 0)) for day in days]
        if read.hours or read.kwh is None or read.fails or shares or any(method == "M0" for method, _ in there):
            continue
        guessed = sum(kwh for method, kwh in there if method in ("K5", "L2"))
        left = read.kwh - sum(kwh for method, kwh in there if method in ("A", "C1"))
        if abs(left - guessed) <= TOLERANCE or guessed < 4 * TOLERANCE or not guessed <= 3 * left <= 9 * guessed:
            continue
        for day, (method, kwh) in zip(days, there, strict=True):
            if method in ("K5", "L2"):
                told[read.meter, day] = round(Decimal(kwh * (left / guessed)), 6)
    return told


@settings(max_examples=300)
@given(READS, ROWS)
def test_estimates_are_scaled_as_a_model_says_and_back(
    reads: list[Read], values: dict[tuple[str, int], tuple[str, int]]
) -> None:
    days = [final(day, values) for day in range(DAYS)]
    known = periods(checks(reads))
    by = factors(known, pl.concat(map(of_days, days)))
    expected = modelled(reads, values)
    for day, rows in enumerate(days):
        here = by.filter(pl.lit(FIRST + timedelta(days=day)).is_between("first", "last", closed="left"))
        now = scaled(rows, here)
        found = dict(now.filter(method="S1").select("meter_id", "value_final").iter_rows())
        assert found == {meter: kwh for (meter, of), kwh in expected.items() if of == day}
        assert unscaled(now).equals(rows)
        assert scaled(now, here).equals(now), "once more is the same"
        assert (
            of_days(now)
            .sort("meter_id")
            .drop("delivered", "unknown")
            .equals(of_days(rows).sort("meter_id").drop("delivered", "unknown"))
        ), "what was estimated stays known"
