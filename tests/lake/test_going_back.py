"""A delivery that goes back to earlier bytes is the last word: a correction taken back, a register restored."""

from pathlib import Path

import pytest

from assets.lake.files import CityLake
from quality.tables import METERS, WEATHER
from tests.kit import ingest, ingest_meters
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, nem12, small_city, sum_of, weather


@pytest.mark.parametrize("days", [(D1, D2, D3), (D1, D2, D2), (D1, D1, D1)], ids=str)
@pytest.mark.parametrize("nights", ["each", "last"])
def test_a_correction_that_is_taken_back_is_taken_back(tmp_path: Path, days: tuple, nights: str) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    right, wrong = nem12(D1, "P1"), nem12(D1, "P1", value=5)
    for day, data in zip(days, (right, wrong, right), strict=True):
        deliver(deployment, city, "exports", day, "a.csv", data)
        if nights == "each":
            ingest_meters(deployment, city, day)
    ingest_meters(deployment, city, days[-1])
    assert sum_of(deployment, city) == 96


def test_a_register_that_is_restored_is_in_force_and_a_forecast_taken_back_too(tmp_path: Path) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    whole, half = (b"point,zone,customer_class\n" + rows for rows in (b"P1,z,other\nP2,z,other\n", b"P1,z,other\n"))
    for day, register, degrees in ((D1, whole, 25.0), (D2, half, 30.0), (D3, whole, 25.0)):
        deliver(deployment, city, "register", day, "r.csv", register)
        deliver(deployment, city, "weather", day, "w", weather(D1, degrees))
        ingest(deployment, city, METERS, day)
        ingest(deployment, city, WEATHER, day)
    lake = CityLake(deployment.store, city.slug)
    assert lake.day(METERS, D2).height == 2
    assert lake.read(WEATHER)["temperature_c"].to_list() == [25.0]
