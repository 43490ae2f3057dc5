"""Operating tables: what arrived, what was refused, what was judged."""

import polars as pl

from quality.contracts import Column, Table
from quality.verdicts import GRADES

_DELIVERY = (
    Column("receipt", pl.String(), "Receipt of the delivery.", nullable=False),
    Column("table", pl.String(), "Table it was read for.", nullable=False),
    Column("source", pl.String(), "Source it came through.", nullable=False),
    Column("day", pl.Date(), "Delivery day.", nullable=False),
)

HELD = pl.List(pl.Struct({"day": pl.Date(), "rows": pl.Int64()}))

DELIVERIES = Table(
    name="deliveries",
    title="Deliveries",
    description="The ledger: one row a receipt and table it feeds: what it was, how it was read and what came of it.",
    smart="governance",
    key=("receipt", "table"),
    day="day",
    lineage=False,
    size="operating",
    published=False,
    version=2,
    columns=(
        *_DELIVERY,
        Column("format", pl.String(), "Format the reader recognised; null where it read none."),
        Column(
            "status",
            pl.String(),
            "What came of it; nothing: it brought nothing to read; failed: the machine failed, it is read again.",
            nullable=False,
            allowed=("ok", "partial", "rejected", "nothing", "failed"),
        ),
        Column("rows", pl.Int64(), "Rows that went on to tables.", nullable=False, minimum=0),
        Column("refused", pl.Int64(), "Rows in quarantine.", nullable=False, minimum=0),
        Column("first_day", pl.Date(), "First day the rows touch; null without rows."),
        Column("last_day", pl.Date(), "Last day the rows touch; null without rows."),
        Column(
            "next_day",
            pl.Date(),
            "First day of it that had not come, or of its next timetable: then it is read again. "
            "Null where all had come.",
        ),
        Column(
            "held",
            HELD,
            "Rows that the lake holds of it, superseded ones included, by the day they are of; null as reading.",
        ),
        Column(
            "reading",
            pl.String(),
            "Fingerprint of reader, its version, options and contract it was read by; null before these were kept.",
        ),
        Column(
            "code",
            pl.String(),
            "Fingerprint of the code that read it; what was refused is read again by another. Null as reading.",
        ),
    ),
)

QUARANTINE = Table(
    name="quarantine",
    title="Quarantine",
    description="What was refused and why. The content stays in landing; receipt and row number find it there.",
    smart="governance",
    key=("receipt", "table", "row", "code", "message"),
    day="day",
    lineage=False,
    size="operating",
    published=False,
    columns=(
        *_DELIVERY,
        Column("row", pl.Int64(), "Row in the file; 0 for the whole file.", nullable=False),
        Column("code", pl.String(), "Code of the problem.", nullable=False),
        Column("severity", pl.String(), "What it led to.", nullable=False, allowed=("reject", "refuse", "warn")),
        Column("message", pl.String(), "Reason.", nullable=False),
    ),
)

VERDICTS = Table(
    name="verdicts",
    title="Verdicts",
    title_th="ผลการตรวจคุณภาพข้อมูล",
    description="One row a check: what was judged, how it came out and how many rows broke it.",
    smart="governance",
    key=("table", "check"),
    day="day",
    lineage=False,
    size="operating",
    version=3,
    columns=(
        Column("table", pl.String(), "Table that was judged.", nullable=False),
        Column("check", pl.String(), "Check.", nullable=False),
        Column("day", pl.Date(), "Delivery day of the run that judged.", nullable=False),
        Column("verdict", pl.String(), "Outcome.", nullable=False, allowed=GRADES),
        Column("checked", pl.Int64(), "Rows or items judged.", nullable=False, minimum=0),
        Column("failed", pl.Int64(), "Rows or items that broke it.", nullable=False, minimum=0),
        Column("message", pl.String(), "What was found.", nullable=False),
        Column("since", pl.Date(), "First night of those in a row on which it did not pass; null if it passed."),
        Column("advice_en", pl.String(), "What is expected and what to do about it, in English; null if it passed."),
        Column("advice_th", pl.String(), "The same in Thai; null as advice_en."),
    ),
)

VALIDATION_RESULTS = Table(
    name="validation_results",
    title="Validation results",
    description="The rows that a check found, twenty a check and night at most, with their keys and values; none of "
    "tables of customers.",
    smart="governance",
    key=("suite", "rule", "key"),
    day="day",
    lineage=False,
    size="operating",
    published=False,
    version=2,
    columns=(
        Column("suite", pl.String(), "Table that was judged.", nullable=False),
        Column("rule", pl.String(), "Check.", nullable=False),
        Column("day", pl.Date(), "Delivery day of the run that judged.", nullable=False),
        Column("key", pl.String(), "What tells the row apart, as a JSON object.", nullable=False),
        Column("value", pl.String(), "What was judged of it, as a JSON object.", nullable=False),
        Column("bound", pl.String(), "What was expected.", nullable=False),
        Column(
            "severity",
            pl.String(),
            "What it does to indicators that rest on the row: note nothing, warn partial, withhold no value.",
            nullable=False,
            allowed=("note", "warn", "withhold"),
        ),
        Column("since", pl.Date(), "First night of those in a row on which the check told this row.", nullable=False),
    ),
)
