"""Tables made of other tables: counts of tickets over nights, and the same bytes whatever the order."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from assets.cities.registry import SourceEntry, load_registry
from assets.lake import derive
from assets.lake.derive import DERIVED
from assets.lake.encoding import contract_of, encode
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.store import LocalStore
from assets.snapshots.arrivals import arrivals
from pipelines.settings import BANGKOK
from quality.tables import CITIZEN_REPORTS, TICKETS
from tests import kit

REPORTS = next(derived for derived in DERIVED if derived.table is CITIZEN_REPORTS)
CITY = load_registry()["samyan"].model_copy(
    update={"sources": {"reports": SourceEntry(via="inbox", reader="traffy_exchange", options={"within_km": 50})}}
)
DAYS = (date(2026, 11, 22), date(2026, 11, 23))


def deployed(folder: Path) -> Deployment:
    return Deployment(
        store=LocalStore(folder),
        cities={CITY.slug: CITY},
        portals={},
        inbox=folder,
        now=lambda: datetime(2026, 11, 23, 1, 30, tzinfo=BANGKOK),
    )


def download(*states: tuple[str, str]) -> bytes:
    rows = [
        {
            "ticket_id": number,
            "type": "ถนน",
            "latitude": CITY.lat,
            "longitude": CITY.lon,
            "subdistrict": "วังใหม่",
            "district": "ปทุมวัน",
            "province": "กรุงเทพมหานคร",
            "timestamp": "2026-11-20 10:00:00.000000",
            "timestamp_finished": None,
            "status": status,
            "count_reopen": 0,
        }
        for number, status in states
    ]
    return json.dumps({"status": "success", "count": len(rows), "results": rows}, ensure_ascii=False).encode()


def land(deployment: Deployment, day: date, name: str, data: bytes | None, **facts: str) -> None:
    kit.land(deployment, CITY, "reports", day, name, data, **facts)


def counted(deployment: Deployment) -> list[tuple]:
    made = CityLake(deployment.store, CITY.slug).read(CITIZEN_REPORTS).filter(kind="all")
    return made.select("reference_date", "reports", "finished").rows()


FIRST = download(*((f"{number}", "รอรับเรื่อง") for number in range(12)))
SECOND = download(*((f"{number}", "เสร็จสิ้น" if number < 6 else "รอรับเรื่อง") for number in range(12)))
COUNTED = date(2026, 12, 8)
"""The night that November is counted."""


def test_a_report_that_moves_on_is_counted_once_where_it_is_then(tmp_path: Path) -> None:
    deployment = deployed(tmp_path)
    for day, data in zip(DAYS, (FIRST, SECOND), strict=True):
        land(deployment, day, f"{day}.json", data)
        kit.ingest(deployment, CITY, TICKETS, day)
        derive.derive(Step(deployment, CITY, day), REPORTS)
        assert counted(deployment) == [], "the month is not over"
    made = derive.derive(Step(deployment, CITY, COUNTED), REPORTS)
    assert all(verdict.verdict != "block" for verdict in made.verdicts)
    assert counted(deployment) == [(date(2026, 11, 30), 10, 5)]
    again = derive.derive(Step(deployment, CITY, DAYS[1]), REPORTS)
    assert not any(file.changed for file in again.files), "nor does a past day that runs again take it back"


def test_a_night_that_failed_is_made_good_by_the_next(tmp_path: Path) -> None:
    deployment = deployed(tmp_path)
    land(deployment, DAYS[0], "one.json", SECOND)
    kit.ingest(deployment, CITY, TICKETS, DAYS[0])
    # The step that counts fails on all nights until then.
    derive.derive(Step(deployment, CITY, date(2026, 12, 20)), REPORTS)
    assert counted(deployment) == [(date(2026, 11, 30), 10, 5)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_same_deliveries_in_any_order_give_the_same_bytes(tmp_path: Path, order: tuple[int, int]) -> None:
    deployment = deployed(tmp_path)
    for day, data in ((DAYS[n], (FIRST, SECOND)[n]) for n in order):
        land(deployment, day, f"{day}.json", data)
        kit.ingest(deployment, CITY, TICKETS, day)
        derive.derive(Step(deployment, CITY, day), REPORTS)
    derive.derive(Step(deployment, CITY, COUNTED), REPORTS)
    [key] = CityLake(deployment.store, CITY.slug).keys(CITIZEN_REPORTS)
    assert counted(deployment) == [(date(2026, 11, 30), 10, 5)]
    assert deployment.store.read(key) == encode(
        CityLake(deployment.store, CITY.slug).read(CITIZEN_REPORTS), contract_of(CITIZEN_REPORTS)
    )


def test_a_source_that_fails_is_told_with_its_last_answer(tmp_path: Path) -> None:
    deployment = deployed(tmp_path)
    assert arrivals(Step(deployment, CITY, DAYS[0])).rows() == [("reports", "nothing", None, 0, None)]
    land(deployment, DAYS[0], "one.json", FIRST)
    kit.ingest(deployment, CITY, TICKETS, DAYS[0])
    assert arrivals(Step(deployment, CITY, DAYS[0])).rows() == [("reports", "answered", DAYS[0], 1, None)]
    land(deployment, DAYS[1], "one.json", None, outcome="not-reached", code="answer-not-reached", reason="no answer")
    assert arrivals(Step(deployment, CITY, DAYS[1])).rows() == [("reports", "failed", DAYS[0], 1, "no answer")]
    # What the reader refuses is no answer either.
    land(deployment, DAYS[1], "two.json", b"{}")
    kit.ingest(deployment, CITY, TICKETS, DAYS[1])
    assert arrivals(Step(deployment, CITY, DAYS[1])).row(0)[1:4] == ("failed", DAYS[0], 2)
    land(deployment, DAYS[1], "three.json", SECOND)
    assert arrivals(Step(deployment, CITY, DAYS[1])).row(0)[1:3] == ("in part", DAYS[1])
