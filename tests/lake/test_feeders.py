"""Main and check meters: what they say of others, and that they are no customers."""

from pathlib import Path
from random import Random

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import load_profile
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from quality.tables import FEEDER_BALANCE, LOAD_PROFILE, LOAD_PROFILE_BASIS, MISSING_READINGS, VERDICTS
from tests.lake.judged_town import DAYS, LATE, POINTS, load, nem12, night, town, whole
from tests.lake.small_city import deliver
from tests.lake.test_meter_decisions import meter, slots
from tests.lake.test_meter_final import cut_short

LAST = DAYS[-1]
MAIN, CHECK = "030000000001", "030000000002"


def registered(deployment: Deployment, city: City) -> None:
    header = "point,zone,customer_class,feeder,feeds,check_of"
    lines = [f"{point},north,residential,{'f1' if at < 4 else 'f2'},," for at, point in enumerate(POINTS)]
    special = [f"{MAIN},north,other,,f1,", f"{CHECK},north,other,f1,,{POINTS[0]}"]
    deliver(deployment, city, "register", DAYS[0], "all.csv", "\n".join([header, *lines, *special, ""]).encode())


def fed(day: dict[str, list[float | None]], loss: float) -> list[float | None]:
    return [sum(day[point][at] or 0 for point in POINTS[:4]) / (1 - loss) for at in range(96)]


@pytest.mark.parametrize(("loss", "odd"), [(0.05, 0), (0.4, 1), (-0.1, 1)])
def test_a_feeder_is_held_against_the_meters_that_hang_on_it(tmp_path: Path, loss: float, odd: int) -> None:
    deployment, city = town(tmp_path)
    registered(deployment, city)
    day = whole(LAST)
    day[MAIN] = [value and round(value, 3) for value in fed(whole(LAST), loss)]
    day[CHECK] = load(POINTS[0], LAST)
    deliver(deployment, city, "exports", LAST, "a.csv", nem12(LAST, day))
    night(deployment, city, LAST)
    lake = CityLake(deployment.store, city.slug)
    [row] = lake.day(FEEDER_BALANCE, LAST).to_dicts()
    assert (row["feeder"], row["mains"], row["meters"], row["known_share"]) == ("f1", 1, 4, 1)
    assert row["loss_share"] == pytest.approx(loss, abs=0.001), "the check meter is in neither sum"
    told = lake.day(VERDICTS, LAST).filter(check="feeder-balance").row(0, named=True)
    assert (told["checked"], told["failed"], told["verdict"]) == (1, odd, "warn" if odd else "pass")


def test_what_is_missing_is_told_of_a_balance(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    registered(deployment, city)
    day = whole(LAST) | {MAIN: fed(whole(LAST), 0)}
    day[POINTS[1]] = [None] * 96
    deliver(deployment, city, "exports", LAST, "a.csv", nem12(LAST, day))
    night(deployment, city, LAST)
    lake = CityLake(deployment.store, city.slug)
    assert lake.day(FEEDER_BALANCE, LAST)["known_share"].to_list() == [0.75]
    day[MAIN] = [*day[MAIN][:60], *[None] * 36]
    deliver(deployment, city, "exports", DAYS[0], "b.csv", nem12(DAYS[0], day))
    night(deployment, city, LAST)
    [row] = lake.day(FEEDER_BALANCE, DAYS[0]).to_dicts()
    assert row["main_kwh"] is row["loss_share"] is None


def test_the_order_of_deliveries_buckets_and_a_crash_leave_no_trace(tmp_path: Path) -> None:
    days = DAYS[:4]
    files = []
    for day in days:
        told = whole(day) | {MAIN: [value and round(value, 3) for value in fed(whole(day), 0.05)]}
        late = {POINTS[1]: told.pop(POINTS[1]), MAIN: told[MAIN]}
        told[MAIN] = [*told[MAIN][:90], *[None] * 6]
        files += [(f"{day}.csv", nem12(day, told, "000000")), (f"late-{day}.csv", nem12(day, late))]
    found = []
    for seed, buckets in enumerate((1, 4)):
        deployment, city = town(tmp_path / str(seed), buckets)
        registered(deployment, city)
        order = Random(seed).sample(files, len(files)) if seed else files
        for part in (order[:5], order[5:]) if seed else (order,):
            for name, data in part:
                deliver(deployment, city, "exports", LAST, name, data)
            if seed == 1:
                cut_short(deployment, city)
            night(deployment, city, LAST)
        store = deployment.store
        tables = (FEEDER_BALANCE, MISSING_READINGS)
        found.append({key: store.read(key) for each in tables for key in store.list(f"lake/{each.name}")})
    lake = CityLake(deployment.store, city.slug)
    assert lake.read(FEEDER_BALANCE)["loss_share"].to_list() == pytest.approx([0.05] * 4, abs=0.001)
    assert found[0] == found[1]


@pytest.mark.parametrize("buckets", [1, 4])
def test_a_check_meter_fills_the_gap_of_its_meter_and_of_no_other(tmp_path: Path, buckets: int) -> None:
    deployment, city = town(tmp_path, buckets)
    registered(deployment, city)
    day = whole(LAST) | {CHECK: [value and round(value * 1.01, 3) for value in load(POINTS[0], LAST)]}
    for point in POINTS[:2]:
        day[point][20:60] = [None] * 40
    day[CHECK][59] = None
    deliver(deployment, city, "exports", LAST, "a.csv", nem12(LAST, day))
    night(deployment, city, LAST)
    filled = slots(deployment, city, POINTS[0])
    assert filled["method"][20:59].to_list() == ["C1"] * 39
    assert [float(value) for value in filled["value_final"][20:59]] == day[CHECK][20:59]
    assert filled["method"][59] != "C1", "an estimate of the check meter is no reading"
    assert "C1" not in slots(deployment, city, POINTS[1])["method"].to_list()


def test_meters_that_are_no_customers_are_in_no_published_sum(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    points = [f"04000000{number:04d}" for number in range(20)]
    lines = [f"{point},north,residential,f1,," for point in points]
    lines += [f"{MAIN},north,residential,,f1,", f"{CHECK},north,residential,,,{points[0]}"]
    header = "point,zone,customer_class,feeder,feeds,check_of"
    deliver(deployment, city, "register", LAST, "all.csv", "\n".join([header, *lines, ""]).encode())
    day = {point: load(point, LAST) for point in points} | {CHECK: load(points[0], LAST)}
    sums = [sum(day[point][at] or 0 for point in points) for at in range(96)]
    day[MAIN] = [round(value * 1.05, 3) for value in sums]
    deliver(deployment, city, "exports", LAST, "a.csv", nem12(LAST, day))
    night(deployment, city, LAST)
    load_profile.make(Step(deployment, city, LATE, "test"))
    lake = CityLake(deployment.store, city.slug)
    cells = lake.day(LOAD_PROFILE, LAST)
    assert [int(value) for value in cells["kwh"]] == [round(value) for value in sums]
    assert set(cells["zone_share"]) == {1.0}, "nor do they lack in the zone's share"
    in_cells = set(lake.read(LOAD_PROFILE_BASIS)["meter_id"])
    assert len(in_cells) == 20
    assert in_cells.isdisjoint({meter(deployment, city, MAIN), meter(deployment, city, CHECK)})
    assert lake.day(VERDICTS, LATE).filter(check="withheld-cell").select(pl.col("failed").sum()).item() == 0
