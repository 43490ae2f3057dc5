"""The period that words tell which stand for many numbers: a header's, the name of a sheet, a title.

Offices put periods into headers, a column each (``2567``, ``ม.ค. 68``, ``ไตรมาส 1/2568``), and say in the same place
that a year is a fiscal one, or not over (``2568 (ม.ค.-มิ.ย.)``). What they tell is told as a cell of its role would.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from assets.sources import thai

FISCAL_MONTH: Final = 10
"""A fiscal year begins on 1 October of the year before the one it is named by."""
SCHOOL_MONTH: Final = 5
SCHOOL_DAY: Final = 16
"""A school year begins on 16 May of the year it is named by (regulation of the Ministry of Education on the school year
and the opening and closing of schools, B.E. 2549)."""
QUARTER: Final = r"^(?:ไตรมาส(?:ที่)?|[Qq])?\s*([1-4])(?:\s*[/ ].*)?$"
YEARS: Final = r"[0-9]{4}\s*(?:[-–/]|ถึง|to)\s*(?:ปี)?\s*(?:พ\.?\s?ศ\.?)?\s*(?:[0-9]{4}|[0-9]{2})(?:[^0-9]|$)"
"""``2566/2567``, ``พ.ศ. 2566-67`` in a cell: a season, a school year or two years together; nothing tells which."""
WHEN: Final = (
    r"^\s*(?:[0-9]{4}\s*[-/M]\s*[0-9]{1,2}(?:$|\s*[-/]\s*[0-9]{1,2})|(?:[0-9]{1,2}\s*[./-]\s*){1,2}(?:19|20|24|25)[0-9]{2}$"
    rf"|[0-9]{{1,2}}\s*(?:{thai.FULL_MONTHS}|{thai.SHORT_MONTHS}))"
)
"""Of a day, or of a year with a number that may be a month's, a quarter's or a term's."""
YEAR_MONTH: Final = r"^(?:19|20|24|25)[0-9]{2}(?:0[1-9]|1[0-2])$"
"""Six digits that are a month under a header of months: under others they are codes of places."""
_ITEM_YEAR: Final = (
    r"(?:ปี|พ\.?\s?ศ\.?)\s*(งบประมาณ|การศึกษา)?\s*(?:พ\.?\s?ศ\.?)?\s*"
    r"(?:([0-9]{4})(?:[^0-9]|$)|([4-9][0-9])(?:\s*[^0-9\sปข]|\s*$))"
)
"""A year in an item, behind a word for it; of two digits none is an age (``60 ปี``, ``ปี 60 ขึ้นไป``)."""
_LAST_YEAR: Final = r"[\s(](25[4-9][0-9]|20[0-4][0-9])\)?$"
"""A recent year that ends an item, with no word before it: ``คดี 2567``."""

