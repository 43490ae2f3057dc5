"""A store of before it said its format is served: landing is kept, the lake is made again, commits stand."""

import hashlib
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.lake.files import CityLake
from assets.landing.archive import Archive, object_key
from assets.landing.identity import NotOurs, claim
from assets.landing.store import LocalStore
from assets.snapshots.history import current
from pipelines.settings import now
from pipelines.store_upgrade import is_format_0, upgrade
from quality.tables import METER_INTERVALS
from tests.kit import ingest_meters
from tests.lake.small_city import D1, D2, D3, deployment_at, nem12, small_city


def old_receipt(store: LocalStore, day: date, name: str, data: bytes | None, outcome: str, hour: int) -> None:
    """A receipt as format 0 had it: a file of its own, its id without the day."""
    digest = hashlib.sha256(data).hexdigest() if data else None
    identity = hashlib.sha256(f"{name}{digest}{day}".encode()).hexdigest()[:16]
    told = {"id": identity, "city": "khon_kaen", "source": "exports", "day": str(day), "name": name, "origin": name}
    told |= {"outcome": outcome, "first_seen": f"{day}T{hour:02d}:00:00+07:00", "run": "r"}
    if data and digest:
        store.write(object_key(digest), data)
        told |= {"sha256": digest, "bytes": len(data)}
    else:
        told |= {"code": "answer-not-reached", "reason": "no answer"}
    key = f"landing/receipts/city=khon_kaen/source=exports/{day}/{identity}.json"
    store.write(key, json.dumps(told).encode())
    if outcome == "new" and digest:
        store.write(f"landing/first/city=khon_kaen/source=exports/{digest}", f"{day}/{identity}".encode())


def test_a_store_of_format_0_keeps_landing_and_is_read_again(tmp_path: Path) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    store = LocalStore(tmp_path / "home")
    first, second = nem12(D1, "P1"), nem12(D1, "P1", value=5)
    old_receipt(store, D1, "a.csv", first, "new", 1)
    old_receipt(store, D2, "a.csv", second, "new", 1)
    old_receipt(store, D2, "late.csv", None, "not-reached", 2)
    # By the old rule bytes that had been seen before were nothing new, whatever came between.
    old_receipt(store, D3, "a.csv", first, "unchanged", 1)
    ledger = pl.DataFrame(
        {"receipt": ["old"], "table": ["meter_intervals"], "day": [D1], "name": ["a.csv"], "rows": [96]}
    )
    ledger.write_parquet(tmp_path / "part")
    old = "lake/deliveries/city=khon_kaen/month=2026-11/2026-11-20.meter_intervals.parquet"
    store.write(old, (tmp_path / "part").read_bytes())
    commit = {"seq": 1, "token": "t", "snapshot_id": "s", "parent": None, "manifest_sha256": "0", "synthetic": False}
    commit |= {"day": "2026-11-20", "committed": "2026-11-20T00:00:00Z"}
    for name in ("current.json", "history/00000001.json"):
        store.write(f"cdp/city=khon_kaen/{name}", json.dumps(commit).encode())

    with pytest.raises(NotOurs, match="run `muang lake upgrade`"):
        claim(store, "live", None, now())
    assert is_format_0(store)
    assert upgrade(store) == {"khon_kaen": 4}
    assert not is_format_0(store)
    claim(store, "live", None, now())

    told = [(r.day, r.name, r.outcome) for r in Archive(store).receipts("khon_kaen")]
    assert told == [
        (D1, "a.csv", "new"),
        (D2, "a.csv", "new"),
        (D2, "late.csv", "not-reached"),
        (D3, "a.csv", "new"),
    ]
    ingest_meters(deployment, city, D3)
    lake = CityLake(store, city.slug)
    assert lake.read(METER_INTERVALS)["value_delivered"].mean() == 1, "what went back to the first bytes is back"
    assert store.exists(f"format-0/{old}") and not store.exists(old)
    entry = current(store, "khon_kaen")
    assert entry is not None and (entry.seq, entry.snapshot_id) == (1, "s")
    assert upgrade(store) == {}
