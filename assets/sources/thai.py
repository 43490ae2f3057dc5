"""Converters from Thai text to values, as Polars expressions on string columns.

What Thai open data writes: Buddhist years (CE + 543), months as words (full, short and misspelt), Thai digits, numbers
with thousands commas, words for values that are missing or still being processed, and areas with a prefix that says
their level. Text that cannot be read becomes null; ``is_missing`` and ``is_pending`` recognise nulls that are declared.
"""

import re
import unicodedata
from collections.abc import Sequence

import polars as pl

from quality import row_rules

TOTAL = "รวม"
"""Label of a total among its members."""

TOTALS = (TOTAL, "รวมทั้งหมด", "รวมทั้งสิ้น", "ยอดรวม", "ผลรวม", "ทั้งหมด", "Total", "total", "TOTAL")
"""Labels of totals seen in published files; the usual one first."""

_TOTAL_WORDS = (
    r"(?i)^(?:(?:ยอด|ผล|จำนวน)?รวม(?:(?:ทั้ง|ทุก|ยอด|จังหวัด|อำเภอ|ตำบล|ประเทศ|สะสม|เฉลี่ย)\S*)?(?:[\s(:].*)?"
    r"|ทุก(?:จังหวัด|อำเภอ|ตำบล|แห่ง|ประเภท|กลุ่ม|เพศ|วัย|อายุ|ช่วงอายุ|สัญชาติ)|ระดับจังหวัด|สรุป(?:รวม)?"
    r"|(?:ภาพรวม|(?:จำนวน)?ทั้ง(?:หมด|สิ้น|ปี|จังหวัด|อำเภอ|ประเทศ))\S*|(?:grand|sub)?[\s-]*totals?(?:\s*[(:].*)?)$"
)

PENDING = "รอประมวลผล"
"""\"Awaiting processing\": the publisher will have a value, but has not computed it yet."""

_PENDING = r"^(?:รอ|อยู่ระหว่าง(?:การ)?|ยังไม่(?:มี|ได้)?)\s?(?:ประมวลผล|รวบรวม|จัดเก็บ|สำรวจ|ประกาศ|เผยแพร่|ข้อมูล)(?:ข้อมูล|ผล)?$"
"""The same in other words."""

MISSING = (
    *("", "-", "...", "#N/A", "N/A", "NA", "n.a.", "null", "None", "NaN"),
    *("ไม่ทราบ", "ไม่มี", "ไม่มีข้อมูล", "ไม่ปรากฏ", "ไม่ปรากฏข้อมูล"),
)
"""Text that declares a value missing, in whatever letters; any dashes and dots do, as statistical offices write them,
and any error of a spreadsheet. "0" is a value, and "-1" may be one: feeds that use numbers as marks say so in their own
reader."""

_ERRORS = r"#(?:N/?A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|#+)"
_MISSING = rf"(?i)^(?:[-–—.…]*|{_ERRORS}|{'|'.join(map(re.escape, MISSING))})$"

PERCENT = f"(?i){row_rules.PERCENT}"
"""How a unit begins that is per cent, in letters of any case."""

SHORT_FROM = 40
"""Two digits from which a year is Buddhist whatever stands beside it: 40 is 1997 CE, and 2040 lies ahead."""

BUDDHIST_FROM = 2400
"""A four-digit year above this is Buddhist: 2400 BE is 1857 CE, and no data here reaches the year 2400 CE."""

MONTHS = {
    1: ("มกราคม", "ม.ค.", "มค."),
    2: ("กุมภาพันธ์", "ก.พ.", "กพ."),
    3: ("มีนาคม", "มี.ค.", "มีค."),
    4: ("เมษายน", "เม.ย.", "เมย."),
    5: ("พฤษภาคม", "พ.ค.", "พค."),
    6: ("มิถุนายน", "มิ.ย.", "มิย."),
    7: ("กรกฎาคม", "ก.ค.", "กค."),
    8: ("สิงหาคม", "ส.ค.", "สค."),
    9: ("กันยายน", "ก.ย.", "กย."),
    10: ("ตุลาคม", "ต.ค.", "ตค."),
    11: ("พฤศจิกายน", "พ.ย.", "พย."),
    12: ("ธันวาคม", "ธ.ค.", "ธค."),
}
"""Month → full name, then short names."""