LONGEST: Final = 1_000
"""Letters that a period is looked for in: no header or title has more, and what has is no table's."""
_ERA: Final = r"(?:พ\.?\s?ศ\.?|ค\.?\s?ศ\.?)"
_OF_YEAR: Final = (
    rf"(?:\s*[-/.']?\s*(?:ปี\s*)?{_ERA}?\s*(?P<year>\d{{4}}|\d{{2}})(?!\d)"
    rf"(?!\s*(?:{thai.FULL_MONTHS}|{thai.SHORT_MONTHS})))?"
)
"""Behind a month or quarter its year, unless that is the day of another month."""
_MONTH: Final = re.compile(
    rf"(?:(?:เดือน\s*)?(?P<full>{thai.FULL_MONTHS})"
    # No letters of an abbreviation of other words (ก.พ.ร.), and no document (ส.ค. 1).
    rf"|(?:เดือน\s*|(?<=ถึง)|(?<![ก-๙.]))(?P<short>{thai.SHORT_MONTHS})(?![ก-๙.])(?!\s*\d(?!\d))"
    rf"|(?<![a-z])(?P<english>{thai.MONTHS_IN_ENGLISH})\.?(?![a-z])){_OF_YEAR}",
    re.IGNORECASE,
)
_QUARTER: Final = re.compile(
    rf"(?:ไตรมาส(?:ที่)?\s*|(?<![a-z])(?:q|quarter)\s*)(?P<number>[1-4])(?!\d)(?P<span>\s*[-–]\s*[1-4](?!\d))?{_OF_YEAR}",
    re.IGNORECASE,
)
_ALL_QUARTERS: Final = re.compile(r"1\s*[-–]\s*4(?!\d)")
_AS_OF: Final = re.compile(r"(?:ข้อมูล\s*)?ณ\s*(?:วันที่|สิ้น)?\s*(?:\d{1,2}\s*)?$")
"""Before a month that a stock was counted in."""
_BEFORE_MONTH: Final = re.compile(r"(?:(?<!\d)\d{1,2}|ถึง)\s*$")
"""A day of it, or all that was before its end."""
_TO: Final = re.compile(r"[\s.)]*(?:[-–—]|ถึง|to)\s*(?:\d{1,2}\s*)?", re.IGNORECASE)
_PART: Final = re.compile(
    rf"{thai.PARTS}|(?<![a-z])(?:ytd|semester|week\s*\d|half[\s-]year)",
    re.IGNORECASE,
)
"""A part of a year that is neither a month nor a quarter, whatever stands beside it."""
_PART_BESIDE_YEAR: Final = re.compile(r"(?<!\d)(?!12\D)\d+\s*(?:เดือน|months)|(?<![a-z])h[12](?!\w)", re.IGNORECASE)
TWO_YEARS: Final = "two years in one, or a number beside it"
"""``part`` of words that may tell several years, or none."""
_AGE: Final = re.compile("อายุ|age", re.IGNORECASE)
_TWO: Final = re.compile(r"(?<!\d)(?:\d{4}\s*[-–/]\s*\d{1,4}|\d{1,2}\s*/\s*\d{4})(?!\d)")
"""Two years in one, or a number that may be a month's, a term's or a round's beside a year."""
_DATE: Final = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?: 00:00:00)?$")
_WORDS: Final = (
    rf"\s*\(?(?:ข้อมูล|ประจำ)?(?:ปี)?\s*(?:งบ(?:ประมาณ)?|{thai.BUDGET}|ปฏิทิน|การศึกษา)?\s*(?:{_ERA}|(?i:year|fy))?\s*"
)
_MARK: Final = (
    r"(?:\s*(?:[*†]+|\d/(?!\d)|[per](?![a-z])"
    r"|\((?:ตัวเลข|ข้อมูล|ค่า)?(?:เบื้องต้น|ประมาณการ|คาดการณ์|ชั่วคราว|ปรับปรุง|(?i:[per]|preliminary|provisional|revised))\)))?"
)
"""What a year is marked with that has a footnote or is not final."""
_YEAR: Final = re.compile(rf"{_WORDS}(?<!\d)((?:19|20|24|25)\d\d)(?!\d)(?:\.0+)?\)?{_MARK}\s*")
_SHORT_YEAR: Final = re.compile(
    rf"\s*\(?(?:ปี(?:งบประมาณ)?\s*{_ERA}?|{_ERA}|(?<![a-z])fy)\s*['’]?([3-9]\d)(?!\d)(?!\s*(?:[-–]\s*\d|ปี|ขึ้น))\)?{_MARK}\s*",
    re.IGNORECASE,
)
"""A Buddhist year of two digits; ``ปี 60 ขึ้นไป`` is an age."""


@dataclass(frozen=True)
class Told:
    """A period as cells of a table would tell it, each empty where the words do not: ``rest`` is what else they say,
    ``part`` why no period can be told by them."""

    year: str = ""
    fiscal: bool = False
    month: str = ""
    quarter: str = ""
    rest: str = ""
    part: str = ""
    kind: str = ""
    """What stands before a year that is a school's, as in a cell."""


