"""A city of three sources in a store of its own, and what they deliver."""

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from assets.cities.registry import City, SourceEntry, load_registry
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from assets.landing.store import LocalStore, Store
from quality.contracts import Table
from quality.tables import DELIVERIES, METER_INTERVALS
from tests.kit import land

BANGKOK = timezone(timedelta(hours=7))
D1, D2, D3 = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)


def small_city() -> City:
    sources = {
        "exports": SourceEntry(via="inbox", reader="meter_exports", options={"timezone": "Asia/Bangkok"}),
        "register": SourceEntry(via="inbox", reader="meter_register"),
        "weather": SourceEntry(via="portal", reader="open_meteo"),
    }
    return load_registry()["khon_kaen"].model_copy(update={"sources": sources})


def deployment_at(folder: Path, city: City, store: Store | None = None, today: date = D3) -> Deployment:
    return Deployment(
        store=store or LocalStore(folder / "home"),
        cities={city.slug: city},
        portals={},
        inbox=folder / "inbox",
        now=lambda: datetime(today.year, today.month, today.day, 1, 30, tzinfo=BANGKOK),
        meter_key=b"a key of the tests",
    )


def nem12(day: date, *points: str, value: int = 1) -> bytes:
    """A file of quarter-hours, each meter with ``value`` on average: no meter stands still."""
    lines = ["100,NEM12,202611200000,MDP,RETAILER"]
    values = f",{0.75 * value:g},{1.25 * value:g}" * 48
    for point in points:
        lines.append(f"200,{point},E1,E1,E1,N1,,kWh,15,")
        lines.append(f"300,{day:%Y%m%d}{values},A,,,{day:%Y%m%d}235959,")
    return "\r\n".join([*lines, "900", ""]).encode()


def weather(day: date, *degrees: float | None, others: float | None = 1.0) -> bytes:
    """Hours of Open-Meteo: these temperatures, ``others`` mm and m/s, and seventy times that as percent of humidity."""
    hours = range(len(degrees))
    humidity = None if others is None else 70 * others
    units = {"temperature_2m": "°C", "relative_humidity_2m": "%", "precipitation": "mm", "wind_speed_10m": "m/s"}
    answer = {
        "latitude": 16.4,
        "longitude": 102.8,
        "utc_offset_seconds": 25200,
        "hourly_units": units,
        "hourly": {
            "time": [f"{day}T{hour:02d}:00" for hour in hours],
            **{name: [others] * len(degrees) for name in units},
            "temperature_2m": list(degrees),
            "relative_humidity_2m": [humidity] * len(degrees),
        },
    }
    return json.dumps(answer).encode()


def deliver(
    deployment: Deployment, city: City, source: str, day: date, name: str, data: bytes | None, **more: Any
) -> str:
    """Land one delivery; its receipt's id."""
    return land(deployment, city, source, day, name, data, **more).id


def books(deployment: Deployment, city: City, table: Table, day: date | None = None) -> list[dict[str, Any]]:
    frame = CityLake(deployment.store, city.slug).read(DELIVERIES).filter(table=table.name)
    return frame.filter(pl.lit(True) if day is None else pl.col("day") == day).to_dicts()


def content(store: Store) -> dict[str, bytes]:
    return {key: store.read(key) for key in store.list("lake")}


def sum_of(deployment: Deployment, city: City) -> Decimal:
    found: Decimal = CityLake(deployment.store, city.slug).read(METER_INTERVALS)["value_delivered"].sum()
    return found
