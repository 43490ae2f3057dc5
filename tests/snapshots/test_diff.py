"""What changed between two snapshots, against a plain comparison of their rows."""

import random
from datetime import timedelta

import polars as pl
import pytest

from assets.landing.store import LocalStore
from assets.snapshots.build import MANIFEST, PAGE, prefix
from assets.snapshots.diff import compare, diff
from assets.snapshots.history import manifest
from assets.snapshots.verify import verify
from quality.tables import AIR_QUALITY, TABLES

pytestmark = pytest.mark.usefixtures("without_suites")


def plain(was: pl.DataFrame, now: pl.DataFrame, key: tuple[str, ...]):
    """Keys that were added and removed, and of those that stayed which values changed; lineage aside."""

    def by_key(frame: pl.DataFrame) -> dict:
        return {
            tuple(row[name] for name in key): {name: value for name, value in row.items() if not name.startswith("_")}
            for row in frame.iter_rows(named=True)
        }

    old, new = by_key(was), by_key(now)
    changed = {
        (each, name, old[each][name], new[each][name])
        for each in old.keys() & new.keys()
        for name in new[each]
        if old[each][name] != new[each][name]
    }
    return new.keys() - old.keys(), old.keys() - new.keys(), changed


@pytest.mark.parametrize("seed", range(12))
def test_rows_and_values_are_told_as_a_plain_comparison_tells_them(made_up, seed: int) -> None:
    chance = random.Random(seed)
    whole = made_up.air_quality()
    parts = []
    for _ in range(2):
        level = pl.Series([chance.choice([None, 1.5, 30.0, 30.25]) for _ in range(whole.height)], dtype=pl.Float64)
        keeps = pl.Series([chance.random() < 0.8 for _ in range(whole.height)])
        parts.append(whole.with_columns(pm25_ug_m3=level, _row=pl.lit(chance.randrange(9), pl.Int64)).filter(keeps))
    was, now = parts
    found = compare("air_quality", was, now)
    added, removed, changed = plain(was, now, AIR_QUALITY.key)
    assert (found.table, found.rows) == ("air_quality", (was.height, now.height))
    assert (found.added, found.removed) == (len(added), len(removed))
    assert found.changed == len({key for key, *_ in changed})
    assert found.columns == {"pm25_ug_m3": len(changed)}
    keys = [tuple(row[name] for name in AIR_QUALITY.key) for row in found.cells.iter_rows(named=True)]
    told = dict(zip(keys, found.cells.to_dicts(), strict=True))
    assert {key for key, row in told.items() if row["change"] == "added"} == added
    assert {key for key, row in told.items() if row["change"] == "removed"} == removed
    values = {
        (key, row["column"], *(None if row[end] is None else float(row[end]) for end in ("before", "after")))
        for key, row in told.items()
        if row["change"] == "changed"
    }
    assert values == changed


