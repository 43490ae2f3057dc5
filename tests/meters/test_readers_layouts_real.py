"""The shipped layouts on real exports, against the series that other importers make of the same files."""

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import fastexcel
import polars as pl
import pytest

from assets.meters.exports import describe, read_export
from assets.meters.formats import declared, layouts
from assets.meters.formats.clock import stamps
from assets.meters.formats.content import recognise
from assets.meters.formats.layouts import Stamp
from tests.kit import codes

pytestmark = pytest.mark.real

DAYS = {
    "name": "positional",
    "title": "no header",
    "source": "the test",
    "label": "start",
    "minutes": 30,
    "width": 51,
    "stamp": {"columns": ["3"], "order": "dmy"},
    "point_column": "2",
    "wide": {"places": [4, 51], "measure": {"unit": "kWh", "kind": "delta"}},
}


@pytest.fixture
def meters(real_data):
    return real_data / "meters"


def read(path, **options):
    return read_export(path.read_bytes(), path.name, options)


def told(path):
    """Differences of the cumulative series that Home Assistant's importer makes of the file."""
    totals = [Decimal(total) for _, total in csv.reader(path.read_text().splitlines())]
    return [later - earlier for earlier, later in pairwise(totals)]


def test_enel(meters):
    folder = meters / "csv_wide"
    result = read(folder / "ha_enel_96col_2024-09.csv", point="IT1")
    assert (result.format, codes(result)) == ("enel_96", [])
    readings = result.tables["readings"].sort("start")
    assert readings.height == 2880
    assert readings["value"].to_list() == told(folder / "ha_enel_96col_2024-09.EXPECTED_cumulative.csv")
    (channel,) = describe(result, "x")["channels"]
    assert (channel["start"], channel["end"]) == ("2024-09-01T00:00:00+02:00", "2024-10-01T00:00:00+02:00")


def test_a_file_without_point_is_read_and_said(meters):
    assert codes(read(meters / "csv_wide/ha_enel_96col_2024-09.csv")) == ["point-absent"]


def test_fluvius(meters):
    path = meters / "csv_long/ha_fluvius_15min.csv"
    result = read(path)
    assert (result.format, codes(result)) == ("fluvius_15min", ["line-unended", "value-blank", "hour-repeated"])
    readings = result.tables["readings"].sort("start")
    words = Counter(readings["quality_raw"].to_list())
    assert words == {"Geen verbruik": 2566, "Geschat": 354, "Gevalideerd": 928}
    assert Counter(readings["quality"].to_list()) == {"missing": 2566, "substituted_temporary": 354, "actual": 928}
    assert set(readings["point"]) == {"123456879123456789"}
    for channel, flow in (("Afname", "in"), ("Injectie", "out")):
        for rate, tariff in (("Dag", 1), ("Nacht", 2)):
            series = told(path.with_name(f"ha_fluvius_15min.EXPECTED_elec_feed_{flow}_tariff_{tariff}.csv"))
            ours = [
                row["value"] or Decimal(0)
                for row in readings.iter_rows(named=True)
                if (row["channel"], row["rate_raw"]) == (channel, rate)
            ]
            assert ours == series
    # 20 days of which one has 25 hours; every quarter of either flow exactly once.
    one = readings.filter(channel="Injectie")["start"]
    assert one.len() == 20 * 96 + 4
    assert set(one.diff().drop_nulls()) == {timedelta(minutes=15)}


def test_homewizard_registers(meters):
    path = meters / "csv_long/ha_homewizard_15min_cumulative.csv"
    result = read(path, point="NL1")
    assert (result.format, codes(result)) == ("homewizard_cumulative", [])
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for channel in ("Import", "Export"):
        readings = result.tables["readings"].filter(channel=channel).sort("start")
        dials = [Decimal(row[f"{channel} T1 kWh"]) + Decimal(row[f"{channel} T2 kWh"]) for row in rows]
        assert readings["value"].to_list() == [later - earlier for earlier, later in pairwise(dials)]
        assert readings["start"][0] == datetime(2022, 8, 31, 22, tzinfo=UTC)


def test_edc_pairs(meters):
    path = meters / "csv_long/ha_edc_cr_15min_gap.csv"
    result = read(path)
    assert (result.format, codes(result)) == ("edc_cr_15min", [])
    readings = result.tables["readings"].sort("start")
    assert set(readings["point"]) == {"123456789987654321-987654321123456789"}
    hours = readings.group_by_dynamic("start", every="1h").agg("value").rows()
    # The other importer's sum stands at the hour's start and counts the hours before the gap too.
    peer = list(csv.reader(path.with_name("ha_edc_cr_15min_gap.EXPECTED_hourly.csv").read_text().splitlines()))
    assert [int(at) for at, _ in peer][:2] == [int(start.timestamp()) for start, _ in hours][:2]
    assert [sum(values) for _, values in hours] == [0, 0, Decimal("0.7"), Decimal("0.9")]
    assert Decimal(peer[-1][1]) == readings["value"].sum()


