"""Which edition a step publishes: the newest there is, made again from the lake where another publisher was faster."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest
from lxml import html

from assets.cities.registry import SourceEntry
from assets.indicators.make import make_all
from assets.lake import accounts, verdicts
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.store import LocalStore, Store
from assets.snapshots import publish
from assets.snapshots.build import Refused, new_id, prefix
from assets.snapshots.commit import Conflict
from assets.snapshots.history import current, history, manifest
from quality.gate import to_frame
from quality.tables import DELIVERIES, INDICATORS, LOAD_PROFILE, PROGRAMME, TRANSIT_STOPS, WEATHER
from quality.verdicts import Verdict
from tests.snapshots.test_publish import Wrapped, sees

pytestmark = pytest.mark.usefixtures("without_suites")

NAMES = (TRANSIT_STOPS.name, WEATHER.name, INDICATORS.name, PROGRAMME.name)
Night = Callable[..., publish.Published]


@pytest.fixture
def night(tmp_path, made_up, monkeypatch) -> Night:
    """A night of a city whose stops are delivered once: its numbers, verdicts and snapshot."""
    monkeypatch.setattr(publish, "PAUSE", 0.01)
    sound = LocalStore(tmp_path)
    CityLake(sound, "phuket").merge(TRANSIT_STOPS, made_up.transit_stops())

    def at(day: date, store: Store = sound, run: str = "night") -> publish.Published:
        deployment = Deployment(store, {}, {}, tmp_path, lambda: made_up.NOW, synthetic=True, version=run)
        step = Step(deployment, made_up.city(), day, run)
        verdicts.keep(step, WEATHER, [Verdict("weather", "freshness", "pass", 1, 0, f"judged on {day}")])
        make_all(step, NAMES)
        return publish.publish(step, NAMES)

    at.store = sound
    return at


def days(made_up) -> list[date]:
    return [made_up.DAY + timedelta(days=n) for n in range(4)]


def test_a_past_day_publishes_the_newest_with_what_it_corrected(night: Night, made_up) -> None:
    before, _, newest, _ = days(made_up)
    night(before)
    first = night(newest)
    assert (first.day, first.unchanged) == (newest.isoformat(), False)
    again = night(before)
    assert (again.snapshot, again.day, again.unchanged) == (first.snapshot, newest.isoformat(), True), "nothing changed"

    CityLake(night.store, "phuket").merge(WEATHER, made_up.weather())
    corrected = night(before)
    assert (corrected.seq, corrected.day) == (3, newest.isoformat())
    told = manifest(night.store, current(night.store, "phuket"))
    assert told["tables"]["weather"]["rows"] == 24
    assert told["day"] == newest.isoformat()
    page = night.store.read(f"{prefix('phuket', corrected.snapshot)}/index.html").decode()
    assert f'edition of <strong><time datetime="{newest}">' in page
    assert f"judged on {newest}" in page
    assert f"judged on {before}" not in page
    indicators = CityLake(night.store, "phuket").day(INDICATORS, newest)
    assert indicators.filter(indicator="temperature_mean")["value"].drop_nulls().len() == 1, "they are made again"


def test_a_table_that_a_cut_short_night_did_not_judge_has_its_own_days_verdict(night: Night, made_up) -> None:
    before, _, newest, _ = days(made_up)
    step = Step(Deployment(night.store, {}, {}, None, lambda: made_up.NOW), made_up.city(), newest)
    verdicts.keep(step, TRANSIT_STOPS, [Verdict("transit_stops", "freshness", "pass", 1, 0, "stops judged")])
    done = night(before)
    assert done.day == newest.isoformat()
    page = night.store.read(f"{prefix('phuket', done.snapshot)}/index.html").decode()
    assert "stops judged" in page
    assert f"judged on {before}" in page


def test_what_the_newest_day_blocks_no_past_day_publishes(night: Night, made_up) -> None:
    before, _, newest, _ = days(made_up)
    step = Step(Deployment(night.store, {}, {}, None, lambda: made_up.NOW), made_up.city(), newest)
    verdicts.keep(step, TRANSIT_STOPS, [Verdict("transit_stops", "keys", "block", 1, 1, "two of a key")])
    with pytest.raises(Refused, match="transit_stops is blocked by keys"):
        night(before)


def test_after_a_conflict_the_edition_is_made_again_and_is_the_newest(night: Night, made_up) -> None:
    before, between, newest, _ = days(made_up)
    rivals = [newest, between]

    def create(key: str, data: bytes) -> bool:
        if "/history/" in key and rivals:
            night(rivals.pop(), run="rival")
        return night.store.create(key, data)

    CityLake(night.store, "phuket").merge(WEATHER, made_up.weather())
    done = night(before, Wrapped(night.store, create=create), "slow")
    assert done.day == newest.isoformat()
    assert [entry.day for entry in history(night.store, "phuket")] == sorted(
        entry.day for entry in history(night.store, "phuket")
    ), "no commit goes back"
    assert sees(night.store) == done.snapshot
    failed = [key for key in night.store.list("cdp") if key.endswith("FAILED.json")]
    assert {json.loads(night.store.read(key))["error"] for key in failed} == {"Conflict"}


def test_a_conflict_that_does_not_end_is_told(night: Night, made_up) -> None:
    tables = iter(range(100))

    def create(key: str, data: bytes) -> bool:
        if "/history/" in key:
            made_up.published(night.store, made_up.few_tables(stops=2 + next(tables) % 9))
        return night.store.create(key, data)

    with pytest.raises(Conflict):
        night(made_up.DAY, Wrapped(night.store, create=create))
    assert len(history(night.store, "phuket")) == publish.ATTEMPTS


def test_an_edition_without_a_table_of_its_own_is_withheld(night: Night, made_up, tmp_path) -> None:
    empty = LocalStore(tmp_path / "empty")
    with pytest.raises(Refused, match="nothing was delivered"):
        night(made_up.DAY, empty)
    assert current(empty, "phuket") is None


def test_a_city_of_a_few_meters_is_told_that_no_crowd_hides_them(night: Night, made_up) -> None:
    few = to_frame([Verdict("load_profile", "withheld-cell", "warn", 10, 10, "10 meters are in no cell")], made_up.DAY)
    with pytest.raises(Refused, match="no sum over the city's meters passes 15/15"):
        made_up.published(night.store, {"load_profile": LOAD_PROFILE.empty()}, verdicts=few)


def test_left_overs_go_and_a_store_that_keeps_them_is_published_to(night: Night, made_up) -> None:
    orphan = f"{prefix('phuket', new_id(made_up.NOW - timedelta(hours=2)))}/data/half.parquet"
    night.store.write(orphan, b"half")

    def refuses(_: str) -> None:
        raise PermissionError("delete is not allowed")

    kept = night(made_up.DAY, Wrapped(night.store, delete_folder=refuses))
    assert (kept.removed, kept.not_removed) == (0, "delete is not allowed")
    assert sees(night.store) == kept.snapshot
    assert night(made_up.DAY).removed == 1
    assert not night.store.exists(orphan)


def test_old_snapshots_go_with_the_night(night: Night, made_up) -> None:
    old = [made_up.published(night.store, now=made_up.NOW - timedelta(days=n)).snapshot_id for n in (40, 36, 30)]
    assert night(made_up.DAY + timedelta(days=3)).removed == 2
    kept = {key.split("/")[3] for key in night.store.list("cdp/city=phuket/snapshots")}
    assert kept & set(old) == {old[-1]}


def test_a_damaged_pointer_is_mended_by_the_night_and_told(night: Night, made_up) -> None:
    night(made_up.DAY)
    night.store.write("cdp/city=phuket/current.json", b"")
    done = night(made_up.DAY)
    assert done.mended == ["cdp/city=phuket/current.json: made again from commit 1"]
    assert done.unchanged
    assert sees(night.store) == done.snapshot


def test_what_a_source_brought_keeps_its_publisher_when_the_registry_has_it_no_more(
    tmp_path, made_up, monkeypatch
) -> None:
    """As where one of two sources of a table is taken out: its rows stay, and their licence asks to be named."""
    store = LocalStore(tmp_path)
    CityLake(store, "phuket").merge(WEATHER, made_up.weather())
    told = {"receipt": "r", "table": "weather", "day": made_up.DAY, "status": "ok", "rows": 24, "refused": 0}
    entries = [
        told | {"source": "archive", "format": "open_meteo_archive"},
        told | {"source": "meters", "format": "nem12", "receipt": "m"},
        told | {"source": "renamed", "format": "tmd", "receipt": "s"},
        told | {"source": "idle", "format": "open_meteo", "receipt": "i", "rows": 0},
    ]
    CityLake(store, "phuket").put(DELIVERIES, made_up.DAY, pl.DataFrame(entries, schema=DELIVERIES.schema))
    city = made_up.city().model_copy(update={"sources": {"stations": SourceEntry(via="portal", reader="tmd")}})
    step = Step(Deployment(store, {}, {}, tmp_path, lambda: made_up.NOW, synthetic=True), city, made_up.DAY, "run")
    verdicts.keep(step, WEATHER, [Verdict("weather", "freshness", "pass", 1, 0, "fresh")])
    make_all(step, NAMES)
    monkeypatch.setattr(accounts, "require", lambda _: None)  # the lake has no rows of these receipts
    publish.publish(step, NAMES)
    at = prefix("phuket", current(store, "phuket").snapshot_id)
    [weather] = (
        each for each in json.loads(store.read(f"{at}/meta/catalogue.json"))["packages"] if "weather" in each["name"]
    )
    assert weather["data_source"] == "Open-Meteo; Thai Meteorological Department"
    page = html.fromstring(store.read(f"{at}/index.html").decode())
    rows = [[cell.text_content() for cell in row] for row in page.xpath("//section[@id='sources']//tbody/tr")]
    assert [row[0] for row in rows] == ["archive", "stations"]
    assert rows[0][2:4] == ["–", "Open-Meteo"] and "CC BY 4.0" in rows[0][4]
