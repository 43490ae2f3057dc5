"""What the demo's portals answer: one function a portal, of path and query, made-up content in the real shapes."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from assets.cities.registry import City
from assets.landing.portals import portal
from demo import air, civic, packages, power, roads, transit, water, weather

PAGE = "<!DOCTYPE html><html><head><title>ปิดปรับปรุง</title></head><body><h1>Maintenance</h1></body></html>".encode()


@dataclass(frozen=True)
class Answer:
    """Status, content type, bytes and further headers."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """What the portals know: the cities and the delivery day."""

    cities: Mapping[str, City]
    day: date

    @cached_property
    def feed(self) -> bytes:
        """The GTFS feed."""
        return transit.feed(self.cities.values(), self.day)

    @cached_property
    def catalogues(self) -> Mapping[str, Mapping[str, packages.Package]]:
        """Packages by name, by portal."""
        return {
            "phuket_gdcatalog": packages.packages(self.day),
            "nso": packages.households(self.cities.values(), self.day),
            "data_go_th": packages.national(self.cities.values(), self.day),
        }


@dataclass(frozen=True)
class Query:
    """A request as a portal sees it: path below the portal, query and form fields, headers, and its quirk if any."""

    portal: str
    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    quirk: str | None = None


Answerer = Callable[[World, Query], Answer | None]
"""Answers a query; None where the portal has no such path. ``KeyError`` and ``ValueError`` become HTTP 400."""


def as_json(content: Any, status: int = 200) -> Answer:
    """``content`` as a JSON answer."""
    body = json.dumps(content, ensure_ascii=False).encode()
    return Answer(status, "application/json; charset=utf-8", body)


def as_csv(text: str) -> Answer:
    """``text`` as a CSV answer."""
    return Answer(200, "text/csv; charset=utf-8", text.encode())


def answer(world: World, query: Query) -> Answer:
    """The portal's answer; a query it cannot read is 400, a path it does not have 404."""
    try:
        found = ANSWERS.get(query.portal, _nothing)(world, query)
    except (KeyError, ValueError) as error:
        return as_json({"error": True, "reason": f"bad request: {error}"}, 400)
    return found or Answer(404, "text/html; charset=utf-8", PAGE)


def _nothing(world: World, query: Query) -> Answer | None:
    return None


def _air4thai(world: World, query: Query) -> Answer | None:
    if query.path in ("/services/getNewAQI_JSON.php", "/forweb/getAQI_JSON.php"):
        return as_json(air.live(world.cities.values(), world.day, query.quirk))
    if query.path == "/forweb/getHistoryData.php":
        return as_json(air.history(world.cities.values(), world.day, query.fields, query.quirk))
    return None


def _open_meteo(world: World, query: Query) -> Answer | None:
    behind = {"/v1/forecast": 0, "/v1/air-quality": 0, "/v1/archive": weather.ARCHIVE_BEHIND}
    if query.path not in behind:
        return None
    return as_json(weather.grid(query.fields, world.day, behind[query.path]))


def _gistda_pm25(world: World, query: Query) -> Answer | None:
    if query.path != "/rest/getPm25byProvince":
        return None
    return as_json(air.provinces(world.cities.values(), world.day))


def _tmd(world: World, query: Query) -> Answer | None:
    if query.path != "/api/Weather3Hours/V2/":
        return None
    found = weather.observations(world.cities.values(), world.day, query.fields)
    return as_json(found) if found else Answer(200, "application/json; charset=utf-8", b"")


def _namtang(world: World, query: Query) -> Answer | None:
    if query.path != "/download/namtang-gtfs.zip":
        return None
    etag = f'"{hashlib.sha256(world.feed).hexdigest()[:16]}"'
    same = query.headers.get("If-None-Match") == etag
    return Answer(304 if same else 200, "application/zip", b"" if same else world.feed, {"ETag": etag})


def _file_or_json(found: Any) -> Answer | None:
    """What a catalogue gives: a file's text, or content of its API; None where it has no such path."""
    if found is None:
        return None
    return as_csv(found) if isinstance(found, str) else as_json(found)


def _mot(world: World, query: Query) -> Answer | None:
    base = portal(query.portal).base_url
    return _file_or_json(roads.catalogue(world.cities.values(), world.day, base, query.path, query.fields))


def _longdo(world: World, query: Query) -> Answer | None:
    return as_json(roads.events(world.cities.values(), world.day)) if query.path == "/feed/json" else None


