"""Estimates scaled to the register, whatever came first, was taken back or cut short."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import scaling, stale_days
from assets.lake.files import CityLake
from assets.lake.second_look import AFTER
from assets.landing.deployment import Deployment
from quality.tables import METER_FINAL, METER_INTERVALS, METER_QUALITY, REGISTER_CHECKS, VERDICTS
from tests.kit import sampled
from tests.lake.judged_town import DAYS, POINTS, Values, final, load, nem12, night, town, whole
from tests.lake.small_city import deliver
from tests.lake.test_meter_decisions import decision
from tests.lake.test_meter_final import cut_short

MONTH = DAYS[:8]
END = DAYS[8]
LATER = MONTH[-1] + timedelta(days=AFTER)
"""A day by which all before it have their second look."""
NIGHTS = [LATER + timedelta(days=after) for after in range(1, 12)]
GAP, MORE = slice(20, 80), 1.5
HOLED, LOST = POINTS[5], POINTS[1]

File = tuple[str, bytes]


def used(day: date) -> dict[str, list[float]]:
    """What the meters measured: half as much again where one of them told nothing."""
    told = {point: [value or 0 for value in values] for point, values in whole(day).items()}
    if day == MONTH[5]:
        told[HOLED][GAP] = [value * MORE for value in told[HOLED][GAP]]
    return told


def told(day: date) -> Values:
    """Some of it."""
    values: dict[str, list[float | None]] = {point: [*each] for point, each in used(day).items()}
    if day == MONTH[5]:
        values[HOLED][GAP] = [None] * 60
    if day == MONTH[6]:
        values[LOST] = [None] * 96
    return values


def later(day: date, values: Values) -> bytes:
    """A delivery that takes the place of what came of a day."""
    return nem12(day, values).replace(f"{day:%Y%m%d}235959".encode(), f"{LATER:%Y%m%d}120000".encode())


ENERGY = {point: sum(sum(used(day)[point]) for day in MONTH) for point in POINTS}


def reads(
    energy: dict[str, float] = ENERGY, first: date = MONTH[0], last: date = END, version: str = "01", clock: str = "00"
) -> bytes:
    """Two reads of each meter, with what it used between them."""
    records = [
        f"250,{point},11,1,11,N1,{point[-4:]},E,1000,{first:%Y%m%d}000000,A,,,{1000 + kwh:.3f},"
        f"{last:%Y%m%d}{clock}0000,A,,,{kwh:.3f},kWh,,{END:%Y%m%d}12{version}00,"
        for point, kwh in energy.items()
    ]
    return "\r\n".join(["100,NEM13,202611290000,MDP,RETAILER", *records, "900", ""]).encode()


EXPORTS: Sequence[File] = [(f"{day}.csv", nem12(day, told(day))) for day in (*MONTH, LATER)]


def nights(folder: Path, *parts: Sequence[File], buckets: int = 1, cut: int | None = None) -> tuple[Deployment, City]:
    """A night of each part; the last is cut short first where ``cut`` says after how many changes of the lake."""
    deployment, city = town(folder, buckets)
    for at, part in enumerate(parts):
        for name, data in part:
            deliver(deployment, city, "exports", NIGHTS[at], name, data)
        if cut is not None and at == len(parts) - 1:
            cut_short(deployment, city, cut, NIGHTS[at])
        night(deployment, city, NIGHTS[at])
        # The load profile has been made of it.
        lake = CityLake(deployment.store, city.slug)
        stale_days.settle(lake, METER_FINAL, stale_days.noted(lake, METER_FINAL))
    return deployment, city


def of_month(place: tuple[Deployment, City]) -> pl.DataFrame:
    """Final values of the period between the reads."""
    return final(*place).filter(pl.col("local_date") < END)


def by_method(place: tuple[Deployment, City]) -> dict[str, float]:
    """Energy of our estimates by method."""
    rows = of_month(place).filter(~pl.col("method").is_in(["A", "M0"])).group_by("method")
    return {method: float(kwh) for method, kwh in rows.agg(pl.col("value_final").sum()).iter_rows()}


def left(place: tuple[Deployment, City]) -> dict[str, bytes]:
    store = place[0].store
    names = (METER_FINAL, METER_QUALITY, REGISTER_CHECKS)
    return {key: store.read(key) for table in names for key in store.list(f"lake/{table.name}")}


def verdict(place: tuple[Deployment, City]) -> str:
    lake = CityLake(place[0].store, place[1].slug)
    newest = lake.read(VERDICTS).filter(check="scaled").sort("day")
    return str(newest["message"][-1]) if newest.height else ""


def test_days_with_their_estimates_add_up_to_what_the_register_says(tmp_path: Path) -> None:
    place = nights(tmp_path, EXPORTS, [("reads.csv", reads())])
    rows = of_month(place)
    sums = sorted(float(kwh) for kwh in rows.group_by("meter_id").agg(pl.col("value_final").sum())["value_final"])
    assert sums == pytest.approx(sorted(ENERGY.values()), abs=1e-4)
    guessed = rows.filter(method="S1")
    assert guessed.height == 60 + 96
    assert guessed["method_estimated"].unique().to_list() == ["K5"]
    assert guessed["final_quality"].unique().to_list() == ["ET"]
    hole = guessed.filter(local_date=MONTH[5])
    assert float(hole["value_final"].sum()) == pytest.approx(sum(used(MONTH[5])[HOLED][GAP]), abs=1e-3)
    times = guessed.select("meter_id", (pl.col("value_final", "value_estimated").cast(pl.Float64)))
    factor = pl.col("value_final") / pl.col("value_estimated")
    spread = times.group_by("meter_id").agg(spread=factor.max() - factor.min())
    assert spread["spread"].max() < 0.001, "one factor a meter"
    assert rows.filter(pl.col("method") != "S1").select("value_estimated", "method_estimated").null_count().row(0) == (
        rows.height - 156,
        rows.height - 156,
    )
    assert verdict(place) == "estimates of 2 of 2 periods between two reads are scaled to the register"


def test_a_period_waits_for_the_second_look_of_its_last_day(tmp_path: Path) -> None:
    """Until then one estimate after another changes, and all of the period would with it."""
    deployment, city = place = nights(tmp_path, EXPORTS[:-1], [("reads.csv", reads())])
    assert by_method(place).keys() == {"K5"}
    deliver(deployment, city, "exports", NIGHTS[2], "day.csv", nem12(LATER - timedelta(days=1), used(LATER)))
    night(deployment, city, NIGHTS[2])
    assert by_method(place).keys() == {"K5"}, "a day too early"
    deliver(deployment, city, "exports", NIGHTS[3], *EXPORTS[-1])
    night(deployment, city, NIGHTS[3])
    assert by_method(place).keys() == {"S1"}
    lake = CityLake(deployment.store, city.slug)
    [key] = lake.keys(METER_INTERVALS, (LATER, LATER))
    stale_days.note(lake, METER_INTERVALS, [LATER])
    deployment.store.delete(key)
    night(deployment, city, NIGHTS[4])
    assert by_method(place).keys() == {"K5"}, "a day that is taken back takes the look along"


@pytest.mark.parametrize("seeds", sampled([range(2), range(2, 12)], 2))
def test_no_order_of_reads_readings_and_crashes_leaves_a_trace(tmp_path: Path, seeds: range) -> None:
    late = later(MONTH[6], {LOST: load(LOST, MONTH[6])})
    changed = {**ENERGY, HOLED: ENERGY[HOLED] - 1, POINTS[2]: ENERGY[POINTS[2]] + 30}
    sent = [*EXPORTS, ("reads.csv", reads()), ("again.csv", reads(changed, version="02")), ("late.csv", late)]
    straight = nights(tmp_path / "straight", sent)
    assert "S1" in by_method(straight)
    for seed in seeds:
        chance = Random(seed)
        order = chance.sample(sent, len(sent))
        at = sorted(chance.sample(range(1, len(order)), 2))
        parts = [order[: at[0]], order[at[0] : at[1]], order[at[1] :]]
        crooked = nights(tmp_path / str(seed), *parts, cut=chance.randint(0, 6) if seed % 2 else None)
        assert left(crooked) == left(straight), seed


def test_a_cut_anywhere_while_estimates_are_scaled_leaves_no_trace(tmp_path: Path) -> None:
    parts = (EXPORTS, [("reads.csv", reads())])
    straight, cuts = left(nights(tmp_path / "straight", *parts)), 0
    for cut in range(20):
        try:
            crooked = nights(tmp_path / str(cut), *parts, cut=cut)
        except pytest.fail.Exception:  # nothing was left to be cut
            break
        assert left(crooked) == straight, cut
        cuts += 1
    assert cuts > 3


def test_buckets_change_nothing(tmp_path: Path) -> None:
    parts = (EXPORTS, [("reads.csv", reads())])
    one, four = (nights(tmp_path / str(cut), *parts, buckets=cut) for cut in (1, 4))
    assert final(*one).equals(final(*four))


def test_a_city_that_is_cut_anew_meanwhile_has_the_same(tmp_path: Path) -> None:
    straight = nights(tmp_path / "straight", EXPORTS, [("reads.csv", reads())])
    deployment, city = place = nights(tmp_path / "cut", EXPORTS)
    deliver(deployment, city, "exports", NIGHTS[1], "reads.csv", reads())
    night(deployment, city.model_copy(update={"meter_buckets": 4}), NIGHTS[1])
    assert final(*place).equals(final(*straight))


def test_a_read_that_is_taken_back_takes_its_scaling_along(tmp_path: Path) -> None:
    never = nights(tmp_path / "never", EXPORTS)
    deployment, city = place = nights(tmp_path / "back", EXPORTS, [("reads.csv", reads())])
    assert by_method(place).keys() == {"S1"} and by_method(never).keys() == {"K5"}
    # What the register says now is what was estimated: the meter of the hole used no more there than on other days.
    guessed = by_method(never)["K5"]
    energy = {point: float(kwh) for point, kwh in zip(POINTS, _sums(never), strict=True)}
    deliver(deployment, city, "exports", NIGHTS[2], "again.csv", reads(energy, version="02"))
    night(deployment, city, NIGHTS[2])
    assert by_method(place) == {"K5": guessed}
    assert final(*place).equals(final(*never))
    assert "2 they are what the register says" in verdict(place)


@pytest.mark.parametrize("cut", [None, 0, 1, 2])
def test_a_read_that_turns_out_to_be_an_estimate_scales_nothing(tmp_path: Path, cut: int | None) -> None:
    never = nights(tmp_path / "never", EXPORTS)
    estimated = reads(version="02").replace(b"000000,A,,,", b"000000,E64,,,")
    place = nights(tmp_path / "back", EXPORTS, [("reads.csv", reads())], [("again.csv", estimated)], cut=cut)
    lake = CityLake(place[0].store, place[1].slug)
    assert lake.read(REGISTER_CHECKS).filter(check="intervals")["outcome"].unique().to_list() == ["not-run"]
    assert final(*place).equals(final(*never))


def _sums(place: tuple[Deployment, City]) -> list[float]:
    """What the final values of each point add up to: the towns' meters differ by their level, each by its own."""
    kwh = of_month(place).group_by("meter_id").agg(pl.col("value_final").sum())["value_final"].cast(float)
    return [min(kwh, key=lambda each, of=ENERGY[point]: abs(each - of)) for point in POINTS]  # type: ignore[misc]


