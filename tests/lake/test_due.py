"""What is due: what the machine failed on, what another reader would read otherwise, and nothing else."""

import errno
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations, product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cities.registry import City, SourceEntry
from assets.indicators.tables import newest
from assets.lake import ledger, upkeep
from assets.lake.feeds import SOURCES
from assets.lake.files import CityLake
from assets.landing.archive import object_key
from assets.landing.deployment import Deployment, Step
from assets.landing.store import StoreFailure
from quality.tables import (
    DELIVERIES,
    METER_INTERVALS,
    METER_SUPERSEDED,
    QUARANTINE,
    TRANSIT_SERVICE,
    TRANSIT_STOPS,
    WEATHER,
)
from tests.kit import ingest, ingest_meters, sampled
from tests.lake.small_city import D1, D2, D3, books, content, deliver, deployment_at, nem12, sum_of, weather
from tests.sources.test_gtfs_feed import zipped


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def read(data: bytes, context: Any) -> Any:
        raise error

    monkeypatch.setitem(SOURCES, "meter_exports", replace(SOURCES["meter_exports"], reader=read))


def wrapped(inner: BaseException) -> Exception:
    """What a library makes of a failure that it does not know."""
    outer = RuntimeError("cannot parse")
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENOSPC, "No space left on device"),
        StoreFailure(errno.EIO, "503"),
        pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value"),
        wrapped(MemoryError()),
    ],
    ids=lambda error: type(error).__name__ + str(getattr(error, "errno", "")),
)
def test_what_the_machine_failed_on_is_read_the_next_night(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, "P1"))
    with monkeypatch.context() as short:
        failing(short, error)
        ingest_meters(deployment, city, D1)
    assert [(row["status"], row["rows"]) for row in books(deployment, city, METER_INTERVALS)] == [("failed", 0)]
    deliver(deployment, city, "exports", D2, "a.csv", nem12(D1, "P1"))
    ingest_meters(deployment, city, D2)
    told = {(row["day"], row["status"], row["rows"]) for row in books(deployment, city, METER_INTERVALS)}
    assert told == {(D1, "ok", 96), (D2, "ok", 0)}
    assert sum_of(deployment, city) == 96