def _traffy(world: World, query: Query) -> Answer | None:
    if query.path != "/teamchadchart-stat-api/geojson/v1":
        return None
    return as_json(civic.reports(world.cities.values(), query.fields))


def _dopa(world: World, query: Query) -> Answer | None:
    found = re.fullmatch(r"/new_stat/file/([0-9]{2})/stat_t\1\.txt", query.path)
    if not found:
        return None
    return Answer(200, "text/plain; charset=utf-8", civic.population(world.cities.values(), found[1]).encode())


def _chargers(world: World, query: Query) -> Answer | None:
    return as_json(power.chargers(world.cities.values(), world.day, query.fields)) if query.path == "/v3/poi" else None


def _egat(world: World, query: Query) -> Answer | None:
    if query.path != "/sysgen/ws/sysgen/actual":
        return None
    return Answer(200, "application/json; charset=utf-8", power.generation(world.day, query.fields).encode())


def _eppo(world: World, query: Query) -> Answer | None:
    return _file_or_json(power.catalogue(world.day, portal(query.portal).base_url, query.path, query.fields))


def _thaiwater(world: World, query: Query) -> Answer | None:
    answered = {"waterlevel_load": water.levels, "rain_24h": water.rain}.get(
        query.path.removeprefix("/api/v1/thaiwater30/public/")
    )
    return as_json(answered(world.cities.values(), world.day, query.quirk == "stale")) if answered else None


def _gistda(world: World, query: Query) -> Answer | None:
    if query.path != "/api/2.0/resources/features/viirs/1day":
        return None
    if not {name.lower(): key for name, key in query.headers.items()}.get("api-key"):
        return as_json({"message": "Unauthorized"}, 401)
    return as_json(water.gistda(world.cities.values(), world.day, query.fields))


def _firms(world: World, query: Query) -> Answer | None:
    found = re.fullmatch(r"/api/area/csv/([^/]+)/VIIRS_SNPP_NRT/[0-9.,]+/1/([0-9-]{10})", query.path)
    if found is None:
        return None
    if found[1] == "refused":
        return Answer(200, "text/plain; charset=utf-8", b"Invalid MAP_KEY.")
    return as_csv(water.firms(world.cities.values(), world.day, date.fromisoformat(found[2])))


def _catalogue(world: World, query: Query) -> Answer | None:
    catalogue, base = world.catalogues[query.portal], portal(query.portal).base_url
    listed = catalogue.values()
    action = query.path.removeprefix(portal(query.portal).actions + "/")
    if action == "package_show":
        found = next((p for p in listed if query.fields["id"] in (p.id, p.name)), None)
        result = found and packages.package_show(found, base, world.day)
    elif action == "package_search":
        result = packages.package_search(catalogue, base, world.day, query.fields)
    elif action == "datastore_search":
        found = next((p for p in listed if p.queried and query.fields["resource_id"] == p.resource), None)
        result = found and packages.datastore_search(found, query.fields)
    else:
        found = next((p for p in listed if query.path == p.path), None)
        if found:
            return as_csv(packages.as_csv(found).decode())
        result = None
    if result is None:
        error = {"__type": "Not Found Error", "message": "ไม่พบ"}
        return as_json({"help": query.path, "success": False, "error": error}, 404)
    return as_json({"help": query.path, "success": True, "result": result})


def _nso_sdmx(world: World, query: Query) -> Answer | None:
    found = re.fullmatch(r"/rest/data/TNSO,DF_INCOME,latest/A\.([0-9]{2})", query.path)
    text = found and packages.sdmx(found[1], int(query.fields["startPeriod"]), world.day)
    return as_csv(text) if text else Answer(404, "text/plain; charset=utf-8", b"NoRecordsFound")


ANSWERS: dict[str, Answerer] = {
    "air4thai": _air4thai,
    "open_meteo": _open_meteo,
    "open_meteo_archive": _open_meteo,
    "open_meteo_air": _open_meteo,
    "gistda_pm25": _gistda_pm25,
    "tmd": _tmd,
    "namtang": _namtang,
    "mot": _mot,
    "longdo": _longdo,
    "thaiwater": _thaiwater,
    "gistda": _gistda,
    "firms": _firms,
    "traffy": _traffy,
    "dopa": _dopa,
    "openchargemap": _chargers,
    "egat": _egat,
    "eppo": _eppo,
    "phuket_gdcatalog": _catalogue,
    "nso": _catalogue,
    "data_go_th": _catalogue,
    "nso_sdmx": _nso_sdmx,
}
"""Answerer by portal."""
