"""A local server that answers as the portals do: same paths, same shapes, same faults, made-up content.

Each portal lies below its name on one port. What it answers is in ``demo.answers``; this module serves it
and misbehaves on demand.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from assets.cities.registry import City
from assets.landing.portals import PORTALS
from demo import air
from demo.answers import PAGE, Answer, Query, World, answer
from demo.outages import DEMO_FAULTS, QUIRKS, refusal

HANG_SECONDS = 300.0
"""Longest a hanging answer holds its thread; closing the server ends it at once."""

DRIP_SECONDS = 0.05
"""Between two bytes of a dripping answer."""

IDLE_SECONDS = 10
"""How long a connection may say nothing."""


@dataclass(frozen=True)
class _Demo:
    world: World
    faults: Mapping[str, str]
    closing: Event = field(default_factory=Event)

    def fault(self, portal: str, query: Mapping[str, str]) -> str | None:
        """The fault of a portal, or of a portal for the city that the query is about."""
        concerned = (
            slug for slug in self.world.cities if f"{portal}/{slug}" in self.faults and self._about(slug, query)
        )
        return self.faults.get(portal) or next((self.faults[f"{portal}/{slug}"] for slug in concerned), None)

    def _about(self, slug: str, query: Mapping[str, str]) -> bool:
        city = self.world.cities[slug]
        point = (query.get("latitude"), query.get("longitude")) == (f"{city.lat}", f"{city.lon}")
        return point or not set(query.get("stationID", "").split(",")).isdisjoint(air.station_ids(city))


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0, the default: every answer ends its connection, so that none is open when the server closes.
    timeout = IDLE_SECONDS

    def __init__(self, demo: _Demo, *args: Any) -> None:
        self.demo = demo
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer ``/<portal>/<path>?<query>``."""
        self._answer({})

    def do_POST(self) -> None:
        """Answer a form sent to ``/<portal>/<path>``."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))

    def _answer(self, form: Mapping[str, str]) -> None:
        url = urlsplit(self.path)
        portal, _, path = url.path.lstrip("/").partition("/")
        fields = {**dict(parse_qsl(url.query, keep_blank_values=True)), **form}
        fault = self.demo.fault(portal, fields)
        quirk = fault if fault in QUIRKS else None
        found = answer(self.demo.world, Query(portal, f"/{path}", fields, dict(self.headers), quirk))
        if fault == "timeout":
            self.demo.closing.wait(HANG_SECONDS)
            return
        self._send(_faulty(found, fault), fault)

    def _send(self, found: Answer, fault: str | None) -> None:
        self.send_response(found.status)
        self.send_header("Content-Type", found.content_type)
        if found.status != 304:
            self.send_header("Content-Length", str(len(found.body)))
        for name, value in found.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if fault == "drip":
            for at in range(len(found.body)):
                if self.demo.closing.wait(DRIP_SECONDS):
                    return
                self.wfile.write(found.body[at : at + 1])
        else:
            self.wfile.write(found.body[: len(found.body) // 2] if fault == "truncated" else found.body)

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


def _faulty(found: Answer, fault: str | None) -> Answer:
    """The answer as the fault makes it."""
    match fault:
        case "403" | "429" | "500":
            return Answer(int(fault), "text/html; charset=utf-8", PAGE, {"Retry-After": "1"} if fault == "429" else {})
        case "html":
            return Answer(200, "text/html; charset=utf-8", PAGE)
        case "json-page":
            return Answer(200, "application/json; charset=utf-8", PAGE)
        case "empty":
            return Answer(200, found.content_type, b"")
        case "empty-list" | "half" | "columns" if found.status == 200:
            return replace(found, body=_fewer(found, fault), headers={})
    return found


def _fewer(found: Answer, fault: str) -> bytes:
    """The body without its records, with half of them, or with another name for their last field."""
    if found.content_type.startswith("application/json"):
        content = json.loads(found.body)
        records = max(_lists(content), key=len, default=[])
        if fault == "columns":
            for record in records:
                if isinstance(record, dict) and record:
                    name = list(record)[-1]
                    record[f"{name}_ใหม่"] = record.pop(name)
        else:
            del records[0 if fault == "empty-list" else len(records) // 2 :]
        return json.dumps(content, ensure_ascii=False).encode()
    if found.content_type.startswith(("text/csv", "text/plain")):
        head, *rows = found.body.splitlines(keepends=True)
        if fault == "columns":
            return b"".join([head.rstrip() + "_ใหม่\n".encode(), *rows])
        return b"".join([head, *rows[: 0 if fault == "empty-list" else len(rows) // 2]])
    return found.body


def _lists(content: Any) -> Iterator[list[Any]]:
    if isinstance(content, list):
        yield content
    for part in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _lists(part)


@contextmanager
def serve(
    cities: Iterable[City], delivery_day: date, faults: Mapping[str, str] = DEMO_FAULTS
) -> Iterator[dict[str, str]]:
    """Answer for all portals on 127.0.0.1 at a free port; yields portal name to base URL, and closes with the block.

    Answers depend on the query, the cities and the day alone. ``faults`` maps a portal, or ``portal/city`` for
    requests about one city's point or stations, to one of ``demo.outages.FAULTS``; raises ``ValueError`` for
    any other.
    """
    if reason := refusal(faults):  # a city that is not there asks nothing: the demo's own faults serve any registry
        raise ValueError(reason)
    demo = _Demo(World({city.slug: city for city in cities}, delivery_day), faults)
    with _Server(("127.0.0.1", 0), partial(_Handler, demo)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo portals")
        thread.start()
        try:
            yield {name: f"http://127.0.0.1:{server.server_port}/{name}" for name in PORTALS}
        finally:
            demo.closing.set()
            server.shutdown()
            thread.join()
