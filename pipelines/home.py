"""Dagster's own folder on the embedded default: its configuration, its databases, and the runs in them.

A night rests on none of it: Dagster's history tells what was, landing and lake hold what is. So what is damaged here is
moved aside and made anew, and said.
"""

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from assets.landing.store import CLOSED, LocalStore
from pipelines.settings import Settings, now

CONFIG = """\
# Written by Muang, and written anew when it is not whole. To own it, take out this line: Muang then leaves it alone.
telemetry:
  enabled: false
nux:
  enabled: false
# Dagster's SQLite, whose connections stay open.
storage:
  custom:
    module: pipelines.history
    class: EmbeddedStorage
    config:
      base_dir:
        env: DAGSTER_HOME
# Runs of the UI and its backfills queue: one city has one writer, and a night is one run over all cities.
concurrency:
  runs:
    max_concurrent_runs: 1
# Ends a run that a restart of the UI left behind.
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
# Steps print nothing; their events tell what they did. It would be two empty files a run.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
retention:
  schedule:
    purge_after_days: 35
"""
"""``dagster.yaml`` of the embedded default: SQLite in the folder itself."""

OURS = CONFIG.splitlines()[0]

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")

PATIENCE_SECONDS = 20
"""How long another may hold a database or the folder. A statement of Dagster takes milliseconds, making a new storage
about a second; what holds them longer hangs."""

PLANNED = 1_000
"""Events that Dagster hands to its storage together: what a run is going to make and check, thousands in a night of 36
cities. By itself it hands over one at a time."""

DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

Say = Callable[[str], None]


class UnusableHome(Exception):
    """The home folder, or an operator's own ``dagster.yaml``, is no good for a night; the message says why."""


def make_folder(settings: Settings) -> Path:
    """Dagster's own folder in the home, which its owner alone may enter: its events tell of single deliveries. Raises
    ``UnusableHome``, and ``OSError`` where the disk fails."""
    folder = settings.home.absolute() / "dagster"
    try:
        folder.mkdir(mode=CLOSED.folder, parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # of another owner, who decides
            folder.chmod(CLOSED.folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
            raise
        raise UnusableHome(f"setting home: the folder {folder} cannot be made: {error.strerror}") from None
    return folder


def dagster_home(settings: Settings, say: Say) -> Path:
    """Dagster's own folder with its configuration; one that is not whole is made again, and said.

    Raises as ``make_folder`` does.
    """
    folder = make_folder(settings)
    file = folder / "dagster.yaml"
    written = file.read_bytes() if file.exists() else b""
    if not _is_whole(written):
        if written.strip():
            say(f"{file} is no YAML: moved to {_aside(file).name} and made anew")
        LocalStore(folder.parent).write("dagster/dagster.yaml", CONFIG.encode())
    return folder


def _is_whole(written: bytes) -> bool:
    """Whether a ``dagster.yaml`` is ours as it should be, or an operator's own."""
    try:
        text = written.decode()
        return text == CONFIG if text.startswith(OURS) else isinstance(yaml.safe_load(text), dict)
    except (UnicodeDecodeError, yaml.YAMLError):
        return False


@contextlib.contextmanager
def open_instance(folder: Path, say: Say) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance in its folder. A database that is damaged, or that another holds for longer than
    ``PATIENCE_SECONDS``, is moved aside and made anew, and said. Two that begin at once wait for each other: Dagster
    makes a new storage without a lock."""
    with contextlib.ExitStack() as stack:
        with _alone(folder / "storage.lock"):
            for name in DATABASES:
                if trouble := _trouble(folder / name):
                    say(f"{folder / name} {trouble}: moved to {_aside(folder / name).name} and made anew")
            os.environ["DAGSTER_HOME"] = str(folder)  # dagster.yaml asks for it
            os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(PLANNED))
            try:
                instance = stack.enter_context(dg.DagsterInstance.from_config(str(folder)))
            except dg.DagsterInvalidConfigError as error:
                raise UnusableHome(f"{folder / 'dagster.yaml'}: {' '.join(str(error).split())}") from None
        yield instance


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock file. Raises ``TimeoutError`` when another process does for too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with lock.open("w") as held:
        while not _locks(held.fileno()):
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process holds Dagster's folder", str(lock))
            time.sleep(0.05)
        yield


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _trouble(database: Path) -> str | None:
    """What keeps Dagster from using a database, if anything does. Raises ``sqlite3.Error`` for what a new one would not
    mend, as a full disk."""
    if not database.exists():
        return None
    if not database.stat().st_size:
        return "is empty"
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=PATIENCE_SECONDS)) as connection:
            connection.execute("begin immediate")
            (found,) = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest tells the kind apart
        if code in LOCKED:
            return f"has been locked by another for {PATIENCE_SECONDS} s"
        if code not in DAMAGED:
            raise
        found = str(error)
    return None if found == "ok" else f"is damaged ({' '.join(found.split())})"


def _aside(file: Path) -> Path:
    """Move a file, with the logs of a database, out of the way; returns its new name."""
    stamp = now().strftime("%Y%m%dT%H%M%S.%f")
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            part.rename(part.with_name(f"{part.name}.damaged-{stamp}"))
    return file.with_name(f"{file.name}.damaged-{stamp}")


@contextlib.contextmanager
def alive(folder: Path, run: str) -> Iterator[None]:
    """Tell, for as long as it lasts, that the process of a run lives: by a lock, which no death leaves held. Its file
    stays for ``end_dead_runs``: on a full disk a run cannot be marked as ended."""
    running = folder / "running"
    running.mkdir(exist_ok=True)
    with (running / f"{run}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def end_dead_runs(instance: dg.DagsterInstance, folder: Path) -> int:
    """End the runs of the command line whose process is surely gone; returns how many. Other runs, as those of the UI,
    are not looked at: their own monitoring ends them."""
    ended = 0
    for file in (folder / "running").glob("*.lock"):
        with contextlib.suppress(FileNotFoundError), file.open() as held:
            if _locks(held.fileno()):
                run = instance.get_run_by_id(file.stem)
                if run and not run.is_finished:
                    instance.report_run_failed(run, "The process that ran it is gone: killed, or its machine stopped.")
                    ended += 1
                file.unlink(missing_ok=True)
    return ended


def forget_old_runs(instance: dg.DagsterInstance, folder: Path, nights: int) -> int:
    """Remove the runs that ended and are older than so many days, with their events and files; returns how many."""
    before = now().astimezone(UTC) - timedelta(days=nights)  # SQLite compares texts, and Dagster's are in UTC
    old = [run for run in instance.get_runs(dg.RunsFilter(created_before=before)) if run.is_finished]
    for run in old:
        instance.delete_run(run.run_id)
        storage = instance.event_log_storage
        if isinstance(storage, SqlEventLogStorage):  # which keeps what checks found
            with storage.index_connection() as connection:
                table = AssetCheckExecutionsTable
                connection.execute(table.delete().where(table.c.run_id == run.run_id))
        for left in (folder / "history" / "runs").glob(f"{run.run_id}.db*"):
            left.unlink(missing_ok=True)
    return len(old)
