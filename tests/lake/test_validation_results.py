"""What a night finds odd is in the lake with its rows, later nights say since when, and what is reviewed is a note."""

import json
from datetime import date, timedelta

from assets.cities.registry import City
from assets.lake.files import CityLake
from assets.lake.ingest import ingest
from assets.landing.deployment import Deployment, Step
from assets.snapshots import data_docs
from quality.review import Review
from quality.tables import VALIDATION_RESULTS, VERDICTS, WEATHER
from tests.lake.small_city import D1, D2, D3, deliver, weather

CHECK = "plausible:temperature_c"


def night(deployment: Deployment, city: City, day: date, hot: float) -> Step:
    degrees = [hot if hour == 14 else 25.0 + hour / 4 for hour in range(24)]
    deliver(deployment, city, "weather", day, f"w{day}", weather(day, *degrees))
    step = Step(deployment, city, day, "test")
    ingest(step, WEATHER)
    return step


def test_the_row_its_value_and_since_when_are_in_the_lake_and_on_the_page(deployment: Deployment, city: City) -> None:
    night(deployment, city, D1, 30.0)
    night(deployment, city, D2, 50.5)
    step = night(deployment, city, D3, 51.5)
    lake = CityLake(deployment.store, city.slug)
    rows = lake.read(VALIDATION_RESULTS).filter(rule=CHECK).sort("day")
    assert [(row["day"], json.loads(row["value"])) for row in rows.to_dicts()] == [
        (D2, {"temperature_c": 50.5}),
        (D3, {"temperature_c": 51.5}),
    ]
    assert lake.read(VERDICTS).filter(check=CHECK).sort("day")["since"].to_list() == [None, D2, D2]
    data_docs.write(step)
    page = deployment.store.read(data_docs.key(city.slug)).decode()
    assert "temperature_c 51.5" in page


def test_what_is_reviewed_is_a_note_in_the_lake(deployment: Deployment, city: City) -> None:
    review = Review(
        table="weather", check=CHECK, what="A hot hour", why="The record of the year", who="The office", until=D1
    )
    signed = city.model_copy(update={"reviewed": (review,)})
    night(deployment, signed, D1, 50.5)
    night(deployment, signed, D1 + timedelta(days=1), 51.5)
    told = CityLake(deployment.store, city.slug).read(VERDICTS).filter(check=CHECK).sort("day")
    assert told["verdict"].to_list() == ["note", "warn"]
