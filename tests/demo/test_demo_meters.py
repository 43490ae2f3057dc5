"""The demo's inbox: the same for ever, in the layouts it says, with the planted faults and no others."""

import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict
from datetime import date
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from lxml import html

from assets.cities.registry import City, load_registry
from demo.faults import PLANTED
from demo.loads import DOMINANT_W, SMALL_ZONE, loads, meters
from demo.meters import exports, write_inbox
from quality.problems import CODES

SEEDS = ("phuket", "khon_kaen", "mae_moh", "samyan", "wangchan_valley", "korat")
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)

DIGESTS = """
import hashlib, sys
from datetime import date
from assets.cities.registry import load_registry
from demo.meters import exports
files = exports(load_registry()[sys.argv[1]], date(2026, 11, 23), 400)
print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def cities() -> dict[str, City]:
    registry = load_registry()
    return {slug: registry[slug] for slug in SEEDS}


@pytest.fixture(scope="module")
def delivered(cities: dict[str, City]) -> dict[str, dict[str, bytes]]:
    return {slug: exports(city, MONDAY) for slug, city in cities.items()}


def texts(files: dict[str, bytes], folder: str) -> list[str]:
    """Texts of a folder's files, zipped ones unpacked."""
    found = []
    for name, data in files.items():
        if name.startswith(folder + "/"):
            archive = zipfile.ZipFile(io.BytesIO(data)) if name.endswith(".zip") else None
            found.append((archive.read(archive.namelist()[0]) if archive else data).decode("utf-8-sig"))
    return found


def nem12_days(files: dict[str, bytes]) -> list[tuple[str, list[str]]]:
    """Point and 300 record of every meter-day, in order."""
    days = []
    for text in texts(files, "nem12_exports"):
        point = ""
        for row in csv.reader(io.StringIO(text)):
            if row[0] == "200":
                point = row[1]
                assert len(point) == 10 and row[8] == "15"
            elif row[0] == "300":
                days.append((point, row))
    return days


def wide_rows(files: dict[str, bytes]) -> list[dict[str, str]]:
    return [row for text in texts(files, "city_exports") for row in csv.DictReader(io.StringIO(text))]


def register(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["meter_register/register.csv"].decode())))


@pytest.mark.parametrize("slug", ["phuket", "samyan"])
def test_same_bytes_in_any_process(cities: dict[str, City], slug: str) -> None:
    here = hashlib.sha256(repr(sorted(exports(cities[slug], MONDAY, 400).items())).encode()).hexdigest()
    for threads in ("1", "7"):
        environment = os.environ | {"POLARS_MAX_THREADS": threads, "PYTHONHASHSEED": threads}
        command = [sys.executable, "-c", DIGESTS, slug]
        root = Path(__file__).parents[2]
        there = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
        assert there.stdout.strip() == here


def test_meters_stay_and_readings_change_from_day_to_day(cities: dict[str, City]) -> None:
    first, second = exports(cities["korat"], MONDAY, 200), exports(cities["korat"], TUESDAY, 200)
    assert first["meter_register/register.csv"] == second["meter_register/register.csv"]
    assert {point for point, _ in nem12_days(first)} == {point for point, _ in nem12_days(second)}
    assert [row[2:98] for _, row in nem12_days(first)] != [row[2:98] for _, row in nem12_days(second)]


def test_written_below_the_citys_inbox_and_other_days_left(tmp_path: Path, cities: dict[str, City]) -> None:
    for day in (TUESDAY, date(2026, 11, 25)):
        write_inbox(tmp_path, [cities["khon_kaen"], cities["samyan"]], day, 200)
    assert {path.name for path in tmp_path.iterdir()} == {"khon_kaen", "samyan"}
    folders = {"meter_register", "nem12_exports", "city_exports", "amr_exports", "facilities"}
    assert {path.name for path in (tmp_path / "samyan").iterdir()} == folders
    names = [path.name for path in (tmp_path / "khon_kaen" / "city_exports").iterdir()]
    assert sorted(names) == ["meters-2026-11-23.csv", "meters-2026-11-24.csv"]


def test_register_has_every_class_and_zone(delivered: dict[str, dict[str, bytes]]) -> None:
    rows = register(delivered["khon_kaen"])
    assert len(rows) == len({row["point"] for row in rows}) == 2000
    classes = Counter(row["customer_class"] for row in rows)
    assert classes == {
        "residential": 1560,
        "small_business": 240,
        "medium_business": 100,
        "large_business": 40,
        "public": 60,
    }
    assert Counter(row["zone"] for row in rows) == {"nai_mueang": 700, "sila": 500, "ban_pet": 400, "mueang_kao": 400}
    for files in delivered.values():
        zones = {row["zone"] for row in register(files)}
        assert 4 <= len(zones) <= 6 and all(zone.isascii() and zone.isidentifier() for zone in zones)


