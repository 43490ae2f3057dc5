"""Options: what a registry entry may say of a source, and what is refused when the registry is loaded."""

from typing import Any

import pytest

from assets.cities.registry import RegistryError, SourceEntry, check_sources, load_registry
from assets.lake.feeds import SOURCES

PHUKET = load_registry()["phuket"]
PLACES = (
    "firms_hotspots",
    "gistda_hotspots",
    "gtfs_namtang",
    "longdo_events",
    "mot_accidents",
    "openchargemap",
    "osm_facilities",
    "thaiwater_levels",
    "thaiwater_rain",
    "tmd",
    "traffy_exchange",
    "traffy_geojson",
)
STATION = {"id": "43t", "name": "x", "distance_km": 1.0, "confidence": "B", "source": "list of 2019"}


def refused(reader: str, **options: Any) -> str:
    """The one reason for which the registry is refused; empty where it is taken."""
    city = PHUKET.model_copy(update={"sources": {"s": SourceEntry(via="portal", reader=reader, options=options)}})
    try:
        check_sources({"phuket": city}, {reader: SOURCES[reader].options})
    except RegistryError as error:
        [(slug, reason)] = error.problems
        assert slug == "phuket"
        return reason
    return ""


@pytest.mark.parametrize("reader", PLACES)
def test_a_reach_is_a_distance(reader: str) -> None:
    assert not refused(reader) and not refused(reader, within_km=3) and not refused(reader, within_km=1.5)
    for wrong in (0, -1, "3", True, float("inf"), float("nan"), [3]):
        assert refused(reader, within_km=wrong).startswith("sources.s.options.within_km: ")
    assert refused(reader, witin_km=3) == "sources.s.options.witin_km: is not known here; known: within_km"


@pytest.mark.parametrize("reader", ["air4thai_live", "air4thai_history"])
def test_stations_are_spelt_as_the_registry_spells_them(reader: str) -> None:
    assert not refused(reader, stations=[STATION, {"id": "44t"}], max_km=20)
    assert refused(reader, staions=[STATION]).startswith("sources.s.options.staions: ")
    for wrong in ({"id": 43}, {"id": ""}, {"distance_km": -1}, {"distance_km": "1"}, {"confidence": "D"}, {"km": 1}):
        [field] = wrong
        reason = refused(reader, stations=[STATION | wrong])
        assert reason.startswith(f"sources.s.options.stations.0.{field}: ")
    assert refused(reader, stations=[{"name": "x"}]) == "sources.s.options.stations.0.id: Field required"
    assert refused(reader, stations="43t") and refused(reader, max_km=0)


def test_a_file_of_hours_says_what_its_stamps_mark() -> None:
    assert not refused("air4thai_history", label="start")
    assert refused("air4thai_history", label="middle").startswith("sources.s.options.label: ")
    assert refused("air4thai_live", label="start").startswith("sources.s.options.label: ")
