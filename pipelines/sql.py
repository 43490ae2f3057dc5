"""DuckDB over the lake and the current snapshots, with tables and columns described from the contracts."""

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

import duckdb
import polars as pl

from assets.lake.files import CityLake
from assets.landing.store import Damaged, Store
from assets.snapshots.build import prefix
from assets.snapshots.history import current, manifest
from pipelines.queries import Refused, TableFiles, reading
from quality.contracts import Table
from quality.meter_grid import MINUTE
from quality.readings import QUALITIES
from quality.tables import METER_DECISIONS, METER_INTERVALS, METER_SUPERSEDED, TABLES

DESCRIBE = """
select "table", smart, "column", type, comment from (
    select schema_name || '.' || table_name as "table", table_name as name, column_name as "column",
        data_type as type, comment, column_index as place
    from duckdb_columns() where schema_name in ('lake', 'cdp')
    union all
    select schema_name || '.' || function_name || '(' || array_to_string(parameters, ', ') || ')',
        regexp_replace(function_name, '_as_of$', ''), null, 'table', comment, 0
    from duckdb_functions() where schema_name = 'lake'
) left join contracts.smarts using (name) where $smart is null or smart = $smart order by "table", place
"""
"""Tables and columns, of one Smart or of all."""

AS_OF = """
create macro lake.meter_intervals_as_of(day) as table
with came as (select * from ({delivered}) where _delivered <= cast(day as date)),
mixed as (select distinct city, meter_id, channel, quantity, local_date from came where beside),
grids as (
    select city, meter_id, channel, quantity, local_date, minutes as grid
    from came semi join mixed using (city, meter_id, channel, quantity, local_date)
    where placed group by city, meter_id, channel, quantity, local_date, minutes
    qualify row_number() over (
        partition by city, meter_id, channel, quantity, local_date order by count(distinct start) desc, minutes
    ) = 1
)
select told.*, about.decision, about.value as value_decided, about.reason, about.decided_by, about.decided_at
from (
    select * exclude (rank, beside, placed, grid)
    from came left join grids using (city, meter_id, channel, quantity, local_date)
    where case when grid is null then not beside else placed and minutes = grid end
    qualify row_number() over (
        partition by city, meter_id, channel, quantity, start
        order by value_delivered is not null desc, quality = 'actual' desc, version desc nulls last, rank,
            _delivered desc, _number desc, _receipt desc, _nth desc nulls last
    ) = 1
) told left join {decisions} about on about.city = told.city and about.meter_id = told.meter_id
    and about.quantity = told.quantity and told.start >= about.start and told.start < about."end"
    and about._delivered <= cast(day as date)
qualify row_number() over (
    partition by told.city, told.meter_id, told.channel, told.quantity, told.start
    order by about.decided_at desc nulls last, about._delivered desc, about._number desc, about._receipt desc,
        about._nth desc
) = 1
"""
"""What had been delivered up to a day, by the rule of ``assets.lake.meter_intervals``. Readings off their channel's
grid, as what had come by then tells it (``quality.meter_grid.align``), are left out, and so are the slots that a
complete grid has without a reading. Beside each is what people had decided of it by that day, by the rule of
``quality.vee.decisions``."""

_PLACED = f"1440 % minutes = 0 and (epoch_us(start) + 420::bigint * {MINUTE}) % (minutes::bigint * {MINUTE}) = 0"
"""Whether a reading lies on the grid of its own length; Bangkok is seven hours ahead of UTC."""


T = TypeVar("T")

HEARD = 0.2
"""Seconds within which Ctrl-C is heard."""

STOPPING = 5
"""Seconds that an interrupted query has to end; then its process ends without it."""

OF_THE_QUERY = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.OutOfMemoryException,
)
"""Errors that no file is to blame for. For others every file that was asked is checked."""


def published(store: Store, cities: list[str]) -> tuple[dict[str, list[str]], list[Damaged]]:
    """Files of the current snapshots by table, and what keeps cities from being read."""
    files: dict[str, list[str]] = {}
    damaged = []
    for city in cities:
        try:
            if entry := current(store, city):
                for name, table in manifest(store, entry)["tables"].items():
                    keys = [f"{prefix(city, entry.snapshot_id)}/{path}" for path in table["files"]]
                    files.setdefault(name, []).extend(keys)
        except Damaged as error:
            damaged.append(error)
    return files, damaged


