"""Registers: against themselves, against the energy told with them, and against the intervals between two reads.

What a register shows is without the factor of the meter's transformers; energy is with it. Reads are few (one a meter
and month), so they are judged as a frame.
"""

from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl

from quality.meter_grid import ZONE
from quality.readings import ENERGY, QUANTITIES
from quality.tables.vee import REGISTER_CHECKS
from quality.vee.rules.others import APART
from quality.vee.thresholds import Thresholds
from quality.vee.validate import TOLD_ONCE
from quality.vee.window import Bools, MeterDay

RATES: Final = ("010", "020", "030")
TOTAL: Final = "111"
"""Registers of PEA's reading form: kWh at rates A, B and C, and of all."""

LONGEST: Final = timedelta(days=70)
"""Longest time between two reads that intervals are added up over: a meter that is read every two months, late."""

FEW_DECIMALS: Final = 3
"""Decimals that a register may show."""

MEASURED: Final = ("actual", "unknown")
"""Qualities of reads that intervals are held against: what is estimated of a register is no measure of them (Connexo:
no energy is told by reads that are suspect or estimated)."""

FEW_DAYS: Final = 3
"""Days of a period that may stand out together, each beside a ``WEEK`` of others: more are no exception. Ours."""

WEEK: Final = 7

MONTH: Final = 28
"""Days of a period whose sum may be off by one of its days without being doubted: files tell reads of midnight that
were taken at any hour of the date, and no factor is wrong by a twenty-eighth. Ours."""

_READ = ("meter_id", "channel", "quantity", "end")
FIRST, LAST = (pl.col(name).dt.convert_time_zone(ZONE).dt.date() for name in ("start", "end"))
"""Local days of the read before and of the read."""

_DAYS = pl.List(pl.Date())
_HALF_DIGIT_KWH = 0.0005
"""Half the last digit of an interval of three decimals: what each interval may be off by."""


MULTIPLIERS: Final = pl.Schema({"meter_id": pl.String(), "multiplier": ENERGY, "local_date": pl.Date()})
"""What the meter registers in force on the days of reads say of their meters."""


def register_checks(
    reads: pl.DataFrame, quality: pl.DataFrame, known: pl.DataFrame, thresholds: Thresholds
) -> pl.DataFrame:
    """``REGISTER_CHECKS`` rows of ``REGISTER_READS`` rows, those that another replaced left out.

    ``quality`` are ``METER_QUALITY`` rows of the days between the reads, ``known`` has ``MULTIPLIERS``. What a check
    needs and has not is an outcome ``not-run``.
    """
    told = _stepped(reads.filter(pl.col("superseded").is_null()), known, thresholds)
    checks = [
        _step(told),
        _start(told),
        _quantity(told, thresholds),
        _multiplier(told),
        _rates(told, thresholds),
        _intervals(told, quality, thresholds),
    ]
    return (
        pl.concat(checks)
        .with_columns(local_date=LAST, rule_version=pl.lit(thresholds.version))
        .select(REGISTER_CHECKS.schema.names())
        .cast(REGISTER_CHECKS.schema)
        .sort(REGISTER_CHECKS.key)
    )