def test_a_later_value_changes_the_factor_of_the_days_around_it(tmp_path: Path) -> None:
    """A value that was in use is corrected: what the register leaves for the gap of another day is less."""
    place = nights(tmp_path, EXPORTS, [("reads.csv", reads())])
    before = final(*place, day=MONTH[5]).filter(method="S1")["value_final"].sum()
    day = {HOLED: [value + (0.02 if at < 40 else 0) for at, value in enumerate(used(MONTH[2])[HOLED])]}
    deliver(*place, "exports", NIGHTS[2], "corrected.csv", later(MONTH[2], day))
    night(*place, NIGHTS[2])
    after = final(*place, day=MONTH[5]).filter(method="S1")["value_final"].sum()
    assert float(before - after) == pytest.approx(40 * 0.02, abs=0.01)


def test_what_a_person_put_aside_is_scaled_too(tmp_path: Path) -> None:
    """No figure of the day's quality tells of it."""
    place = nights(
        tmp_path, [(f"{day}.csv", nem12(day, used(day))) for day in (*MONTH, LATER)], [("reads.csv", reads())]
    )
    assert by_method(place) == {}
    aside = decision("estimate", HOLED, MONTH[5], "06:00-18:00", at=f"{NIGHTS[2]} 09:00")
    deliver(*place, "decisions", NIGHTS[2], "d.csv", aside)
    night(*place, NIGHTS[2])
    assert by_method(place).keys() == {"S1"}
    assert sum(of_month(place)["value_final"].cast(float)) == pytest.approx(sum(ENERGY.values()), abs=1e-3)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ([reads({HOLED: ENERGY[HOLED]})], None),  # control
        ([reads({HOLED: ENERGY[HOLED] * 3})], "1 they are too far from the register"),
        ([reads({HOLED: ENERGY[HOLED]}, first=MONTH[0] - timedelta(days=1))], "0 of 1"),  # a day lacks
        ([reads({HOLED: ENERGY[HOLED]}, clock="09")], ""),  # a part of a day
        ([reads({HOLED: ENERGY[HOLED]}).replace(f",{ENERGY[HOLED]:.3f},kWh".encode(), b",900,kWh")], ""),  # in doubt
        ([reads({HOLED: ENERGY[HOLED]}), reads({HOLED: 20}, first=MONTH[5], last=MONTH[7])], ""),  # shares days
    ],
)
def test_estimates_stay_where_the_register_does_not_tell_their_energy(
    tmp_path: Path, sent: Sequence[bytes], why: str | None
) -> None:
    place = nights(tmp_path, EXPORTS, [(f"reads{at}.csv", data) for at, data in enumerate(sent)])
    hole = final(*place, day=MONTH[5]).filter(pl.col("method").is_in(["K5", "S1"]))
    assert hole["method"].unique().to_list() == ["S1" if why is None else "K5"]
    if why is not None:
        assert why in verdict(place) and bool(why) == bool(verdict(place))


