"""Each rule by cases that an engineer can read: ``cases/<rule>/given.csv``, ``when.csv`` and ``then.csv``.

A case plants something (``when``) in a day of a town that has nothing wrong with it, where something may be known
beside the values (``given``). ``then`` names every flag of every rule on every interval of all meters; a case that it
does not name must flag nothing.
"""

import csv
import fnmatch
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from quality.readings import ENERGY
from quality.vee.day_types import calendar
from quality.vee.rules import RULES
from tests.vee.town import DAY, REGISTER, four_weeks, intervals, judged_day

RATE_BITS = {"peak": 1, "off": 2, "holiday": 4}

CASES = Path(__file__).parent / "cases"


def lines(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ALL = [
    pytest.param(folder, case, id=f"{folder.name}: {case}")
    for folder in sorted(CASES.iterdir())
    for case in dict.fromkeys(row["case"] for row in [*lines(folder / "given.csv"), *lines(folder / "when.csv")])
]


def minute(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def concerned(rows: pl.DataFrame, line: dict[str, str]) -> pl.Expr:
    """Rows of the meters and slots that a line of a case names; of import alone unless it names a channel."""
    meters = [meter for meter in rows["meter_id"].unique() if fnmatch.fnmatch(meter, line["meter"])]
    assert meters, f"no meter is called {line['meter']}"
    local = pl.col("start").dt.convert_time_zone("Asia/Bangkok")
    at = local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute()
    channel = pl.col("channel") == (line.get("channel") or "E1")
    return pl.col("meter_id").is_in(meters) & channel & (at >= minute(line["from"])) & (at < minute(line["to"]))


def planted(rows: pl.DataFrame, line: dict[str, str]) -> pl.DataFrame:
    """``rows`` with what a line of ``when.csv`` does to them."""
    here, do, what = concerned(rows, line), line["do"], line["value"]
    value = pl.col("value_delivered").cast(pl.Float64)
    change = {
        "read": lambda: value * 0 + float(what),
        "read times": lambda: value * float(what),
        "read more by": lambda: value + float(what),
        "read in steps of": lambda: (value / float(what)).round() * float(what),
        "read nothing": lambda: value * np.nan,
        "read the day before": lambda: pl.lit(intervals(DAY - timedelta(days=1))["value_delivered"].cast(pl.Float64)),
    }
    if do == "is later by hours":
        slots = pl.lit(int(what) * 60) // pl.col("minutes").first()
        moved = pl.col("value_delivered").gather((pl.int_range(pl.len()) - slots) % pl.len())
        moved = moved.over("meter_id", "channel", "quantity")
        return rows.with_columns(value_delivered=pl.when(here).then(moved).otherwise("value_delivered"))
    if do == "is exchanged with":
        both = pl.col("meter_id").replace({line["meter"]: what, what: line["meter"]})
        theirs = rows.select("channel", "start", meter_id=both, _theirs="value_delivered")
        rows = rows.join(theirs, on=["meter_id", "channel", "start"], how="left", maintain_order="left")
        return rows.with_columns(value_delivered="_theirs").drop("_theirs")
    if do == "read the others":
        others = rows.filter(pl.any_horizontal(pl.col("meter_id") == name for name in what.split(" + ")), channel="E1")
        sums = others.group_by("start").agg(_sum=pl.col("value_delivered").sum())
        rows = rows.join(sums, on="start", how="left", maintain_order="left")
        return rows.with_columns(value_delivered=pl.when(here).then("_sum").otherwise("value_delivered")).drop("_sum")
    if do in change:
        new = change[do]().fill_nan(None).round(6).cast(ENERGY)
        rows = rows.with_columns(value_delivered=pl.when(here).then(new).otherwise("value_delivered"))
        return rows.with_columns(
            quality=pl.when(pl.col("value_delivered").is_null()).then(pl.lit("missing")).otherwise("quality")
        )
    if do == "is called":
        return rows.with_columns(rate_raw=pl.when(here).then(pl.lit(what)).otherwise("rate_raw"))
    if do == "is told as":
        return rows.with_columns(quality=pl.when(here).then(pl.lit(what)).otherwise("quality"))
    if do == "clock is off":
        moved = pl.when(here).then(pl.lit(int(what), pl.Int8))
        return rows.with_columns(
            clock_seconds=pl.coalesce(moved, "clock_seconds") if "clock_seconds" in rows.columns else moved
        )
    if do == "comes as channel":
        quantity = {"B1": "active_export"}[what]
        return rows.with_columns(
            channel=pl.when(here).then(pl.lit(what)).otherwise("channel"),
            quantity=pl.when(here).then(pl.lit(quantity)).otherwise("quantity"),
        ).sort("meter_id", "channel", "quantity", "start")
    if do == "also comes as channel":
        quantity = {"B1": "active_export"}.get(what, "active_import")
        told = {"channel": what, "quantity": quantity, "_receipt": "another"}
        again = rows.filter(here).with_columns(pl.lit(value).alias(name) for name, value in told.items())
        return pl.concat([rows, again]).sort("meter_id", "channel", "quantity", "start")
    if do in ("came before as", "came between"):
        return rows
    raise AssertionError(f"{do} is nothing a case can do")


def superseded(rows: pl.DataFrame, when: list[dict[str, str]]) -> pl.DataFrame | None:
    """What came before or beside the grid, as ``METER_SUPERSEDED`` rows."""
    found = []
    for line in when:
        if line["do"] == "came before as":
            quality, _, factor = line["value"].partition(" x")
            before = (
                (pl.col("value_delivered").cast(pl.Float64) * float(factor or 1)).round(6).fill_nan(None).cast(ENERGY)
            )
            changed = rows.filter(concerned(rows, line)).with_columns(quality=pl.lit(quality), value_delivered=before)
            found.append(changed.with_columns(reason=pl.lit("corrected")))
        if line["do"] == "came between":
            beside = pl.col("start") + pl.duration(minutes=int(line["value"]))
            found.append(rows.filter(concerned(rows, line)).with_columns(start=beside, reason=pl.lit("off_grid")))
    return pl.concat(found) if found else None


def known(given: list[dict[str, str]]):
    """Register, history and the rest that is known beside the values."""
    register, past, more = REGISTER, four_weeks(), {}
    for line in given:
        what, value = line["what"], line["value"]
        its = pl.col("meter_id").is_in([m for m in REGISTER["meter_id"] if fnmatch.fnmatch(m, line["meter"])])
        if what in register.columns:
            new = pl.lit(value or None).cast(pl.String)
            new = new == "yes" if register.schema[what] == pl.Boolean else new.cast(register.schema[what])
            register = register.with_columns(pl.when(its).then(new).otherwise(what).alias(what))
        elif (named := what.partition(" on "))[0] in past.columns:
            what, _, day = named
            new = pl.lit(value).cast(past.schema[what])
            then = its & ((pl.col("local_date") == date.fromisoformat(day)) if day else pl.lit(value=True))
            past = past.with_columns(pl.when(then).then(new).otherwise(what).alias(what))
        elif what == "days before":
            past = past.filter(~its | (pl.col("local_date") >= DAY - timedelta(days=int(value))))
        elif what == "days after":
            later = past.filter(~its, local_date=DAY - timedelta(days=1))
            past = pl.concat([past, later.with_columns(local_date=pl.lit(DAY + timedelta(days=int(value))))])
        elif what == "now":
            more["now"] = datetime.fromisoformat(value)
        elif what == "register differs":
            more["sum_fails"] = lambda day, m=line["meter"]: (day.channels["meter_id"] == m).to_numpy()
        elif what == "calendar":
            more["rates"] = lambda day: np.array([RATE_BITS[rate] for rate in calendar().rates(day.day, day.minutes)])
        else:
            raise AssertionError(f"{what} is nothing a case can give")
    return register, past, more


def told(flags: set[tuple[str, str, int, str]]) -> str:
    return "\n".join(
        f"{meter} {channel} {at // 60:02}:{at % 60:02} {code}" for meter, channel, at, code in sorted(flags)[:20]
    )


@pytest.mark.parametrize(("folder", "case"), ALL)
def test_a_case_flags_what_it_names_and_nothing_else(folder: Path, case: str) -> None:
    given, when, then = (
        [row for row in lines(folder / f"{name}.csv") if row["case"] == case] for name in ("given", "when", "then")
    )
    rows = intervals(DAY)
    if any(line["do"] == "is called" for line in when):
        rows = rows.with_columns(rate_raw=pl.lit(None, pl.String))
    before = superseded(rows, when)
    for line in when:
        rows = planted(rows, line)
    register, past, more = known(given)
    found = set()
    for judged, _ in judged_day(rows, past, register, **more, superseded=before):
        day = judged.day
        for rule in RULES:
            for at, slot in np.argwhere(judged.broken(rule)):
                meter, channel = day.channels.row(at)[:2]
                found.add((meter, channel, int(slot) * day.minutes, rule.code))
    expected = set()
    for line in then:
        for meter, channel, start in (
            rows.filter(concerned(rows, line)).select("meter_id", "channel", "start").iter_rows()
        ):
            local = start + timedelta(hours=7)
            expected.add((meter, channel, local.hour * 60 + local.minute, line["rule"]))
    assert not expected - found, f"not flagged:\n{told(expected - found)}"
    assert not found - expected, f"flagged in vain:\n{told(found - expected)}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_cases_of_both_kinds(rule) -> None:
    folder = CASES / rule.code
    flagged = {row["case"] for row in lines(folder / "then.csv") if row["rule"] == rule.code}
    cases = {row["case"] for row in [*lines(folder / "given.csv"), *lines(folder / "when.csv")]}
    assert flagged and flagged < cases


def test_every_folder_is_of_a_rule() -> None:
    assert {folder.name for folder in CASES.iterdir()} == {rule.code for rule in RULES}


def test_a_clean_town_is_clean_and_nearly_every_rule_looked_at_it() -> None:
    ran = 0
    for judged, _ in judged_day(intervals(DAY), four_weeks()):
        assert not judged.flags.any()
        ran |= int(np.bitwise_or.reduce(judged.rules_run))
    idle = {rule.code for rule in RULES if not ran & int(rule.mask)}
    assert idle == {"clock", "future", "interval_count", "replaced", "actual_replaced", "tou_rate", "sum_check"}
