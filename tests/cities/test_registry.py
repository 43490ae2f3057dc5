import csv
from collections import Counter
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from assets.cities.registry import City, RegistryError, check_sources, load_registry
from assets.lake.feeds import SOURCES

SEED = {"phuket", "khon_kaen", "mae_moh", "samyan", "wangchan_valley", "korat"}
READERS = {name: source.options for name, source in SOURCES.items()}


@pytest.fixture(scope="module")
def cities() -> dict[str, City]:
    return load_registry()


def entry(**changes: Any) -> dict[str, Any]:
    """A right entry, changed; None takes a field away."""
    fields = {
        "name_th": "เมืองตัวอย่าง",
        "name_th_status": "made up",
        "name_en": "Example City",
        "name_source": "made up",
        "confidence": "C",
        "in_seed_article": False,
        "province_th": "เชียงใหม่",
        "province_en": "Chiang Mai",
        "iso_3166_2": "TH-50",
        "dopa_province": "50",
        "dopa_amphoe": "5001",
        "dopa_tambon": "500108",
        "scope": "municipality",
        "lat": 18.8,
        "lon": 98.9,
        "emblem": {"batch": 1, "valid_from": "2021"},
        "smarts": ["energy"],
        "utility": "PEA",
        "sources": {"weather": {"via": "portal", "reader": "open_meteo"}},
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def write(tmp_path: Path, content: dict[Any, Any] | str) -> Path:
    path = tmp_path / "my_cities.yaml"
    text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(RegistryError) as error:
        load_registry(path)
    for slug, reason in error.value.problems:
        assert f"{path}: {slug}: {reason}" in str(error.value)
    return error.value.problems


def test_the_36_cities_add_up_as_published(cities: dict[str, City]) -> None:
    assert len(cities) == 36
    assert Counter(c.emblem.batch for c in cities.values()) == {1: 15, 2: 15, 3: 6}
    assert len({c.dopa_province for c in cities.values()}) == 25
    assert Counter(c.utility for c in cities.values()) == {"MEA": 5, "PEA": 31}
    assert Counter(c.confidence for c in cities.values()) == {"A": 19, "B": 9, "C": 8}


def test_the_first_batch_came_in_two_steps(cities: dict[str, City]) -> None:
    assert Counter(c.emblem.valid_from for c in cities.values()) == {
        "2021-08-13": 5,
        "2021": 10,
        "2022-11-09": 15,
        "2023-07": 6,
    }
    assert {c.emblem.valid_from for c in cities.values() if c.emblem.valid_to} == {"2021-08-13"}


def test_every_fact_is_the_researched_one(cities: dict[str, City], real_data: Path) -> None:
    path = real_data.parent / "cities.csv"
    if not path.is_file():
        pytest.skip(f"no list of the cities at {path}")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"].replace("-", "_") for row in rows] == list(cities)
    for row, city in zip(rows, cities.values(), strict=True):
        same = [
            "name_th",
            "name_th_status",
            "name_en",
            "name_source",
            "confidence",
            "note",
            "province_th",
            "province_en",
            "iso_3166_2",
            "dopa_province",
            "dopa_amphoe",
            "dopa_tambon",
            "scope",
            "city_type",
            "utility",
        ]
        assert {name: row[name] for name in same} == {name: getattr(city, name) or "" for name in same}
        assert (float(row["lat"]), float(row["lon"])) == (city.lat, city.lon)
        assert tuple(row["smarts"].split("|")) == city.smarts
        assert (int(row["batch"]), row["emblem_date"]) == (city.emblem.batch, city.emblem.valid_from)
        assert row["in_seed_article"] == ("yes" if city.in_seed_article else "no")


def test_the_entry_that_the_documents_show_is_one(tmp_path: Path) -> None:
    _, shown, *_ = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")
    (city,) = load_registry(write(tmp_path, shown.removeprefix("yaml"))).values()
    assert (city.slug, city.emblem, city.baseline) == ("songkhla", None, 2025)


def test_administrative_codes_exist_and_lie_in_the_named_province(cities: dict[str, City], real_data: Path) -> None:
    folder = real_data / "open_data" / "thai_admin_geodata"

    def table(name: str) -> dict[str, dict[str, str]]:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return {row["id"]: row for row in csv.DictReader(file)}

    provinces, districts, tambons = table("provinces"), table("districts"), table("sub_districts")
    for city in cities.values():
        assert provinces[districts[city.dopa_amphoe]["province_id"]]["name_th"] == city.province_th, city.slug
        if city.dopa_tambon:
            assert tambons[city.dopa_tambon]["district_id"] == city.dopa_amphoe, city.slug


def test_every_city_has_weather_and_the_seed_cities_meters_too(cities: dict[str, City]) -> None:
    check_sources(cities, READERS)
    assert {slug for slug, city in cities.items() if city.in_seed_article} == SEED
    for slug, city in cities.items():
        assert city.sources["weather"].reader == "open_meteo"
        inboxes = {source.reader for source in city.sources.values() if source.via == "inbox"}
        assert inboxes - {"osm_facilities"} == (
            {"meter_exports", "meter_register", "meter_decisions", "meter_outages"}
            if slug in SEED | {"hat_yai"}
            else set()
        )


def test_air_quality_stations_are_near_and_told_with_their_confidence(cities: dict[str, City]) -> None:
    for slug, city in cities.items():
        live, history = city.sources.get("air_quality_live"), city.sources.get("air_quality_history")
        assert (live is None) == (history is None)
        if live is None or history is None:
            continue
        assert live.options["stations"] == history.options["stations"]
        for station in live.options["stations"]:
            assert station["confidence"] in {"B", "C"}
            assert station["name"] and station["source"]
            assert station.get("distance_km", 0) <= (20 if slug == "mae_moh" else 10)
    # Chulalongkorn Hospital, 13.729984 N 100.536443 E: the great circle from Samyan's point, to a tenth of a km.
    lat1, lon1, lat2, lon2 = map(radians, (13.733, 100.529, 13.729984, 100.536443))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    nearest = cities["samyan"].sources["air_quality_live"].options["stations"][0]
    assert (nearest["id"], nearest["distance_km"]) == ("50t", round(12742 * asin(sqrt(h)), 1))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name_th": None}, "name_th: Field required"),
        ({"name_en": ""}, "name_en"),
        ({"colour": "red"}, "colour: is not known here; known: slug, name_th"),
        ({"confidence": "D"}, "confidence"),
        ({"iso_3166_2": "TH-51"}, "iso_3166_2 and dopa_province name different provinces"),
        ({"iso_3166_2": "50"}, "iso_3166_2"),
        ({"dopa_province": 50}, "dopa_province: Input should be a valid string"),
        ({"dopa_amphoe": "5101"}, "dopa_amphoe is not in dopa_province"),
        ({"dopa_tambon": "500208"}, "dopa_tambon is not in dopa_amphoe"),
        ({"dopa_tambon": "5001"}, "dopa_tambon"),
        ({"lat": 98.9, "lon": 18.8}, "lat"),
        ({"lat": float("nan")}, "lat"),
        ({"lon": 90.0}, "lon"),
        ({"province_th": "จังหวัดเชียงใหม่"}, "is the bare name of the province"),
        ({"province_th": "ล\u0e4d\u0e32ปาง"}, "ำ as one letter"),
        ({"emblem": None}, "without emblem baseline_year must be said"),
        ({"emblem": {"batch": 1, "valid_from": "2569"}}, "its year is not one of 2000 to 2100 CE"),
        ({"utility": "MEA"}, "utility MEA does not serve province 50"),
        ({"utility": "EGAT"}, "utility"),
        ({"smarts": ["energy", "fun"]}, "smarts.1"),
        ({"smarts": ["energy", "energy"]}, "smarts has a Smart twice"),
        ({"smarts": []}, "smarts"),
        ({"city_type": "old"}, "city_type"),
        ({"emblem": {"batch": 1, "valid_from": "13 Aug 2021"}}, "emblem.valid_from"),
        ({"emblem": {"batch": 1, "valid_from": "2021-02-30"}}, "emblem.valid_from"),
        (
            {"emblem": {"batch": 1, "valid_from": "2021", "valid_to": "2020-12"}},
            "emblem: valid_to is before valid_from",
        ),
        ({"sources": {"weather": {"via": "fax", "reader": "x"}}}, "sources.weather.via"),
        ({"sources": {"weather": {"via": "portal"}}}, "sources.weather.reader"),
        ({"sources": {"We ather": {"via": "portal", "reader": "x"}}}, "sources.We ather"),
        ({"sources": ["weather"]}, "sources"),
        ({"baseline_year": 2090}, "baseline_year 2090 has not begun"),
        ({"slug": "other"}, "the slug is its key"),
    ],
)
def test_a_wrong_entry_is_refused_with_file_entry_and_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    path = write(tmp_path, {"right": entry(lat=18.0), "wrong": entry(**changes)})
    problems = refused(path)
    assert {slug for slug, _ in problems} == {"wrong"}
    assert any(reason in text for _, text in problems), problems


