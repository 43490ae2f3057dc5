"""What people told tonight, looked at: decisions and outages that nothing comes of, for a slip in a meter, a quantity,
a day or a zone, and corrections far above all that a meter has read."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import polars as pl

from assets.lake.files import CityLake
from assets.lake.meter_registers import Registers
from quality.contracts import Table
from quality.tables import METER_DECISIONS, METER_FINAL, METER_INTERVALS, METER_OUTAGES
from quality.vee.kept import GOOD
from quality.verdicts import Verdict

FAR: Final = 10
"""How many times the greatest good value of a meter's last four weeks a correction may have: a day's energy given for
each of its quarter-hours has 96 times the mean, and watt-hours a thousand."""
_DAYS: Final = 28
"""That are looked back."""


def highest(lake: CityLake, ids: pl.Series) -> pl.DataFrame:
    """``meter_id, quantity, highest``: the greatest good value that meters had in an interval of the newest four
    weeks."""
    days = lake.days(METER_FINAL)[-_DAYS:] if ids.len() else []
    rows = (lake.of_meters(METER_FINAL, day, ids).filter(GOOD) for day in days)
    told = pl.concat([METER_FINAL.empty(), *rows])
    return told.group_by("meter_id", "quantity").agg(highest=pl.col("value_final").max())


def verdicts(lake: CityLake, registers: Registers, tonight: date) -> list[Verdict]:
    """Of each kind that came tonight: how many rows are about nothing that there is."""
    found = []
    decided = lake.read(METER_DECISIONS).filter(pl.col("_delivered") == tonight, pl.col("decision") != "ask")
    idle = [_idle(rows, there) for rows, there, _ in _days(lake, decided)]
    text = "rows decide of intervals that the lake does not have; see whether meter, quantity and day are right"
    found += _verdict("decision-idle", METER_DECISIONS, decided, sum(idle), text)
    put = decided.filter(decision="correct")
    put = put.join(highest(lake, put["meter_id"].unique()), on=["meter_id", "quantity"])
    far = put.filter(pl.col("value").cast(pl.Float64) > FAR * pl.col("highest").cast(pl.Float64)).height
    text = f"corrections are more than {FAR} times what the meter has read in four weeks"
    found += _verdict("decision-far", METER_DECISIONS, put, far, text)
    outages, idle = lake.read(METER_OUTAGES).filter(pl.col("_delivered") == tonight), list[int]()
    for rows, there, day in _days(lake, outages):
        register = registers.in_force(day)
        if not register.height and day not in lake.days(METER_INTERVALS):
            continue  # who could know it?
        meters = pl.concat([register["meter_id"], there["meter_id"]]).implode()
        known = pl.col("meter_id").is_in(meters) | pl.col("zone").is_in(register["zone"].implode())
        idle.append(rows.filter(~known.fill_null(value=False)).height)
    text = "outages are of a meter or a zone that neither the register nor the day's readings have"
    return [*found, *_verdict("outage-idle", METER_OUTAGES, outages, sum(idle), text)]


def _idle(decided: pl.DataFrame, there: pl.DataFrame) -> int:
    """How many of a day's decisions are about no interval: one that begins before is not in the range."""
    of = ["meter_id", "quantity"]
    rows = decided.select(*of, "start", "end").with_row_index("_at")
    begins = pl.col("start_there").is_between("start", "end", closed="left")
    met = rows.join(there.select(*of, "start"), on=of, suffix="_there").filter(begins)
    return rows.height - met["_at"].n_unique()


def _days(lake: CityLake, told: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, date]]:
    """The rows of each day, and what the lake has of their meters on it."""
    for (day,), rows in told.partition_by("local_date", as_dict=True).items():
        yield rows, lake.of_meters(METER_INTERVALS, day, rows["meter_id"].drop_nulls().unique()), day


def _verdict(check: str, table: Table, told: pl.DataFrame, idle: int, text: str) -> list[Verdict]:
    if not told.height:
        return []
    receipts = ", ".join(sorted(told["_receipt"].unique()))
    said = f"{idle} of {told.height} {text} (receipts {receipts})" if idle else f"{told.height} rows of {table.name}"
    return [Verdict(METER_FINAL.name, check, "warn" if idle else "pass", told.height, idle, said)]
