"""Why an indicator is not ok, in Thai: its reasons are told in English, for the page they are in both languages."""

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

_NAMES = {code: label.split()[0] for code, label in ({code: told[0] for code, told in CLASSES.items()} | SEXES).items()}
"""Customer classes and sexes that reasons name by their codes."""
_CODE = re.compile(rf"\b(?:{'|'.join(_NAMES)})\b")


def in_thai(reason: str) -> str:
    """The reasons of an indicator in Thai; what has no Thai words stays as it is."""
    return "; ".join(_parts(reason))


def _parts(reason: str) -> Iterator[str]:
    of_check = False
    for part in reason.split("; "):
        if (told := _checked(part)) or (told := _worded(part)):
            yield told
        elif not of_check:
            yield part
        else:
            continue  # more words of the check before
        of_check = told is not None and bool(_CHECK.fullmatch(part))


def _checked(part: str) -> str | None:
    found = _CHECK.fullmatch(part)
    table = TABLES.get(found[1]) if found else None
    words = advice(table, found[2]) if found and table else None
    return f"{table.title_th}: {words.th}" if table and words else None


def _worded(part: str) -> str | None:
    for pattern, thai in _words():
        if found := pattern.fullmatch(part):
            return thai.format(
                *(_CODE.sub(lambda code: CLASSES[code[0]][0].split()[0], told) for told in found.groups())
            )
    return None


@cache
def _words() -> list[tuple[re.Pattern[str], str]]:
    """Patterns of English reasons and their Thai, those with the most words of their own first."""
    told: dict[str, str] = document(PLACE)
    patterns = {english: re.compile(re.escape(english).replace(r"\{\}", "(.+)")) for english in told}
    by_words = sorted(told, key=lambda english: len(english.replace("{}", "")), reverse=True)
    return [(patterns[english], told[english]) for english in by_words]
