"""A true jump or a dead station is signed for; nothing else is, and what revives is said."""

from datetime import date, timedelta
from typing import Any

import pytest

from quality.review import Review
from quality.reviewed import accept
from quality.verdicts import Verdict

DAY = date(2026, 11, 20)
FACTS: dict[str, Any] = {
    "table": "water_levels", "check": "plausible:storage_pct", "what": "Filling above 120 %",
    "why": "The bank was raised", "who": "Water office", "until": DAY,
}  # fmt: skip


def found(*stations: str, failed: int | None = None, grade: Any = "warn") -> Verdict:
    rows = [{"station_id": each, "storage_pct": 130.0} for each in stations]
    return Verdict("water_levels", "plausible:storage_pct", grade, 50, failed or len(rows), "found", rows)


def outcomes(verdict: Verdict, day: date = DAY, **facts: Any) -> dict[str, Verdict]:
    return {each.check: each for each in accept("water_levels", [verdict], [Review(**FACTS | facts)], day)}


def test_what_is_reviewed_is_noted_with_who_and_why() -> None:
    told = outcomes(found("s1"), key={"station_id": "s1"})
    assert told["plausible:storage_pct"].verdict == "note"
    for words in ("The bank was raised", "Water office", str(DAY)):
        assert words in told["plausible:storage_pct"].message
    assert told["reviewed"].verdict == "pass"


def test_another_row_still_warns_and_only_it_is_shown() -> None:
    told = outcomes(found("s1", "s2"), key={"station_id": "s1"})["plausible:storage_pct"]
    assert (told.verdict, told.failed, [row["station_id"] for row in told.sample]) == ("warn", 1, ["s2"])


def test_rows_that_are_not_shown_are_not_taken_for_reviewed() -> None:
    told = outcomes(found("s1", failed=30), key={"station_id": "s1"})["plausible:storage_pct"]
    assert (told.verdict, told.failed) == ("warn", 29)


@pytest.mark.parametrize(
    ("verdict", "day", "said"),
    [(found("s1"), DAY + timedelta(days=1), "over"), (found("s2"), DAY, "finds nothing any more")],
)
def test_a_review_that_is_over_or_finds_nothing_accepts_nothing_and_is_said(
    verdict: Verdict, day: date, said: str
) -> None:
    told = outcomes(verdict, day, key={"station_id": "s1"})
    assert told["plausible:storage_pct"] == verdict
    assert told["reviewed"].verdict == "note"
    assert said in told["reviewed"].message


def test_a_block_is_never_accepted() -> None:
    assert outcomes(found("s1", grade="block"))["plausible:storage_pct"].verdict == "block"


def test_a_table_without_reviews_is_judged_as_before() -> None:
    assert accept("weather", [found("s1")], [Review(**FACTS)], DAY) == [found("s1")]
