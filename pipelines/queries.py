"""What ``muang sql`` may run and open: queries that only read, over exactly the files that its views are made of.

Two walls, each of which holds alone. A query is judged by the tree that DuckDB's own parser makes of it, before it is
run: in DuckDB 2 a ``SELECT`` may write too, as in ``with x as (copy … to …) …``, and some table functions do. And the
engine opens no file but through ``TableFiles``, which opens nothing for writing.
"""

import contextlib
import io
import json
import re
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import fsspec
from fsspec.implementations.local import LocalFileSystem

from assets.lake.encoding import check
from assets.landing.s3 import S3Store
from assets.landing.store import Store

QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
"""Parts of a query that only read; the others of DuckDB's parser insert, update, delete, merge or copy."""

TABLE_FUNCTIONS = {
    *("duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables", "duckdb_types"),
    *("duckdb_views", "generate_series", "icu_calendar_names", "json_each", "json_tree", "pg_timezone_names"),
    *("pragma_table_info", "pragma_version", "range", "repeat", "repeat_row", "summary", "unnest"),
    "meter_intervals_as_of",
}
"""Functions that a query may read from. All others are refused: there are some that write a log or a profile to any
path, that run SQL of a string, and that read any address of the memory."""

WRITING_FUNCTIONS = {"nextval", "setval", "sleep_ms", "write_log"}
"""Functions of values that change something, or that do nothing but hold the process."""

EXPLAIN = re.compile(
    r"{gap}explain\b(?:{gap}(analy[sz]e\b|\(\s*(?:analy[sz]e|format)\b[\w\s,']*\)))?(.*)".format(
        gap=r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
    ),
    re.IGNORECASE | re.DOTALL,
)
"""``explain``, its options, and the statement that it explains, which ``explain analyze`` runs."""


class Refused(Exception):
    """A query is not run. The message says why."""


def reading(query: str) -> str:
    """The statement to run for ``query``: itself, or the ``explain`` of it. Raises ``Refused`` unless it is one
    query that only reads, ``duckdb.Error`` where it cannot be parsed."""
    with duckdb.connect() as parser:
        count = len(parser.extract_statements(query))
        if count != 1:
            raise Refused(f"one query at a time is run here, not {count}")
        explain = EXPLAIN.fullmatch(query)
        inner = explain[2] if explain else query
        [[text]] = parser.execute("select json_serialize_sql(?)", [inner]).fetchall()
    tree = json.loads(text)
    if tree["error"] or len(tree["statements"]) != 1:
        raise Refused(
            "only queries are run here, and nothing is written: select, from, values, describe, show, summarize, "
            "pivot with its values (on … in (…)), and explain of these"
        )
    for wrong in sorted(set(_writing(tree))):
        raise Refused(f"only queries that read the tables are run here, and nothing is written: not {wrong}")
    # What is run is put together of what was judged, so that nothing hangs on how EXPLAIN was taken apart: a comment
    # within a comment is one to DuckDB, and two to the pattern.
    return f"explain {explain[1] or ''} {inner}" if explain else query


def _writing(tree: Any) -> Iterator[str]:
    """What in a parsed query does more than reading tables and values."""
    if isinstance(tree, list):
        for each in tree:
            yield from _writing(each)
    if isinstance(tree, dict):
        kind, function = str(tree.get("type", "")), tree.get("function")
        if kind.endswith("_NODE") and kind not in QUERY_NODES:
            yield kind.removesuffix("_NODE").removesuffix("_QUERY").lower()
        if kind == "TABLE_FUNCTION" and isinstance(function, dict):
            name = function["function_name"].lower()
            if name not in TABLE_FUNCTIONS:
                yield f"{name}()"
        if str(tree.get("function_name", "")).lower() in WRITING_FUNCTIONS:
            yield f"{tree['function_name']}()"
        for each in tree.values():
            yield from _writing(each)


class TableFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of ``keys`` in a store, as ``muang://<key>``, for DuckDB to read. No other is opened, none is written,
    none is listed."""

    protocol = "muang"
    cachable = False

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.keys = store, dict[str, None]()
        self._files = store.filesystem if isinstance(store, S3Store) else LocalFileSystem()
        self._found: dict[str, dict[str, Any]] = {}
        self._failure: Exception | None = None

    def add(self, keys: Sequence[str]) -> list[str]:
        """Let these be read. Returns the paths that DuckDB knows them by."""
        self.keys |= dict.fromkeys(keys)
        return [f"{self.protocol}://{key}" for key in keys]

    def raise_cause(self) -> None:
        """Raise what kept files from being read, where DuckDB tells of it in its own words or in a traceback:
        ``Refused``, the store's ``OSError``, or ``Damaged`` for a file that is not what was written."""
        if self._failure:
            raise self._failure
        for key in self.keys:
            command = "lake" if key.startswith("lake/") else "snapshots"
            check(key, self.store.read(key), f"`muang {command} verify` tells what is wrong and what mends it")

    @contextlib.contextmanager
    def _at(self, path: str, mode: str = "rb") -> Iterator[str]:
        """The file's own path, if it is one that may be read; what fails is kept for ``raise_cause``."""
        key = path.removeprefix(f"{self.protocol}://")
        try:
            if mode != "rb" or key not in self.keys:
                raise Refused(f"only the tables' own files are opened, and only for reading: not {path} ({mode})")
            yield self.store.path(key)
        except Exception as error:
            self._failure = error
            raise

    def open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        """A file of the tables. Raises ``Refused`` for any other, and for any mode but reading."""
        with self._at(path, mode) as own:
            return PlacedReads(self._files.open(own, "rb"))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Size and time of a file, asked for once."""
        if path not in self._found:
            with self._at(path) as own:
                self._found[path] = self._files.info(own)
        return self._found[path]

    def modified(self, path: str) -> datetime:
        """When a file was written."""
        found = self.info(path)
        written: datetime = found.get("LastModified") or datetime.fromtimestamp(found["mtime"], UTC)
        return written

    def glob(self, path: str, **_: Any) -> list[str]:
        """The file itself: views name their files, and there is nothing to search."""
        with self._at(path):
            return [path]


class PlacedReads(io.RawIOBase):
    """A file that several threads read, each at a place of its own: DuckDB shares an open file between them, and its
    seek and its read are two calls."""

    def __init__(self, file: Any) -> None:
        self._file, self._lock, self._at = file, threading.Lock(), threading.local()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set this thread's place."""
        if whence != io.SEEK_SET:
            with self._lock:
                offset = self._file.seek(offset, whence)
        self._at.place = offset
        return offset

    def tell(self) -> int:
        """This thread's place."""
        return getattr(self._at, "place", 0)

    def read(self, size: int = -1) -> bytes:
        """Bytes from this thread's place on."""
        with self._lock:
            self._file.seek(self.tell())
            data: bytes = self._file.read(size)
        self._at.place = self.tell() + len(data)
        return data

    def readable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
