"""Bring a store of before format 1 up to date: its receipts into today's files, its tables made again from landing.

Format 0, which no ``store.json`` names, had a file a receipt
(``landing/receipts/city=<slug>/source=<name>/<day>/<id>.json``), an index of first receipts, and commits without city,
run and digest. Ids of receipts are others today, so what was read under the old ones is put aside under ``format-0/``
and read again by the next night. What is not made of landing stays: the load profile and the basis of what was
published, verdicts, snapshots.
"""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from assets.lake.files import CityLake
from assets.landing.archive import Archive, Arrival, object_key
from assets.landing.receipts import Delivery
from assets.landing.store import Store
from assets.snapshots.build import folder
from assets.snapshots.history import Entry
from quality.tables import DELIVERIES, QUARANTINE, TABLES

OLD_RECEIPTS, OLD_INDEX, ASIDE = "landing/receipts", "landing/first", "format-0"


def is_format_0(store: Store) -> bool:
    """Whether the store has receipts of before format 1."""
    return any(_is_old(key) for key in store.list(OLD_RECEIPTS))


def _is_old(key: str) -> bool:
    return key.endswith(".json") and "/source=" in key


def upgrade(store: Store) -> dict[str, int]:
    """Bring the store to format 1; returns the number of receipts by city. May be cut short and repeated."""
    old = [key for key in store.list(OLD_RECEIPTS) if _is_old(key)]
    counts: dict[str, int] = {}
    for city in sorted({key.split("/")[2].removeprefix("city=") for key in old}):
        mine = [key for key in old if f"/city={city}/" in key]
        told = [json.loads(data) for data in store.read_all(mine)]
        counts[city] = len(told)
        # Before the receipts: a crash in between finds the tables gone and the receipts still old.
        _set_tables_aside(CityLake(store, city))
        _tell_commits(store, city)
        _land(store, sorted(told, key=lambda each: (each["day"], each["first_seen"], each["name"])))
        for key, data in zip(mine, store.read_all(mine), strict=True):
            store.write(f"{ASIDE}/{key}", data)
            store.delete(key)
    for key in store.list(OLD_INDEX):
        store.delete(key)
    return counts


def _set_tables_aside(lake: CityLake) -> None:
    for table in TABLES.values():
        if table.lineage or table in (DELIVERIES, QUARANTINE):
            for key in lake.store.list(f"lake/{table.name}/city={lake.city}"):
                lake.store.write(f"{ASIDE}/{key}", lake.store.read(key))
                lake.store.delete(key)


def _tell_commits(store: Store, city: str) -> None:
    """History and pointer of a city with the fields that they have today."""
    for key in (*store.list(f"{folder(city)}/history"), f"{folder(city)}/current.json"):
        found = store.fetch(key)
        told = json.loads(found.data) if found.data else {}
        if told and "sha256" not in told:
            store.swap(key, Entry.model_validate({"city": city, "run": "", **told}).encoded(), found.tag)


def _land(store: Store, told: Iterable[dict[str, Any]]) -> None:
    archive = Archive(store)
    for each in told:
        seen = datetime.fromisoformat(each["first_seen"])
        delivery = Delivery(
            each["city"],
            each["source"],
            date.fromisoformat(each["day"]),
            each["run"],
            lambda seen=seen: seen,  # type: ignore[misc]
            each.get("synthetic", False),
        )
        content = each["outcome"] in ("new", "unchanged") and each.get("sha256")
        data = store.read(object_key(each["sha256"])) if content else None
        # What was "unchanged" by the old rule may have gone back to older bytes: today's rule decides anew.
        outcome = None if data else each["outcome"]
        facts = {name: each[name] for name in _FACTS if each.get(name) is not None}
        archive.land_many(delivery, [Arrival(each["name"], each["origin"], data, outcome, facts)])


_FACTS = ("code", "reason", "status", "etag", "last_modified", "content_type", "bytes")
