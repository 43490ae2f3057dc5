"""What a title, a header's cell or a row of units tells of the values below: their unit, direction and zone.

Words of a report, not of a specification: what is a fact of its own (``500 kVA``, ``Demand (kW): 120``, ``printed at
10:00 UTC``) tells nothing of the values.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from math import prod

from assets.meters.formats.canonical import UNITS, Unit, Unreadable
from assets.meters.formats.layouts import Layout, Measure
from assets.meters.formats.stamps import zone_of

LONGEST = 500
"""Letters of a title, or a header's cell, that are looked at: no title has more, and what looks for words in some
pages of one line takes minutes."""

THAI = {
    "กิโลวัตต์ชั่วโมง": "kwh",
    "เมกะวัตต์ชั่วโมง": "mwh",
    "จิกะวัตต์ชั่วโมง": "gwh",
    "วัตต์ชั่วโมง": "wh",
    "กิโลวัตต์": "kw",
    "เมกะวัตต์": "mw",
    "กิโลวาร์ชั่วโมง": "kvarh",
    "กิโลวาร์": "kvar",
    "กิโลโวลต์แอมแปร์": "kva",
    "เมกะจูล": "mj",
    "พันหน่วย": "mwh",  # a "unit" is a kWh
    "ล้านหน่วย": "gwh",
}
"""Words of Thai reports; they are written with and without a hyphen or a blank within."""

_FAMILIES = ("wh", "varh", "vah")
_TOLD = {
    **{name: unit for name, unit in UNITS.items() if unit.family in _FAMILIES},
    **{"g" + name[1:]: unit._replace(factor=unit.factor * 1000) for name, unit in UNITS.items() if name[:1] == "m"},
    **{prefix + "j": Unit("wh", Decimal(10) ** n / 3600, False) for prefix, n in (("k", 0), ("m", 3), ("g", 6))},
}
"""Units that a file may tell of energy and power; those that no layout can have contradict each."""
_OTHERS = {
    word: UNITS.get(word, Unit(word, Decimal(1), False))
    for word in (*("v", "kv", "a", "ka", "hz", "pf", "°c", "m3", "m³", "j", "baht", "thb", "บาท"),)
}
"""What a cell of units may tell besides, alone in it."""
_MANY = {"thousand": 1000, "million": 10**6, "พัน": 1000, "ล้าน": 10**6}
_RATES = "".join(rf"(?<!{of}/)" for of in ("imp", "pulse", "pulses", "rev", "baht", "thb", "บาท", "co2", "co2e"))
_LATIN = (
    rf"(?<![a-z]){_RATES}(?:(?:(?P<long>kilo|mega|giga)[-\s]?|(?P<prefix>[kmg]))?(?P<base>watt|var|va|w)s?(?P<hour>[-·.\s]?h(?:ours?|rs?)?)?"
    r"|(?P<joule>[kmg]j))(?![a-z])"
)
_THAI = "|".join(word.replace("ชั่วโมง", r"[-\s]?ชั่วโมง") for word in THAI)
_NUMBER = r"[0-9][0-9.,]*"
_TEN = r"(?:10*|0?\.0*1)(?![0-9.,])"
"""A power of ten, which alone is no amount behind ``Unit:``."""
_BY = rf"(?<![0-9])(?<![0-9]\s)[x×*]\s*(?={_NUMBER})|(?:units?|หน่วย)\s*[:=]\s*(?={_TEN})"
"""What makes a factor of the amount before a unit: ``x1000 kWh``, but not ``2 x 500 kVA``. ``M2 Wh`` has no amount."""
_WORD = re.compile(
    rf"(?:(?:(?P<by>{_BY})|(?<![\w.,])|(?={_NUMBER}[a-z]))(?P<amount>{_NUMBER})[\s)]*|(?P<many>{'|'.join(_MANY)})\s*)?"
    rf"(?:{_LATIN}|(?P<thai>{_THAI}))"
    rf"(?:[\s(]*[x×*]\s*(?P<times>{_NUMBER})(?![0-9.,]|\s*h))?"
    r"(?:(?=(?P<fact>\W*(?!(?:20|25)[0-9]{2}(?![0-9])|[0-9]{1,2}/)[0-9])))?",
    re.IGNORECASE,
)
_ALONE = re.compile(r"(?<=[(\[])w(?=[)\]])|(?<=unit: )w|(?<=unit:)w", re.IGNORECASE)
"""Watts, where a letter alone is a unit."""
_OTHER = re.compile(
    rf"^unit: \W*(?P<alone>{'|'.join(_OTHERS)})\W*$|\((?P<beside>m3|m³|hz|°c|baht|thb|บาท)\)", re.IGNORECASE
)
"""What cannot be a phase or a name, in brackets too."""

_EXPORT = re.compile(r"(?<![a-z])(?<!data )exp(?:ort(?:ed)?)?(?![a-z])|ส่งออก|จ่ายออก|ขายคืน", re.IGNORECASE)
_IMPORT = re.compile(r"(?<![a-z])imp(?:ort(?:ed)?)?(?![a-z])|นำเข้า|รับเข้า", re.IGNORECASE)
_DIRECTED = re.compile(
    r"(?:export|import)(?:ed)?\s+(?:in)?(?:to|from)\s+(?:the\s+)?grid|\((?:export|import)(?:ed)?\)"
    r"|(?:export|import)ed\s+energy|energy\s+(?:export|import)ed"
    r"|^(?:re)?(?:active )?(?:export|import)\s*\([kmg]?(?:w|var)h?\)"
    r"|(?:พลังงาน|ไฟฟ้า|หน่วย)(?:ที่)?(?:ส่งออก|จ่ายออก|ขายคืน|นำเข้า|รับเข้า)|(?:จ่ายออก|ขายคืน)",
    re.IGNORECASE,
)
"""Titles that tell a direction; ``data export``, ``exported by`` and ``ส่งออกข้อมูล`` tell none."""

_CLAUSE = r"(?:^|(?<=[,;.:(]))(?:(?!\bin\b)(?:[^,;.:()]|\([^()]*\)))*?"
_ELSEWHERE = re.compile(
    rf"{_CLAUSE}\bnot (?:yet )?(?:included|available|applicable|measured|metered|recorded|shown|allowed|permitted)"
    r"[^,;.)]*"
    rf"|{_CLAUSE}\b(?:see\s+(?:\w+\s+){{0,2}}|(?:on|in)\s+(?:the\s+|an?\s+)?(?:next|other|another|separate)\s+)"
    r"(?:sheet|file|page|report|tab)s?\b[^,;.)]*"
    r"|(?:\b(?:exclud(?:es?|ed|ing)|without|except(?: for)?)\b|ไม่รวม|ไม่มี|ยกเว้น)(?:(?!\bin\b)(?:[^,;.()]|\([^()]*\)))*",
    re.IGNORECASE,
)
"""What a title says is not in the table: ``kvarh not included``, ``(export to grid not allowed)``, but of ``in Wh
(multiplier not included)`` only what stands in brackets."""

_METER = re.compile(
    r"(?:(?:\b(?:meter(?:ing point)?|(?:contract )?account|customer|installation)|มิเตอร์|เครื่องวัด"
    r"|(?:หมายเลข|บัญชี)ผู้ใช้ไฟ(?:ฟ้า)?)\s*(?:PEA|MEA|กฟภ\.?|กฟน\.?)?\s*(?:no\.?|number|id|หมายเลข|เลขที่|#)?"
    r"|\b(?:serial|device|NMI|MPAN|CA|PEA|MEA)\s*(?:no\.?|number|id|#|:)|\b(?:CA|PEA|MEA)\s(?=[0-9]{5}))"
    r"\s*:?\s*(?P<point>[0-9][0-9A-Za-z-]{2,})",
    re.IGNORECASE,
)
_ANY_YEAR = r"(?:20|25)[0-9]{2}"
_PLACE = re.compile(
    r"^\W*(?P<label>(?:customer |site |building )?name(?=\s*:)|(?:site|location|building|bldg\.?|feeder)(?![a-z])"
    r"|(?:ชื่อ)?(?:สถานที่(?:ใช้ไฟ(?:ฟ้า)?)?|อาคาร|ตึก|ผู้ใช้ไฟ(?:ฟ้า)?)|ชื่อ(?=\s*:))\s*:?\s*(?P<name>[^\s:][^:]*?)"
    r"(?:\W*(?:\b(?:date|page|from|between|period)\b|วันที่|หน้า|ประจำ|ระหว่าง"
    r"|[0-9]{1,4}[-/. ][0-9ก-๙a-z.]+[-/. ][0-9]{2,4}).*)?$",
    re.IGNORECASE,
)
"""What a meter stands for, up to a date or a page."""

_ZONED = re.compile(
    r"(?:(?<![a-z0-9])(?:utc|gmt)|(?P<label>time\s?zone|\btz|เขตเวลา|โซนเวลา)\W*?)(?![a-z])"
    r"\s*(?P<offset>(?P<sign>[+\-\u2212])\s?(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?)?(?!\W*[0-9])"
    r"|(?P<name>\b(?:Africa|America|Asia|Australia|Europe|Pacific|Etc)/[A-Z][A-Za-z_/]+)",
    re.IGNORECASE,
)
_AT = re.compile(r"[0-9]{1,2}[:.][0-9]{2}\W{0,2}(?:utc|gmt)(?:\s?[+-][0-9:]+)?", re.IGNORECASE)
"""When something was: a fact of its own."""
_OF_TIMES = re.compile(r"time|date|zone|clock|stamp|\btz|เวลา|วัน|^\W*(?:utc|gmt)\W*$", re.IGNORECASE)
"""What a row is about in which UTC or GMT alone is a zone, and no name."""
_YEAR = 2026
"""Any: of a zone's clock two offsets are looked at, that of January and that of July."""


