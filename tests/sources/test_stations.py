"""Stations: what lists say of their places, and since when. All lists are synthetic."""

import math
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.lake.station_places import moved, moves, validity
from assets.sources.geo import distance_km
from assets.sources.parsing import text_frame
from assets.sources.source import Context
from assets.sources.stations import LISTED_KM, Station, listed, strayed
from quality.batch import Batch
from quality.tables import STATION_LISTS, STATIONS

DAY = date(2026, 11, 1)
NORTH_KM = 1 / 111.195
"""Degrees of latitude in a kilometre."""


def lists(*rows):
    """``(station, days after DAY, km north of 13.0, more)`` as ``STATION_LISTS``."""
    made = [
        {
            "network": "air4thai",
            "station_id": station,
            "lat": 13.0 + north * NORTH_KM,
            "lon": 100.0,
            "distance_km": abs(north),
            "assigned": True,
            "name_th": "ก",
            "reference_date": DAY + timedelta(days=after),
            "_receipt": "r",
            "_row": 1,
            "_delivered": DAY,
        }
        | more
        for station, after, north, more in rows
    ]
    batch = STATION_LISTS.conform(pl.DataFrame(made))
    good, bad = batch.rows, batch.found
    assert not bad.height
    return good


def runs(frame):
    assert frame.schema == STATIONS.schema
    return [
        (station, (first - DAY).days, last and (last - DAY).days)
        for station, first, last in frame.select("station_id", "valid_from", "valid_to").iter_rows()
    ]


def cosines(a, b):
    """Distance in km by the spherical law of cosines: another formula than the code's."""
    (lat, lon), (lat0, lon0) = ([math.radians(part) for part in place] for place in (a, b))
    inner = math.sin(lat) * math.sin(lat0) + math.cos(lat) * math.cos(lat0) * math.cos(lon - lon0)
    return 6371.0088 * math.acos(min(1, inner))


@pytest.mark.parametrize(
    ("a", "b"),
    [((13.7563, 100.5018), (18.7883, 98.9853)), ((7.884, 98.392), (7.884, 98.392)), ((13.0, 100.0), (14.0, 100.0))],
)
def test_distance_from_a_point_and_from_each_rows_own(a, b):
    frame = pl.DataFrame({"lat": [a[0]], "lon": [a[1]], "lat0": [b[0]], "lon0": [b[1]]})
    fixed = frame.select(distance_km(pl.col("lat"), pl.col("lon"), b)).item()
    by_row = frame.select(distance_km(pl.col("lat"), pl.col("lon"), (pl.col("lat0"), pl.col("lon0")))).item()
    assert fixed == pytest.approx(cosines(a, b), abs=1e-3)
    assert by_row == pytest.approx(fixed, abs=1e-9)


def test_a_move_ends_one_row_and_begins_another_under_the_same_id():
    found = validity(lists(("30t", 0, 1.0, {}), ("30t", 1, 1.0, {}), ("30t", 2, 13.0, {}), ("30t", 3, 13.0, {})))
    assert runs(found) == [("30t", 0, 1), ("30t", 2, None)]
    assert found["distance_km"].to_list() == [1.0, 13.0]


def test_coordinates_that_are_rounded_otherwise_are_the_same_place_but_creeping_is_not():
    jitter = lists(*(("1t", n, 1.0 + (n % 2) * 0.09, {}) for n in range(6)))
    assert runs(validity(jitter)) == [("1t", 0, None)]
    # 60 m a day: never far from the day before, but 120 m from where the row began on its third day.
    creep = lists(*(("1t", n, n * 0.06, {}) for n in range(6)))
    assert runs(validity(creep)) == [("1t", 0, 1), ("1t", 2, 3), ("1t", 4, None)]


def test_another_name_is_another_row_but_a_name_left_out_is_not():
    renamed = lists(("1t", 0, 1, {"name_en": "A"}), ("1t", 1, 1, {"name_en": None}), ("1t", 2, 1, {"name_en": "B"}))
    found = validity(renamed)
    assert runs(found) == [("1t", 0, 1), ("1t", 2, None)]
    assert found["name_en"].to_list() == ["A", "B"]
    late = validity(lists(("1t", 0, 1, {"name_en": None}), ("1t", 1, 1, {"name_en": "A"})))
    assert (runs(late), late["name_en"].to_list()) == ([("1t", 0, None)], ["A"])


def test_a_station_that_left_the_list_ends_and_one_that_returns_goes_on():
    gone = lists(("1t", 0, 1, {}), ("2t", 0, 2, {}), ("2t", 1, 2, {}))
    assert runs(validity(gone)) == [("1t", 0, 0), ("2t", 0, None)]
    back = lists(("1t", 0, 1, {}), ("2t", 0, 2, {}), ("2t", 1, 2, {}), ("1t", 2, 1, {}), ("2t", 2, 2, {}))
    assert runs(validity(back)) == [("1t", 0, None), ("2t", 0, None)]


def test_the_newest_list_is_each_networks_own():
    frame = lists(("1t", 0, 1, {}), ("48", 5, 1, {"network": "tmd"}))
    assert runs(validity(frame)) == [("1t", 0, None), ("48", 5, None)]