ENGLISH_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

MISSPELT = {
    "กรกฏาคม": 7,
    "กุมภาพันธุ์": 2,
    "กุมภาพันธ": 2,
    "พฤษจิกายน": 11,
    "พฤศจิกายยน": 11,
    "พฤศภาคม": 5,
    "เมษายา": 4,
    "สิงหามคม": 8,
    "กันยายนต์": 9,
}
"""Misspelt month → the month meant: ฏ for ฎ and the like. Spellings one letter off that are no other month's."""

AREA_LEVELS = {
    "province": ("จังหวัด", "จ."),
    "amphoe": ("กิ่งอำเภอ", "อำเภอ", "เขต", "อ."),
    "tambon": ("ตำบล", "แขวง", "ต."),
    "city": (
        "องค์การบริหารส่วนจังหวัด",
        "องค์การบริหารส่วนตำบล",
        "เทศบาลตำบล",
        "เทศบาลเมือง",
        "เทศบาลนคร",
        "อบจ.",
        "อบต.",
        "ทต.",
        "ทม.",
        "ทน.",
    ),
}
"""Area level → prefixes. ``city`` is a local government: a municipality, or the administration of a tambon or
province."""

_LOCAL_GOVERNMENTS = {
    "อบจ": "องค์การบริหารส่วนจังหวัด",
    "อบต": "องค์การบริหารส่วนตำบล",
    "ทต": "เทศบาลตำบล",
    "ทม": "เทศบาลเมือง",
    "ทน": "เทศบาลนคร",
}

MONTH_NUMBERS = (
    {name.replace(".", ""): number for number, names in MONTHS.items() for name in names}
    | {name[:length]: number for number, name in enumerate(ENGLISH_MONTHS, 1) for length in (3, 4, len(name))}
    | {form: number for number in range(1, 13) for form in (f"{number}", f"{number:02d}")}
    | MISSPELT
)
"""Name of a month without dots and blanks, in lower case, or its number → month."""

FULL_MONTHS = "|".join(sorted([*(names[0] for names in MONTHS.values()), *MISSPELT], key=len, reverse=True))
SHORT_MONTHS = "|".join(r"\.?\s?".join(names[1].split(".")[:2]) + r"\.?" for names in MONTHS.values())
MONTHS_IN_ENGLISH = "|".join(f"{name}|{name[:4]}|{name[:3]}" for name in ENGLISH_MONTHS)
"""Names of months as patterns within a text."""

BUDGET = r"ง\.?\s?ป\.?\s?ม\.?"
"""\"Budget\", shortened."""
FISCAL = (
    rf"(?i)งบ(?:ประมาณ|ลงทุน|ดำเนิน|กลาง|อุดหนุน|รายจ่าย|ปี|ฯ|[^ก-๙]|$)|ปี\s*งบ|(?:^|ปี|[^ก-๙]){BUDGET}|fiscal|\bfy(?:[^a-z]|$)"
    r"|(?:ตุลาคม|ต\.?\s?ค\.?|\boct\w*)[^ก-๙a-z]{0,9}(?:ถึง|to)?[^ก-๙a-z]{0,9}(?:กันยายน|ก\.?\s?ย\.?|\bsep)"
)
"""Words that say that a year is a fiscal one."""

SCHOOL = "การศึกษา"
"""Word that says that a year is a school's."""

WHOLE_YEAR = (
    r"(?i)(?:ตุลาคม|ต\.?\s?ค\.?|oct(?:ober)?)\s*(?:[-–]|ถึง|to)\s*(?:กันยายน|ก\.?\s?ย\.?|sep)"
    r"|(?:มกราคม|ม\.?\s?ค\.?|jan(?:uary)?)\s*(?:[-–]|ถึง|to)\s*(?:ธันวาคม|ธ\.?\s?ค\.?|dec)"
)
"""Months that are a whole year, fiscal or calendar."""

