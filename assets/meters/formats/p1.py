"""P1 telegrams: what a DSMR smart meter writes on its customer port, one telegram or a log of many.

Specified in the Dutch P1 companion standard (DSMR 2.2 to 5.0.2; the Belgian and Luxembourgish ports follow it): a
telegram runs from ``/`` to ``!``, a line holds an OBIS code and values in brackets; from version 4 a CRC16 over both
marks and all between follows. The stamp 0-0:1.0.0 ends in S (summer time) or W. Registers, not intervals.
"""

import re
from dataclasses import replace

import polars as pl

from assets.meters.formats.canonical import EXACT, Export, ReadingOptions, canonical, problems_of, resolve_registers
from assets.meters.formats.content import Content
from assets.meters.formats.obis import explained
from assets.meters.formats.stamps import utc
from quality.batch import Batch
from quality.readings import ENERGY, REGISTER_SCHEMA

FORMAT = "p1"
KIND = "text"
ZONE = "Europe/Amsterdam"

_LINE = r"^(\d+-\d+:\d+\.\d+\.\d+)\((.*)\)$"
_IDENTITY = ("0-0:96.1.1", "0-0:96.1.0", "0-0:42.0.0")
"""The electricity meter's number; 0-n:96.1.0 are gas and water meters behind it."""
_POLYNOMIAL = 0xA001  # x16 + x15 + x2 + 1, least significant bit first, no start value


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def checksum(telegram: str) -> str:
    """CRC16 of a telegram from ``/`` to ``!`` as four hex digits. Its lines end in CR LF, whatever saved them."""
    crc = 0
    for byte in re.sub(r"\r\n|\n|\r", "\r\n", telegram).encode("latin-1", "replace"):
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return f"{crc:04X}"


