"""Two sources of a city over one key, two resources of one, and two contents of a resource: nothing takes the place of
another's rows, or leaves its own, without a word."""

import json
from datetime import date
from pathlib import Path

import pytest

from assets.cities.registry import City, SourceEntry
from assets.lake import ingest
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from quality.tables import CITY_STATISTICS, VALIDATION_RESULTS
from quality.verdicts import Verdict
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, small_city

TABLE = "ปี,จังหวัด,รายการ,จำนวน,หน่วย\n2567,ขอนแก่น,เตียง,{},เตียง\n2568,ขอนแก่น,เตียง,9,เตียง\n"


def test_keys_that_two_sources_tell_differently_are_told_with_both(tmp_path: Path) -> None:
    options = {"portal": "phuket_gdcatalog", "package": "p", "smart": "living"}
    entry = SourceEntry(via="portal", reader="ckan_statistics", options=options)
    city = small_city().model_copy(update={"sources": {"beds": entry, "clinics": entry}})
    deployment = deployment_at(tmp_path, city)
    deliver(deployment, city, "beds", D1, "resource/a@2026-01-01", TABLE.format(500).encode())
    deliver(deployment, city, "clinics", D1, "resource/b@2026-01-01", TABLE.format(90).encode())
    judged = ingest.ingest(Step(deployment, city, D1, "test"), CITY_STATISTICS)
    told = next(verdict for verdict in judged.verdicts if verdict.check == "sources-clash")
    assert (told.verdict, told.failed) == ("warn", 1), "what both tell alike is no clash"
    assert "beds, clinics" in told.message
    [row] = CityLake(deployment.store, city.slug).day(VALIDATION_RESULTS, D1).filter(rule="sources-clash").to_dicts()
    assert json.loads(row["value"]) == {"sources": "beds, clinics"} and "2024-01-01" in row["key"]


def test_a_resource_that_takes_anothers_place_in_its_package_is_told_once(tmp_path: Path) -> None:
    options = {"portal": "phuket_gdcatalog", "package": "p", "smart": "living"}
    entry = SourceEntry(via="portal", reader="ckan_statistics", options=options)
    city = small_city().model_copy(update={"sources": {"beds": entry}})
    deployment, told = deployment_at(tmp_path, city), []
    for day, resource in ((D1, "a"), (D2, "b"), (D3, "b")):
        deliver(deployment, city, "beds", day, f"resource/{resource}@{day}", TABLE.format(9).encode())
        judged = ingest.ingest(Step(deployment, city, day, "test"), CITY_STATISTICS)
        [verdict] = (verdict for verdict in judged.verdicts if verdict.check == "source-changed")
        told.append([(row["event"], row["before"], row["now"], row["last_good"]) for row in verdict.sample])
    assert told == [[], [("resource", "a", "b", D1)], []]


def of_one_package(folder: Path, **options: str) -> tuple[City, Deployment]:
    chosen = {"portal": "phuket_gdcatalog", "package": "p", "smart": "living"} | options
    entry = SourceEntry(via="portal", reader="ckan_statistics", options=chosen)
    city = small_city().model_copy(update={"sources": {"beds": entry}})
    return city, deployment_at(folder, city)


def judged(deployment: Deployment, city: City, day: date, check: str) -> Verdict:
    found = ingest.ingest(Step(deployment, city, day, "test"), CITY_STATISTICS)
    return next(verdict for verdict in found.verdicts if verdict.check == check)


def test_two_resources_that_tell_a_year_differently_are_named(tmp_path: Path) -> None:
    city, deployment = of_one_package(tmp_path, resources="all")
    for resource, beds in (("a", 500), ("b", 90)):
        deliver(deployment, city, "beds", D1, f"resource/{resource}@2026-01-01", TABLE.format(beds).encode())
    told = judged(deployment, city, D1, "sources-clash")
    assert (told.verdict, told.failed) == ("warn", 1) and "beds a, beds b" in told.message


YEAR = TABLE.format(5)
FIRST = YEAR[: YEAR.rindex("2568")]


@pytest.mark.parametrize(
    ("options", "resource", "text", "gone"),
    [
        ({}, "a", FIRST, ["2025-01-01"]),
        ({}, "replaced", FIRST, ["2025-01-01"]),
        ({"resources": "all"}, "a", FIRST, ["2025-01-01"]),
        # An item of which nothing is left, and one that has another name.
        ({}, "a", YEAR.replace("เตียง,", "ห้อง,").replace(",9,", ",8,"), ["2025-01-01"]),
        ({}, "a", YEAR.replace(",เตียง,", ",เตียงผู้ป่วย,"), []),
        ({}, "a", YEAR.replace(",เตียง\n", ",หลัง\n"), []),
        # Another file of the package says nothing of this one.
        ({"resources": "all"}, "another", FIRST, []),
        # A file of the running year does not repeat the years before.
        ({}, "a", YEAR.replace("2567,", "2569,"), []),
        ({}, "a", YEAR.replace("เตียง,9", "เตียง,8"), []),
    ],
)
def test_a_year_that_is_taken_back_is_told(
    tmp_path: Path, options: dict[str, str], resource: str, text: str, gone: list[str]
) -> None:
    city, deployment = of_one_package(tmp_path, **options)
    deliver(deployment, city, "beds", D1, "resource/a@2026-01-01", YEAR.encode())
    assert judged(deployment, city, D1, "withdrawn").verdict == "pass"
    deliver(deployment, city, "beds", D2, f"resource/{resource}@2026-02-01", text.encode())
    for day in (D2, D3):  # it stands as long as the lake has what the publisher has no more
        told = judged(deployment, city, day, "withdrawn")
        assert [str(row["reference_date"]) for row in told.sample] == gone
