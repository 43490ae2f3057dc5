"""A night whose steps are done by workers on two hosts, with a real Redis, Postgres and S3 server between them."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from celery import Celery

from assets.landing.s3 import S3Store
from tests.conftest import ROOT, absent
from tests.home import Home, few_sources, published, until
from tests.hosts import Network, two_hosts
from tests.s3_server import BUCKET, NotInstalled, serving
from tests.shared_servers import free_port, postgres_serving, redis_serving

CITIES = ["khon_kaen", "mae_moh", "samyan", "nan"]
STEP_SECONDS = 120
"""Longer than any step takes here, imports of a new process included; so long the step of a host that died waits."""


PATIENCE = 400
"""Seconds that something on the way is waited for."""


@dataclass
class Site:
    """A deployment: servers on this host, workers on two others, each host with a home of its own."""

    folder: Path
    network: Network
    environment: Mapping[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    before: int = 0
    """The newest run before the last night was begun."""

    def told(self, host: str, store: str, executor: str) -> dict[str, str]:
        """The environment of a host."""
        home = self.folder / host
        (home / "dagster").mkdir(parents=True, exist_ok=True)
        (home / "dagster" / "dagster.yaml").write_bytes((ROOT / "deploy" / "dagster.yaml").read_bytes())
        own = {"MUANG_HOME": str(home), "MUANG_STORE": f"s3://{BUCKET}/{store}", "MUANG_EXECUTOR": executor}
        return {**os.environ, **self.environment, **own}

    @contextlib.contextmanager
    def working(self, store: str) -> Iterator[None]:
        """A worker on each host."""
        for host, prefix in zip("ab", self.network.hosts, strict=True):
            command = [*prefix, str(Path(sys.executable).with_name("muang")), "worker"]
            with (self.folder / f"{host}.log").open("ab") as log:
                environment = self.told(host, store, "celery")
                made = subprocess.Popen(
                    command, env=environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
                )
            self.workers.append(made)
        try:
            yield
        finally:
            for worker in self.workers:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
            self.workers.clear()

    def begin(self, store: str, executor: str = "celery") -> subprocess.Popen[str]:
        """A night that goes on."""
        self.before = max((number for (number,) in self.asked("select id from runs")), default=0)
        command = [str(Path(sys.executable).with_name("muang")), "nightly", "--profile", "demo", "--json"]
        command += [argument for city in CITIES for argument in ("--city", city)]
        environment = self.told("night", store, executor)
        return subprocess.Popen(
            command, env=environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def night(self, store: str, executor: str = "celery") -> dict[str, Any]:
        """A night, to its end."""
        return ended(self.begin(store, executor))

    def asked(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of Dagster's history; none before the first night has made it."""
        access = {name.removeprefix("PG").lower(): value for name, value in self.environment.items() if "PG" in name}
        with contextlib.closing(psycopg2.connect(**access)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(query, values)
            except psycopg2.errors.UndefinedTable:
                return []
            return cursor.fetchall()

    def begun(self, step: str = "%") -> list[str]:
        """The workers that began a step of the night that was begun last, in order."""
        query = """select event from event_logs where step_key like %s and event like '%%in celery worker%%'
            and run_id = (select run_id from runs where id > %s order by id limit 1) order by id"""
        return [re.search(r"muang-\d+@\w+", event)[0] for (event,) in self.asked(query, step, self.before)]

    def files(self, store: str, *folders: str) -> dict[str, bytes]:
        """The files of a store, by keys without the number of a snapshot."""
        s3 = S3Store(
            f"s3://{BUCKET}/{store}", endpoint_url=self.environment["AWS_ENDPOINT_URL"], key="any", secret="any"
        )
        keys = [key for folder in folders for key in s3.list(folder) if key.endswith(".parquet")]
        data = s3.read_all(keys)
        return {re.sub("snapshots/[^/]+", "snapshots/…", key): found for key, found in zip(keys, data, strict=True)}


def ended(night: subprocess.Popen[str]) -> dict[str, Any]:
    """The summary of a night that was begun."""
    out, err = night.communicate(timeout=600)
    assert out, err
    return json.loads(out)


def kill_who_works(worker: str) -> None:
    """Kill the process that does a worker's steps, as the kernel does for want of memory."""
    pid = re.search(r"\d+", worker)[0]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(two_hosts())
        if not network.apart:
            print("no network namespaces here: both workers run on this host")
        try:
            environment = {
                **stack.enter_context(postgres_serving(network.address)),
                "MUANG_BROKER": stack.enter_context(redis_serving(folder, network.address)),
                "AWS_ENDPOINT_URL": stack.enter_context(serving(folder, network.address)),
            }
        except NotInstalled as error:
            absent(str(error))
        environment |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
        environment |= {"MUANG_DEMO_METERS": "120", "MUANG_STEP_SECONDS": str(STEP_SECONDS), "MUANG_PROFILE": "demo"}
        environment |= {"MUANG_CITIES": str(few_sources(folder, CITIES))}
        yield Site(folder, network, environment)


@pytest.fixture(scope="module")
def alone(site: Site) -> dict[str, Any]:
    """An undisturbed night in one process."""
    summary = site.night("alone", "in_process")
    assert published(summary) == set(CITIES), summary
    return summary


def same_as_alone(site: Site, store: str) -> None:
    for folders in (("cdp",), ("lake",), ("memory",)):
        mine, theirs = site.files(store, *folders), site.files("alone", *folders)
        assert mine.keys() == theirs.keys()
        assert [key for key, data in mine.items() if data != theirs[key]] == []


@pytest.mark.trial
@pytest.mark.timeout(1800)
def test_workers_on_two_hosts_publish_what_one_process_does(site: Site, alone: Mapping[str, Any]) -> None:
    with site.working("spread"):
        summary = site.night("spread")
    assert summary["exit_code"] == alone["exit_code"] and summary["failures"] == {}, summary
    assert published(summary) == set(CITIES)
    by_host = [worker.partition("@")[2] if site.network.apart else worker for worker in site.begun()]
    assert len(set(by_host)) == 2
    assert min(by_host.count(host) for host in set(by_host)) > len(by_host) / 4, "each has a fair part of the steps"
    same_as_alone(site, "spread")


@pytest.mark.trial
@pytest.mark.timeout(1800)
def test_a_step_that_kills_its_workers_costs_its_city_alone(site: Site, alone: Mapping[str, Any]) -> None:
    step = "samyan__meter_intervals"
    with site.working("killing"):
        night = site.begin("killing")
        for time_ in (1, 2):
            kill_who_works(until(lambda n=time_: site.begun(step)[n - 1 : n], PATIENCE)[0])
        summary = ended(night)
        assert published(summary) == set(CITIES) - {"samyan"}, summary
        assert set(summary["failures"]) == {step, "run"}
        assert "workers that began this step" in summary["failures"][step]
        assert summary["exit_code"] == 3
        again = site.night("killing")
    assert published(again) == set(CITIES) and again["failures"] == {}, again
    same_as_alone(site, "killing")


@pytest.mark.trial
@pytest.mark.timeout(1800)
def test_a_host_that_dies_amid_a_step_loses_nothing(site: Site, alone: Mapping[str, Any]) -> None:
    with site.working("dying"):
        night = site.begin("dying")
        at_work = until(lambda: [w for w in site.begun("%meter_intervals") if str(site.workers[0].pid) in w], PATIENCE)
        os.killpg(site.workers[0].pid, signal.SIGKILL)
        summary = ended(night)
        twice = [step for step in (f"{city}__meter_intervals" for city in CITIES) if len(site.begun(step)) == 2]
        assert at_work and len(twice) == 1, "the other host did it again"
        assert published(summary) == set(CITIES) and summary["failures"] == {}, summary
    same_as_alone(site, "dying")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        with redis_serving(tmp_path_factory.mktemp("redis")) as url:
            yield url
    except NotInstalled as error:
        absent(str(error))


@pytest.mark.parametrize("there", [True, pytest.param(False, marks=pytest.mark.trial)])
def test_a_night_without_workers_or_broker_says_so_and_may_be_run_again(
    fresh_home: Callable[[], Home], tmp_path: Path, broker: str, there: bool
) -> None:
    settings = {"MUANG_EXECUTOR": "celery", "MUANG_BROKER": broker if there else f"redis://127.0.0.1:{free_port()}/0"}
    settings["MUANG_CITIES"] = str(few_sources(tmp_path, ["nan"]))
    summary = fresh_home().json("nightly", "--profile", "demo", "--city", "nan", **settings)
    assert summary["exit_code"] == 3, summary
    said = "no worker answers at the broker: start `muang worker`" if there else "the broker: "
    assert said in summary["failures"]["run"]
    assert not summary["cities"]["nan"]["published"]


def test_one_host_needs_nothing_of_what_several_do() -> None:
    missing = ("celery", "dagster_celery", "redis", "dagster_postgres", "psycopg2", "kombu")
    code = f"import sys; sys.modules.update(dict.fromkeys({missing!r})); import pipelines.definitions, pipelines.cli"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MUANG_")}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True)


def test_a_worker_forks_before_polars_has_threads(fresh_home: Callable[[], Home], broker: str) -> None:
    """They do not outlive a fork: a step would wait for them for ever."""
    home = fresh_home().home
    settings = {"MUANG_HOME": str(home), "MUANG_EXECUTOR": "celery", "MUANG_BROKER": broker}
    command = [str(Path(sys.executable).with_name("muang")), "worker"]
    worker = subprocess.Popen(command, env={**os.environ, **settings}, cwd=home.parent, start_new_session=True)
    try:
        # One that answers has forked; until then its imports may run programs, as to look for a library.
        until(lambda: Celery(broker=broker).control.ping(timeout=1), PATIENCE)
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        assert children
        for pid in (worker.pid, *children):
            assert "polars" not in Path(f"/proc/{pid}/maps").read_text()
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
