"""Dagster's history on the embedded default: its own SQLite storage, with connections that stay open.

Dagster makes a new SQLAlchemy engine for every statement, some for every event of a night: each compiles its statement
anew, and closing the database's last connection empties SQLite's log into the file. It also writes an event in up to
four transactions and as many statements, puts it into text up to three times, and asks for each check anew which tables
there are and what it just wrote. Here what a run plans, and what a step leaves at its end, is written together, a
statement a table, and told again unasked. Files, tables and what stands in them stay Dagster's: either storage opens
what the other wrote.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as db
from dagster._core.event_api import EventLogCursor
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
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

    def has_execution_plan_snapshot(self, execution_plan_snapshot_id: str) -> bool:
        """Whether a plan is there: Dagster's own reads the whole of it."""
        return self._has_snapshot_id(execution_plan_snapshot_id)

    def dispose(self) -> None:
        """Close what is open."""
        self._connections.close_all()


MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
CHECK_PLANNED = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
CHECK_MADE = dg.DagsterEventType.ASSET_CHECK_EVALUATION

FOLLOWED = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    CHECK_PLANNED,
    dg.DagsterEventType.STEP_OUTPUT,
    MADE,
    CHECK_MADE,
}
"""Events that others follow at once: of what a run plans, that of its start; of what a step leaves, that of its end.
They wait for it, or for whoever reads. Of a process that dies in these milliseconds they are lost, with a step that had
not ended or a run that had not begun."""

INDEXED = ASSET_EVENTS | ASSET_CHECK_EVENTS | set(EVENT_TYPE_TO_PIPELINE_RUN_STATUS)
"""Events that also stand in the index over all runs."""


def _checked(event: dg.EventLogEntry, row: Mapping[str, Any], number: int) -> list[dict[str, Any]]:
    """What the index tells of a check, by the event that plans it, for each partition of its run, or by its outcome."""
    check: Any = event.get_dagster_event().event_specific_data
    stands = {
        "asset_key": check.asset_key.to_string(),
        "check_name": check.check_name,
        "run_id": event.run_id,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": number,
    }
    if event.dagster_event_type == CHECK_PLANNED:
        planned = check.partitions_subset.get_partition_keys() if check.partitions_subset else [None]
        return [stands | {"partition": each, "execution_status": Status.PLANNED.value} for each in planned]
    target = check.target_materialization_data
    outcome = {
        "partition": check.partition,
        "execution_status": (Status.SUCCEEDED if check.passed else Status.FAILED).value,
        "materialization_event_storage_id": target and target.storage_id,
    }
    return [stands | outcome]


def _awaited(index: db.Connection, check: Mapping[str, Any]) -> bool:
    """Whether a run has told of a check before: its outcome takes the place of what planned it for the same partition.
    Of Muang's, which have none in runs of one, it stands beside."""
    table = AssetCheckExecutionsTable.c
    same = [table[name] == check[name] for name in ("asset_key", "check_name", "run_id")]
    partition = table.partition.is_not_distinct_from(check["partition"])
    return index.execute(db.select(table.id).where(*same, partition)).first() is not None


