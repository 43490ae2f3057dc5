"""A redacted delivery: what a reader had made of a file, less the rows of an erased metering point.

It stands in landing in place of the file, as a ZIP of one Parquet file a table, exact in every column. What its reader
had refused is not in it: of other points too, such rows have to be delivered again.
"""

import io
import zipfile

import polars as pl

from assets.meters.formats.canonical import canonical
from assets.sources.source import ReadResult
from quality.batch import Batch
from quality.problems import PROBLEM_SCHEMA
from quality.readings import READING_SCHEMA, REGISTER_SCHEMA

ERASED = "erased"
"""Stands for the point in rows of others that named it: what checks it measures its customer, and is none itself."""

_SCHEMAS = {"readings": READING_SCHEMA, "registers": REGISTER_SCHEMA}
_FORMAT, _PROBLEMS = "format.txt", "problems"


def without(result: ReadResult, point: str) -> ReadResult:
    """A result without a point's rows, and without the problems of rows that tell of no other point."""
    tables, mine, others = {}, set(), set()
    for name, frame in result.tables.items():
        number = "row" if "row" in frame.columns else "_row"
        rest = frame.filter(pl.col("point").ne_missing(point))
        if "check_of" in rest.columns:
            rest = rest.with_columns(pl.col("check_of").replace({point: ERASED}))
        mine |= set(frame.filter(pl.col("point") == point)[number])
        others |= set(rest[number])
        if rest.height:
            tables[name] = rest
    problems = result.problems.filter(~pl.col("row").is_in(list(mine - others)).fill_null(value=False))
    return ReadResult(
        result.format, tables=tables, problems=problems if tables or not mine else PROBLEM_SCHEMA.to_frame()
    )


def encoded(result: ReadResult) -> bytes:
    """A result as bytes; the same ones of the same result."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as members:
        members.writestr(zipfile.ZipInfo(_FORMAT), result.format)
        for name, frame in {**result.tables, _PROBLEMS: result.problems}.items():
            table = io.BytesIO()
            codes = pl.selectors.categorical() | pl.selectors.enum()
            frame.with_columns(codes.cast(pl.String)).write_parquet(table)
            members.writestr(zipfile.ZipInfo(f"{name}.parquet"), table.getvalue())
    return out.getvalue()


def decoded(data: bytes) -> ReadResult:
    """What ``encoded`` was given."""
    with zipfile.ZipFile(io.BytesIO(data)) as members:
        form = members.read(_FORMAT).decode()
        names = [name.removesuffix(".parquet") for name in members.namelist() if name != _FORMAT]
        tables = {name: pl.read_parquet(io.BytesIO(members.read(f"{name}.parquet"))) for name in names}
    problems = tables.pop(_PROBLEMS)
    known = {
        name: canonical(Batch(frame), _SCHEMAS[name]).rows if name in _SCHEMAS else frame
        for name, frame in tables.items()
    }
    return ReadResult(form, tables=known, problems=problems.cast(PROBLEM_SCHEMA))
