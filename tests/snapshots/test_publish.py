"""Publishing: what a reader sees through kills, races, lost acknowledgements and damaged files."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.landing.store import LocalStore, Store
from assets.snapshots import build
from assets.snapshots.build import Refused, prefix
from assets.snapshots.commit import Conflict
from assets.snapshots.describe import datapackage
from assets.snapshots.history import current, history, manifest as manifest_of, repair
from assets.snapshots.verify import verify
from pipelines.queries import TableFiles
from pipelines.sql import connect, published
from quality import tables as contracts
from quality.tables import INDICATORS, TABLES
from tests.kit import sampled

pytestmark = pytest.mark.usefixtures("without_suites")

STEPS = 11
"""Of publishing ``made_up.few_tables``: two data files, seven others, the history entry, the pointer."""
SYNCS = 27
"""Of them: each file and the folder it lies in, and the folders above the six that are new."""


class Wrapped:
    """A store of which some methods are replaced."""

    def __init__(self, store: Store, **methods) -> None:
        self._store = store
        self.__dict__.update(methods)

    def __getattr__(self, name: str):
        return getattr(self._store, name)


def sees(store: Store) -> str | None:
    """What a reader of the current snapshot gets: its id, after reading and checking all of it."""
    entry = current(store, "phuket")
    if entry is None:
        return None
    assert verify(store, "phuket", entry.snapshot_id, entry.manifest_sha256) == []
    return entry.snapshot_id


def test_a_night_is_published_and_the_next_follows_it(store: Store, made_up) -> None:
    first = made_up.published(store)
    second = made_up.published(store)
    assert sees(store) == second.snapshot_id
    assert [(entry.seq, entry.parent) for entry in history(store, "phuket")] == [(1, None), (2, first.snapshot_id)]
    assert verify(store, "phuket", first.snapshot_id, first.manifest_sha256) == [], "yesterday's is still readable"
    assert second.synthetic
    assert manifest_of(store, second)["snapshot_id"] == second.snapshot_id
    assert current(store, "samyan") is None


def test_the_manifest_tells_every_file_as_it_is(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    entry = made_up.published(store, made_up.all_tables())
    folder = tmp_path / prefix("phuket", entry.snapshot_id)
    on_disk = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(on_disk.pop("meta/manifest.json"))
    assert {file["path"]: (file["bytes"], file["sha256"]) for file in manifest["files"]} == {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in on_disk.items()
    }
    assert manifest["synthetic"] is True
    assert manifest["inputs"] == ["a", "b"]
    assert manifest["checks"] == {"pass": 2}
    assert manifest["tables"]["load_profile"]["rows"] == 2 * 3 * 96
    assert (manifest["tables"]["load_profile"]["first_day"], manifest["day"]) == ("2026-10-31", "2026-11-23")
    for path in on_disk:
        assert path.endswith(".parquet") or not path.startswith("data/"), "engines read all they find under data/"
    package = json.loads(on_disk["datapackage.json"])
    for resource in package["resources"]:
        for path in [resource["path"]] if isinstance(resource["path"], str) else resource["path"]:
            assert path in on_disk
            fields = [field["name"] for field in resource["schema"]["fields"]]
            assert fields == pl.read_parquet(folder / path, hive_partitioning=False).columns
    dictionary = json.loads(on_disk["meta/dictionary.json"])
    units = {column["name"]: column.get("unit") for column in dictionary["load_profile"]["columns"]}
    assert units["kwh"] == "kWh"
    assert all(column["description"] for table in dictionary.values() for column in table["columns"])


def test_a_table_is_one_file_and_one_a_month_when_it_has_many_rows(tmp_path: Path, made_up, monkeypatch) -> None:
    profile = made_up.load_profile()["kwh"].sum()
    monkeypatch.setattr(build, "MANY_ROWS", 2 * 288)
    store = LocalStore(tmp_path)
    entry = made_up.published(store, made_up.all_tables())
    for name, months in (("load_profile", ["2026-10", "2026-11"]), ("weather", None)):
        files = f"{tmp_path}/{prefix('phuket', entry.snapshot_id)}/data/{name}/**/*.parquet"
        columns = [column for column, *_ in duckdb.sql(f"describe from read_parquet('{files}')").fetchall()]
        assert ("month" in columns) == (months is not None)
        paths = manifest_of(store, entry)["tables"][name]["files"]
        found = [re.findall(r"/month=([0-9-]{7})/", path) for path in paths]
        assert found == ([[month] for month in months] if months else [[]])
    profiles = f"{tmp_path}/{prefix('phuket', entry.snapshot_id)}/data/load_profile/**/*.parquet"
    query = f"select month, count(*), sum(kwh) from read_parquet('{profiles}') group by 1 order by 1"
    assert duckdb.sql(query).fetchall() == [("2026-10", 288, profile), ("2026-11", 288, profile)]
    with connect(TableFiles(store), ["phuket"], published(store, ["phuket"])[0]) as connection:
        query = "select city, month, count(*) from cdp.{} group by all order by all"
        asked = [connection.execute(query.format(name)).fetchall() for name in ("load_profile", "weather")]
    assert asked == [[("phuket", "2026-10", 288), ("phuket", "2026-11", 288)], [("phuket", "2026-11", 24)]]


def test_the_same_tables_make_the_same_data_files(tmp_path: Path, made_up) -> None:
    digests = []
    for store, turn in ((LocalStore(tmp_path / "a"), False), (LocalStore(tmp_path / "b"), True)):
        tables = {name: frame.reverse() if turn else frame for name, frame in made_up.all_tables().items()}
        entry = made_up.published(store, tables)
        manifest = manifest_of(store, entry)
        digests.append({f["path"]: f["sha256"] for f in manifest["files"] if "table" in f})
    assert digests[0] == digests[1]


# Kills


def run_publisher(store_uri: str, moment: str, step: int, endpoint: str = "") -> subprocess.CompletedProcess:
    script = Path(__file__).parent / "publisher.py"
    environment = os.environ | {"S3": endpoint, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, script, store_uri, moment, str(step)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_the_kills_below_reach_every_step(tmp_path: Path, made_up) -> None:
    for moment, steps in (("before", STEPS), ("fsync", SYNCS)):
        made_up.published(LocalStore(tmp_path / moment), made_up.few_tables(stops=3))
        assert run_publisher(str(tmp_path / moment), moment, 0).stdout.split() == [str(steps)]


# After a step is before the next one.
@pytest.mark.parametrize(
    ("moment", "step"),
    sampled(
        [
            *(("before", step) for step in range(1, STEPS + 1)),
            ("after", STEPS),
            *(("fsync", step) for step in range(1, SYNCS + 1, 3)),
        ],
        2,
    ),
)
def test_killed_anywhere_a_reader_sees_old_or_new_and_the_next_run_goes_on(
    tmp_path: Path, made_up, moment: str, step: int
) -> None:
    store = LocalStore(tmp_path)
    old = made_up.published(store, made_up.few_tables(stops=3))
    done = run_publisher(str(tmp_path), moment, step)
    assert done.returncode == -9, done.stderr

    seen = sees(store)
    committed = history(store, "phuket")
    assert seen in {entry.snapshot_id for entry in committed}
    assert len(committed) <= 2
    repaired = repair(store, "phuket")
    assert repaired.entry == committed[-1]
    assert sees(store) == committed[-1].snapshot_id
    if len(committed) == 1:
        assert seen == old.snapshot_id

    new = made_up.published(store)
    assert (new.seq, new.parent) == (len(committed) + 1, committed[-1].snapshot_id)
    assert sees(store) == new.snapshot_id


# At the commit; ``make trials`` kills the first and the last step too.
@pytest.mark.parametrize(
    "step", [STEPS - 2, STEPS - 1, *(pytest.param(step, marks=pytest.mark.trial) for step in (1, STEPS))]
)
def test_killed_on_s3_likewise(s3_store, s3_endpoint: str, made_up, step: int) -> None:
    made_up.published(s3_store, made_up.few_tables(stops=3))
    done = run_publisher(s3_store.uri, "after", step, s3_endpoint)
    assert done.returncode == -9, done.stderr
    assert sees(s3_store) is not None
    committed = history(s3_store, "phuket")
    assert len(committed) == (1 if step < STEPS - 1 else 2)
    assert made_up.published(s3_store).seq == len(committed) + 1
    assert sees(s3_store) == current(s3_store, "phuket").snapshot_id


# Races


def test_of_two_publishers_one_commits_and_the_other_is_told(store: Store, made_up) -> None:
    gate = threading.Barrier(2, timeout=60)

    def create(key: str, data: bytes) -> bool:
        gate.wait()
        return store.create(key, data)

    def one(_: int):
        try:
            return made_up.published(Wrapped(store, create=create))
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(one, range(2)))
    won = [outcome for outcome in outcomes if not isinstance(outcome, Conflict)]
    assert len(won) == 1
    assert [entry.token for entry in history(store, "phuket")] == [won[0].token]
    assert sees(store) == won[0].snapshot_id
    failed = [key for key in store.list("cdp/city=phuket/snapshots") if key.endswith("FAILED.json")]
    assert len(failed) == 1
    assert won[0].snapshot_id not in failed[0]
    assert made_up.published(store).seq == 2, "told, it publishes again"


def test_a_slow_publisher_never_moves_the_pointer_back(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)

    def swap(key: str, data: bytes, tag: str | None) -> bool:
        if len(history(store, "phuket")) == 1:
            made_up.published(store)  # another one, while this one hangs before its swap
        return store.swap(key, data, tag)

    slow = made_up.published(Wrapped(store, swap=swap))
    assert slow.seq == 1
    assert [entry.seq for entry in history(store, "phuket")] == [1, 2]
    assert current(store, "phuket").seq == 2


# Lost acknowledgements and failing stores


@pytest.mark.parametrize("method", ["create", "swap"])
def test_a_lost_acknowledgement_is_one_commit(store: Store, made_up, method: str) -> None:
    def lossy(*arguments):
        getattr(store, method)(*arguments)
        raise OSError("connection reset")

    entry = made_up.published(Wrapped(store, **{method: lossy}))
    assert [found.token for found in history(store, "phuket")] == [entry.token]
    assert sees(store) == entry.snapshot_id


@pytest.mark.parametrize("method", ["write", "create", "swap"])
def test_a_store_that_fails_leaves_what_was_published(tmp_path: Path, made_up, method: str) -> None:
    store = LocalStore(tmp_path)
    old = made_up.published(store)

    def failing(*_):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        made_up.published(Wrapped(store, **{method: failing}))
    assert sees(store) == old.snapshot_id
    assert made_up.published(store).seq == (3 if method == "swap" else 2)


def test_a_write_that_lies_is_found_before_the_commit(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)

    def torn(key: str, data: bytes) -> None:
        store.write(key, data[:-1] if "transit_stops" in key else data)

    with pytest.raises(Refused, match="transit_stops"):
        made_up.published(Wrapped(store, write=torn))
    assert current(store, "phuket") is None
    (failed,) = [key for key in store.list("cdp") if key.endswith("meta/FAILED.json")]
    assert "transit_stops" in json.loads(store.read(failed))["reason"]


# What must not be published


def test_a_blocked_or_private_or_broken_table_is_refused(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    stops = made_up.transit_stops()
    for tables, verdicts, reason in (
        ({"transit_stops": stops}, made_up.verdicts("block", "transit_stops"), "blocked by freshness"),
        ({"meters": TABLES["meters"].empty()}, made_up.verdicts(), "not a table that is published"),
        ({"meter_intervals": TABLES["meter_intervals"].empty()}, made_up.verdicts(), "not a table that is published"),
        ({"transit_stops": stops.drop("lat")}, made_up.verdicts(), "contract"),
        ({"transit_stops": pl.concat([stops, stops])}, made_up.verdicts(), "more than once"),
    ):
        with pytest.raises(Refused, match=reason):
            made_up.published(store, tables, verdicts=verdicts)
    assert current(store, "phuket") is None


def test_an_empty_table_is_published_as_empty(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    entry = made_up.published(store, made_up.few_tables() | {"weather": TABLES["weather"].empty()})
    manifest = manifest_of(store, entry)
    assert (manifest["tables"]["weather"]["rows"], manifest["tables"]["weather"]["files"]) == (0, [])
    assert sees(store) == entry.snapshot_id


# Verification


def test_every_single_bit_that_flips_is_found(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    entry = made_up.published(store)
    at = prefix("phuket", entry.snapshot_id)
    for key in store.list(at):
        sound = store.read(key)
        for place in (0, len(sound) // 2, len(sound) - 1):
            store.write(key, sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
            (problem,) = verify(store, "phuket", entry.snapshot_id, entry.manifest_sha256)
            assert problem.startswith(key.removeprefix(f"{at}/"))
        store.write(key, sound)
    assert verify(store, "phuket", entry.snapshot_id, entry.manifest_sha256) == []


def test_missing_and_stray_files_are_named(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    entry = made_up.published(store)
    at = prefix("phuket", entry.snapshot_id)
    store.write(f"{at}/data/transit_stops/part-00001-00000000.parquet", b"")
    store.delete(f"{at}/index.html")
    problems = verify(store, "phuket", entry.snapshot_id)
    assert [problem.split(":")[0] for problem in problems] == [
        "data/transit_stops/part-00001-00000000.parquet",
        "index.html",
    ]
    assert verify(store, "phuket", "20260101T000000Z-00000000") == ["meta/manifest.json: missing"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff"])
def test_a_manifest_that_is_none_is_no_crash(tmp_path: Path, content: bytes) -> None:
    store = LocalStore(tmp_path)
    store.write(f"{prefix('phuket', 'x')}/meta/manifest.json", content)
    assert verify(store, "phuket", "x")[0].startswith("meta/manifest.json")


def test_indicators_keep_their_contract(made_up) -> None:
    batch = INDICATORS.conform(made_up.all_tables()["indicators"])
    good, bad = batch.rows, batch.found
    assert bad.is_empty()
    assert good["reference_date"].unique().to_list() == [date(2026, 11, 23)]


def test_an_open_licence_travels_with_the_data_and_none_that_holds_for_a_part(made_up) -> None:
    tables = [contracts.FACILITIES, contracts.TRANSIT_STOPS, contracts.EV_CHARGERS, contracts.WEATHER]
    files = [{"table": table.name, "path": f"{table.name}.parquet", "bytes": 1, "sha256": "0"} for table in tables]
    told = datapackage(made_up.city(), made_up.DAY, "id", tables, files)["resources"]
    names = {one["name"]: [licence["name"] for licence in one.get("licenses", [])] for one in told}
    assert names == {"facilities": ["ODbL-1.0"], "transit-stops": [], "ev-chargers": [], "weather": []}
