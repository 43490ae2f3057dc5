"""A local server that answers as the portals do: same paths, same shapes, same faults, made-up content."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from assets.cities.registry import City
from assets.landing.portals import PORTALS
from pipelines.demo import air, packages, transit

FAULTS = ("timeout", "403", "429", "500", "html", "empty", "truncated")
"""What a portal can be made to do: hang, refuse, throttle, fail, answer 200 with a page, with nothing, or half."""

DEMO_FAULTS = {"open_meteo/mae_moh": "html"}
"""The demo's own: one portal misbehaves for one city."""

HANG_SECONDS = 300.0
"""Longest a hanging answer holds its thread; closing the server ends it at once."""

IDLE_SECONDS = 10
"""How long a connection may say nothing."""

PAGE = "<!DOCTYPE html><html><head><title>ปิดปรับปรุง</title></head><body><h1>Maintenance</h1></body></html>".encode()


@dataclass(frozen=True)
class Answer:
    """Status, content type, bytes and further headers."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class _Demo:
    """What the portals know: the cities, the day, and who misbehaves."""

    def __init__(self, cities: Iterable[City], day: date, faults: Mapping[str, str]) -> None:
        self.cities = {city.slug: city for city in cities}
        self.day = day
        self.faults = faults
        self.closing = Event()
        self.feed = transit.feed(self.cities.values(), day)
        self.catalogue = packages.packages(day)

    def fault(self, portal: str, query: Mapping[str, str]) -> str | None:
        """The fault of a portal, or of a portal for the city that the query is about."""
        concerned = (slug for slug in self.cities if f"{portal}/{slug}" in self.faults and self._about(slug, query))
        return self.faults.get(portal) or next((self.faults[f"{portal}/{slug}"] for slug in concerned), None)

    def _about(self, slug: str, query: Mapping[str, str]) -> bool:
        city = self.cities[slug]
        point = (query.get("latitude"), query.get("longitude")) == (f"{city.lat}", f"{city.lon}")
        return point or not set(query.get("stationID", "").split(",")).isdisjoint(air.station_ids(city))

    def answer(self, portal: str, path: str, query: Mapping[str, str], tag: str | None) -> Answer:
        """The portal's answer; a query it cannot read is 400, a path it does not have 404."""
        try:
            match portal, path:
                case "air4thai", "/services/getNewAQI_JSON.php" | "/forweb/getAQI_JSON.php":
                    return _json(air.live(self.cities.values(), self.day))
                case "air4thai", "/forweb/getHistoryData.php":
                    return _json(air.history(self.cities.values(), self.day, query))
                case "open_meteo", "/v1/forecast" | "/v1/archive":
                    return _json(air.weather(query, self.day))
                case "namtang", "/download/namtang-gtfs.zip":
                    etag = f'"{hashlib.sha256(self.feed).hexdigest()[:16]}"'
                    same = tag == etag
                    return Answer(304 if same else 200, "application/zip", b"" if same else self.feed, {"ETag": etag})
                case "phuket_gdcatalog", _:
                    return self._catalogue(portal, path, query)
        except (KeyError, ValueError) as error:
            return _json({"error": True, "reason": f"bad request: {error}"}, 400)
        return Answer(404, "text/html; charset=utf-8", PAGE)

    def _catalogue(self, portal: str, path: str, query: Mapping[str, str]) -> Answer:
        listed = self.catalogue.values()
        action = path.removeprefix("/api/3/action/")
        if action == "package_show":
            found = next((p for p in listed if query["id"] in (p.id, p.name)), None)
            result = found and packages.package_show(found, PORTALS[portal].base_url, self.day)
        elif action == "datastore_search":
            found = next((p for p in listed if query["resource_id"] == p.resource), None)
            result = found and packages.datastore_search(found, query)
        else:
            found = next((p for p in listed if path == p.path), None)
            if found:
                return Answer(200, "text/csv; charset=utf-8", packages.as_csv(found))
            result = None
        if result is None:
            error = {"__type": "Not Found Error", "message": "ไม่พบ"}
            return _json({"help": path, "success": False, "error": error}, 404)
        return _json({"help": path, "success": True, "result": result})


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0, the default: every answer ends its connection, so that none is open when the server closes.
    timeout = IDLE_SECONDS

    def __init__(self, demo: _Demo, *args: Any) -> None:
        self.demo = demo
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer ``/<portal>/<path>?<query>``."""
        url = urlsplit(self.path)
        portal, _, path = url.path.lstrip("/").partition("/")
        query = dict(parse_qsl(url.query))
        answer = self.demo.answer(portal, f"/{path}", query, self.headers.get("If-None-Match"))
        fault = self.demo.fault(portal, query)
        if fault == "timeout":
            self.demo.closing.wait(HANG_SECONDS)
            return
        if fault in ("403", "429", "500"):
            headers = {"Retry-After": "1"} if fault == "429" else {}
            answer = Answer(int(fault), "text/html; charset=utf-8", PAGE, headers)
        elif fault == "html":
            answer = Answer(200, "text/html; charset=utf-8", PAGE)
        elif fault == "empty":
            answer = Answer(200, answer.content_type, b"")
        self._send(answer, len(answer.body) // 2 if fault == "truncated" else len(answer.body))

    def _send(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[:length])

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the client logs what it asked for."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    """Closing waits for the threads, so that no socket outlives the server."""
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, except that a client went away: that is its own affair."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _json(content: Any, status: int = 200) -> Answer:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Answer(status, "application/json; charset=utf-8", body)


@contextmanager
def serve(
    cities: Iterable[City], delivery_day: date, faults: Mapping[str, str] = DEMO_FAULTS
) -> Iterator[dict[str, str]]:
    """Answer for all portals on 127.0.0.1 at a free port; yields portal name to base URL, and closes with the block.

    Answers depend on the query, the cities and the day alone. ``faults`` maps a portal, or ``portal/city`` for
    requests about one city's point or stations, to one of ``FAULTS``; raises ``ValueError`` for any other.
    """
    if unknown := {*faults.values()} - {*FAULTS} | {name.partition("/")[0] for name in faults} - {*PORTALS}:
        raise ValueError(f"unknown faults or portals {sorted(unknown)}")
    demo = _Demo(cities, delivery_day, faults)
    with _Server(("127.0.0.1", 0), partial(_Handler, demo)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo portals")
        thread.start()
        try:
            yield {name: f"http://127.0.0.1:{server.server_port}/{name}" for name in PORTALS}
        finally:
            demo.closing.set()
            server.shutdown()
            thread.join()
