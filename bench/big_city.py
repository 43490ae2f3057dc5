"""A big city: its register and meter exports in three formats, its registry, and its steps.

Meters have 12 digits, a class, a zone, an account each; readings are kWh by quarter-hour with three decimals, one in 30
estimated, one in 500 not delivered. Everything follows from the city's number, the meters and the day.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from assets.cities.registry import City, load_registry
from assets.lake import ingest
from assets.landing.deployment import Deployment, Step
from assets.landing.store import LocalStore
from assets.sources import fetch
from quality.tables import METERS

DAY = date(2026, 11, 10)
"""The first reading day; it is delivered the night after, and the month has twenty more."""

NIGHT = timedelta(days=1)
"""From a reading day to its delivery."""

SLOTS = 96
FORMS = ("long", "wide", "nem12")
ORDERS = ("meter", "time", "none")
"""How the rows of a long file lie: meter by meter, quarter-hour by quarter-hour, or anyhow."""

FILE_METERS = 100_000
"""Meters a file at most: 430 MB a day as long CSV, below what an inbox takes."""

KEY = "a key of the benchmarks"
CLASSES = {"residential": 0.88, "small_business": 0.08, "medium_business": 0.03, "large_business": 0.01}
ZONES = 12


def slug(number: int) -> str:
    return f"big_city_{number}"


def city(number: int = 0, buckets: int = 1) -> City:
    """A city with an inbox of meter exports and one of its register, and nothing else."""
    sources = {
        "exports": {"via": "inbox", "reader": "meter_exports", "options": {"timezone": "Asia/Bangkok"}},
        "register": {"via": "inbox", "reader": "meter_register"},
    }
    like = load_registry()["khon_kaen"].model_dump(mode="json", exclude_none=True)
    # No two cities of a registry lie at one point.
    own = {"slug": slug(number), "lat": 15 + number / 1000, "meter_buckets": buckets, "sources": sources}
    return City.model_validate(like | own)


def write_registry(path: Path, cities: int, buckets: int = 1) -> None:
    """A registry file of these cities, for ``MUANG_CITIES``."""
    entries = {}
    for number in range(cities):
        entry = city(number, buckets).model_dump(mode="json", exclude_none=True)
        entries[entry.pop("slug")] = entry
    path.write_text(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False), encoding="utf-8")


def step(home: Path, inbox: Path, day: date, number: int = 0, buckets: int = 1) -> Step:
    """The city's step of a delivery day."""
    it = city(number, buckets)
    moment = datetime.combine(day, time(18, 30), UTC) - timedelta(days=1)  # 01:30 in Bangkok
    deployment = Deployment(
        store=LocalStore(home),
        cities={it.slug: it},
        portals={},
        inbox=inbox,
        now=lambda: moment,
        meter_key=KEY.encode(),
    )
    return Step(deployment, it, day, f"bench {day}")


def land(at: Step) -> None:
    """Land what lies ready, and fill the register."""
    fetch.land_inboxes(at)
    ingest.ingest(at, METERS)


def points(meters: Sequence[int] | range, number: int = 0) -> pl.Series:
    return pl.Series("point", [f"{number + 20:04d}{meter:08d}" for meter in meters], pl.String)


def write_register(inbox: Path, meters: int, number: int = 0) -> None:
    chance = np.random.default_rng(number)
    classes = chance.choice(list(CLASSES), meters, p=list(CLASSES.values()))
    columns = {"point": points(range(meters), number), "zone": [f"zone_{at % ZONES}" for at in range(meters)]}
    register = pl.DataFrame(columns | {"customer_class": classes, "account": points(range(meters), number + 5000)})
    _lay(inbox / slug(number) / "register" / "register.csv", register.write_csv().encode())


def write_exports(
    inbox: Path,
    meters: range,
    day: date = DAY,
    forms: Sequence[str] = ("long",),
    number: int = 0,
    order: str = "meter",
    version: int = 0,
) -> int:
    """What the meters deliver of a day, an equal share in each of ``forms``; returns the readings. ``version`` tells
    deliveries of one day apart: each has other values."""
    readings = 0
    for at, form in enumerate(forms):
        mine = meters[at :: len(forms)]
        for first in range(0, len(mine), FILE_METERS):
            these = mine[first : first + FILE_METERS]
            kwh, there = _loads(these, day, number, version)
            data = WRITERS[form](points(these, number), kwh, there, day, order)
            _lay(inbox / slug(number) / "exports" / f"{form}-{day}-{version}-{first}.csv", data)
            readings += int(there.sum()) if form == "long" else kwh.size
    return readings


