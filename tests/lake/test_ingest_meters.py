"""Meter deliveries on their way into the lake, in a store of their own."""

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

from assets.cities.registry import load_registry
from assets.lake import ingest
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.store import LocalStore
from quality.tables import DELIVERIES, METER_INTERVALS, METER_SUPERSEDED, QUARANTINE
from tests.kit import ingest_meters, land
from tests.lake.small_city import D1, deliver, deployment_at, nem12, small_city

DAY = date(2026, 1, 3)
NEM12 = (
    "100,NEM12,202601020000,MDP,CITY\n200,NMI0000001,E1,1,E1,N1,M,kWh,30,\n"
    f"300,20260101,{','.join(['1'] * 48)},A,,,20260102010000,\n900\n"
)
NEM13 = (
    "100,NEM13,202601020000,MDP,CITY\n"
    "250,NMI0000001,11,1,11,11,M1,E,1,20251201000000,A,,,9,20260101000000,A,,,8,kWh,,20260102010000,\n900\n"
)


def ingested(tmp_path, **files):
    """The deliveries of a city after these files came through its inbox."""
    store = LocalStore(tmp_path / "store")
    source = "amr_exports"
    city = next(city for city in load_registry().values() if source in city.sources)
    city = city.model_copy(update={"sources": {source: city.sources[source]}})
    now = datetime(2026, 1, 4, tzinfo=UTC)
    deployment = Deployment(store, {city.slug: city}, {}, tmp_path, lambda: now, b"key")
    for name, content in files.items():
        land(deployment, city, source, DAY, name, content)
    ingest_meters(deployment, city, DAY)
    names = {receipt.id: receipt.name for receipt in deployment.archive.receipts(city.slug, source)}
    books = CityLake(store, city.slug).read(DELIVERIES).iter_rows(named=True)
    deliveries = {(names[book["receipt"]], book["table"]): book for book in books}
    quarantine = CityLake(store, city.slug).read(QUARANTINE).filter(severity="reject")
    return deliveries, quarantine, CityLake(store, city.slug).read(METER_INTERVALS)


def test_a_delivery_of_registers_only_fills_their_table(tmp_path):
    deliveries, quarantine, intervals = ingested(tmp_path, registers=NEM13.encode(), intervals=NEM12.encode())
    assert {key: (book["status"], book["format"], book["rows"]) for key, book in deliveries.items()} == {
        ("registers", "meter_intervals"): ("ok", "nem13", 0),
        ("registers", "register_reads"): ("ok", "nem13", 1),
        ("intervals", "meter_intervals"): ("ok", "nem12", 48),
    }
    assert quarantine.is_empty()
    assert intervals["value_delivered"].sum() == 48


def test_registers_beside_intervals_do_not_disturb_them(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", NEM12)
        archive.writestr("b.csv", NEM13)
    deliveries, quarantine, intervals = ingested(tmp_path, both=out.getvalue())
    assert {table: (book["status"], book["rows"]) for (_, table), book in deliveries.items()} == {
        "meter_intervals": ("ok", 48),
        "register_reads": ("ok", 1),
    }
    assert (quarantine.height, intervals["value_delivered"].sum()) == (0, 48)


def test_what_is_wrong_with_a_delivery_of_registers_is_told_once(tmp_path):
    line = NEM13.splitlines()[1]
    deliveries, _, _ = ingested(
        tmp_path, registers=NEM13.replace("900\n", f"{line.replace('kWh', 'furlong')}\n900\n").encode()
    )
    assert {table: (book["status"], book["rows"], book["refused"]) for (_, table), book in deliveries.items()} == {
        "meter_intervals": ("ok", 0, 0),
        "register_reads": ("partial", 1, 1),
    }


def test_two_files_of_a_night_that_differ_are_told_and_the_later_counts(tmp_path: Path) -> None:
    city = small_city()
    for at, (first, then) in enumerate(((5, 7), (7, 5), (3, 8), (8, 3))):  # whatever their receipts' ids
        deployment = deployment_at(tmp_path / str(at), city)
        receipts = [
            deliver(deployment, city, "exports", D1, name, nem12(D1, "02001", "02002", "02003", value=value))
            for name, value in (("original.csv", first), ("v2_corrected.csv", then))
        ]
        judged = ingest.ingest_meters(Step(deployment, city, D1, "test"))
        lake = CityLake(deployment.store, city.slug)
        assert lake.day(METER_INTERVALS, D1)["value_delivered"].mean() == then
        assert lake.day(METER_SUPERSEDED, D1)["reason"].unique().to_list() == ["contradicted"]
        told = next(verdict for verdict in judged.verdicts if verdict.check == "contradictions")
        assert (told.verdict, told.failed, told.checked) == ("warn", 288, 576)
        assert "288 readings of 3 meters" in told.message
        assert receipts[0] in told.message
