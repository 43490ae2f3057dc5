"""A portal that misbehaves for one city: what is recorded, and that the other city does not notice."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from assets.cities.registry import load_registry
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from assets.landing.http import Client, Limits
from assets.landing.store import LocalStore
from demo.portal import serve
from pipelines.settings import BANGKOK
from quality.tables import DELIVERIES, QUARANTINE, WEATHER
from tests.kit import ask, ingest

DAY = date(2026, 11, 23)
IMPATIENT = Limits(connect_seconds=0.5, read_seconds=0.3, total_seconds=1.5, probe_seconds=0.3, attempts=2)
IMPATIENT = replace(IMPATIENT, backoff_seconds=0.01, retry_after_seconds=0.01)


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        ("timeout", "not-reached", "answer-not-reached"),
        ("drip", "not-reached", "answer-not-reached"),
        ("403", "not-reached", "answer-not-reached"),
        ("429", "not-reached", "answer-not-reached"),
        ("500", "not-reached", "answer-not-reached"),
        ("html", "bad-answer", "answer-bad"),
        ("truncated", "bad-answer", "answer-bad"),
        ("empty", "empty", "answer-empty"),
    ],
)
def test_a_faulty_portal_is_a_receipt_and_a_coded_problem_of_its_city_only(
    tmp_path: Path, fault: str, outcome: str, code: str
) -> None:
    cities = load_registry()
    with serve(cities.values(), DAY, {"open_meteo/mae_moh": fault}) as portals, Client(IMPATIENT) as client:
        deployment = Deployment(
            store=LocalStore(tmp_path),
            cities=cities,
            portals=portals,
            inbox=tmp_path / "inbox",
            now=lambda: datetime(2026, 11, 23, 1, 30, tzinfo=BANGKOK),
            client=client,
        )
        for slug in ("mae_moh", "nan"):
            city = cities[slug]
            receipts = ask(deployment, city, "weather", DAY)
            assert [receipt.outcome for receipt in receipts] == [outcome if slug == "mae_moh" else "new"]
            ingested = ingest(deployment, city, WEATHER, DAY)
            assert all(verdict.verdict != "block" for verdict in ingested.verdicts)
        refused = CityLake(deployment.store, "mae_moh").read(QUARANTINE)
        assert refused.select("code", "severity", "source", "row").rows() == [(code, "reject", "weather", 0)]
        assert refused["message"][0]
        assert CityLake(deployment.store, "mae_moh").read(DELIVERIES)["status"].to_list() == [
            "nothing" if outcome == "not-reached" else "rejected"
        ]
        assert CityLake(deployment.store, "mae_moh").read(WEATHER).height == 0
        assert CityLake(deployment.store, "nan").read(WEATHER).height == 24
        assert CityLake(deployment.store, "nan").read(QUARANTINE).height == 0
