"""Two runs of one code are the same to it; whatever else changes in one file is named."""

import hashlib
import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from bench.compare_homes import main

WEATHER = pl.DataFrame({"hour": [0, 1, 1, None], "rain_mm": [0.0, 2.5, 2.5, None]})
LAKE_FILE = "lake/weather/city=phuket/month=2026-11/2026-11-28.parquet"


def write(path: Path, content: bytes | str | pl.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pl.DataFrame):
        content.write_parquet(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def night(home: Path, weather: pl.DataFrame = WEATHER, second: int = 1, title: str = "Weather") -> Path:
    """A home with one city, one table, and the ids of a run of its own."""
    run = str(uuid.uuid4())
    write(home / LAKE_FILE, weather)

    identity = f"20261128T0130{second:02}Z-{run[:8]}"
    snapshot = home / "cdp/city=phuket/snapshots" / identity
    write(home / "cdp/city=phuket/current.json", json.dumps({"snapshot_id": identity}))
    part = (
        f"data/weather/month=2026-11/part-00000-{hashlib.sha256(weather.write_csv().encode()).hexdigest()[:8]}.parquet"
    )
    write(snapshot / part, weather)
    created = f"2026-11-28T01:30:{second:02}+00:00"
    write(snapshot / "datapackage.json", json.dumps({"id": identity, "title": title}))
    write(snapshot / "index.html", f"<h1>{title}</h1><p>made {created} by {run}</p>")
    files = [
        {"path": name, "sha256": hashlib.sha256((snapshot / name).read_bytes()).hexdigest()}
        for name in ("datapackage.json", "index.html")
    ]
    manifest = {"snapshot_id": identity, "run": run, "created": created, "files": files, "tables": {"weather": title}}
    write(snapshot / "meta/manifest.json", json.dumps(manifest))
    return home


Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Exit code and output for the homes ``before`` and ``after`` of the test."""

    def compared(*options: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["compare_homes", str(tmp_path / "before"), str(tmp_path / "after"), *options])
        code = main()
        return code, capsys.readouterr().out

    return compared


def test_two_runs_of_one_code_do_not_differ(tmp_path: Path, told: Told) -> None:
    night(tmp_path / "before", second=1)
    night(tmp_path / "after", second=2)
    code, text = told()
    assert code == 0
    assert "No differences in 5 files" in text


def test_one_changed_value_is_named_in_lake_and_snapshot(tmp_path: Path, told: Told) -> None:
    night(tmp_path / "before")
    night(tmp_path / "after", WEATHER.with_columns(rain_mm=pl.Series([0.0, 2.5, 9.75, None])))
    code, text = told()
    assert code == 1
    assert "2 differences" in text
    for file in (LAKE_FILE, "cdp/city=phuket/data/weather/month=2026-11/part-00000.parquet"):
        assert f"{file}: 1 rows only before, 1 only after, of 4 and 4" in text
    assert "before hour=1, rain_mm=2.5" in text
    assert "after  hour=1, rain_mm=9.75" in text


def test_a_row_that_is_there_once_more_is_a_difference(tmp_path: Path, told: Told) -> None:
    night(tmp_path / "before")
    night(tmp_path / "after", pl.concat([WEATHER, WEATHER.tail(1)]))
    code, text = told()
    assert code == 1
    assert "0 rows only before, 1 only after, of 4 and 5" in text


def test_columns_order_and_missing_files_are_told_apart(tmp_path: Path, told: Told) -> None:
    night(tmp_path / "before")
    night(tmp_path / "after")
    write(tmp_path / "after" / LAKE_FILE, WEATHER.cast({"hour": pl.Int8}).rename({"rain_mm": "rain"}))
    write(tmp_path / "before/lake/air/a.parquet", WEATHER)
    write(tmp_path / "before/lake/fire/a.parquet", WEATHER)
    write(tmp_path / "after/lake/fire/a.parquet", WEATHER.reverse())
    code, text = told()
    assert code == 1
    assert "columns differ: hour Int64 → Int8; rain_mm Float64 → None; rain None → Float64" in text
    assert "lake/air/a.parquet: only before" in text
    assert "lake/fire/a.parquet: same rows, other bytes" in text


def test_what_a_snapshot_says_of_itself_is_compared(tmp_path: Path, told: Told) -> None:
    night(tmp_path / "before")
    night(tmp_path / "after", title="The weather")
    code, text = told("--json")
    found = {entry["file"].split("/", 2)[2]: entry["what"] for entry in json.loads(text)["differences"]}
    assert code == 1
    assert found == {
        "datapackage.json": "1 keys differ: title",
        "index.html": "1 lines only before, 1 only after",
        "meta/manifest.json": "1 keys differ: tables.weather",
    }


def test_a_folder_that_is_no_home_is_wrong_use(tmp_path: Path, told: Told) -> None:
    night(tmp_path / "before")
    with pytest.raises(SystemExit) as stopped:
        told()
    assert stopped.value.code == 2
