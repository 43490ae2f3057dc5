"""A register that changes: each day is judged by the register that tells of it, whenever the day is made."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest

from assets.lake import ingest, meter_final, register_watch, upkeep
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality.tables import (
    FEEDER_BALANCE,
    LOAD_PROFILE,
    METER_FINAL,
    METER_INTERVALS,
    METER_QUALITY,
    METERS,
    MISSING_READINGS,
    REGISTER_CHECKS,
    REGISTER_WATCH,
)
from tests.lake import metered_city
from tests.lake.judged_town import DAYS as ALL, LATE, POINTS, load, nem12, night, town
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, nem12 as ones, small_city

pytestmark = pytest.mark.usefixtures("without_suites")

DAYS = ALL[:5]
DAY = timedelta(days=1)
COLUMNS = ("zone", "customer_class", "account", "serial", "multiplier", "feeder", "feeds", "check_of")
PLAIN = ("north", "residential", "A1", "S1", "1", "f1", "", "")
MAIN = (*PLAIN[:6], "f1", "")
"""A main meter, so that there is a balance of its feeder."""
FIRST = {POINTS[3]: MAIN}
CHANGED = {
    POINTS[0]: ("south", *PLAIN[1:]),
    POINTS[1]: ("north", "large_business", *PLAIN[2:]),
    POINTS[2]: ("north", "residential", "A2", "S2", "20", "f2", "", ""),
    POINTS[3]: PLAIN,
    POINTS[4]: (*PLAIN[:7], POINTS[5]),
    "020012349999": PLAIN,
}
"""Each column is otherwise of some meter, and there is one that delivers nothing."""
MADE = (
    METER_INTERVALS,
    METER_QUALITY,
    METER_FINAL,
    MISSING_READINGS,
    REGISTER_CHECKS,
    FEEDER_BALANCE,
)


def register(rows: Mapping[str, tuple[str, ...]], as_of: date | None = None) -> bytes:
    told = dict.fromkeys(POINTS, PLAIN) | rows
    header = ",".join(["point", *COLUMNS, "as_of"])
    lines = [",".join([point, *row, f"{as_of or ''}"]) for point, row in told.items()]
    return "\n".join([header, *lines, ""]).encode()


def nem13(day: date) -> bytes:
    """What each meter's register rose by over a day."""
    begins, ends = f"{day:%Y%m%d}000000", f"{day + DAY:%Y%m%d}000000"
    at = (day - DAYS[0]).days
    rows = [
        f"250,{point},E1,1,E1,E1,M1,E,{100 + 5 * at},{begins},A,,,{105 + 5 * at},{ends},A,,,5,kWh,,{ends},"
        for point in POINTS
    ]
    return "\n".join(["100,NEM13,202611200000,MDP,RETAILER", *rows, "900", ""]).encode()


def exports(day: date) -> bytes:
    """A day of meters with zeros, gaps and spikes, which the register has a say in."""
    told = {point: load(point, day) for point in POINTS}
    for at, point in enumerate(POINTS):
        if day == DAYS[1 + at % 2]:
            told[point] = [0.0] * 96
        if day == DAYS[3 + at % 2]:
            told[point][30:60], told[point][70] = [None] * 30, 6.0
    return nem12(day, told)


class Town:
    """What comes is landed first; ``night`` reads what is due up to a day and makes all that stands on it."""

    def __init__(self, folder: Path, buckets: int = 1) -> None:
        self.deployment, self.city = town(folder, buckets)
        self.deployment.store.delete_folder("landing")

    def step(self, day: date) -> Step:
        return Step(self.deployment, self.city, day, "test")

    def send(self, *days: date, registers: Mapping[date, bytes]) -> None:
        for day in days:
            deliver(self.deployment, self.city, "exports", day + DAY, f"{day}.csv", exports(day))
            deliver(self.deployment, self.city, "exports", day + DAY, f"{day}-reads.csv", nem13(day))
            if day in registers:
                deliver(self.deployment, self.city, "register", day + DAY, "r.csv", registers[day])

    def night(self, day: date) -> None:
        night(self.deployment, self.city, day)

    def made(self) -> dict[str, bytes]:
        store = self.deployment.store
        return {key: store.read(key) for table in MADE for key in store.list(f"lake/{table.name}")}

    def lake(self) -> CityLake:
        return CityLake.of(self.step(LATE))


