"""CKAN packages: from the description to rows, with the faults that provincial files have."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from assets.lake.feeds import SOURCES
from assets.sources import ckan
from assets.sources.ckan_population import CKAN_POPULATION
from assets.sources.ckan_visitors import CKAN_VISITORS
from assets.sources.source import Context
from quality.tables import POPULATION, TABLES, VISITORS
from tests.kit import code_counts, kept

DAY = date(2026, 11, 23)
OPTIONS = {"portal": "phuket_gdcatalog", "package": "dataset_10_34"}
PUBLIC = "https://phuket.gdcatalog.go.th"
BASE = "http://127.0.0.1:8080"


def package(*resources, **facts):
    result = {"name": "dataset_10_34", "metadata_modified": "2026-04-17T04:58:58.210"} | facts
    return json.dumps({"success": True, "result": result | {"resources": list(resources)}}).encode()


def resource(identity, kind="CSV", url=f"{PUBLIC}/dataset/x/download/f.csv", datastore=False):
    return {"id": identity, "format": kind, "url": url, "datastore_active": datastore}


def page(records, total, names=("a",)):
    fields = [{"id": "_id", "type": "int"}, *({"id": name, "type": "text"} for name in names)]
    return json.dumps({"success": True, "result": {"fields": fields, "records": records, "total": total}}).encode()


def walk(answers, options=OPTIONS, city=None):
    """Requests of the plan when it is given ``answers`` in turn, as the driver would: a failed check sends None."""
    plan = ckan.plan(city, DAY, BASE, ckan.Package(**options))
    requests, reasons, request = [], [], next(plan)
    for answer in answers:
        requests.append(request)
        reasons.append(request.check(answer) if request.check else None)
        try:
            request = plan.send(None if reasons[-1] else answer)
        except StopIteration:
            return requests, reasons
    return [*requests, request], reasons


def test_the_datastore_is_paged_until_its_total_even_if_pages_are_capped():
    pages = [page([{"a": str(i)} for i in range(size)], 250) for size in (100, 100, 50)]
    requests, reasons = walk([package(resource("zip", "ZIP"), resource("r1", datastore=True)), *pages])
    assert [request.name for request in requests] == [
        "package/dataset_10_34",
        "datastore/r1/0@2026-04-17",
        "datastore/r1/100@2026-04-17",
        "datastore/r1/200@2026-04-17",
    ]
    assert requests[0].url == f"{BASE}/api/3/action/package_show"
    assert [request.params["offset"] for request in requests[1:]] == ["0", "100", "200"]
    assert reasons == [None] * 4


def test_an_empty_page_before_the_total_is_a_bad_answer():
    requests, reasons = walk([package(resource("r1", datastore=True)), page([], 250)])
    assert len(requests) == 2
    assert "250" in reasons[1]


def test_an_empty_resource_ends_the_plan():
    requests, reasons = walk([package(resource("r1", datastore=True)), page([], 0)])
    assert (len(requests), reasons) == (2, [None, None])


def test_a_file_is_fetched_from_the_portal_asked_for_and_no_other_host():
    [_, request], _ = walk([package(resource("r1"))])
    assert (request.url, request.expect) == (f"{BASE}/dataset/x/download/f.csv", "csv")
    assert request.name == "resource/r1@2026-04-17"
    [_, request], _ = walk([package(resource("r1", url="/dataset/f.csv"), metadata_modified=None)])
    assert (request.url, request.name) == (f"{BASE}/dataset/f.csv", "resource/r1")
    elsewhere = package(resource("r1", url="https://files.example/f.csv"))
    requests, reasons = walk([elsewhere])
    assert len(requests) == 1
    assert "host" in reasons[0]
    [_, request], _ = walk([elsewhere], OPTIONS | {"allow_hosts": ["files.example"]})
    assert request.url == "https://files.example/f.csv"
    _, reasons = walk([package(resource("r1", url="file:///etc/passwd"))], OPTIONS | {"allow_hosts": ["files.example"]})
    assert reasons[0]


def test_a_pinned_resource_is_taken():
    described = package(resource("r1"), resource("r2", datastore=True))
    [_, request], _ = walk([described], OPTIONS | {"resource": "r2"})
    assert request.name.startswith("datastore/r2/")
    assert walk([described], OPTIONS | {"resource": "r3"})[1][0]


@pytest.mark.parametrize("answer", [b'{"success": false}', b"[]", package(), package(3), b'{"success": true}'])
def test_a_description_that_leads_nowhere_is_a_bad_answer(answer):
    requests, reasons = walk([answer])
    assert len(requests) == 1
    assert reasons[0]


def table(header, rows):
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


AREAS = ["tablename", "อำเภอ", "Attribute", "Value", "unit", "source"]


def population(rows, header=AREAS, name="resource/r@2026-04-17", options=OPTIONS, city=None, data=None):
    return CKAN_POPULATION.read(data or table(header, rows), Context(city, DAY, name, options))


def area(name, male, female, total, unit="คน"):
    return [["t", name, sex, value, unit, "s"] for sex, value in (("ชาย", male), ("หญิง", female), ("รวม", total))]


def test_population_of_phuket_as_published(real_data, phuket):
    file = json.loads((real_data / "open_data/phuket_gdcatalog/population.json").read_text())
    result = population(file["rows"], file["header"], city=phuket)
    rows = kept(POPULATION, result)
    published = {(row[1].removeprefix("อำเภอ").replace("รวม", "ภูเก็ต"), row[2]): int(row[3]) for row in file["rows"]}
    sexes = {"male": "ชาย", "female": "หญิง", "total": "รวม"}
    assert {(row["area"], sexes[row["sex"]]): row["persons"] for row in rows.iter_rows(named=True)} == published
    assert rows.filter("is_total")["area_level"].unique().to_list() == ["province"]
    assert rows.filter(~pl.col("is_total"))["area"].n_unique() == 3
    assert rows["reference_date"].unique().to_list() == [date(2026, 4, 17)]
    assert code_counts(result) == {"no-date": 1, "total-mismatch": 4}
    said = "\n".join(result.problems["message"])
    for numbers in (("247115", "247088"), ("194047", "197295"), ("216137", "212889"), ("410211", "410184")):
        assert all(number in said for number in numbers)


def test_a_datastore_page_reads_like_the_file(phuket):
    rows = [*area("อำเภอกะทู้", "1,200", "1,300", "2,501"), *area("รวม", "1200", "1300", "2500")]
    from_file = population(rows, city=phuket)
    records = [{"_id": i} | dict(zip(AREAS, row, strict=True)) for i, row in enumerate(rows)]
    records[0]["Value"] = 1200
    whole = population([], city=phuket, data=page(records, len(records), AREAS))
    assert kept(POPULATION, whole).drop("_row").equals(kept(POPULATION, from_file).drop("_row"))
    assert code_counts(whole) == code_counts(from_file) == {"no-date": 1, "number-format": 1}  # off by one is rounding
    part = population([], city=phuket, data=page(records[:2], 3, AREAS))
    assert "2 of 3" in part.evidence


def test_totals_are_not_judged_on_a_part_of_the_resource(phuket):
    records = [dict(zip(AREAS, row, strict=True)) for row in area("กะทู้", 1, 1, 99)]
    assert "total-mismatch" not in code_counts(population([], city=phuket, data=page(records, 9, AREAS)))
    assert code_counts(population([], city=phuket, data=page(records, 3, AREAS)))["total-mismatch"] == 1


def test_population_rows_that_cannot_be_used_are_refused_and_counted(phuket):
    rows = [
        *area("กะทู้", "1", "2", "3"),
        *area("กะทู้", "1", "2", "4"),
        *area("ถลาง", "many", "-5", "รอประมวลผล"),
        ["t", "", "ชาย", "1", "คน", "s"],
        ["t", "ป่าตอง", "อื่น", "1", "คน", "s"],
        ["t", "ป่าตอง", "ชาย", "1", "หลัง", "s"],
        ["t", "ป่าตอง", "หญิง", "", "คน", "s"],
    ]
    result = population(rows, city=phuket)
    assert code_counts(result) == {
        "no-date": 1,
        "duplicate-rows": 1,
        "key-duplicate": 2,
        "value-not-number": 1,
        "value-pending": 1,
        "value-null": 1,
        "value-unknown": 1,
        "unit-unknown": 1,
        "value-missing": 1,
    }
    assert result.problems.filter(code="key-duplicate")["row"].to_list() == [4, 7]
    refused = {"key-duplicate": 2, "value-not-number": 1, "value-null": 1, "value-unknown": 1, "unit-unknown": 1}
    merged = 2
    assert result.tables["population"].height == len(rows) - sum(refused.values()) - merged


def test_headers_may_change_a_little_or_too_much(phuket):
    rows = [["กะทู้", "ชาย", "5", "x"]]
    result = population(rows, ["\ufeffอำเภอ ", "เพศ", "จำนวน", "หมายเหตุ"], city=phuket)
    assert code_counts(result) == {"no-date": 1, "column-missing": 1}
    assert kept(POPULATION, result)["persons"].to_list() == [5]
    result = population(
        rows, ["Area", "เพศ", "N", "note"], options=OPTIONS | {"columns": {"area": "Area", "value": "N"}}, city=phuket
    )
    assert kept(POPULATION, result)["area"].to_list() == ["กะทู้"]
    result = population(rows, ["a", "b", "c", "d"], city=phuket)
    assert code_counts(result) == {"file-malformed": 1}
    assert not result.tables


def test_a_file_in_the_thai_code_page_is_read(phuket):
    data = table(AREAS, area("อำเภอกะทู้", "1", "2", "3")).decode().encode("cp874")
    assert kept(POPULATION, population([], city=phuket, data=data))["area"].unique().to_list() == ["กะทู้"]


def test_without_a_modification_date_the_delivery_dates_the_rows(phuket):
    result = population(area("กะทู้", "1", "2", "3"), name="resource/r", city=phuket)
    assert kept(POPULATION, result)["reference_date"].unique().to_list() == [DAY]


@pytest.mark.parametrize("data", [b'a,b\n1,2,3\n"', page([], 0), table(AREAS, []), b"{}", b'{"success": true}', b" "])
def test_catalogue_answers_without_rows_are_rejected_with_a_reason(phuket, data):
    for source in (CKAN_POPULATION, CKAN_VISITORS):
        result = source.read(data, Context(phuket, DAY, "resource/r", OPTIONS))
        assert result.problems.height == 1
        assert not result.tables


def visitors(rows, header, city=None, package="dataset_10_34"):
    options = OPTIONS | {"package": package}
    return CKAN_VISITORS.read(table(header, rows), Context(city, DAY, "resource/r@2026-07-02", options))


CLASSES = ["จังหวัด", "ปี", "รายการ", "ประเภท", "สัญชาติ", "จำนวน", "หน่วย", "ที่มา"]


def test_airport_passengers_as_published(real_data, phuket):
    file = json.loads((real_data / "open_data/phuket_gdcatalog/airport-pax.json").read_text())
    result = visitors(file["rows"], file["header"], phuket, "dataset_10_02")
    rows = kept(VISITORS, result)
    # Each year's international total carries the domestic label; the domestic one adds up and stays.
    assert code_counts(result) == {"key-duplicate": 6, "number-format": 1}
    assert rows.height == len(file["rows"]) - 6
    totals = rows.filter(pl.col("origin") == "total", pl.col("category") == "ภายในประเทศ")
    members = rows.filter(pl.col("origin") != "total", pl.col("category") == "ภายในประเทศ")
    assert totals.height == 6
    for year in totals["reference_date"]:
        expected = members.filter(pl.col("reference_date") == year)["value"].sum()
        assert totals.filter(pl.col("reference_date") == year)["value"].to_list() == [expected]
    assert rows.filter(pl.col("reference_date") == date(2024, 1, 1))["value"].max() == Decimal(17215315)
    assert rows["origin"].unique().sort().to_list() == ["total", "ผ่าน", "ออก", "เข้า"]


def test_spending_as_published(real_data, phuket):
    file = json.loads((real_data / "open_data/phuket_gdcatalog/avg-spend.json").read_text())
    result = visitors(file["rows"], file["header"], phuket, "dataset_10_09")
    rows = kept(VISITORS, result)
    assert rows.height == 99
    pending = rows.filter(status="pending")
    assert pending.height == code_counts(result)["value-pending"] == 6
    assert pending["value"].null_count() == 6
    assert pending["reference_date"].unique().to_list() == [date(2025, 1, 1)]
    # From 2563 on the file's totals are sums of two averages, which lie above both.
    expected = 0
    by_group = {}
    for row in file["rows"]:
        by_group.setdefault((row[1], row[3]), {})[row[4]] = row[5]
    for group in by_group.values():
        if "รอประมวลผล" not in group.values():
            least, most = sorted(int(group[name].replace(",", "")) for name in ("ชาวไทย", "ชาวต่างชาติ"))
            expected += not least <= int(group["รวม"].replace(",", "")) <= most
    assert code_counts(result)["total-mismatch"] == expected > 0


def test_files_without_classes_are_read_too(real_data, phuket):
    file = json.loads((real_data / "open_data/phuket_gdcatalog/occupancy.json").read_text())
    result = visitors(file["rows"], file["header"], phuket, "dataset_10_68")
    rows = kept(VISITORS, result)
    assert rows["value"].to_list() == [Decimal(row[3]) for row in file["rows"]]
    assert rows.select("category", "origin", "is_total").unique().rows() == [("all", "total", False)]
    assert code_counts(result) == {"column-missing": 2}


def year(value, origin="ชาวไทย", category="นักท่องเที่ยว", when="2567", unit="คน"):
    return ["ภูเก็ต", when, "ผู้มาเยือน", category, origin, value, unit, "s"]


def test_visitor_totals_are_checked_in_both_directions(phuket):
    rows = [
        year("10"),
        year("20", "ชาวต่างชาติ"),
        year("31", "รวม"),
        year("1", "ชาวไทย", "นักทัศนาจร"),
        year("2", "ชาวต่างชาติ", "นักทัศนาจร"),
        year("9", "รวม", "นักทัศนาจร"),
        year("11", "ชาวไทย", "รวม"),
        year("99", "ชาวต่างชาติ", "รวม"),
    ]
    result = visitors(rows, CLASSES, phuket)
    assert result.problems["row"].to_list() == [7, 9]
    assert "total 9.00" in result.problems["message"][0] and "3.00" in result.problems["message"][0]
    assert "total 99.00" in result.problems["message"][1] and "22.00" in result.problems["message"][1]
    assert kept(VISITORS, result)["is_total"].to_list() == [False, False, True, False, False, True, True, True]


def test_rival_rows_that_nothing_decides_are_refused_both(phuket):
    result = visitors([year("10"), year("11"), year("5", "ชาวต่างชาติ")], CLASSES, phuket)
    assert result.problems.filter(code="key-duplicate")["row"].to_list() == [2, 3]
    assert result.tables["visitors"]["origin"].to_list() == ["foreign"]


def test_visitor_rows_that_cannot_be_used_are_refused(phuket):
    rows = [
        year("10"),
        year("ten", when="2566"),
        year("1", when="ปีนี้"),
        year("1", when="2565", unit=""),
        year("-", when="2564"),
    ]
    result = visitors(rows, CLASSES, phuket)
    assert code_counts(result) == {"value-not-number": 1, "stamp-bad": 1, "unit-unknown": 1, "value-missing": 1}
    assert result.tables["visitors"]["status"].to_list() == ["published", "published"]


def test_every_source_declares_tables_and_a_portal_that_exist():
    from assets.landing.portals import PORTALS

    for name, source in SOURCES.items():
        assert source.name == name
        assert set(source.tables) <= set(TABLES)
        assert source.portal is None or source.portal in PORTALS
    assert not SOURCES["ckan_visitors"].reads("package/dataset_10_34")
    assert SOURCES["ckan_visitors"].reads("datastore/r/0@2026-01-01")
