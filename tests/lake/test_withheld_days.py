"""A day that misleads withholds its table every night, until it is corrected or somebody has signed for it."""

import json
from datetime import date, timedelta

from assets.cities.registry import City
from assets.lake.files import CityLake
from assets.lake.ingest import Ingested, ingest
from assets.landing.deployment import Deployment, Step
from quality import gate
from quality.review import Review
from quality.tables import VALIDATION_RESULTS, VERDICTS, WEATHER
from tests.lake.small_city import D1, D2, D3, deliver, weather

CHECK = "plausible:relative_humidity_pct"
DEGREES = [25.0 + hour / 4 for hour in range(24)]


def answer(day: date, humidity: float, days: int = 1) -> bytes:
    """What the model tells of some days from ``day`` on."""
    told = json.loads(weather(day, *DEGREES))
    at = [f"{day + timedelta(days=later)}T{hour:02d}:00" for later in range(days) for hour in range(24)]
    told["hourly"] = {name: values * days for name, values in told["hourly"].items()}
    told["hourly"] |= {"time": at, "relative_humidity_2m": [humidity] * len(at)}
    return json.dumps(told).encode()


def night(deployment: Deployment, city: City, day: date, humidity: float, of: date | None = None) -> Ingested:
    """A delivery of ``day`` with the weather of a day, by default its own."""
    deliver(deployment, city, "weather", day, f"w{day}", answer(of or day, humidity))
    return ingest(Step(deployment, city, day, "test"), WEATHER)


def withheld(deployment: Deployment, city: City, day: date) -> set[str]:
    return set(gate.withheld(CityLake(deployment.store, city.slug).day(VERDICTS, day)))


def test_humidity_as_a_share_withholds_the_weather_until_the_day_comes_again(
    deployment: Deployment, city: City
) -> None:
    night(deployment, city, D1, 70.0)
    assert withheld(deployment, city, D1) == set(), "a good day"
    night(deployment, city, D2, 0.7)
    assert withheld(deployment, city, D2) == {"weather"}
    night(deployment, city, D3, 70.0)
    assert withheld(deployment, city, D3) == {"weather"}, "the slipped day is still there"
    [since] = CityLake(deployment.store, city.slug).day(VERDICTS, D3).filter(check=CHECK)["since"]
    assert since == D2
    night(deployment, city, D3 + timedelta(days=1), 70.0, of=D2)
    assert withheld(deployment, city, D3 + timedelta(days=1)) == set(), "corrected"


def test_what_is_signed_for_is_published_and_doubts_nothing(deployment: Deployment, city: City) -> None:
    facts = {"table": "weather", "check": CHECK, "what": "Dry", "why": "A new sensor", "who": "The office"}
    signed = city.model_copy(update={"reviewed": (Review(**facts, until=D3),)})
    night(deployment, signed, D1, 0.7)
    assert withheld(deployment, signed, D1) == set()
    rows = CityLake(deployment.store, city.slug).day(VALIDATION_RESULTS, D1).filter(rule=CHECK)
    assert rows.height and set(rows["severity"]) == {"note"}


def test_a_feed_of_which_half_is_of_the_future_withholds_its_table(deployment: Deployment, city: City) -> None:
    deliver(deployment, city, "weather", D1, "w", answer(D2, 70.0, days=3))
    done = ingest(Step(deployment, city, D1, "test"), WEATHER)
    [told] = [each for each in done.verdicts if each.check == "deliveries_value-future"]
    # One more is a problem of the whole answer: it covers less than was asked for.
    assert (told.verdict, told.failed, told.checked) == ("withhold", 48, 73)
    assert withheld(deployment, city, D1) == {"weather"}