def units(rows: Iterable[str]) -> dict[str, Unit]:
    """Units of energy and power, in lower case, that rows tell of what is below, with the factor before or behind them
    (``x1000 kWh``); a number beside a unit is else a fact of its own, and a date behind it is none. A row that begins
    with ``unit:`` may tell others."""
    found = {}
    for row in map(_here, rows):
        for other in _OTHER.finditer(row):
            name = (other["alone"] or other["beside"]).lower()
            found[name] = _OTHERS[name]
        for word in _WORD.finditer(row):
            unit, factor = _name(word), _factor(word)
            if unit is not None and factor is not None:
                shown = unit if factor == 1 else f"{factor.normalize():f} x {unit}"
                found[shown] = _TOLD[unit]._replace(factor=_TOLD[unit].factor * factor)
    return found


def _name(word: re.Match[str]) -> str | None:
    if word["thai"]:
        return THAI[re.sub(r"[-\s]", "", word["thai"])]
    if word["joule"]:
        return word["joule"].lower()
    prefix, base = (word["long"] or word["prefix"] or "")[:1].lower(), word["base"].lower()
    if base == "w" and not prefix and not word["hour"] and not _ALONE.match(word.string, word.start("base")):
        return None
    return prefix + ("w" if base == "watt" else base) + ("h" if word["hour"] else "")


