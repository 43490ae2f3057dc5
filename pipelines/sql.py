"""DuckDB over the lake and the current snapshots, with tables and columns described from the contracts."""

import json

import duckdb

from assets.lake import tables as lake
from assets.snapshots import commit
from assets.snapshots.build import prefix
from assets.store import S3Store, Store
from quality.contracts import Table
from quality.tables import TABLES

DESCRIBE = """
select schema_name || '.' || table_name as "table", column_name as "column", data_type as type, comment
from duckdb_columns() where schema_name in ('lake', 'cdp') order by schema_name, table_name, column_index
"""


def connect(store: Store, cities: list[str]) -> duckdb.DuckDBPyConnection:
    """A connection with a view a table: ``lake.<table>`` over all cities, ``cdp.<table>`` over current snapshots.

    Views list their files, so a query never sees a file that a running publication adds. Nothing can be written and
    nothing outside the store can be read.
    """
    connection = duckdb.connect()
    if isinstance(store, S3Store):
        connection.register_filesystem(store.filesystem)
    connection.execute("create schema lake; create schema cdp")
    published: dict[str, list[str]] = {}
    for city in cities:
        if entry := commit.current(store, city):
            manifest = json.loads(commit.show(store, city, entry.snapshot_id))
            for name, table in manifest["tables"].items():
                keys = [f"{prefix(city, entry.snapshot_id)}/{path}" for path in table["files"]]
                published.setdefault(name, []).extend(keys)
    for name, contract in TABLES.items():
        _view(connection, store, "lake", contract, [key for city in cities for key in lake.keys(store, contract, city)])
        _view(connection, store, "cdp", contract, published.get(name, []))
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
    types = "hive_partitioning = true, hive_types = {'city': varchar, 'month': varchar}"
    connection.execute(f"create view {schema}.{table.name} as select * from read_parquet([{files}], {types})")  # noqa: S608
    connection.execute(f"comment on view {schema}.{table.name} is {_quoted(table.description)}")
    for column in table.columns:
        text = column.description + (f" [{column.unit}]" if column.unit else "")
        connection.execute(f'comment on column {schema}.{table.name}."{column.name}" is {_quoted(text)}')


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
