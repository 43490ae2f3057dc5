"""What benchmarks measure is what they say: the product reads all that is generated, peers write the same rows, every
second is in one stage, and a guard fails on what it should."""

import argparse
import threading
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.lake import ingest
from assets.lake.files import CityLake
from bench import big_city, correction, peers, stages
from bench.measure import finish, in_child, used
from quality.tables import METER_INTERVALS

METERS = 7


@pytest.mark.parametrize(
    ("forms", "order"),
    [(("long",), order) for order in big_city.ORDERS]
    + [(("wide",), "meter"), (("nem12",), "meter"), (big_city.FORMS, "meter")],
)
def test_the_product_reads_every_reading_of_a_big_city_into_whole_days(
    tmp_path: Path, forms: tuple[str, ...], order: str
) -> None:
    big_city.write_register(tmp_path, METERS)
    readings = big_city.write_exports(tmp_path, range(METERS), forms=forms, order=order)
    step = big_city.step(tmp_path / "home", tmp_path, big_city.DAY + big_city.NIGHT)
    big_city.land(step)
    done = ingest.ingest_meters(step)
    assert done.rows == readings
    assert {entry.status for entry in done.entries} == {"ok"}
    rows = CityLake.of(step).day(METER_INTERVALS, big_city.DAY)
    assert rows.height == METERS * big_city.SLOTS
    assert rows["meter_id"].n_unique() == METERS


def test_peers_write_the_same_rows_sorted_by_meter_and_start(tmp_path: Path) -> None:
    big_city.write_exports(tmp_path, range(METERS), order="none")
    files = sorted(map(str, tmp_path.glob("*/exports/*")))
    found = {}
    for name, tool in peers.PEERS.items():
        if name != "dlt":  # no dependency of this project
            count = tool(files, tmp_path / name)
            rows = pl.read_parquet(tmp_path / name / "**/*.parquet", hive_partitioning=True)
            assert rows.height == count
            assert rows.select("point", "start").equals(rows.select("point", "start").sort("point", "start"))
            found[name] = (count, round(float(rows["kwh"].cast(pl.Float64).sum()), 3), rows["local_date"].n_unique())
    assert len(found) == 3
    assert set(found.values()) == {found["DuckDB"]}


@pytest.mark.parametrize("name", [*stages.STEPS, *stages.PARTS])
def test_every_stage_is_a_function_of_the_product(name: str) -> None:
    assert callable(stages.named(name)[2])


def test_a_stage_is_charged_what_it_spends_itself() -> None:
    def busy(seconds: float) -> None:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass

    found = stages.Stages()
    part = found.timed(lambda: busy(0.2), None, "part")

    def work() -> None:
        busy(0.1)
        part()
        other = threading.Thread(target=part)  # of another thread: what its caller waits for is the caller's
        other.start()
        other.join()

    began = used()
    found.timed(work, "step", stages.REST)()
    busy(0.1)
    cpu = {(step, name): cost["cpu"] for step, name, cost in found.rows()}
    assert sum(cpu.values()) == pytest.approx(used() - began, abs=0.05)
    assert cpu["step", "part"] == pytest.approx(0.2, abs=0.05)
    assert cpu["step", stages.REST] == pytest.approx(0.3, abs=0.05)
    assert cpu[stages.OUTSIDE, ""] == pytest.approx(0.1, abs=0.05)


def test_a_child_runs_this_code_and_its_failure_ends_the_benchmark() -> None:
    assert in_child(big_city.slug, 3) == big_city.slug(3)
    with pytest.raises(SystemExit, match="missing 1 required positional argument"):
        in_child(big_city.slug)


def test_a_guard_fails_on_a_ratio_past_its_limit_and_on_no_other() -> None:
    chosen = argparse.Namespace(guard=True, write=None)
    finish(chosen, "night", "told", {"a": 1.0, "b": 9.0}, {"a": 1.1, "unmeasured": 0.1})
    with pytest.raises(SystemExit, match="night: past its limit: a"):
        finish(chosen, "night", "told", {"a": 1.2}, {"a": 1.1})


def test_a_result_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Performance\n")
    chosen = argparse.Namespace(guard=False, write=page)
    for name, told in (("night", "slow"), ("query", "asked"), ("night", "fast")):
        finish(chosen, name, told, {}, {})
    text = page.read_text()
    assert text.startswith("# Performance\n")
    assert "slow" not in text
    assert text.index("fast") < text.index("asked")
    assert text.count("<!-- night -->") == 1


def test_what_a_correction_rewrites_is_told_by_the_files_that_changed(tmp_path: Path) -> None:
    for name in ("before", "home"):
        for day in range(2):
            path = tmp_path / name / f"lake/meter_intervals/city=x/{day}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pl.DataFrame({"kwh": [1, 2, 3]}).write_parquet(path)
    assert correction.rewritten(tmp_path / "before", tmp_path / "home") == {"files": 0, "rows": 0, "bytes": 0}
    pl.DataFrame({"kwh": [1, 2]}).write_parquet(path)
    assert correction.rewritten(tmp_path / "before", tmp_path / "home")["rows"] == 2


def test_the_nights_of_a_city_bring_a_day_each(tmp_path: Path) -> None:
    days = []
    for step in big_city.nights(tmp_path / "home", tmp_path / "inbox", METERS, 2):
        big_city.land(step)
        ingest.ingest_meters(step)
        days = CityLake.of(step).days(METER_INTERVALS)
    assert days == [big_city.DAY, big_city.DAY + timedelta(days=1)]
