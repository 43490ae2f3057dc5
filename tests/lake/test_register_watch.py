"""The register against the one before it: what came, went and changed, whatever the order of deliveries."""

from datetime import date, timedelta
from pathlib import Path
from random import Random

from assets.cities.registry import City
from assets.lake import ingest, register_watch
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from quality import disclosure
from quality.tables import METERS, REGISTER_WATCH, VERDICTS
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, small_city

HEADER = "point,zone,customer_class,serial,multiplier"
FIRST = ("1,north,residential,S1,1", "2,north,residential,S2,1", "3,north,public,S3,40", "4,south,other,,")
SECOND = ("1,south,residential,S1,1", "2,north,small_business,S9,1", "3,north,public,S3,60", "5,north,residential,S5,1")
THIRD = (*SECOND[:3], "5,north,residential,S5,", "4,south,other,S4,1")


def towns(folder: Path) -> tuple[Deployment, City]:
    city = small_city()
    return deployment_at(folder, city, today=D3), city


def send(deployment: Deployment, city: City, day: date, lines: tuple[str, ...]) -> None:
    deliver(deployment, city, "register", day, f"{day}.csv", "\n".join([HEADER, *lines, ""]).encode())


def watch(deployment: Deployment, city: City, day: date) -> None:
    step = Step(deployment, city, day, "test")
    ingest.ingest(step, METERS)
    register_watch.make(step)


def told(deployment: Deployment, city: City, day: date) -> list[tuple[str, str | None, str | None]]:
    rows = CityLake(deployment.store, city.slug).day(REGISTER_WATCH, day - timedelta(days=1))
    return sorted(rows.select("change", "before", "after").rows(), key=str)


def test_every_change_is_named_and_none_is_silent(tmp_path: Path) -> None:
    deployment, city = towns(tmp_path)
    for day, lines in ((D1, FIRST), (D2, SECOND), (D3, THIRD)):
        send(deployment, city, day, lines)
        watch(deployment, city, day)
    lake = CityLake(deployment.store, city.slug)
    assert told(deployment, city, D1) == [], "there is nothing that the first could be held against"
    assert told(deployment, city, D2) == [
        ("class", "residential", "small_business"),
        ("moved", "north", "south"),
        ("multiplier", "40.000000", "60.000000"),
        ("new", None, "north"),
        ("swapped", None, None),
        ("vanished", "south", None),
    ]
    assert told(deployment, city, D3) == [("new", None, "south")], "what is no longer told did not change"
    verdicts = lake.read(VERDICTS).filter(table=REGISTER_WATCH.name, check="register-changed")
    assert verdicts.sort("day")["verdict"].to_list() == ["pass", "warn", "warn"]
    assert "1 class, 1 moved, 1 multiplier, 1 new, 1 swapped, 1 vanished" in verdicts.sort("day")["message"][1]
    shown = disclosure.published(verdicts)
    assert shown["failed"].null_count() == shown.height
    assert set(shown["failed_band"]) == {"0", "1-1499"}
    watch(deployment, city, D3)
    again = lake.read(VERDICTS).filter(table=REGISTER_WATCH.name, check="register-changed", day=D3)
    assert again["verdict"].to_list() == ["warn"], "a night that is run again is not silent"


def test_another_account_feeder_or_role_is_named(tmp_path: Path) -> None:
    """Of a register whose accounts became one, every cell is one customer's; a main meter that lost its mark counts
    all of its feeder's energy once more."""
    deployment, city = towns(tmp_path)
    header = "point,zone,customer_class,account,feeder,feeds,check_of"
    before = ("1,north,public,A1,f1,,", "2,north,public,A2,f1,,", "3,north,other,,,f1,", "4,north,public,A1,f1,,1")
    after = ("1,north,public,A1,f2,,", "2,north,public,A1,f1,,", "3,north,other,,,,", "4,north,public,A1,f1,,")
    for day, lines in ((D1, before), (D2, after)):
        deliver(deployment, city, "register", day, f"{day}.csv", "\n".join([header, *lines, ""]).encode())
        watch(deployment, city, day)
    assert told(deployment, city, D2) == [
        ("account", None, None),
        ("feeder", "f1", "f2"),
        ("role", "check", "customer"),
        ("role", "main", "customer"),
    ]


def test_the_order_of_registers_leaves_no_trace(tmp_path: Path) -> None:
    made = []
    for seed in range(4):
        deployment, city = towns(tmp_path / str(seed))
        sent = [(D1, FIRST), (D2, SECOND), (D3, THIRD)]
        for day, lines in Random(seed).sample(sent, 3) if seed else sent:
            send(deployment, city, day, lines)
            watch(deployment, city, D3)
        store = deployment.store
        made.append({key: store.read(key) for key in store.list(f"lake/{REGISTER_WATCH.name}")})
    assert made[0]
    assert all(each == made[0] for each in made)