@pytest.mark.parametrize("slug", ["Phuket", "hat-yai", "ภูเก็ต", "../etc", "1st", "national", "a__b", "", 7, True])
def test_a_slug_that_is_no_path_segment_is_refused(tmp_path: Path, slug: Any) -> None:
    assert {wrong for wrong, _ in refused(write(tmp_path, {slug: entry()}))} == {str(slug)}


def test_utility_in_the_metropolitan_provinces_is_mea(tmp_path: Path) -> None:
    bangkok = {"iso_3166_2": "TH-10", "dopa_province": "10", "dopa_amphoe": "1007", "dopa_tambon": None}
    assert load_registry(write(tmp_path, {"here": entry(**bangkok, utility="MEA")}))["here"].utility == "MEA"
    assert refused(write(tmp_path, {"here": entry(**bangkok)})) == [("here", "utility PEA does not serve province 10")]


def test_all_wrong_entries_are_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"one": entry(lat=0), "two": "a string", "three": entry(), "four": entry(utility="MEA"), "five": entry()},
    )
    assert [slug for slug, _ in refused(path)] == ["one", "two", "four", "five"]


def test_two_cities_at_one_point_are_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path, {"one": entry(), "two": entry()})) == [("two", "lat and lon are those of one")]


def test_repeated_keys_are_refused_at_every_level(tmp_path: Path) -> None:
    one = yaml.safe_dump({"one": entry()}, allow_unicode=True, sort_keys=False)
    again = yaml.safe_dump({"one": entry(lat=17.0)}, allow_unicode=True, sort_keys=False)
    assert ("one", f"occurs twice (line {one.count(chr(10)) + 1})") in refused(write(tmp_path, one + again))

    field = one + "  utility: PEA\n"
    assert refused(write(tmp_path, field)) == [("one", f"utility occurs twice (line {field.count(chr(10))})")]

    source = one + "    weather: {via: portal, reader: other}\n"
    assert refused(write(tmp_path, source)) == [("one", f"weather occurs twice (line {source.count(chr(10))})")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "- one\n- two\n",
        "one: {two",
        "one: !!python/object/apply:os.system [echo]\n",
        "one: 1\n---\ntwo: 2\n",
        "one: *nowhere\n",
        "? {a: 1}\n: 2\n",
    ],
)
def test_what_is_not_a_mapping_in_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(write(tmp_path, text))


