"""Decisions by hand and proven outages: what they change, what overtakes them, and that their order leaves no trace."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import erasure, rotation
from assets.lake.files import CityLake
from assets.lake.points import point_of
from assets.landing.deployment import Deployment, Step
from assets.landing.identity import claim
from assets.meters.decisions import COLUMNS, read_decisions
from assets.meters.outages import read_outages
from quality.tables import METER_DECISIONS, METER_OUTAGES, VERDICTS
from tests.kit import codes
from tests.lake.judged_town import DAYS, LATE, POINTS, final, load, nem12, night, town, whole
from tests.lake.small_city import deliver

LAST = DAYS[-1]


def decision(kind: str, point: str, day: date, hours: str, value: str = "", at: str = "") -> bytes:
    """A list of one decision about ``hours`` (``10:00-12:00``) of a day."""
    since, until = hours.split("-")
    cells = {
        "point": point,
        "quantity": "active_import",
        "from": f"{day} {since}",
        "to": f"{day} {until}",
        "decision": kind,
        "value": value,
        "reason": "seen on site",
        "decided_by": "S. Jaidee",
        "decided_at": at or f"{LATE} 10:00",
    }
    return f"{','.join(COLUMNS)}\n{','.join(cells[name] for name in COLUMNS)}\n".encode()


def history(deployment: Deployment, city: City, last: dict[str, list[float | None]] | None = None) -> None:
    for day in DAYS:
        data = nem12(day, whole(day) if day != LAST or last is None else last)
        deliver(deployment, city, "exports", day, f"{day}.csv", data)


def meter(deployment: Deployment, city: City, point: str) -> str:
    return erasure._meter(Step(deployment, city, LATE), point)


def slots(deployment: Deployment, city: City, point: str, day: date = LAST) -> pl.DataFrame:
    return final(deployment, city, day).filter(meter_id=meter(deployment, city, point)).sort("start")


def spiked() -> dict[str, list[float | None]]:
    told = whole(LAST)
    told[POINTS[0]][50] = 75.0
    return told


def test_an_accepted_value_is_used_and_said_to_be(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    history(deployment, city, spiked())
    night(deployment, city, LAST)
    before = slots(deployment, city, POINTS[0])
    assert before["method"][50] != "A", "a spike is not used"
    deliver(deployment, city, "decisions", LATE, "d.csv", decision("accept", POINTS[0], LAST, "12:00-13:00"))
    night(deployment, city, LATE)
    after = slots(deployment, city, POINTS[0])
    assert after.row(50, named=True)["value_final"] == 75
    assert (after["method"][50], after["final_quality"][50]) == ("A", "S")
    assert after["flags"][50] == before["flags"][50] > 0, "what was found is still told"
    assert after["final_quality"].to_list().count("S") == 1, "what was never in doubt is no acceptance"
    warned = CityLake(deployment.store, city.slug).day(VERDICTS, LATE).filter(table="meter_final", verdict="warn")
    assert "spike" not in warned["check"].to_list()


def test_of_decisions_of_one_time_the_later_row_counts(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    history(deployment, city)
    ranges = {"00:00-12:00": "0.1", "06:00-12:00": "0.2", "00:00-03:00": "0.3", "08:00-09:00": "0.4"}
    told = [decision("correct", POINTS[0], LAST, at, value).splitlines(keepends=True) for at, value in ranges.items()]
    deliver(deployment, city, "decisions", LATE, "d.csv", b"".join([told[0][0], *(row for _, row in told)]))
    night(deployment, city, LATE)
    put = [float(value) for value in slots(deployment, city, POINTS[0])["value_final"][:48]]
    assert put == [0.3] * 12 + [0.1] * 12 + [0.2] * 8 + [0.4] * 4 + [0.2] * 12


def test_a_corrected_value_stands_until_a_good_actual_comes_later(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    history(deployment, city, spiked())
    told = decision("correct", POINTS[0], LAST, "12:00-13:00", "0.25")
    deliver(deployment, city, "decisions", LATE, "d.csv", told)
    night(deployment, city, LATE)
    put = slots(deployment, city, POINTS[0])[48:52]
    assert [float(value) for value in put["value_final"]] == [0.25] * 4
    assert set(put["method"]) == {"MX"}
    assert set(put["final_quality"]) == {"EF"}

    def version(day: date) -> bytes:
        return f"{day:%Y%m%d}".encode()

    def again(day: date, value: float) -> pl.DataFrame:
        """The day is delivered once more, with this value from 12:00 to 13:00."""
        more = load(POINTS[0], LAST)
        more[48:52] = [value] * 4
        data = nem12(LAST, {POINTS[0]: more}).replace(b"%s235959" % version(LAST), b"%s235959" % version(day))
        deliver(deployment, city, "exports", day, f"{day}-{value}.csv", data)
        night(deployment, city, day)
        return slots(deployment, city, POINTS[0])[48:52]

    next_day = LATE + timedelta(days=1)
    assert set(again(LATE, 0.3)["method"]) == {"MX"}, "it was there on the day of the decision"
    assert set(again(next_day, 80.0)["method"]) == {"MX"}, "a suspect value does not overtake it"
    overtaken = again(next_day + timedelta(days=1), 0.35)
    assert [float(value) for value in overtaken["value_final"]] == [0.35] * 4
    assert set(overtaken["method"]) == {"A"}
    assert set(overtaken["final_quality"]) == {"V"}
    assert set(again(next_day + timedelta(days=2), 0.3)["method"]) == {"MX"}, "this one had been told by then"


def test_a_value_put_aside_is_estimated_and_may_be_taken_back(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    history(deployment, city)
    night(deployment, city, LAST)
    plain = slots(deployment, city, POINTS[2])
    deliver(deployment, city, "decisions", LATE, "d.csv", decision("estimate", POINTS[2], LAST, "06:00-18:00"))
    night(deployment, city, LATE)
    aside = slots(deployment, city, POINTS[2])
    assert set(aside[24:72]["final_quality"]) == {"ET"}
    assert aside[:24].equals(plain[:24])
    assert aside[72:].equals(plain[72:])
    back = decision("withdraw", POINTS[2], LAST, "06:00-12:00", at=f"{LATE} 11:00")
    deliver(deployment, city, "decisions", LATE, "w.csv", back)
    night(deployment, city, LATE)
    assert slots(deployment, city, POINTS[2])[:48].equals(plain[:48])
    assert set(slots(deployment, city, POINTS[2])[48:72]["final_quality"]) == {"ET"}


def test_supply_that_was_proven_off_is_no_use(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    gap = whole(LAST)
    for point in POINTS[:3]:
        gap[point][41:49] = [None] * 8
    history(deployment, city, gap)
    night(deployment, city, LAST)
    assert "Z0" not in final(deployment, city)["method"].to_list()
    outages = f"point,zone,from,to\n{POINTS[0]},,{LAST} 10:20,{LAST} 12:00\n,elsewhere,{LAST} 00:00,{LAST} 23:00\n"
    deliver(deployment, city, "outages", LATE, "o.csv", outages.encode())
    night(deployment, city, LATE)
    off = slots(deployment, city, POINTS[0])
    assert off[42:48]["method"].to_list() == ["Z0"] * 6, "a slot that the outage cuts may have used energy"
    assert off[42:48]["value_final"].sum() == 0
    assert "Z0" not in [*off[:42]["method"], *off[48:]["method"]]
    assert "Z0" not in slots(deployment, city, POINTS[1])["method"].to_list()
    deliver(deployment, city, "outages", LATE, "z.csv", f"zone,from,to\nnorth,{LAST} 10:00,{LAST} 13:00\n".encode())
    night(deployment, city, LATE)
    for point in POINTS[:3]:
        assert slots(deployment, city, point)[41:49]["method"].to_list() == ["Z0"] * 8
    deliver(deployment, city, "outages", LATE, "none.csv", f"zone,from,to\nnorth,{LAST} 10:00,{LAST} 10:00\n".encode())
    night(deployment, city, LATE)
    assert "Z0" not in final(deployment, city)["method"].to_list(), "the last list of a day is the whole of it"


def lists() -> list[tuple[str, str, bytes]]:
    noon = decision("estimate", POINTS[3], DAYS[4], "11:00-15:00", at=f"{LATE} 09:00")
    later = decision("correct", POINTS[3], DAYS[4], "13:00-14:00", "0.4", at=f"{LATE} 09:30")
    over = decision("correct", POINTS[1], DAYS[6], "22:00-23:00", "0.7").replace(
        f"{DAYS[6]} 23:00".encode(), f"{DAYS[7]} 02:00".encode()
    )
    spike = decision("accept", POINTS[0], LAST, "12:00-13:00")
    off = f"zone,from,to\nnorth,{DAYS[3]} 20:00,{DAYS[4]} 01:00\n".encode()
    told = [("decisions", f"{at}.csv", data) for at, data in enumerate((noon, later, over, spike))]
    return [*told, ("outages", "o.csv", off)]


def test_the_order_of_decisions_and_deliveries_leaves_no_trace(tmp_path: Path) -> None:
    gaps = {day: whole(day) for day in DAYS}
    gaps[DAYS[3]][POINTS[4]][78:] = [None] * 18
    gaps[DAYS[5]][POINTS[3]][44:60] = [None] * 16
    gaps[LAST][POINTS[0]][50] = 75.0
    files = [("exports", f"{day}.csv", nem12(day, values)) for day, values in gaps.items()]
    everything = [*files, *lists()]
    towns = []
    for seed, buckets in enumerate((1, 4)):
        deployment, city = town(tmp_path / str(seed), buckets)
        order = Random(seed).sample(everything, len(everything)) if seed else everything
        for at in range(0, len(order), 14 if seed == 0 else 5):
            for source, name, data in order[at : at + (14 if seed == 0 else 5)]:
                deliver(deployment, city, source, LATE, name, data)
            night(deployment, city, LATE)
        towns.append((deployment, city))
    assert final(*towns[1]).equals(final(*towns[0]))
    told = final(*towns[0])
    assert {"MX", "Z0"} <= set(told["method"])
    assert "S" in told["final_quality"].to_list()


def test_erasure_and_a_new_key_reach_decisions_and_outages(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    history(deployment, city)
    for source, name, data in [
        ("decisions", "a.csv", decision("correct", POINTS[0], LAST, "12:00-13:00", "0.25")),
        ("decisions", "b.csv", decision("estimate", POINTS[1], LAST, "12:00-13:00")),
        ("outages", "o.csv", f"point,from,to\n{POINTS[0]},{LAST} 10:00,{LAST} 11:00\n".encode()),
    ]:
        deliver(deployment, city, source, LATE, name, data)
    night(deployment, city, LATE)
    lake, step = CityLake(deployment.store, city.slug), Step(deployment, city, LATE, "test")
    ids = [meter(deployment, city, point) for point in POINTS[:2]]
    assert [point_of(step, each) for each in ids] == list(POINTS[:2])
    assert point_of(step, "0" * 20) is None
    before = final(deployment, city, LAST).filter(meter_id=ids[0])
    claim(deployment.store, "live", deployment.meter_key, deployment.now())
    rotation.rotate(deployment, deployment.secret(), b"another key of the tests")
    after = replace(deployment, meter_key=b"another key of the tests")
    step = Step(after, city, LATE, "test")
    new = [meter(after, city, point) for point in POINTS[:2]]
    assert set(lake.read(METER_DECISIONS)["meter_id"]) == set(new)
    assert set(lake.read(METER_OUTAGES)["meter_id"]) == {new[0]}
    night(after, city, LATE)
    renamed = final(after, city, LAST).filter(meter_id=new[0]).drop("meter_id")
    assert renamed.equals(before.drop("meter_id"))

    found = erasure.trace(step, POINTS[0])
    assert {found.rows[name] for name in ("meter_decisions", "meter_outages")} == {1}
    erasure.erase(step, POINTS[0])
    assert set(lake.read(METER_DECISIONS)["meter_id"]) == {new[1]}
    assert not lake.read(METER_OUTAGES).height
    landed = b"".join(deployment.store.read(key) for key in deployment.store.list("landing"))
    assert POINTS[0].encode() not in landed


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"point": ""}, "value-null"),
        ({"decision": "guess"}, "value-unknown"),
        ({"from": "yesterday"}, "stamp-bad"),
        ({"to": f"{LAST} 09:00"}, "value-range"),
        ({"to": f"{LAST + timedelta(days=4000)} 09:00"}, "value-range"),
        ({"value": "much"}, "value-not-number"),
        ({"value": ""}, "value-not-number"),
        ({"decision": "accept", "value": "1"}, "value-unknown"),
        ({"reason": ""}, "value-null"),
        ({"reason": "as account 020012340001 says"}, "value-unknown"),
        ({"decided_by": ""}, "value-null"),
        ({"decided_at": "2099-01-01 10:00"}, "value-range"),
        ({"from": "2027-11-20 10:00", "to": "2027-11-20 11:00"}, "value-range"),
        ({"value": "-0.25"}, "value-range"),
    ],
)
def test_a_decision_that_is_none_is_refused(changes: dict[str, str], code: str) -> None:
    names, cells = decision("correct", POINTS[0], LAST, "10:00-11:00", "0.25").decode().splitlines()
    told = dict(zip(names.split(","), cells.split(","), strict=True)) | changes
    read = read_decisions(f"{names}\n{','.join(told.values())}\n".encode(), LATE)
    assert codes(read) == [code]
    assert not read.tables
    assert POINTS[0] not in str(read.problems.to_dicts())


def test_an_outage_is_of_a_meter_or_of_a_zone() -> None:
    told = (
        "x,north,2026-11-20 10:00,2026-11-20 11:00",
        ",,2026-11-20 10:00,2026-11-20 11:00",
        "y,,2027-11-20 10:00,2027-11-20 11:00",  # planned, or a slip
        "x,,2026-11-20 23:00,2026-11-22 01:00",
    )
    read = read_outages("\n".join(["point,zone,from,to", *told, ""]).encode(), LATE)
    assert codes(read) == ["row-malformed", "row-malformed", "value-range"]
    days = read.tables["meter_outages"]
    assert [str(day) for day in days["local_date"]] == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert days.select((pl.col("end") - pl.col("start")).dt.total_minutes()).to_series().to_list() == [60, 1440, 60]


def test_what_is_about_nothing_or_far_from_all_is_told(tmp_path: Path) -> None:
    """By a list nobody sees that a point, a quantity or a day slipped."""
    deployment, city = town(tmp_path)
    history(deployment, city)
    right = decision("correct", POINTS[0], LAST, "12:00-13:00", "0.25").decode().splitlines()
    slips = [right[1].replace(POINTS[0], "020099999999"), right[1].replace("_import", "_export")]
    slips.append(right[1].replace(f"{LAST}", f"{DAYS[0] - timedelta(days=1)}"))
    slips.append(right[1].replace("12:00", "14:00").replace("13:00", "15:00").replace(",0.25,", ",250,"))
    slips.append(right[1].replace("12:00", "12:05").replace("13:00", "12:10"))  # no interval begins within
    deliver(deployment, city, "decisions", LATE, "d.csv", "\n".join([*right, *slips, ""]).encode())
    off = [f"{POINTS[0]},,{LAST} 10:00,{LAST} 11:00", f",north,{LAST} 10:00,{LAST} 11:00"]
    wrong = [f"020099999999,,{LAST} 10:00,{LAST} 11:00", f",nort,{LAST} 10:00,{LAST} 11:00"]
    outages = "\n".join(["point,zone,from,to", *off, *wrong, ""])
    deliver(deployment, city, "outages", LATE, "o.csv", outages.encode())
    night(deployment, city, LATE)

    def told(day: date) -> dict[str, tuple[str, int, int]]:
        rows = CityLake(deployment.store, city.slug).day(VERDICTS, day)
        rows = rows.filter(pl.col("check").is_in(["decision-idle", "decision-far", "outage-idle"]))
        return {row["check"]: (row["verdict"], row["failed"], row["checked"]) for row in rows.to_dicts()}

    checks = {"decision-idle": ("warn", 4, 6), "decision-far": ("warn", 1, 4), "outage-idle": ("warn", 2, 4)}
    assert told(LATE) == checks, "of the far one a day's energy, or watt-hours, may be meant"
    night(deployment, city, LATE + timedelta(days=1))
    assert told(LATE + timedelta(days=1)) == {}, "it is told when it comes"
