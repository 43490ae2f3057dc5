"""The last line and the exit code: what a scheduler and the person it wakes go by."""

import contextlib
import errno
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests
import sqlalchemy.exc

from assets.landing.identity import KEY, ROTATION, NotOurs, Rotation, claim
from assets.landing.store import Damaged, LocalStore, Store, StoreFailure, open_store
from assets.snapshots.latest import CITIES
from pipelines.build import holding, lead
from pipelines.cli.base import ending
from pipelines.doctor import Finding, examine, exit_code
from pipelines.failures import is_infrastructure
from pipelines.report import CityNight, Night
from pipelines.run import _classes, are_infrastructure
from pipelines.settings import Settings, now
from tests import warm
from tests.home import Home, few_sources

PanicException = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
"""As libraries written in Rust have one each."""

INFRASTRUCTURE = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EMFILE, "Too many open files"),
    StoreFailure(errno.EIO, "EndpointConnectionError: no"),
    sqlite3.OperationalError("database or disk is full"),
    sqlite3.DatabaseError("database disk image is malformed"),
    sqlalchemy.exc.OperationalError("select", {}, sqlite3.OperationalError("locked")),
    requests.ConnectTimeout("no answer"),
    socket.gaierror("no such host"),
    MemoryError(),
    PanicException("Os { code: 24 }"),
]

NOT = [
    ValueError("not a number"),
    json.JSONDecodeError("no JSON", "", 0),  # requests has one of the same name that is an OSError
    Damaged("cdp/city=nan/current.json", "0 bytes", "rebuild it"),
    KeyError("package"),
]


def raised_from(error: BaseException, cause: BaseException) -> BaseException:
    try:
        raise error from cause
    except BaseException as found:
        return found


@pytest.mark.parametrize("error", INFRASTRUCTURE, ids=repr)
def test_what_infrastructure_raises_ends_with_3(error: BaseException) -> None:
    assert is_infrastructure(error)
    assert is_infrastructure(raised_from(ValueError("the table cannot be written"), error))
    assert ending(error).exit_code == 3


@pytest.mark.parametrize("error", NOT, ids=repr)
def test_what_the_data_is_to_blame_for_is_none(error: BaseException) -> None:
    assert not is_infrastructure(error)
    assert not is_infrastructure(raised_from(error, ValueError()))


def test_a_damaged_file_withholds_its_city_whatever_it_was_noticed_by() -> None:
    damaged = raised_from(Damaged("a/receipt", "0 bytes", "land it again"), OSError("short"))
    assert not is_infrastructure(damaged)
    assert ending(damaged).exit_code == 1


@pytest.mark.parametrize("error", [*INFRASTRUCTURE, *NOT], ids=repr)
def test_a_step_tells_the_same_as_the_error_that_ended_it(error: BaseException) -> None:
    """Dagster keeps texts of errors only; they are what is there when another process ran the step."""

    @dg.op
    def step() -> None:
        raise error

    @dg.job(executor_def=dg.in_process_executor)
    def night() -> None:
        step()

    failed = [event for event in night.execute_in_process(raise_on_error=False).all_events if event.is_failure]
    assert any(are_infrastructure(_classes(event)) for event in failed) == is_infrastructure(error)


def told(**more: Any) -> Night:
    moment = datetime(2026, 11, 28)
    fields: dict[str, Any] = {"cities": [CityNight("nan", True, worst="pass")], "failures": {}, "notes": []}
    fields |= {"infrastructure": False, "stopped": None} | more
    return Night(date(2026, 11, 28), "r", "live", "0", "index.html", moment, moment, **fields)