def _stepped(reads: pl.DataFrame, known: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """Reads in floats, with ``shown`` (by the read before, where this one begins on its day), ``step`` (what the
    register rose by, over its end too), how it ``went``, ``digit`` (the last one that it shows), ``factor`` (its
    multiplier) and whether its energy is ``measured``: both reads are, and one factor is told of them."""
    names = ("register_start", "register_end", "multiplier", "value")
    channel = _READ[:3]
    told = reads.select(
        *_READ, "unit", "start", pl.col(names).cast(pl.Float64), measured=pl.col("quality").is_in(MEASURED)
    ).sort(_READ)
    # A state alone is held against the one before it; a row with a value tells by itself what it is the difference of.
    before = pl.col("register_end").shift().over(channel)
    alone = pl.col("value").is_null() & pl.col("register_start").is_null()
    same = pl.col("end").shift().over(channel).dt.convert_time_zone(ZONE).dt.date() == FIRST
    told = told.with_columns(
        shown=pl.when(same & ~alone).then(before),
        register_start=pl.when(alone).then(before).otherwise("register_start"),
        start=pl.when(alone).then(pl.col("end").shift().over(channel)).otherwise("start"),
        measured=pl.col("measured") & (~alone | pl.col("measured").shift().over(channel)),
    )
    whole = pl.lit(None, pl.Float64)
    for decimals in reversed(range(FEW_DECIMALS + 1)):
        scaled = pl.col("register_end") * 10**decimals
        fits = ((scaled - scaled.round()).abs() < 1e-6).all().over(channel)
        whole = pl.when(fits).then(pl.lit(10.0**-decimals)).otherwise(whole)
    start, rise = pl.col("register_start"), pl.col("register_end") - pl.col("register_start")
    dials = pl.lit(10.0) ** (start + 1).log10().ceil()
    over = (start >= thresholds.number("rollover_share") * dials) & (
        rise + dials <= (1 - thresholds.number("rollover_share")) * dials * 2
    )
    low = pl.col("register_end") <= (1 - thresholds.number("rollover_share")) * start
    went = (
        pl.when(rise.is_null())
        .then(pl.lit("not-run"))
        .when(rise >= 0)
        .then(pl.lit("ok"))
        .when(over)
        .then(pl.lit("rollover"))
        .when(low)
        .then(pl.lit("reset"))
        .otherwise(pl.lit("fall"))
    )
    told = told.with_columns(went=went, digit=whole.fill_null(10.0**-FEW_DECIMALS), rise=rise).with_columns(
        step=pl.when(pl.col("went") == "rollover")
        .then(pl.col("rise") + dials)
        .when(pl.col("went") == "ok")
        .then("rise")
    )
    told = told.with_columns(local_date=LAST, _first=FIRST).join(
        known.rename({"multiplier": "known"}), on=["meter_id", "local_date"], how="left"
    )
    # Transformers that were changed between two reads: no factor tells their energy.
    earlier = known.select("meter_id", _first="local_date", _before=pl.col("multiplier").fill_null(1))
    changed = (pl.col("known").fill_null(1) != pl.col("_before")).fill_null(value=False)
    unclear = (pl.col("multiplier") != pl.col("known").cast(pl.Float64)).fill_null(value=False)
    told = told.join(earlier, on=["meter_id", "_first"], how="left").with_columns(
        measured=pl.col("measured") & ~changed & ~unclear
    )
    # NEM13 tells no multiplier: what most of a register's own reads say, which is 1 for a meter without transformers.
    ratio = (pl.col("value") / pl.col("step")).filter(pl.col("step") > 0)
    usual = pl.when(ratio.len().over(channel) > 2).then(ratio.median().over(channel).round()).otherwise(1.0)
    return told.with_columns(
        factor=pl.coalesce("multiplier", pl.col("known").cast(pl.Float64), usual.fill_null(1.0).clip(1.0))
    )


def _check(told: pl.DataFrame, name: str, found: pl.Expr, asked: pl.Expr, tolerance: pl.Expr) -> pl.DataFrame:
    """``found`` against ``asked``; not run where one of them is null."""
    outcome = (
        pl.when((found - asked).is_null())
        .then(pl.lit("not-run"))
        .when((found - asked).abs() <= tolerance + 1e-9)
        .then(pl.lit("ok"))
        .otherwise(pl.lit("fails"))
    )
    return told.select(
        *_READ,
        "unit",
        "start",
        check=pl.lit(name),
        outcome=outcome,
        found=found,
        asked=asked,
        tolerance=tolerance,
        days=pl.lit(None, _DAYS),
    )


def _step(told: pl.DataFrame) -> pl.DataFrame:
    """A register does not fall but where it rolls over or was reset (AEMO MDFF, record 250; the bounds are ours)."""
    nothing = pl.lit(None, pl.Float64)
    rows = _check(told, "step", pl.col("rise"), nothing, nothing)
    return rows.with_columns(outcome=told["went"])


def _start(told: pl.DataFrame) -> pl.DataFrame:
    """A read begins with what the read before showed (AEMO MDFF, record 250: the previous read). It does not where the
    meter was exchanged, or reads of two registers or meters were mixed up."""
    return _check(told, "start", pl.col("register_start"), pl.col("shown"), pl.col("digit"))


def _quantity(told: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """The energy told with a read is the register's step times the multiplier (AEMO MDFF, record 250)."""
    tolerance = thresholds.number("register_digit") * pl.col("digit") * pl.col("factor")
    return _check(told, "quantity", pl.col("value"), pl.col("step") * pl.col("factor"), tolerance)


def _multiplier(told: pl.DataFrame) -> pl.DataFrame:
    """The multiplier of the file is the register's (Oracle MDM multiplier check)."""
    known = pl.col("known").cast(pl.Float64)
    return _check(told, "multiplier", pl.col("multiplier"), known, pl.lit(0.0))


def _rates(told: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """The registers of the rates add up to the total (PEA: 111 = 010 + 020 + 030; IEC 61968-9, reading quality 6.9)."""
    place = ["meter_id", "end"]
    parts = told.filter(pl.col("channel").is_in(RATES)).group_by(place).agg(parts=pl.col("step").sum(), n=pl.len())
    total = told.filter(channel=TOTAL).join(parts, on=place, how="left")
    asked = pl.when(pl.col("n") == len(RATES)).then("parts")
    return _check(
        total,
        "rates",
        pl.col("step"),
        asked,
        thresholds.number("register_digit") * pl.col("digit") * (len(RATES) + 1),
    )


def _intervals(told: pl.DataFrame, quality: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """The intervals between two reads add up to the register's step times the multiplier: same channel's quantity, the
    exact same window (California VEE, Oracle MDM sum check). Only whole days without a gap are compared, and only with
    reads that were ``MEASURED``. Where they do not, ``days`` are those that alone may be wrong (``_standing_out``), or
    none where what differs is less than was used on the day at an end: it may be the hour of a read that is wrong."""
    energies = [name for name, unit in QUANTITIES.items() if unit.endswith("h")]
    reads = told.filter(
        pl.col("quantity").is_in(energies),
        ~pl.col("channel").is_in(RATES),
        pl.col("start").is_not_null(),
    )
    one = pl.len().over("meter_id", "quantity", "end") == 1
    first, last = (pl.col(name).dt.convert_time_zone(ZONE) for name in ("start", "end"))
    midnight = (first == first.dt.truncate("1d")) & (last == last.dt.truncate("1d"))
    reads = reads.with_columns(_first=first.dt.date(), _last=last.dt.date(), _fits=one & midnight)
    days = (
        quality.filter(TOLD_ONCE)
        .select(
            "meter_id",
            "quantity",
            "local_date",
            "channel",
            "expected",
            "missing",
            kwh=pl.col("energy").cast(pl.Float64),
        )
        .rename({"channel": "_channel"})
    )
    inside = reads.select(*_READ, "_first", "_last").join(days, on=["meter_id", "quantity"], how="inner")
    inside = inside.filter((pl.col("local_date") >= pl.col("_first")) & (pl.col("local_date") < pl.col("_last")))
    sums = inside.group_by(_READ).agg(
        found=pl.col("kwh").sum(),
        days=pl.col("local_date").n_unique(),
        gaps=pl.col("missing").sum(),
        slots=pl.col("expected").sum(),
        first_kwh=pl.col("kwh").filter(pl.col("local_date") == pl.col("_first")).sum(),
        last_kwh=pl.col("kwh").filter(pl.col("local_date") == pl.col("_last").dt.offset_by("-1d")).sum(),
    )
    reads = reads.join(sums, on=_READ, how="left")
    whole = (pl.col("days") == (pl.col("_last") - pl.col("_first")).dt.total_days()) & (pl.col("gaps") == 0)
    found = pl.when(pl.col("_fits") & whole).then("found")
    tolerance = (
        thresholds.number("register_digit") * pl.col("digit") * pl.col("factor")
        + pl.col("slots").fill_null(0) * _HALF_DIGIT_KWH
    )
    asked = pl.when("measured").then(pl.col("step") * pl.col("factor"))
    checks = _check(reads, "intervals", found, asked, tolerance).drop("days")
    blamed = _standing_out(checks.filter(outcome="fails"), inside)
    more = found - asked
    at_ends = (more <= pl.col("first_kwh") + tolerance) & (-more <= pl.col("last_kwh") + tolerance)
    of_hour = pl.when(at_ends & (pl.col("days") >= MONTH)).then(pl.lit([], _DAYS))
    told = checks.with_columns(_hour=reads.select(of_hour).to_series())
    told = told.join(blamed, on=_READ, how="left", maintain_order="left")
    blames = pl.when(pl.col("outcome") == "fails").then(pl.coalesce("days", "_hour"))
    return told.select(*checks.columns, days=blames)


def _standing_out(fails: pl.DataFrame, inside: pl.DataFrame) -> pl.DataFrame:
    """``_READ, days`` of the checks of intervals that fail for a few ``days``: they stand out by the energy they tell,
    and with what any other day may have used in their place the period adds up. So a spike that a rule finds anyway, or
    days that were filled with zeros, do not take their whole month along."""
    by_day = inside.group_by(*_READ, "local_date").agg(pl.col("kwh").sum()).join(fails, on=_READ)
    more = pl.col("found") > pl.col("asked")
    # Those that are most off first.
    by_day = by_day.sort(pl.when(more).then(-pl.col("kwh")).otherwise("kwh"), "local_date")
    periods = by_day.group_by(_READ, maintain_order=True).agg(
        pl.col("found", "asked", "tolerance").first(), "local_date", "kwh", most=pl.col("kwh").max()
    )
    kwh, days = pl.col("kwh"), pl.lit(None, _DAYS)
    for count in range(FEW_DAYS, 0, -1):
        least, other = kwh.list.get(count - 1, null_on_oob=True), kwh.list.get(count, null_on_oob=True)
        apart = pl.when(more).then(least >= APART * other).otherwise(least * APART <= other) & (other > 0)
        used = pl.col("asked") - (pl.col("found") - kwh.list.head(count).list.sum())
        most = count * pl.when(more).then(other).otherwise("most")
        fits = (used >= -pl.col("tolerance")) & (used <= most + pl.col("tolerance"))
        enough = kwh.list.len() >= count * (WEEK + 1)
        days = pl.when(apart & fits & enough).then(pl.col("local_date").list.head(count).list.sort()).otherwise(days)
    return periods.select(*_READ, days=days)


FAILING: Final = ("meter_id", "quantity", "first", "last", "stands_out")


def failing(checks: pl.DataFrame) -> pl.DataFrame:
    """Which days of which meters are not what the register says, by ``REGISTER_CHECKS`` rows: ``FAILING``, from the
    ``first`` local day to the one before the ``last``. A day that ``stands_out`` is told by itself, without the others
    of its period."""
    wrong = checks.filter(check="intervals", outcome="fails").with_columns(first=FIRST, last=LAST)
    whole = wrong.filter(pl.col("days").is_null()).with_columns(stands_out=pl.lit(value=False))
    single = wrong.filter(pl.col("days").list.len() > 0).explode("days")
    single = single.with_columns(first="days", last=pl.col("days") + pl.duration(days=1), stands_out=pl.lit(value=True))
    return pl.concat([whole.select(FAILING), single.select(FAILING)])


def sum_fails(wrong: pl.DataFrame, day: MeterDay, *, stands_out: bool) -> Bools:
    """Which channels of a day are in a period whose intervals are not what the register says (rows of ``failing``), or
    which of them tell a day of it that ``stands_out``: what rules know of ``register_checks``."""
    wrong = wrong.filter((pl.col("first") <= day.day) & (pl.col("last") > day.day), stands_out=stands_out)
    here = day.channels.select("meter_id", "quantity").with_row_index("_line")
    found = np.zeros(day.channels.height, np.bool_)
    found[here.join(wrong, on=["meter_id", "quantity"], how="semi")["_line"].to_numpy()] = True
    return found
