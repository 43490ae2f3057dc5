"""NEM13: accumulated reads of the Australian market: what a register showed at two reads, and the energy between.

Specified in AEMO's Meter Data File Format (MDFF) v2.6: records 100, 250, 550 (service orders, not used), 900. The
quantity is after multiplier and rollover, the reads are before; the multiplier itself is not told. Of a period that
occurs twice the record with the latest UpdateDateTime counts.
"""

from dataclasses import replace

import polars as pl

from assets.meters.formats import mdff
from assets.meters.formats.canonical import (
    EXACT,
    MANGLED,
    UNITS,
    Export,
    ReadingOptions,
    canonical,
    problems_of,
    resolve_registers,
)
from assets.meters.formats.content import Content, split
from assets.meters.formats.mdff import FLAG, field
from quality.batch import Batch
from quality.readings import ENERGY, QUALITIES, REGISTER_SCHEMA

FORMAT = "nem13"
KIND = "text"

_RECORDS = ("100", "250", "550", "900")
_DIRECTION = {
    ("wh", "E"): "active_import",
    ("wh", "I"): "active_export",
    ("varh", "E"): "reactive_import",
    ("varh", "I"): "reactive_export",
}
"""The market looks from the grid: E(xport) leaves it and is taken by the customer, I(mport) is sent into it."""
_BY_FAMILY = {"vah": "apparent", "v": "voltage", "other": "other"}


def recognise(content: Content) -> str | None:
    """Evidence that the content is NEM13: its 100 record, or 250 records without one."""
    opening = content.opening
    if mdff.version(content) == "NEM13":
        return "100 record says NEM13"
    if opening and opening[0][0] == "250" and 20 <= len(opening[0]) <= 23 and opening[0][7].upper() in ("E", "I"):
        return "250 records without a 100 record"
    return None


def read(content: Content, options: ReadingOptions) -> Export:
    """Register reads of a NEM13 file, as ``tables["registers"]``; values keep the sign they are delivered with.

    Options: ``timezone`` overrides the market's, ``point`` names the meter where the record does not.
    """
    zone = options.timezone or mdff.MARKET_ZONE
    records = mdff.records(content.lines())
    if (row := mdff.unclosed(records)) is not None:
        return Export.rejected(FORMAT, "file-truncated", "no 900 record follows, which ends a file", row)
    strange = records.filter(pl.col("kind").is_in(_RECORDS).not_().fill_null(True))
    reads = _reads(records, zone, options.point).also(
        mdff.enclosure(records), problems_of(strange, "row-malformed", "not a record of NEM13")
    )
    reads = resolve_registers(canonical(_valued(reads), REGISTER_SCHEMA))
    blank = pl.col("value").is_null() & (pl.col("quality_raw").str.starts_with("N").not_())
    reads = reads.warn(blank, "value-blank", "the record gives no quantity")
    last = records["row"][-1]
    if "900" not in records["kind"] and not content.ends_whole and (reads.found["row"] == last).any():
        return Export.rejected(FORMAT, "file-truncated", "the last record is incomplete", last)
    return Export.of(FORMAT, registers=replace(reads, rows=reads.rows.sort("row")), zone=zone)


_NUMBERS = {"register_start": 8, "register_end": 13, "amount": 18}
_UNITS = {name: unit for name, unit in UNITS.items() if name and not unit.average}