@pytest.mark.parametrize(
    ("night", "codes"),
    [
        (told(), (0, 0, 0)),
        (told(cities=[CityNight("nan", True, worst="warn")]), (0, 0, 1)),
        (told(cities=[CityNight("nan", True, refused=1, worst="pass")]), (0, 1, 1)),
        (told(cities=[CityNight("nan", True, rejected=1)]), (0, 1, 1)),
        (told(untaken=["1 file(s) in 'nann', which is no city"]), (0, 1, 1)),
        (told(cities=[CityNight("nan", False)]), (1, 1, 1)),
        (told(cities=[CityNight("nan", True, withheld={"weather": "a slip"}, worst="withhold")]), (1, 1, 1)),
        (told(failures={"national__landed_egat": "no"}), (1, 1, 1)),
        (told(infrastructure=True), (3, 3, 3)),
        (told(infrastructure=True, stopped=signal.SIGTERM), (143, 143, 143)),
    ],
)
def test_fail_on_says_what_ends_with_1(night: Night, codes: tuple[int, ...]) -> None:
    assert tuple(night.exit_code(name) for name in ("withheld", "rejected", "warn")) == codes


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


WRONG: list[tuple[tuple[str, ...], dict[str, str], int, str]] = [
    (("status",), {"MUANG_STORE": "s3://"}, 2, "names no bucket"),
    (("doctor",), {"MUANG_PROFIL": "demo"}, 2, "did you mean MUANG_PROFILE?"),
    (("status",), {"MUANG_CITIES": "/nowhere.yaml"}, 2, "registry: "),
    (("status", "--city", "atlantis"), {}, 2, "no such city: atlantis"),
    (("status", "--citi", "nan"), {}, 2, "No such option: --citi"),
    (("status",), {"MUANG_STORE": "s3://muang/x", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 3, "infrastructure: "),
    (("nightly",), {"MUANG_STORE": "gs://muang"}, 2, "gs: is no store"),
    (("nightly",), {"MUANG_INBOX": "/nowhere"}, 2, "the inbox /nowhere is not a folder that is there"),
    (("nightly", "--inbox", "/etc/hostname"), {}, 2, "/etc/hostname is not a folder"),
    (("nightly", "--day", "2026-10-31"), {}, 2, "before the first delivery day 2026-11-01"),
    (("nightly", "--day", "2569-11-01"), {}, 2, "common era here, 2026 for 2569 BE"),
    (("nightly", "--day", "2099-11-01"), {}, 2, "has not begun"),
    (("nightly", "--day", "28/11/2026"), {}, 2, "is not a date like"),
    (("snapshots", "diff", "nan", "--table", "wether"), {}, 2, "no such table: wether"),
    (("nightly", "--day", ""), {}, 2, "--day '' is not a date like"),
    (("nightly", "--from", ""), {}, 2, "--from '' is not a date like"),
    (("sql", " "), {}, 2, "the query is empty"),
    (("lake", "verify"), {}, 2, "no night has begun in the store"),
    (("landing", "verify"), {}, 2, "no night has begun in the store"),
    (("snapshots", "verify"), {}, 2, "no night has begun in the store"),
    (("snapshots", "repair"), {}, 2, "no night has begun in the store"),
    (("quarantine", "list"), {}, 2, "no night has begun in the store"),
    (("snapshots", "gc", "--days", "9999999999"), {}, 2, "less than or equal to 36500"),
    (("nightly", "--profile", "demo"), {"MUANG_HOME": "/proc/nowhere"}, 2, "/proc/nowhere/dagster cannot be made"),
]


@pytest.mark.parametrize(("arguments", "environment", "code", "says"), WRONG, ids=lambda value: str(value)[:60])
def test_what_cannot_be_run_is_told_in_one_line_and_in_json(
    home: Home, arguments: tuple[str, ...], environment: dict[str, str], code: int, says: str
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    ran = home.muang(*arguments, "--json", **keys, **environment)
    found = json.loads(ran.stdout)
    assert ran.returncode == found["exit_code"] == code
    assert says in found["error"]
    assert says in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr
    if arguments[0] == "nightly":
        assert (found["run"], found["failures"], found["cities"]) == (None, {}, {})


def test_several_days_that_are_none(home: Home) -> None:
    for wrong in (["--to", "2026-11-02"], ["--from", "2026-11-03", "--to", "2026-11-02"], ["--day", "2026-11-02"] * 2):
        more = ["--from", "2026-11-01"] if "--day" in wrong else []
        assert home.muang("nightly", *wrong, *more).returncode == 2, wrong


def test_the_default_inbox_may_be_missing(home: Home, tmp_path: Path) -> None:
    """Nobody named it: a deployment of portals only needs none."""
    from pipelines.run import not_ready

    assert not_ready(Settings(home=tmp_path), []) is None
    assert "is not a folder" in str(not_ready(Settings(home=tmp_path, inbox=tmp_path / "none"), []))


def test_output_is_utf_8_in_any_locale(home: Home) -> None:
    ran = home.muang("status", "--json", "--city", "nan", PYTHONIOENCODING="ascii", LANG="C", LC_ALL="C")
    assert (ran.returncode, json.loads(ran.stdout)[0]["name_th"]) == (0, "เมืองน่าน") or "น่าน" in ran.stdout


@pytest.mark.parametrize("form", [["--json"], []])
def test_nobody_reading_any_more_is_no_failure(home: Home, form: list[str]) -> None:
    muang = str(Path(sys.executable).with_name("muang"))
    environment = os.environ | {"MUANG_HOME": str(home.home)}
    ran = subprocess.run(
        ["bash", "-c", f"{muang} status {' '.join(form)} | true; echo ${{PIPESTATUS[0]}}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.stdout.strip(), ran.stderr) == ("141", "")


def test_output_that_cannot_be_written_is_told(home: Home) -> None:
    with Path("/dev/full").open("w") as full:
        command = [str(Path(sys.executable).with_name("muang")), "status", "--json"]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=home.home.parent, timeout=60)
    assert ran.returncode == 3
    assert "No space left on device" in ran.stderr


@pytest.mark.parametrize(
    ("closed", "arguments", "code"),
    [
        ("<&-", "erase --city nan --meter -", 2),
        (">&-", "status --json", 0),
        ("<&- >&- 2>&-", "status --json", 0),
        ("<&- >&- 2>&-", "erase --city nan --meter -", 2),
    ],
)
def test_streams_that_the_caller_closed_are_no_fault(home: Home, closed: str, arguments: str, code: int) -> None:
    muang = str(Path(sys.executable).with_name("muang"))
    environment = os.environ | {"MUANG_HOME": str(home.home)}
    ran = subprocess.run(["bash", "-c", f"{muang} {arguments} {closed}"], env=environment, capture_output=True)
    assert (ran.returncode, b"Traceback" in ran.stderr) == (code, False)


LIMITS = ((resource.RLIMIT_FSIZE, 300 * 1024), (resource.RLIMIT_NOFILE, 32))
"""A file may be no longer than so many bytes, which stands for the full disk: SQLite and the store fail alike; and so
many files may be open."""


@pytest.mark.timeout(300)
def test_a_night_without_room_or_files_ends_with_3(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    """Then there is room, and all is well."""
    deployment = fresh_home()
    chosen = {"MUANG_CITIES": str(few_sources(tmp_path, ["khon_kaen"])), "MUANG_DEMO_METERS": "50"}
    for what, limit in LIMITS:
        told = {**os.environ, "MUANG_HOME": str(deployment.home), **chosen}
        within = partial(resource.setrlimit, what, (limit, limit))
        ran = warm.run(("nightly", "--profile", "demo", "--json"), told, tmp_path, "", 120, within)
        assert ran.returncode == json.loads(ran.stdout)["exit_code"] == 3, ran.stdout + ran.stderr
    after = deployment.json("nightly", "--profile", "demo", **chosen)
    assert (after["exit_code"], after["cities"]["khon_kaen"]["published"]) == (0, True), after
    with contextlib.closing(sqlite3.connect(deployment.home / "dagster/history/runs.db")) as connection:
        statuses = {status for (status,) in connection.execute("select status from runs")}
    assert statuses <= {"SUCCESS", "FAILURE"}


def test_doctor_tells_what_a_night_would_be_refused_for(home: Home) -> None:
    store = open_store(str(home.home))
    claim(store, "live", None, now() + timedelta(days=2))
    store.write(ROTATION, Rotation(old="a", new="b").model_dump_json().encode())
    ran = home.muang("doctor", "--json")
    found = {each["what"]: each for each in json.loads(ran.stdout)}
    assert (ran.returncode, found["clock"]["state"], found["meter ids"]["state"]) == (2, "fail", "fail")
    assert "--accept-clock" in found["clock"]["remedy"] and "`muang keys rotate` again" in found["meter ids"]["remedy"]


def test_a_store_of_a_later_version_is_left_alone_and_doctor_says_so(home: Home) -> None:
    store = open_store(str(home.home))
    told = claim(store, "live", None, now())
    store.write(KEY, told.model_copy(update={"format": 99}).model_dump_json().encode())
    [owner] = (each for each in examine(Settings(home=home.home)) if each.what == "owner")
    assert owner.state == "fail" and "has format 99" in owner.remedy
    ran = home.muang("snapshots", "gc", "--keep", "1", "--json")
    assert (ran.returncode, "has format 99" in json.loads(ran.stdout)["error"]) == (2, True)


def test_doctor_names_cities_that_no_night_runs_for_any_more(tmp_path: Path) -> None:
    """As where a slug was changed: all that there was of the city lies under the old one."""
    open_store(str(tmp_path)).write(CITIES, b'<tr data-city="phuket"> </tr>\n<tr data-city="puket"> </tr>\n')
    [left] = (each for each in examine(Settings(home=tmp_path)) if each.what == "cities")
    assert left.state == "warn" and left.found.startswith("puket have published")


@pytest.mark.parametrize(
    ("failed", "code"),
    [((), 0), (("registry",), 2), (("owner", "clock"), 2), (("store /x",), 3), (("conditional writes",), 2)],
)
def test_doctor_ends_with_the_code_that_a_night_would_end_with(failed: tuple[str, ...], code: int) -> None:
    found = [Finding("disk", "warn", ""), *(Finding(what, "fail", "") for what in failed)]
    assert exit_code(found) == code


class Careless(LocalStore):
    """As servers that were made before S3 had conditional writes."""

    def create(self, key: str, data: bytes) -> bool:
        self.write(key, data)
        return True

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        return self.create(key, data)


class Unable(LocalStore):
    """As servers that answer 501 to a write with a condition."""

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        if tag is not None and key.startswith("work/conditions/"):
            raise OSError(errno.ENOSYS, "A header you provided implies functionality that is not implemented")
        return super().swap(key, data, tag)


@pytest.mark.parametrize("kind", [Careless, Unable])
def test_nobody_works_in_a_store_that_does_not_honour_conditions_of_writes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Callable[[Path], LocalStore]
) -> None:
    """A lease there holds nobody back."""
    store = kind(tmp_path)
    claim(store, "live", None, now())
    monkeypatch.setattr("pipelines.build.open_store", lambda _: store)
    before = store.list("")
    for begin in (
        lambda: holding(Settings(home=tmp_path), {}, []),
        lambda: lead(dg.DagsterRun("nightly"), {}, print),
    ):
        with pytest.raises(NotOurs, match="use a server that honours If-None-Match") as found, begin():
            pass
        assert ending(found.value).exit_code == 2
    assert store.list("") == before
    monkeypatch.setattr("pipelines.build.open_store", lambda _: LocalStore(tmp_path))
    with holding(Settings(home=tmp_path), {}, []):
        pass


def test_doctor_asks_no_more_of_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each question would wait as long as the first."""
    asked = []

    def away(uri: str) -> Store:
        asked.append(uri)
        raise OSError("connection refused")

    monkeypatch.setattr("pipelines.doctor.open_store", away)
    found = examine(Settings(home=tmp_path, cities=Path("/nowhere.yaml")))
    assert {each.what.split()[0] for each in found if each.state == "fail"} == {"registry", "store"}
    assert (len(asked), exit_code(found)) == (1, 3)