def period(words: str, dated: bool = False, fiscal: bool = False, spans: bool = False) -> Told:
    """What ``words`` tell. Where the year is told elsewhere (``dated``), a month's own stands beside it, and words may
    speak of any year; there it may be a ``fiscal`` one, whose quarters are meant then. With ``spans`` the first and
    last months of a calendar quarter are it."""
    plain = " ".join(thai.ascii_digits(words[:LONGEST]).split())
    months, quarters = list(_MONTH.finditer(plain)), list(_QUARTER.finditer(plain))
    rest = _without(plain, [found.span() for found in (*months, *quarters)])
    whole = _whole(plain, months) or (len(quarters) == 1 and bool(_ALL_QUARTERS.search(quarters[0][0])))
    years = [_four(found["year"], found) for found in (*quarters, *months) if found["year"]]
    years += _YEAR.findall(rest) + [f"25{year}" for year in _SHORT_YEAR.findall(rest)]
    told = list(dict.fromkeys(years))
    is_fiscal = bool(re.search(thai.FISCAL, plain))
    spanned = _quarter(plain, months) if spans and not quarters and not is_fiscal else ""
    part = _part(plain, rest, [] if spanned else months, quarters, whole, bool(told), fiscal or is_fiscal)
    two = None if dated else _TWO.search(rest)
    if two:
        if is_fiscal:
            told = [two[0]]
        elif len(told) == 1:
            part = part or TWO_YEARS
    if whole and is_fiscal:
        told = told[-1:]
    if part or len(told) > 1:
        return Told(part=part)
    year, month = "".join(told), "" if whole or quarters or spanned else "".join(_name(found) for found in months)
    if dated:
        month, year = f"{month} {year}".strip() if month else "", ""
    rest = _SHORT_YEAR.sub(" ", _YEAR.sub(" ", rest.replace(two[0], two[0][:4]) if two else rest))
    rest = " ".join(re.sub(r"\([\s\d/–-]*\)", " ", rest).split()).strip(" -–/,:")
    if year and rest.isdigit():
        return Told(part="a number beside a year")
    kind = f"ปี{thai.SCHOOL} " if re.search(rf"ปี\s*{thai.SCHOOL}", plain) else ""
    quarter = spanned or ("" if whole else "".join(found["number"] for found in quarters))
    return Told(year, is_fiscal, month, quarter, rest, kind=kind)


def parted(cells: pl.Series, fiscal: bool = False) -> dict[str, pl.Series]:
    """Years and quarters by role (``year`` or ``fiscal_year``, ``quarter``) of a column that tells a year in each cell,
    in some with a quarter (``ไตรมาส 1/2567``, ``ม.ค.-มี.ค. 67``), and nothing else; empty for any other column. Under a
    header of quarters ``1/2567`` is one; a cell of a year alone is the total of its quarters, and a total is of all."""
    plain = cells.str.strip_chars().replace("", None)
    if re.search("ไตรมาส|quarter", cells.name, re.IGNORECASE):
        plain = plain.str.replace(r"^([1-4]\s*/\s*[0-9]{4})$", "ไตรมาส $1")
    texts = plain.unique().drop_nulls().sort()
    if not texts.len() or not (texts.str.contains("[0-9]{2}|[๐-๙]{2}") | texts.is_in(thai.TOTALS)).all():
        return {}
    told = {
        text: Told(year=text) if thai.names_total(text) else period(text, fiscal=fiscal, spans=not fiscal)
        for text in texts
    }
    alone = all(each.year and not each.part and not each.month and not each.rest.strip("*†") for each in told.values())
    if not alone or not any(each.quarter for each in told.values()):
        return {}
    labels = {
        "fiscal_year" if fiscal or any(each.fiscal for each in told.values()) else "year": [
            each.kind + each.year for each in told.values()
        ],
        "quarter": [each.quarter or thai.TOTAL for each in told.values()],
    }
    return {
        role: plain.replace_strict(texts, pl.Series(of), default=None, return_dtype=pl.String)
        for role, of in labels.items()
    }