PARTS = (
    r"ครึ่ง(?:ปี|แรก|หลัง)|(?:ภาค(?:เรียน|การศึกษา)?|เทอม)(?:ที่\s*[0-9]|\s*[0-9]|ต้น|ปลาย)|สัปดาห์ที่"
    r"|เดือน\s*(?:แรก|หลัง|สุดท้าย)|ไตรมาส\s*(?:แรก|สุดท้าย)|ช่วง(?:วัน)?(?:เทศกาล|สงกรานต์|ปีใหม่|หยุด)|วันอันตราย"
)
"""Words of a part of a year that is neither a month nor a quarter with its number."""
PART_OF_YEAR = (
    rf"(?i){FULL_MONTHS}|(?:^|[^ก-๙.])(?:{SHORT_MONTHS})(?:\s*[0-9]{{2}}|[^ก-๙.0-9\s]|\s*$)|\b(?:{MONTHS_IN_ENGLISH})\b"
    rf"|ไตรมาส(?:ที่)?\s*[1-4]|{PARTS}|\b(?:half|quarter|ytd|semester)\b"
)
"""Words that tell a part of a year."""

PLANNED = r"(?i)แผน|เป้า|พยากรณ์|target|plan|forecast"
"""Words beside a year of what is meant to be or expected, not of what was."""

_MONTH_OF_YEAR = r"^(.*?[^0-9\s/.\-])[\s./\-]*((?:[0-9]{2}){1,2})$"
"""A month in words and the year behind it, of two or four digits."""
_MONTH_IN_NUMBERS = (r"^([0-9]{4})\s?[/.-]\s?([0-9]{1,2})$", r"^([0-9]{1,2})\s?[/.-]\s?([0-9]{4})$")
"""A month's number behind its year, or before it."""
_YEAR_WORD = r"\s*(?:ปี\s*)?(?:พ\.?\s?ศ\.?|ค\.?\s?ศ\.?|ปี)?\s*$"
_DIGITS = {chr(0x0E50 + digit): str(digit) for digit in range(10)}
# Expressions, for making one of a list takes longer than all else of a small frame's reading.
_THAI_DIGITS, _ASCII_DIGITS = (pl.lit(list(texts)) for texts in (_DIGITS, _DIGITS.values()))
_BLANKS = "[\\s\\u00a0\\u200b\\ufeff]+"
_PERCENT_SIGN = r"\s*[%％]$"
_FOOTNOTE = (
    r"^(.*[0-9])(?:\s*(?:[*†‡]+|[¹²³⁴⁵⁶⁷⁸⁹]+⁾?|[rp]\s*/?|\.-|\((?:r|p|เบื้องต้น|ปรับปรุง)\))|\s+(?:[er]|[0-9]{1,2})\s*/)$"
)
"""A number with the mark of a footnote, of what is provisional or revised, or of no satang (``1,234.-``)."""
_SPACED = r"^[-−–+]?[1-9][0-9]{0,2}(?:['’ ][0-9]{3})+(?:\.[0-9]+)?$"
"""A number whose groups of three digits are parted by a blank or an apostrophe; with a zero first it is no number."""
_NUMBER = r"^[-−–+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?$"


def clean(text: pl.Expr) -> pl.Expr:
    """Text without outer blanks (also no-break and zero-width ones), inner runs of blanks as one, Thai digits as
    ASCII digits."""
    plain = text.str.replace_all(_BLANKS, " ").str.strip_chars()
    return plain.str.replace_many(_THAI_DIGITS, _ASCII_DIGITS)


def ascii_digits(text: str) -> str:
    """A header with Thai digits as ASCII digits."""
    return "".join(_DIGITS.get(letter, letter) for letter in text)


def is_pending(text: pl.Expr) -> pl.Expr:
    """Whether the text says that the value is still being processed."""
    return clean(text).str.contains(_PENDING).fill_null(value=False)