SPIKE, ZEROS = (POINTS[3], MONTH[2], 50), (POINTS[4], MONTH[4])


def with_faults() -> list[File]:
    """A week of which one meter tells a spike that a rule finds, and one zeros for a day."""
    days = {day: {point: [*values] for point, values in used(day).items()} for day in (*MONTH, LATER)}
    point, day, slot = SPIKE
    days[day][point][slot] = 900.0
    point, day = ZEROS
    days[day][point] = [0.0] * 96
    return [(f"{day}.csv", nem12(day, values)) for day, values in days.items()]


def test_a_spike_or_a_day_of_zeros_does_not_take_its_month_along(tmp_path: Path) -> None:
    """The register is not met by a spike, which is not used anyway, nor by zeros: all else is right."""
    place = nights(tmp_path, with_faults(), [("reads.csv", reads())])
    lake = CityLake(place[0].store, place[1].slug)
    found = lake.read(REGISTER_CHECKS).filter(check="intervals", outcome="fails")
    assert sorted(day for days in found["days"] for day in days) == [MONTH[2], MONTH[4]]
    rows = of_month(place)
    guessed = rows.filter(pl.col("method") != "A")
    assert guessed["local_date"].value_counts().sort("local_date").rows() == [(MONTH[2], 1), (MONTH[4], 96)]
    assert rows["value_final"].null_count() == 0
    sums = sorted(float(kwh) for kwh in rows.group_by("meter_id").agg(pl.col("value_final").sum())["value_final"])
    assert sums == pytest.approx(sorted(ENERGY.values()), abs=0.4)
    assert guessed.filter(local_date=MONTH[4])["method"].unique().to_list() == ["S1"]


