"""What is left of a meter in a store with every table of customers: nothing after its erasure, no old id after a change
of the key. Searched for in every file but landed bytes, by its ids, which are those of points, accounts and devices."""

import io
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from assets.cities.registry import City, SourceEntry
from assets.lake import accounts, derive, erasure, ingest, register_watch, upkeep
from assets.lake.delivered import customers, pseudonyms, serials
from assets.lake.files import CityLake
from assets.lake.overlap import shared_ids
from assets.lake.points import PSEUDONYMOUS
from assets.lake.rotation import rotate
from assets.landing.deployment import Deployment, Step
from assets.landing.identity import claim
from assets.landing.store import Store
from quality.tables import (
    DAILY_ENERGY,
    FEEDER_BALANCE,
    LOAD_PROFILE,
    METER_DECISIONS,
    METER_OUTAGES,
    TABLES,
    VERDICTS,
)
from tests.lake import metered_city
from tests.lake.metered_city import POINTS
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, nem12, small_city
from tests.lake.test_meter_decisions import decision
from tests.lake.test_register_reads import nem13

pytestmark = pytest.mark.usefixtures("without_suites")

GONE, MAIN, CHECK = POINTS[1], "030000000001", "030000000002"
ACCOUNT, SERIAL = "550000000001", "SN0000001"
NEW = b"another key of the tests"
HEADER = "point,zone,customer_class,account,serial,feeder,feeds,check_of"


def night(deployment: Deployment, city: City) -> None:
    step = Step(deployment, city, D3, "test")
    for table in (METER_DECISIONS, METER_OUTAGES):
        ingest.ingest(step, table)
    metered_city.night(deployment, city, D3)
    register_watch.make(step)
    for derived in derive.DERIVED:
        if derived.table is DAILY_ENERGY:
            derive.derive(step, derived)


def delivered(folder: Path, without: str = "") -> tuple[Deployment, City]:
    """Two registers, two days of readings with a gap that is filled in part, reads, decisions, an outage, a feeder with
    its main and a check meter: of a night of which every table has rows of ``GONE`` that can."""
    lists = {name: SourceEntry(via="inbox", reader=f"meter_{name}") for name in ("decisions", "outages")}
    city = small_city()
    city = city.model_copy(update={"sources": {**city.sources, **lists}})
    deployment = deployment_at(folder, city)
    points = [point for point in POINTS if point != without]

    def register(serial: str) -> bytes:
        rows = [
            f"{point},{'north' if number < 20 else 'south'},residential,{ACCOUNT[:-4]}{number:04},"
            f"{serial + other},{'f1' if number < 3 else ''},,"
            for number, point in enumerate(POINTS)
            for other in ["" if point == GONE else f"-{number}"]
            if point in points
        ]
        special = [f"{MAIN},north,other,,,,f1,", f"{CHECK},north,other,,,,,{GONE if GONE in points else 'another'}"]
        return "\n".join([HEADER, *rows, *special, ""]).encode()

    for day, serial in ((D1, "SN0000000"), (D2, SERIAL)):
        deliver(deployment, city, "register", day, "r.csv", register(serial))
    quarter = ",0.75,1.25"
    gap = (f"{quarter * 10},,,,{quarter * 36},").encode()
    whole = nem12(D1, *points, MAIN, CHECK)
    at = whole.index(GONE.encode()) if GONE in points else len(whole)
    begin = whole.find(quarter.encode(), at)
    holed = whole[:begin] + gap + whole[begin + len(quarter * 48) + 1 :] if GONE in points else whole
    deliver(deployment, city, "exports", D1, "first.csv", holed)
    deliver(deployment, city, "exports", D2, "second.csv", nem12(D2, *points, MAIN, CHECK, value=2))
    deliver(deployment, city, "exports", D3, "again.csv", nem12(D2, *points, MAIN, CHECK, value=3))
    deliver(deployment, city, "exports", D3, "other.csv", nem12(D1, *POINTS[30:33], value=2))
    if GONE in points:
        reads = nem13("20261101", "20261119", "100", "190", "95", "20261120").replace(b"NMI0000001", GONE.encode())
        deliver(deployment, city, "exports", D3, "reads.csv", reads)
        corrected = decision("correct", GONE, D1, "10:00-12:00", "0.5", at=f"{D3} 09:00")
        deliver(deployment, city, "decisions", D3, "d.csv", corrected)
    outages = "point,zone,from,to\n,south,2026-11-21 13:05,2026-11-21 15:40\n"
    own = f"{GONE},,2026-11-20 13:05,2026-11-20 15:40\n" if GONE in points else ""
    deliver(deployment, city, "outages", D3, "o.csv", (outages + own).encode())
    night(deployment, city)
    return deployment, city