def test_opendsm_is_read_when_named(meters):
    path = meters / "csv_long/il-electricity-cdd-hdd-hourly.csv.gz"
    assert codes(read(path)) == ["format-unknown"]
    result = read(path, layout="opendsm_hourly", point="IL1")
    assert codes(result) == []
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
    expected = {
        datetime.fromisoformat(stamp).astimezone(UTC): Decimal(value) for stamp, value in (x.split(",") for x in lines)
    }
    readings = result.tables["readings"]
    assert dict(zip(readings["start"], readings["value"], strict=True)) == expected


@pytest.mark.parametrize(
    ("name", "form", "readings", "total", "said"),
    [
        ("row-per-day__valid.csv", "uk_row_per_day", 48, "901.889218", []),
        ("row-per-day__duplicate-rows.csv", "uk_row_per_day", 48, "901.889218", ["day-repeated"]),
        (
            "row-per-day__some-missing-readings.csv",
            "uk_row_per_day",
            96,
            "1803.778436",
            ["interval-count", "value-blank"],
        ),
        ("row-per-day__malformed.csv", "uk_row_per_day", 0, None, ["file-truncated"]),
        ("row-per-day__empty-msft.csv", "unknown", 0, None, ["file-empty"]),
        ("row-per-day__valid-no-header.csv", "unknown", 0, None, ["format-unknown"]),
        ("row-per-reading__valid.csv", "uk_row_per_reading", 48, "1272.1", []),
        ("row-per-reading__some-missing-readings.csv", "uk_row_per_reading", 94, "448.2", []),
        ("lcl_first3.csv", "lcl_half_hourly", 3, "0", []),
        ("upload__not_a_csv.csv", "unknown", 0, None, ["file-not-data"]),
        ("upload__date-test.xlsx", "unknown", 0, None, ["format-unknown"]),
        ("upload__with-mixed-line-endings.csv", "unknown", 0, None, ["format-unknown"]),
    ],
)
def test_british_files(meters, name, form, readings, total, said):
    result = read(meters / "uk_amr" / name)
    assert (result.format, codes(result)) == (form, said)
    assert describe(result, name)["readings"] == readings
    if total is not None:
        assert result.tables["readings"]["value"].sum() == Decimal(total)


def test_british_labels(meters):
    """The day's last reading is stamped 00:00 of the next; a row's first column is 00:00."""
    for name in ("row-per-reading__valid.csv", "row-per-day__valid.csv"):
        (channel,) = describe(read(meters / "uk_amr" / name), name)["channels"]
        assert (channel["start"][11:16], channel["end"][11:16]) == ("00:00", "00:00")


@pytest.mark.parametrize("name", ["row-per-day__valid-no-header.csv", "upload__with-mixed-line-endings.csv"])
def test_files_without_header(meters, name):
    path = meters / "uk_amr" / name
    result = read(path, layout=DAYS)
    assert codes(result) == []
    rows = list(csv.reader(path.read_text().split()))
    readings = result.tables["readings"].sort("row", "start")
    assert readings["value"].to_list() == [Decimal(cell) for row in rows for cell in row[3:]]
    assert readings["point"].unique(maintain_order=True).to_list() == list(dict.fromkeys(row[1] for row in rows))


@pytest.mark.parametrize(
    ("row", "order", "resolution"),
    [
        (2, "dmy", "s"),
        (3, "ymd", "s"),
        (4, "dmy", "s"),
        (5, "mdy", "m"),  # as text it tells no seconds
        (6, "dmy", "s"),
        (7, "ymd", "s"),
        (8, "dmy", "s"),
        (9, "dmy", "s"),
        (10, "dmy", "s"),
        (11, "dmy", "s"),
    ],
)
def test_spellings_of_dates_in_a_workbook(meters, row, order, resolution):
    """Text cells and date cells of the real workbook give what it says they should."""
    book = fastexcel.read_excel((meters / "uk_amr/upload__date-test.xlsx").read_bytes())
    _, text, cell, expected = book.load_sheet(0, header_row=None, dtypes="string").to_polars().row(row - 1)
    read = stamps(pl.Series([text, cell]), Stamp(columns=("any",), order=order)).sort("text")
    right = datetime.fromisoformat(expected).replace(tzinfo=None)
    told = dict(zip(read["text"], read["stamp"], strict=True))
    assert told[cell] == right
    assert told[text] == (right if resolution == "s" else right.replace(second=0))


def test_no_other_file_is_taken_for_one_of_the_layouts(meters):
    taken = {}
    for path in sorted(meters.rglob("*")):
        if path.is_file() and path.suffix.lower() not in (".zip", ".gz", ".md", ".json"):
            content = recognise(path.read_bytes())
            if content.kind in ("text", "xlsx"):
                named = [name for name, layout in layouts.shipped().items() if declared.recognise(content, layout)]
                assert len(named) < 2
                if named:
                    taken.setdefault(named[0], []).append(path.name)
    assert {name: len(files) for name, files in taken.items()} == {
        "cu_building_1min": 1,
        "cu_building_hourly": 1,
        "edc_cr_15min": 1,
        "enel_96": 1,
        "fluvius_15min": 1,
        "homewizard_cumulative": 1,
        "lcl_half_hourly": 1,
        "uk_row_per_day": 4,
        "uk_row_per_reading": 2,
    }