def ask(
    files: TableFiles,
    cities: list[str],
    published: dict[str, list[str]],
    query: str | None = None,
    smart: str | None = None,
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of the answer to ``query``; without one, the tables and columns there are (of one Smart).

    Raises ``Refused`` for what is no query that reads, ``duckdb.Error`` for one that is wrong, and what
    ``TableFiles.raise_cause`` raises where it is the files.
    """
    described = (DESCRIBE, {"smart": smart})
    asked = (reading(query),) if query else described
    connections = list[duckdb.DuckDBPyConnection]()

    def answered() -> tuple[list[str], list[tuple[Any, ...]]]:
        with connect(files, cities, published, query) as connection:
            connections.append(connection)
            if not connection.execute(*described).fetchone():
                raise Refused(f"the store {files.store.uri} holds no such tables yet; `muang nightly` fills it")
            result = connection.execute(*asked)
            return _apart([column[0] for column in result.description or ()]), result.fetchall()

    try:
        return _interruptible(answered, connections)
    except OF_THE_QUERY:
        raise
    except duckdb.Error:
        files.raise_cause()
        raise


def _interruptible(work: Callable[[], T], connections: Sequence[duckdb.DuckDBPyConnection]) -> T:
    """``work`` in a thread of its own, so that Ctrl-C is heard: the engine, which reads by our file system, looks for
    it seldom or never."""
    answer = Future[T]()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        # The signal may come to a thread of the engine, which wakes nobody who waits without end.
        while not answer.done():
            wait([answer], timeout=HEARD)
        return answer.result()
    except KeyboardInterrupt:
        until = time.monotonic() + STOPPING
        # More than once: it may just have begun.
        while not answer.done() and time.monotonic() < until:
            for connection in connections:
                with suppress(duckdb.ConnectionException):  # it may end, and be closed, just now
                    connection.interrupt()
            time.sleep(0.1)
        raise


def _apart(names: Sequence[str]) -> list[str]:
    """Names of columns, of equal ones all but the first with a number: ``kwh``, ``kwh_1``."""
    found = list[str]()
    for name in names:
        number = itertools.count(1)
        told = name
        while told in found:
            told = f"{name}_{next(number)}"
        found.append(told)
    return found


def connect(
    files: TableFiles, cities: list[str], published: dict[str, list[str]], query: str | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection with a view a table: ``lake.<table>`` over all cities, ``cdp.<table>`` over ``published`` files.

    Only the tables that ``query`` names have views, all that have rows where it names none: to list and open the files
    of a year takes seconds. One of the lake that is named and has no rows, as of what was refused where nothing was, is
    empty; what is not published is not there. Views list their files, so a query never sees a file that a running
    publication adds. The engine can open these ``files`` for reading, and nothing else. Raises ``duckdb.Error`` for a
    file that is no Parquet.
    """
    connection = duckdb.connect()
    connection.register_filesystem(files)
    # What views are made with lies in a database beside them, so that `show tables` lists tables.
    connection.execute("create schema lake; create schema cdp; attach ':memory:' as contracts")
    smarts = pl.DataFrame([{"name": table.name, "smart": table.smart} for table in TABLES.values()])
    _put(connection, "contracts.smarts", smarts)
    named = _named(query)
    for contract in named or TABLES.values():
        shown = published.get(contract.name, [])
        # What is remembered of published numbers lies beside the lake, and is for nobody to ask.
        if contract.folder == "lake":
            held = [key for city in cities for key in CityLake(files.store, city).keys(contract)]
            # A name without a schema is the lake's before it is that of what was published.
            _view(connection, "lake", contract, files.add(held), empty=contract in named and not shown)
        _view(connection, "cdp", contract, files.add(shown), empty=False)
    _as_of(connection)
    connection.execute(f"set allowed_directories = ['{TableFiles.protocol}://']")
    connection.execute("set search_path = 'lake,cdp'")
    # A day of ``start`` is the city's, as in ``local_date``, on whatever machine it is asked.
    connection.execute("set timezone = 'Asia/Bangkok'")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def _named(query: str | None) -> list[Table]:
    """Tables whose names stand in a query, and what macros of those names read."""
    text = (query or "").casefold()
    if "meter_intervals_as_of" in text:
        text += f"{METER_SUPERSEDED.name} {METER_DECISIONS.name}"
    return [table for name, table in TABLES.items() if name in text]


def _put(connection: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    connection.register("rows", rows.to_arrow())
    connection.execute(f"create or replace table {name} as from rows")
    connection.unregister("rows")


def _view(connection: duckdb.DuckDBPyConnection, schema: str, table: Table, paths: list[str], *, empty: bool) -> None:
    """``empty``: also of a table without rows."""
    if not paths:
        if empty:
            _put(connection, f"contracts.{table.name}", table.empty())
            connection.execute(
                f"create view {schema}.{table.name} as "  # noqa: S608
                f"select *, null::varchar as city, null::varchar as month from contracts.{table.name}"
            )
        return
    files = ", ".join(map(_quoted, paths))
    # Files of an older contract lack columns that were added since, call them by another name or type, and may have
    # some that are no more: a table of today's contract brings the first, and only its columns are selected, in its
    # types.
    before = {name: pl.Null for column in table.columns for name in column.was}
    contract = f"contracts.{table.name}"
    _put(connection, contract, table.empty().with_columns(pl.lit(None).alias(name) for name in before))
    types = {name: kind for name, kind, *_ in connection.execute(f"describe {contract}").fetchall()}

    def found(name: str) -> str:
        column = table.by_column.get(name)
        names = (name, *(column.was if column else ()))
        alike = ", ".join(f'cast("{each}" as {types[name]})' for each in names)
        return f'coalesce({alike}) as "{name}"'

    columns = ", ".join(found(name) for name in table.schema)
    if all("/month=" in path for path in paths):
        options = "hive_partitioning = true, hive_types = {'city': varchar, 'month': varchar}"
        places = "city, month"
    else:
        # A table of few rows has a file a year, and beside it perhaps files of before it was one; a published table
        # has one file in one city and one a month in another.
        options = "hive_partitioning = false, filename = true"
        places = f"regexp_extract(filename, 'city=([^/]+)', 1) as city, strftime(\"{table.day}\", '%Y-%m') as month"
    connection.execute(
        f"create view {schema}.{table.name} as select {columns}, {places} from ("  # noqa: S608
        f"select * from read_parquet([{files}], union_by_name = true, {options}) "
        f"union all by name select * from {contract})"
    )
    connection.execute(f"comment on view {schema}.{table.name} is {_quoted(table.description)}")
    for column in table.columns:
        text = table.meaning(column) + (f" [{column.unit}]" if column.unit else "")
        connection.execute(f'comment on column {schema}.{table.name}."{column.name}" is {_quoted(text)}')


def _as_of(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``lake.meter_intervals_as_of`` of the tables of meter readings that there are."""
    there = {
        row[0]
        for row in connection.execute("select view_name from duckdb_views() where schema_name = 'lake'").fetchall()
    }
    names = [name for name in METER_INTERVALS.schema if name in METER_SUPERSEDED.schema]
    qualities = ", ".join(map(_quoted, QUALITIES))
    columns = f"city, month, {', '.join(names)}, list_position([{qualities}], quality) as rank, {_PLACED} as placed"
    beside = {METER_INTERVALS.name: "false", METER_SUPERSEDED.name: "reason = 'off_grid'"}
    parts = [
        f"select {columns}, {how} as beside from lake.{name} where _receipt is not null"  # noqa: S608
        for name, how in beside.items()
        if name in there
    ]
    if parts:
        decisions = f"lake.{METER_DECISIONS.name}"
        if METER_DECISIONS.name not in there:
            decisions = "contracts.no_decisions"
            _put(connection, decisions, METER_DECISIONS.empty().with_columns(city=pl.lit("")))
        connection.execute(AS_OF.format(delivered=" union all ".join(parts), decisions=decisions))
        text = "Meter readings as the deliveries up to a day told them, missing slots left out, with what was decided."
        connection.execute(f"comment on macro table lake.meter_intervals_as_of is {_quoted(text)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
