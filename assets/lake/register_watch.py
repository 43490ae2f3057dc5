"""What each meter register has otherwise than the one before it, so that no meter comes, goes or changes in silence."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl

from assets.lake import stale_days, verdicts
from assets.lake.derive import Built
from assets.lake.files import CityLake
from assets.lake.meter_registers import Registers
from assets.landing.deployment import Step
from quality.tables import METERS, REGISTER_WATCH
from quality.tables.energy import IS_CUSTOMER
from quality.verdicts import Verdict

_CHANGED: Final[Mapping[str, str]] = {
    "swapped": "serial_id",
    "moved": "zone",
    "class": "customer_class",
    "multiplier": "multiplier",
    "account": "customer_id",
    "feeder": "feeder",
}
"""Change → the register's column that tells it."""

_HASHED: Final = ("swapped", "account")
"""Changes of what the lake knows as a keyed hash: it would tell nobody anything."""

_ROLE: Final = (
    pl.when(IS_CUSTOMER)
    .then(pl.lit("customer"))
    .when(pl.col("feeds").is_null())
    .then(pl.lit("check"))
    .otherwise(pl.lit("main"))
)


def changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """``REGISTER_WATCH`` rows of two registers (``METERS`` rows of one reference day each).

    A serial number, multiplier, account or feeder that either does not tell is no change: registers gain and lose
    columns. A main or check meter that becomes a customer's, or the other way about, always is: its energy comes into
    the city's, or goes.
    """
    days = {"reference_date": after["reference_date"].max(), "reference_before": before["reference_date"].max()}
    both = before.join(after, on="meter_id", suffix="_after")
    found = [
        after.join(before, on="meter_id", how="anti").select("meter_id", change=pl.lit("new"), after="zone"),
        before.join(after, on="meter_id", how="anti").select("meter_id", change=pl.lit("vanished"), before="zone"),
    ]
    for change, name in _CHANGED.items():
        was, now = (pl.col(each).cast(pl.String) for each in (name, f"{name}_after"))
        told = {} if change in _HASHED else {"before": was, "after": now}
        found.append(both.filter(was != now).select("meter_id", change=pl.lit(change), **told))
    roles = before.select("meter_id", before=_ROLE).join(after.select("meter_id", after=_ROLE), on="meter_id")
    found.append(roles.filter(pl.col("before") != pl.col("after")).with_columns(change=pl.lit("role")))
    rows = pl.concat([REGISTER_WATCH.empty().select("meter_id", "change", "before", "after"), *found], how="diagonal")
    return (
        rows.with_columns(pl.lit(day, pl.Date).alias(name) for name, day in days.items())
        .select(REGISTER_WATCH.schema.names())
        .sort(REGISTER_WATCH.key)
    )


def make(step: Step) -> Built:
    """Compare every register that came since with the one that told of its day until then, and so those that came
    after it."""
    lake = CityLake.of(step)
    stale, registers = set(stale_days.noted(lake, METERS)), Registers.of(lake)
    pairs = {new: old for new, old in registers.before().items() if new <= step.day}
    gone = stale.difference(registers.came[METERS.day])
    due = sorted((old, new) for new, old in pairs.items() if gone or not stale.isdisjoint((old, new)))
    files = []
    for old, new in due:
        files += lake.put(REGISTER_WATCH, new, changes(registers.read(old), registers.read(new)))
    # A register that went, or became the first, has nothing that it could be held against.
    for day in set(lake.days(REGISTER_WATCH)).difference(pairs) if stale else ():
        files += lake.put(REGISTER_WATCH, day, REGISTER_WATCH.empty())
    stale_days.settle(lake, METERS, {day for day in stale if day <= step.day})
    # A night that is run again tells of its register again.
    days = sorted({step.day - timedelta(days=1), *(new for _, new in due)})
    rows = lake.pick(REGISTER_WATCH, days)
    newest = max((day for day in registers.days if day <= step.day), default=None)
    checked = registers.read(newest).height if newest else 0
    found = verdicts.judge(step, REGISTER_WATCH, rows, newest, more=[_verdict(rows, checked, days)])
    return Built(days, files, found)


def _verdict(rows: pl.DataFrame, checked: int, days: list[date]) -> Verdict:
    counts = rows["change"].value_counts(name="meters").sort("change")
    told = ", ".join(f"{meters} {change}" for change, meters in counts.iter_rows())
    text = f"registers of {days[0]} to {days[-1]}: {told or 'no meter came, went or changed'}"
    if told:
        text += ". See register_watch; ask the utility about those that nobody expected"
    meters = rows["meter_id"].n_unique()
    return Verdict(REGISTER_WATCH.name, "register-changed", "warn" if told else "pass", checked, meters, text)
