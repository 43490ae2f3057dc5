"""One demo night as its users see it: the summary, the lake, the snapshots, the commands that look at them."""

import csv
import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.lake.feeds import NATIONAL
from assets.landing.archive import Archive
from assets.landing.store import LocalStore
from demo.faults import PLANTED
from quality.advice import advice
from quality.tables import TABLES
from tests.home import Home
from tests.kit import listed_warnings

CITIES = ("phuket", "khon_kaen", "mae_moh", "samyan")
Night = tuple[Home, dict[str, Any]]


@pytest.fixture(scope="module")
def night(demo_night: Home, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """A deployment after one demo night, and the summary the command printed."""
    printed = (demo_night.home.parent / "printed.json").read_text()
    return demo_night.copy(tmp_path_factory.mktemp("demo")), json.loads(printed)


def test_every_city_is_published_although_some_deliveries_are_broken(night: Night) -> None:
    _, summary = night
    assert summary["exit_code"] == 1, "planted faults were rejected"
    assert set(summary["cities"]) == set(CITIES)
    assert all(city["published"] for city in summary["cities"].values()), summary
    assert summary["failures"] == {}
    assert summary["cities"]["samyan"]["rejected"] == 4
    assert summary["cities"]["khon_kaen"]["rejected"] == 0


def test_no_past_is_asked_for_unless_the_demo_is_told_to(night: Night) -> None:
    archive = Archive(LocalStore(night[0].home))
    assert [len(archive.receipts(city, "weather_archive")) for city in CITIES] == [1] * len(CITIES)


def test_every_planted_fault_comes_out_under_its_code_with_its_file(night: Night) -> None:
    deployment, _ = night
    archive = Archive(LocalStore(deployment.home))
    names = {receipt.id: receipt.name for city in (*CITIES, NATIONAL) for receipt in archive.receipts(city)}
    refused = deployment.sql("select city, code, receipt from lake.quarantine")
    found = {(row["city"], row["code"], names[row["receipt"]]) for row in refused}
    judged = deployment.sql("select city, \"check\" from lake.verdicts where verdict = 'warn'")
    warned = {(row["city"], row["check"]) for row in judged}
    planted = [(city, fault) for city in CITIES for fault in PLANTED.get(city, ()) if fault.code]
    for city, fault in planted:
        by_file = any((c, code) == (city, fault.code) and name.startswith(fault.file) for c, code, name in found)
        assert by_file or (city, fault.code) in warned, fault


def test_the_night_warns_of_nothing_that_has_no_reason(night: Night) -> None:
    rows = night[0].sql("select distinct \"table\", \"check\" from lake.verdicts where verdict not in ('pass', 'note')")
    assert {(row["table"], row["check"]) for row in rows} == listed_warnings("The demo")


def test_every_check_of_the_night_says_what_to_do_in_both_languages(night: Night) -> None:
    deployment, _ = night
    rows = deployment.sql('select distinct "table", "check", verdict, advice_en, advice_th from lake.verdicts')
    assert [row for row in rows if advice(TABLES[row["table"]], row["check"]) is None] == []
    assert [row for row in rows if (row["verdict"] == "pass") != (row["advice_th"] is None)] == []


def test_the_portal_that_answers_with_a_page_is_a_bad_answer_and_only_that_city_lacks_weather(night: Night) -> None:
    deployment, _ = night
    rows = deployment.sql(
        "select city, code, message from lake.quarantine where source = 'weather' and severity = 'reject'"
    )
    assert [(row["city"], row["code"]) for row in rows] == [("mae_moh", "answer-bad")]
    weather = deployment.sql(
        "select city, count(*) as hours from lake.weather where product = 'model' group by city order by city"
    )
    assert weather == [{"city": c, "hours": 24} for c in ("khon_kaen", "phuket", "samyan")]


def test_the_grid_is_complete_and_a_silent_registered_meter_is_missing_not_absent(night: Night) -> None:
    deployment, _ = night
    rows = deployment.sql(
        "select city, meter_id, channel, quantity, count(*) as slots, count(value_delivered) as filled "
        "from lake.meter_intervals group by all"
    )
    assert {row["slots"] for row in rows} == {96}
    assert {row["city"] for row in rows if row["filled"] == 0} == {"phuket"}


def test_no_metering_point_leaves_landing(night: Night) -> None:
    """Every id of the generated exports is looked for in every byte of lake and snapshots, decoded."""
    deployment, _ = night
    registers = list((deployment.home / "demo" / "inbox").rglob("register.csv"))
    points = {line.split(",")[0] for file in registers for line in file.read_text().splitlines()[1:]}
    assert len(points) > 100
    for file in [*(deployment.home / "lake").rglob("*"), *(deployment.home / "cdp").rglob("*")]:
        if file.suffix == ".parquet":
            frame = pl.read_parquet(file)
            words = frame.select(pl.col(pl.String)).unpivot(value_name="word")["word"] if frame.width else pl.Series()
            text = set(words.drop_nulls())
            assert not text & points, file
        elif file.is_file():
            words = set(re.findall(r"[A-Za-z0-9]{8,}", file.read_text(encoding="utf-8", errors="ignore")))
            assert not words & points, file


def test_what_is_published_passes_15_15_again_from_the_lake(night: Night) -> None:
    """Counted again by another engine: members, shares, sums of every published cell, from the meters' own values."""
    deployment, _ = night

    def files(table: str) -> str:
        return f"read_parquet('{deployment.home}/{table}/**/*.parquet', hive_partitioning = true)"

    with duckdb.connect() as engine:
        told = engine.execute(
            "with payer as (select b.city, b.cell_zone as zone, b.cell_class as customer_class, i.start, "
            f"b.customer_id, sum(i.value_final) as kwh from {files('memory/load_profile_basis')} b "
            f"join {files('lake/meter_final')} i "
            "on i.city = b.city and i.meter_id = b.meter_id and i.local_date = b.local_date "
            "and i.quantity = 'active_import' "
            "group by all) "
            "select p.kwh::double as published, count(*) as n, sum(m.kwh)::double as kwh, "
            f"max(m.kwh)::double as greatest from {files('lake/load_profile')} p "
            "join payer m using (city, zone, customer_class, start) "
            "group by p.city, p.zone, p.customer_class, p.start, p.kwh"
        ).fetchall()
    cells = [dict(zip(("published", "n", "kwh", "greatest"), row, strict=True)) for row in told]
    (published,) = deployment.sql("select count(*) as n from cdp.load_profile")
    assert len(cells) == published["n"] > 96 * len(CITIES)
    for cell in cells:
        assert cell["n"] >= 15
        assert cell["greatest"] <= 0.15 * cell["kwh"]
        assert abs(cell["published"] - cell["kwh"]) <= 0.5


def test_a_snapshot_is_what_its_manifest_says(night: Night) -> None:
    deployment, summary = night
    for slug, city in summary["cities"].items():
        folder = deployment.home / "cdp" / f"city={slug}" / "snapshots" / city["snapshot"]
        manifest = json.loads((folder / "meta" / "manifest.json").read_text())
        assert manifest["synthetic"] is True
        for entry in manifest["files"]:
            assert hashlib.sha256((folder / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
        on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert on_disk == {entry["path"] for entry in manifest["files"]} | {"meta/manifest.json"}
        assert not {p.suffix for p in (folder / "data").rglob("*") if p.is_file()} - {".parquet"}
        page = (folder / "index.html").read_text()
        assert "ข้อมูลสังเคราะห์" in page
        assert "<svg" in page


def test_a_second_engine_reads_the_lake_with_plain_hive_paths(night: Night) -> None:
    deployment, _ = night
    lake = deployment.home / "lake"
    for name in ("meter_intervals", "weather", "load_profile"):
        columns = duckdb.sql(
            f"describe select * from read_parquet('{lake}/{name}/**/*.parquet', hive_partitioning = true)"
        ).fetchall()
        names = [column[0] for column in columns]
        assert names == [*TABLES[name].schema.names(), "city", "month"]
        assert {c[0]: c[1] for c in columns}["month"] == "VARCHAR"


def test_running_the_night_again_changes_no_byte_of_the_lake_and_keeps_the_snapshot(night: Night) -> None:
    deployment, first = night
    before = {p: p.read_bytes() for p in (deployment.home / "lake").rglob("*.parquet")}
    again = deployment.json("nightly", "--profile", "demo", "--city", "khon_kaen")
    after = {p: p.read_bytes() for p in (deployment.home / "lake").rglob("*.parquet")}
    assert {p.name for p in before if before[p] != after.get(p)} == set()
    assert before.keys() == after.keys()
    (entry,) = deployment.json("snapshots", "list")["khon_kaen"]
    assert entry["snapshot_id"] == first["cities"]["khon_kaen"]["snapshot"]
    told = again["cities"]["khon_kaen"]
    assert (told["published"], told["unchanged"], told["snapshot"]) == (True, True, entry["snapshot_id"])
    assert deployment.json("snapshots", "verify") == {city: [] for city in CITIES}


def test_verify_names_the_file_that_rots(night: Night, tmp_path: Path) -> None:
    shutil.copytree(night[0].home / "cdp", tmp_path / "home" / "cdp")
    deployment = Home(tmp_path / "home")
    victim = next((deployment.home / "cdp" / "city=phuket").rglob("data/weather/**/*.parquet"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    result = deployment.muang("snapshots", "verify")
    assert result.returncode == 1
    assert victim.name in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nightly", "--city", "atlantis"), 2, "no such city"),
        (("nightly", "--day", "tomorrow"), 2, "not a date"),
        (("nightly", "--day", "2020-01-01"), 2, "before the first delivery day"),
        (("nightly", "--day", "2099-01-01"), 2, "has not begun"),
        (("snapshots", "show", "krabi"), 2, "published nothing yet"),
        (("sql", "select nothing from nowhere"), 2, "does not exist"),
        (("read", "no-such-file.csv"), 2, "No such file"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(night: Night, arguments: tuple[str, ...], code: int, says: str) -> None:
    deployment, _ = night
    result = deployment.muang(*arguments)
    assert result.returncode == code
    assert says in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_wrong_settings_name_the_setting(night: Night) -> None:
    deployment, _ = night
    result = deployment.muang("status", MUANG_METER_KEY="short")
    assert result.returncode == 2
    assert "meter_key" in result.stderr
    assert "short" not in result.stderr + result.stdout


def test_a_store_that_is_not_there_is_infrastructure(night: Night, tmp_path: Path) -> None:
    deployment, _ = night
    (tmp_path / "file").write_text("")
    result = deployment.muang("nightly", "--profile", "demo", "--city", "nan", MUANG_STORE=str(tmp_path / "file"))
    assert result.returncode == 3, result.stdout + result.stderr


def test_meter_files_without_a_key_are_refused_before_anything_runs(night: Night, tmp_path: Path) -> None:
    deployment, _ = night
    waiting = tmp_path / "korat" / "amr_exports" / "file.csv"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("anything")
    result = deployment.muang("nightly", "--inbox", str(tmp_path), "--city", "korat")
    assert result.returncode == 2
    assert "MUANG_METER_KEY" in result.stderr


def test_status_tells_what_is_missing(night: Night) -> None:
    deployment, _ = night
    (city,) = deployment.json("status", "--city", "mae_moh")
    assert city["missing"] == ["weather"]
    assert city["snapshot"]
    assert any(row["table"] == "weather" for row in city["not_passed"])


def test_sql_reads_no_personal_data_and_writes_nothing(night: Night) -> None:
    deployment, _ = night

    def content() -> dict[Path, bytes]:
        folders = (deployment.home / folder for folder in ("landing", "lake", "cdp"))
        return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    before = content()
    for query in (
        f"select * from read_text('{deployment.home}/landing/**')",
        f"copy (select 1) to '{deployment.home}/lake/x.csv'",
        f"with written as (copy (select 1) to '{deployment.home}/cdp/city=nan/current.json') from written",
        f"explain analyze copy (select 1) to '{deployment.home}/cdp/city=nan/current.json'",
    ):
        result = deployment.muang("sql", query)
        assert (result.returncode, result.stdout) == (2, ""), query
        assert "Traceback" not in result.stderr
    assert content() == before


def test_sql_prints_json_that_is_json(night: Night) -> None:
    deployment, _ = night
    [row] = deployment.json("sql", "select 'nan'::double as a, ['inf'::float] as b, 1.5::decimal(9, 2) as c")
    assert row == {"a": None, "b": [None], "c": "1.50"}


def test_a_query_may_begin_with_a_comment(night: Night) -> None:
    deployment, _ = night
    assert deployment.json("sql", "-- how many\nselect 1 as x -- one") == [{"x": 1}]


def test_sql_writes_values_within_values_as_json(night: Night) -> None:
    deployment, _ = night
    query = "select [1.5::decimal(9, 2), null] as a, map {date '2026-11-28': 'ก'} as b, {'at': date '2026-11-28'} as c"
    [row] = deployment.json("sql", query)
    assert row == {"a": ["1.50", None], "b": {"2026-11-28": "ก"}, "c": {"at": "2026-11-28"}}
    [written] = csv.DictReader(io.StringIO(deployment.muang("sql", query, "--csv").stdout))
    assert {name: json.loads(cell) for name, cell in written.items()} == row


def test_doctor_finds_the_store_sound_and_says_what_to_do(night: Night) -> None:
    deployment, _ = night
    found = {entry["what"].split()[0]: entry for entry in deployment.json("doctor")}
    assert found["conditional"]["state"] == "ok"
    assert found["meter"]["state"] == "warn"
    assert "MUANG_METER_KEY" in found["meter"]["remedy"]


def test_read_tells_what_an_export_is_without_real_ids(night: Night) -> None:
    deployment, _ = night
    file = next((deployment.home / "demo" / "inbox" / "khon_kaen" / "nem12_exports").glob("*.csv"))
    found = deployment.json("read", str(file), "--timezone", "Asia/Bangkok")
    assert (found["format"], found["status"]) == ("nem12", "ok")
    assert found["readings"] == sum(channel["readings"] for channel in found["channels"])
    ids = {line.split(",")[1] for line in file.read_text().splitlines() if line.startswith("200,")}
    assert not any(identity in json.dumps(found) for identity in ids)
    shown = deployment.json("read", str(file), "--timezone", "Asia/Bangkok", "--show-ids")
    assert {channel["point"] for channel in shown["channels"]} == ids
