"""Accidents and events on roads. No real answer of either portal is at hand: everything here is synthetic."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.cities.registry import load_registry
from assets.sources import date_order, mot_accidents
from assets.sources.longdo import LONGDO_EVENTS
from assets.sources.mot_accidents import MOT_ACCIDENTS
from assets.sources.source import Context
from demo import roads
from quality.problems import CODES
from quality.tables import ROAD_ACCIDENTS, ROAD_EVENTS
from tests.kit import kept

DAY = date(2026, 11, 23)
HEADER = (
    *("ปีที่เกิดเหตุ", "วันที่เกิดเหตุ", "เวลา", "ACC_CODE", "รหัสสายทาง", "KM", "จังหวัด", "มูลเหตุสันนิษฐาน"),
    *("LATITUDE", "LONGITUDE", "ผู้เสียชีวิต", "ผู้บาดเจ็บสาหัส", "ผู้บาดเจ็บเล็กน้อย"),
)
ACCIDENT = {
    "วันที่เกิดเหตุ": "29/02/2567",
    "เวลา": "13:45",
    "ACC_CODE": "571905",
    "รหัสสายทาง": "402",
    "KM": "12+345",
    "จังหวัด": "ภูเก็ต",
    "มูลเหตุสันนิษฐาน": "ขับรถเร็ว",
    "LATITUDE": "7.90",
    "LONGITUDE": "98.39",
    "ผู้เสียชีวิต": "1",
    "ผู้บาดเจ็บสาหัส": "0",
    "ผู้บาดเจ็บเล็กน้อย": "2",
}


def accidents(*rows, encoding="utf-8-sig", header=HEADER):
    out = io.StringIO()
    csv.writer(out).writerows([header, *([row.get(name, "") for name in header] for row in rows)])
    return out.getvalue().encode(encoding)


def read(data, city, **options):
    return MOT_ACCIDENTS.read(data, Context(city, DAY, "resource/x@2026-11-01", options))


def codes(result):
    return result.problems.select("row", "code").rows()


# Accidents


def test_headers_in_other_letters_are_the_same(phuket):
    rows = accidents(ACCIDENT).replace(b"LATITUDE", b"Latitude ").replace(b"LONGITUDE", b"longitude")
    assert kept(ROAD_ACCIDENTS, read(rows, phuket)).height == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp874"])
def test_an_accident(phuket, encoding):
    result = read(accidents(ACCIDENT, encoding=encoding), phuket)
    row = kept(ROAD_ACCIDENTS, result).row(0, named=True)
    assert row["dataset"] == "datagov.mot.go.th/roadaccident"
    assert (row["local_date"], row["at"]) == (date(2024, 2, 29), datetime(2024, 2, 29, 6, 45, tzinfo=UTC))
    assert (row["road_code"], row["road_km"], row["cause"]) == ("402", 12.345, "ขับรถเร็ว")
    assert (row["deaths"], row["serious"], row["minor"]) == (1, 0, 2)
    assert row["distance_km"] == pytest.approx(1.79, abs=0.02)
    assert "1 days above 12" in result.evidence
    assert not result.problems.height


def test_a_blank_number_is_missing_and_zero_is_zero(phuket):
    row = ACCIDENT | {"ผู้เสียชีวิต": "", "ผู้บาดเจ็บสาหัส": "0", "ผู้บาดเจ็บเล็กน้อย": "-", "KM": "", "มูลเหตุสันนิษฐาน": "ไม่ทราบ"}
    result = read(accidents(row), phuket)
    told = kept(ROAD_ACCIDENTS, result).row(0, named=True)
    assert (told["deaths"], told["serious"], told["minor"]) == (None, 0, None)
    assert (told["road_km"], told["cause"]) == (None, None)
    assert result.problems["code"].to_list() == ["value-missing", "value-missing"]
    wrong = read(accidents(ACCIDENT | {"ผู้เสียชีวิต": "สอง"}), phuket)
    assert (2, "value-not-number") in codes(wrong)
    assert wrong.tables["road_accidents"]["deaths"].to_list() == [None], "that it happened is known"


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("13:45", "13:45:00"),
        ("00:05:30", "00:05:30"),
        ("9.05 น.", "09:05:00"),
        ("0.572916666666667", "13:45:00"),
        ("0.5729166667", "13:45:00"),
        (".5", "12:00:00"),
        ("0", "00:00:00"),
        ("0.9999", "23:59:00"),
        ("", None),
        ("25:00", None),
        ("1.5", None),
        ("เช้า", None),
    ],
)
def test_times_are_clocks_or_fractions_of_a_day(phuket, text, clock):
    result = read(accidents(ACCIDENT | {"เวลา": text}), phuket)
    at = kept(ROAD_ACCIDENTS, result)["at"].dt.convert_time_zone("Asia/Bangkok")
    assert [None if one is None else f"{one:%H:%M:%S}" for one in at] == [clock]
    assert kept(ROAD_ACCIDENTS, result)["local_date"].to_list() == [date(2024, 2, 29)], "the day stays"
    assert result.problems["code"].to_list() == ([] if clock else ["value-missing"])


def test_a_place_decides_whose_an_accident_is_and_none_is_refused_where_it_may_be_the_citys(phuket):
    nowhere = {"LATITUDE": "", "LONGITUDE": ""}
    rows = (
        ACCIDENT | {"LATITUDE": "8.5"},
        ACCIDENT | nowhere,
        ACCIDENT | {"LATITUDE": "0", "LONGITUDE": "0", "จังหวัด": "จังหวัดภูเก็ต"},
        ACCIDENT | nowhere | {"จังหวัด": "ลำปาง"},
        ACCIDENT | {"จังหวัด": "พังงา"},
    )
    result = read(accidents(*rows), phuket)
    assert kept(ROAD_ACCIDENTS, result)["_row"].to_list() == [6]
    assert codes(result) == [(3, "value-null"), (4, "value-null")]
    assert read(accidents(*rows), phuket, within_km=100).tables["road_accidents"].height == 2


def test_two_accidents_at_one_place_and_time_are_told_apart_by_their_code_only_where_need_be(phuket):
    twin = ACCIDENT | {"ACC_CODE": "571906", "ผู้เสียชีวิต": "0"}
    both = kept(ROAD_ACCIDENTS, read(accidents(ACCIDENT, twin), phuket))
    assert both["deaths"].to_list() == [1, 0]
    alone = kept(ROAD_ACCIDENTS, read(accidents(ACCIDENT), phuket))
    rounded = kept(ROAD_ACCIDENTS, read(accidents(ACCIDENT | {"ACC_CODE": "5.72E+05", "ผู้เสียชีวิต": "2"}), phuket))
    assert alone["accident_id"].item() == rounded["accident_id"].item(), "a corrected row takes the old one's place"
    clash = read(accidents(ACCIDENT, twin | {"ACC_CODE": "571905"}), phuket)
    assert codes(clash) == [(2, "key-duplicate"), (3, "key-duplicate")]
    same = read(accidents(ACCIDENT, ACCIDENT), phuket)
    assert (same.tables["road_accidents"].height, same.problems["code"].to_list()) == (1, ["duplicate-rows"])


def test_headers_of_other_years_and_missing_ones(phuket):
    header = tuple(name.replace("ผู้เสียชีวิต", "จำนวนผู้เสียชีวิต") for name in HEADER)
    renamed = read(accidents(ACCIDENT | {"จำนวนผู้เสียชีวิต": "3"}, header=header), phuket)
    assert kept(ROAD_ACCIDENTS, renamed)["deaths"].to_list() == [3]
    fewer = tuple(name for name in HEADER if name not in ("KM", "ACC_CODE"))
    result = read(accidents(ACCIDENT, header=fewer), phuket)
    assert result.problems["code"].to_list() == ["column-missing", "column-missing"]
    assert kept(ROAD_ACCIDENTS, result)["road_km"].to_list() == [None]
    drifted = read(accidents(ACCIDENT, header=tuple(name.replace("LATITUDE", "ละติจูด") for name in HEADER)), phuket)
    assert (drifted.problems["code"].to_list(), dict(drifted.tables)) == (["file-malformed"], {})


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file-empty"),
        (accidents(), "answer-empty"),
        (b'{"success": false}', "answer-bad"),
        (b"a,b\n1,2\n", "file-malformed"),
    ],
)
def test_a_file_that_is_none_is_rejected(phuket, data, code):
    assert read(data, phuket).problems["code"].to_list() == [code]


def test_dates_that_do_not_exist_or_lie_ahead_are_refused(phuket):
    texts = ("29/02/2567", "29/02/2568", "29/02/2024", "31/04/2567", "24/11/2569", "23/11/2569", "", "วันนี้")
    # Each at its own place: one accident a row.
    rows = [ACCIDENT | {"วันที่เกิดเหตุ": text, "KM": f"{n}"} for n, text in enumerate(texts)]
    result = read(accidents(*rows), phuket)
    assert kept(ROAD_ACCIDENTS, result)["local_date"].to_list() == [
        date(2024, 2, 29),
        date(2024, 2, 29),
        date(2026, 11, 23),
    ]
    assert codes(result) == [(row, "stamp-bad") for row in (3, 5, 6, 8, 9)]


def test_dates_whose_order_nothing_tells_are_refused_and_said(phuket):
    texts = ("1/2/2565", "4/3/2565", "5/5/2565")
    rows = [ACCIDENT | {"วันที่เกิดเหตุ": text} for text in texts]
    result = read(accidents(*rows), phuket)
    assert kept(ROAD_ACCIDENTS, result)["local_date"].to_list() == [date(2022, 5, 5)], "5 May is 5 May"
    assert codes(result) == [(2, "stamp-ambiguous"), (3, "stamp-ambiguous")]
    assert CODES["stamp-ambiguous"][0] == "refuse"
    assert "cannot be told" in result.evidence


def test_only_the_newest_years_are_asked_for_and_as_files(phuket):
    asked = []
    base = "https://datagov.mot.go.th"
    resources = [
        {
            "id": f"r{year}",
            "name": f"ปี {year}",
            "format": "CSV",
            "url": f"{base}/d/{year}.csv",
            "datastore_active": year == 2568,
        }
        for year in (2568, 2562, 2567, 2566)
    ]
    guide = {"id": "guide", "name": "คำอธิบายข้อมูล", "format": "PDF", "url": f"{base}/d/guide.pdf"}
    package = {
        "success": True,
        "result": {"resources": [guide, *resources], "metadata_modified": "2026-02-03T00:00:00"},
    }
    plan = MOT_ACCIDENTS.plan(phuket, DAY, base, {})
    request = next(plan)
    assert request.params == {"id": "roadaccident"}
    answer = json.dumps(package).encode()
    assert request.check(answer) is None
    while True:
        try:
            request = plan.send(answer)
        except StopIteration:
            break
        asked.append((request.name, request.url))
        answer = accidents(ACCIDENT)
    assert asked == [(f"resource/r{year}@2026-02-03", f"{base}/d/{year}.csv") for year in (2566, 2567, 2568)]
    assert not MOT_ACCIDENTS.reads("package/roadaccident")
    assert MOT_ACCIDENTS.national


def test_the_demos_swapped_year_and_the_other_tell_the_same_months(phuket):
    for year, name in ((2024, "month/day/year"), (2025, "day/month/year")):
        described = roads.catalogue(
            [load_registry()["phuket"]], DAY, "https://x", "/api/3/action/package_show", {"id": roads.PACKAGE}
        )
        (url,) = [r["url"] for r in described["result"]["resources"] if r["name"] == f"ปี {year + 543}"]
        text = roads.catalogue([load_registry()["phuket"]], DAY, "https://x", url.removeprefix("https://x"), {})
        result = read(text.encode(), phuket)
        rows = kept(ROAD_ACCIDENTS, result)
        assert name in result.evidence
        assert rows["local_date"].dt.year().unique().to_list() == [year]
        assert rows["local_date"].dt.month().value_counts()["count"].to_list().count(2) >= 11
        assert [code for _, code in codes(result) if code != "value-missing"] == ["value-null"]
        assert rows["at"].null_count() == 0


# The order of day and month

YEAR = [date(2022, 1, 1) + timedelta(days=n) for n in range(365)]
FORMS = {
    "day first, Buddhist": lambda day: f"{day.day}/{day.month}/{day.year + 543}",
    "month first": lambda day: f"{day.month:02d}/{day.day:02d}/{day.year}",
    "ISO": lambda day: f"{day:%Y-%m-%d} 00:00:00",
    "ISO, swapped": lambda day: f"{day.year}-{day.day:02d}-{day.month:02d}",
    "serial": lambda day: f"{(day - date(1899, 12, 30)).days}",
    "words": lambda day: f"{day.day} {THAI_MONTHS[day.month - 1]} {day.year + 543}",
    "half read by a spreadsheet": lambda day: (
        f"{day.year}-{day.day:02d}-{day.month:02d}" if day.day <= 12 else f"{day.day}/{day.month}/{day.year}"
    ),
    "half turned round": lambda day: (
        f"{day.month}/{day.day}/{day.year}" if day.day <= 12 else f"{day.day}/{day.month}/{day.year}"
    ),
}
THAI_MONTHS = ("ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.", "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค.")


@pytest.mark.parametrize("form", FORMS)
def test_a_year_in_the_order_of_time_is_read_in_any_form(form):
    read_dates, evidence = date_order.dates(pl.Series([FORMS[form](day) for day in YEAR]))
    assert read_dates["date"].to_list() == YEAR
    assert not read_dates["ambiguous"].any()
    assert bool(evidence) == (form not in ("serial", "words"))


@given(
    form=st.sampled_from([form for form in FORMS if form != "half turned round"]),
    days=st.lists(st.sampled_from(YEAR), min_size=1, max_size=60),
)
def test_whatever_the_order_of_rows_a_date_is_right_or_refused(form, days):
    read_dates, _ = date_order.dates(pl.Series([FORMS[form](day) for day in days]))
    for day, told, open_ in zip(days, read_dates["date"], read_dates["ambiguous"], strict=True):
        assert told == day or (told is None and open_)
        assert not (open_ and day.day == day.month)
    if form not in ("serial", "words", "half read by a spreadsheet") and any(day.day > 12 for day in days):
        assert not read_dates["ambiguous"].any(), "one day above 12 tells"


def test_a_year_without_a_day_above_12_is_told_by_the_order_of_its_rows():
    early = [day for day in YEAR if day.day <= 12]
    texts = pl.Series([FORMS["month first"](day) for day in early])
    read_dates, evidence = date_order.dates(texts)
    assert read_dates["date"].to_list() == early
    assert "order of the rows" in evidence
    shuffled = texts.sample(fraction=1, shuffle=True, seed=1)
    read_dates, evidence = date_order.dates(shuffled)
    assert read_dates["date"].null_count() == sum(day.day != day.month for day in early)
    assert "cannot be told (no day above 12)" in evidence


def test_what_a_spreadsheet_could_not_read_tells_of_what_it_read_wrongly():
    texts = pl.Series([FORMS["half read by a spreadsheet"](day) for day in YEAR])
    order = pl.Series(YEAR).sample(fraction=1, shuffle=True, seed=1).to_list()
    read_dates, evidence = date_order.dates(texts.sample(fraction=1, shuffle=True, seed=1))
    assert read_dates["date"].to_list() == order
    assert "dates as year-day-month (all days above 12 stand in the other form)" in evidence


def test_few_mistakes_in_writing_do_not_turn_a_year_but_a_mixed_one_is_not_told():
    texts = [FORMS["day first, Buddhist"](day) for day in YEAR]
    wrong = [*texts, "3/14/2565"]
    read_dates, _ = date_order.dates(pl.Series(wrong))
    assert read_dates["date"].to_list() == [*YEAR, date(2022, 3, 14)]
    mixed = [FORMS["month first" if day.month % 2 else "day first, Buddhist"](day) for day in YEAR]
    read_dates, evidence = date_order.dates(pl.Series(mixed).sample(fraction=1, shuffle=True, seed=1))
    assert "cannot be told" in evidence
    assert read_dates["ambiguous"].sum() == sum(day.day <= 12 and day.day != day.month for day in YEAR)


# Events

EVENT = {
    "eid": "100",
    "title": "รถชน ทะเบียน กก 1234",
    "title_en": "Crash",
    "description": "โทร 0812345678",
    "latitude": "7.90",
    "longitude": "98.39",
    "type": "3",
    "icon": "accident",
    "severity": "2",
    "start": "2026-11-22 23:30:00",
    "stop": "2026-11-23 02:00:00",
}


def read_events(events, city, **options):
    data = events if isinstance(events, bytes) else json.dumps(events).encode()
    return LONGDO_EVENTS.read(data, Context(city, DAY, "events", options))


def test_an_event_without_its_text(phuket):
    result = read_events([EVENT], phuket)
    row = kept(ROAD_EVENTS, result).row(0, named=True)
    assert (row["event_id"], row["kind"], row["kind_raw"], row["severity"]) == ("100", "accident", "3", "2")
    assert row["start"] == datetime(2026, 11, 22, 16, 30, tzinfo=UTC), "Bangkok time without a zone"
    assert (row["local_date"], row["stop"]) == (date(2026, 11, 22), datetime(2026, 11, 22, 19, 0, tzinfo=UTC))
    told = json.dumps(kept(ROAD_EVENTS, result).to_dicts(), default=str, ensure_ascii=False) + result.evidence
    assert not any(secret in told for secret in ("1234", "0812345678", "Crash", "รถชน"))
    assert "not taken" in LONGDO_EVENTS.personal


def test_kinds_are_those_whose_codes_are_sure_and_types_may_be_numbers(phuket):
    events = [
        EVENT | {"eid": f"{n}", "type": code, "icon": None}
        for n, code in enumerate(["3", 3, "6", "1", "", None, "ไม่ทราบ"])
    ]
    rows = kept(ROAD_EVENTS, read_events(events, phuket))
    assert rows["kind"].to_list() == ["accident", "accident", "flood", "other", "other", "other", "other"]
    assert rows["kind_raw"].to_list() == ["3", "3", "6", "1", None, None, "ไม่ทราบ"]


def test_the_word_tells_the_kind_where_codes_are_not_sure(phuket):
    told = {
        "1": ("carbreakdown", "breakdown"),
        "2": ("TrafficJam ", "jam"),
        "5": ("roadclosed", "closure"),
        "10": ("flood", "flood"),
        "12": ("diversion", "diversion"),
        "15": ("warning", "warning"),
        "3": ("a new word", "accident"),
        "6": ("", "flood"),
        "99": ("a new word", "other"),
    }
    events = [EVENT | {"eid": code, "type": code, "icon": word} for code, (word, _) in told.items()]
    rows = kept(ROAD_EVENTS, read_events(events, phuket))
    assert dict(rows.select("kind_raw", "kind").rows()) == {code: kind for code, (_, kind) in told.items()}


def test_events_without_a_place_or_a_begin_are_refused_and_far_ones_are_anothers(phuket):
    events = [
        EVENT | {"eid": "1", "latitude": "0", "longitude": "0"},
        EVENT | {"eid": "2", "latitude": ""},
        EVENT | {"eid": "3", "longitude": None},
        EVENT | {"eid": "4", "start": "0000-00-00 00:00:00"},
        EVENT | {"eid": "5", "latitude": "13.7", "longitude": "100.5"},
        EVENT | {"eid": None},
        EVENT | {"eid": "7", "stop": ""},
        EVENT | {"eid": "8", "stop": "2020-01-01 00:00:00"},
        EVENT,
        EVENT,
    ]
    result = read_events(events, phuket)
    rows = kept(ROAD_EVENTS, result)
    assert rows["event_id"].to_list() == ["7", "8", "100"]
    assert rows["stop"].null_count() == 2, "an end before the begin is none"
    assert codes(result) == [
        (None, "duplicate-rows"),
        (1, "value-null"),
        (2, "value-null"),
        (3, "value-null"),
        (4, "stamp-bad"),
        (6, "value-null"),
    ]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ([], "answer-empty"),
        ({}, "answer-bad"),
        ({"events": [EVENT]}, "answer-bad"),
        (["x"], "answer-bad"),
        ([{"id": 1, "lat": 7.9, "lon": 98.4}], "answer-bad"),
        (b"<html>", "answer-bad"),
        (b"", "answer-bad"),
    ],
)
def test_an_answer_of_200_that_is_none(phuket, answer, code):
    assert read_events(answer, phuket).problems["code"].to_list() == [code]
    if code == "answer-bad":
        request = next(LONGDO_EVENTS.plan(phuket, DAY, "https://event.longdo.com", {}))
        assert request.url == "https://event.longdo.com/feed/json"
        assert request.check(answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def test_nothing_but_the_white_list_of_a_row_is_read():
    headers = {name for names in mot_accidents.COLUMNS.values() for name in names}
    assert not any("ทะเบียน" in name or "ชื่อ" in name for name in headers)
