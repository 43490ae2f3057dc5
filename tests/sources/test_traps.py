"""The traps of Thai open data, one test each: what whoever uses the rows would notice. All answers are synthetic.

Each goes through the reader of a source that has the trap; the source's own tests look at it more closely.
"""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from assets.cities.registry import City, load_registry
from assets.lake.feeds import SOURCES
from assets.lake.station_places import validity
from assets.landing.http import Client, Limits
from assets.landing.request import Request
from assets.sources import dopa
from assets.sources.source import Context, ReadResult
from quality.problems import CODES
from quality.tables import STATION_LISTS, TABLES
from tests.http_server import reply, serving
from tests.kit import code_counts

DAY = date(2026, 11, 23)
CITIES = load_registry()
PHUKET, SAMYAN = CITIES["phuket"], CITIES["samyan"]


def read(
    source: str, content: Any, city: City = PHUKET, name: str = "resource/r@2026-01-30", **options: Any
) -> ReadResult:
    data = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return SOURCES[source].read(data, Context(city, DAY, name, options))


def rows(result: ReadResult, table: str) -> pl.DataFrame:
    """The rows of a table that keep its contract."""
    frame = result.tables[table].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY))
    return TABLES[table].conform(frame).rows


def as_csv(*lines: tuple[object, ...], encoding: str = "utf-8") -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode(encoding)


def statistic(*lines: tuple[object, ...], encoding: str = "utf-8", **options: Any) -> ReadResult:
    """A long table of a provincial catalogue, of ``lines`` of year, area and value."""
    table = as_csv(
        ("ปี", "อำเภอ", "รายการ", "จำนวน", "หน่วย"), *((y, a, "ขยะ", v, "ตัน") for y, a, v in lines), encoding=encoding
    )
    return read("ckan_statistics", table, portal="phuket_gdcatalog", package="p", smart="environment", **options)


def accidents(*days: str) -> ReadResult:
    header = ("วันที่เกิดเหตุ", "เวลา", "จังหวัด", "LATITUDE", "LONGITUDE")
    return read("mot_accidents", as_csv(header, *((day, "08:30", "ภูเก็ต", PHUKET.lat, PHUKET.lon) for day in days)))


def station(**last: Any) -> dict[str, Any]:
    newest = {"date": "2026-11-23", "time": "01:00", "PM25": {"value": "12.5"}, "AQI": {"aqi": "25"}} | last
    place = {"nameTH": "ก ", "nameEN": "a", "areaTH": "ภูเก็ต", "areaEN": "Phuket", "lat": "7.884", "long": "98.392"}
    return {"stationID": "43t", **place, "AQILast": newest}


def live(*stations: dict[str, Any]) -> ReadResult:
    return read("air4thai_live", {"stations": stations}, stations=[{"id": "43t"}])


def ticket(**properties: Any) -> dict[str, Any]:
    fields = {"ticket_id": "2026-A", "type": "ถนน", "state": "รอรับเรื่อง", "state_type_latest": "start"}
    fields |= {
        "timestamp": "2026-11-22 00:30:00",
        "province": "กรุงเทพฯ",
        "district": "เขตปทุมวัน",
        "subdistrict": "แขวงวังใหม่",
    }
    point = {"type": "Point", "coordinates": [SAMYAN.lon, SAMYAN.lat]}
    return {"type": "Feature", "geometry": point, "properties": fields | properties}


def tickets(*features: dict[str, Any]) -> ReadResult:
    return read("traffy_geojson", {"type": "FeatureCollection", "total": 0, "features": features}, SAMYAN)


def test_01_years_of_two_eras_and_a_29_february_that_only_one_of_them_has() -> None:
    told = rows(statistic(("2567", "กะทู้", "1"), ("2025", "กะทู้", "2")), "city_statistics")
    assert told["reference_date"].to_list() == [date(2024, 1, 1), date(2025, 1, 1)]
    leap = accidents("29/02/2567", "28/02/2567", "13/01/2567")
    assert date(2024, 2, 29) in rows(leap, "road_accidents")["local_date"].to_list()
    none = accidents("29/02/2568", "28/02/2568", "13/01/2568")
    assert (rows(none, "road_accidents").height, code_counts(none)["stamp-bad"]) == (2, 1)
    income = as_csv(("จังหวัด", "year-2541-1998", "year-2543-2001"), ("ภูเก็ต", "1", "2"))
    read_income = read("ckan_household_income", income, portal="nso", package="p", measure="income")
    assert rows(read_income, "household_income")["reference_date"].to_list() == [date(1998, 1, 1)]
    assert code_counts(read_income)["stamp-bad"] == 1, "its eras disagree"
    # Two digits of a Buddhist year.
    assert pl.select(dopa._month_end(pl.lit("6712"))).item() == date(2024, 12, 31)