def test_load_has_the_shape_of_its_class(cities: dict[str, City]) -> None:
    frame = loads(meters(cities["khon_kaen"], 2000), cities["khon_kaen"], MONDAY)
    by_class = {
        key[0]: [sum(slot) for slot in zip(*part["wh"].to_list(), strict=True)]
        for key, part in frame.partition_by("customer_class", as_dict=True).items()
    }
    evening = by_class["residential"].index(max(by_class["residential"]))
    assert 18 * 4 <= evening < 23 * 4
    for business in ("small_business", "medium_business", "large_business"):
        assert 9 * 4 <= by_class[business].index(max(by_class[business])) < 17 * 4
    household = sum(by_class["residential"]) / 1560 / 1000
    assert 8 < household < 20, "kWh a day: 240 to 600 kWh a month"
    sunday = loads(meters(cities["khon_kaen"], 2000), cities["khon_kaen"], date(2026, 11, 22))
    assert sum(map(sum, sunday.filter(customer_class="medium_business")["wh"])) < sum(by_class["medium_business"]) * 0.8


@pytest.mark.parametrize("slug", ["khon_kaen", "wangchan_valley"])
def test_a_clean_city_delivers_every_interval_of_every_meter_once(
    cities: dict[str, City], delivered: dict[str, dict[str, bytes]], slug: str
) -> None:
    """Read with the standard library alone, all files together hold exactly the load that was made up."""
    assert slug not in PLANTED
    files, kwh = delivered[slug], defaultdict[str, list[Fraction]](list)
    for point, row in nem12_days(files):
        kwh[point] += map(Fraction, row[2:98])
    for row in wide_rows(files):
        assert row["date"] == "2026-11-23" and len(row["point"]) == 12 and row["point"].startswith("00")
        kwh[row["point"]] += [Fraction(value) for name, value in row.items() if name.startswith("kwh_")]
    for name, data in files.items():
        if name.endswith(".xls"):
            header, body, _ = html.fromstring(data.decode()).xpath("//table")
            point = header.xpath("string(.//tr[3]/td[2])").strip()
            kwh[point] += [
                sum(Fraction(cell) for cell in row.xpath("td/text()")[1:]) / 4 for row in body.xpath(".//tr")[1:]
            ]
        if name.endswith(".xlsx"):
            sheet = openpyxl.load_workbook(io.BytesIO(data)).active
            cells = [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]
            point = cells[3][1].strip()
            intervals = [row for row in cells if row[0].startswith("\xa0")]
            kwh[point] += [Fraction(row[4]) for row in intervals]
            assert [sum(map(Fraction, row[1:4])) for row in intervals] == kwh[point]
            assert Fraction(cells[-2][4]) == sum(kwh[point])
    made = loads(meters(cities[slug], 2000), cities[slug], MONDAY)
    assert kwh == {point: [Fraction(wh, 1000) for wh in day] for point, day in made.select("point", "wh").iter_rows()}
    assert kwh.keys() == {row["point"] for row in register(files)}


def test_pea_reports_use_both_eras_and_both_midnights(delivered: dict[str, dict[str, bytes]]) -> None:
    pages = [data.decode() for name, data in delivered["khon_kaen"].items() if name.endswith(".xls")]
    last = Counter(html.fromstring(page).xpath("string(//table[2]//tr[last()]/td[1])") for page in pages)
    assert last == {"23/11/2569 24.00": 12, "24/11/2026 00.00": 12}
    peak = html.fromstring(pages[0]).xpath("//table[2]//tr[td[2]/text()]/td[1]/text()")
    assert (peak[0], peak[-1], len(peak)) == ("23/11/2026 09.15", "23/11/2026 22.00", 13 * 4)


def test_mea_file_is_the_utilitys(cities: dict[str, City], delivered: dict[str, dict[str, bytes]]) -> None:
    data = delivered["samyan"]["amr_exports/mea-0-2026-11-23.csv"]
    assert data.startswith(b"\xef\xbb\xbfMEA No.,UI ID.,Rate Category,Measuring Compoenent,TOU/TOD,Date Time,Value")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert len({row["MEA No."] for row in rows}) == 18 and len(rows) == 18 * 96 * 2
    assert [row["Measuring Compoenent"] for row in rows[:2]] == ["E-MAX-KW-IMP", "E-MAX-KVAR-IMP"]
    assert (rows[0]["Date Time"], rows[191]["Date Time"]) == ("11/23/2026 0:15", "11/24/2026 0:00")
    tou = {row["Date Time"]: row["TOU/TOD"] for row in rows}
    assert (tou["11/23/2026 9:00"], tou["11/23/2026 9:15"], tou["11/23/2026 22:15"]) == ("OFF", "ON", "OFF")
    made = loads(meters(cities["samyan"], 2000), cities["samyan"], MONDAY).filter(point=rows[0]["MEA No."])
    kw = [Fraction(row["Value"]) for row in rows[:192:2]]
    assert kw == [Fraction(4 * wh, 1000) for wh in made.item(0, "wh")]


