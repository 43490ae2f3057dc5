"""Metering points: which deliveries in landing hold one, and which lake tables know meters by the ids made of them."""

import contextlib
import io
import re
import zipfile
from collections.abc import Iterator

import polars as pl

from assets.lake.delivered import pseudonyms
from assets.lake.feeds import landed_as, source_of
from assets.lake.ledger import Due, read
from assets.landing.deployment import Step
from assets.landing.unpack import READ_ERRORS, ArchiveError, members
from assets.sources.source import ReadResult
from quality.tables import METERS, TABLES

PSEUDONYMOUS = tuple(table for table in TABLES.values() if "meter_id" in table.schema)
"""Tables whose rows carry the keyed hash of a metering point. None of them is published."""


def keyed_deliveries(step: Step) -> Iterator[Due]:
    """Every delivery with content of the city's sources that tell of metering points, oldest first of each source."""
    for name, entry in sorted(step.city.sources.items()):
        if source_of(entry).keyed:
            receipts = step.deployment.archive.receipts(*landed_as(step.city, name))
            yield from (Due(name, entry, receipt) for receipt in receipts if receipt.readable)


def point_of(step: Step, meter: str) -> str | None:
    """The metering point of a meter id, from the register or else from whatever delivery tells of it; None where none
    does. Raises ``MissingSecret``."""
    newest = list(keyed_deliveries(step))[::-1]
    for item in sorted(newest, key=lambda each: METERS.name not in source_of(each.entry).tables):
        points = points_in(read(step, item))
        for point, known in pseudonyms(points, step.city.slug, step.deployment.secret()).items():
            if known == meter:
                return point
    return None


def points_in(result: ReadResult) -> pl.Series:
    """The metering points that a delivery tells of, each once."""
    return told_in(result, *OF_POINTS)


OF_POINTS = ("point", "check_of")
"""Columns of what readers make that hold metering points."""


def told_in(result: ReadResult, *columns: str) -> pl.Series:
    """What a delivery has in these columns, as contract accounts or serial numbers, each once."""
    frames = result.tables.values()
    found = [frame[name].cast(pl.String) for frame in frames for name in columns if name in frame.columns]
    return pl.concat([pl.Series("told", [], pl.String), *(each.alias("told") for each in found)]).drop_nulls().unique()


def names(text: str, point: str) -> bool:
    """Whether a text, such as a file's name, has the point in it, not as a part of a longer number or word."""
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(point)}(?![0-9A-Za-z])", text) is not None


def holds(data: bytes, name: str, point: str) -> bool:
    """Whether a file, or one in an archive or workbook, has the point in it as text, also at a place that its reader
    passes over."""
    try:
        files = [data, *(member for _, member in members(data, name))]
    except ArchiveError:
        files = [data]
    for file in [file for file in files if file.startswith(b"PK")]:  # workbooks come out of ``members`` whole
        with contextlib.suppress(*READ_ERRORS), zipfile.ZipFile(io.BytesIO(file)) as workbook:
            files += [workbook.read(part) for part in workbook.namelist()]
    texts = (file.decode(code, "ignore") for file in files for code in _codes(file))
    return any(names(text, point) for text in texts)


def _codes(data: bytes) -> tuple[str, ...]:
    """Encodings that may show a point in these bytes: UTF-16 only where every other byte could be zero."""
    return ("latin-1", "utf-16-le", "utf-16-be") if b"\0" in data else ("latin-1",)