def test_the_same_rows_delivered_again_are_no_difference(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    tables = made_up.few_tables()
    again = tables | {"transit_stops": tables["transit_stops"].with_columns(_row=pl.col("_row") + 7)}
    found = diff(store, made_up.published(store, tables), made_up.published(store, again))
    assert [(each.table, each.added, each.removed, each.changed) for each in found.tables] == [
        ("transit_stops", 0, 0, 0)
    ]
    same = diff(store, made_up.published(store, again), made_up.published(store, again))
    assert (same.tables, same.withheld) == ([], {})


def test_a_table_that_comes_or_is_withheld_is_told(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    few = made_up.few_tables()
    more = few | {"air_quality": made_up.air_quality(1)}
    without = made_up.published(store, few, withheld={"weather": "block: too hot"})
    found = diff(store, without, made_up.published(store, more, now=made_up.NOW + timedelta(days=1)))
    (table,) = found.tables
    rows = more["air_quality"].height
    assert (table.table, table.rows, table.added, table.removed) == ("air_quality", (None, rows), rows, 0)
    assert found.withheld == {"weather": ("block: too hot", None)}
    (gone,) = diff(store, made_up.published(store, more), made_up.published(store, few)).tables
    assert (gone.rows, gone.added, gone.removed) == ((rows, None), 0, rows)


def test_rows_of_a_table_that_is_withheld_for_a_night_are_neither_gone_nor_new(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    stops, both = made_up.few_tables(), made_up.few_tables() | {"air_quality": made_up.air_quality(1)}
    first = made_up.published(store, both)
    slip = made_up.published(store, stops, withheld={"air_quality": "keys: twice"})
    again = made_up.published(store, both)
    for before, after, was, now, said in (
        (first, slip, None, "keys: twice", "withheld in this edition"),
        (slip, again, "keys: twice", None, "published again"),
    ):
        told = diff(store, before, after)
        assert (told.tables, told.withheld) == ([], {"air_quality": (was, now)})
        changes = manifest(store, after)["changes"]
        assert (changes["tables"], changes["withheld"]) == ({}, {"air_quality": [was, now]})
        page = store.read(f"{prefix('phuket', after.snapshot_id)}/{PAGE}").decode()
        section = page[page.index('<section id="changes"') :].split("</section>")[0]
        assert said in section and "1 tables differ" in section
    assert diff(store, first, again).tables == []


def test_a_table_may_be_empty_before_or_after(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    air = made_up.air_quality(1)
    none, some = made_up.few_tables() | {"air_quality": air.clear()}, made_up.few_tables() | {"air_quality": air}
    before, after = made_up.published(store, none), made_up.published(store, some)
    (came,) = diff(store, before, after).tables
    assert (came.rows, came.added, came.removed) == ((0, air.height), air.height, 0)
    (went,) = diff(store, after, before).tables
    assert (went.rows, went.added, went.removed) == ((air.height, 0), 0, air.height)


def test_a_manifest_and_its_page_tell_what_changed_since_the_one_before(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    air = made_up.air_quality()
    first = made_up.published(store, made_up.few_tables() | {"air_quality": air.head(20)})
    assert manifest(store, first)["changes"] is None
    risen = air.with_columns(pl.when(pl.col("pm25_ug_m3") > 40).then(99.0).otherwise("pm25_ug_m3").alias("pm25_ug_m3"))
    second = made_up.published(store, made_up.few_tables() | {"air_quality": risen})
    high = air.head(20).filter(pl.col("pm25_ug_m3") > 40).height
    told = {"added": air.height - 20, "removed": 0, "changed": high, "columns": {"pm25_ug_m3": high}}
    assert high
    assert manifest(store, second)["changes"] == {
        "since": first.snapshot_id,
        "day": f"{first.day}",
        "tables": {"air_quality": told},
        "withheld": {},
    }
    page = store.read(f"{prefix('phuket', second.snapshot_id)}/{PAGE}").decode()
    section = page[page.index('<section id="changes"') :].split("</section>")[0]
    assert "air_quality" in section
    assert f"<code>pm25_ug_m3</code> {high}" in section
    assert '<section id="changes"' not in store.read(f"{prefix('phuket', first.snapshot_id)}/{PAGE}").decode()


def test_what_cannot_be_compared_stops_no_publication(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    first = made_up.published(store)
    store.write(f"{prefix('phuket', first.snapshot_id)}/{MANIFEST}", b"{}")
    second = made_up.published(store)
    assert manifest(store, second)["changes"]["tables"] is None
    file = next(iter(store.list(prefix("phuket", second.snapshot_id) + "/data/transit_stops")))
    store.write(file, b"PAR1")
    third = made_up.published(store, made_up.few_tables(7))
    untold = {"tables": None, "withheld": {}}
    assert manifest(store, third)["changes"] == {"since": second.snapshot_id, "day": f"{second.day}"} | untold
    assert verify(store, "phuket", third.snapshot_id, third.manifest_sha256) == []


def test_a_table_that_muang_knows_no_more_is_compared_by_whole_rows(tmp_path, made_up, monkeypatch) -> None:
    store = LocalStore(tmp_path)
    stops = made_up.few_tables()["transit_stops"]
    before = made_up.published(store, made_up.few_tables())
    after = made_up.published(store, made_up.few_tables() | {"transit_stops": stops.head(3)})
    empty = made_up.published(store, made_up.few_tables() | {"air_quality": made_up.air_quality(1).clear()})
    monkeypatch.delitem(TABLES, "transit_stops")
    monkeypatch.delitem(TABLES, "air_quality")
    assert diff(store, empty, before).tables == [], "it had no rows, and is not there"
    found = {each.table: each for each in diff(store, before, after).tables}["transit_stops"]
    assert (found.added, found.removed, found.changed) == (0, stops.height - 3, 0)
