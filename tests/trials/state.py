"""What a store holds, as trials compare it: lake, receipts, what is published; and whether all of it is whole."""

import hashlib
import io
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from assets.lake import upkeep
from assets.lake.encoding import check
from assets.lake.files import CityLake
from assets.landing.archive import Archive
from assets.landing.store import Damaged, Store
from assets.snapshots import history
from assets.snapshots.verify import verify, verify_city
from quality.tables import LOAD_PROFILE_BASIS
from tests.trials.night import the_city

CITY = the_city().slug
RECKONED = ("indicators/", "programme/")
"""Tables whose rows tell what was known when their day was run."""
OF_THE_RUN = ("lake/verdicts/", "lake/validation_results/")
"""Lake files that tell of the run, too: how many deliveries it read, which days it judged."""


class State(NamedTuple):
    """Files of lake and memory, receipts without time and run, sha256 of the current snapshot's data files by path."""

    lake: dict[str, bytes]
    receipts: list[dict[str, Any]]
    data: dict[str, str]

    def differences(self, other: "State") -> list[str]:
        """What ``other`` has otherwise: keys of lake files, ids of receipts, paths of data files."""
        mine, theirs = ({r["id"]: r for r in state.receipts} for state in (self, other))
        return [
            *(key for key in unlike(self.lake, other.lake) if not key.startswith(OF_THE_RUN)),
            *(f"receipt {each}" for each in unlike(mine, theirs)),
            *(f"snapshot {each}" for each in unlike(self.data, other.data)),
        ]


def unlike(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Keys that two do not have alike."""
    return sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))


def state_of(store: Store, again: Collection[date] = ()) -> State:
    """The state of a store that nobody is at. Numbers of days that were run ``again`` later are left out: they are
    reckoned with what had come by then, which is more than on the day."""

    def told(name: str, data: bytes) -> bytes:
        if not again or not name.startswith(RECKONED):
            return data
        rows = pl.read_parquet(io.BytesIO(data))
        return rows.filter(~pl.col("reference_date").is_in(list(again))).write_csv().encode()

    keys = [*store.list("lake"), *store.list("memory")]
    lake = {key: told(key.removeprefix("lake/"), data) for key, data in zip(keys, store.read_all(keys), strict=True)}
    receipts = [r.model_dump(exclude={"first_seen", "run"}) for r in Archive(store).receipts(CITY)]
    entry = history.current(store, CITY)
    files = [] if entry is None else history.manifest(store, entry)["files"]
    data = {file["path"]: file["sha256"] for file in files if file["path"].startswith("data/")}
    if entry and again:  # a file's name has its digest
        folder = f"cdp/city={CITY}/snapshots/{entry.snapshot_id}"
        for path in [path for path in data if path.removeprefix("data/").startswith(RECKONED)]:
            del data[path]
            content = told(path.removeprefix("data/"), store.read(f"{folder}/{path}"))
            data[f"{path.rsplit('/', 1)[0]} {hashlib.sha256(content).hexdigest()}"] = "there"
    return State(lake, receipts, data)


def torn(store: Store) -> Iterator[str]:
    """What is not whole, at any time: lake files, receipts files, objects that receipts name, what readers see."""
    keys = [*store.list("lake"), *store.list(f"memory/{LOAD_PROFILE_BASIS.name}")]
    for key, data in zip(keys, store.read_all(keys), strict=True):
        try:
            check(key, data, "")
        except Damaged as error:
            yield str(error)
    archive = Archive(store)
    try:
        for receipt in archive.receipts(CITY):
            if receipt.sha256:
                archive.bytes_of(receipt)
    except Damaged as error:
        yield str(error)
    pointed = history.pointer(store, CITY)
    if pointed.damage:
        yield str(pointed.damage)
    if pointed.entry:
        yield from verify(store, CITY, pointed.entry.snapshot_id, pointed.entry.manifest_sha256)


def wrong(store: Store) -> list[str]:
    """What is wrong after a night that ended well: all of ``torn``, ledger against lake, history and snapshots."""
    published = verify_city(store, CITY)
    found = [
        *torn(store),
        *upkeep.verify(CityLake(store, CITY)),
        *(["not published"] if published is None else published),
    ]
    numbers = [json.loads(data)["seq"] for data in store.read_all(store.list(f"cdp/city={CITY}/history"))]
    return found if numbers == list(range(1, len(numbers) + 1)) else [*found, f"history has {numbers}"]
