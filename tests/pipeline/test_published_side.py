"""The published side as its operator sees it: past days, damaged control files, left-overs, old snapshots."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from assets.cities.registry import default_path
from assets.landing.store import LocalStore
from assets.snapshots import history
from pipelines.settings import now
from tests.home import Home, few_sources

CITIES = ("khon_kaen", "nan")


class Deployment:
    """A home of two cities after one demo night, and ``muang`` on it."""

    def __init__(self, home: Home, registry: Path) -> None:
        self.home = home
        self.chosen = {"MUANG_CITIES": str(registry), "MUANG_DEMO_METERS": "60"}

    def __call__(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        done = self.home.muang(*arguments, **self.chosen, **more)
        return done.returncode, done.stdout, done.stderr

    def night(self, day: date, *cities: str) -> dict:
        chosen = [word for city in cities or CITIES for word in ("--city", city)]
        return json.loads(self("nightly", "--profile", "demo", "--day", f"{day}", *chosen, "--json")[1])["cities"]

    def pointer(self, city: str) -> Path:
        return self.home.home / "cdp" / f"city={city}" / "current.json"

    def current(self, city: str) -> dict:
        return json.loads(self.pointer(city).read_bytes())

    def file(self, city: str, path: str) -> Path:
        return self.pointer(city).parent / "snapshots" / self.current(city)["snapshot_id"] / path


@pytest.fixture(scope="module")
def first_night(fresh_home: Callable[[], Home], tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = Deployment(fresh_home(), few_sources(tmp_path_factory.mktemp("registry"), CITIES))
    assert all(city["published"] for city in deployment.night(now().date()).values())
    return deployment


@pytest.fixture
def muang(first_night: Deployment, tmp_path: Path) -> Deployment:
    """A copy of it, to be spoilt."""
    return Deployment(first_night.home.copy(tmp_path), Path(first_night.chosen["MUANG_CITIES"]))


def test_a_past_day_that_is_run_leaves_the_page_of_the_newest(muang: Deployment) -> None:
    today = now().date()
    before = muang.current("khon_kaen")
    shutil.rmtree(muang.home.home / "demo" / "inbox")  # what tonight brought is no delivery of the past day
    past = muang.night(today - timedelta(days=2), "khon_kaen")["khon_kaen"]
    after = muang.current("khon_kaen")
    assert (past["published"], past["snapshot"]) == (True, after["snapshot_id"])
    assert (after["day"], after["parent"]) == (f"{today}", before["snapshot_id"])
    assert f'edition of <strong><time datetime="{today}">' in muang.file("khon_kaen", "index.html").read_text()
    weather = "select count(distinct local_date) as days from cdp.weather where city = 'khon_kaen'"
    assert json.loads(muang("sql", weather, "--json")[1]) == [{"days": 2}], "its tables are made and published"
    again = muang.night(today - timedelta(days=2), "khon_kaen")["khon_kaen"]
    assert (again["published"], again["unchanged"], again["snapshot"]) == (True, True, after["snapshot_id"])


# An empty one is mended by the next night, below; all damages: ``tests/snapshots/test_history.py``.
@pytest.mark.parametrize(
    "content",
    [*(pytest.param(each, marks=pytest.mark.trial) for each in (None, b"")), b"\x00\xfe garbage"],
    ids=["gone", "empty", "garbage"],
)
def test_a_damaged_pointer_is_a_sentence_for_its_city_and_the_others_are_shown(
    muang: Deployment, content: bytes | None
) -> None:
    sound = muang.pointer("khon_kaen").read_bytes()
    if content is None:
        muang.pointer("khon_kaen").unlink()
    else:
        muang.pointer("khon_kaen").write_bytes(content)
    named = ("cdp/city=khon_kaen/current.json is damaged", "muang snapshots repair --city khon_kaen")

    code, shown, said = muang("status", "--json")
    assert code == 1
    assert {row["city"]: row["snapshot"] is None for row in json.loads(shown)} == {"khon_kaen": True, "nan": False}
    code, shown, said = muang("status")
    assert code == 1
    assert all(part in " ".join(said.split()) for part in named)
    code, shown, said = muang("sql", "select distinct city from cdp.weather", "--json")
    assert (code, json.loads(shown)) == (1, [{"city": "nan"}])
    assert all(part in " ".join(said.split()) for part in named)
    code, shown, said = muang("snapshots", "list", "--json")
    assert code == 1
    assert [entry["state"] for entries in json.loads(shown).values() for entry in entries] == ["kept", "current"]
    code, shown, _ = muang("snapshots", "verify", "--json")
    assert code == 1
    assert {city: len(problems) for city, problems in json.loads(shown).items()} == {"khon_kaen": 1, "nan": 0}
    code, _, said = muang("snapshots", "show", "khon_kaen")
    assert code == 1
    assert named[0] in " ".join(said.split())

    address = muang.pointer("khon_kaen").with_name("index.html")
    page = address.read_bytes()
    address.unlink()
    code, shown, _ = muang("snapshots", "repair")
    assert code == 0, shown
    assert muang.pointer("khon_kaen").read_bytes() == sound
    assert address.read_bytes() == page
    assert muang("snapshots", "verify")[0] == 0


def test_the_next_night_mends_what_is_damaged_and_publishes_every_city(muang: Deployment) -> None:
    muang.pointer("khon_kaen").write_bytes(b"")
    manifest = muang.file("nan", "meta/manifest.json")
    manifest.write_bytes(manifest.read_bytes()[:100])
    code, shown, said = muang("sql", "select count(*) as n from cdp.weather", "--json")
    assert code == 1
    assert "meta/manifest.json is damaged" in " ".join(said.split())
    assert "current.json is damaged" in " ".join(said.split())
    cities = muang.night(now().date())
    assert {slug: city["published"] for slug, city in cities.items()} == dict.fromkeys(CITIES, True)
    assert {slug: city["unchanged"] for slug, city in cities.items()} == {"khon_kaen": True, "nan": False}
    code, shown, said = muang("snapshots", "verify")
    assert code == 0, shown
    code, shown, _ = muang("snapshots", "verify", "--all", "--json")
    assert code == 1, "the spoilt one of nan is still kept"
    assert [len(problems) for problems in json.loads(shown).values()] == [0, 1]

    assert muang("snapshots", "gc", "--keep", "1")[0] == 0
    assert len(list(manifest.parents[2].iterdir())) == 2, "it was current a moment ago"
    code, shown, _ = muang("snapshots", "gc", "--keep", "1", "--dry-run", "--json", MUANG_READER_HOURS="0")
    assert json.loads(shown) == {"nan": [manifest.parents[1].name]}
    assert manifest.exists()
    assert muang("snapshots", "gc", "--keep", "1", MUANG_READER_HOURS="0")[0] == 0
    assert not manifest.parents[1].exists()
    assert muang("snapshots", "verify", "--all")[0] == 0
    states = [entry["state"] for entry in json.loads(muang("snapshots", "list", "--json")[1])["nan"]]
    assert states == ["removed", "current"]
    code, _, said = muang("snapshots", "show", "nan", manifest.parents[1].name)
    assert code == 2
    assert "was removed" in said


def test_a_lost_history_entry_is_listed_with_its_number_and_made_again(muang: Deployment) -> None:
    entry = muang.pointer("nan").parent / "history" / "00000001.json"
    sound = entry.read_bytes()
    entry.write_bytes(b"")
    code, shown, said = muang("snapshots", "list", "--json")
    assert code == 1
    assert json.loads(shown)["nan"] == [{"seq": 1, "state": "lost"}]
    assert "history/00000001.json is damaged" in " ".join(said.split())
    assert muang("status")[0] == 0, "what readers see is whole"
    assert muang("snapshots", "repair", "--city", "nan")[0] == 0
    assert entry.read_bytes() == sound


@pytest.mark.parametrize("columns", ["80", None])
def test_what_is_shown_is_whole_in_a_narrow_terminal_and_in_a_pipe(
    first_night: Deployment, columns: str | None
) -> None:
    width = {"COLUMNS": columns} if columns else {}
    ids = {first_night.current(city)["snapshot_id"] for city in CITIES}
    for command in (["snapshots", "list"], ["status"]):
        shown = first_night(*command, **width)[1]
        assert "…" not in shown
        assert all(snapshot in shown for snapshot in ids), "what `snapshots show` asks for"
    rows = list(csv.DictReader(io.StringIO(first_night("sql", "from lake.deliveries", "--csv")[1])))
    assert rows
    shown = first_night("sql", "from lake.deliveries", **width)[1]
    assert f"{len(rows)} rows" in shown
    told = " ".join(shown.split())
    assert all(value in told for row in rows for value in row.values())


def test_a_long_answer_is_shown_in_part_and_says_so(first_night: Deployment) -> None:
    asked = "select range from range(2500)"
    code, shown, _ = first_night("sql", asked)
    assert (code, shown.splitlines()[-1]) == (0, "2,500 rows, of which 1,000 are shown; --csv and --json have all")
    assert first_night("sql", asked, "--csv")[1].split() == ["range", *map(str, range(2500))]
    assert len(json.loads(first_night("sql", asked, "--json")[1])) == 2500


def test_the_version_is_told(first_night: Deployment) -> None:
    assert first_night("--version")[:2] == (0, f"muang {version('muang')}\n")
    assert first_night("snapshots", "diff", "-h")[:2] == first_night("snapshots", "diff", "--help")[:2]


def test_cities_without_a_night_are_one_line_of_the_status_until_asked_for(first_night: Deployment) -> None:
    status = partial(first_night.home.muang, "status", COLUMNS="1000")  # of the whole registry
    shown = status().stdout
    assert "No night has run yet for 34 cities: " in shown
    assert (shown.count("korat"), shown.count("korat has nothing usable yet")) == (1, 0)
    assert "khon_kaen" in shown
    assert "korat has nothing usable yet from" in status("--city", "korat").stdout


def test_what_changed_is_shown_and_an_earlier_snapshot_made_current_again(muang: Deployment) -> None:
    first = muang.current("khon_kaen")
    muang.night(now().date() - timedelta(days=1), "khon_kaen")
    second = muang.current("khon_kaen")
    code, shown, _ = muang("snapshots", "diff", "khon_kaen", "--json")
    told = json.loads(shown)
    assert (code, told["before"], told["after"]) == (0, first["snapshot_id"], second["snapshot_id"])
    assert any(table["added"] for table in told["tables"].values())
    code, shown, _ = muang("snapshots", "diff", "khon_kaen", "--table", "indicators", "--limit", "1")
    assert code == 0
    assert "indicator" in shown
    assert muang("snapshots", "diff", "nan")[0] == 2, "it has one snapshot"
    assert muang("snapshots", "diff", "nan", first["snapshot_id"])[0] == 2, "of another city"

    assert muang("snapshots", "rollback", "khon_kaen")[0] == 2, "nobody says why"
    for reason in ("account AC1234567890", "call 081-234 5678"):
        assert muang("snapshots", "rollback", "khon_kaen", "--reason", reason, MUANG_PROFILE="demo")[0] == 2, reason
    assert muang("snapshots", "rollback", "nan", "--reason", "wrong")[0] == 2
    told = ("--reason", "[ตัวเลขผิด] 2026-11-28")
    code, shown, said = muang("snapshots", "rollback", "khon_kaen", *told, MUANG_PROFILE="demo")
    assert (code, first["snapshot_id"] in shown) == (0, True), said
    assert muang.current("khon_kaen")["snapshot_id"] == first["snapshot_id"]
    assert first["snapshot_id"] in muang.pointer("khon_kaen").with_name("index.html").read_text()
    rows = json.loads(muang("snapshots", "list", "--json")[1])["khon_kaen"]
    assert [row["state"] for row in rows] == ["kept", "withdrawn", "current"]
    assert "[ตัวเลขผิด]" in muang("status", "--city", "khon_kaen")[1]
    assert muang("snapshots", "verify", "--all")[0] == 0


def test_a_night_that_brought_nothing_publishes_nothing_and_says_so(fresh_home: Callable[[], Home]) -> None:
    home = fresh_home()
    entry = yaml.safe_load(default_path().read_text(encoding="utf-8"))["khon_kaen"]
    entry["sources"] = {name: one for name, one in entry["sources"].items() if one.get("via") == "inbox"}
    registry = home.home.parent / "one.yaml"
    registry.write_text(yaml.safe_dump({"khon_kaen": entry}, allow_unicode=True), encoding="utf-8")
    inbox = home.home.parent / "inbox"
    inbox.mkdir()
    live = {"MUANG_CITIES": str(registry), "MUANG_METER_KEY": "a key of the tests", "MUANG_INBOX": str(inbox)}
    night = home.json("nightly", **live)
    assert night["exit_code"] == 1
    (city,) = night["cities"].values()
    assert (city["published"], city["snapshot"]) == (False, None)
    assert "nothing was delivered" in city["withheld_because"]


def test_an_edition_of_a_day_that_has_not_come_is_told(muang: Deployment) -> None:
    store = LocalStore(muang.home.home)
    shown = history.current(store, "nan")
    assert shown is not None
    late = now().date() + timedelta(days=20)
    # As a night leaves it whose clock was ahead.
    ahead = shown.model_copy(update={"seq": shown.seq + 1, "day": late, "parent": shown.snapshot_id})
    store.create(history.history_key("nan", ahead.seq), ahead.encoded())
    history.point(store, ahead)
    said = f"nan shows an edition of {late}, which has not come"
    assert said in muang("status")[1] and "khon_kaen shows" not in muang("status")[1]
    told = json.loads(muang("nightly", "--profile", "demo", "--city", "nan", "--json")[1])
    assert [note for note in told["notes"] if said in note]


def test_a_receipt_that_is_not_refused_cannot_be_replayed(muang: Deployment) -> None:
    code, _, said = muang("quarantine", "replay", "0123456789abcdef", MUANG_PROFILE="demo")
    assert (code, "not refused: 0123456789abcdef" in said) == (2, True)


@pytest.mark.parametrize("command", ["lake compact", "quarantine replay", "landing repair", "snapshots rollback nan"])
def test_a_command_leaves_an_empty_store_to_its_first_night(fresh_home: Callable[[], Home], command: str) -> None:
    home = fresh_home()
    done = home.muang(*command.split(), *(["--reason", "wrong"] if "rollback" in command else []))
    assert done.returncode == 2 and "is empty: `muang nightly` fills it" in done.stderr
    assert not (home.home / "store.json").exists()


def test_columns_of_one_name_are_told_apart(muang: Deployment) -> None:
    code, shown, _ = muang("sql", "--json", "select 1 as a, 2 as a, 3 as a_1, 4 as a")
    assert (code, json.loads(shown)) == (0, [{"a": 1, "a_1": 2, "a_1_1": 3, "a_2": 4}])


@pytest.mark.parametrize("asked", ["range(100000000) a, range(100000) b", "lake.meters a, range(1000000000) b"])
def test_a_query_ends_when_it_is_asked_to(muang: Deployment, asked: str) -> None:
    query = f"select count(*) from {asked} where hash(a) > hash(b)"
    environment = os.environ | muang.chosen | {"MUANG_HOME": str(muang.home.home)}
    command = [sys.executable, "-c", "import signal; signal.signal(2, signal.default_int_handler); " + ASKS, query]
    asking = subprocess.Popen(command, env=environment, cwd=muang.home.home.parent, stdout=-1, stderr=-1, text=True)
    try:
        assert asking.stderr is not None and asking.stderr.readline() == "asking\n"
        time.sleep(1)
        asking.send_signal(signal.SIGINT)
        assert (asking.communicate(timeout=30)[0], asking.returncode) == ("", 130)
    finally:
        asking.kill()


ASKS = """
import sys
import pipelines.sql as sql
reading = sql.reading
def told(query):
    print("asking", file=sys.stderr, flush=True)
    return reading(query)
sql.reading = told
from pipelines.cli import app
sys.argv = ["muang", "sql", sys.argv[1]]
app()
"""
"""``muang sql`` in a process that says when its query is about to be asked."""


def test_cities_that_left_the_registry_are_not_told_as_never_published(muang: Deployment, tmp_path: Path) -> None:
    chosen = {"MUANG_CITIES": str(few_sources(tmp_path, ("krabi",)))}
    done = muang.home.muang("snapshots", "verify", **chosen)
    assert done.returncode == 0
    assert "left the registry" in " ".join(done.stdout.split())
    assert "khon_kaen, nan have published" in " ".join(muang.home.muang("doctor", **chosen).stdout.split())