def begins(told: pl.DataFrame, part: str | None) -> pl.Expr:
    """The first day of the period that each row of ``told`` is of, null where its own text tells another year than the
    row's. Columns: ``year``, and ``span``, that of a fiscal one told as two; ``fiscal`` and ``school``, whether it is
    such a year; ``month``, and ``quarter``, the first month of one; ``own``, the year in the text of either;
    ``over_month``, whether it is a total over ``part``, the role by which years are parted, if any.
    """
    fiscal, school, own = (pl.col(name) for name in ("fiscal", "school", "own"))
    yearly = pl.col("over_month") if part else pl.lit(value=True)
    year = named = pl.coalesce("year", pl.when(fiscal).then("span"))
    # The first quarter of a fiscal year begins in October.
    quarter = pl.when(fiscal).then((pl.col("quarter") + FISCAL_MONTH - 2) % 12 + 1).otherwise("quarter")
    month = pl.when(yearly).then(1).otherwise(quarter if part == "quarter" else pl.col("month"))
    if told["fiscal"].any():
        month = pl.when(yearly & fiscal).then(FISCAL_MONTH).otherwise(month)
        year = pl.when(fiscal & (month >= FISCAL_MONTH)).then(year - 1).otherwise(year)
    if told["school"].any():
        month = pl.when(yearly & school).then(SCHOOL_MONTH).otherwise(month)
        year = pl.when(school & (month < SCHOOL_MONTH)).then(year + 1).otherwise(year)
    # The first months of a fiscal year, said or not, lie in the year before.
    before = (month >= FISCAL_MONTH) & (own == named - 1) & (fiscal | pl.lit(part == "month"))
    after = school & (month < SCHOOL_MONTH) & (own == named + 1)
    apart = ((own != named) & ~before & ~after).fill_null(value=False)
    day = pl.when(yearly & school).then(SCHOOL_DAY).otherwise(1)
    return pl.when(~apart).then(pl.date(year if part == "quarter" else pl.coalesce(own, year), month, day))


def first_day(item: pl.Expr) -> pl.Expr:
    """The day on which the year begins that an item tells (``คดี ปี 2567``), null where it tells none."""
    words = item.str.extract_groups(_ITEM_YEAR).struct
    kind, digits = words["1"], pl.coalesce(words["2"], words["3"], item.str.extract(_LAST_YEAR, 1))
    number = digits.cast(pl.Int32)
    year = thai.common_era(pl.when(number < 100).then(2500 + number).otherwise(number))
    fiscal, school = ((kind == name).fill_null(value=False) for name in ("งบประมาณ", thai.SCHOOL))
    month = pl.when(fiscal).then(FISCAL_MONTH).when(school).then(SCHOOL_MONTH).otherwise(1)
    return pl.date(year - fiscal.cast(pl.Int32), month, pl.when(school).then(SCHOOL_DAY).otherwise(1))


def first_days(headers: Collection[str]) -> dict[str, Told]:
    """The months of headers that a spreadsheet made dates, where all these are the first days of months; one alone may
    be a day."""
    found = {name: match for name in headers if (match := _DATE.match(name.strip()))}
    if len(found) < 2 or {match["day"] for match in found.values()} != {"01"}:
        return {}
    return {name: Told(match["year"], month=match["month"]) for name, match in found.items()}


def year_total(dated: Mapping[str, Told], others: Collection[str]) -> dict[str, Told]:
    """The column among ``others`` that is the total of all months or quarters of one year, with that year; none where
    these are fewer, of which it may be the total."""
    named = [name for name in others if thai.names_total(name)]
    alike = {(each.year, each.rest, each.kind) for each in dated.values()}
    months, quarters = ({getattr(each, part) for each in dated.values()} for part in ("month", "quarter"))
    whole = (len(months), len(quarters)) in ((12, 1), (1, 4)) and len(dated) == max(len(months), len(quarters))
    if len(named) != 1 or len(alike) != 1 or not whole:
        return {}
    return {named[0]: replace(next(iter(dated.values())), month="", quarter="")}


