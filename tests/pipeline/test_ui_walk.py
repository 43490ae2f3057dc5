"""A data engineer's walk through the Dagster UI in a real browser, on a home where one night has run."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.home import Home, few_sources

CITIES = ("phuket", "chachoengsao", "khon_kaen", "mae_moh")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A registry that each of Dagster's processes loads sooner than the whole one."""
    return {"MUANG_CITIES": str(few_sources(tmp_path_factory.mktemp("registry"), CITIES))}


@pytest.fixture(scope="module")
def phuket(fresh_home: Callable[[], Home], chosen: dict[str, str]) -> tuple[Home, dict[str, Any]]:
    """The deployment after one city's night, and the summary the command printed."""
    deployment = fresh_home()
    return deployment, deployment.json("nightly", "--profile", "demo", "--city", "phuket", **chosen)


@pytest.fixture(scope="module")
def ui(phuket: tuple[Home, dict[str, Any]], chosen: dict[str, str]) -> Iterator[str]:
    """``muang ui`` on the night's home; yields its address."""
    deployment, _ = phuket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"MUANG_HOME": str(deployment.home), "MUANG_DEMO_METERS": "120"} | chosen
    command = [str(Path(sys.executable).with_name("muang")), "ui", "--port", str(port)]
    log = (deployment.home.parent / "ui.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(base):
            assert process.poll() is None and time.monotonic() < deadline, (
                deployment.home.parent / "ui.log"
            ).read_text()
            time.sleep(0.5)
        yield base
    finally:
        process.terminate()  # it alone, as systemd and Docker do
        process.wait(60)
        log.close()
        deadline = time.monotonic() + 60
        while _lives(process.pid):  # web server, daemon and code servers go with it
            assert time.monotonic() < deadline
            time.sleep(0.5)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/server_info", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1600, "height": 1000})
    opened.set_default_timeout(45_000)
    yield opened
    opened.close()


def test_a_second_one_on_its_port_is_refused(ui: str, phuket: tuple[Home, dict[str, Any]]) -> None:
    ran = phuket[0].muang("ui", "--port", ui.rsplit(":", 1)[1])
    assert ran.returncode == 2
    assert "cannot be listened on (Address already in use)" in ran.stderr


def test_the_whole_graph_is_one_box_a_city(ui: str, page: Page) -> None:
    page.goto(f"{ui}/asset-groups")
    for group in ("national", *CITIES):
        expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Global asset lineage")).to_be_visible()


def test_a_citys_graph_goes_from_inbox_to_snapshot(ui: str, page: Page) -> None:
    # A whole city has more nodes than the page draws names for: three neighbourhoods of it.
    for asset, names in (
        ("load_profile", ("meters", "meter_final", "load_profile", "indicators", "snapshot")),
        ("meter_final", ("meters", "meter_intervals", "meter_final", "load_profile")),
        ("meters", ("landed_inbox", "meters", "meter_intervals")),
    ):
        page.goto(f"{ui}/assets/phuket/{asset}?view=lineage")
        for name in names:
            expect(page.get_by_text(name, exact=True).first).to_be_attached(timeout=60_000)


def test_a_table_tells_rows_columns_units_and_checks(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/phuket/weather")
    expect(page.get_by_text("Row count")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("temperature_c", exact=True)).to_be_visible()
    told = "Air temperature at 2 m; null where the source does not tell it. Unit: °C."
    expect(page.get_by_text(told)).to_be_visible()
    page.goto(f"{ui}/assets/phuket/weather?view=checks")
    for check in ("contract", "plausible", "history", "suite", "freshness", "making"):
        expect(page.get_by_text(check, exact=True).first).to_be_visible(timeout=60_000)


def test_the_page_of_a_check_tells_which_rows_why_and_what_to_do(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/phuket/city_statistics?view=checks&checkDetail=cross")
    for words in (
        "Ask both publishers which is right.",
        "series-identical: identical row for row: phuket.gdcatalog.go.th/20_06 and phuket.gdcatalog.go.th/20_14",
        '"dataset_other": "phuket.gdcatalog.go.th/20_14"',
    ):
        expect(page.get_by_text(words).first).to_be_visible(timeout=60_000)
    for column in ("check", "severity", "row", "value", "expected"):
        expect(page.get_by_role("columnheader", name=column, exact=True).first).to_be_visible()


def test_the_run_of_the_command_line_can_be_executed_again_from_the_ui(
    ui: str, phuket: tuple[Home, dict[str, Any]]
) -> None:
    """What the button "Re-execute" sends. The run brings its own profile and cities, as tags."""
    deployment, summary = phuket
    query = (
        "mutation($p: ReexecutionParams) {launchRunReexecution(reexecutionParams: $p) "
        "{__typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message}}}"
    )
    variables = {"p": {"parentRunId": summary["run"], "strategy": "ALL_STEPS"}}
    answer = requests.post(f"{ui}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
    launched = answer["data"]["launchRunReexecution"]
    assert launched["__typename"] == "LaunchRunSuccess", answer
    ask = f'{{runOrError(runId: "{launched["run"]["runId"]}") {{... on Run {{status}}}}}}'
    deadline = time.monotonic() + 200
    while (status := _status(ui, ask)) not in ("SUCCESS", "FAILURE", "CANCELED"):
        assert time.monotonic() < deadline, status
        time.sleep(1)
    assert status == "SUCCESS"
    assert [entry["seq"] for entry in deployment.json("snapshots", "list")["phuket"]] == [1], "unchanged"


def _status(ui: str, query: str) -> str:
    answer = requests.post(f"{ui}/graphql", json={"query": query}, timeout=60).json()
    return str(answer["data"]["runOrError"]["status"])
