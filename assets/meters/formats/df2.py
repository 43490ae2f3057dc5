"""Stark DF2: half-hourly readings of a British data collector, CSV below header lines.

No specification is public; the layout is known from code that reads it: ``#F2`` opens the file, ``#O`` names the meter
(MPAN), ``#S`` the sensor, then lines of date, time, value, status. A stamp is its half hour's end, in GMT all year.
"""

import polars as pl

from assets.meters.formats.canonical import Export, ReadingOptions, canonical, measure, resolve
from assets.meters.formats.content import Content
from assets.meters.formats.stamps import parse, utc
from quality.batch import Batch
from quality.meter_grid import off_clock

FORMAT = "df2"
KIND = "text"
OPEN_END = True
ZONE = "UTC"
MINUTES = 30

_SENSORS = {"1": "active_import", "2": "active_export", "3": "reactive_import", "4": "reactive_export"}
"""Values are kWh and kvarh of the half hour."""
_QUALITY = {"A": "actual", "E": "substituted_temporary"}


def recognise(content: Content) -> str | None:
    """Evidence: the first line is #F2 and a meter is named soon after."""
    lines = [line.strip().upper() for line in content.head(2_000).lstrip().splitlines()]
    shown = bool(lines) and lines[0] == "#F2" and any(line.startswith("#O") for line in lines)
    return "#F2 and #O lines" if shown else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of a DF2 file; several joined files are one. Option ``timezone`` overrides GMT."""
    zone = options.timezone or ZONE
    rows = content.cells().with_columns(head=pl.col("cells").list.first().str.strip_chars().str.to_uppercase())
    head = pl.col("head")
    rows = rows.with_columns(
        point=head.str.extract(r"^#O\s*([^-]*)").str.strip_chars().forward_fill(),
        # A sensor is one of its meter: a new meter without a sensor line must not take that of the meter before.
        channel=pl.when(head.str.starts_with("#O")).then(pl.lit("")).otherwise(head.str.extract(r"^#S\s*(.*)$")),
    )
    rows = rows.with_columns(pl.col("channel").forward_fill())
    rows = rows.filter(head.str.contains(r"^#(F2|O|S)").fill_null(False).not_())
    lines = _lines(rows, zone)
    if not content.ends_whole and rows.height and lines.found["row"].max() == rows["row"][-1]:
        return Export.rejected(FORMAT, "file-truncated", "the last line is incomplete", rows["row"][-1])
    return Export.of(FORMAT, readings=resolve(canonical(measure(lines))), zone=zone)


def _lines(rows: pl.DataFrame, zone: str) -> Batch:
    def field(place: int) -> pl.Expr:
        return pl.col("cells").list.get(place, null_on_oob=True).str.strip_chars()

    status = field(3).str.to_uppercase()
    rows = rows.with_columns(
        end=utc(parse(pl.concat_str(field(0), field(1), separator=" "), "dmy"), zone),
        raw=field(2),
        status=pl.when(status != "").then(status),
        quantity=pl.col("channel").replace_strict(_SENSORS, default=None, return_dtype=pl.String),
        factor=pl.lit(1),
        average=pl.lit(False),
        minutes=pl.lit(MINUTES),
    ).with_columns(
        start=pl.col("end") - pl.duration(minutes=MINUTES),
        # The flag is the last letter; some collectors write others before it.
        quality=pl.col("status").str.tail(1).replace_strict(_QUALITY, default="unknown", return_dtype=pl.String),
        quality_raw="status",
    )
    beyond = pl.col("cells").list.slice(4).list.join("").str.strip_chars() != ""  # separators at the end are harmless
    short = pl.col("cells").list.len().fill_null(0) < 4
    return Batch(rows).refuse(
        (short | beyond.fill_null(value=False), "row-malformed", "not date, time, value and status"),
        (pl.col("status").is_null(), "row-malformed", "no status after the value"),
        ((pl.col("point").fill_null("") == ""), "value-null", "no metering point (#O) before it"),
        (pl.col("quantity").is_null(), "value-unknown", "no sensor 1 to 4 (#S) before it"),
        (pl.col("end").is_null(), "stamp-bad", "not a date (dd/mm/yyyy) and time"),
        (
            off_clock(pl.col("end").dt.replace_time_zone(None), MINUTES),
            "interval-misaligned",
            "not on the grid of 30 minutes",
        ),
    )
