"""Erasure of a metering point: nothing of it is left, all else is as if it had never come, whenever it is cut short."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import accounts, erasure, ledger, load_profile, meter_final, upkeep
from assets.lake.delivered import pseudonyms
from assets.lake.files import CityLake
from assets.lake.points import PSEUDONYMOUS, holds
from assets.lake.rotation import rotate
from assets.landing import erased
from assets.landing.deployment import Deployment, Step
from assets.landing.identity import claim
from assets.landing.inbox import land_inbox
from assets.landing.store import LocalStore, Store
from quality import privacy
from quality.tables import (
    DELIVERIES,
    INDICATORS,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_INTERVALS,
    METER_SUPERSEDED,
    METERS,
    QUARANTINE,
    REGISTER_READS,
)
from tests.kit import ingest_meters, land, sampled
from tests.lake.metered_city import POINTS, metered_city, night
from tests.lake.small_city import D1, D2, D3, content, deliver, nem12

pytestmark = pytest.mark.usefixtures("without_suites")

GONE = POINTS[1]
FILLED = (METERS, METER_INTERVALS, METER_SUPERSEDED, REGISTER_READS)


def step(deployment: Deployment, city: City) -> Step:
    return Step(deployment, city, D3, "test")


def plain(lake: CityLake) -> dict[str, pl.DataFrame]:
    """The lake's rows without lineage that tells of bytes or lines of a file."""
    tables = {table.name: lake.read(table).drop("_receipt", "_number") for table in FILLED}
    told = (
        lake.read(DELIVERIES).sort("day", "source", "rows").select("table", "day", "status", "rows", "held", "format")
    )
    return {name: rows.sort(rows.columns) for name, rows in tables.items()} | {"deliveries": told}


def assert_gone(deployment: Deployment, city: City, point: str = GONE) -> None:
    lake, store = CityLake(deployment.store, city.slug), deployment.store
    meter = pseudonyms(pl.Series([point]), city.slug, deployment.secret())[point]
    assert [t.name for t in PSEUDONYMOUS if meter in set(lake.read(t)["meter_id"])] == []
    assert [key for key in store.list("landing") if holds(store.read(key), key, point)] == []
    assert upkeep.verify(lake) == []
    assert accounts.differences(lake) == []


@pytest.mark.parametrize(
    ("store", "packed"),
    sampled([("s3", True), ("local", True), ("local", False), ("s3", False)], 2),
    indirect=["store"],
)
def test_the_lake_is_as_if_it_had_never_come_and_landing_holds_it_no_more(
    store: Store, tmp_path: Path, packed: bool
) -> None:
    deployment, city = metered_city(tmp_path / "with", store)
    never, _ = metered_city(tmp_path / "never", without=GONE)
    if packed:
        deployment.archive.compact(city.slug, "2026-11")
        assert store.list("landing/objects") == []
    found = erasure.erase(step(deployment, city), GONE)
    assert (len(found.deliveries), found.inbox, found.before) == (6, [], False)
    assert found.rows["meter_superseded"] > 0
    assert found.days == [D1]
    assert_gone(deployment, city)
    lake = CityLake(store, city.slug)
    for name, rows in plain(CityLake(never.store, city.slug)).items():
        assert plain(lake)[name].equals(rows), name
    assert lake.read(QUARANTINE).is_empty()
    assert list(erased.noted(store, city.slug).values()) == [D3]
    # Read again from what stands in the place of the files, it is the same to the byte.
    before = content(store)
    upkeep.rebuild(step(deployment, city), METER_INTERVALS, D1)
    upkeep.rebuild(step(deployment, city), METERS, D1)
    assert {key for key, data in content(store).items() if before.get(key) != data and "/verdicts/" not in key} == set()
    again = erasure.erase(step(deployment, city), GONE)
    assert (again.deliveries, again.rows, again.before) == ([], {}, True)