def _factor(word: re.Match[str]) -> Decimal | None:
    """What the unit is multiplied by; None where it is the unit of a number that stands beside it."""
    if (word["fact"] and not word["times"]) or (word["amount"] and not word["by"]):
        return None
    numbers = [text.rstrip(".,").replace(",", "") for text in (word["amount"], word["times"]) if text]
    if any(number.count(".") > 1 for number in numbers):
        return None
    return prod(map(Decimal, numbers), start=Decimal(_MANY.get((word["many"] or "").lower(), 1)))


def contradicted(
    told: Mapping[str, Unit], declared: Iterable[str], multiplier: Decimal = Decimal(1), *, kin: bool = False
) -> tuple[set[str], set[str]] | None:
    """Units ``told`` and ``declared`` of a family in which none is both, or (but for ``kin``) of families of which none
    is both; or None. A unit told may include the ``multiplier``."""
    ours = {name.lower(): UNITS[name.lower()] for name in declared}
    known = {each._replace(factor=each.factor * by) for each in ours.values() for by in (1, multiplier)}
    families = {unit.family for unit in ours.values()}
    shared = families & {unit.family for unit in told.values()}
    for family in sorted(shared):
        theirs = {name: unit for name, unit in told.items() if unit.family == family}
        if not known & set(theirs.values()):
            return set(theirs), {name for name, unit in ours.items() if unit.family == family}
    apart = told and not shared and not kin and families & {*_FAMILIES}
    return (set(told), set(ours)) if apart else None