def _reads(records: pl.DataFrame, zone: str, point: str | None) -> Batch:
    """The 250 records that can be read."""
    heads = split(records.filter(pl.col("kind") == "100")).select("row", created=mdff.instant(field(2), zone))
    reads = split(records.filter(pl.col("kind") == "250")).join_asof(heads, on="row", check_sortedness=False)
    unit = field(19).str.to_lowercase()
    reads = reads.with_columns(
        fields=pl.col("cells").list.len(),
        point=mdff.point(point),
        channel=field(4),
        direction=field(7).str.to_uppercase(),
        family=unit.replace_strict({name: unit.family for name, unit in _UNITS.items()}, default=None),
        factor=unit.replace_strict(
            {name: unit.factor for name, unit in _UNITS.items()}, default=None, return_dtype=EXACT
        ),
        started=field(9),
        start=mdff.instant(field(9), zone),
        end=mdff.instant(field(14), zone),
        flag_start=field(10).str.to_uppercase(),
        quality_raw=field(15).str.to_uppercase(),
        reason_raw=mdff.code(field(16)),
        version=mdff.instant(field(21), zone),
        versioned=field(21).fill_null("") != "",
        texts=pl.concat_list(field(at) for at in _NUMBERS.values()),
        # Leading zeros show the dials and are no part of the number.
        **{name: field(at).cast(EXACT, strict=False) for name, at in _NUMBERS.items()},
    )
    quantities = {family + direction: name for (family, direction), name in _DIRECTION.items()} | _BY_FAMILY
    of_direction = pl.when(pl.col("family").is_in(["wh", "varh"])).then("direction").otherwise(pl.lit(""))
    reads = reads.with_columns(
        quantity=(pl.col("family") + of_direction).replace_strict(quantities, default=None, return_dtype=pl.String),
        amount=pl.col("amount") * pl.col("factor"),
    )
    unread = pl.any_horizontal(
        (pl.col("texts").list.get(at) != "") & pl.col(name).is_null() for at, name in enumerate(_NUMBERS)
    )
    large = pl.any_horizontal(
        pl.col(name).is_not_null() & pl.col(name).cast(ENERGY, strict=False).is_null() for name in _NUMBERS
    )
    flag_start, flag = pl.col("flag_start"), pl.col("quality_raw")
    flagged = ((flag_start == "") | flag_start.str.contains(FLAG)) & flag.str.contains(FLAG)
    started, start, end = pl.col("started") != "", pl.col("start"), pl.col("end")
    return (
        Batch(reads)
        .refuse(
            (~pl.col("fields").is_between(20, 23).fill_null(False), "row-malformed", "not 20 to 23 fields"),
            ((pl.col("point") == "").fill_null(True), "row-malformed", "the record names no metering point"),
            (pl.col("point").str.contains(MANGLED), "value-unknown", "a metering point in scientific notation"),
            ((pl.col("channel") == "").fill_null(True), "row-malformed", "the record names no suffix"),
            (pl.col("factor").is_null(), "unit-unknown", "the unit is missing or unknown"),
            (pl.col("quantity").is_null(), "value-unknown", "the direction is neither E nor I"),
            # A new register has no previous read.
            (end.is_null() | (start.is_null() & started), "stamp-bad", "a read's time is not one (yyyymmddhhmmss)"),
            (start > end, "stamp-bad", "the current read is before the previous one"),
            (~flagged.fill_null(False), "row-malformed", "no quality flag where one is expected"),
            (unread, "value-not-number", "a read or the quantity is no number"),
            (large, "value-range", "a read or the quantity is too large"),
        )
        .warn(pl.col("versioned") & pl.col("version").is_null(), "version-bad", "its UpdateDateTime is none")
    )


def _valued(reads: Batch) -> Batch:
    """``reads`` with the worse of both reads' qualities: the energy between rests on both."""
    rank = {quality: at for at, quality in enumerate(QUALITIES)}
    ranks = (
        _quality(flag, time).replace_strict(rank, default=None, return_dtype=pl.Int8)
        for flag, time in (("flag_start", "start"), ("quality_raw", "end"))
    )
    worst = pl.max_horizontal(ranks).replace_strict(dict(enumerate(QUALITIES)), return_dtype=pl.String)
    valued = pl.col("amount").is_not_null() & (worst != "missing")
    return reads.with_columns(
        value=pl.when(valued).then("amount"), quality=pl.when(valued).then(worst).otherwise(pl.lit("missing"))
    )


def _quality(flag: str, time: str) -> pl.Expr:
    quality = mdff.quality(pl.col(flag))
    written = pl.min_horizontal("version", "created")
    past = (quality == "forecast") & (pl.col(time) < written).fill_null(True)
    return pl.when(past).then(pl.lit("substituted_temporary")).otherwise(quality)