@pytest.mark.parametrize("seeds", sampled([range(2), range(2, 12)], 2))
def test_no_order_of_a_spike_and_the_read_leaves_a_trace(tmp_path: Path, seeds: range) -> None:
    healed = later(MONTH[2], {SPIKE[0]: used(MONTH[2])[SPIKE[0]]})
    sent = [*with_faults(), ("reads.csv", reads())]
    for number, files in enumerate((sent, [*sent, ("healed.csv", healed)])):
        straight = nights(tmp_path / f"straight{number}", files)
        for seed in seeds:
            chance = Random(seed)
            order = chance.sample(files, len(files))
            at = chance.randint(1, len(order) - 1)
            crooked = nights(tmp_path / f"{seed}{number}", order[:at], order[at:], cut=seed % 7 if seed % 2 else None)
            assert left(crooked) == left(straight), seed


def test_nothing_is_read_where_no_read_tells_of_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nights of most cities: a register is read once a month, or not at all."""
    read = list[str]()
    rows = CityLake.rows

    def counted(lake: CityLake, table: object, keys: Sequence[str], *more: object) -> pl.DataFrame:
        read.extend(keys)
        return rows(lake, table, keys, *more)  # type: ignore[arg-type]

    deployment, city = nights(tmp_path, EXPORTS)
    monkeypatch.setattr(CityLake, "rows", counted)
    lake = CityLake(deployment.store, city.slug)
    stale_days.note(lake, METER_FINAL, MONTH)
    assert scaling.make(lake, {}) == scaling.Scaled([], [])
    assert [key for key in read if METER_FINAL.name in key] == []
