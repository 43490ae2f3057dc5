"""A source that changes is named with what was, what is and the last good day; one that does not is left in peace."""

from datetime import date, timedelta

import polars as pl
import pytest

from quality.source_watch import DELIVERED, EVENTS, RESOURCES, changed
from quality.tables import TABLES

DAY = date(2026, 11, 20)
WEATHER = TABLES["weather"]


def deliveries(*told: tuple[int, str, int], source: str = "open_meteo", status: str = "nothing") -> pl.DataFrame:
    """(days before tonight, format, rows)"""
    rows = [(source, DAY - timedelta(days=ago), form, count, "ok" if count else status) for ago, form, count in told]
    return pl.DataFrame(rows, schema=DELIVERED, orient="row")


USUAL = deliveries(*((ago, "json", 48 + ago % 3) for ago in range(1, 11)))


@pytest.mark.parametrize(
    ("tonight", "event", "now"),
    [
        (deliveries((0, "csv", 48)), "format", "csv"),
        (deliveries((0, "json", 12)), "size", "12 rows"),
        (deliveries((0, "json", 480)), "size", "480 rows"),
        (deliveries((0, "json", 0), status="rejected"), "rejected", "no row"),
    ],
)
def test_a_change_is_told_with_the_last_good_day(tonight: pl.DataFrame, event: str, now: str) -> None:
    [verdict] = changed(WEATHER, tonight, USUAL, DAY)
    assert verdict.verdict == "warn"
    [row] = verdict.sample
    last_good = DAY - timedelta(days=1)
    assert (row["source"], row["event"], row["now"], row["last_good"]) == ("open_meteo", event, now, last_good)


def test_a_source_that_falls_silent_is_told_after_three_of_its_gaps() -> None:
    none, away = DELIVERED.to_frame(), deliveries((0, "", 0), status="nothing")
    weekly = deliveries(*((ago, "json", 50) for ago in (9, 16, 23, 28)))
    stopped = USUAL.filter(pl.col("day") < DAY - timedelta(days=4))
    unchanged = stopped.vstack(deliveries(*((ago, "", 0) for ago in range(1, 5)), status="ok"))
    for before, silent in ((USUAL, False), (stopped, True), (weekly, False), (unchanged, False)):
        for tonight in (none, away):
            [verdict] = changed(WEATHER, tonight, before, DAY)
            assert [row["event"] for row in verdict.sample] == ["silent"] * silent
    [verdict] = changed(WEATHER, deliveries((0, "", 0), status="ok"), stopped, DAY)
    assert verdict.verdict == "pass"


def test_a_silent_source_is_told_until_it_answers_however_long_ago_it_did() -> None:
    last = DAY - timedelta(days=90)
    told = {"source": "open_meteo", "event": "silent", "before": "at most 1 days apart", "now": "89 days"}
    stood = pl.DataFrame([told | {"last_good": last}], schema=EVENTS)
    tries = deliveries(*((ago, "", 0) for ago in range(1, 29)))
    [verdict] = changed(WEATHER, deliveries((0, "", 0)), tries, DAY, stood=stood)
    [row] = verdict.sample
    assert (row["event"], row["now"], row["last_good"], verdict.failed) == ("silent", "90 days", last, 1)
    for answer in (deliveries((0, "json", 48)), deliveries((0, "", 0), status="ok")):
        [verdict] = changed(WEATHER, answer, tries, DAY, stood=stood)
        assert verdict.verdict == "pass"


@pytest.mark.parametrize(
    ("tonight", "before"),
    [
        (deliveries((0, "json", 50)), USUAL),
        (deliveries((0, "json", 24), (0, "json", 24)), USUAL),
        (deliveries((0, "json", 5)), deliveries(*((ago, "json", 1) for ago in range(1, 11)))),
        (deliveries((0, "csv", 5)), deliveries((1, "csv", 9), (2, "json", 9))),
        (deliveries((0, "json", 900)), deliveries((1, "json", 48))),
        (deliveries((0, "json", 0)), USUAL),
        (deliveries((0, "json", 0), (0, "json", 49), status="rejected"), USUAL),
        (deliveries((0, "json", 2000)), USUAL.vstack(deliveries((11, "json", 900)))),
        (deliveries((0, "json", 900)), DELIVERED.to_frame()),
        (deliveries((0, "csv", 50), source="new"), USUAL.vstack(deliveries((1, "csv", 40), source="new"))),
    ],
)
def test_what_is_as_before_or_has_no_before_is_left_in_peace(tonight: pl.DataFrame, before: pl.DataFrame) -> None:
    assert {verdict.verdict for verdict in changed(WEATHER, tonight, before, DAY)} == {"pass"}


def test_later_nights_do_not_judge_an_earlier_one() -> None:
    later = deliveries(*((-ago, "csv", 5000) for ago in range(1, 6)))
    [verdict] = changed(WEATHER, deliveries((0, "json", 50)), pl.concat([USUAL, later]), DAY)
    assert verdict.verdict == "pass"


@pytest.mark.parametrize(
    ("tonight", "told"),
    [
        (("a", "b"), []),
        (("a", "b", "c"), []),
        ((), []),  # the package itself did not come: that is another event
        (("a",), [("b", "none")]),
        (("a", "c"), [("b", "c")]),
        (("c", "d"), [("a, b", "c, d")]),
    ],
)
def test_a_resource_that_is_gone_from_its_package_is_told_with_what_stands_in_its_place(
    tonight: tuple[str, ...], told: list[tuple[str, str]]
) -> None:
    # On the ninth night before, the package had another one; last night none was asked for.
    asked = [(9, "x"), (2, "a"), (2, "b"), *((0, each) for each in tonight)]
    rows = [("open_meteo", DAY - timedelta(days=ago), each) for ago, each in asked]
    resources = pl.DataFrame(rows, schema=RESOURCES, orient="row")
    [verdict] = changed(WEATHER, deliveries((0, "json", 48)), USUAL, DAY, resources)
    found = [(row["before"], row["now"], row["last_good"]) for row in verdict.sample]
    assert found == [(*each, DAY - timedelta(days=2)) for each in told]
    assert {row["event"] for row in verdict.sample} <= {"resource"}
