"""A night on which half of the portals fail, each in its own way: what still comes, what is told, what it costs."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.landing.budget import Budget
from assets.landing.portals import KEY_NAMES, PORTALS
from demo.profile import IMPATIENT
from pipelines import settings
from tests import warm

pytestmark = pytest.mark.timeout(600)
"""Three whole nights: half a minute on a machine of its own."""

CITY = "phuket"
"""It has sources of a catalogue of its own beside those that every city has."""
FIRST, SECOND = date(2026, 11, 22), date(2026, 11, 23)
FAULTS = {
    "traffy": "timeout",
    "tmd": "drip",
    "thaiwater": "403",
    "phuket_gdcatalog": "403",
    "longdo": "429",
    "open_meteo": "500",
    "egat": "500",
    "air4thai": "html",
    "gistda_pm25": "empty",
    "dopa": "truncated",
}

FAILED = {
    "citizen_reports": "no answer",
    "weather_stations": "did not come whole",
    "water_levels": "refused (HTTP 403)",
    "rainfall": "refused (HTTP 403)",
    "road_events": "HTTP 429",
    "weather": "HTTP 500",
    "power_generation": "HTTP 500",
    "air_quality_live": "HTML page",
    "air_quality_history": "HTML page",
    "air_quality_province": "no content",
    "registered_population": "broke off",
}
"""Source that its portal's fault befalls → what its reason tells."""

KEPT = ("tickets", "water_levels", "rainfall", "road_events", "population", "visitors")
"""Tables that only those portals feed: they keep what the first night brought."""


def at(moment: datetime, lost: Path) -> None:
    """Make it ``moment`` in this process, and write down the seconds that each portal costs its run."""
    note = Budget.note

    def noted(budget: Budget, host: str, seconds: float, failing: bool) -> None:
        note(budget, host, seconds, failing)
        lost.write_text(json.dumps(budget.lost))

    clock = settings.now
    # Modules that are loaded already have it by name.
    for module in [*sys.modules.values()]:
        if getattr(module, "now", None) is clock:
            module.now = lambda: moment  # type: ignore[attr-defined]
    Budget.note = noted


@dataclass(frozen=True)
class Nights:
    """A home folder, and what its two nights printed, cost and left."""

    home: Path
    printed: list[dict[str, Any]]
    codes: list[int]
    lost: list[dict[str, float]]
    lakes: list[dict[str, bytes]]

    def table(self, name: str, night: int = 1) -> pl.DataFrame:
        """The city's rows after the first (0) or the second night (1)."""
        mark = f"lake/{name}/city={CITY}/"
        files = [data for path, data in sorted(self.lakes[night].items()) if path.startswith(mark)]
        return pl.concat([pl.read_parquet(data) for data in files]) if files else pl.DataFrame()

    def snapshot(self, night: int = 1) -> Path:
        return self.home / "cdp" / f"city={CITY}" / "snapshots" / self.printed[night]["cities"][CITY]["snapshot"]

    def sources(self) -> dict[str, dict[str, Any]]:
        manifest = json.loads((self.snapshot() / "meta" / "manifest.json").read_text())
        return {row["source"]: row for row in manifest["sources"]}


def muang(home: Path, moment: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "MUANG_HOME": str(home), "MUANG_DEMO_METERS": "60", **environment}
    before = partial(at, datetime.fromisoformat(moment).replace(tzinfo=settings.BANGKOK), home.parent / "lost.json")
    return warm.run([*arguments, "--json"], told, home.parent, "", 280, before)