def test_02_months_as_words_short_misspelt_and_with_thai_digits() -> None:
    header = ("จังหวัด", "ปี", "เดือน", "รายการ", "จำนวน", "หน่วย")
    told = (("2567", "มกราคม", "๗"), ("๒๕๖๗", "กรกฏาคม", "8"), ("2567", "ก.ย.", "๙"), ("2567", "รวม", "24"))
    table = as_csv(header, *(("ภูเก็ต", year, month, "ขยะ", value, "ตัน") for year, month, value in told))
    result = read("ckan_statistics", table, portal="phuket_gdcatalog", package="p", smart="environment")
    monthly = rows(result, "city_statistics").filter(months=1).sort("_row")
    assert monthly["reference_date"].to_list() == [date(2024, month, 1) for month in (1, 7, 9)]
    assert monthly["value"].to_list() == [7, 8, 9]
    assert dict(code_counts(result)) == {"label-misspelt": 1}


@pytest.mark.parametrize("mark", ["", "-", "N/A", "ไม่ทราบ", "รอประมวลผล"])
def test_03_a_missing_mark_is_no_number_and_nought_is_one(mark: str) -> None:
    result = statistic(("2567", "กะทู้", mark), ("2567", "ถลาง", "0"))
    values = dict(rows(result, "city_statistics").select("area", "value").iter_rows())
    assert (values["กะทู้"], values["ถลาง"]) == (None, 0)
    assert code_counts(result)["value-pending" if mark == "รอประมวลผล" else "value-missing"] == 1
    for number in ("-1", "-999", "-9999", "-9.99"):
        assert rows(live(station(PM25={"value": number})), "air_quality")["pm25_ug_m3"].to_list() == [None]
    assert rows(live(station(PM25={"value": "0"})), "air_quality")["pm25_ug_m3"].to_list() == [0.0]


def test_04_a_total_among_its_members_is_marked_and_added_up() -> None:
    right = statistic(("2567", "กะทู้", "10"), ("2567", "ถลาง", "5"), ("2567", "รวม", "16"))
    assert rows(right, "city_statistics").filter("is_total")["value"].to_list() == [16]
    assert rows(right, "city_statistics").filter(~pl.col("is_total"))["value"].sum() == 15
    assert code_counts(right)["total-mismatch"] == 0, "publishers round: one off is none"
    off = statistic(("2567", "กะทู้", "10"), ("2567", "ถลาง", "5"), ("2567", "รวม", "17"))
    assert code_counts(off)["total-mismatch"] == 1


def test_05_numbers_as_text_with_commas_blanks_and_noughts() -> None:
    result = statistic(("2566", "กะทู้", "38,324,038.00"), ("2567", "กะทู้", " 22619 "), ("2568", "กะทู้", "12,34"))
    assert rows(result, "city_statistics")["value"].to_list() == [38_324_038, 22_619]
    assert (code_counts(result)["value-not-number"], code_counts(result)["number-format"]) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp874"])
def test_06_utf8_with_and_without_mark_and_the_thai_code_page_read_alike(encoding: str) -> None:
    told = rows(statistic(("2567", "กะทู้", "10"), encoding=encoding), "city_statistics")
    assert told.select("area", "item", "unit", "value").row(0) == ("กะทู้", "ขยะ", "ตัน", 10)


def test_07_a_false_z_and_stamps_without_zone_are_bangkoks_time() -> None:
    province = {"pv_idn": 83, "pm25": 20.1, "pm25Avg24hr": 18, "dt": "2026-11-23T01:00:00.000Z"}
    model = rows(read("gistda_pm25", {"status": 200, "data": [province]}), "air_quality")
    assert set(model["start"]) == {datetime(2026, 11, 22, 18, tzinfo=UTC)}
    assert rows(tickets(ticket()), "tickets")["reported"].to_list() == [datetime(2026, 11, 21, 17, 30, tzinfo=UTC)]
    # Every endpoint says what its stamps are; they differ within one service.
    assert all(source.zone for source in SOURCES.values())
    assert SOURCES["gistda_pm25"].zone != SOURCES["firms_hotspots"].zone