def kin(rows: Iterable[str], measures: Iterable[Measure]) -> bool:
    """Whether rows tell a unit of a family that the ``measures`` have."""
    families = {UNITS[each.unit.lower()].family for each in measures}
    return any(unit.family in families for unit in units(rows).values())


def heed(
    where: str,
    told: Iterable[str],
    measures: Iterable[Measure],
    layout: Layout,
    row: int | None,
    *,
    title: bool = False,
    kin: bool = False,
) -> None:
    """Raise ``Unreadable`` where what the file has ``told`` of ``measures`` is another unit, as ``contradicted`` tells,
    or another direction."""
    told, measures = list(told), list(measures)
    found = [contradicted(units(told), (each.unit for each in measures), layout.multiplier, kin=kin)]
    ours = {each.quantity.split("_")[-1] for each in measures} & {"import", "export"}
    theirs = {name for text in told for name in directions(text, title)}
    if theirs and ours and not theirs & ours:
        found.append((theirs, ours))
    for words in filter(None, found):
        these, those = (", ".join(sorted(each)) for each in words)
        raise Unreadable("layout-contradicts", f"{where} {these}, the layout has {those}", row)


def directions(text: str, title: bool = False) -> set[str]:
    """``import`` and ``export``, as a cell names them, or plainly a ``title`` (in which a file is an export, too)."""
    text = _here(text)
    texts = [found[0] for found in _DIRECTED.finditer(text)] if title else [text]
    words = {"import": _IMPORT, "export": _EXPORT}
    return {name for name, pattern in words.items() if any(pattern.search(each) for each in texts)}


def _here(row: str) -> str:
    """A row without what it says is elsewhere."""
    return _ELSEWHERE.sub(" ", re.sub(r"\s[-\u2013]\s", "; ", row[:LONGEST]))


def meter(text: str) -> str | None:
    """The number of the meter, or of its account, that a title names."""
    found = _METER.search(text[:LONGEST])
    return found["point"] if found and not re.fullmatch(_ANY_YEAR, found["point"]) else None


def place(text: str) -> tuple[str, str] | None:
    """Label and name of what a meter stands for, as a title names it: a building, a customer."""
    found = _PLACE.search(text[:LONGEST])
    return (found["label"].lower(), found["name"]) if found else None


def zones(rows: Iterable[str]) -> dict[str, set[timedelta]]:
    """The zones that rows tell, each with its offsets from UTC in a year; ``10:00 UTC`` is a fact of its own."""
    found = {}
    for row in (each[:LONGEST] for each in rows):
        for word in _ZONED.finditer(_AT.sub(" ", row)):
            if word["name"]:
                try:
                    found[word["name"]] = offsets(word["name"])
                except ValueError:
                    continue
            elif word["offset"] or (not word["label"] and _OF_TIMES.search(row)):
                ahead = timedelta(hours=int(word["hours"] or 0), minutes=int(word["minutes"] or 0))
                ahead = ahead if word["sign"] in (None, "+") else -ahead
                found[f"UTC{word['offset'] or ''}"] = {ahead}
    return found


def offsets(zone: str) -> set[timedelta]:
    """The offsets from UTC that a zone's clock has in a year. Raises ``ValueError`` for what is no zone."""
    there = zone_of(zone)
    return {datetime(_YEAR, month, 1, tzinfo=there).utcoffset() or timedelta() for month in (1, 7)}
