"""The missing past is asked for on a city's first nights: what for is a function of receipts, however nights end."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from assets.cities.registry import City, load_registry
from assets.lake import ledger
from assets.lake.feeds import SOURCES
from assets.landing.archive import Archive, Delivery, Receipt
from assets.landing.budget import Limits
from assets.landing.deployment import Deployment, Step
from assets.landing.http import Client
from assets.landing.store import LocalStore
from assets.sources.past import REQUESTS_A_NIGHT, missing, plan
from assets.sources.source import ReadResult
from demo.portal import serve
from tests.kit import ask

BANGKOK = ZoneInfo("Asia/Bangkok")
DAY = date(2026, 11, 23)
TWO_YEARS = 730
ARCHIVE, AIR = "weather_archive", "air_quality_history"


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def asked_for(receipts: list[Receipt]) -> Counter[date]:
    """How often each day was asked for, told by what was sent."""
    found: Counter[date] = Counter()
    for receipt in receipts:
        query = {name: values[0] for name, values in parse_qs(urlsplit(receipt.origin).query).items()}
        first, last = (query.get(air) or query[grid] for air, grid in (("sdate", "start_date"), ("edate", "end_date")))
        found.update(days(date.fromisoformat(first), date.fromisoformat(last)))
    return found


class Nights:
    """Nights of Phuket against the demo's portals."""

    def __init__(self, cities: Mapping[str, City], folder: Path, past_days: int = TWO_YEARS) -> None:
        self.folder, self.everybody, city = folder, cities, cities["phuket"]
        options = {name: {**city.sources[name].options, "past_days": past_days} for name in (ARCHIVE, AIR)}
        sources = {name: city.sources[name].model_copy(update={"options": options[name]}) for name in options}
        self.city = city.model_copy(update={"sources": sources})

    def night(self, name: str, day: date, now: date | None = None, fault: str = "") -> list[Receipt]:
        portal = str(SOURCES[self.city.sources[name].reader].portal)
        faults = {portal: fault} if fault else {}
        with serve(self.everybody.values(), day, faults) as urls, Client(Limits(attempts=1), urls) as client:
            self.deployment = Deployment(
                store=LocalStore(self.folder),
                cities={"phuket": self.city},
                portals=urls,
                inbox=self.folder / "inbox",
                now=lambda: datetime.combine(now or day, time(1, 30), BANGKOK),
                client=client,
            )
            return ask(self.deployment, self.city, name, day)

    def read(self, name: str, receipt: Receipt) -> ReadResult:
        due = ledger.Due(name, self.city.sources[name], receipt)
        return ledger.read(Step(self.deployment, self.city, receipt.day), due)


@pytest.fixture(scope="module")
def cities() -> Mapping[str, City]:
    return load_registry()


@pytest.fixture
def nights(cities: Mapping[str, City], tmp_path: Path) -> Nights:
    return Nights(cities, tmp_path)


def test_two_years_come_in_the_first_nights_and_no_day_is_asked_for_again(nights: Nights) -> None:
    came = [nights.night(ARCHIVE, DAY + timedelta(days=n)) for n in range(4)]
    assert [len(receipts) for receipts in came] == [1 + REQUESTS_A_NIGHT, 1 + REQUESTS_A_NIGHT, 2, 1]
    assert all(receipt.outcome == "new" for receipts in came for receipt in receipts)
    per_night = [asked_for(receipts) for receipts in came]
    assert max(per_night[0]) == DAY - timedelta(days=6) and min(per_night[0]) == date(2025, 12, 1), "the newest first"
    # The oldest month's turn came in the third night, when two years began two days later.
    wanted = days(DAY + timedelta(days=2 - TWO_YEARS), DAY + timedelta(days=3 - 6))
    asked = sum(per_night, Counter())
    assert set(asked) == set(wanted)
    # Every night asks for the last two days that the archive has, whatever came before.
    assert {day for day, times in asked.items() if times > 1} <= set(days(DAY - timedelta(days=6), max(wanted)))