def test_08_an_hour_named_by_its_end_and_one_named_by_its_begin() -> None:
    hours = [{"DATETIMEDATA": f"2026-11-22 {hour:02d}:00:00", "PM25": 9.0} for hour in range(24)]
    answer = {"result": "OK", "stations": [{"stationID": "43t", "data": hours}]}
    for label, first in (
        (None, datetime(2026, 11, 21, 16, tzinfo=UTC)),
        ("start", datetime(2026, 11, 21, 17, tzinfo=UTC)),
    ):
        options = {"label": label} if label else {}
        told = rows(read("air4thai_history", answer, stations=[{"id": "43t"}], **options), "air_quality")
        assert told["start"].min() == first, label


@pytest.mark.parametrize(
    ("source", "answer", "city"),
    [
        ("tmd", b"", PHUKET),
        ("air4thai_history", b'{"result": "OK", "stations": []}', PHUKET),
        ("egat_generation", b"{list:}", PHUKET),
        ("egat_generation", b'{"day": "22-11-2026", list:[]}', PHUKET),
        ("thaiwater_levels", b'{"waterlevel_data": {"result": "OK", "data": []}}', PHUKET),
        ("firms_hotspots", b"Invalid MAP_KEY.", PHUKET),
        ("longdo_events", b"[]", SAMYAN),
    ],
)
def test_09_http_200_is_not_success(source: str, answer: bytes, city: City) -> None:
    options = {"stations": [{"id": "43t"}]} if source == "air4thai_history" else {}
    result = read(source, answer, city, **options)
    severities = {CODES[code][0] for code in code_counts(result)}
    assert "reject" in severities and not any(frame.height for frame in result.tables.values())


def test_09_a_period_that_is_answered_short_with_ok_is_said() -> None:
    hours = [{"DATETIMEDATA": f"2026-11-22 {hour:02d}:00:00", "PM25": 9.0} for hour in range(5)]
    answer = {"result": "OK", "stations": [{"stationID": "43t", "data": hours}]}
    short = read("air4thai_history", answer, name="history/2026-11-22", stations=[{"id": "43t"}])
    assert code_counts(short)["window-short"] == 1 and rows(short, "air_quality").height == 5


def test_10_names_with_and_without_what_they_are_and_tambons_that_are_called_alike() -> None:
    for province in ("กรุงเทพฯ", "กรุงเทพมหานคร", "จังหวัดกรุงเทพมหานคร"):
        told = rows(tickets(ticket(province=province)), "tickets")
        assert told.select("province", "amphoe", "tambon").row(0) == ("กรุงเทพมหานคร", "ปทุมวัน", "วังใหม่")
    # Thepparat of Chachoengsao (240507) is not that of Nakhon Si Thammarat (801407): joined by code.
    whole = [
        ("6712", "24", "ฉะเชิงเทรา", "0", "", "0", "", "0", ""),
        ("6712", "80", "นครศรีธรรมราช", "0", "", "0", "", "0", ""),
    ]
    own = [
        ("6712", "24", "ฉะเชิงเทรา", "2405", "อำเภอบ้านโพธิ์", "240507", "ตำบลเทพราช", "0", ""),
        ("6712", "80", "นครศรีธรรมราช", "8014", "อำเภอสิชล", "801407", "ตำบลเทพราช", "0", ""),
    ]
    counts = {"24": ("1,000", "1,100", "2,100", "700"), "80": ("5", "6", "11", "4")}
    text = "\r\n".join("|".join([*fields, *counts[fields[1]], ""]) for fields in (*whole, *own))
    city = PHUKET.model_copy(update={"dopa_province": "24", "dopa_amphoe": "2405", "province_th": "ฉะเชิงเทรา"})
    people = rows(read("dopa_population", ("\ufeff" + text).encode(), city), "population").filter(sex="total")
    assert dict(people.filter(area_level="tambon").select("area_code", "persons").iter_rows()) == {"240507": 2100}


