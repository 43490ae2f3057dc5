"""A small town whose readings are judged, with the lists that people send, and its nights."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from assets.cities.registry import City, SourceEntry
from assets.lake import ingest, meter_final
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from quality.tables import METER_DECISIONS, METER_FINAL, METER_OUTAGES, METER_QUALITY, METERS, MISSING_READINGS
from tests.lake.small_city import D1, deliver, deployment_at, small_city

POINTS = tuple(f"02001234{number:04d}" for number in range(6))
DAYS = tuple(D1 + timedelta(days=after) for after in range(9))
LATE = DAYS[-1] + timedelta(days=3)

Values = Mapping[str, Sequence[float | None]]


def load(point: str, day: date) -> list[float | None]:
    """A day of a home: its own level, a morning and an evening, and some chance."""
    chance = np.random.default_rng([int(point), day.toordinal()])
    hours = np.arange(96) / 4
    shape = 0.2 + np.exp(-((hours - 7) ** 2) / 4) + 2 * np.exp(-((hours - 20) ** 2) / 6)
    return [round(float(v), 3) for v in 0.1 * (1 + int(point) % 7) * shape * chance.uniform(0.8, 1.2, 96)]


def nem12(day: date, values: Values, stamp: str = "235959") -> bytes:
    lines = ["100,NEM12,202611200000,MDP,RETAILER"]
    for point, told in values.items():
        lines.append(f"200,{point},E1,E1,E1,N1,,kWh,15,")
        cells = ",".join("" if value is None else f"{value:g}" for value in told)
        lines.append(f"300,{day:%Y%m%d},{cells},A,,,{day:%Y%m%d}{stamp},")
    return "\r\n".join([*lines, "900", ""]).encode()


def whole(day: date) -> dict[str, list[float | None]]:
    return {point: load(point, day) for point in POINTS}


def town(folder: Path, buckets: int = 1) -> tuple[Deployment, City]:
    city = small_city()
    lists = {name: SourceEntry(via="inbox", reader=f"meter_{name}") for name in ("decisions", "outages")}
    city = city.model_copy(update={"meter_buckets": buckets, "sources": {**city.sources, **lists}})
    deployment = deployment_at(folder, city, today=LATE)
    rows = "".join(f"{point},north,residential\n" for point in POINTS)
    deliver(deployment, city, "register", D1, "r.csv", f"point,zone,customer_class\n{rows}".encode())
    return deployment, city


def night(deployment: Deployment, city: City, day: date) -> None:
    step = Step(deployment, city, day, "test")
    for table in (METERS, METER_DECISIONS, METER_OUTAGES):
        ingest.ingest(step, table)
    ingest.ingest_meters(step)
    meter_final.make(step)


def final(deployment: Deployment, city: City, day: date | None = None, point: int | None = None) -> pl.DataFrame:
    lake = CityLake.of(Step(deployment, city, LATE, "test"))
    rows = lake.read(METER_FINAL)
    ids = sorted(rows["meter_id"].unique())
    rows = rows.filter(pl.lit(True) if day is None else pl.col("local_date") == day)
    return rows.filter(pl.lit(True) if point is None else pl.col("meter_id") == ids[point])


def made(deployment: Deployment) -> dict[str, bytes]:
    tables = (METER_FINAL, METER_QUALITY, MISSING_READINGS)
    return {key: deployment.store.read(key) for t in tables for key in deployment.store.list(f"lake/{t.name}")}
