"""What a city publishes: searching its catalogue, and the white list of what is kept."""

import json
from datetime import date

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.sources.ckan_datasets import CKAN_DATASETS, HARVESTED_TWICE, PAGE
from assets.sources.source import Context
from quality.problems import CODES
from quality.tables import DATASETS

DAY = date(2026, 11, 23)
PHUKET = load_registry()["phuket"]
OPTIONS = {"portal": "phuket_gdcatalog"}


def package(name, **facts):
    return {
        "id": f"uuid-{name}",
        "name": name,
        "title": "ข้อมูล",
        "metadata_created": "2024-01-05T02:15:00.000000",
        "metadata_modified": "2026-01-30T02:15:00.000000",
        "resources": [{"format": "CSV", "datastore_active": True}, {"format": ".xlsx"}, {"format": "csv"}],
        "organization": {"title": "จังหวัด"},
        "update_frequency_unit": "ปี",
        "license_id": "Open Data Common",
        "high_value_dataset": "True",
        "maintainer": "นาย ก",
        "maintainer_email": "a@example.org",
        "author_email": "b@example.org",
        "telephone_number": "0812345678",
    } | facts


def search(packages, count=None):
    result = {"count": len(packages) if count is None else count, "results": packages}
    return json.dumps({"success": True, "result": result}).encode()


def read(data, options=OPTIONS):
    return CKAN_DATASETS.read(data, Context(PHUKET, DAY, "search/0", options))


def kept(result):
    batch = DATASETS.conform(result.tables["datasets"].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
    good, bad = batch.rows, batch.found
    assert not bad.height
    return good


def test_a_catalogue_is_searched_until_its_count():
    requests, steps = [], CKAN_DATASETS.requests(PHUKET, DAY, "http://x", OPTIONS | {"organization": "phuket"})
    request = next(steps)
    for size in (PAGE, PAGE, 3):
        requests.append(request)
        answer = search([package(f"{len(requests)}-{number}") for number in range(size)], 2 * PAGE + 3)
        assert request.check(answer) is None
        try:
            request = steps.send(answer)
        except StopIteration:
            break
    assert [request.params["start"] for request in requests] == ["0", f"{PAGE}", f"{2 * PAGE}"]
    assert [request.name for request in requests] == ["search/0", f"search/{PAGE}", f"search/{2 * PAGE}"]
    assert requests[0].url == "http://x/api/3/action/package_search"
    assert requests[0].params["fq"] == 'organization:"phuket"'


def test_answers_that_lead_nowhere_are_bad():
    request = next(CKAN_DATASETS.requests(PHUKET, DAY, "http://x", OPTIONS | {"query": "ภูเก็ต"}))
    assert request.params["q"] == "ภูเก็ต"
    for answer in (
        search([], 5),
        search([package("a")], 9_999),
        search([package("a")] * 2, 1),
        b'{"success": false}',
        b"[]",
    ):
        assert request.check(answer)
    steps = CKAN_DATASETS.requests(PHUKET, DAY, "http://x", OPTIONS)
    next(steps)
    second = steps.send(search([package("a")], 2))
    assert "changed" in second.check(search([package("b")], 3))
    assert next(CKAN_DATASETS.requests(PHUKET, DAY, "http://x", {"portal": "opend"})).headers == {
        "api-key": "{key:opend}"
    }


def test_what_is_kept_of_a_package():
    [row] = kept(read(search([package("dataset_10_34")]))).to_dicts()
    assert row["portal"] == "phuket.gdcatalog.go.th"
    assert (row["package"], row["package_id"]) == ("dataset_10_34", "uuid-dataset_10_34")
    assert (row["resources"], row["in_datastore"], row["formats"]) == (3, 1, "CSV,XLSX")
    assert (row["created"], row["modified"]) == (date(2024, 1, 5), date(2026, 1, 30))
    assert (row["high_value"], row["harvested_twice"], row["reference_date"]) == (True, False, DAY)


def test_maintainers_are_never_kept():
    result = read(search([package("a")]))
    text = str(result.tables["datasets"].to_dicts()) + str(result.problems.to_dicts())
    assert not any(secret in text for secret in ("นาย", "@", "0812345678"))
    assert "maintainers" in CKAN_DATASETS.personal


def test_flags_are_text_of_several_kinds():
    flags = {"1": True, "True": True, "true": True, "0": False, "False": False, "ไม่ทราบ": None, "": None, True: True}
    packages = [package(f"p{number}", high_value_dataset=flag) for number, flag in enumerate(flags)]
    table = kept(read(search(packages))).sort("_row")
    assert table["high_value"].to_list() == list(flags.values())


def test_a_data_set_that_was_harvested_twice_is_told():
    names = ["gdpublish-roadaccident", "roadaccident", "gdpublish-alone", "plain"]
    table = kept(read(search([package(name) for name in names])))
    assert table.filter("harvested_twice")["package"].to_list() == ["gdpublish-roadaccident"]


def test_the_names_of_the_national_catalogue(real_data):
    names = json.loads((real_data / "open_data/ckan_data_go_th/package_list_2025.json").read_text())["result"]
    frame = pl.DataFrame({"portal": "data.go.th", "package": names}).with_columns(twice=HARVESTED_TWICE)
    assert len(names) == 32_473
    assert frame["package"].str.starts_with("gdpublish-").sum() == 4_412
    assert frame["twice"].sum() == 1_024


def test_the_real_package(real_data):
    data = (real_data / "open_data/ckan_data_go_th/package_covid-19-daily.json").read_bytes()
    result = read(data, {"portal": "data_go_th"})
    [row] = kept(result).to_dicts()
    assert not result.problems.height
    assert (row["portal"], row["package"], row["resources"]) == ("data.go.th", "covid-19-daily", 14)
    assert (row["formats"], row["in_datastore"]) == ("API,CSV,XLSX,ZIP", 11)
    assert row["package_id"] == "8a956917-436d-4afd-a2d4-59e4dd8e906e"
    assert (row["high_value"], row["update_unit"]) == (True, "วัน")
    assert (row["created"], row["modified"]) == (date(2020, 3, 20), date(2024, 7, 9))
    assert "@" not in str(row)


ODD = [None, True, -1, 10**30, "", "x", "\ud800", [], [[]], {}, {"": 0}, [{}], [1, "a"]]


@pytest.mark.parametrize("field", [*package("a"), "success", "count", "results"])
def test_any_field_may_be_anything(field):
    for odd in ODD:
        payload = json.loads(search([package("a")]))
        if field == "success":
            payload["success"] = odd
        elif field in ("count", "results"):
            payload["result"][field] = odd
        else:
            payload["result"]["results"][0][field] = odd
        result = read(json.dumps(payload).encode())
        assert set(result.problems["code"]) <= set(CODES)
        assert result.tables or result.problems.height
        if result.tables:
            kept(result)