def within_years(texts: pl.Series, fiscal: bool) -> pl.DataFrame:
    """Of texts beside years that tell a part of one: its ``_quarter`` or ``_month`` and the ``_year`` (CE) told with
    that, all null where it is neither. A month's short name alone may be another word's, and is none."""
    found = list[tuple[str, int | None, int | None, int | None]]()
    frame = texts.unique().drop_nulls().sort().to_frame("text")
    for text in frame.filter(pl.col("text").str.contains(thai.PART_OF_YEAR))["text"]:
        told = period(text, dated=True, fiscal=fiscal)
        name, _, year = told.month.partition(" ")
        month = _number(name) if name else None
        own = int(year) - (543 if int(year) > thai.BUDDHIST_FROM else 0) if year else None
        if told.part or told.quarter:
            found.append((text, int(told.quarter) if told.quarter else None, None, None))
        elif own or re.fullmatch(thai.FULL_MONTHS, name):
            found.append((text, None, month, own))
    schema = {"_text": pl.String(), "_quarter": pl.Int32(), "_month": pl.Int32(), "_year": pl.Int32()}
    return pl.DataFrame(found, schema=schema, orient="row")


def _four(year: str, beside: re.Match[str]) -> str:
    """A year in four digits: two are a Buddhist one's, but behind English words also a recent one's."""
    if len(year) == 4:
        return year
    return f"25{year}" if int(year) >= thai.SHORT_FROM or re.search("[ก-๙]", beside[0]) else f"20{year}"


def _name(month: re.Match[str]) -> str:
    return month["full"] or month["short"] or month["english"]


def _number(month: str) -> int:
    return thai.MONTH_NUMBERS[re.sub(r"[.\s]", "", month.casefold())]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in sorted(spans, reverse=True):
        text = f"{_AS_OF.sub('', text[:start])} {text[end:]}"
    return text


def _quarter(text: str, months: list[re.Match[str]]) -> str:
    """The number of the quarter of which the months are the first and the last; empty where they are not."""
    if len(months) != 2 or not _TO.fullmatch(text[months[0].end() : months[1].start()]):
        return ""
    first, last = (_number(_name(found)) for found in months)
    return str(last // 3) if last % 3 == 0 and first == last - 2 else ""


def _whole(text: str, months: list[re.Match[str]]) -> bool:
    """Whether the months are the first and last of a calendar or a fiscal year."""
    if len(months) != 2 or not _TO.fullmatch(text[months[0].end() : months[1].start()]):
        return False
    return tuple(_number(_name(found)) for found in months) in ((1, 12), (10, 9))


def _part(
    text: str,
    rest: str,
    months: list[re.Match[str]],
    quarters: list[re.Match[str]],
    whole: bool,
    dated: bool,
    fiscal: bool,
) -> str:
    """The words of a part of a year that is neither a month nor a quarter, empty where there are none."""
    if found := _PART.search(rest) or (dated and not _AGE.search(text) and _PART_BESIDE_YEAR.search(rest)):
        return found[0]
    if not whole and (len(quarters) > 1 or any(found["span"] for found in quarters)):
        return "several quarters"
    if quarters and months:
        first = (int(quarters[0]["number"]) * 3 - 2 + (8 if fiscal else -1)) % 12 + 1
        fits = [_number(_name(found)) for found in months] in ([first, first + 2], [first, first + 1, first + 2])
        return "" if fits else "months that are not the quarter's"
    if len(months) > 1 and not whole:
        return "several months"
    if len(months) == 1:
        before = text[: months[0].start()]
        if not _AS_OF.search(before) and _BEFORE_MONTH.search(before):
            return "a day, or what was until a month"
    return ""
