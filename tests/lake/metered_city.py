"""A city whose meters are many enough for a load profile: two zones of twenty, delivered over two nights."""

from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from assets.cities.registry import City
from assets.lake import ingest, load_profile, meter_final
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.store import Store
from quality.contracts import Table
from quality.tables import METERS
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, nem12, small_city

POINTS = tuple(f"02001234{number:04d}" for number in range(40))


def register(*points: str) -> bytes:
    zones = {point: "north" if number < 20 else "south" for number, point in enumerate(POINTS)}
    return "\n".join(
        ["point,zone,customer_class", *(f"{point},{zones[point]},residential" for point in points), ""]
    ).encode()


def night(deployment: Deployment, city: City, day: date) -> None:
    """What a night makes of the meters that have come."""
    step = Step(deployment, city, day, "test")
    ingest.ingest(step, METERS)
    ingest.ingest_meters(step)
    meter_final.make(step)
    load_profile.make(step)


def metered_city(
    folder: Path, store: Store | None = None, without: str = "", buckets: int = 1
) -> tuple[Deployment, City]:
    """Two nights: all meters, then a correction of all and a file of three; ``without`` never came in any of them.

    The nights are run once a process, and what they left is laid into each store."""
    city = small_city().model_copy(update={"meter_buckets": buckets})
    deployment = deployment_at(folder, city, store)
    deployment.store.ensure(_left(without, buckets))
    return deployment, city


@cache
def _left(without: str, buckets: int) -> dict[str, bytes]:
    city = small_city().model_copy(update={"meter_buckets": buckets})
    points = [point for point in POINTS if point != without]
    # As ``without_suites``, whichever test is the first to ask.
    with patch("quality.expectations._validated", lambda *_: []), TemporaryDirectory() as folder:
        deployment = deployment_at(Path(folder), city)
        for day, value in ((D1, 1), (D2, 2)):
            deliver(deployment, city, "register", day, "r.csv", register(*points))
            deliver(deployment, city, "exports", day, "all.csv", nem12(D1, *points, value=value))
            of_three = nem12(D2, *(point for point in points if point in POINTS[:3]), value=value)
            deliver(deployment, city, "exports", day, "some.csv", of_three)
            night(deployment, city, day)
        night(deployment, city, D3)
        return {key: deployment.store.read(key) for key in deployment.store.list("")}


def rows(deployment: Deployment, city: City, table: Table) -> list[tuple[object, ...]]:
    return CityLake(deployment.store, city.slug).read(table).rows()
