"""DuckDB over the lake and the current snapshots, with tables and columns described from the contracts."""

import duckdb
import polars as pl

from assets.lake.files import CityLake
from assets.landing.s3 import S3Store
from assets.landing.store import Damaged, Store
from assets.snapshots.build import prefix
from assets.snapshots.history import current, manifest
from quality.contracts import Table
from quality.readings import QUALITIES
from quality.tables import METER_INTERVALS, METER_SUPERSEDED, TABLES

DESCRIBE = """
select "table", smart, "column", type, comment from (
    select schema_name || '.' || table_name as "table", table_name as name, column_name as "column",
        data_type as type, comment, column_index as place
    from duckdb_columns() where schema_name in ('lake', 'cdp')
    union all
    select schema_name || '.' || function_name || '(' || array_to_string(parameters, ', ') || ')',
        regexp_replace(function_name, '_as_of$', ''), null, 'table', comment, 0
    from duckdb_functions() where schema_name = 'lake'
) left join smarts using (name) where $smart is null or smart = $smart order by "table", place
"""
"""Tables and columns, of one Smart or of all."""

AS_OF = """
create macro lake.meter_intervals_as_of(day) as table
select * exclude (rank) from ({delivered}) where _delivered <= cast(day as date)
qualify row_number() over (
    partition by city, meter_id, channel, quantity, start
    order by value_delivered is not null desc, version desc nulls last, rank,
        _delivered desc, _number desc, _receipt desc, _nth desc nulls last
) = 1
"""
"""What had been delivered up to a day, by the rule of ``assets.lake.meter_intervals``. Readings off their channel's
grid are left out, and so are the slots that a complete grid has without a reading."""


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


def connect(store: Store, cities: list[str], published: dict[str, list[str]]) -> duckdb.DuckDBPyConnection:
    """A connection with a view a table: ``lake.<table>`` over all cities, ``cdp.<table>`` over ``published`` files.

    Views list their files, so a query never sees a file that a running publication adds. Nothing can be written and
    nothing outside the store can be read.
    """
    connection = duckdb.connect()
    if isinstance(store, S3Store):
        connection.register_filesystem(store.filesystem)
    connection.execute("create schema lake; create schema cdp")
    smarts = pl.DataFrame([{"name": table.name, "smart": table.smart} for table in TABLES.values()])
    connection.register("smarts", smarts.to_arrow())
    for name, contract in TABLES.items():
        if contract.folder != "lake":
            continue  # what the privacy gate remembers is for nobody else
        _view(
            connection,
            store,
            "lake",
            contract,
            [key for city in cities for key in CityLake(store, city).keys(contract)],
        )
        _view(connection, store, "cdp", contract, published.get(name, []))
    _as_of(connection)
    # Landing holds personal data: a query reads the lake and what is published, nothing beside them.
    readable = ", ".join(_quoted(f"{store.path(folder)}/") for folder in ("lake", "cdp"))
    connection.execute(f"set allowed_directories = [{readable}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
"""What a query may be. DuckDB's own limits keep it to the lake's folders, but would let it write there."""


def is_reading(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Whether every statement of ``query`` only reads. Raises ``duckdb.Error`` where it cannot be parsed."""
    return all(statement.type in READING for statement in connection.extract_statements(query))


def _view(connection: duckdb.DuckDBPyConnection, store: Store, schema: str, table: Table, keys: list[str]) -> None:
    if not keys:
        return
    files = ", ".join(_quoted(store.path(key)) for key in keys)
    # Files of an older contract lack columns that were added since, call them by another name or type, and may have
    # some that are no more: a table of today's contract brings the first, and only its columns are selected, in its
    # types.
    before = {name: pl.Null for column in table.columns for name in column.was}
    contract = f"contract_{table.name}"
    connection.register(contract, table.empty().with_columns(pl.lit(None).alias(name) for name in before).to_arrow())
    types = {name: kind for name, kind, *_ in connection.execute(f"describe {contract}").fetchall()}

    def found(name: str) -> str:
        column = table.by_column.get(name)
        names = (name, *(column.was if column else ()))
        alike = ", ".join(f'cast("{each}" as {types[name]})' for each in names)
        return f'coalesce({alike}) as "{name}"'

    columns = ", ".join(found(name) for name in table.schema)
    if all("/month=" in key for key in keys):
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
        text = column.description + (f" [{column.unit}]" if column.unit else "")
        connection.execute(f'comment on column {schema}.{table.name}."{column.name}" is {_quoted(text)}')


def _as_of(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``lake.meter_intervals_as_of`` of the tables of meter readings that there are."""
    there = {
        row[0]
        for row in connection.execute("select view_name from duckdb_views() where schema_name = 'lake'").fetchall()
    }
    names = [name for name in METER_INTERVALS.schema if name in METER_SUPERSEDED.schema]
    qualities = ", ".join(map(_quoted, QUALITIES))
    columns = f"city, month, {', '.join(names)}, list_position([{qualities}], quality) as rank"
    counts = {METER_INTERVALS.name: "_receipt is not null", METER_SUPERSEDED.name: "reason <> 'off_grid'"}
    parts = [f"select {columns} from lake.{name} where {rule}" for name, rule in counts.items() if name in there]  # noqa: S608
    if parts:
        connection.execute(AS_OF.format(delivered=" union all ".join(parts)))
        text = "Meter readings as the deliveries up to a day told them, missing slots left out."
        connection.execute(f"comment on macro table lake.meter_intervals_as_of is {_quoted(text)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
