"""Members of a GTFS feed as text, however the publisher packed and wrote them.

GTFS Schedule fixes names in lower case at the top of the archive, UTF-8 and commas. What spreadsheets and archivers
make of it is read all the same: a folder, other letter case in names of members and columns, Thai Windows and UTF-16
text, semicolons, blank lines, commas to spare. Only the members named here are unpacked: shapes and fares are most of a
feed and nothing reads them.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from assets.landing.unpack import READ_ERRORS
from assets.sources import thai
from assets.sources.parsing import text_of
from assets.sources.table_files import read_csv
from quality.batch import Batch

MAX_MEMBER_BYTES = 128 * 1024 * 1024
"""Of one unpacked member. The largest that is read, stop_times, has about 10 MB for 161,000 rows."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

COLUMNS: dict[str, Sequence[str]] = {
    "stops": ("stop_id", "stop_name", "stop_lat", "stop_lon", "location_type"),
    "routes": ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type"),
    "feed_info": ("feed_version", "feed_start_date", "feed_end_date", "feed_lang"),
    "trips": ("trip_id", "route_id", "service_id"),
    "stop_times": ("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time", "pickup_type"),
    "frequencies": ("trip_id", "start_time", "end_time", "headway_secs"),
    "calendar": ("service_id", *WEEKDAYS, "start_date", "end_date"),
    "calendar_dates": ("service_id", "date", "exception_type"),
}
"""Member → columns that are read of it, that which its rows are known by first."""

_REQUIRED = ("stops", "routes")
"""Members without which there is nothing to tell; of the others GTFS requires some, and what lacks is said."""

_NAMES = ("stop_name", "agency_id", "route_short_name", "route_long_name")
_OPTIONAL = frozenset(
    (*_NAMES, "location_type", "pickup_type", "arrival_time", "departure_time", *COLUMNS["feed_info"])
)
"""Columns that a feed may do without: GTFS does not ask for them, or they stand in for each other."""


class FeedError(Exception):
    """A feed that cannot be used: code and message."""


def members(data: bytes) -> dict[str, Batch]:
    """Member → its ``COLUMNS`` as text with ``_row`` (line; the header is 1); columns it lacks are null, and so are
    cells without text. Raises ``FeedError``.

    A member that is not required is empty where it is absent, has no row, is no table, or lacks the column that its
    rows are known by, which is said.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            paths, others = _paths(archive)
            found = {stem: _member(archive, paths.get(stem), stem) for stem in COLUMNS}
    except READ_ERRORS as error:
        raise FeedError("file-malformed", f"the archive cannot be unpacked ({type(error).__name__})") from None
    if others:
        text = f"the archive has {others + 1} feeds, each in a folder; one is read"
        found["stops"] = found["stops"].note("sheet-left", text)
    return found


def _paths(archive: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], int]:
    """Stem → member of the feed, and how many other feeds the archive has. A feed is what lies in one folder, that
    nearest to the top: members of two are never mixed."""
    folders: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for info in archive.infolist():
        # Some Windows archivers part folders by backslashes.
        folder, _, name = info.filename.replace("\\", "/").rpartition("/")
        stem, _, ending = name.strip().lower().rpartition(".")
        if ending == "txt" and stem in COLUMNS and "__MACOSX" not in folder:
            folders.setdefault(folder, {})[stem] = info
    feeds = [folder for folder, held in folders.items() if set(_REQUIRED) <= set(held)] or list(folders)
    home = min(feeds, key=lambda folder: (bool(folder), folder.count("/"), folder), default="")
    return folders.get(home, {}), max(len(feeds) - 1, 0)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, stem: str) -> Batch:
    name, columns = f"{stem}.txt", COLUMNS[stem]
    nothing = Batch(pl.DataFrame(schema={"_row": pl.Int64, **dict.fromkeys(columns, pl.String)}))
    content = b""
    if info is not None:
        with archive.open(info) as packed:
            content = packed.read(MAX_MEMBER_BYTES + 1)
    if len(content) > MAX_MEMBER_BYTES:
        raise FeedError("archive-limit", f"{name} is larger than {MAX_MEMBER_BYTES} bytes")
    text = text_of(content)
    if text is not None and not text.strip():
        if stem in _REQUIRED:
            raise FeedError("file-malformed", f"the feed has no {name}, or an empty one")
        return nothing
    # A quote counts at the beginning of a field only.
    table = read_csv(content if text is None else text.replace(', "', ',"').encode())
    headers = {thai.folded(header): header for header in reversed(table.rows.columns)}
    found = {column: headers[thai.folded(column)] for column in columns if thai.folded(column) in headers}
    twice = [
        column
        for column, header in found.items()
        if (other := f"{header}_duplicated_0") in table.rows.columns
        and not table.rows[other].equals(table.rows[header])
    ]
    known = columns[0] not in _OPTIONAL
    if table.is_rejected or twice or (known and columns[0] not in found):
        code, fault = "file-malformed", f"{name} has no {columns[0]}"
        if twice:
            code, fault = "column-repeated", f"{name} has two columns {twice[0]} that differ"
        if table.is_rejected:
            code, fault = table.found["code"][0], f"{name}: {table.found['message'][0]}"
        if stem in _REQUIRED:
            raise FeedError(code, fault)
        return nothing.note("column-missing", f"{fault}; it is left out")
    cells = {column: pl.col(header).str.strip_chars().replace("", None) for column, header in found.items()}
    absent = [column for column in columns if column not in found]
    rows = table.rows.select("_row", **{name: cells.get(name, pl.lit(None, pl.String)) for name in columns})
    said = (each.with_columns(message=pl.format("{}: {}", pl.lit(name), "message")) for each in table.problems)
    batch = replace(table, rows=rows, problems=tuple(said))
    if known:
        batch = batch.refuse((pl.col(columns[0]).is_null(), "value-null", f"{name}: a row without {columns[0]}"))
    lacking = [column for column in absent if column not in _OPTIONAL]
    return batch.note("column-missing", f"{name} has no {', '.join(lacking)}") if lacking else batch