def test_no_lists_no_stations():
    empty = validity(STATION_LISTS.empty())
    assert (empty.height, empty.schema) == (0, STATIONS.schema)
    assert [verdict.verdict for verdict in moved(empty)] == ["pass"]


@given(
    listed_on=st.dictionaries(
        st.tuples(st.sampled_from(["1t", "2t"]), st.integers(0, 8)),
        st.tuples(st.sampled_from([0.0, 0.06, 5.0, 5.05, 20.0]), st.sampled_from(["A", "B", None])),
        min_size=1,
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_places_do_not_depend_on_the_order_of_lists(listed_on, seed):
    frame = lists(*((s, after, km, {"name_en": name}) for (s, after), (km, name) in listed_on.items()))
    found = validity(frame)
    assert found.equals(validity(frame.sample(fraction=1, shuffle=True, seed=seed)))
    # Every day a station was listed lies in exactly one of its rows.
    end = pl.coalesce("valid_to", pl.lit(date(2100, 1, 1)))
    days = frame.select("station_id", "reference_date").join(found.with_columns(_end=end), on="station_id")
    inside = days.filter(pl.col("reference_date").is_between("valid_from", "_end"))
    assert inside.height == frame.height


def test_moves_are_warned_of_with_day_distance_and_what_is_lost():
    frame = lists(("30t", 0, 1, {}), ("30t", 4, 15.4, {}), ("31t", 0, 3, {"assigned": False}), ("31t", 4, 3, {}))
    found = validity(frame)
    assert moves(found).select("station_id", "valid_from").rows() == [("30t", DAY + timedelta(days=4))]
    [verdict] = moved(found)
    assert (verdict.verdict, verdict.checked, verdict.failed) == ("warn", 2, 1)
    assert verdict.message == (
        "air4thai 30t moved 14.4 km on 2026-11-05, to 15.4 km from the city's point; "
        "assigned, and now beyond 10 km: 30t"
    )
    assert verdict.sample[0]["too_far"] is True


def test_a_station_that_is_only_called_otherwise_has_not_moved():
    [verdict] = moved(validity(lists(("1t", 0, 1, {}), ("1t", 1, 1, {"name_th": "ข"}))))
    assert verdict.verdict == "pass"


@pytest.mark.parametrize(("before", "after"), [(1, 2), (17, 18), (12, 3)])
def test_a_way_that_does_not_leave_the_reach_loses_nothing(before, after):
    [verdict] = moved(validity(lists(("1t", 0, before, {}), ("1t", 1, after, {}))))
    assert verdict.verdict == "warn"
    assert "beyond" not in verdict.message


def delivered(phuket, *stations, registry=(), assigned=("43t",)):
    names = ["station_id", "name_th", "name_en", "lat", "lon", "area"]
    network = Batch(text_frame([dict(zip(names, station, strict=False)) for station in stations], names))
    places = listed(network, Context(phuket, DAY, "live"), "air4thai", pl.col("station_id").is_in(assigned))
    places = strayed(places, [Station(**station) for station in registry])
    batch = STATION_LISTS.conform(places.rows.with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
    return batch.rows, batch.found, places.found


def test_a_list_keeps_the_assigned_and_what_is_near(phuket):
    rows, bad, problems = delivered(
        phuket,
        ("43t", "ภูเก็ต ", " Phuket", "7.885", "98.391", "ภูเก็ต"),
        ("90t", "", "Near", "7.9", "98.5", ""),
        ("91t", "x", "Far", "13.7", "100.5", ""),
        ("92t", "x", "Nowhere", "-", "", ""),
    )
    assert (rows["station_id"].to_list(), bad.height, problems.height) == (["43t", "90t"], 0, 0)
    assert rows.row(0, named=True) | {"name_th": "ภูเก็ต", "name_en": "Phuket", "assigned": True} == rows.row(
        0, named=True
    )
    assert rows["name_th"][1] is None
    assert rows["distance_km"].max() < LISTED_KM


def test_an_assigned_station_that_cannot_be_placed_is_said(phuket):
    rows, bad, problems = delivered(phuket, ("43t", "a", "b", None, "98.4", ""))
    assert (rows.height, problems["code"].to_list()) == (0, ["value-not-number"])
    # Degrees and minutes swapped with another country's, or no place at all: the contract refuses it.
    _, bad, _ = delivered(phuket, ("43t", "a", "b", "0", "0", ""))
    assert bad["code"].to_list() == ["value-range"]


@pytest.mark.parametrize(("told", "said"), [(0.4, 0), (1.9, 1), (None, 0)])
def test_an_assigned_station_elsewhere_than_the_registry_says_is_said(phuket, told, said):
    station = {"id": "43t"} | ({} if told is None else {"distance_km": told})
    place = f"{7.884 + 0.5 * NORTH_KM}"
    _, _, problems = delivered(phuket, ("43t", "a", "b", place, "98.392", ""), registry=[station])
    assert problems.filter(code="station-moved").height == said
    if said:
        [message] = problems["message"]
        assert message == "station 43t: 0.5 km from the city's point; the registry says 1.9 km"