def is_missing(text: pl.Expr) -> pl.Expr:
    """Whether there is no value, or a mark that says so; a pending value is not missing."""
    return clean(text).str.contains(_MISSING).fill_null(value=True)


def number(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Number from text such as ``38,324,038.00``; null where it is none, or a fraction that an integer ``dtype``
    cannot hold. Commas count only between groups of three digits."""
    plain = clean(text)
    grouped = pl.when(plain.str.contains(_NUMBER)).then(plain.str.replace("^[−–]", "-"))
    digits = grouped.str.replace_all(",", "", literal=True)
    if dtype.is_integer():
        digits = digits.str.replace(r"\.0+$", "")
    return digits.cast(dtype, strict=False)


def amount(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """``number``, also of a share that has its sign (``35 %`` is 35), with a mark behind it (``1,234 r/``), or in
    groups that are parted otherwise (``1 234``, ``1'234``)."""
    plain = clean(text).str.replace(_PERCENT_SIGN, "").str.replace(_FOOTNOTE, "$1")
    spaced = plain.str.contains(_SPACED)
    return number(pl.when(spaced).then(plain.str.replace_all("['’ ]", "")).otherwise(plain), dtype)


def has_footnote(text: pl.Expr) -> pl.Expr:
    """Whether the text is a number with a mark behind it."""
    return clean(text).str.contains(_FOOTNOTE).fill_null(value=False)


def has_percent_sign(text: pl.Expr) -> pl.Expr:
    """Whether the text is a number with the sign of per cent."""
    return clean(text).str.contains(rf"[0-9]{_PERCENT_SIGN}").fill_null(value=False)


def common_era(year: pl.Expr) -> pl.Expr:
    """Year of the common era from an integer year of either era."""
    return pl.when(year > BUDDHIST_FROM).then(year - 543).otherwise(year)


def year(text: pl.Expr) -> pl.Expr:
    """Year of the common era (Int32) from a four-digit year of either era, with or without ``ปี`` and ``พ.ศ.``, or of
    two digits behind such a word (``ปี 67``); a spreadsheet's ``2567.0`` and ``'2567`` too, and one with a mark of a
    footnote or of what is provisional (``2567*``, ``2567p``, ``2567 (เบื้องต้น)``), but not of a part of it (``2567
    (ม.ค.-มิ.ย.)``) or of a plan (``2567 (แผน)``). ``ปีงบประมาณ 2567`` is the year it ends in."""
    words = r"(?:ปี)?(?:งบประมาณ|ปฏิทิน|การศึกษา)?\s*(?:พ\.?\s?ศ\.?|ค\.?\s?ศ\.?)?"
    found = clean(text).str.extract_groups(
        rf"^['’]?{words}\s*([0-9]{{4}})(?:\.0+)?\s*(?:[*†]+|[per]|\(([^0-9()]*)\))?$"
    )
    short = clean(text).str.extract(r"^(?:ปี\s*)?(?:งบประมาณ|การศึกษา)?\s*(?:ปี|พ\.?\s?ศ\.?)?\s*([4-9][0-9])$", 1)
    short = pl.when(clean(text).str.contains("[ก-๙]")).then(pl.concat_str(pl.lit("25"), short))
    digits, beside = pl.coalesce(found.struct["1"], short), found.struct["2"]
    part = beside.str.contains(PART_OF_YEAR) & ~beside.str.contains(WHOLE_YEAR) | beside.str.contains(PLANNED)
    return pl.when(~part.fill_null(value=False)).then(common_era(digits.cast(pl.Int32, strict=False)))


def fiscal_span(text: pl.Expr) -> pl.Expr:
    """Year of the common era (Int32) that a fiscal year ends in which is told by the two it lies in: ``2566/2567``,
    ``พ.ศ. 2566-67``. Null where the second does not follow the first."""
    era = r"(?:พ\.?\s?ศ\.?|ค\.?\s?ศ\.?)?"
    words = rf"^(?:ปี)?(?:งบประมาณ)?\s*{era}\s*([0-9]{{4}})\s*[-–/]\s*{era}\s*((?:[0-9]{{2}}){{1,2}})$"
    parts = clean(text).str.extract_groups(words).struct
    first, second = (parts.field(name).cast(pl.Int32) for name in ("1", "2"))
    follows = (first + 1) % 100 == second % 100
    return pl.when(follows & ((second < 100) | (second == first + 1))).then(common_era(first) + 1)


def month(text: pl.Expr) -> pl.Expr:
    """Month 1 to 12 (Int8) from its number or its name: Thai in full, short or misspelt as known, or English, with or
    without ``เดือน`` before it, dots and blanks in it, and a year behind it."""
    word = pl.coalesce(clean(text).str.extract(_MONTH_OF_YEAR, 1).str.replace(_YEAR_WORD, ""), clean(text))
    behind, before = _MONTH_IN_NUMBERS
    word = pl.coalesce(clean(text).str.extract(behind, 2), clean(text).str.extract(before, 1), word)
    ordered = r"^(?:([0-9]{1,2})\s*[-.:)]\s*)?(?:เดือน\s*)?(.*[^0-9].*|[0-9]+)$"  # so that names are in order
    parts = word.str.to_lowercase().str.extract_groups(ordered).struct
    plain, number = parts.field("2").str.replace_all(r"[.\s]", ""), parts.field("1").cast(pl.Int8)
    found = plain.replace_strict(MONTH_NUMBERS, default=None, return_dtype=pl.Int8)
    return pl.when(number.is_null() | (number == found)).then(found)


def month_year(text: pl.Expr) -> pl.Expr:
    """Year of the common era (Int32) that a month's own text tells (``ตุลาคม พ.ศ.2566``, ``ม.ค. 67``, ``Jan-25``), null
    where it tells none. Two digits are a Buddhist year's, but behind English words also a recent one's."""
    behind, before = _MONTH_IN_NUMBERS
    numbers = (clean(text).str.extract(behind, 1), clean(text).str.extract(before, 2))
    digits = pl.coalesce(*numbers, clean(text).str.extract(_MONTH_OF_YEAR, 2))
    number = digits.cast(pl.Int32, strict=False)
    recent = (number < SHORT_FROM) & ~clean(text).str.contains("[ก-๙]")
    century = pl.when(digits.str.len_chars() == 4).then(0).when(recent).then(2000).otherwise(2500)
    return pl.when(month(text).is_not_null()).then(common_era(number + century))


def is_misspelt(text: pl.Expr) -> pl.Expr:
    """Whether the text is a month in a known wrong spelling."""
    return clean(text).is_in(list(MISSPELT)).fill_null(value=False)


def is_total(text: pl.Expr, labels: Sequence[str] = TOTALS) -> pl.Expr:
    """Whether the text is the label of a total: one of ``labels``, or made as they are (``รวมทั้งจังหวัด``,
    ``ยอดรวมทุกตำบล``, ``Grand Total``). A name may begin with ``รวม`` too, as the tambon รวมไทยพัฒนา does."""
    plain = clean(text)
    words = plain.str.strip_chars(" *()[]-–—:").str.contains(_TOTAL_WORDS)
    return (plain.is_in(list(labels)) | words).fill_null(value=False)


def names_total(header: str) -> bool:
    """``is_total`` of a header."""
    return re.search(_TOTAL_WORDS, header.strip()) is not None


def date(text: pl.Expr) -> pl.Expr:
    """Date from ``29/02/2567`` (day first) or ``29 กุมภาพันธ์ 2567``, in either era.

    The era is changed before the day is checked: 29 February 2567 exists because 2024 is a leap year.
    """
    parts = clean(text).str.extract_groups(r"^([0-9]{1,2})[/\-. ]\s?([0-9]{1,2}|[^0-9]+?)[/\- ]?\s?([0-9]{4})$")
    word = parts.struct.field("2")
    ordinal = pl.coalesce(word.cast(pl.Int8, strict=False), month(word))
    # Not pl.format: it panics on a frame with an empty chunk, as filtering leaves behind (polars #25525).
    stamp = pl.concat_str(
        common_era(parts.struct.field("3").cast(pl.Int32, strict=False)).cast(pl.String),
        ordinal.cast(pl.String).str.zfill(2),
        parts.struct.field("1").str.zfill(2),
        separator="-",
    )
    return stamp.str.to_date("%Y-%m-%d", strict=False)


def local_government(text: pl.Expr) -> pl.Expr:
    """Name of a local government with its kind in full (``อบต.สาคู`` → ``องค์การบริหารส่วนตำบลสาคู``).

    The kind is part of the name: a tambon may have a municipality and an administration of its own, called alike.
    """
    name = clean(text)
    for short, kind in _LOCAL_GOVERNMENTS.items():
        name = name.str.replace(rf"^{short}\.\s*(\S)", f"{kind}$1")
    return name.str.replace(rf"^({'|'.join(_LOCAL_GOVERNMENTS.values())})\s+(\S)", "$1$2")


def area(text: pl.Expr) -> pl.Expr:
    """Area name without the prefix of its level; ``กรุงเทพฯ`` in full."""
    prefixes = sorted((prefix for names in AREA_LEVELS.values() for prefix in names), key=len, reverse=True)
    pattern = "|".join(prefix.replace(".", r"\.") for prefix in prefixes)
    name = clean(text).str.replace(rf"^(?:{pattern})\s*(\S)", "$1")
    return name.replace("กรุงเทพฯ", "กรุงเทพมหานคร")


def area_level(text: pl.Expr, default: str) -> pl.Expr:
    """Level that the prefix of an area tells (a key of ``AREA_LEVELS``); ``default`` where it has none."""
    level = pl.lit(default)
    for code, prefixes in AREA_LEVELS.items():
        starts = pl.any_horizontal(clean(text).str.starts_with(prefix) for prefix in prefixes)
        level = pl.when(starts).then(pl.lit(code)).otherwise(level)
    return level


def folded(label: str) -> str:
    """A header or label without what writers vary: case, blanks, underscores, hyphens, dots, invisible characters,
    Thai digits, ``เเ`` for ``แ``, ``ํา`` for ``ำ`` and ``ฏ`` for ``ฎ``."""
    plain = (
        unicodedata.normalize("NFC", label).casefold().replace("ฏ", "ฎ").replace("เเ", "แ").replace("\u0e4d\u0e32", "ำ")
    )
    digits = plain.translate({0x0E50 + digit: str(digit) for digit in range(10)})
    return re.sub(r"[\s_.\-\u200b-\u200d\u2060\ufeff]+", "", digits)


_DAYS_END = r" 24:00(?::00(?:\.0+)?)?$"
_CLOCK = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")


def moment(text: pl.Expr) -> pl.Expr:
    """Time of a clock (Datetime) from ``2026-11-20 13:05``, in either era, with seconds and their fractions or none,
    and a blank or a ``T`` before the hour; ``24:00`` is the end of its day. Null for another shape, and where a zone is
    told, for then it is of another clock."""
    plain = clean(text).str.replace("T", " ", literal=True)
    parts = plain.str.extract_groups(r"^(2[4-9][0-9]{2})(-.*)$").struct
    ours = pl.concat_str((parts.field("1").cast(pl.Int32) - 543).cast(pl.String), parts.field("2"))
    plain = pl.coalesce(ours, plain)
    clock = plain.str.replace(_DAYS_END, " 00:00:00")
    found = pl.coalesce(clock.str.to_datetime(form, time_unit="us", strict=False) for form in _CLOCK)
    return pl.when(plain.str.contains(_DAYS_END)).then(found.dt.offset_by("1d")).otherwise(found)


def utc(local: pl.Expr) -> pl.Expr:
    """Times of Thailand's clock, which has no summer time, in UTC."""
    return local.dt.replace_time_zone("Asia/Bangkok").dt.convert_time_zone("UTC")