def test_an_entry_that_contains_itself_is_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "one: &one\n  sources: *one\n"))[0][0] == "one"


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.yaml")[0][0] == "file"
    (tmp_path / "thai.yaml").write_bytes("เมือง: {}".encode("cp874"))
    assert refused(tmp_path / "thai.yaml")[0][0] == "file"


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_loader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("registry") / "cities.yaml"
    path.write_bytes(data)
    assert refused(path)


def test_every_city_has_the_common_sources_unless_it_says_otherwise(tmp_path: Path) -> None:
    common = {"weather": {"via": "portal", "reader": "open_meteo"}, "rain": {"via": "portal", "reader": "tmd"}}
    own = {"weather": {"via": "portal", "reader": "open_meteo", "options": {"x": 1}}, "rain": None}
    plain = entry(lat=18.0, sources=None)
    cities = load_registry(
        write(tmp_path, {"every_city": {"sources": common}, "plain": plain, "own": entry(sources=own)})
    )
    assert set(cities) == {"plain", "own"}
    assert set(cities["plain"].sources) == {"weather", "rain"}
    assert set(cities["own"].sources) == {"weather"}
    assert cities["own"].sources["weather"].options == {"x": 1}


@pytest.mark.parametrize("common", [{"sources": []}, {"sources": {}, "name_th": "x"}, [], {}])
def test_the_common_entry_has_sources_and_nothing_else(tmp_path: Path, common: Any) -> None:
    problems = refused(write(tmp_path, {"every_city": common, "one": entry()}))
    assert problems == [("every_city", "is not a mapping with nothing but sources")]


