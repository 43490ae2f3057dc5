"""A utility sends the same energy in two formats, which name a meter's channel differently: it counts once."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.lake import ingest, load_profile, meter_final
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from quality.tables import FEEDER_BALANCE, LOAD_PROFILE, METER_INTERVALS, METERS, REGISTER_CHECKS
from tests.lake.judged_town import DAYS, final, load, nem12, night, town, whole
from tests.lake.metered_city import POINTS
from tests.lake.small_city import D1, D2, deliver, deployment_at, small_city

pytestmark = pytest.mark.usefixtures("without_suites")

MAIN = "020012349999"


def register() -> bytes:
    rows = [f"{point},north,residential,f1," for point in POINTS]
    return "\n".join(["point,zone,customer_class,feeder,feeds", *rows, f"{MAIN},north,other,,f1", ""]).encode()


def nem13(day: date, totals: dict[str, float]) -> bytes:
    begins, ends = f"{day:%Y%m%d}000000", f"{D2:%Y%m%d}000000"
    rows = [
        f"250,{point},E1,1,E1,E1,M1,E,100,{begins},A,,,{100 + kwh:.3f},{ends},A,,,{kwh:.3f},kWh,,{ends},"
        for point, kwh in totals.items()
    ]
    return "\r\n".join(["100,NEM13,202611200000,MDP,RETAILER", *rows, "900", ""]).encode()


def hourly(told: dict[str, list[float]]) -> bytes:
    sums = {point: [round(sum(day[at : at + 4]), 3) for at in range(0, 96, 4)] for point, day in told.items()}
    return nem12(D1, sums).replace(b",E1,E1,E1,N1,,kWh,15,", b",E2,E2,E2,N1,,kWh,60,")


def made(folder: Path, *, twice: bool, hours: bool = False, gap: bool = False) -> tuple[Deployment, CityLake]:
    city = small_city()
    deployment = deployment_at(folder, city)
    told = {point: [value or 0.0 for value in load(point, D1)] for point in POINTS}
    told[MAIN] = [round(sum(at), 3) for at in zip(*told.values(), strict=True)]
    files = {"a.csv": nem12(D1, told), "r.csv": nem13(D1, {point: sum(day) for point, day in told.items()})}
    if hours:
        files["b.csv"] = hourly(told)
    if gap:
        lacking = {point: [*day[:90], None, *day[91:]] if point == POINTS[0] else day for point, day in told.items()}
        files["a.csv"] = nem12(D1, lacking)
    if twice:
        files["b.csv"] = nem12(D1, told).replace(b",E1,E1,E1,", b",E2,E2,E2,")
    deliver(deployment, city, "register", D2, "r.csv", register())
    for name, data in files.items():
        deliver(deployment, city, "exports", D2, name, data)
    step = Step(deployment, city, D2, "test")
    ingest.ingest(step, METERS)
    ingest.ingest_meters(step)
    meter_final.make(step)
    load_profile.make(step)
    return deployment, CityLake.of(step)


def test_a_second_name_has_no_value_whatever_is_known_of_the_days_before(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    for day in DAYS[:5]:
        deliver(deployment, city, "exports", day, f"{day}.csv", nem12(day, whole(day)))
        if day > DAYS[0]:
            again = nem12(day, whole(day)).replace(b",E1,E1,E1,", b",E0,E0,E0,")
            deliver(deployment, city, "exports", day, f"{day}-again.csv", again)
        night(deployment, city, day)
    kwh = final(deployment, city).group_by("local_date").agg(pl.col("value_final").cast(pl.Float64).sum())
    assert dict(kwh.iter_rows()) == pytest.approx({day: sum(map(sum, whole(day).values())) for day in DAYS[:5]})


CORRECTIONS = {
    "by a factor": lambda value, at: round(1.2 * value, 3),
    "a third of it": lambda value, at: value if at % 3 else round(value + 0.4, 3),
}


@pytest.mark.parametrize("how", CORRECTIONS)
@pytest.mark.parametrize("names", ["E2", "E0"])
def test_a_correction_under_another_name_counts_in_place_of_what_it_corrects(
    tmp_path: Path, how: str, names: str
) -> None:
    deployment, city = town(tmp_path)
    right = {point: [CORRECTIONS[how](value, at) for at, value in enumerate(day)] for point, day in whole(D1).items()}
    deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, whole(D1)))
    night(deployment, city, D1)
    again = nem12(D1, right).replace(b",E1,E1,E1,", b",%b,%b,%b," % ((names.encode(),) * 3))
    deliver(deployment, city, "exports", D2, "b.csv", again)
    night(deployment, city, D2)
    told = final(deployment, city)["value_final"].cast(pl.Float64).sum()
    assert told == pytest.approx(sum(sum(day) for day in right.values()))


@pytest.mark.parametrize("gap", [False, True])
def test_hours_of_another_file_are_not_added_to_quarters(tmp_path: Path, gap: bool) -> None:
    (_, once), (_, again) = (made(tmp_path / str(hours), twice=False, hours=hours, gap=gap) for hours in (False, True))
    for table in (LOAD_PROFILE, FEEDER_BALANCE):
        assert once.read(table).height and again.read(table).equals(once.read(table)), table.name
    assert [lake.read(REGISTER_CHECKS).filter(check="intervals", outcome="fails").height for lake in (once, again)] == [
        0,
        0,
    ]


def test_two_registers_of_one_file_that_read_alike_are_two(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    first = whole(D1)
    second = {point: [value and round(value * (1 if point == POINTS[0] else 0.6), 3) for value in day]
              for point, day in first.items()}  # fmt: skip
    of_second = nem12(D1, second).replace(b",E1,E1,E1,", b",E2,E2,E2,").split(b"\r\n", 1)[1]
    deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, first).removesuffix(b"900\r\n") + of_second)
    night(deployment, city, D1)
    told = final(deployment, city)["value_final"].cast(pl.Float64).sum()
    assert told == pytest.approx(sum(sum(day) for both in (first, second) for day in both.values()))


def test_what_comes_under_two_names_counts_once(tmp_path: Path) -> None:
    (_, once), (_, again) = (made(tmp_path / str(twice), twice=twice) for twice in (False, True))
    kwh = pl.col("value_delivered").sum()
    assert again.read(METER_INTERVALS).select(kwh).item() == 2 * once.read(METER_INTERVALS).select(kwh).item()
    for table in (LOAD_PROFILE, FEEDER_BALANCE):
        assert once.read(table).height and again.read(table).equals(once.read(table)), table.name
    outcomes = [
        lake.read(REGISTER_CHECKS).filter(check="intervals")["outcome"].value_counts().rows() for lake in (once, again)
    ]
    assert outcomes[0] == outcomes[1] == [("ok", len(POINTS) + 1)]
