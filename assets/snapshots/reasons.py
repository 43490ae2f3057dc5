"""Why an indicator is not ok, and what the programme view says, in Thai: both are told in English, and the page tells
them in both languages."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from assets.snapshots.drawings import CLASSES, SEXES
from quality.advice import advice
from quality.documents import document
from quality.tables import TABLES

PLACE = Path(__file__).with_name("reasons.yaml")

_CHECK = re.compile(r"(\w+), check ([^ ]+): .*")
"""As ``assets.indicators.doubts`` names a check that found something."""

_SMARTS = {
    "economy": "เศรษฐกิจ",
    "energy": "พลังงาน",
    "environment": "สิ่งแวดล้อม",
    "governance": "การบริหารภาครัฐ",
    "living": "การดำรงชีวิต",
    "mobility": "การเดินทาง",
    "people": "พลเมือง",
}
_NAMES = (
    {code: label.split()[0] for code, (label, _) in CLASSES.items()}
    | {code: label.split()[0] for code, label in SEXES.items()}
    | {table.title.lower(): table.title_th for table in TABLES.values()}
    | _SMARTS
)
"""What is filled in by a code or an English title: customer classes, sexes, tables, Smarts."""
_CODE = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(_NAMES, key=len, reverse=True)))})\b")


def in_thai(reason: str) -> str:
    """Reasons, set apart by semicolons, in Thai; what has no Thai words stays as it is."""
    return "; ".join(_parts(reason))


def _parts(reason: str) -> Iterator[str]:
    of_check = False
    for part in reason.split("; "):
        checked, worded = _checked(part), _worded(part)
        if of_check and not (checked or worded):
            continue  # what a check says is told in words of its own, and may have semicolons
        of_check = checked is not None
        yield checked or worded or part


def _checked(part: str) -> str | None:
    found = _CHECK.fullmatch(part)
    table = TABLES.get(found[1]) if found else None
    words = advice(table, found[2]) if found and table else None
    return f"{table.title_th}: {words.th}" if table and words else None


def _worded(part: str) -> str | None:
    for pattern, thai in _words():
        if found := pattern.fullmatch(part):
            return thai.format(*(_CODE.sub(lambda code: _NAMES[code[0]], told) for told in found.groups()))
    return None


@cache
def _words() -> list[tuple[re.Pattern[str], str]]:
    """Patterns of English reasons and their Thai, those with the most words of their own first."""
    told: dict[str, str] = document(PLACE)
    patterns = {english: re.compile(re.escape(english).replace(r"\{\}", "(.+)")) for english in told}
    by_words = sorted(told, key=lambda english: len(english.replace("{}", "")), reverse=True)
    return [(patterns[english], told[english]) for english in by_words]
