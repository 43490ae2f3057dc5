"""CKAN: which resources of a package are asked for and how, files of every kind, and keys."""

import io
import json
import zipfile
from datetime import date

import openpyxl
import polars as pl
import pytest
from pydantic import ValidationError

from assets.landing.answers import fault_of
from assets.landing.portals import portal
from assets.sources import ckan
from assets.sources.biff import MAGIC
from quality.contracts import LINEAGE

DAY = date(2026, 11, 23)
BASE = "http://127.0.0.1:8080/mirror"
MOT = {"portal": "mot", "package": "roadaccident"}
OWN = portal("mot").base_url


def resource(identity, name="", kind="CSV", datastore=False, **facts):
    url = f"{OWN}/dataset/x/download/{identity}.{kind.lower()}"
    return {"id": identity, "name": name, "format": kind, "url": url, "datastore_active": datastore} | facts


def package(*resources):
    result = {"name": "p", "metadata_modified": "2026-04-17T04:58:58.210", "resources": list(resources)}
    return json.dumps({"success": True, "result": result}).encode()


def page(count, total):
    fields = [{"id": "_id"}, {"id": "a"}]
    records = [{"_id": number, "a": f"{number}"} for number in range(count)]
    return json.dumps({"success": True, "result": {"fields": fields, "records": records, "total": total}}).encode()


def walk(options, *answers):
    """Requests and what their checks say, when the plan is given ``answers`` in turn; a failed check sends None."""
    plan = ckan.plan(None, DAY, BASE, ckan.Package(**options))
    requests, reasons, request = [], [], next(plan)
    for answer in answers:
        requests.append(request)
        reasons.append(request.check(answer) if request.check and answer else None)
        try:
            request = plan.send(None if reasons[-1] or answer is None else answer)
        except StopIteration:
            return requests, reasons
    return [*requests, request], reasons


def asked(options, *resources):
    """Ids of the resources that are asked for, in order."""
    answers = [package(*resources), *[b"a\n1\n"] * len(resources)]
    requests, _ = walk(options, *answers)
    return [request.name.partition("/")[2].partition("@")[0] for request in requests[1:]]


YEARS = [resource(f"r{year}", f"ปี {year}") for year in (2564, 2566, 2565)]


def test_a_package_by_year_is_read_whole_or_its_newest_years():
    others = [resource("dict", "data dictionary")]
    assert asked(MOT, *YEARS) == ["r2566"], "the newest edition of the first"
    # The newest comes last: what it tells of the years before is what was revised.
    assert asked(MOT | {"resources": "all"}, *YEARS, *others) == ["r2564", "r2565", "r2566"]
    assert asked(MOT | {"resources": "ปี *"}, *YEARS, *others) == ["r2564", "r2565", "r2566"]
    assert asked(MOT | {"resources": "ปี *", "newest": 2}, *YEARS, *others) == ["r2565", "r2566"]
    assert asked(MOT | {"resource": "r2565"}, *YEARS) == ["r2565"]


def test_the_newest_edition_of_the_first_table_is_read_whatever_kind_it_is():
    older, newer = resource("old", "ขยะ ปี 2567"), resource("new", "ขยะ ปี ๒๕๖๘", kind="XLSX")
    assert asked(MOT, older, newer) == asked(MOT, newer, older) == ["new"]
    assert asked(MOT, older, newer, resource("csv", "ขยะ ปี 2568")) == ["csv"], "of one year the best kind"
    assert asked(MOT, resource("a", "ตารางที่ 1"), resource("b", "ตารางที่ 2")) == ["a"], "another table"
    assert asked(MOT, older, resource("b", "ประชากร ปี 2568")) == ["old"]
    assert asked(MOT | {"newest": 1}, resource("a", "ขยะ ปี 68"), resource("b", "ขยะ ปี 67")) == ["a"]


def test_a_year_that_another_kind_alone_has_is_read_with_the_others():
    kinds = [resource("c", "ปี 2567"), resource("x", "ปี 2567", kind="XLSX"), resource("n", "ปี 2568", kind="XLSX")]
    assert asked(MOT | {"resources": "all"}, *kinds) == ["c", "n"]
    assert asked(MOT | {"resources": "all", "newest": 1}, *kinds) == ["n"]


@pytest.mark.parametrize(
    "gone", [{"state": "deleted"}, {"state": "draft"}, {"name": "ขยะ (ยกเลิก)"}, {"name": "ขยะ [superseded]"}]
)
def test_what_is_taken_back_is_no_table_of_the_package(gone):
    entry = resource("gone", "ขยะ") | gone
    assert asked(MOT, entry, resource("rows", "ปริมาณขยะ", state="active")) == ["rows"]
    flights = resource("flights", "เที่ยวบินที่ยกเลิก")
    assert asked(MOT, flights, resource("rows", "ปริมาณขยะ")) == ["flights"]