def test_a_month_of_the_past_is_read_as_a_night_is(nights: Nights) -> None:
    for name, product in ((ARCHIVE, "weather"), (AIR, "air_quality")):
        receipt = next(r for r in nights.night(name, DAY) if "2026-10-01" in r.name)
        result = nights.read(name, receipt)
        stations = result.tables[product]["station_id"].n_unique()
        assert result.tables[product].height == 31 * 24 * stations
        assert "window-short" not in result.problems["code"].to_list()


def test_of_air_the_half_year_is_asked_for_that_the_portal_serves(nights: Nights) -> None:
    first, second = nights.night(AIR, DAY), nights.night(AIR, DAY + timedelta(days=1))
    assert asked_for(first) == Counter(days(date(2026, 7, 1), DAY - timedelta(days=1)))
    assert (len(first), len(second)) == (1 + 5, 1)
    assert asked_for(second) == Counter([DAY])


@pytest.mark.parametrize("fault", ["500", "html", "truncated"])
def test_a_portal_that_fails_is_let_be_and_the_gap_is_made_good(nights: Nights, fault: str) -> None:
    nights.night(AIR, DAY)
    [failed] = nights.night(AIR, DAY + timedelta(days=1), fault=fault)
    assert not failed.readable
    third = nights.night(AIR, DAY + timedelta(days=2))
    assert asked_for(third) == Counter([DAY, DAY + timedelta(days=1)])


def test_a_day_that_is_over_asks_for_no_past_and_without_the_option_nobody_does(
    cities: Mapping[str, City], tmp_path: Path, nights: Nights
) -> None:
    assert len(nights.night(ARCHIVE, DAY, now=DAY + timedelta(days=3))) == 1
    assert len(Nights(cities, tmp_path / "none", past_days=0).night(ARCHIVE, DAY)) == 1


def landed(archive: Archive, name: str, day: date, data: bytes | None) -> None:
    delivery = Delivery("phuket", ARCHIVE, day, "test", lambda: datetime.combine(day, time(1, 30), BANGKOK))
    if data is None:
        archive.land(delivery, name, name, b"<html>", "bad-answer", code="answer-bad", reason="a page")
    else:
        archive.land(delivery, name, name, data)


def test_what_is_missing_is_every_day_without_content(tmp_path: Path) -> None:
    """Against a count day by day; names that tell no day, or none that there is, are of no day."""
    archive, first, last = Archive(LocalStore(tmp_path)), date(2026, 1, 20), date(2026, 4, 2)
    there = [("a/2026-01-25/2026-02-03", b"1"), ("a/2026-02-10", b"2"), ("2026-13-45.csv", b"3"), ("rows", b"4")]
    for name, data in [*there, ("a/2026-03-01/2026-03-31", None)]:
        landed(archive, name, DAY, data)
    spans = missing((first, last), archive.receipts("phuket", ARCHIVE))
    held = {*days(date(2026, 1, 25), date(2026, 2, 3)), date(2026, 2, 10)}
    assert sorted(day for span in spans for day in days(*span)) == [d for d in days(first, last) if d not in held]
    assert all((begin.year, begin.month) == (end.year, end.month) for begin, end in spans)
    assert spans == sorted(spans, reverse=True)


def test_a_month_that_is_bad_every_night_keeps_no_other_out(cities: Mapping[str, City], tmp_path: Path) -> None:
    archive, source, city = Archive(LocalStore(tmp_path)), SOURCES["open_meteo_archive"], cities["phuket"]
    options, asked = source.options.model_validate({"past_days": 150}), []
    assert source.history
    for night in range(8):
        day = DAY + timedelta(days=night)
        requests = plan(source.history, city, day, "", options, archive.receipts("phuket", ARCHIVE))
        request = next(requests, None)
        while request:
            asked.append(request.name)
            bad = "2026-09" in request.name
            landed(archive, request.name, day, None if bad else request.name.encode())
            try:
                request = requests.send(None if bad else b"content")
            except StopIteration:
                request = None
    absent = missing((DAY - timedelta(days=140), DAY), archive.receipts("phuket", ARCHIVE))
    assert absent == [(date(2026, 9, 1), date(2026, 9, 30))]
    assert Counter(asked)["archive/2026-09-01/2026-09-30"] == 8, "once a night"