def night(home: Path, day: date, moment: str, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return muang(home, moment, "nightly", "--day", f"{day}", "--city", CITY, *more, **environment)


def lake(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in (home / "lake").rglob("*.parquet")}


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    home = tmp_path_factory.mktemp("bad") / "home"
    found = Nights(home, [], [], [], [])
    for day, faults in ((FIRST, {}), (SECOND, FAULTS)):
        ran = night(home, day, f"{day}T01:30", "--profile", "demo", MUANG_DEMO_FAULTS=json.dumps(faults))
        assert ran.stdout, ran.stderr
        found.printed.append(json.loads(ran.stdout))
        found.codes.append(ran.returncode)
        found.lost.append(json.loads((home.parent / "lost.json").read_text()))
        found.lakes.append(lake(home))
    return found


def test_the_city_is_published_in_both_nights_and_the_bad_one_ends_with_1(nights: Nights) -> None:
    assert nights.codes[1] == 1
    for printed in nights.printed:
        assert printed["failures"] == {}
        assert {slug: city["published"] for slug, city in printed["cities"].items()} == {CITY: True}
    assert nights.snapshot(0) != nights.snapshot(1)
    sound, bad = (printed["cities"][CITY]["rejected"] for printed in nights.printed)
    assert bad > sound


def test_the_snapshot_and_its_page_tell_each_failed_source_with_its_last_answer_and_why(nights: Nights) -> None:
    sources, page = nights.sources(), (nights.snapshot() / "index.html").read_text()
    for name, reason in FAILED.items():
        told = sources[name]
        assert (told["tonight"], told["last_answer"]) == ("failed", FIRST.isoformat()), name
        assert reason in told["reason"], name
        assert name in page or load_registry()[CITY].sources[name].reader in page, name
    portals = {name for name, entry in load_registry()[CITY].sources.items() if entry.via == "portal"}
    hit = {name for name in portals if load_registry()[CITY].sources[name].options.get("portal") == "phuket_gdcatalog"}
    assert all(sources[name]["tonight"] == "failed" for name in hit)
    for name in portals - FAILED.keys() - hit:
        assert (sources[name]["tonight"], sources[name]["last_answer"]) == ("answered", SECOND.isoformat()), name
    assert page.count(FIRST.isoformat()) > 0


def test_what_still_answers_brings_the_second_day_and_the_rest_keeps_the_first(nights: Nights) -> None:
    for name in KEPT:
        before, after = nights.table(name, 0), nights.table(name)
        assert before.equals(after), name
        assert before.height, name
    yesterday = SECOND - timedelta(days=1)
    air = nights.table("air_quality").filter(local_date=yesterday)
    assert set(air["station_id"]) >= {"open_meteo:grid"}
    assert nights.table("air_quality", 0).filter(station_id="open_meteo:grid", local_date=yesterday).is_empty()
    for name in ("hotspots", "hotspot_days", "ev_chargers"):
        assert SECOND in set(nights.table(name)["_delivered"]), name
    weather = nights.table("weather")
    assert set(weather.filter(_delivered=SECOND)["product"]) == {"reanalysis"}
    # What the portals told again, word for word, is still there.
    for name in ("facilities", "household_income", "road_accidents"):
        assert nights.table(name).height == nights.table(name, 0).height > 0, name


FAILED_SOURCES = (
    "citizen_reports",
    "water_levels",
    "rainfall",
    "road_events",
    "population",
    "visitors",
    "road_casualties",
)
FAILED_SOURCES += (
    "air_quality (GISTDA)",
    "weather (Open-Meteo grid cell)",
    "air_quality, 1 station",
    "air_quality, 3 station",
)
"""How indicators tell that they come of a table or feed that the second night did not reach."""

SEEN_AT_NIGHT = ("pm25_province_24h", "stations_over_bank", "stations_above_bank_share", "highest_filling")
"""Of readings at the moment of the first night, the begin of its day."""


def test_no_indicator_of_a_failed_source_looks_fresh(nights: Nights) -> None:
    """A sound second night would tell of the first day; what failed tells of the day before, or what is wrong."""
    rows = nights.table("indicators").filter(reference_date=SECOND)
    told = pl.any_horizontal(pl.col("sources").str.starts_with(source) for source in FAILED_SOURCES)
    found = rows.filter(told).to_dicts()
    assert len(found) > 12
    for row in found:
        newest = FIRST if row["indicator"] in SEEN_AT_NIGHT else FIRST - timedelta(days=1)
        assert row["verdict"] != "ok" or row["period_end"] <= newest, row
    [fresh] = rows.filter(indicator="pm25_model_mean_day").to_dicts()
    assert (fresh["verdict"], fresh["period_end"]) == ("ok", FIRST), f"what answered is fresh: {fresh['reason']}"


def test_the_night_loses_no_more_time_than_is_promised(nights: Nights) -> None:
    """Measured on the client's own clock. What may come on top of the bound is told in ``assets.landing.budget``."""
    sound, bad = nights.lost
    assert sum(sound.values()) == 0
    grace = IMPATIENT.connect_seconds
    assert all(seconds <= IMPATIENT.host_seconds + grace for seconds in bad.values()), bad
    assert sum(bad.values()) <= IMPATIENT.night_seconds + IMPATIENT.probe_seconds * len(bad)
    assert {portal for portal, seconds in bad.items() if seconds >= 5} == {"traffy", "tmd"}


@contextmanager
def counting() -> Iterator[tuple[str, list[str]]]:
    """A server that notes what it is asked; its address, and the notes."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(500)

        do_POST = do_GET

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_past_day_asks_nobody_and_changes_no_byte_of_the_lake(nights: Nights) -> None:
    # The demo's portals would answer by themselves; its store, as one of the live profile, has only the counting one.
    owner = nights.home / "store.json"
    owner.write_text(owner.read_text().replace('"demo"', '"live"'))
    before = lake(nights.home)
    with counting() as (address, asked):
        ran = night(
            nights.home,
            FIRST,
            "2026-11-24T09:00",
            "--profile",
            "live",
            "--inbox",
            str(nights.home / "demo" / "inbox"),
            MUANG_PORTALS=json.dumps({name: f"{address}/{name}" for name in PORTALS}),
            MUANG_KEYS=json.dumps(dict.fromkeys(KEY_NAMES, "counted")),
            MUANG_METER_KEY="demo: not a secret, all is made up",
        )
    assert json.loads(ran.stdout)["exit_code"] in (0, 1), ran.stdout + ran.stderr
    assert asked == []
    after = lake(nights.home)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    # Verdicts judge the day's files as they are now, and the second night has brought more of the first day.
    assert {path.split("/")[1] for path in changed} <= {"verdicts"}, changed
    assert len(after) > 100