def ids(city: City, key: bytes) -> set[str]:
    """All hashes by which the lake may know the meter, its customer and its devices."""
    point, account, devices = (pl.Series([*told]) for told in ([GONE], [f"{ACCOUNT[:-4]}0001"], [SERIAL, "SN0000000"]))
    [(mine, *shared)] = shared_ids(pseudonyms(point, city.slug, key), city.slug, key).iter_rows()
    of_others = [*customers(account, city.slug, key).values(), *serials(devices, city.slug, key).values()]
    return {mine, *shared, *of_others}


def found_in(store: Store, words: set[str]) -> set[str]:
    """Files of the store that hold one of these in their name, their bytes, or as Parquet in a value."""
    found = set()
    for key in store.list(""):
        data = store.read(key)
        if key.endswith(".parquet"):
            data += pl.read_parquet(io.BytesIO(data)).write_ndjson().encode()
        if any(word in key or word.encode() in data for word in words):
            found.add(key)
    return found


def tables(files: set[str]) -> set[str]:
    return {key.split("/")[1] for key in files if key.startswith(("lake/", "memory/"))}


EVERY = {table.name for table in PSEUDONYMOUS} | {"meter_points"}


def test_an_erased_meter_is_in_no_table_and_all_else_is_as_if_it_had_never_come(tmp_path: Path) -> None:
    deployment, city = delivered(tmp_path / "with")
    never, _ = delivered(tmp_path / "never", without=GONE)
    store, lake = deployment.store, CityLake(deployment.store, city.slug)
    told = ids(city, deployment.secret())
    assert tables(found_in(store, told)) == EVERY, "control: the search finds it in every table that knows meters"
    profile = lake.read(LOAD_PROFILE)

    erasure.erase(Step(deployment, city, D3, "test"), GONE)
    assert {key for key in found_in(store, told) if not key.startswith("landing/erased/")} == set()
    night(deployment, city)
    assert {key for key in found_in(store, told) if not key.startswith("landing/erased/")} == set()
    without = CityLake(never.store, city.slug)
    of_people = {*PSEUDONYMOUS, FEEDER_BALANCE} - {table for table in TABLES.values() if table.folder == "memory"}
    for table in of_people:
        rows, expected = (
            each.read(table).drop("_receipt", "_number", "closed_by", "check_of", strict=False)
            for each in (lake, without)
        )
        assert rows.sort(rows.columns).equals(expected.sort(expected.columns)), table.name
    assert lake.read(LOAD_PROFILE).equals(profile), "no difference of one customer is published"
    assert upkeep.verify(lake) == []
    assert accounts.differences(lake) == []


def test_after_a_change_of_the_key_no_file_has_an_id_of_the_old_one(tmp_path: Path) -> None:
    deployment, city = delivered(tmp_path)
    store, lake = deployment.store, CityLake(deployment.store, city.slug)
    old = deployment.secret()
    claim(store, "live", old, deployment.now())
    everybody = set(pseudonyms(pl.Series([*POINTS, MAIN, CHECK]), city.slug, old).values())
    others = [table for table in TABLES.values() if table not in PSEUDONYMOUS and table is not VERDICTS]
    before = {table: lake.read(table) for table in others}
    assert tables(found_in(store, ids(city, old))) == EVERY
    rotate(deployment, old, NEW)
    assert found_in(store, ids(city, old) | everybody) == set()
    assert tables(found_in(store, ids(city, NEW))) == EVERY, "control: it is there by the new ones"
    night(replace(deployment, meter_key=NEW), city)
    assert found_in(store, ids(city, old) | everybody) == set()
    for table, rows in before.items():
        assert lake.read(table).equals(rows), table.name
