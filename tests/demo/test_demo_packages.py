"""The demo's catalogues, asked by the real plans and read by the real readers: every fault is found again."""

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from assets.cities.registry import City, load_registry
from assets.indicators.road_deaths import by_year
from assets.lake.feeds import SOURCES
from assets.sources.source import Context
from demo.portal import serve
from quality.cross_table import fewer_injured, identical_series
from quality.tables import CITY_STATISTICS, ROAD_CASUALTIES, TABLES

DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def cities() -> dict[str, City]:
    return load_registry()


@pytest.fixture(scope="module")
def portals(cities: dict[str, City]) -> Iterator[dict[str, str]]:
    with serve(cities.values(), DAY, faults={}) as urls:
        yield urls


def fetch(url: str, params: Mapping[str, str]) -> bytes | None:
    try:
        with urllib.request.urlopen(f"{url}?{urlencode(params)}" if params else url, timeout=10) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        return None


def rows(portals: Mapping[str, str], city: City, reader: str, **options: Any) -> tuple[pl.DataFrame, Counter[str]]:
    """Rows of the source's table for a city, which all keep the contract, and the codes of what was wrong."""
    source = SOURCES[reader]
    plan = source.requests(city, DAY, portals[source.portal or options["portal"]], options)
    parts, codes = [], Counter[str]()
    request = next(plan, None)
    while request is not None:
        data = fetch(request.url, request.params)
        assert data is None or request.check is None or request.check(data) is None
        if data is not None and source.reads(request.name):
            result = source.read(data, Context(city, DAY, request.name, options))
            frame = result.tables[source.tables[0]].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY))
            batch = TABLES[source.tables[0]].conform(frame)
            good, bad = batch.rows, batch.found
            assert not bad.height
            parts.append(good)
            codes.update(result.problems["code"].to_list())
        try:
            request = plan.send(data)
        except StopIteration:
            request = None
    return pl.concat([TABLES[source.tables[0]].empty(), *parts]), codes


def phuket(
    portals: Mapping[str, str], cities: Mapping[str, City], reader: str, package: str, **more: Any
) -> tuple[pl.DataFrame, Counter[str]]:
    return rows(portals, cities["phuket"], reader, portal="phuket_gdcatalog", package=package, **more)


def test_road_casualties_get_their_labels_back(portals: dict[str, str], cities: dict[str, City]) -> None:
    dead, codes = phuket(portals, cities, "ckan_road_casualties", "dataset_10_48")
    assert codes == {"label-drift": 2, "label-misspelt": 1, "unit-changed": 1}
    assert dead["outcome"].unique().to_list() == ["death"]
    years = by_year(dead, cities["phuket"].province_th)
    assert years["months"].to_list() == [12] * 4 and years["persons"].to_list() == years["stated"].to_list()
    injured, codes = phuket(portals, cities, "ckan_road_casualties", "dataset_10_47")
    assert codes == {"label-misspelt": 1} and injured.height == 52
    assert len(fewer_injured(ROAD_CASUALTIES, pl.concat([dead, injured]))) == 1


def test_statistics_of_several_kinds(portals: dict[str, str], cities: dict[str, City]) -> None:
    hotels, codes = phuket(portals, cities, "ckan_statistics", "dataset_10_11", smart="economy")
    assert not codes and hotels.height == 10  # a file, not in the datastore
    occupancy, codes = phuket(portals, cities, "ckan_statistics", "dataset_10_68", smart="economy")
    assert not codes and occupancy["unit"].unique().to_list() == ["ร้อยละ"]
    waste = [phuket(portals, cities, "ckan_statistics", name, smart="environment") for name in ("20_06", "20_14")]
    assert all(not codes and frame.height == 42 for frame, codes in waste)
    sea, codes = phuket(portals, cities, "ckan_statistics", "dataset_10_50", smart="living")
    assert codes == {"total-mismatch": 1} and sea.height == 18, "nationalities that do not add up to their value"
    assert set(sea["category"]) == {"บาดเจ็บ", "เสียชีวิต"} and set(sea["area_level"]) == {"city"}
    assert (
        identical_series(CITY_STATISTICS, pl.concat([hotels, occupancy, *(frame for frame, _ in waste)]))[0].failed == 1
    )


def test_older_persons_are_an_age_band(portals: dict[str, str], cities: dict[str, City]) -> None:
    older, codes = phuket(portals, cities, "ckan_population", "dataset_30a_01")
    assert not codes and older["age_band"].unique().to_list() == ["60+"]


def test_every_province_has_households(portals: dict[str, str], cities: dict[str, City]) -> None:
    for city in cities.values():
        for measure in ("income", "expenditure"):
            options = {"portal": "nso", "package": f"household-{measure}", "measure": measure}
            table, codes = rows(portals, city, "ckan_household_income", **options)
            assert not codes and table["baht_month"].null_count() == 0 and table.height > 10
    options = {"flow": "DF_INCOME", "key": "A.{province}", "measure": "income"}
    asked, codes = rows(portals, cities["phuket"], "nso_sdmx_household", **options)
    assert not codes and asked["reference_date"].max() == date(2024, 1, 1)
    assert rows(portals, cities["phuket"], "nso_sdmx_household", start=2600, **options)[0].is_empty()


def test_the_catalogue_lists_itself_without_its_maintainers(portals: dict[str, str], cities: dict[str, City]) -> None:
    table, codes = rows(portals, cities["phuket"], "ckan_datasets", portal="phuket_gdcatalog")
    assert not codes and table.height > 10
    assert table.filter("harvested_twice")["package"].to_list() == ["gdpublish-20_14"]
    assert table.filter(package="dataset_10_11")["in_datastore"].to_list() == [0]
    assert "@" not in json.dumps(table.to_dicts(), default=str)
