"""Final values in the lake: judged and estimated day by day, whatever the order, the buckets and the crash."""

from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import stale_days
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from quality.tables import METER_FINAL, METER_INTERVALS, METER_QUALITY, REGISTER_CHECKS, VERDICTS
from tests.kit import sampled
from tests.lake.judged_town import DAYS, LATE, POINTS, final, load, made, nem12, night, town, whole
from tests.lake.small_city import D1, deliver


def files() -> list[tuple[str, bytes]]:
    """Nine days with gaps, a day at a thousandfold, a spike; and corrections that come late."""
    told = {day: whole(day) for day in DAYS}
    told[DAYS[2]][POINTS[1]][40:44] = [None] * 4
    told[DAYS[4]][POINTS[2]][90:] = [None] * 6
    told[DAYS[5]][POINTS[2]][:30] = [None] * 30
    told[DAYS[6]][POINTS[3]] = [None] * 96
    told[DAYS[7]][POINTS[4]] = [value and 1000 * value for value in told[DAYS[7]][POINTS[4]]]
    told[DAYS[8]][POINTS[0]][50] = 75.0
    sent = [(f"{day}.csv", nem12(day, values)) for day, values in told.items()]
    late = [(f"late{at}.csv", nem12(DAYS[at], {POINTS[at % 6]: load(POINTS[at % 6], DAYS[at])})) for at in (2, 6, 7)]
    return [*sent, *late]


@pytest.mark.parametrize("seeds", sampled([range(1), range(1, 4)], 2))
def test_the_order_of_deliveries_and_crashes_leave_no_trace(tmp_path: Path, seeds: range) -> None:
    straight, city = town(tmp_path / "straight")
    for name, data in files():
        deliver(straight, city, "exports", DAYS[-1], name, data)
    night(straight, city, DAYS[-1])
    for seed in seeds:
        crooked, _ = town(tmp_path / str(seed))
        order = Random(seed).sample(files(), len(files()))
        for at in range(0, len(order), 4):
            for name, data in order[at : at + 4]:
                deliver(crooked, city, "exports", DAYS[-1], name, data)
            if seed == 0:
                cut_short(crooked, city)
            night(crooked, city, DAYS[-1])
        assert made(crooked) == made(straight)


def test_a_day_that_comes_late_makes_estimates_of_a_month_later_again(tmp_path: Path) -> None:
    """A gap over midnight is held against like days and the day before each: of the fourth week, 29 days before."""
    days = [D1 + timedelta(days=after) for after in (0, 1, 7, 8, 14, 15, 21, 22, 28, 29)]
    told = {day: {point: load(point, day) for point in POINTS[:2]} for day in days}
    told[days[-2]][POINTS[0]][80:] = [None] * 16
    told[days[-1]][POINTS[0]][:20] = [None] * 20
    files = [(f"{day}.csv", nem12(day, values)) for day, values in told.items()]
    changed = nem12(days[0], {POINTS[0]: [value and value * 1.5 for value in load(POINTS[0], days[0])]})
    nights = []
    for parts in ([[*files, ("late", changed)]], [files, [("late", changed)]]):
        deployment, city = town(tmp_path / str(len(parts)))
        for part in parts:
            for name, data in part:
                day = LATE + timedelta(days=40 + (name == "late"))
                deliver(deployment, city, "exports", day, name, data)
            night(deployment, city, LATE + timedelta(days=41))
        nights.append(made(deployment))
    assert nights[0] == nights[1]


