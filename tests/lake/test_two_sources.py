"""Two sources of a city over one key: nothing takes the place of another's rows without a word."""

import json
from pathlib import Path

from assets.cities.registry import SourceEntry
from assets.lake import ingest
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality.tables import CITY_STATISTICS, VALIDATION_RESULTS
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