def test_what_the_content_deserves_is_final_until_the_code_changes_and_stays_in_the_summary(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (D1, D2):
        deliver(deployment, city, "exports", day, "a.csv", nem12(D1, "P1"))
        with monkeypatch.context() as wrong:
            failing(wrong, ValueError("a bug"))
            ingest_meters(deployment, city, day)
    told = {(row["day"], row["status"], row["rows"]) for row in books(deployment, city, METER_INTERVALS)}
    assert told == {(D1, "rejected", 0), (D2, "rejected", 0)}, "never ok with no rows"
    assert not list(ledger.due(Step(deployment, city, D3), METER_INTERVALS, {}))
    deliver(deployment, city, "exports", D3, "a.csv", nem12(D1, "P1"))
    monkeypatch.setattr(ledger, "code", lambda: "mended")
    ingest_meters(deployment, city, D3)
    told = {(row["day"], row["status"], row["rows"]) for row in books(deployment, city, METER_INTERVALS)}
    assert told == {(D1, "ok", 96), (D2, "rejected", 0), (D3, "ok", 0)}
    assert sum_of(deployment, city) == 96
    assert not list(ledger.due(Step(deployment, city, D3, "later"), WEATHER, {}))


def reading(city: City, **options: Any) -> City:
    """The city with other options for its meter exports."""
    entry = SourceEntry(via="inbox", reader="meter_exports", options={"timezone": "Asia/Bangkok"} | options)
    return city.model_copy(update={"sources": {**city.sources, "exports": entry}})


@pytest.mark.parametrize("how", ["options", "version"])
def test_what_was_read_otherwise_is_read_again_as_if_the_mend_had_always_been_there(
    tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A wrong zone, or a reader that was wrong: all was accepted, and all of it was wrong."""
    right, found = deployment_at(tmp_path / "right", city), deployment_at(tmp_path / "found", city)
    source = SOURCES["meter_exports"]

    def late(data: bytes, context: Any) -> Any:
        result = source.reader(data, context)
        moved = result.tables["readings"].with_columns(pl.col("start") - pl.duration(hours=5))
        return replace(result, tables={"readings": moved})

    for day in (D1, D2):
        for deployment in (right, found):
            deliver(deployment, city, "exports", day, f"{day}.csv", nem12(day, "P1", "P2"))
        ingest_meters(right, city, day)
        with monkeypatch.context() as wrong:
            if how == "version":
                wrong.setitem(SOURCES, "meter_exports", replace(source, reader=late, version=0))
            ingest_meters(found, reading(city, timezone="Asia/Kolkata") if how == "options" else city, day)
    assert CityLake(found.store, city.slug).days(METER_INTERVALS) != [D1, D2]
    ingest_meters(found, city, D3)
    ingest_meters(right, city, D3)
    expected, got = content(right.store), content(found.store)
    assert {key for key in {*expected, *got} if expected.get(key) != got.get(key) and "/verdicts/" not in key} == set()


def test_replay_reads_what_waits_with_the_same_lake_as_if_it_had_been_read_at_once(
    tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, found = deployment_at(tmp_path / "right", city), deployment_at(tmp_path / "found", city)
    for deployment in (right, found):
        deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, "P1"))
        deliver(deployment, city, "weather", D1, "w", weather(D1, 25.0, 99.0, others=None))
    ingest_meters(right, city, D1)
    ingest(right, city, WEATHER, D1)
    with monkeypatch.context() as wrong:
        failing(wrong, ValueError("a bug"))
        ingest_meters(found, city, D1)
    ingest(found, city, WEATHER, D1)
    step = Step(found, city, D2, "replay")
    assert upkeep.as_last_night(step).day == D1, "no night has begun on D2"
    waiting = upkeep.refused(step).select("table", "status", "codes").rows()
    assert waiting == [("meter_intervals", "rejected", ["reader-failed"]), ("weather", "partial", ["value-range"])]
    done = upkeep.replay(step)
    assert [(each.note, each.deliveries) for each in done] == [("meter_intervals", 1), ("weather", 1)]
    assert upkeep.refused(step)["table"].to_list() == ["weather"], "99 °C stay refused"
    assert upkeep.unread(step) == []
    without = city.model_copy(update={"sources": {name: it for name, it in city.sources.items() if name != "weather"}})
    assert upkeep.replay(gone := Step(found, without, D2, "replay")) == []
    assert (upkeep.refused(gone)["source"].to_list(), upkeep.unread(gone)) == (["weather"], ["weather"])
    expected, got = content(right.store), content(found.store)
    assert {key for key in {*expected, *got} if expected.get(key) != got.get(key) and "/verdicts/" not in key} == set()


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_damaged_bytes_cost_no_row_that_was_read_of_them_and_are_read_when_they_are_back(
    deployment: Deployment, city: City, harm: str
) -> None:
    data = nem12(D1, "P1")
    deliver(deployment, city, "exports", D1, "a.csv", data)
    ingest_meters(deployment, city, D1)
    [receipt] = deployment.archive.receipts(city.slug, "exports")
    key = object_key(str(receipt.sha256))
    before = content(deployment.store)
    deployment.store.delete(key) if harm == "gone" else deployment.store.write(key, data[:-9])
    ingest_meters(deployment, city, D1)
    assert sum_of(deployment, city) == 96, "what was read stays"
    [row] = books(deployment, city, METER_INTERVALS)
    assert (row["status"], row["rows"]) == ("failed", 96)
    [problem] = CityLake(deployment.store, city.slug).read(QUARANTINE)["code"]
    assert problem == "landing-damaged"
    deliver(deployment, city, "exports", D2, "a.csv", data)
    ingest_meters(deployment, city, D2)
    after = content(deployment.store)
    assert {k for k in before if after[k] != before[k] and "/verdicts/" not in k} == set()
    assert CityLake(deployment.store, city.slug).read(DELIVERIES)["status"].to_list() == ["ok", "ok"]


def test_rows_of_a_day_that_had_not_come_are_refused_with_their_number(deployment: Deployment, city: City) -> None:
    deliver(deployment, city, "exports", D1, "era.csv", nem12(D1.replace(year=2027), "P1"))
    deliver(deployment, city, "exports", D1, "right.csv", nem12(D1, "P2"))
    ingest_meters(deployment, city, D1)
    assert CityLake(deployment.store, city.slug).days(METER_INTERVALS) == [D1]
    refused = CityLake(deployment.store, city.slug).read(QUARANTINE)
    assert set(refused["code"]) == {"value-future", "version-bad"}
    assert set(refused.filter(code="value-future")["row"]) == {3}
    assert sorted(row["status"] for row in books(deployment, city, METER_INTERVALS)) == ["ok", "rejected"]


def days_of_one_file(*days: date) -> bytes:
    """NEM12 of one meter over several days."""
    head, *rest = nem12(days[0], "P1").decode().splitlines()
    records = [line for day in days for line in nem12(day, "P1").decode().splitlines() if line.startswith("300")]
    return "\r\n".join([head, rest[0], *records, "900", ""]).encode()


def days_of_meters(deployment: Deployment, city: City) -> dict[date, Decimal]:
    read = CityLake(deployment.store, city.slug).read(METER_INTERVALS)
    return dict(read.group_by("local_date").agg(pl.col("value_delivered").sum()).sort("local_date").iter_rows())


@pytest.mark.parametrize("one_by_one", [True, False])
def test_a_full_inbox_over_several_nights_gives_each_day_when_it_has_come(
    deployment: Deployment, city: City, one_by_one: bool
) -> None:
    """The file lies there from the first night. What it brought before is not brought again: what corrected it on the
    second stays."""
    nights = [D1 + timedelta(days=n) for n in range(5)]
    for night in nights:
        deliver(deployment, city, "exports", night, "a.csv", days_of_one_file(*nights[:4]))
        if night == D2:
            deliver(deployment, city, "exports", night, "b.csv", nem12(D1, "P1", value=2))
        if one_by_one:
            ingest_meters(deployment, city, night)
            come = [day for day in nights[:4] if day <= night + METER_INTERVALS.ahead]
            assert list(days_of_meters(deployment, city)) == come
    ingest_meters(deployment, city, nights[-1])
    assert days_of_meters(deployment, city) == {day: 192 if day == D1 else 96 for day in nights[:4]}
    read = CityLake(deployment.store, city.slug).read(METER_INTERVALS)
    delivered = dict(read.group_by("local_date").agg(pl.col("_delivered").unique().item()).iter_rows())
    assert delivered == {D1: D2, D2: D1, D3: D2, nights[3]: D3}
    rows = {(row["day"], row["rows"], row["next_day"]) for row in books(deployment, city, METER_INTERVALS)}
    assert rows == {(D1, 192, D3), (D2, 96, nights[3]), (D2, 96, None), (D3, 96, None), (nights[3], 0, None)} | {
        (nights[4], 0, None)
    }


def test_what_a_portal_told_too_early_is_not_believed_later(deployment: Deployment, city: City) -> None:
    """Its clock is wrong, and it stands still."""
    for night in (D1, D2, D3):
        deliver(deployment, city, "weather", night, "w", weather(D3 + timedelta(days=1), *[25.0] * 24))
        ingest(deployment, city, WEATHER, night)
    assert CityLake(deployment.store, city.slug).read(WEATHER).is_empty()


@pytest.mark.parametrize("contents", sampled(map("".join, product("xy", repeat=3)), 8))
def test_whatever_night_is_landed_last_the_lake_is_the_same(tmp_path: Path, city: City, contents: str) -> None:
    """A night that is run late takes its place: what came after it under the same name may repeat it, or does so no
    more. One of the files tells of a day that had not come on the first nights."""
    files = {"x": days_of_one_file(D1, D3), "y": nem12(D1, "P1", value=2)}
    nights = dict(zip((D1, D2, D3), contents, strict=True))

    def lake_of(order: Sequence[date]) -> tuple[pl.DataFrame, ...]:
        deployment = deployment_at(tmp_path / "".join(f"{day.day}" for day in order), city)
        for night in order:
            deliver(deployment, city, "exports", night, "a.csv", files[nights[night]])
            ingest_meters(deployment, city, night)
        ingest_meters(deployment, city, D3)
        lake = CityLake(deployment.store, city.slug)
        assert upkeep.verify(lake) == []
        told = [lake.read(table).drop("_receipt") for table in (METER_INTERVALS, METER_SUPERSEDED)]
        return *told, lake.read(DELIVERIES).sort("day").select("day", "status", "rows", "refused", "held", "next_day")

    first, *others = (lake_of(order) for order in permutations(nights))
    for other in others:
        for one, same in zip(first, other, strict=True):
            assert_frame_equal(one, same)


def test_what_was_left_in_the_inbox_waits_only_while_it_lies_there(deployment: Deployment, city: City) -> None:
    for day in (D1, D2):
        deliver(deployment, city, "exports", day, "a.csv", None, outcome="left", code="file-unreadable", reason="-")
        ingest_meters(deployment, city, day)
        assert upkeep.refused(Step(deployment, city, day, "asked"))["day"].to_list() == [day]
    deliver(deployment, city, "exports", D3, "b.csv", nem12(D3, "P1"))
    ingest_meters(deployment, city, D3)
    assert upkeep.refused(Step(deployment, city, D3, "asked")).is_empty()


@pytest.mark.parametrize("via", ["inbox", "portal"])
def test_an_unchanged_feed_is_read_again_when_its_next_timetable_begins(tmp_path: Path, city: City, via: Any) -> None:
    entry = SourceEntry(via=via, reader="gtfs", options={"feed": "bus", "url": "https://bus.example/feed.zip"})
    town = city.model_copy(update={"sources": {"bus": entry}})
    deployment = deployment_at(tmp_path, town, today=date(2026, 12, 31))
    head = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    daily = "{},1,1,1,1,1,1,1,{:%Y%m%d},{:%Y%m%d}\n"
    times = "{0},06:00:00,1,1\n{0},06:10:00,2,2\n"
    feed = {
        "stops.txt": f"stop_id,stop_name,stop_lat,stop_lon\n1,a,{town.lat},{town.lon}\n2,b,{town.lat},{town.lon}\n",
        "routes.txt": "route_id,route_short_name,route_type\n1,r,3\n",
        "trips.txt": "route_id,service_id,trip_id\n1,now,t1\n1,next,t2\n1,next,t3\n",
        "stop_times.txt": "trip_id,departure_time,stop_id,stop_sequence\n"
        + times.format("t1")
        + times.format("t2")
        + times.format("t3"),
    }
    then, end = D1 + timedelta(days=30), date(2027, 12, 31)
    both = daily.format("now", D1, then - timedelta(days=1)) + daily.format("next", then, end)
    data = zipped(feed | {"calendar.txt": head + both})
    for day, departures, rows in ((D1, 1, 2), (D2, 1, 0), (then, 2, 2), (then + timedelta(days=1), 2, 0)):
        deliver(deployment, town, "bus", day, "bus.zip", data)
        assert ingest(deployment, town, TRANSIT_STOPS, day).rows == rows
        ingest(deployment, town, TRANSIT_SERVICE, day)
        service = newest(CityLake(deployment.store, town.slug).read(TRANSIT_SERVICE), "reference_date", day, "feed")
        assert service.filter(day_type="weekday")["departures"].to_list() == [departures]
        assert set(service["feed_end_date"]) == {end if day >= then else then - timedelta(days=1)}


def test_a_feed_that_is_published_before_it_begins_is_read(tmp_path: Path, city: City) -> None:
    entry = SourceEntry(via="portal", reader="gtfs", options={"feed": "bus", "url": "https://bus.example/feed.zip"})
    town = city.model_copy(update={"sources": {"bus": entry}})
    deployment = deployment_at(tmp_path, town)
    feed = {
        "stops.txt": f"stop_id,stop_name,stop_lat,stop_lon\n1,a,{town.lat},{town.lon}\n",
        "routes.txt": "route_id,route_short_name,route_type\n1,r,3\n",
        "feed_info.txt": "feed_version,feed_start_date,feed_end_date\n7,20270101,20271231\n",
    }
    deliver(deployment, town, "bus", D1, "bus.zip", zipped(feed))
    assert ingest(deployment, town, TRANSIT_STOPS, D1).rows == 1
    assert CityLake(deployment.store, town.slug).read(TRANSIT_STOPS)["reference_date"].to_list() == [D1]