FROM = DAYS[2]
"""The day from which the second register tells."""


def changed(folder: Path, buckets: int = 1) -> Town:
    """All is landed, of a city whose register changes; nothing is made yet."""
    there = Town(folder, buckets)
    there.send(*DAYS, registers={DAYS[0]: register(FIRST), FROM: register(CHANGED)})
    return there


@cache
def straight(buckets: int = 1) -> dict[str, bytes]:
    """What such a city is made of in one night, once for all tests."""
    with TemporaryDirectory() as folder:
        there = changed(Path(folder), buckets)
        there.night(LATE)
        return there.made()


def test_days_are_judged_by_the_register_that_tells_of_them(tmp_path: Path) -> None:
    there = changed(tmp_path / "changes")
    there.night(LATE)
    before, after = Town(tmp_path / "before"), Town(tmp_path / "after")
    before.send(*DAYS, registers={DAYS[0]: register(FIRST)})
    after.send(*DAYS, registers={DAYS[0]: register(CHANGED)})
    for other in (before, after):
        other.night(LATE)
    said = {
        METER_INTERVALS: pl.exclude(r"^_.*$"),
        FEEDER_BALANCE: pl.col("local_date", "feeder", "mains", "meters"),
        REGISTER_CHECKS: pl.col("local_date", "meter_id", "check", "outcome").filter(pl.col("check") == "quantity"),
    }
    for table, columns in said.items():
        found, by_first, by_second = (each.lake().read(table).select(columns) for each in (there, before, after))
        early, late = pl.col("local_date") < FROM, pl.col("local_date") >= FROM
        assert found.filter(early).equals(by_first.filter(early)), table.name
        assert found.filter(late).equals(by_second.filter(late)), table.name
        assert not by_first.equals(by_second), table.name


def test_it_does_not_matter_when_a_day_is_made(tmp_path: Path) -> None:
    night_by_night = changed(tmp_path / "night by night", buckets=4)
    for day in DAYS:
        night_by_night.night(day + DAY)
    assert night_by_night.made() == straight(buckets=4)
    # What a lake that was lost in part is made of again, weeks after.
    for day in DAYS:
        upkeep.rebuild(night_by_night.step(LATE), METER_INTERVALS, day)
    night_by_night.night(LATE)
    assert night_by_night.made() == straight(buckets=4)


def test_the_first_register_tells_of_the_days_before_it(tmp_path: Path) -> None:
    there, whole = Town(tmp_path / "late"), Town(tmp_path / "whole")
    there.send(*DAYS, registers={DAYS[-1]: register(CHANGED)})
    whole.send(*DAYS, registers={DAYS[0]: register(CHANGED)})
    there.night(DAYS[-1])
    for each in (there, whole):
        each.night(LATE)
    assert there.made() == whole.made()


def test_a_register_that_had_been_wrong_is_put_right(tmp_path: Path) -> None:
    """One that says from which day it tells takes the place of those that came before it and tell from then on; the
    one that comes after it, of an earlier day, leaves no more of it."""
    there = Town(tmp_path / "corrected")
    there.send(*DAYS, registers={DAYS[0]: register(FIRST), FROM: register({}), DAYS[3]: register(FIRST)})
    there.night(LATE - 2 * DAY)
    known = there.made()
    deliver(there.deployment, there.city, "register", LATE - DAY, "put-right.csv", register(CHANGED, as_of=FROM))
    there.night(LATE - DAY)
    assert there.made() == straight() != known
    assert not upkeep.verify(there.lake()), "what the ledger says of the others is still accounted for"
    register_watch.make(there.step(LATE - DAY))
    moved = there.lake().read(REGISTER_WATCH).filter(change="moved")
    assert moved.select("reference_before", "reference_date", "before", "after").rows() == [
        (DAYS[0], FROM, "north", "south")
    ]
    whole = Town(tmp_path / "whole")
    whole.send(*DAYS, registers={DAYS[0]: register(CHANGED)})
    deliver(there.deployment, there.city, "register", LATE, "all.csv", register(CHANGED, as_of=DAYS[0] - 3 * DAY))
    for each in (there, whole):
        each.night(LATE)
    assert there.made() == whole.made() != straight()


