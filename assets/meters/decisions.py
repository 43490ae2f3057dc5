"""What people decided of single meter values: a list that ``muang meters`` writes, or a person by hand.

    point,quantity,from,to,decision,value,reason,decided_by,decided_at
    020012340001,active_import,2026-11-20 10:00,2026-11-20 12:00,correct,0.25,display was photographed,S. Jaidee,...

Times are local; ``to`` is not in the range. ``value`` is of ``correct`` alone: what each interval of the range has, in
the quantity's unit. Of two decisions about an interval the later ``decided_at`` counts, of one time the later row.
"""

import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from assets.meters.listed import LONGEST, ahead, by_day, instant, listed, told
from assets.sources.source import Options, ReadResult, Source
from quality.readings import DIRECTED, ENERGY
from quality.tables import METER_DECISIONS

FORMAT = "meter_decisions"
COLUMNS: Final = ("point", "quantity", "from", "to", "decision", "value", "reason", "decided_by", "decided_at")

_NUMBER = r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"
LONG_NUMBER = r"[0-9][0-9 -]{6,}[0-9]"
"""Eight digits and more may be a meter or an account, which go no further than landing; a date with dashes is told by
the columns."""


def read_decisions(data: bytes, day: date) -> ReadResult:
    """``tables["meter_decisions"]``: the contract's columns with ``point`` for the meter, a row a local day of a
    decision that came on a ``day``, ``_row``. Never raises on content."""
    found = listed(FORMAT, data, COLUMNS)
    if isinstance(found, ReadResult):
        return found
    quantities, decisions = (METER_DECISIONS.by_column[name].allowed or () for name in ("quantity", "decision"))
    value, corrects = pl.col("value"), pl.col("decision") == "correct"
    stamps = {"start": "from", "end": "to", "decided": "decided_at"}
    rows = found.with_columns(**{name: instant(column) for name, column in stamps.items()}).refuse(
        (pl.col("point") == "", "value-null", "point is missing"),
        (~pl.col("quantity").is_in(quantities), "value-unknown", "quantity is not one that is known"),
        (~pl.col("decision").is_in(decisions), "value-unknown", f"decision is not one of {', '.join(decisions)}"),
        *((pl.col(name).is_null(), "stamp-bad", f"{column} is no local time") for name, column in stamps.items()),
        # No later decision would ever count against it.
        (ahead("decided", day), "value-range", f"decided_at is after the delivery day {day}"),
        (ahead("start", day), "value-range", f"from is after the delivery day {day}"),
        (pl.col("end") <= pl.col("start"), "value-range", "to is not after from"),
        (pl.col("end") - pl.col("start") > LONGEST, "value-range", "the range is longer than a year"),
        (corrects & ~value.str.contains(_NUMBER), "value-not-number", "a correction needs a value in the unit"),
        (
            corrects & value.str.starts_with("-") & pl.col("quantity").is_in(DIRECTED),
            "value-range",
            "energy of one direction is not negative",
        ),
        (~corrects & (value != ""), "value-unknown", "only a correction has a value"),
        (pl.col("reason") == "", "value-null", "reason is missing"),
        (pl.col("decided_by") == "", "value-null", "decided_by is missing"),
        (
            pl.any_horizontal(pl.col("reason", "decided_by").str.contains(LONG_NUMBER)),
            "value-unknown",
            "reason and decided_by name no meter, account or telephone: no number of eight digits or more",
        ),
    )
    days = by_day(rows.rows).select(
        "point",
        "quantity",
        "local_date",
        "start",
        "end",
        "decision",
        value=pl.when(pl.col("decision") == "correct").then("value").cast(ENERGY),
        reason="reason",
        decided_by="decided_by",
        decided_at="decided",
        _row="row",
    )
    return told(FORMAT, METER_DECISIONS, rows, days)


def written(decision: Mapping[str, str]) -> bytes:
    """A list of one decision, by ``COLUMNS``."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerow(decision.get(name, "") for name in COLUMNS)
    return out.getvalue().encode()


METER_DECISION_LIST: Source[Options] = Source(
    name=FORMAT,
    title="Decisions about meter values",
    smart="energy",
    tables=(METER_DECISIONS.name,),
    portal=None,
    document="docs/meter-values.md",
    plan=None,
    reader=lambda data, context: read_decisions(data, context.day),
    zone="Asia/Bangkok",
    label="period",
    missing=(),
    units="of the quantity",
    personal="metering points: landing only; names of those who decided",
    version=4,
    keyed=True,
    optional=True,
)