@pytest.mark.parametrize("name", ["Data Dictionary ขยะ", "พจนานุกรมข้อมูล", "คำอธิบายชุดข้อมูล", "metadata.csv"])
def test_what_explains_the_columns_is_no_table_of_the_package(name):
    assert asked(MOT, resource("words", name), resource("rows", "ปริมาณขยะ")) == ["rows"]
    assert asked(MOT, resource("words", name)) == ["words"], "where there is nothing else it says so itself"


def test_the_newest_resource_is_told_by_its_change_where_no_name_tells_a_year():
    one = resource("old", "accidents", last_modified="2024-01-01")
    two = resource("new", "accidents", created="2026-01-01")
    assert asked(MOT | {"newest": 1}, two, one) == ["new"]
    # Both eras are years: 2024 is older than 2568.
    assert asked(MOT | {"newest": 1}, resource("be", "ปี ๒๕๖๘"), resource("ce", "2024")) == ["be"]


def test_a_resource_that_does_not_come_leaves_the_others_untouched():
    requests, _ = walk(MOT | {"resources": "all"}, package(*YEARS), None, b"a\n1\n", b"a\n1\n")
    assert len(requests) == 4


def test_too_many_resources_are_refused():
    many = [resource(f"r{number}") for number in range(ckan.MAX_RESOURCES + 1)]
    requests, reasons = walk(MOT | {"resources": "all"}, package(*many))
    assert len(requests) == 1 and "newest" in reasons[0]


def test_numbers_of_records_are_told_in_full():
    told = {"success": True, "result": {"fields": [{"id": "v"}], "total": 3}}
    told["result"]["records"] = [{"v": value} for value in (0.00002, 1.5, 2e16)]
    assert ckan.records(json.dumps(told).encode()).batch.rows["v"].to_list() == ["0.00002", "1.5", "20000000000000000"]


def test_one_kind_of_file_is_read_where_a_package_has_several():
    both = [
        resource("z", kind="ZIP"),
        resource("x", kind=".xlsx "),
        resource("c", kind="csv"),
        resource("a", kind="API"),
    ]
    assert asked(MOT | {"resources": "all"}, *both) == ["c"]
    assert asked(MOT, *both[:2]) == ["x"]
    assert asked(MOT, both[0]) == ["z"]
    assert asked(MOT, resource("n", kind="CSV") | {"format": ""}) == ["n"]


@pytest.mark.parametrize(
    ("kind", "data"), [("XLSX", b"a,b\n1,2\n"), ("CSV", b"PK\x03\x04..."), ("ZIP", b"a;b\n1;2\n"), ("CSV", MAGIC)]
)
def test_what_a_file_is_its_bytes_tell_and_not_its_label(kind, data):
    [_, request], _ = walk(MOT, package(resource("r1", kind=kind)))
    assert fault_of(request, data) is None
    assert fault_of(request, b"<html><title>Login</title>")


@pytest.mark.parametrize(("data", "words"), [(MAGIC + bytes(600), "damaged"), (b"%PDF-1.4 a,b", "PDF")])
def test_a_file_that_is_no_table_is_called_what_it_is(data, words):
    assert words in ckan.records(data).batch.found.item(0, "message")


def test_a_file_lies_below_the_mirror_that_was_asked():
    [_, request], _ = walk(MOT, package(resource("r1")))
    assert request.url == f"{BASE}/dataset/x/download/r1.csv"


def test_json_in_place_of_a_file_is_a_bad_answer():
    _, reasons = walk(MOT, package(resource("r1")), b'{"success": false}')
    assert "JSON" in reasons[1]


def test_the_real_package_of_fourteen_resources(real_data):
    found = json.loads((real_data / "open_data/ckan_data_go_th/package_covid-19-daily.json").read_text())
    described = json.dumps({"success": True, "result": found["result"]["results"][0]}).encode()
    options = {"portal": "data_go_th", "package": "covid-19-daily"}
    requests, _ = walk(options, described)
    # The ZIP of 463 bytes is no data and the links of format API lie elsewhere: twelve resources could be read.
    assert requests[1].params["resource_id"] == "4688036a-cd89-45f7-a0c3-a34dbe35a50c"
    assert requests[1].name.endswith("/0@2024-07-09")
    [_, request], _ = walk(options | {"resource": "402c7fd6-31a5-41b4-ab86-5257550ecaf0"}, described)
    assert request.params["resource_id"] == "402c7fd6-31a5-41b4-ab86-5257550ecaf0"
    usable = ckan._chosen(json.loads(described)["result"], BASE, ckan.Package(**options, resources="all"))
    assert len(usable) == 11