def test_what_a_register_tells_ahead_counts_from_its_day_on(tmp_path: Path) -> None:
    ahead = Town(tmp_path / "ahead")
    points = [*POINTS, *CHANGED]
    entries = [*((point, FIRST.get(point, PLAIN), "") for point in POINTS)]
    entries += [(point, CHANGED.get(point, PLAIN), f"{FROM}") for point in dict.fromkeys(points)]
    header = ",".join(["point", *COLUMNS, "valid_from"])
    told = "\n".join([header, *(",".join([point, *row, since]) for point, row, since in entries), ""]).encode()
    ahead.send(*DAYS, registers={DAYS[0]: told})
    ahead.night(LATE)
    assert ahead.made() == straight()
    assert ahead.lake().days(METERS) == [DAYS[0], FROM]


@pytest.mark.parametrize("cut", ["ledger.record", "meter_intervals.apply"])
def test_a_cut_leaves_no_day_behind(cut: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The register is in the lake, and the days that it tells of are made again before their intervals are set out."""
    there = Town(tmp_path)
    there.send(*DAYS, registers={DAYS[0]: register(FIRST)})
    there.night(LATE - DAY)
    deliver(there.deployment, there.city, "register", LATE, "r.csv", register(CHANGED, as_of=FROM))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(f"assets.lake.ingest.{cut}", _interrupted)
        ingest.ingest(there.step(LATE), METERS)
        ingest.ingest_meters(there.step(LATE))
    meter_final.make(there.step(LATE))
    there.night(LATE)
    assert there.made() == straight()


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_cells_are_of_the_zones_of_their_day(tmp_path: Path) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    moved = metered_city.register(*metered_city.POINTS).replace(b",north,", b",west,")
    for day, told in ((D1, metered_city.register(*metered_city.POINTS)), (D3, moved)):
        deliver(deployment, city, "register", day, "r.csv", told)
        for reading_day in (day - DAY, day - 2 * DAY):
            name = f"{reading_day}.csv"
            deliver(deployment, city, "exports", day, name, ones(reading_day, *metered_city.POINTS))
        metered_city.night(deployment, city, day)
    step = Step(deployment, city, D3, "test")
    for day in (D1 - DAY, D2):
        upkeep.rebuild(step, METER_INTERVALS, day)
    metered_city.night(deployment, city, D3)
    cells = CityLake.of(step).read(LOAD_PROFILE)
    zones = {day: set(cells.filter(local_date=day)["zone"]) for day in (D1 - DAY, D1, D2)}
    assert zones == {D1 - DAY: {"north", "south"}, D1: {"north", "south"}, D2: {"west", "south"}}


@pytest.mark.parametrize(("first", "verdict"), [(20, "warn"), (15, "warn"), (10, "pass"), (0, "pass")])
def test_registers_of_one_night_that_tell_of_other_meters_are_no_versions(
    tmp_path: Path, first: int, verdict: str
) -> None:
    """As where each office of the utility sends its own: the last one counts, and that is said."""
    city, points = small_city(), metered_city.POINTS
    deployment = deployment_at(tmp_path, city)
    deliver(deployment, city, "register", D2, "a.csv", metered_city.register(*points[:20]))
    deliver(deployment, city, "register", D2, "b.csv", metered_city.register(*points[first : first + 20]))
    found = ingest.ingest(Step(deployment, city, D2, "test"), METERS).verdicts
    [told] = [each for each in found if each.check == "register-parts"]
    assert (told.verdict, told.failed) == (verdict, first if verdict == "warn" else 0)
