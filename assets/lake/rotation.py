"""A change of the meter key: every meter id in the lake becomes that of the same metering point under another key.

Landing tells which points there are, so the ids of both keys are known for each; no row is read again or made anew.
What is known of published cells stays with its meters, so no published number changes.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import polars as pl

from assets.lake import ledger, overlap
from assets.lake.delivered import ID_LENGTH, customers, pseudonyms, serials
from assets.lake.files import CityLake, until_swapped
from assets.lake.load_profile import PUBLIC
from assets.lake.points import PSEUDONYMOUS, keyed_deliveries, points_in, told_in
from assets.lake.upkeep import rebucket
from assets.landing import erased, identity
from assets.landing.deployment import Deployment, Step
from assets.landing.identity import Rotation, fingerprint
from quality.contracts import Table
from quality.tables import LOAD_PROFILE_BASIS


class CannotRotate(Exception):
    """Some id of the lake is of no point in landing; the message says where and what to do. Nothing was changed."""


def rotate(deployment: Deployment, old: bytes, new: bytes) -> dict[str, int]:
    """Change the meter key from ``old`` to ``new`` in all cities; how many lake files changed in each.

    The caller holds all cities. A crash at any point leaves a store that nights refuse and this goes on with: a file is
    of the one key or of the other, and the fingerprints of both are kept until the last is written. Raises
    ``CannotRotate`` before anything changes, and ``NotOurs`` where the store is not of these keys.
    """
    store, day = deployment.store, deployment.now().date()
    keys = Rotation(old=fingerprint(old), new=fingerprint(new))
    identity.may_rotate(store, keys)
    lakes = {
        key.split("/")[2].removeprefix("city=") for t in PSEUDONYMOUS for key in store.list(f"{t.folder}/{t.name}")
    }
    if strangers := sorted(lakes - set(deployment.cities)):
        raise CannotRotate(
            f"the lake has meters of {', '.join(strangers)}, which the registry does not: put it back into the registry"
        )
    ids = {slug: _names(Step(deployment, city, day), old, new) for slug, city in deployment.cities.items()}
    for slug, renamed in ids.items():
        _require_all(CityLake(store, slug), renamed.meters)
    identity.begin_rotation(store, keys)
    done = {slug: _renamed(CityLake(store, slug), renamed, new) for slug, renamed in ids.items()}
    for slug, city in deployment.cities.items():
        rebucket(CityLake(store, slug, city.meter_buckets))
    # Ids of erased meters cannot be changed, landing no longer knows their points; whoever has the old key could tell
    # whose they are.
    erased.forget(store)
    identity.end_rotation(store, keys)
    return done


@dataclass(frozen=True)
class _Names:
    """Id under the old key → id under the new one, of every point, account and serial number that any delivery of the
    city tells of; and ``SHARED`` of the new meter ids."""

    meters: Mapping[str, str]
    others: Mapping[str, str]
    shared: pl.DataFrame


def _names(step: Step, old: bytes, new: bytes) -> _Names:
    city, none = step.city.slug, pl.Series("told", [], pl.String)
    points, accounts, numbers = none, none, none
    # The same content is read once, for the last day it came: of a register that has all rows which became valid.
    newest = {(item.source, item.receipt.name, item.receipt.sha256): item for item in keyed_deliveries(step)}
    for item in newest.values():
        read = ledger.read(step, item)
        points = pl.concat([points, points_in(read)]).unique()
        accounts = pl.concat([accounts, told_in(read, "account")]).unique()
        numbers = pl.concat([numbers, told_in(read, "serial")]).unique()
    meters, after = (pseudonyms(points, city, key) for key in (old, new))
    others = {PUBLIC: PUBLIC}
    for of_kind, told in ((customers, accounts), (serials, numbers)):
        before, later = (of_kind(told, city, key) for key in (old, new))
        others |= {before[each]: later[each] for each in told}
    return _Names(
        {meters[point]: after[point] for point in points},
        others,
        overlap.shared_ids(after, city, new),
    )


def _require_all(lake: CityLake, ids: Mapping[str, str]) -> None:
    known = {*ids, *ids.values()}
    for table in PSEUDONYMOUS:
        for key in lake.keys(table) if table is not LOAD_PROFILE_BASIS else ():
            if strays := lake.values(table, [key], "meter_id") - known - {None}:
                raise CannotRotate(
                    f"{key} has {len(strays)} meters that no delivery in landing tells of: a source of {lake.city} is "
                    "gone from the registry, or a landed file is damaged or can no longer be read; put it right first "
                    f"(`muang lake verify --city {lake.city}`, `muang quarantine list --city {lake.city}`)"
                )


def _renamed(lake: CityLake, ids: _Names, key: bytes) -> int:
    """Put the new ids into all files of a city; how many changed. New ids are of other buckets: days are whole then."""
    rebucket(lake)
    overlap.replace(lake, ids.shared)
    files = [(table, each) for table in PSEUDONYMOUS for each in lake.keys(table)]
    return sum(until_swapped(partial(_rewritten, lake, table, each, ids, key)) for table, each in files)


_IDS = ("meter_id", "customer_id", "serial_id", "check_of")
"""Columns of keyed hashes."""


def _rewritten(lake: CityLake, table: Table, key: str, ids: _Names, secret: bytes) -> bool:
    if not lake.values(table, [key], "meter_id").isdisjoint(ids.meters.values()):
        return False  # before a crash: a file is never of both keys
    held, known = lake.hold_file(table, key), {**ids.meters, **ids.others}
    columns = [name for name in _IDS if name in table.schema]
    found = {each for name in columns for each in held.rows[name].drop_nulls().unique()}
    # What was published of a meter that no delivery tells of any more stands for itself: its id only has to be one.
    stray = {
        each: hmac.new(secret, each.encode(), hashlib.sha256).hexdigest()[:ID_LENGTH] for each in found - set(known)
    }
    renamed = held.rows.with_columns(pl.col(columns).replace_strict({**known, **stray}, return_dtype=pl.String))
    lake.swap(held, renamed, [])
    return True