def test_a_total_that_changes_while_it_is_read_is_a_bad_answer():
    _, reasons = walk(MOT, package(resource("r", datastore=True)), page(1000, 1500), page(600, 1600))
    assert reasons[1] is None and "1500" in reasons[2] and "1600" in reasons[2]


def test_more_records_than_the_total_are_a_bad_answer():
    _, reasons = walk(MOT, package(resource("r", datastore=True)), page(11, 10))
    assert "11 records" in reasons[1]


def test_keys_are_sent_where_the_portal_wants_them_and_never_to_a_file():
    described = package(resource("r", datastore=True))
    [show, search], _ = walk({"portal": "opend", "package": "p"}, described)
    assert show.url == f"{BASE}/get-ckan/package_show"
    assert search.url == f"{BASE}/get-ckan/datastore_search"
    assert show.headers == search.headers == {"api-key": "{key:opend}"}
    [show, search], _ = walk({"portal": "citydata", "package": "p"}, described)
    assert show.headers == {}
    assert search.headers == {"api-key": "{key:citydata}"}
    assert search.url == f"{BASE}/api/3/action/datastore_search"
    [show, search], _ = walk(MOT, described)
    assert show.headers == search.headers == {}
    [_, file], _ = walk(
        {"portal": "opend", "package": "p", "allow_hosts": ["datagov.mot.go.th"]}, package(resource("r"))
    )
    assert file.headers == {}


def test_a_package_is_called_by_its_portals_own_host():
    for portal_name, host in (("phuket_gdcatalog", "phuket.gdcatalog.go.th"), ("data_go_th", "data.go.th")):
        assert ckan.Package(portal=portal_name, package="dataset_10_34").dataset == f"{host}/dataset_10_34"
    assert ckan.Package(portal="nan_gdcatalog", package="p").dataset == "nan.gdcatalog.go.th/p"


@pytest.mark.parametrize(
    "wrong",
    [
        {"portal": "nowhere"},
        {"portal": None},
        {"package": 2006},  # 20_06 without quotes
        {"newest": 0},
        {"allow_hosts": "files.example"},
        {"resource": ""},
    ],
)
def test_options_that_name_no_package_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        ckan.Package.model_validate(MOT | wrong)


def workbook(*sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"s{number}")
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in files.items():
            packed.writestr(name.replace("_", "."), data)
    return out.getvalue()


CSV = "ปี,จำนวน,หมายเหตุ\r\n2567,1200,\r\n2568,7.5,x\r\n,,\r\n".encode()
ROWS = [["ปี", "จำนวน", "หมายเหตุ", None], [2567, 1200, None, None], ["2568", 7.5, "x", None], [None] * 4]


@pytest.mark.parametrize(
    "data",
    [
        CSV,
        workbook([], ROWS),
        archive(a_csv=CSV),
        archive(a_xlsx=workbook(ROWS)),
        archive(a_csv=CSV, readme_txt=b"hello"),
    ],
    ids=["csv", "xlsx", "zip", "zipped xlsx", "zip with a note"],
)
def test_a_table_reads_alike_from_every_kind_of_file(data):
    records = ckan.records(data)
    rows = records.batch.rows
    assert records.complete
    assert rows.columns == ["_row", "ปี", "จำนวน", "หมายเหตุ"]
    assert rows["_row"].to_list() == [2, 3]
    assert rows["ปี"].to_list() == ["2567", "2568"]
    assert rows["จำนวน"].cast(pl.Float64).to_list() == [1200, 7.5]


@pytest.mark.parametrize(
    "data",
    [
        archive(a_csv=CSV, b_xlsx=workbook(ROWS)),
        archive(),
        archive(a_csv=b""),
        workbook([["a"]]),
        b"PK\x03\x04 damaged",
        archive(**{"../a_csv": CSV}),
        archive(a_csv=bytes(9 * 1024**2)),
    ],
    ids=["two", "none", "empty", "header only", "damaged", "path", "unreadable"],
)
def test_files_that_hold_no_single_table_are_rejected_with_a_reason(data):
    batch = ckan.records(data).batch
    assert batch.rows.is_empty()
    assert not batch.is_rejected or batch.found.height == 1


def test_lineage_names_are_no_columns_of_a_file():
    assert "_row" in LINEAGE
    assert ckan.records(b"_row,a\n1,2\n").batch.found["code"].to_list() == ["file-malformed"]
