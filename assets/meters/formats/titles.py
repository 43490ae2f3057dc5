"""Units that stand above a header, in titles and facts of a report."""

import re
from collections.abc import Iterable

from assets.meters.formats.canonical import UNITS

THAI = {
    "กิโลวัตต์ชั่วโมง": "kwh",
    "เมกะวัตต์ชั่วโมง": "mwh",
    "วัตต์ชั่วโมง": "wh",
    "กิโลวัตต์": "kw",
    "เมกะวัตต์": "mw",
    "กิโลวาร์ชั่วโมง": "kvarh",
    "กิโลวาร์": "kvar",
}
"""Words of Thai reports; they are written with and without a hyphen or a blank within."""

_FAMILIES = ("wh", "varh", "vah")
_LATIN = sorted((name for name, unit in UNITS.items() if len(name) > 1 and unit.family in _FAMILIES), key=len)
_THAI = (word.replace("ชั่วโมง", r"[-\s]?ชั่วโมง") for word in THAI)
_W = r"(?<=[(\[])w(?=[)\]])|(?<=unit: )w|(?<=unit:)w"
"""Watts, where a letter alone is a unit."""
_WORD = re.compile(
    rf"(?P<amount>[0-9][0-9.,]*\s*)?(?:(?<![a-z])(?P<latin>{'|'.join(reversed(_LATIN))}|{_W})(?![a-z])|(?P<thai>{'|'.join(_THAI)}))"
    r"(?P<fact>\W*(?!(?:20|25)[0-9]{2}(?![0-9])|[0-9]{1,2}/)[0-9])?",
    re.IGNORECASE,
)


def units(rows: Iterable[str]) -> set[str]:
    """Units of energy and power, in lower case, that rows tell of what is below; ``500 kVA`` and ``Demand (kW): 120``
    are facts of their own; a date behind a unit makes it none."""
    found = (word for row in rows for word in _WORD.finditer(row) if not word["amount"] and not word["fact"])
    return {word["latin"].lower() if word["latin"] else THAI[re.sub(r"[-\s]", "", word["thai"])] for word in found}


def contradicted(told: set[str], declared: Iterable[str]) -> tuple[set[str], set[str]] | None:
    """Units ``told`` and ``declared`` of a family in which none is both, or None."""
    ours = {name.lower() for name in declared}
    for family in _FAMILIES:
        theirs, mine = ({name for name in names if UNITS[name].family == family} for names in (told, ours))
        if theirs and mine and not theirs & mine:
            return theirs, mine
    return None