def recognise(content: Content) -> str | None:
    """Evidence: an identification line, then DSMR's version or clock, which plain meter read-outs lack."""
    head = content.head(20_000)
    opened = re.search(r"(?:^|[\r\n])/[A-Za-z]{3}\S", head)
    shown = opened and re.search(r"[\r\n](?:1-3:0\.2\.8|0-0:96\.1\.4|0-0:1\.0\.0)\(\d", head)
    return "a telegram with DSMR version or clock" if shown and "P.01(" not in head else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Registers (``tables["registers"]``) of every whole telegram. Options: ``timezone``, ``point``.

    ``register_end`` is the read. Where a meter has an earlier telegram in the file, ``start`` and ``register_start``
    are that one's and ``value`` is the difference; it is null where the register runs backwards.
    """
    zone = options.timezone or ZONE
    rows = _rows(content)
    if not rows["line"].str.starts_with("/").any():
        return Export.rejected(FORMAT, "file-malformed", "no line that begins a telegram (/)")
    telegrams = _telegrams(rows, zone, options.point)
    # A log that was started or stopped within a telegram is usual; a file with no whole one is cut.
    refused = telegrams.found
    if not telegrams.rows.height and refused.height == 1 and refused["code"][0] == "row-malformed":
        return Export.rejected(FORMAT, "file-truncated", "the only telegram has no end (!)", refused["row"][0])
    registers = _registers(rows, telegrams.rows).also(refused)
    return Export.of(FORMAT, registers=registers, zone=zone).filled


def _rows(content: Content) -> pl.DataFrame:
    """Lines: ``row``, ``line``, ``telegram`` (its number), ``code`` and ``text`` (what the outer brackets hold)."""
    lines = re.split(r"\r\n|\n|\r", content.text)
    rows = pl.DataFrame({"line": lines}, schema={"line": pl.String}).with_row_index("row", offset=1)
    # A text message may hold a slash or an exclamation mark, but never at the start of a line.
    begins, ended = pl.col("line").str.starts_with("/"), pl.col("line").shift(1).str.starts_with("!").fill_null(False)
    parts = pl.col("line").str.strip_chars_end().str.extract_groups(_LINE)
    return rows.with_columns(
        pl.col("row").cast(pl.Int64),
        telegram=(begins | ended).cum_sum(),
        code=parts.struct[0],
        text=parts.struct[1],
    )


def _first(codes: tuple[str, ...], pattern: str) -> pl.Expr:
    found = pl.col("text").filter(pl.col("code").is_in(list(codes)))
    return found.str.extract(pattern).filter(found.str.contains(pattern)).first()


def _telegrams(rows: pl.DataFrame, zone: str, point: str | None) -> Batch:
    """A row a telegram that is whole and right: ``telegram, row, point, end``."""
    found = rows.group_by("telegram", maintain_order=True).agg(
        row=pl.col("row").first(),
        opened=pl.col("line").first().str.starts_with("/"),
        blank=(pl.col("line").str.strip_chars() == "").all(),
        text=pl.col("line").str.join("\r\n"),
        crc=pl.col("line").filter(pl.col("line").str.starts_with("!")).last().str.slice(1).str.strip_chars(),
        version=_first(("1-3:0.2.8",), r"^(\d{2})$").cast(pl.Int64, strict=False),
        stamp=_first(("0-0:1.0.0",), r"^(\d{12}[SW])$"),
        point=pl.coalesce(_first(_IDENTITY, r"^(.+)$"), pl.lit(point, pl.String)),
    )
    found = found.filter(~pl.col("blank"))
    computed = [
        checksum(text[: text.rindex("!") + 1]) if crc else None for text, crc in found.select("text", "crc").iter_rows()
    ]
    local = pl.col("stamp").str.head(12).str.to_datetime("%y%m%d%H%M%S", strict=False, time_unit="us")
    summer = pl.when(pl.col("stamp").str.ends_with("S")).then(pl.lit("earliest")).otherwise(pl.lit("latest"))
    found = found.with_columns(end=utc(local, zone, summer), computed=pl.Series(computed, dtype=pl.String))
    wrong = (pl.col("crc").str.to_uppercase() != pl.col("computed")) | (pl.col("crc") == "") & (pl.col("version") >= 40)
    return Batch(found).refuse(
        (~pl.col("opened"), "row-malformed", "lines outside a telegram, or one without its beginning"),
        (pl.col("crc").is_null(), "row-malformed", "the telegram has no end (!)"),
        (wrong, "checksum-mismatch", "the telegram's CRC is not that of its bytes, or is absent"),
        (pl.col("end").is_null(), "stamp-bad", "the telegram has no clock (0-0:1.0.0) that can be read"),
        (pl.col("point").is_null(), "value-null", "no equipment identifier; name it with the option point"),
    )


def _registers(rows: pl.DataFrame, telegrams: pl.DataFrame) -> Batch:
    parts = pl.col("text").str.extract_groups(r"^([^*()]*)\*([A-Za-z]+)$")
    rows = rows.join(telegrams.select("telegram", "point", "end"), on="telegram", maintain_order="left")
    lines = rows.filter(pl.col("code").is_not_null()).with_columns(
        raw=parts.struct[0], unit=parts.struct[1].fill_null("")
    )
    # A line may go on in the next, which then begins with a bracket (the gas reading of DSMR 2.2 and 3).
    strange = rows.filter(pl.col("code").is_null() & ~pl.col("line").str.contains(r"^([/!(]|\s*$)"))
    codes = explained(lines.select("code", "unit").unique().iter_rows()).filter(pl.col("kind") == "register")
    lines = lines.join(codes, on=["code", "unit"], maintain_order="left").with_columns(
        register_end=pl.col("raw").cast(EXACT, strict=False) * pl.col("factor"),
        channel="code",
        quality=pl.lit("actual"),
    )
    reads = Batch(lines).refuse(
        (
            pl.col("contradicts") | (pl.col("unit") == ""),
            "unit-unknown",
            "the unit is not one that the OBIS code can have",
        ),
        (pl.col("register_end").is_null(), "value-not-number", "the register holds no number"),
    )
    bare = telegrams.join(reads.rows, on="telegram", how="anti")
    once = resolve_registers(canonical(reads, REGISTER_SCHEMA)).also(
        problems_of(strange, "row-malformed", "not an OBIS code with values in brackets"),
        problems_of(bare, "value-null", "the telegram holds no energy register that can be read"),
    )
    meter = ["point", "channel"]
    before = once.rows.sort(*meter, "end").select(
        "row",
        start=pl.col("end").shift(1).over(meter),
        register_start=pl.col("register_end").shift(1).over(meter),
    )
    registers = once.rows.drop("start", "register_start").join(before, on="row", maintain_order="left")
    step = pl.col("register_end") - pl.col("register_start")
    registers = registers.with_columns(value=pl.when(step >= 0).then(step.cast(ENERGY))).sort("row")
    return replace(once, rows=registers.select(REGISTER_SCHEMA.names())).warn(
        step < 0, "register-fall", "the register is lower than in the telegram before"
    )