def test_every_city_has_a_source_for_each_smart(cities: dict[str, City]) -> None:
    for slug, city in cities.items():
        served = {SOURCES[source.reader].smart for source in city.sources.values() if source.reader in SOURCES}
        assert served == {"energy", "environment", "mobility", "living", "governance", "economy", "people"}, slug


def test_every_portal_source_of_the_shipped_registry_says_whether_its_data_was_seen(cities: dict[str, City]) -> None:
    for slug, city in cities.items():
        for name, source in city.sources.items():
            assert (source.via == "portal") == ("seen" in source.model_fields_set), f"{slug}.{name}"
    assert {cities["phuket"].sources[name].seen for name in ("sea_accidents", "household_income")} == {
        "real",
        "unknown",
    }


def test_unknown_readers_are_all_named(cities: dict[str, City]) -> None:
    with pytest.raises(RegistryError) as error:
        check_sources(cities, {name: READERS[name] for name in READERS.keys() - {"gtfs_namtang", "ckan_population"}})
    assert {slug for slug, _ in error.value.problems} == {
        "phuket",
        "samyan",
        "rama_4",
        "khlong_phadung",
        "makkasan",
        "samut_prakan",
    }
    assert "phuket: sources.population.reader: ckan_population is not one of air4thai_history, " in str(error.value)


def test_a_portal_cannot_be_asked_for_what_comes_by_file(tmp_path: Path) -> None:
    amr = {"via": "portal", "reader": "meter_exports"}
    cities = load_registry(write(tmp_path, {"aa": entry(sources={"amr": amr})}))
    with pytest.raises(RegistryError, match=r"aa: sources\.amr\.via: meter_exports comes by file: it is inbox"):
        check_sources(cities, READERS, by_file={"meter_exports"})


REVIEW = {
    "table": "water_levels", "check": "plausible:storage_pct", "key": {"station_id": "5"}, "what": "Filling 130 %",
    "why": "The bank was raised", "who": "Water office", "until": "2027-03-31",
}  # fmt: skip


def test_what_is_reviewed_stands_beside_the_registry(tmp_path: Path) -> None:
    path = write(tmp_path, {"aa": entry()})
    path.with_name("reviewed.yaml").write_text(yaml.safe_dump({"aa": [REVIEW]}))
    [review] = load_registry(path)["aa"].reviewed
    assert (review.who, review.key, str(review.until)) == ("Water office", {"station_id": "5"}, "2027-03-31")


@pytest.mark.parametrize("text", ["", "# all that was reviewed is over\n"])
def test_nothing_reviewed_is_no_review(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, {"aa": entry()})
    path.with_name("reviewed.yaml").write_text(text)
    assert load_registry(path)["aa"].reviewed == ()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"bb": [REVIEW]}, "reviewed.yaml: there is no such city"),
        ({"aa": [REVIEW | {"until": "soon"}]}, "reviewed"),
        ({"aa": [REVIEW | {"table": "wether"}]}, "reviewed.yaml: there is no table wether"),
        ({"aa": [{**REVIEW, "who": ""}]}, "reviewed"),
    ],
)
def test_a_wrong_review_is_told(tmp_path: Path, told: dict[str, Any], said: str) -> None:
    path = write(tmp_path, {"aa": entry()})
    path.with_name("reviewed.yaml").write_text(yaml.safe_dump(told))
    with pytest.raises(RegistryError, match=said):
        load_registry(path)
