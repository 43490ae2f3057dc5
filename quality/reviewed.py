"""Verdicts beside what somebody has looked at: findings that are the truth, and who says so until when."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from quality.review import Review
from quality.verdicts import Verdict, weighed


def accept(table: str, verdicts: Iterable[Verdict], reviews: Sequence[Review], day: date) -> list[Verdict]:
    """Verdicts on ``table`` of delivery day ``day``: one that warns or withholds becomes a note where reviews in force
    are about all that it found; else it is of the rows that are left. A block is never accepted.

    Verdict ``reviewed`` notes reviews that find nothing any more (what was dead and revives, what was odd and is not)
    and those whose day is over, so that they are taken out.
    """
    mine = [review for review in reviews if review.table == table]
    if not mine:
        return list(verdicts)
    in_force = [review for review in mine if day <= review.until]
    used: set[int] = set()
    judged = []
    for verdict in verdicts:
        about = [review for review in in_force if review.check == verdict.check]
        open_ = verdict.verdict in ("warn", "withhold")
        judged.append(_accepted(verdict, about, used) if open_ and about else verdict)
    idle = [f"over: {review}" for review in mine if review not in in_force]
    idle += [f"finds nothing any more: {review}" for review in in_force if id(review) not in used]
    text = "; ".join(idle) or "every review is in force and about something"
    return [*judged, Verdict(table, "reviewed", "note" if idle else "pass", len(mine), len(idle), text)]


def _accepted(verdict: Verdict, about: Sequence[Review], used: set[int]) -> Verdict:
    whole = [review for review in about if not review.key]
    keyed = [review for review in about if review.key]
    left = [row for row in verdict.sample if not any(review.about(row) for review in keyed)]
    known = [review for review in keyed if any(review.about(row) for row in verdict.sample)] + whole
    used |= {id(review) for review in known}
    if not known:
        return verdict
    said = "; ".join(map(str, known))
    # Rows that are not shown are reviewed by nothing that names rows.
    if whole or verdict.failed == len(verdict.sample) - len(left):
        return replace(verdict, verdict="note", misleading=0, days=(), message=f"reviewed: {said}; {verdict.message}")
    failed = verdict.failed - (len(verdict.sample) - len(left))
    shown = verdict.sample[: verdict.misleading]
    misleading = verdict.misleading - len(shown) + sum(row in left for row in shown)
    text = f"{failed} rows beside those reviewed ({said}); {verdict.message}"
    judged = replace(verdict, verdict="warn", failed=failed, misleading=misleading, sample=left, message=text)
    return weighed(judged)
