"""Fixtures that several test folders share."""

import importlib.util
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import settings

from assets.cities.registry import City
from assets.landing.s3 import S3Store
from assets.landing.store import LocalStore, Store
from tests.home import Home, made_once
from tests.s3_server import BUCKET, NotInstalled, serving

ROOT = Path(__file__).parents[1]
if "PYTEST_XDIST_WORKER" in os.environ:
    pl.thread_pool_size()  # reads it, once
    os.environ.pop("POLARS_MAX_THREADS", None)  # what a test starts has threads as anywhere
# The same examples on every machine and in every run, so that a change is to blame for a failure; what reproduces one
# is printed. `make fuzz` looks for new ones and for more of them: what it finds is pinned with @example.
settings.register_profile("fixed", derandomize=True, print_blob=True, deadline=None, max_examples=12)
settings.register_profile("explore", print_blob=True, deadline=None, max_examples=200)
settings.load_profile("fixed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole nights first: begun last, one of them would keep one core waiting for the other."""
    items.sort(key=lambda item: item.path.parent.name not in ("pipeline", "real", "trials"))


def absent(reason: str) -> None:
    """End the test: a skip where something optional is absent, a failure in CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="session", autouse=True)
def unsynced() -> Iterator[None]:
    """Nobody cuts the power of a test, and a tenth of its time would be spent on waiting for the disk. That what has to
    be synced is, and in time, is followed call by call (``trials/disk.py``)."""
    with patch.object(os, "fsync", lambda _: None):
        yield


BROWSER = (
    *("--no-sandbox", "--disable-gpu"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""What makes Chromium run as root and in a container, and ask nothing of its own."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser (Playwright's ``Browser``)."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        absent("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=BROWSER)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server (SeaweedFS) of this session, on a local port; any credentials are accepted."""
    try:
        with serving(tmp_path_factory.mktemp("s3")) as endpoint:
            yield endpoint
    except NotInstalled as error:
        absent(str(error))


@pytest.fixture
def s3_store(s3_endpoint: str) -> S3Store:
    """An empty prefix."""
    return S3Store(f"s3://{BUCKET}/{uuid.uuid4().hex}", endpoint_url=s3_endpoint, key="any", secret="any")


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store: on the local disk, then on a real S3 server."""
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    found: S3Store = request.getfixturevalue("s3_store")
    return found


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs; a skip where it is absent, a failure where it is absent in CI."""
    folder = Path(os.environ.get("MUANG_REAL_DATA", ROOT.parent / "shared" / "real"))
    if not folder.is_dir():
        reason = f"no real inputs at {folder}; set MUANG_REAL_DATA"
        absent(reason)
    return folder


def make_city(slug: str, province_th: str, lat: float, lon: float, code: str) -> City:
    english = {"83": "Phuket", "10": "Bangkok"}.get(code, slug)
    return City.model_construct(
        slug=slug, province_th=province_th, province_en=english, lat=lat, lon=lon, dopa_province=code
    )


@pytest.fixture
def phuket() -> City:
    return make_city("phuket", "ภูเก็ต", 7.884, 98.392, "83")


@pytest.fixture
def samyan() -> City:
    return make_city("samyan", "กรุงเทพมหานคร", 13.733, 100.529, "10")


@pytest.fixture(scope="session")
def made_up() -> ModuleType:
    """The made-up tables, as a module: ``publisher.py`` imports them in a process of its own."""
    spec = importlib.util.spec_from_file_location("made_up", ROOT / "tests" / "snapshots" / "made_up.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Home]:
    """Where a night of the tests runs."""
    return lambda: Home(tmp_path_factory.mktemp("muang") / "home")


@pytest.fixture(scope="session")
def demo_night(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four cities after one demo night, run as a scheduler would run it; what the command printed lies beside the home.
    It is one for all tests: who changes something copies it."""

    def run(folder: Path) -> None:
        cities = ("phuket", "khon_kaen", "mae_moh", "samyan")
        chosen = [word for city in cities for word in ("--city", city)]
        summary = Home(folder / "home").json("nightly", "--profile", "demo", *chosen)
        (folder / "printed.json").write_text(json.dumps(summary))

    return Home(made_once(tmp_path_factory, "demo", run) / "home")


@pytest.fixture
def without_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nights without Great Expectations: it judges tables, writes nothing, and takes a third of a small night."""
    monkeypatch.setattr("quality.expectations._validated", lambda *_: [])