class EventLogStorage(SqliteEventLogStorage):
    """Events, in a database a run, and the index over all of them."""

    def __init__(self, *arguments: Any) -> None:
        self._connections = Connections()
        self._begun: dict[str, db.Connection] = {}
        self._waiting: list[dg.EventLogEntry] = []
        self._there: set[tuple[str, str]] = set()
        self._made: dict[tuple[dg.AssetKey, str | None], dg.EventLogRecord] = {}
        super().__init__(*arguments)
        self._db_lock = threading.RLock()  # type: ignore[assignment]

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        """A transaction, or that in which this thread is already."""
        self._catch_up()
        ready = shard in self._initialized_dbs and Path(self.path_for_shard(shard)).exists()
        if not ready:
            # Dagster's own way makes the database, and then is done with it.
            self._connections.close(self.conn_string_for_shard(shard))
            with super()._connect(shard):
                pass
        with self._db_lock:
            if shard in self._begun:
                yield self._begun[shard]
                return
            with self._connections.begin(self.conn_string_for_shard(shard)) as connection:
                self._begun[shard] = connection
                try:
                    yield connection
                finally:
                    del self._begun[shard]

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Write an event, after those that wait, or let it wait too."""
        with self._db_lock:
            self._waiting.append(event)
        if event.dagster_event_type == MADE:
            made = event.get_dagster_event().step_materialization_data.materialization
            self._made.pop((made.asset_key, made.partition), None)
        if event.dagster_event_type not in FOLLOWED:
            self._catch_up()

    def _catch_up(self) -> None:
        with self._db_lock:
            events, self._waiting = self._waiting, []
            if events:
                self.store_event_batch(events)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Write events of a run in one transaction a database, that of the run first."""
        rows = [self._event_to_row(event) for event in events]
        indexed = [place for place, event in enumerate(events) if event.dagster_event_type in INDEXED]
        with self.index_connection() as index, self.run_connection(events[0].run_id) as run:
            run.execute(SqlEventLogStorageTable.insert(), rows)
            if not indexed:
                return
            index.execute(SqlEventLogStorageTable.insert(), [rows[place] for place in indexed])
            # Nobody else writes into a database of SQLite meanwhile: the numbers of these rows are the last ones.
            last = index.execute(db.select(db.func.max(SqlEventLogStorageTable.c.id))).scalar_one()
            numbers = dict(zip(indexed, range(last - len(indexed) + 1, last + 1), strict=True))
            checks: dict[dg.DagsterEventType, list[dict[str, Any]]] = {CHECK_PLANNED: [], CHECK_MADE: []}
            for place, number in numbers.items():
                event, kind = events[place], events[place].dagster_event_type
                if kind in ASSET_EVENTS:
                    self._store_asset_event_tags(index, [event], [number])
                    self._store_asset_event(index, event, number)
                    if kind == MADE and event.run_id:  # a person's, in the UI, may be overtaken by a night's process
                        made = event.get_dagster_event().step_materialization_data.materialization
                        self._made[made.asset_key, made.partition] = dg.EventLogRecord(number, event)
                elif kind in checks:
                    checks[kind] += _checked(event, rows[place], number)
            for kind, stands in checks.items():
                if kind == CHECK_MADE and stands and _awaited(index, stands[0]):
                    for place, number in numbers.items():
                        if events[place].dagster_event_type == kind:
                            self.store_asset_check_event(events[place], number)
                elif stands:
                    index.execute(AssetCheckExecutionsTable.insert(), stands)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table."""
        return self._has(super().has_table, table_name)

    def has_secondary_index(self, name: str) -> bool:
        """Whether the index has what a later version of Dagster added to it."""
        return self._has(super().has_secondary_index, name)

    def has_asset_key_col(self, column_name: str) -> bool:
        """Whether the index tells this of assets."""
        return self._has(super().has_asset_key_col, column_name)

    def _has(self, ask: Callable[[str], bool], name: str) -> bool:
        """What was there once stays: it is asked of every event."""
        asked = (ask.__name__, name)
        if asked not in self._there and ask(name):
            self._there.add(asked)
        return asked in self._there

    def _made_here(self, key: dg.AssetKey, partition: str) -> dg.EventLogRecord | None:
        """The newest materialization of a day, if this process made it."""
        if (key, partition) not in self._made:
            self._catch_up()  # it may be waiting
        return self._made.get((key, partition))

    def fetch_materializations(
        self,
        records_filter: dg.AssetKey | dg.AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,
    ) -> dg.EventRecordsResult:
        """As Dagster's own; the newest of a day that this process itself made without asking: each check asks it of its
        asset."""
        if (limit, cursor, ascending) == (1, None, False) and isinstance(records_filter, dg.AssetRecordsFilter):
            key, (only, *more) = records_filter.asset_key, records_filter.asset_partitions or [""]
            made = None if more else self._made_here(key, only)
            if made and records_filter == dg.AssetRecordsFilter(key, [only]):
                at = EventLogCursor.from_storage_id(made.storage_id).to_string()
                return dg.EventRecordsResult([made], at, has_more=False)
        return super().fetch_materializations(records_filter, limit, cursor, ascending)

    def get_latest_tags_by_partition(
        self,
        asset_key: dg.AssetKey,
        event_type: dg.DagsterEventType,
        tag_keys: Sequence[str],
        asset_partitions: Sequence[str] | None = None,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> Mapping[str, Mapping[str, str]]:
        """As Dagster's own; of a day that this process itself made without asking: each step asks it of each input."""
        only = asset_partitions[0] if asset_partitions and len(asset_partitions) == 1 else None
        made = self._made_here(asset_key, only) if only and before_cursor is None and after_cursor is None else None
        if made is None or event_type != MADE:
            return super().get_latest_tags_by_partition(
                asset_key, event_type, tag_keys, asset_partitions, before_cursor, after_cursor
            )
        assert made.asset_materialization is not None
        tags = made.asset_materialization.tags or {}
        return {str(only): {name: tags[name] for name in tag_keys if name in tags}}

    def dispose(self) -> None:
        """Close what is open."""
        self._catch_up()
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
