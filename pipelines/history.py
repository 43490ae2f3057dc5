"""Dagster's history on the embedded default: its own SQLite storage, with connections that stay open.

Dagster makes a new SQLAlchemy engine for every statement, some for every event of a night: each compiles its statement
anew, and closing the database's last connection empties SQLite's log into the file. Files, tables and queries stay
Dagster's: either storage opens what the other wrote.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as db
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

BUSY_SECONDS = 60
"""How long a statement waits for another process, as Dagster's own event log does."""

OPEN = 4
"""Databases of runs that stay open: a night writes one, a page of the UI reads some."""


class Connections:
    """Engines of SQLite databases by their address, the last ones used."""

    def __init__(self) -> None:
        self._engines: dict[str, db.Engine] = {}

    @contextmanager
    def begin(self, address: str) -> Iterator[db.Connection]:
        """A transaction on the database at ``address``."""
        engine = self._engines.pop(address, None)
        self._engines[address] = engine = engine or self._made(address)
        while len(self._engines) > OPEN:
            self.close(next(iter(self._engines)))
        with engine.begin() as connection:
            yield connection

    def close(self, address: str) -> None:
        """Close what is open of a database."""
        if engine := self._engines.pop(address, None):
            engine.dispose()

    def close_all(self) -> None:
        """Close everything."""
        for address in list(self._engines):
            self.close(address)

    def _made(self, address: str) -> db.Engine:
        engine = db.create_engine(address, connect_args={"timeout": BUSY_SECONDS})

        # With SQLite's log a power cut costs the last events so, never the database: https://sqlite.org/wal.html
        @db.event.listens_for(engine, "connect")
        def quick(connection: Any, _: object) -> None:
            connection.execute("pragma synchronous = normal")

        return engine


class RunStorage(SqliteRunStorage):
    """Runs, in ``runs.db``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._connections = Connections()

    @contextmanager
    def connect(self) -> Iterator[db.Connection]:
        """A transaction."""
        with self._connections.begin(self._conn_string) as connection:
            yield connection

    def dispose(self) -> None:
        """Close what is open."""
        self._connections.close_all()


class EventLogStorage(SqliteEventLogStorage):
    """Events, in a database a run, and the index over all of them."""

    def __init__(self, *arguments: Any) -> None:
        self._connections = Connections()
        super().__init__(*arguments)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        ready = shard in self._initialized_dbs and Path(self.path_for_shard(shard)).exists()
        if not ready:
            # Dagster's own way makes the database, and then is done with it.
            self._connections.close(self.conn_string_for_shard(shard))
            with super()._connect(shard):
                pass
        with self._db_lock, self._connections.begin(self.conn_string_for_shard(shard)) as connection:
            yield connection

    def dispose(self) -> None:
        """Close what is open."""
        super().dispose()
        self._connections.close_all()


class EmbeddedStorage(DagsterSqliteStorage):
    """Both, and schedules, of which a night writes nothing, in the folder ``base_dir``: ``dagster.yaml`` names it."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.base_dir = base_dir
        self._run_storage = RunStorage.from_local(f"{base_dir}/history/")
        self._event_log_storage = EventLogStorage(f"{base_dir}/history/runs/")
        self._schedule_storage = SqliteScheduleStorage.from_local(f"{base_dir}/schedules")
        self._inst_data = inst_data
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "EmbeddedStorage":
        """From ``dagster.yaml``; Dagster's own makes its own class."""
        return cls(inst_data=inst_data, **config_value)
