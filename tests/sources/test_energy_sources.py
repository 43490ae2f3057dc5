"""Charging sites, generation and sales of electricity: what is taken, what is refused, and what is said of it."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from assets.cities.registry import City, load_registry
from assets.indicators.grid_factor import FACTORS, grid_factor
from assets.landing.portals import PORTALS
from assets.sources.egat import EGAT_GENERATION
from assets.sources.eppo import EPPO_SALES_MEA, EPPO_SALES_PEA
from assets.sources.openchargemap import MAX_RESULTS, OPENCHARGEMAP
from assets.sources.source import Context
from demo import power
from demo.answers import Query, World, answer
from quality.problems import CODES
from quality.tables import EV_CHARGERS, POWER_SYSTEM
from tests.kit import code_counts, kept

DAY = date(2026, 11, 23)
HERE = City.model_construct(slug="here", name_en="Here", province_th="เชียงใหม่", lat=18.75, lon=98.95)


def only_request(source, options=None):
    [request] = source.plan(HERE, DAY, "http://portal", options or {})
    return request


# OpenChargeMap


def poi(identity=1, **changes):
    """A synthetic site 300 m from the city's point, in the compact shape."""
    address = {"Title": f"Site {identity}", "Latitude": 18.7527, "Longitude": 98.95}
    made = {
        "ID": identity,
        "DateLastVerified": "2026-05-01T20:30:00Z",
        "DataProviderID": 1,
        "UsageTypeID": 4,
        "StatusTypeID": 50,
        "SubmissionStatusTypeID": 200,
        "NumberOfPoints": 1,
        "Connections": [{"ConnectionTypeID": 25, "PowerKW": 22, "Quantity": 1}],
        "AddressInfo": address,
    }
    return made | {name: address | value if name == "AddressInfo" else value for name, value in changes.items()}


def sites(payload, city=HERE, **options):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return OPENCHARGEMAP.read(data, Context(city, DAY, "poi/TH", options))


def site(**changes):
    return kept(EV_CHARGERS, sites([poi(**changes)])).row(0, named=True)


def test_a_real_site_is_read_from_a_file_of_one_object(real_data):
    data = (real_data / "open_data/openchargemap/OCM-188384.json").read_bytes()
    result = sites(data)
    row = kept(EV_CHARGERS, result).row(0, named=True)
    assert (row["source"], row["site_id"]) == ("openchargemap", "188384")
    # Two points with three connections, one of unknown type whose comment says CHAdeMO: both are kept as told.
    assert (row["points"], row["connections"]) == (2, 3)
    assert row["connectors"] == "CCS 2, CHAdeMO, Type 2"
    assert (row["max_kw"], row["total_kw"]) == (50, 122)
    assert (row["operational"], row["verified"]) == (True, date(2021, 10, 11))
    assert row["provider"] == "Open Charge Map Contributors"
    assert not code_counts(result)
    told = json.loads(data)
    hidden = [told["UsageCost"], told["GeneralComments"], told["AddressInfo"]["AddressLine1"], "[redacted]", "http"]
    assert not [word for word in hidden if word in {str(value) for value in row.values()}]
    wrapped = kept(EV_CHARGERS, sites([told]))
    assert wrapped.equals(kept(EV_CHARGERS, result))
    assert sites(data, City.model_construct(slug="far", lat=7.88, lon=98.39)).tables["ev_chargers"].is_empty()


def test_the_country_is_asked_for_once_with_a_key_that_is_not_written_down():
    request = only_request(OPENCHARGEMAP)
    assert (request.url, request.params["countrycode"]) == ("http://portal/v3/poi", "TH")
    assert request.params["key"] == "{key:openchargemap}"
    assert "openchargemap" in PORTALS["openchargemap"].keys
    assert request.check(json.dumps([poi()]).encode()) is None
    for bad in (b'["x"]', b'{"error": "key"}', b"3", b'[{"ID": 1}]', b'{"type": "FeatureCollection"}'):
        assert request.check(bad)
        assert code_counts(sites(bad)) == {"answer-bad": 1}
    assert code_counts(sites([])) == {"answer-empty": 1}


