"""What NEM12 and NEM13 share: AEMO's Meter Data File Format (MDFF) v2.6, its records, its times, and how a file ends.

Records are lines of comma-separated fields, told apart by the first. The market's time is UTC+10 all year; a utility
elsewhere pins its own zone.
"""

import polars as pl

from assets.meters.formats.canonical import EDGES
from assets.meters.formats.content import Content
from assets.meters.formats.stamps import utc
from quality.problems import no_problems, problem

MARKET_ZONE = "+10:00"
QUALITY = {"A": "actual", "F": "substituted", "S": "substituted_temporary", "E": "forecast", "N": "missing"}
"""By the first letter of a quality and method. E is a forecast only for a time after the record was written."""
FLAG = r"^[AFSEN]\d{0,2}$"


def version(content: Content) -> str | None:
    """What the 100 record says the file is (NEM12, NEM13), None where it does not begin with one."""
    first = next(iter(content.opening), [])
    return first[1].upper() if len(first) > 1 and first[0] == "100" else None


def records(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines as ``row, line, kind``; ``kind`` is the first field where it is three digits, else null."""
    return lines.with_columns(kind=pl.col("line").str.extract(r'^\s*"?\s*(\d{3})\s*"?\s*(?:,|$)'))


def field(position: int | pl.Expr) -> pl.Expr:
    """A field of ``cells`` without blanks around it, null where the record is too short."""
    return pl.col("cells").list.get(position, null_on_oob=True).str.strip_chars()


def point(option: str | None) -> pl.Expr:
    """The NMI of a 200 or 250 record, else the option's."""
    return pl.when(field(1) != "").then(field(1).str.strip_chars(EDGES)).otherwise(pl.lit(option, pl.String))


def instant(text: pl.Expr, zone: str) -> pl.Expr:
    """yyyymmddhhmm[ss] as UTC, null where it is not one."""
    return utc(text.str.extract(r"^([0-9]{12})").str.to_datetime("%Y%m%d%H%M", strict=False, time_unit="us"), zone) + (
        pl.duration(seconds=text.str.extract(r"^[0-9]{12}([0-5][0-9])$").cast(pl.Int64).fill_null(0))
    )


def quality(flag: pl.Expr) -> pl.Expr:
    """The canonical quality of a flag, null for V and what is no flag."""
    return flag.str.slice(0, 1).replace_strict(QUALITY, default=None, return_dtype=pl.String)


def code(reason: pl.Expr) -> pl.Expr:
    """The reason's code; the description beside it is free text, may name people, and is left out."""
    return pl.when(reason != "").then(reason)


def enclosure(records: pl.DataFrame) -> pl.DataFrame:
    """The problem that the records 100 or 900, which enclose a file, are absent; none where they are there."""
    kinds = set(records["kind"].unique())
    absent = [kind for kind in ("100", "900") if kind not in kinds]
    return problem("header-absent", f"no {' and no '.join(absent)} record") if absent else no_problems()


def unclosed(records: pl.DataFrame) -> int | None:
    """The row after which the file lacks a 900 record, None where it lacks none.

    A file that has 100 or 900 records ends with a 900; of joined files each does. One that has neither, as some
    retailers export it, promises no end.
    """
    known = records.filter(pl.col("kind").is_in(_KINDS))
    if not known.select(pl.col("kind").is_in(["100", "900"]).any()).item():
        return None
    last = pl.col("kind").shift(-1).fill_null("100") == "100"
    lacking = known.filter(last & (pl.col("kind") != "900"))
    return lacking["row"][0] if lacking.height else None


_KINDS = ("100", "200", "250", "300", "400", "500", "550", "900")
