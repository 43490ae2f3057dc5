"""A table that is withheld: absent with its reason wherever the city tells of it, and nothing of it in any number."""

from collections.abc import Callable
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from assets.indicators.all import all_indicators
from assets.indicators.doubts import Findings, lowered
from assets.indicators.make import make_all
from assets.lake import verdicts
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.store import LocalStore
from assets.snapshots import publish
from assets.snapshots.build import Refused, prefix
from assets.snapshots.history import current, manifest
from pipelines.report import CityNight, _city_night
from pipelines.status import city_status
from quality.review import Review
from quality.tables import INDICATORS, PROGRAMME, TABLES, TRANSIT_STOPS, WEATHER
from quality.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("without_suites")

NAMES = (TRANSIT_STOPS.name, WEATHER.name, INDICATORS.name, PROGRAMME.name)
SLIP = Verdict("transit_stops", "plausible:lat", "withhold", 14, 14, "14 of 14 rows lie in the sea")
Night = Callable[..., CityNight]


@pytest.fixture
def night(tmp_path, made_up: ModuleType) -> Night:
    """A night of a city's stops and weather, with these verdicts on the stops."""
    store = LocalStore(tmp_path)
    CityLake(store, "phuket").merge(TRANSIT_STOPS, made_up.transit_stops())
    CityLake(store, "phuket").merge(WEATHER, made_up.weather())

    def at(day: date, *found: Verdict, reviewed: tuple[Review, ...] = ()) -> CityNight:
        city = made_up.city().model_copy(update={"reviewed": reviewed})
        deployment = Deployment(store, {"phuket": city}, {}, tmp_path, lambda: made_up.NOW, synthetic=True)
        step = Step(deployment, city, day, f"run-{day}")
        verdicts.keep(step, TRANSIT_STOPS, found or [Verdict("transit_stops", "plausible:lat", "pass", 14, 0, "good")])
        verdicts.keep(step, WEATHER, [Verdict("weather", "freshness", "pass", 1, 0, "fresh")])
        make_all(step, NAMES)
        publish.publish(step, NAMES)
        at.status = city_status(deployment, city)
        return _city_night(step, True, {})

    at.store = store
    return at


def told(night: Night) -> tuple[dict[str, Any], str]:
    """The manifest and the page that readers see."""
    entry = current(night.store, "phuket")
    page = night.store.read(f"{prefix('phuket', entry.snapshot_id)}/index.html").decode()
    return manifest(night.store, entry), page


def programme(night: Night, day: date) -> dict[str, Any]:
    [row] = CityLake(night.store, "phuket").day(PROGRAMME, day).filter(kind="criterion", code="2").to_dicts()
    return row


def test_the_city_is_published_without_it_and_every_place_says_why(night: Night, made_up: ModuleType) -> None:
    first, day = made_up.DAY + timedelta(days=1), made_up.DAY + timedelta(days=2)
    night(first)
    before, _ = told(night)
    assert before["tables"]["transit_stops"]["rows"] > 0 and before["withheld"] == {}

    brought = night(day, SLIP)
    after, page = told(night)
    assert (brought.published, brought.worst) == (True, "withhold")
    assert set(before["tables"]) - set(after["tables"]) == {"transit_stops"}, "yesterday's is not left in its place"
    assert not any("transit_stops" in file["path"] for file in after["files"])
    reason = "plausible:lat: 14 of 14 rows lie in the sea"
    assert after["withheld"]["transit_stops"]["reason"] == reason
    assert brought.withheld == {"transit_stops": reason} == night.status["withheld"]
    assert reason in page[page.index('id="withheld-tables"') :]
    assert f"public transport stops: withheld ({reason})" in programme(night, day)["missing"]
    mine = CityLake(night.store, "phuket").day(INDICATORS, day).filter(pl.col("sources").str.contains("transit_stops"))
    assert mine.height and mine["value"].null_count() == mine.height
    assert mine["reason"].str.contains(reason, literal=True).all()
    others = CityLake(night.store, "phuket").day(INDICATORS, day).filter(indicator="temperature_mean")
    assert others["value"].null_count() == 0, "the rest of the city is as it was"

    night(day + timedelta(days=1))
    again, page = told(night)
    assert again["tables"]["transit_stops"]["rows"] == before["tables"]["transit_stops"]["rows"]
    assert again["withheld"] == {} and 'id="withheld-tables"' not in page


def test_a_review_publishes_it_again(night: Night, made_up: ModuleType) -> None:
    day = made_up.DAY + timedelta(days=1)
    facts = {"table": "transit_stops", "check": "plausible:lat", "what": "In the sea", "why": "A ferry", "who": "Port"}
    brought = night(day, SLIP, reviewed=(Review(**facts, until=day),))
    assert (brought.withheld, brought.worst) == ({}, "note")
    assert "transit_stops" in told(night)[0]["tables"]


def test_a_withheld_table_is_never_published_by_mistake(made_up: ModuleType, tmp_path) -> None:
    with pytest.raises(Refused, match="transit_stops is withheld by freshness"):
        made_up.published(LocalStore(tmp_path), verdicts=made_up.verdicts("withhold", "transit_stops"))


def test_no_indicator_rests_on_a_table_that_it_does_not_name(made_up: ModuleType) -> None:
    """Every table in turn has other rows: what changes has to name it, or it would stay when that is withheld."""
    tables = {name: frame for name, frame in made_up.all_tables().items() if name not in ("indicators", "programme")}
    day = made_up.DAY + timedelta(days=1)

    def values(of: dict[str, pl.DataFrame]) -> dict[str, float | None]:
        return dict(all_indicators(made_up.city(), day, of).select("indicator", "value").iter_rows())

    before, rows = values(tables), all_indicators(made_up.city(), day, tables)
    changed: dict[str, set[str]] = {}
    for name, frame in tables.items():
        numbers = [each.name for each in TABLES[name].columns if each.dtype.is_numeric()]
        numbers = [each for each in numbers if each not in TABLES[name].key]
        doubled = frame.with_columns(pl.col(numbers) * 2).cast(dict(frame.schema))
        others = [values(tables | {name: other}) for other in (doubled, frame.clear())]
        changed[name] = {code for code, value in before.items() for now in others if now.get(code) != value}
    silent = {
        name: codes & {*lowered(rows, Findings(withheld={name: "a slip"})).drop_nulls("value")["indicator"]}
        for name, codes in changed.items()
    }
    assert {name: codes for name, codes in silent.items() if codes} == {}
    assert sum(map(bool, changed.values())) > 8, changed