def test_sums_that_it_was_part_of_stay_and_nothing_else_of_it(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    before, basis = lake.read(LOAD_PROFILE), lake.read(LOAD_PROFILE_BASIS)
    erasure.erase(step(deployment, city), GONE)
    night(deployment, city, D3)
    assert lake.read(LOAD_PROFILE).equals(before), "no difference of one customer is published"
    after = lake.read(LOAD_PROFILE_BASIS)
    [nobody] = set(after["meter_id"]) - set(basis["meter_id"])
    assert nobody not in pseudonyms(pl.Series(POINTS), city.slug, deployment.secret()).values()
    assert privacy.recheck(lake.read(LOAD_PROFILE), after, after).verdict == "pass"
    # Control: without what it added, the same cells would tell what it used.
    told = before.join(privacy.cells(after.filter(pl.col("meter_id") != nobody)), on=LOAD_PROFILE.key, suffix="_less")
    assert set(told.filter(zone="north").select(pl.col("kwh") - pl.col("kwh_less")).to_series()) == {1}
    assert_gone(deployment, city)


def test_a_correction_of_all_others_would_tell_it_and_is_withheld(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    deliver(deployment, city, "exports", D3, "second.csv", nem12(D2, *POINTS, value=3))
    night(deployment, city, D3)
    north = pl.col("zone") == "north"
    assert set(lake.day(LOAD_PROFILE, D2).filter(north)["kwh"]) == {45, 75}
    erasure.erase(step(deployment, city), GONE)
    late, others = date(2026, 12, 8), [point for point in POINTS if point != GONE]
    deliver(deployment, city, "exports", late, "late.csv", nem12(D2, *others, value=9))
    night(deployment, city, late)
    # Three times the old sum less the new one is three times what it used.
    assert set(lake.day(LOAD_PROFILE, D2).filter(north)["kwh"]) == {45, 75}
    assert set(lake.day(LOAD_PROFILE, D2).filter(~north)["kwh"]) == {135, 225}
    assert_gone(deployment, city)


def test_withdrawn_sums_are_never_published_again_and_the_others_stay(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    before = lake.read(LOAD_PROFILE)
    whole_day = numbers(lake, D1)
    erasure.erase(step(deployment, city), GONE, withdraw=True)
    south = before.filter(zone="south")
    assert lake.read(LOAD_PROFILE).equals(south)
    assert lake.read(INDICATORS).equals(whole_day.filter(indicator="rain_day")), "a sum less the others tells it too"
    deliver(deployment, city, "exports", D3, "late.csv", nem12(D1, *POINTS[2:20], value=9))
    night(deployment, city, D3)
    meter_final.make(step(deployment, city))
    load_profile.make(step(deployment, city))
    assert lake.read(LOAD_PROFILE).equals(south)
    basis = lake.read(LOAD_PROFILE_BASIS)
    assert basis["meter_id"].n_unique() == len(POINTS) - 1
    assert privacy.recheck(lake.read(LOAD_PROFILE), basis, basis).verdict == "pass"
    assert_gone(deployment, city)


def numbers(lake: CityLake, day: date) -> pl.DataFrame:
    """Indicators of two reading days, from the load profile and from the weather."""
    period = {"period_start": day, "period_end": day, "reference_date": day + timedelta(days=1)}
    told = {"smart": "energy", "title": "", "unit": "", "method": "", "value": 30.0, **period}
    of_cells = told | {"indicator": "published_kwh_day", "sources": "load_profile (PEA meter exports)"}
    of_weather = told | {"indicator": "rain_day", "sources": "weather (Open-Meteo)"}
    rows = pl.DataFrame([of_cells, of_weather], schema_overrides=INDICATORS.schema)
    lake.put(INDICATORS, day + timedelta(days=1), INDICATORS.conform(rows).rows)
    return lake.read(INDICATORS)


class Cut(BaseException):
    """The process ends."""


WRITES = ("write", "swap", "create", "delete", "ensure", "remove")


@pytest.mark.parametrize(
    ("cut", "stride"),
    # After 17 writes what was delivered first has been redacted, and what repeats it has not.
    [(17, 29), pytest.param(0, 1, marks=[pytest.mark.trial, pytest.mark.timeout(1800)])],
)
@pytest.mark.parametrize("withdraw", [pytest.param(False, marks=pytest.mark.trial), True], ids=["kept", "withdrawn"])
def test_wherever_it_is_cut_short_the_same_command_ends_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, withdraw: bool, cut: int, stride: int
) -> None:
    """Every ``stride``-th write is the last, from the one after ``cut`` on."""
    monkeypatch.setattr("assets.lake.erasure.secrets.token_hex", lambda size: "0" * 2 * size)
    made, city = metered_city(tmp_path / "made")

    def copied(name: str) -> Deployment:
        shutil.copytree(made.store.uri, tmp_path / name)
        return replace(made, store=LocalStore(tmp_path / name))

    def lasting(store: Store) -> dict[str, bytes]:
        keys = [key for key in store.list("") if "/verdicts/" not in key]
        return {key: store.read(key) for key in keys if key.startswith(("lake", "landing"))}

    done = copied("done")
    erasure.erase(step(done, city), GONE, withdraw)
    expected = lasting(done.store)
    while cut < 200:
        deployment = copied(f"cut{cut}")
        store, left = deployment.store, [cut]
        with monkeypatch.context() as patched:
            for name in WRITES:
                patched.setattr(store, name, _counted(getattr(store, name), left))
            try:
                erasure.erase(step(deployment, city), GONE, withdraw)
                break
            except Cut:
                pass
        if cut % 3 == 0:
            night(deployment, city, D3)  # comes before it is run again
        erasure.erase(step(deployment, city), GONE, withdraw)
        night(deployment, city, D3)
        assert_gone(deployment, city)
        assert {key for key, data in expected.items() if lasting(store).get(key) != data} == set(), cut
        shutil.rmtree(store.uri)
        cut += stride
    assert cut > 2 * stride  # and the last ended by itself


def _counted(original: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def change(*arguments: object) -> object:
        if left[0] == 0:
            raise Cut
        left[0] -= 1
        return original(*arguments)

    return change


def test_a_file_that_stays_in_the_inbox_is_named_and_its_bytes_do_not_come_back(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    name = f"{GONE}-somchai.csv"
    path = deployment.inbox / city.slug / "exports" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(nem12(D2, GONE, value=4))
    for _ in range(2):
        land_inbox(deployment.archive, deployment.inbox, step(deployment, city).delivery("exports"), lambda _: None)
    night(deployment, city, D3)
    found = erasure.erase(step(deployment, city), GONE)
    assert found.inbox == [str(path)]
    assert path.exists(), "it is the sender's"
    land_inbox(deployment.archive, deployment.inbox, step(deployment, city).delivery("exports"), lambda _: None)
    night(deployment, city, D3)
    assert_gone(deployment, city)
    last = deployment.archive.receipts(city.slug, "exports")[-1]
    assert (last.outcome, last.code, last.sha256) == ("left", "delivery-erased", None)
    receipts = b"".join(deployment.store.read(key) for key in deployment.store.list("landing/receipts"))
    assert b"somchai" not in receipts
    assert GONE.encode() not in receipts


def test_what_is_sent_again_is_refused_up_to_the_day_and_a_later_customer_is_not(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    erasure.erase(step(deployment, city), GONE)
    deliver(deployment, city, "exports", D3, "again.csv", nem12(D1, GONE, POINTS[2], value=5))
    night(deployment, city, D3)
    refused = lake.read(QUARANTINE).filter(code="meter-erased")
    assert refused.height == 1, "one record of the file"
    meter = pseudonyms(pl.Series([GONE]), city.slug, deployment.secret())[GONE]
    assert lake.read(METER_INTERVALS).filter(meter_id=meter).is_empty()
    assert upkeep.verify(lake) == []
    later = D3 + timedelta(days=1)
    deliver(deployment, city, "exports", later, "new.csv", nem12(later, GONE, value=5))
    night(deployment, city, later)
    assert set(lake.read(METER_INTERVALS).filter(meter_id=meter)["local_date"]) == {later}


def test_a_dry_run_changes_nothing_and_other_cities_with_the_same_bytes_keep_them(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    data = nem12(D2, GONE, *POINTS[5:7], value=6)
    deliver(deployment, city, "exports", D3, "both.csv", data)
    other = city.model_copy(update={"slug": "elsewhere"})
    theirs = land(deployment, other, "exports", D3, "both.csv", data)
    night(deployment, city, D3)
    before = {key: deployment.store.read(key) for key in deployment.store.list("")}
    found = erasure.trace(step(deployment, city), GONE)
    assert len(found.deliveries) == 7
    assert {key: deployment.store.read(key) for key in deployment.store.list("")} == before
    assert erasure.trace(step(deployment, city), "020000000000") == erasure.Trace()
    assert erasure.erase(step(deployment, city), GONE).elsewhere == ["elsewhere"]
    assert deployment.archive.bytes_of(theirs) == data


def test_a_file_that_no_reader_understands_goes_whole(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    receipt = deliver(deployment, city, "exports", D3, "note.txt", f"customer {GONE} of the old town\n".encode())
    longer = deliver(deployment, city, "exports", D3, "other.txt", f"customer {GONE}7 of the old town\n".encode())
    night(deployment, city, D3)
    found = erasure.erase(step(deployment, city), GONE)
    assert receipt in found.deliveries
    assert longer not in found.deliveries
    assert_gone(deployment, city)


def test_rows_by_a_delivery_that_cannot_be_found_stop_it_before_anything_changes(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    before = content(deployment.store)
    fewer = city.model_copy(update={"sources": {"register": city.sources["register"]}})
    with pytest.raises(erasure.CannotErase, match="whose source is not in the registry any more"):
        erasure.erase(step(deployment, fewer), GONE)
    assert content(deployment.store) == before


def test_a_file_of_a_source_that_is_gone_stops_it_also_where_nothing_was_read(tmp_path: Path) -> None:
    """No row tells of it, and "done" would leave it in landing."""
    deployment, city = metered_city(tmp_path)
    old = city.model_copy(update={"sources": {**city.sources, "old": city.sources["exports"]}})
    deliver(deployment, old, "old", D3, "mail.txt", f"Dear Sir, of meter {GONE} we have nothing".encode())
    night(deployment, old, D3)
    with pytest.raises(erasure.CannotErase, match="whose source old is not in the registry any more"):
        erasure.trace(step(deployment, city), GONE)
    assert erasure.trace(step(deployment, old), GONE).deliveries


def test_a_delivery_that_cannot_be_read_now_is_not_thrown_away_with_the_rows_of_others(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    before = content(deployment.store)
    broken = city.sources["exports"].model_copy(update={"options": {"timezone": "Asia/Nowhere"}})
    misread = city.model_copy(update={"sources": city.sources | {"exports": broken}})
    with pytest.raises(
        erasure.CannotErase, match=r"cannot be read now \(option-invalid\): all it brought would be lost"
    ):
        erasure.erase(step(deployment, misread), GONE)
    assert content(deployment.store) == before


def test_the_key_can_be_changed_after_an_erasure(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    claim(deployment.store, "live", deployment.secret(), deployment.now())
    erasure.erase(step(deployment, city), GONE)
    before = CityLake(deployment.store, city.slug).read(LOAD_PROFILE)
    rotate(deployment, deployment.secret(), b"another key of the tests")
    night(replace(deployment, meter_key=b"another key of the tests"), city, D3)
    assert CityLake(deployment.store, city.slug).read(LOAD_PROFILE).equals(before)
    assert deployment.store.list("landing/erased") == [], "its id would tell the point to who has the old key"


def test_days_that_a_file_told_of_too_early_stay_of_the_others(deployment: Deployment, city: City) -> None:
    """It was read again as they came; what is left of it is read again, too."""
    nights = [D1 + timedelta(days=n) for n in range(4)]
    days = [nem12(day, *POINTS[:2]).splitlines(keepends=True)[1:-1] for day in nights]
    data = b"".join([nem12(D1).splitlines(keepends=True)[0], *(line for lines in days for line in lines), b"900\r\n"])
    for night_ in nights:
        deliver(deployment, city, "exports", night_, "a.csv", data)
        ingest_meters(deployment, city, night_)
    lake = CityLake(deployment.store, city.slug)
    before = lake.read(METER_INTERVALS)
    assert lake.days(METER_INTERVALS) == nights
    erasure.erase(Step(deployment, city, nights[-1], "test"), GONE, withdraw=False)
    ledger.forget(lake, METER_INTERVALS, lake.read(DELIVERIES)["receipt"].to_list())
    ingest_meters(deployment, city, nights[-1])
    left = lake.read(METER_INTERVALS)
    assert lake.days(METER_INTERVALS) == nights
    [meter] = left["meter_id"].unique()
    told = [name for name in left.columns if name != "_receipt"]
    assert left.select(told).equals(before.filter(meter_id=meter).select(told))