def test_11_a_running_number_of_provinces_is_not_their_code() -> None:
    """Phuket is 83 by the Department of Provincial Administration and 66 in a list that numbers them from 1 to 77."""
    for slug, city in CITIES.items():
        assert city.dopa_amphoe[:2] == city.dopa_province == city.iso_3166_2[-2:], slug
    listed = [{"pv_idn": n, "pm25": n, "pm25Avg24hr": n, "dt": "2026-11-23T01:00:00.000Z"} for n in (66, 83)]
    assert set(rows(read("gistda_pm25", {"status": 200, "data": listed}), "air_quality")["pm25_ug_m3"]) == {83.0}


def test_12_an_id_of_a_reading_is_no_station_and_a_station_may_move() -> None:
    def level(reading: int, stamp: str) -> dict[str, Any]:
        place = {"tele_station_lat": 7.9, "tele_station_long": 98.4, "min_bank": 2.0, "ground_level": -1.0}
        found = {"id": reading, "waterlevel_datetime": stamp, "waterlevel_msl": "1.50", "diff_wl_bank": "0.50"}
        return found | {"diff_wl_bank_text": "ต่ำกว่าตลิ่ง", "station": {"id": 7, **place}}

    answer = {"waterlevel_data": {"result": "OK", "data": [level(1, "2026-11-23 00:00"), level(2, "2026-11-23 01:00")]}}
    told = rows(read("thaiwater_levels", answer), "water_levels")
    assert (set(told["station_id"]), told.height) == ({"7"}, 2)
    lists = []
    for at, lat in ((DAY - timedelta(1), "7.884"), (DAY, "7.984")):
        listed = live(station() | {"lat": lat}).tables["station_lists"]
        lists.append(listed.with_columns(reference_date=pl.lit(at), _receipt=pl.lit("r"), _delivered=pl.lit(at)))
    stations = validity(pl.concat([STATION_LISTS.conform(part).rows for part in lists]))
    told_days = stations.select("lat", "valid_from", "valid_to").rows()
    assert told_days == [(7.884, DAY - timedelta(1), DAY - timedelta(1)), (7.984, DAY, None)]


def test_13_personal_data_stays_in_landing() -> None:
    secrets = {"phone": "081-234-5678", "name": "สมชาย ใจดี", "house": "99/9 ซอยสวนพลู", "mail": "someone@example.org"}
    said = f"{secrets['name']} {secrets['phone']} {secrets['house']} {secrets['mail']}"
    report = tickets(ticket(description=said, address=said, org=[said], photo_url=said, note=said))
    package = {
        "name": "p",
        "title": "t",
        "maintainer": said,
        "maintainer_email": said,
        "resources": [{"format": "CSV"}],
    }
    search = {"success": True, "result": {"count": 1, "results": [package]}}
    catalogue = read("ckan_datasets", search, portal="phuket_gdcatalog")
    site = {
        "ID": 1,
        "AddressInfo": {"Title": "t", "Latitude": PHUKET.lat, "Longitude": PHUKET.lon, "AddressLine1": said},
    }
    site |= {"UserComments": [{"UserName": said}], "GeneralComments": said, "UsageCost": said}
    site["AddressInfo"]["ContactTelephone1"] = said
    event = {"eid": "1", "latitude": "7.9", "longitude": "98.39", "start": "2026-11-23 00:00:00", "type": "3"}
    events = read("longdo_events", [event | {"title": said, "description": said, "contributor": said}])
    for result in (report, catalogue, read("openchargemap", [site]), events):
        assert any(frame.height for frame in result.tables.values())
        everything = " ".join(str(frame.to_dicts()) for frame in (*result.tables.values(), result.problems))
        assert not [secret for secret in secrets.values() if secret in everything + result.evidence]


@pytest.mark.parametrize("status", [401, 403, 418, 451])
def test_14_a_portal_that_shuts_us_out_was_not_reached_which_is_not_no_data(status: int) -> None:
    with serving() as portal, Client(Limits(attempts=1)) as client:
        shut = client.fetch(Request("n", portal.answer("/shut", reply(b"<html>no entry</html>", status)), expect="csv"))
        none = client.fetch(Request("n", portal.answer("/none", reply(b"NoRecordsFound", 404)), expect="csv"))
    assert (shut.outcome, shut.code, shut.data) == ("not-reached", "answer-not-reached", None)
    assert f"HTTP {status}" in str(shut.reason)
    assert (none.outcome, none.code) == ("empty", "answer-empty")