def test_nem12_files_hold_substituted_and_varying_quality(delivered: dict[str, dict[str, bytes]]) -> None:
    quality = Counter(row[98] for _, row in nem12_days(delivered["khon_kaen"]))
    assert set(quality) == {"A", "S14", "V"} and quality["A"] > 1400
    for text in texts(delivered["khon_kaen"], "nem12_exports"):
        lines = text.split("\r\n")
        assert lines[0].startswith("100,NEM12,202611240130,") and lines[-2:] == ["900", ""]


def test_planted_faults_name_known_problems_and_files_that_are_there(delivered: dict[str, dict[str, bytes]]) -> None:
    assert len(set(SEEDS) - set(PLANTED)) >= 2
    for slug, faults in PLANTED.items():
        for fault in faults:
            assert fault.code is None or fault.code in CODES
            assert any(name.startswith(f"{fault.source}/{fault.file}") for name in delivered[slug])


def test_phuket_has_gaps_corrections_a_silent_and_an_unknown_meter(delivered: dict[str, dict[str, bytes]]) -> None:
    files = delivered["phuket"]
    registered = {row["point"] for row in register(files)}
    days = nem12_days(files)
    blank = [row[2:98].count("") for _, row in days if "" in row[2:98]]
    assert blank == [8] * 10
    points = Counter(point for point, _ in days)
    assert sorted(points.values())[-2:] == [2, 3] and sum(count > 1 for count in points.values()) == 2
    for point in (point for point, count in points.items() if count > 1):
        versions = [row[101] for found, row in days if found == point]
        assert versions == sorted(versions) and len(set(versions)) == len(versions)
    delivering = set(points) | {row["point"] for row in wide_rows(files)}
    assert len(delivering - registered) == 1
    assert len({point for point in registered if point.startswith("TH")} - delivering) == 1
    assert min(Counter(row["zone"] for row in register(files)).values()) == SMALL_ZONE < 15


def test_one_customer_dominates_a_zone_of_mae_moh_but_not_the_city(cities: dict[str, City]) -> None:
    def largest_shares(slug: str, zone: str | None) -> list[float]:
        frame = loads(meters(cities[slug], 2000), cities[slug], MONDAY)
        days = (frame if zone is None else frame.filter(zone=zone))["wh"].to_list()
        return [max(slot) / sum(slot) for slot in zip(*days, strict=True)]

    assert meters(cities["mae_moh"], 2000).filter(mean_w=DOMINANT_W).height == 1
    assert min(largest_shares("mae_moh", "mine")) > 0.15
    assert max(largest_shares("mae_moh", None)) < 0.15
    for zone in ("nai_mueang", "sila", "ban_pet", "mueang_kao"):
        assert max(largest_shares("khon_kaen", zone)) < 0.15


def test_samyan_has_files_that_hold_no_readings(delivered: dict[str, dict[str, bytes]]) -> None:
    files = delivered["samyan"]
    assert files["amr_exports/mea-empty.csv"] == b""
    assert files["amr_exports/mea-picture.csv"].startswith(b"\x89PNG\r\n\x1a\n")
    assert html.fromstring(files["amr_exports/mea-login.xls"].decode()).xpath("//input[@type='password']")
    assert b";" in files["amr_exports/mea-sensors.csv"]


def test_korat_has_broken_rows_and_a_file_cut_off(delivered: dict[str, dict[str, bytes]]) -> None:
    files = delivered["korat"]
    lengths = Counter(len(row) for _, row in nem12_days(files))
    assert set(lengths) == {103, 62} and lengths[62] == 1
    words = [cell for _, row in nem12_days(files) for cell in row[2:62] if cell.isalpha()]
    assert words == ["ERROR"]
    late = files["city_exports/meters-late-2026-11-23.csv"].decode()
    assert not late.endswith("\n") and len(late.splitlines()[-1].split(",")) < 98
    whole = files["city_exports/meters-2026-11-23.csv"].decode()
    assert sum(cell.startswith("-") for row in csv.reader(io.StringIO(whole)) for cell in row) == 1


@pytest.mark.parametrize("slug", SEEDS)
def test_a_very_small_city_keeps_its_faults(cities: dict[str, City], slug: str) -> None:
    files = exports(cities[slug], MONDAY, 50)
    assert 49 <= len(register(files)) <= 50
    for fault in PLANTED.get(slug, ()):
        assert any(name.startswith(f"{fault.source}/{fault.file}") for name in files)