def test_only_what_lies_within_reach_is_the_citys():
    far = poi(2, AddressInfo={"Latitude": 18.75 + 11 / 111.195})
    assert kept(EV_CHARGERS, sites([poi(), far]))["site_id"].to_list() == ["1"]
    assert kept(EV_CHARGERS, sites([poi(), far], within_km=12))["site_id"].to_list() == ["1", "2"]
    assert kept(EV_CHARGERS, sites([poi()]))["distance_km"].to_list() == [pytest.approx(0.3, abs=0.01)]


@pytest.mark.parametrize("place", [{"Latitude": None}, {"Latitude": 98.95, "Longitude": 18.75}, {"Longitude": "x"}])
def test_a_site_without_a_position_in_the_country_is_refused(place):
    result = sites([poi(), poi(2, AddressInfo=place)])
    assert (code_counts(result), result.problems["row"].to_list()) == ({"value-range": 1}, [2])


def test_private_unpublished_and_removed_sites_are_left_out_and_counted():
    gone = [poi(2, UsageTypeID=2), poi(3, UsageTypeID=6), poi(4, StatusTypeID=210), poi(5, SubmissionStatusTypeID=1010)]
    result = sites([poi(), *gone])
    assert result.tables["ev_chargers"]["site_id"].to_list() == ["1"]
    assert code_counts(result) == {"row-filtered": 1}
    assert result.problems["message"][0].startswith("4 sites")


def test_states_are_those_of_the_reference_data():
    states = {50: True, 30: True, 75: True, 100: False, 150: False, 0: None, None: None, 999: None}
    assert {status: site(StatusTypeID=status)["operational"] for status in states} == states
    verbose = site(StatusTypeID=None, StatusType={"ID": 100}, UsageTypeID=None, UsageType={"ID": 1})
    assert verbose["operational"] is False


def test_kinds_of_connector_and_their_power():
    plugs = [
        {"ConnectionTypeID": 33, "PowerKW": 50, "Quantity": 2},
        {"ConnectionTypeID": 0, "PowerKW": "150.5", "Comments": "ccs combo, ask Somchai"},
        {"ConnectionTypeID": 28, "PowerKW": 3.7, "Quantity": 1},
    ]
    row = site(Connections=plugs)
    assert (row["connectors"], row["connections"], row["max_kw"]) == ("CCS, CCS 2, other", 4, 150.5)
    assert row["total_kw"] == pytest.approx(2 * 50 + 150.5 + 3.7)
    result = sites([poi(Connections=[*plugs, {"ConnectionTypeID": 0, "Comments": "Somchai", "PowerKW": 0}])])
    row = kept(EV_CHARGERS, result).row(0, named=True)
    assert (row["connectors"], row["max_kw"], row["total_kw"]) == ("CCS, CCS 2, other, unknown", 150.5, None)
    assert code_counts(result) == {"value-missing": 2}
    none = site(Connections=None)
    assert (none["connections"], none["connectors"], none["total_kw"]) == (0, None, None)


def test_stamps_are_utc_and_days_are_in_bangkok():
    assert site()["verified"] == date(2026, 5, 2)
    assert site(DateLastVerified="2026-05-01T20:30:00.123Z")["verified"] == date(2026, 5, 2)
    assert site(DateLastVerified="soon")["verified"] is None


def test_every_row_names_who_is_to_be_credited():
    assert site()["provider"] == "Open Charge Map Contributors"
    assert site(DataProviderID=15)["provider"] == "data provider 15"
    assert site(DataProviderID=15, DataProvider={"ID": 15, "Title": "CarStations"})["provider"] == "CarStations"


def test_sites_listed_twice_are_merged_or_refused():
    result = sites([poi(), poi(), poi(2), poi(2, NumberOfPoints=4)])
    assert result.tables["ev_chargers"]["site_id"].to_list() == ["1"]
    assert code_counts(result) == {"duplicate-rows": 1, "key-duplicate": 2}


def test_as_many_sites_as_were_asked_for_are_probably_not_all():
    far = {"Latitude": 7.0}
    assert code_counts(sites([poi(n, AddressInfo=far) for n in range(MAX_RESULTS)])) == {"window-short": 1}


