"""Meters that several cities are told of: a campus within a city, a district of two.

A meter's energy of a day is published by one city only, the first whose memory has it. So the cells of all cities are
sums over different customers, and no difference between cities is one of them. Meter ids differ by city; what tells
that two are one is a second keyed hash, the same in every city, which lies beside the basis and nowhere else:

    memory/meter_points/city=<slug>.parquet      meter_id, shared_id
"""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import polars as pl

from assets.lake.delivered import pseudonyms
from assets.lake.encoding import check, encode
from assets.lake.files import CityLake, Overtaken, until_swapped
from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS
from quality.verdicts import Verdict

FOLDER = "memory/meter_points"
SHARED = pl.Schema({"meter_id": pl.String(), "shared_id": pl.String()})
"""A meter's id in the city, and the id of its metering point in every city."""


def shared_ids(ids: Mapping[str, str], key: bytes) -> pl.DataFrame:
    """``SHARED`` of metering points; ``ids`` are ``pseudonyms`` of the city."""
    shared = pseudonyms(pl.Series([*ids], dtype=pl.String), "", key)
    return pl.DataFrame({"meter_id": [*ids.values()], "shared_id": [shared[point] for point in ids]}, schema=SHARED)


def remember(lake: CityLake, ids: pl.DataFrame) -> None:
    """Add ``SHARED`` of some meters to what is known."""
    _revise(lake, lambda known: pl.concat([known, ids.unique("meter_id").join(known, on="meter_id", how="anti")]))


def forget(lake: CityLake, meter: str) -> None:
    """Take a meter out."""
    _revise(lake, lambda known: known.filter(pl.col("meter_id") != meter))


def replace(lake: CityLake, ids: pl.DataFrame) -> None:
    """Put these in place of all that is known: the meter key is another."""
    _revise(lake, lambda known: ids if known.height else known)


def shared_with(lake: CityLake) -> list[tuple[CityLake, pl.DataFrame]]:
    """The other cities that are told of meters of this one, with both ids of each: ``meter_id, meter_id_there``."""
    mine, _ = _known(lake)
    found = []
    for key in lake.store.list(FOLDER):
        other = CityLake(lake.store, key.rsplit("=", 1)[1].removesuffix(".parquet"))
        if other.city != lake.city:
            both = mine.join(_known(other)[0], on="shared_id", suffix="_there").drop("shared_id")
            if both.height:
                found.append((other, both))
    return found


def elsewhere(shared: Sequence[tuple[CityLake, pl.DataFrame]], day: date) -> set[str]:
    """Meters of this city whose energy of a day another city has in its cells, of those that are ``shared_with``."""
    found: set[str] = set()
    for other, both in shared:
        key = other.key(LOAD_PROFILE_BASIS, day)
        there = other.values(LOAD_PROFILE_BASIS, [key], "meter_id") if other.store.exists(key) else set()
        found |= set(both.filter(pl.col("meter_id_there").is_in(there))["meter_id"])
    return found


def _known(lake: CityLake) -> tuple[pl.DataFrame, str | None]:
    data, tag = lake.store.fetch(_key(lake))
    if data is None:
        return SHARED.to_frame(), None
    check(_key(lake), data, "restore memory/ from a backup")
    return pl.read_parquet(io.BytesIO(data)), tag


def _revise(lake: CityLake, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Put ``change`` of what is known in its place; nothing is written where it is the same."""

    def revised() -> None:
        known, tag = _known(lake)
        after = change(known).sort("meter_id")
        if after.equals(known):
            return
        if not lake.store.swap(_key(lake), encode(after), tag):
            raise Overtaken(_key(lake))

    until_swapped(revised)


def verdict(taken: Mapping[date, tuple[int, int]], cities: Sequence[str]) -> Verdict:
    """Of days the meters that another city has published, and all that came: half of them are no campus, but a city's
    files in the inbox of another, or a city under another slug."""
    told, came = (max((each[at] for each in taken.values()), default=0) for at in (0, 1))
    text = "no meter that another city has published"
    if told:
        text = f"up to {told} of {came} meters of a day are in no sum here: {', '.join(cities)} published them first"
    most = any(2 * there >= of for there, of in taken.values() if there)
    return Verdict(
        LOAD_PROFILE.name, "told-elsewhere", "warn" if most else "note" if told else "pass", came, told, text
    )


def _key(lake: CityLake) -> str:
    return f"{FOLDER}/city={lake.city}.parquet"