def clear(inbox: Path, number: int = 0) -> None:
    """Take away what the exports of a night were."""
    for path in (inbox / slug(number) / "exports").glob("*"):
        path.unlink()


def _loads(meters: range, day: date, number: int, version: int) -> tuple[np.ndarray, np.ndarray]:
    """Thousandths of kWh, and which of them are delivered: meters × slots."""
    chance = np.random.default_rng([number, day.toordinal(), version, meters.start])
    hours = np.arange(SLOTS) / 4
    curve = 1 + 0.5 * np.exp(-((hours - 20) ** 2) / 6) + 0.25 * np.exp(-((hours - 13) ** 2) / 18)
    size = 40 + 400 * chance.pareto(3, (len(meters), 1))
    kwh = (size * curve * chance.uniform(0.6, 1.4, (len(meters), SLOTS))).astype(np.int64)
    return kwh, chance.random((len(meters), SLOTS)) >= 1 / 500


def _long(ids: pl.Series, kwh: np.ndarray, there: np.ndarray, day: date, order: str) -> bytes:
    ends = [f"{datetime.combine(day, time()) + timedelta(minutes=15 * (at + 1)):%Y-%m-%d %H:%M}" for at in range(SLOTS)]
    meter, slot = np.nonzero(there)
    status = pl.Series(np.random.default_rng(meter.size).random(meter.size) < 1 / 30)
    rows = pl.DataFrame(
        {
            "point": ids.gather(meter),
            "timestamp_end": pl.Series(ends).gather(slot),
            "kwh": kwh[there] / 1000,
            "status": pl.select(pl.when(status).then(pl.lit("Estimated")).otherwise(pl.lit("Actual"))).to_series(),
        }
    )
    if order != "meter":
        rows = (
            rows.sort("timestamp_end", maintain_order=True)
            if order == "time"
            else rows.sample(fraction=1, shuffle=True, seed=1)
        )
    return rows.write_csv(float_precision=3).encode()


def _wide(ids: pl.Series, kwh: np.ndarray, there: np.ndarray, day: date, order: str) -> bytes:
    names = [f"kwh_{(at + 1) // 4:02d}{(at + 1) % 4 * 15:02d}" for at in range(SLOTS)]
    values = pl.DataFrame(kwh / 1000, names).with_columns(
        pl.when(pl.Series(there[:, at])).then(name).alias(name) for at, name in enumerate(names)
    )
    return values.select(point=ids, date=pl.lit(day.isoformat())).hstack(values).write_csv(float_precision=3).encode()


def _nem12(ids: pl.Series, kwh: np.ndarray, there: np.ndarray, day: date, order: str) -> bytes:
    cells = pl.DataFrame((kwh / 1000).astype(str), [f"v{at}" for at in range(SLOTS)])
    head = pl.format("200,{},E1,E1,E1,N1,,kWh,15,\n", pl.lit(ids))
    values = pl.concat_str(pl.all(), separator=",")
    record = pl.format(f"300,{day:%Y%m%d},{{}},A,,,{day:%Y%m%d}235959,", values)
    lines = cells.select(pl.concat_str(head, record)).to_series()
    return "\n".join(["100,NEM12,202611200000,MDP,CITY", *lines, "900", ""]).encode()


WRITERS = {"long": _long, "wide": _wide, "nem12": _nem12}


def _lay(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (1e9, 1e9))  # what has just been written might still be growing


def nights(home: Path, inbox: Path, meters: int, days: int, number: int = 0, buckets: int = 1) -> Iterator[Step]:
    """The city's first nights, each with all meters' readings of the day before; yields each step once its files lie
    ready."""
    write_register(inbox, meters, number)
    for at in range(days):
        clear(inbox, number)
        write_exports(inbox, range(meters), DAY + timedelta(days=at), number=number)
        yield step(home, inbox, DAY + timedelta(days=at + 1), number, buckets)