def test_geojson_reads_like_the_array():
    told = [poi(), poi(2, AddressInfo={"Latitude": 18.7, "Longitude": 98.9})]

    def feature(one, properties):
        point = one["AddressInfo"]["Longitude"], one["AddressInfo"]["Latitude"]
        return {"type": "Feature", "geometry": {"type": "Point", "coordinates": point}, "properties": properties}

    for wrap in (lambda one: one, lambda one: {"name": "n", "poi": one}):
        payload = {"type": "FeatureCollection", "features": [feature(one, wrap(one)) for one in told]}
        assert kept(EV_CHARGERS, sites(payload)).equals(kept(EV_CHARGERS, sites(told)))
    bare = feature(poi(), {"name": "Bare"}) | {"id": 77}
    row = kept(EV_CHARGERS, sites({"type": "FeatureCollection", "features": [bare]})).row(0, named=True)
    assert (row["site_id"], row["name"], row["operational"], row["provider"]) == ("77", "Bare", None, None)


def test_no_text_of_a_person_comes_through():
    private = "081-234-5678 Somchai"
    crowded = poi(
        UsageCost=private,
        GeneralComments=private,
        UserComments=[{"UserName": private, "Comment": private}],
        MediaItems=[{"User": {"Username": private}}],
        OperatorInfo={"Title": private, "ContactEmail": private},
        AddressInfo={"AddressLine1": private, "ContactTelephone1": private, "AccessComments": private},
        Connections=[{"ConnectionTypeID": 0, "Comments": private}],
    )
    result = sites([crowded])
    assert private not in str(result.tables["ev_chargers"].to_dicts()) + str(result.problems.to_dicts())


# EGAT


def points(step=900, until=86_400):
    """A synthetic day: 20,000 MW and a little more each step, a temperature at the full hour."""
    return [[s, 20_000 + s / 100, *([30.5] if s % 3600 == 0 else [])] for s in range(0, until, step)]


def generation(content, name="actual/2026-11-22"):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return EGAT_GENERATION.read(data, Context(HERE, DAY, name))


EMPTY = b'{"id":"","name":"","day":"","timeStart":0,list:[],"count":0}'


def test_the_day_before_is_asked_for_by_form():
    request = only_request(EGAT_GENERATION)
    assert request.url == "http://portal/sysgen/ws/sysgen/actual"
    assert request.form == {"name": "SYSTEM_GEN(MW)", "day": "22-11-2026"}
    assert request.expect == "text", "the empty answer is no JSON"
    assert request.check(EMPTY) is None
    assert request.check(json.dumps(points()).encode()) is None
    for bad in (b"{}", b'{"list": 3}', b"[[1]]", b"<p>", b"", b'{"list": [[0, 1]], "day": "2026-11-22"}'):
        assert request.check(bad)
        assert code_counts(generation(bad)) == {"answer-bad": 1}


def test_an_empty_day_is_an_empty_answer_and_no_crash():
    assert code_counts(generation(EMPTY)) == {"answer-empty": 1}
    assert code_counts(generation([])) == {"answer-empty": 1}
    unquoted = b'{"id":"1","day":"22-11-2026","timeStart":0,list:[[0,20000.5]],"count":1}'
    assert kept(POWER_SYSTEM, generation(unquoted))["value"].to_list() == [Decimal("20000.5")]