def test_a_late_value_that_nothing_stands_on_rewrites_its_own_day_alone(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    for day in DAYS:
        deliver(deployment, city, "exports", DAYS[-1], f"{day}.csv", nem12(day, whole(day), "000000"))
    night(deployment, city, DAYS[-1])
    store = deployment.store
    for key in store.list("work/stale/meter_final"):
        store.delete(key)
    changed = [value and value * 1.1 for value in load(POINTS[0], DAYS[2])]
    deliver(deployment, city, "exports", LATE, "late.csv", nem12(DAYS[2], {POINTS[0]: changed}))
    night(deployment, city, LATE)
    assert [key[-10:] for key in store.list("work/stale/meter_final")] == [f"{DAYS[2]}"], "the load profile's days"


class Cut(BaseException):
    """The process ends."""


def cut_short(deployment: Deployment, city: City, after: int = 9, day: date = DAYS[-1]) -> None:
    """A night whose process ends at its ``after``-th change of the lake."""
    left, swap = [after], deployment.store.swap

    def counted(*arguments: object) -> bool:
        if left[0] == 0:
            raise Cut
        left[0] -= 1
        return swap(*arguments)  # type: ignore[arg-type]

    deployment.store.swap = counted  # type: ignore[method-assign]
    with pytest.raises(Cut):
        night(deployment, city, day)
    deployment.store.swap = swap  # type: ignore[method-assign]


def test_buckets_change_nothing(tmp_path: Path) -> None:
    towns = [town(tmp_path / str(cut), cut) for cut in (1, 4)]
    for deployment, city in towns:
        for name, data in files():
            deliver(deployment, city, "exports", DAYS[-1], name, data)
        night(deployment, city, DAYS[-1])
    assert final(*towns[0]).equals(final(*towns[1]))
    assert len(CityLake(towns[1][0].store, towns[1][1].slug).keys(METER_FINAL)) > len(DAYS)


def test_a_gap_is_estimated_and_the_actual_that_comes_late_takes_its_place(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    gap = whole(DAYS[8])
    gap[POINTS[1]][30:60] = [None] * 30
    for day in DAYS[:8]:
        deliver(deployment, city, "exports", day, f"{day}.csv", nem12(day, whole(day)))
    deliver(deployment, city, "exports", DAYS[8], "gap.csv", nem12(DAYS[8], gap))
    night(deployment, city, DAYS[8])
    filled = final(deployment, city, DAYS[8]).filter(pl.col("method") != "A")
    assert filled.height == 30
    assert set(filled["final_quality"]) == {"ET"}
    assert filled["value_final"].null_count() == filled["reference_days"].null_count() == 0
    missing = sum(value or 0 for value in load(POINTS[1], DAYS[8])[30:60])
    assert float(filled["value_final"].sum()) == pytest.approx(missing, rel=0.15)

    deliver(deployment, city, "exports", LATE, "late.csv", nem12(DAYS[8], {POINTS[1]: load(POINTS[1], DAYS[8])}))
    night(deployment, city, LATE)
    assert set(final(deployment, city, DAYS[8])["method"]) == {"A"}
    assert set(final(deployment, city, DAYS[8])["final_quality"]) == {"V"}


def test_a_gap_over_midnight_is_filled_again_when_the_next_day_is_there(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    first = whole(DAYS[0])
    first[POINTS[0]][92:] = [None] * 4
    deliver(deployment, city, "exports", DAYS[0], "a.csv", nem12(DAYS[0], first))
    night(deployment, city, DAYS[0])
    assert set(final(deployment, city, DAYS[0]).filter(pl.col("method") != "A")["method"]) == {"M0"}, "one edge alone"
    deliver(deployment, city, "exports", DAYS[1], "b.csv", nem12(DAYS[1], whole(DAYS[1])))
    night(deployment, city, DAYS[1])
    assert set(final(deployment, city, DAYS[0]).filter(pl.col("method") != "A")["method"]) == {"L2"}


def test_a_thousandfold_day_is_not_used_and_named(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    slip = {point: [value and 1000 * value for value in values] for point, values in whole(DAYS[7]).items()}
    for day in DAYS[:7]:
        deliver(deployment, city, "exports", day, f"{day}.csv", nem12(day, whole(day)))
        night(deployment, city, day)
    deliver(deployment, city, "exports", DAYS[7], "slip.csv", nem12(DAYS[7], slip))
    night(deployment, city, DAYS[7])
    used = final(deployment, city, DAYS[7])
    assert set(used["method"]) <= {"K5", "D10"}
    before = final(deployment, city, DAYS[0])["value_final"].sum()  # a Friday too
    assert float(used["value_final"].sum()) == pytest.approx(float(before), rel=0.3)
    told = CityLake(deployment.store, city.slug).day(VERDICTS, DAYS[7]).filter(table="meter_final", verdict="warn")
    scale = told.filter(pl.col("check").is_in(["meter_scale", "group_scale"]))
    assert scale.height, told["check"].to_list()
    assert "Check the unit" in scale["message"][0]
    assert not any(str(int(value)) in " ".join(told["message"]) for value in (1000, 250000))


def test_values_without_the_factor_that_the_register_tells_are_doubted_and_used(tmp_path: Path) -> None:
    """200/5: what a home draws is what the secondary side of a works carries. Told from the fourth day on."""
    deployment, city = town(tmp_path)
    rows = "".join(f"{point},north,medium_business,{40 if point == POINTS[0] else ''}\n" for point in POINTS)
    deliver(deployment, city, "register", D1, "s.csv", f"point,zone,customer_class,multiplier\n{rows}".encode())
    for day in DAYS[:5]:
        deliver(deployment, city, "exports", day, f"{day}.csv", nem12(day, whole(day)))
    night(deployment, city, DAYS[4])
    found = final(deployment, city).filter(pl.col("flags") & pl.lit(1 << 35, pl.UInt64) != 0)
    assert found["meter_id"].n_unique() == 1 and set(found["local_date"]) == {*DAYS[3:5]}
    assert found["final_quality"].unique().to_list() == ["V"]


def test_reads_that_agree_leave_no_trace_whichever_came_first(tmp_path: Path) -> None:
    """A day that is corrected after them knows no more than one that was before."""
    days = DAYS[:3]
    kwh = {point: sum(value or 0 for day in days for value in load(point, day)) for point in POINTS}
    records = [
        f"250,{point},11,1,11,N1,{point[-4:]},E,1000,{days[0]:%Y%m%d}000000,A,,,{1000 + energy:.3f},"
        f"{DAYS[3]:%Y%m%d}000000,A,,,{energy:.3f},kWh,,{DAYS[3]:%Y%m%d}120000,"
        for point, energy in kwh.items()
    ]
    reads = "\r\n".join(["100,NEM13,202611230000,MDP,RETAILER", *records, "900", ""]).encode()
    value = load(POINTS[0], days[1])
    late = nem12(days[1], {POINTS[0]: [*value[:50], 0.001 + (value[50] or 0), *value[51:]]})
    late = late.replace(b"20261121235959", b"20261125235959")
    told = []
    for number, coming in enumerate(([reads, late], [late, reads])):
        deployment, city = town(tmp_path / str(number))
        for day in days:
            deliver(deployment, city, "exports", day, f"{day}.csv", nem12(day, whole(day)))
        night(deployment, city, days[-1])
        for day, data in zip(DAYS[5:7], coming, strict=True):
            deliver(deployment, city, "exports", day, f"{day}.csv", data)
            night(deployment, city, day)
        lake = CityLake(deployment.store, city.slug)
        assert lake.read(REGISTER_CHECKS).filter(check="intervals")["outcome"].to_list() == ["ok"] * 6
        told.append([lake.read(table).drop("_delivered", strict=False) for table in (METER_FINAL, METER_QUALITY)])
    for one, other in zip(*told, strict=True):
        assert one.equals(other)


def test_a_day_of_which_more_is_otherwise_than_what_was_delivered_is_noted_so(tmp_path: Path) -> None:
    """All of its gaps are filled again, whichever was noted first."""
    deployment, city = town(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    stale_days.note(lake, METER_INTERVALS, DAYS[:2], stale_days.DELIVERED)
    stale_days.note(lake, METER_INTERVALS, DAYS[1:3])
    stale_days.note(lake, METER_INTERVALS, DAYS[2:4], stale_days.DELIVERED)
    assert stale_days.noted(lake, METER_INTERVALS) == list(DAYS[:4])
    assert stale_days.delivered(lake, METER_INTERVALS) == {DAYS[0], DAYS[3]}


@pytest.mark.parametrize("times", [1_000, 5_000])
def test_what_a_works_uses_in_a_quarter_of_an_hour_is_kept_as_it_was_told(tmp_path: Path, times: int) -> None:
    """A judged day waits for its gaps in 32 bits where these hold all of it, millionths of a kWh."""
    deployment, city = town(tmp_path)
    works = "".join(f"{point},north,large_business\n" for point in POINTS)
    deliver(deployment, city, "register", D1, "works.csv", f"point,zone,customer_class\n{works}".encode())
    delivered = {point: [round(value * times) for value in load(point, D1) if value] for point in POINTS[:3]}
    deliver(deployment, city, "exports", LATE, "works.csv", nem12(D1, delivered))
    night(deployment, city, LATE)
    kept = final(deployment, city, D1).filter(pl.col("method") == "A")["value_final"].cast(pl.Float64).sort()
    assert kept.to_list() == sorted(value for values in delivered.values() for value in values)
    assert (kept.max() > 2147.483647) == (times > 1_000), "beyond 32 bits"
