"""Catalogue records: the mandatory fields of the Government Data Catalog, from its closed lists."""

import json

import pytest

from assets.cities.registry import City
from assets.landing.store import LocalStore
from assets.snapshots.build import prefix
from assets.snapshots.catalogue import catalogue
from quality.tables import TABLES

pytestmark = pytest.mark.usefixtures("without_suites")

MANDATORY = {
    "data_type": {
        "ข้อมูลระเบียน",
        "ข้อมูลสถิติ",
        "ข้อมูลภูมิสารสนเทศเชิงพื้นที่",
        "ข้อมูลหลากหลายประเภท",
        "ข้อมูลประเภทอื่นๆ",
    },
    **dict.fromkeys(("title", "owner_org", "maintainer", "maintainer_email", "tag_string", "notes"), None),
    "objective": {"เพื่อการให้บริการประชาชน"},
    "update_frequency_unit": {"วัน"},
    "geo_coverage": {"จังหวัด", "อำเภอ", "ตำบล"},
    "data_source": None,
    "data_format": {"อื่นๆ"},
    "data_category": {"ข้อมูลสาธารณะ"},
    "license_id": {
        "License not specified",
        "Creative Commons Attributions",
        "Creative Commons Attribution Share-Alike",
        "Creative Commons Non-Commercial (Any)",
        "Open Data Common",
        "GNU Free Documentation License",
        "อื่นๆ",
    },
}
"""The fourteen fields, with what of the standard's lists a record of a city may say."""
WHO = {"organisation": "เทศบาลนครภูเก็ต", "maintainer": "กองยุทธศาสตร์", "email": "data@example.go.th"}


def records(city: City) -> list[dict]:
    published = [table for table in TABLES.values() if table.published]
    assert [table.name for table in published if not table.title_th] == []
    files = [
        {"table": each.name, "path": f"data/{each.name}/x.parquet", "bytes": 1, "sha256": "0"} for each in published
    ]
    found = catalogue(city, published, files)
    assert [each["name"] for each in found["packages"]] == [f"phuket-{t.name}".replace("_", "-") for t in published]
    return found["packages"]


def test_every_table_has_the_mandatory_fields_in_the_words_of_the_standard(made_up) -> None:
    told = made_up.city().model_dump() | {"publisher": WHO}
    for record in records(City.model_validate(told)):
        for field, allowed in MANDATORY.items():
            value = record[field]
            assert value, (record["name"], field)
            for each in value if isinstance(value, list) else [value]:
                assert each.strip()
                assert allowed is None or each in allowed, (record["name"], field, each)
        assert record["title"].split()[0] not in record["notes"], "the title is Thai"
        for field in ("data_format", "license_id"):
            assert ("อื่นๆ" in record[field]) == (f"{field}_other" in record), (record["name"], field)
    by_name = {record["name"]: record for record in records(City.model_validate(told))}
    assert by_name["phuket-load-profile"]["data_source"] == "PEA"
    assert by_name["phuket-facilities"]["license_id"] == "Open Data Common"
    for several in ("phuket-ev-chargers", "phuket-weather", "phuket-transit-stops"):
        assert by_name[several]["license_id"] == "อื่นๆ", "no one licence holds for all of its rows and uses"
        assert by_name[several]["license_id_other"].startswith("CC BY 4.0")
    assert by_name["phuket-population"]["owner_org"] == WHO["organisation"]


def test_what_only_the_city_can_say_is_named_as_missing(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    entry = made_up.published(store)
    told = json.loads(store.read(f"{prefix('phuket', entry.snapshot_id)}/meta/catalogue.json"))
    assert told["missing"] == ["owner_org", "maintainer", "maintainer_email"]
    assert {record["owner_org"] for record in told["packages"]} == {None}
    for record in told["packages"]:
        for resource in record["resources"]:
            data = store.read(f"{prefix('phuket', entry.snapshot_id)}/{resource['url']}")
            assert len(data) == resource["size"]


@pytest.mark.parametrize("email", ["somebody", "a@b", "a b@c.th"])
def test_a_publisher_without_an_address_is_refused(made_up, email: str) -> None:
    with pytest.raises(ValueError, match="email"):
        City.model_validate(made_up.city().model_dump() | {"publisher": WHO | {"email": email}})