def test_seconds_count_from_midnight_in_bangkok():
    rows = kept(POWER_SYSTEM, generation({"day": "22-11-2026", "list": points()}))
    load = rows.filter(series="generation")
    assert load["start"][0] == datetime(2026, 11, 21, 17, tzinfo=UTC)
    assert load["start"].to_list() == [
        datetime(2026, 11, 21, 17, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(96)
    ]
    assert load["local_date"].unique().to_list() == [date(2026, 11, 22)]
    assert load["value"][-1] == Decimal("20855")
    warm = rows.filter(series="temperature")
    assert (warm.height, set(warm["unit"]), set(warm["value"])) == (24, {"°C"}, {Decimal("30.5")})
    assert set(rows["area"]) == {"TH"}
    assert not code_counts(generation({"day": "22-11-2026", "list": points()}))


def test_the_list_alone_is_dated_by_what_was_asked_for():
    bare = kept(POWER_SYSTEM, generation(points()))
    assert bare.equals(kept(POWER_SYSTEM, generation({"day": "22-11-2026", "list": points()})))
    assert code_counts(generation(points(), "upload.json")) == {"file-malformed": 1}
    told = generation({"day": "22-11-2026", "list": points()}, "upload.json")
    assert kept(POWER_SYSTEM, told).equals(bare)


def test_another_day_than_asked_for_is_a_bad_answer():
    assert code_counts(generation({"day": "21-11-2026", "list": points()})) == {"answer-bad": 1}


def test_a_day_that_stops_early_is_said():
    result = generation(points(until=18 * 3600))
    assert code_counts(result) == {"window-short": 1}
    assert "18 of 24" in result.problems["message"][0]


def test_values_that_cannot_be_are_refused_alone():
    content = points()
    content[3] = [2700, 0]
    content[4] = [3600, 20_000, 85]
    content[5] = [4500, "many"]
    content[6] = [90_000, 20_000]
    content[7] = [6300, None]
    content[8] = [7200, "20,072.5"]
    result = generation(content)
    assert code_counts(result) == {"value-range": 2, "value-not-number": 1, "stamp-bad": 1, "value-missing": 1}
    rows = kept(POWER_SYSTEM, result)
    assert rows.filter(series="generation").height == 96 - 3
    assert rows.filter(series="generation", _row=5)["value"].to_list() == [Decimal(20_000)], "only its 85 °C is wrong"
    assert rows.filter(_row=9, series="generation")["value"].to_list() == [Decimal("20072.5")]


def test_stamps_that_come_twice():
    result = generation([*points(), [0, 20_000, 30.5], [900, 20_001]])
    assert code_counts(result) == {"duplicate-rows": 1, "key-duplicate": 2}


def test_generation_in_another_unit_or_of_another_series_is_not_the_systems():
    in_gw = generation({"day": "22-11-2026", "list": [[second, mw / 1000] for second, mw, *_ in points()]})
    assert code_counts(in_gw) == {"value-range": 96, "window-short": 1}
    of_plant = {"day": "22-11-2026", "list": points()}
    assert code_counts(generation(of_plant | {"name": "SYSTEM_GEN(MW)"})) == {}
    told = generation(of_plant | {"name": "HYDRO_GEN(MW)"})
    assert code_counts(told) == {"answer-bad": 1} and "HYDRO_GEN(MW)" in told.problems["message"][0]


def test_the_end_of_the_day_is_the_next_days_start():
    rows = kept(POWER_SYSTEM, generation([*points(), [86_400, 21_000]]))
    assert rows.filter(_row=97).select("start", "local_date").row(0) == (
        datetime(2026, 11, 22, 17, tzinfo=UTC),
        date(2026, 11, 23),
    )


# EPPO


def sales(rows, header=("Year", "Month", "Sector", "Quantity"), source=EPPO_SALES_PEA, day=DAY, **options):
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return source.read(out.getvalue().encode("utf-8-sig"), Context(HERE, day, "resource/r@2026-09-01", options))


def test_the_real_series_has_every_month(real_data):
    data = (real_data / "open_data/eppo_pea_electricity/elec_pea_residential_2002-2026.csv").read_bytes()
    options = {"columns": {"value": "value"}, "sector": "Residential", "months": 400}
    result = EPPO_SALES_PEA.read(data, Context(HERE, DAY, "elec.csv", options))
    rows = kept(POWER_SYSTEM, result)
    assert not code_counts(result)
    assert rows.height == 294 == (2026 - 2002) * 12 + 6
    by_month = dict(rows.select("local_date", "value").iter_rows())
    assert by_month[date(2026, 5, 1)] == Decimal("4511.27")
    assert by_month[date(2026, 6, 1)] == Decimal("4172.465")
    assert min(by_month) == date(2002, 1, 1)
    assert sum(by_month.values()) == sum(Decimal(line.split(",")[2]) for line in data.decode().split()[1:])
    assert set(rows["area"]) == {"PEA"} and set(rows["sector"]) == {"Residential"}
    recent = kept(POWER_SYSTEM, EPPO_SALES_PEA.read(data, Context(HERE, DAY, "elec.csv", options | {"months": 12})))
    assert recent["local_date"].min() == date(2025, 11, 1)


def test_a_month_is_dated_by_its_first_day_in_bangkok():
    rows = kept(POWER_SYSTEM, sales([("2026", "June", "Residential", "1,234.5")]))
    assert rows.select("start", "local_date", "value", "unit", "dataset").row(0) == (
        datetime(2026, 5, 31, 17, tzinfo=UTC),
        date(2026, 6, 1),
        Decimal("1234.5"),
        "GWh",
        "catalog.eppo.go.th/dataset_11_36",
    )
    mea = kept(POWER_SYSTEM, sales([("2026", "June", "Residential", "1")], source=EPPO_SALES_MEA))
    assert mea.select("area", "dataset").row(0) == ("MEA", "catalog.eppo.go.th/dataset_11_35")


def test_both_eras_and_all_spellings_of_a_month_are_read():
    rows = [("2569", "June", "A", "1"), ("2026", "JULY", "A", "1"), ("2026", "aug", "A", "1"), ("2569", "9", "A", "1")]
    assert kept(POWER_SYSTEM, sales(rows))["local_date"].to_list() == [date(2026, month, 1) for month in (6, 7, 8, 9)]


def test_rows_that_cannot_be_used_are_refused_and_counted():
    rows = [
        ("2026", "June", "A", "1"),
        ("2026", "Junebug", "A", "1"),
        ("June", "2026", "A", "1"),
        ("2027", "June", "A", "1"),
        ("2026", "July", "", "1"),
        ("2026", "July", "A", "x"),
        ("2026", "August", "A", "-1"),
        ("2026", "July", "B", "-"),
        ("2026", "August", "B", "รอประมวลผล"),
    ]
    result = sales(rows)
    refused = {"stamp-bad": 3, "value-null": 1, "value-not-number": 1, "value-range": 1}
    assert code_counts(result) == refused | {"value-missing": 1, "value-pending": 1}
    assert kept(POWER_SYSTEM, result).height == len(rows) - sum(refused.values())


def test_months_that_are_missing_between_others_are_said():
    months = [("2026", month, sector, "1") for sector in "AB" for month in ("January", "February", "June")]
    result = sales(months)
    assert code_counts(result) == {"window-short": 1}
    assert "6 months" in result.problems["message"][0]
    assert "2 sectors" in result.problems["message"][0]


def test_a_total_among_the_sectors_is_kept_apart_and_checked():
    rows = [("2026", "June", "A", "1.5"), ("2026", "June", "B", "2.5"), ("2026", "June", "Total", "4")]
    good = sales(rows)
    assert not code_counts(good)
    assert dict(kept(POWER_SYSTEM, good).select("sector", "value").iter_rows())["all"] == 4
    wrong = sales([*rows[:2], ("2026", "June", "Grand Total", "40")])
    assert code_counts(wrong) == {"total-mismatch": 1}
    assert "40.0000" in wrong.problems["message"][0] and "4.0000" in wrong.problems["message"][0]


def test_headers_may_drift_a_little_but_never_lose_the_sector():
    row = [("2026", "June", "A", "1", "x")]
    assert code_counts(sales(row, ("year", " MONTH", "Sector ", "quantity", "Remark"))) == {"column-new": 1}
    for header in (("Year", "Month", "Branch", "Quantity", "x"), ("Year", "Month", "Sector", "Amount", "x")):
        result = sales(row, header)
        assert code_counts(result) == {"file-malformed": 1}
        assert not result.tables
    assert kept(POWER_SYSTEM, sales(row, header, columns={"value": "Amount"})).height == 1


def test_another_unit_is_refused():
    header = ("Year", "Month", "Sector", "Quantity", "Unit")
    rows = [("2026", "May", "A", "1", "GWh"), ("2026", "June", "A", "1", "MWh")]
    assert code_counts(sales(rows, header)) == {"unit-unknown": 1}


def test_the_packages_are_asked_for_by_constants():
    for source, name in ((EPPO_SALES_PEA, "dataset_11_36"), (EPPO_SALES_MEA, "dataset_11_35")):
        request = next(source.plan(HERE, DAY, "http://portal", {}))
        assert (request.url, request.params) == ("http://portal/api/3/action/package_show", {"id": name})
        assert not source.reads(request.name)
        assert source.national and source.portal == "eppo"


# Grid factor


def test_the_grid_factor_is_dated_and_sourced():
    assert grid_factor(date(2026, 11, 22)).kg_co2e_per_kwh == 0.4750
    assert grid_factor(date(2025, 12, 31)) is None, "nothing is carried back"
    days = [factor.valid_from for factor in FACTORS]
    assert days == sorted(days, reverse=True)
    assert all("http" in factor.source for factor in FACTORS)


# Demo


@pytest.fixture(scope="module")
def world():
    return World(load_registry(), DAY)


def asked(world, portal, request):
    path = request.url.removeprefix(PORTALS[portal].base_url)
    found = answer(world, Query(portal, path, {**request.params, **(request.form or {})}))
    assert found.status == 200
    assert request.check is None or request.check(found.body) is None
    return found.body


def test_the_demos_chargers_are_read(world):
    [request] = OPENCHARGEMAP.plan(HERE, DAY, PORTALS["openchargemap"].base_url, {})
    data = asked(world, "openchargemap", request)
    assert data == asked(world, "openchargemap", request)
    found, said = {}, Counter()
    for slug, city in world.cities.items():
        result = sites(data, city)
        found[slug] = kept(EV_CHARGERS, result).height
        said += code_counts(result)
    assert sum(found.values()) > 20 and min(found.values()) == 0
    assert set(said) == {"row-filtered"}


def test_the_demos_generation_is_read_and_its_empty_day_too(world):
    [request] = EGAT_GENERATION.plan(HERE, DAY, PORTALS["egat"].base_url, {})
    result = generation(asked(world, "egat", request))
    assert not code_counts(result)
    load = kept(POWER_SYSTEM, result).filter(series="generation")["value"]
    assert 15_000 < load.min() < load.max() < 40_000
    assert code_counts(generation(power.generation(DAY, {**request.form, "day": "23-11-2026"}).encode())) == {
        "answer-empty": 1
    }


def test_the_demos_sales_are_read(world):
    for source, area in ((EPPO_SALES_PEA, "PEA"), (EPPO_SALES_MEA, "MEA")):
        plan = source.plan(HERE, DAY, PORTALS["eppo"].base_url, {})
        request = plan.send(asked(world, "eppo", next(plan)))
        result = source.read(asked(world, "eppo", request), Context(HERE, DAY, request.name))
        rows = kept(POWER_SYSTEM, result)
        assert not code_counts(result)
        assert rows.height == power.SALES_MONTHS * len(power.SECTORS)
        assert (set(rows["area"]), rows["local_date"].max()) == ({area}, date(2026, 8, 1))


# Anything


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["ID", "AddressInfo", "Connections", "Latitude", "list", "day", "type", "features", "PowerKW"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = sorted(poi())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(JSON, st.sampled_from(FIELDS), st.binary(max_size=40))
def test_readers_never_raise(content, name, raw):
    odd = [poi(), {**poi(2), name: content}]
    mixed = [*points(until=3600), content, [content, content, content]]
    cell = [("2026", "June", "A", "1"), (content, "June", "A", content), ("2026", content, content, "1")]
    results = [sites(content), sites(odd), sites(raw), generation(content), generation(mixed), generation(raw)]
    results += [generation([[content, content]]), sales([[str(value) for value in row] for row in cell])]
    results.append(EPPO_SALES_MEA.read(raw, Context(HERE, DAY)))
    for result in results:
        assert set(result.problems["code"]) <= set(CODES)
        assert result.tables or result.problems.height
        for name_, frame in result.tables.items():
            table = {"ev_chargers": EV_CHARGERS, "power_system": POWER_SYSTEM}[name_]
            table.conform(frame.with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
