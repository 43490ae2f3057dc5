"""Meters that several cities are told of: a campus within a city, a district of two.

A meter's energy of a day is published by one city only, the first whose memory has it. So the cells of all cities are
sums over different customers, and no difference between cities is one of them. Meter ids differ by city; what tells
that two are one is a second keyed hash, the same in every city, which lies beside the basis and nowhere else:

    memory/meter_points/city=<slug>.parquet      meter_id, shared_id, alike_id, alike_shared_id

Two more tell which meters, of one city and of any, are the same point under numbers that are written otherwise.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import polars as pl

from assets.lake.delivered import pseudonyms
from assets.lake.encoding import check, encode
from assets.lake.files import FROM_BACKUP, CityLake, Overtaken, until_swapped
from quality.tables import DELIVERED, LOAD_PROFILE, LOAD_PROFILE_BASIS
from quality.verdicts import Verdict

FOLDER = "memory/meter_points"
SHARED = pl.Schema(dict.fromkeys(("meter_id", "shared_id", "alike_id", "alike_shared_id"), pl.String()))
"""A meter's id in the city, the id of its metering point in every city, and those that all spellings of the point have,
in the city and in every city; the last two are null of what was remembered before they were kept."""

PARTED = 8
"""Digits from which dashes and blanks between them are the writer's: ``1-12`` and ``112`` are two rooms."""


def shared_ids(ids: Mapping[str, str], city: str, key: bytes) -> pl.DataFrame:
    """``SHARED`` of metering points; ``ids`` are ``pseudonyms`` of the city."""
    shared, plain = pseudonyms(pl.Series([*ids], dtype=pl.String), "", key), {point: _plain(point) for point in ids}
    others = pl.Series([told for point, told in plain.items() if told != point], dtype=pl.String)
    columns = [[*ids.values()], [shared[point] for point in ids]]
    for known, of in ((ids, city), (shared, "")):
        alike = {**pseudonyms(others, of, key), **known}
        columns.append([alike[plain[point]] for point in ids])
    return pl.DataFrame(dict(zip(SHARED, columns, strict=True)), schema=SHARED)


def _plain(point: str) -> str:
    """A number without what spreadsheets and people change of it: leading zeros, dashes, blanks."""
    digits = re.sub(r"[\s-]", "", point)
    if not (digits.isascii() and digits.isdigit()) or (digits != point and len(digits) < PARTED):
        return point
    return digits.lstrip("0") or point


def remember(lake: CityLake, ids: pl.DataFrame) -> None:
    """Add ``SHARED`` of some meters to what is known."""
    _revise(lake, lambda known: pl.concat([ids.unique("meter_id"), known.join(ids, on="meter_id", how="anti")]))


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
            theirs = _known(other)[0]
            # By the exact number too, for what was remembered before spellings were.
            both = pl.concat(
                mine.join(theirs, on=name, suffix="_there").select("meter_id", "meter_id_there")
                for name in ("shared_id", "alike_shared_id")
            ).unique(maintain_order=True)
            if both.height:
                found.append((other, both))
    return found


def spellings(lake: CityLake) -> pl.DataFrame:
    """``meter_id, alike_id`` of the city's meters whose point is told in several spellings."""
    known = _known(lake)[0].drop_nulls("alike_id")
    return known.filter(pl.len().over("alike_id") > 1).select("meter_id", "alike_id")


def counted_as(spellings: pl.DataFrame, registered: pl.Series) -> pl.DataFrame:
    """``meter_id`` and the ``one`` that all spellings of its point count as: that of a register, or the least. What a
    register tells in two spellings are two meters."""
    told = spellings.with_columns(_listed=pl.col("meter_id").is_in(registered.implode()))
    listed = pl.col("meter_id").filter("_listed")
    points = told.group_by("alike_id").agg(_of=listed.len(), one=pl.coalesce(listed.min(), pl.col("meter_id").min()))
    return told.join(points.filter(pl.col("_of") < 2), on="alike_id").select("meter_id", "one")


def told_once(quarters: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
    """``quarters`` (``load_profile.Contributions``) with a point that is told in several spellings once, as the ``one``
    of ``same`` (``counted_as``): the values of the spelling of which most were read, of equals those of that one."""
    read = pl.sum_horizontal(pl.col(name).bitwise_count_ones() for name in DELIVERED)
    several = quarters.select("meter_id", _line=pl.int_range(pl.len()), _read=read).join(same, on="meter_id")
    if not several.height:
        return quarters
    best = several.sort(
        pl.col("_read"), pl.col("meter_id") == pl.col("one"), "meter_id", descending=[True, True, False]
    ).unique("one", keep="first", maintain_order=True)
    others = several.join(best, on="_line", how="anti")["_line"]
    named = dict(best.filter(pl.col("meter_id") != pl.col("one")).select("meter_id", "one").iter_rows())
    kept = quarters.filter(~pl.int_range(pl.len()).is_in(others.implode()))
    return kept.with_columns(pl.col("meter_id").replace(named))


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
    check(_key(lake), data, FROM_BACKUP)
    known = pl.read_parquet(io.BytesIO(data))
    lacking = [pl.lit(None, dtype).alias(name) for name, dtype in SHARED.items() if name not in known.columns]
    return known.with_columns(lacking), tag


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
