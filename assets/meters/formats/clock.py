"""Stamps of declared layouts in the spellings exports have, and local times as instants.

Beyond ``stamps``: month names, AM and PM, fractions of a second, weekdays, time before date, a time of bare digits,
and an offset of the stamp's own. A workbook's dates arrive as ISO whatever order its texts have.

Days of clock changes: a local time that is skipped is none; one that is repeated is told apart by the order of rows.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import polars as pl

from assets.meters.formats.layouts import Stamp
from assets.meters.formats.periods import MONTHS_TH
from assets.meters.formats.stamps import YEARS, parse, zone_of
from quality.batch import Batch

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = r"(?i)\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[, ]+"
_WEEKDAY_TH = r"^(?:(?:วัน)?(?:จันทร์|อังคาร|พุธ|พฤหัสบดี|พฤหัส|ศุกร์|เสาร์|อาทิตย์)(?:ที่)?|(?:จ|อ|พ|พฤ|ศ|ส|อา)\.),? ?([0-9])"
_HALF = r"(?i)\b([0-9]{1,2})([.:][0-9]{2}(?:[.:][0-9]{2})?(?:\.[0-9]+)?) ?([ap])\.?m\.?$"
_FRACTION = r"([.:][0-9]{2}[.:][0-9]{2})(\.[0-9]+)$"
_TO_1904 = 1_462
"""Days from 1899-12-30, which a spreadsheet's dates are counted from, to 1904-01-01."""
_EXCEL = 25_569
"""Days from 1899-12-30, from which spreadsheets count, to 1970."""
DAY = 1440
"""Minutes of a day without clock change."""
_ZONE = {
    r"(?i)(:[0-9]{2}(?:\.[0-9]+)?) ?\(?(?:ICT)\)?$": "${1}+0700",  # the zone of Thailand
    r"(?i)(:[0-9]{2}(?:\.[0-9]+)?) ?\(?(?:UTC|GMT)\)?$": "${1}Z",
    r"(?i)(:[0-9]{2}(?:\.[0-9]+)?) ?\(?(?:UTC|GMT) ?([+-])([0-9])(?::?([0-9]{2}))?\)?$": "${1}${2}0${3}:${4}",
    r"(?i)(:[0-9]{2}(?:\.[0-9]+)?) ?\(?(?:UTC|GMT)? ?([+-][01][0-9]):?([0-9]{2})?\)?$": "${1}${2}:${3}",
    r"(:[0-9]{2}(?:\.[0-9]+)?[+-][01][0-9]:)$": "${1}00",
}
"""Zones behind a time, as they are spelt beside ``+07:00`` and ``Z``: ``+07``, ``UTC+7``, ``ICT``."""
_COMPACT = r"^([0-9]{8})[ T]?([0-9]{2})([0-9]{2})([0-9]{2})?$"
"""A stamp of digits alone."""
_CLOCK = r"[0-9]{1,2}[.:][0-9]{2}(?:[.:][0-9]{2})?"
_TO = "(?: - |–| to |ถึง)"
_SHOWN = 200
"""Stamps by which it is told that they are ranges."""
_CLOSES = f"((?:-|{_TO}) ?)0?0([.:]00)$"
"""The end of a range that is the day's."""
_OFFSET = r"[.:][0-9]{2}(?:\.[0-9]+)? ?(Z|[+-][0-9]{2}:?[0-9]{2})$"


def times(text: pl.Expr, label: str) -> pl.Expr:
    """A time in a column of its own as ``HH:MM``: bare digits (30, 0030, 2330), a workbook's time, or a range's end
    (or start) that is the label."""
    # A workbook's time is a day after its epoch; a whole day, 24:00, is the next.
    text = text.str.replace("^1899-12-3[01] ", "").str.replace("^1900-01-01 00:00", "24:00")
    text = text.str.replace(_CLOSES, "${1}24${2}")
    text = text.str.replace(f"^({_CLOCK}) ?(?:-|{_TO}|to) ?({_CLOCK})$", "${1}" if label == "start" else "${2}")
    digits = text.str.zfill(4).str.replace(r"^([0-9]{2})([0-9]{2})$", "${1}:${2}")
    return pl.when(text.str.contains(r"^[0-9]{1,4}$")).then(digits).otherwise(text)


def bounded(texts: pl.Series, label: str) -> pl.Series:
    """Stamps of which some are an interval's two ends, as the one that is the label."""
    shown = texts.head(_SHOWN)
    if _are_ranges(shown):
        texts = texts.str.replace(f"({_CLOCK})-({_CLOCK})$", "${1} - ${2}")
    elif not shown.str.contains(_TO).any():
        return texts
    one, short = ("${1}", "${1}${2}") if label == "start" else ("${2}", "${1}${3}")
    texts = texts.str.replace(f"^([0-9].*{_CLOCK}) ?{_TO} ?([0-9]{{1,4}}[-/. ].*{_CLOCK})$", one)
    texts = texts.str.replace(_CLOSES, "${1}24${2}")
    return texts.str.replace(f"^(.*[^0-9])({_CLOCK}) ?{_TO} ?({_CLOCK})$", short)


def _are_ranges(texts: pl.Series) -> bool:
    """Whether what stands behind a time and a minus is another time, and no offset: always as much later."""
    ends = texts.str.extract_groups(r"[ T]([0-9]{1,2})[.:]([0-9]{2})-([0-9]{1,2})[.:]([0-9]{2})$").struct.unnest()
    ends = ends.drop_nulls().cast(pl.Int32)
    begun, ended = (ends.to_series(at) * 60 + ends.to_series(at + 1) for at in (0, 2))
    return ended.n_unique() > 1 and ((ended - begun) % DAY).n_unique() == 1


def lengths(text: pl.Expr) -> pl.Expr:
    """Seconds that the length of an interval has, null for what is none: ``15``, ``15 min``, ``PT15M``, ``00:15``."""
    text = text.str.to_lowercase()
    iso = text.str.extract_groups(r"^pt(?:(?<hours>\d+)h)?(?:(?<minutes>\d+)m)?(?:(?<seconds>\d+)s)?$")
    clocked = text.str.extract_groups(r"^(?<hours>\d{1,2}):(?<minutes>\d{2})(?::(?<seconds>\d{2}))?$")
    worded = text.str.extract_groups(r"^(?<number>\d+) ?(?<unit>h|hours?|m|mins?|minutes?|s|sec|seconds?|)\.?$")

    def seconds(parts: pl.Expr) -> pl.Expr:
        hours, minutes, rest = (parts.struct.field(name).cast(pl.Int64) for name in ("hours", "minutes", "seconds"))
        told = hours.is_not_null() | minutes.is_not_null() | rest.is_not_null()
        return pl.when(told).then(hours.fill_null(0) * 3600 + minutes.fill_null(0) * 60 + rest.fill_null(0))

    unit = worded.struct.field("unit").str.head(1).replace_strict({"h": 3600, "m": 60, "s": 1, "": 60}, default=None)
    return pl.coalesce(seconds(iso), seconds(clocked), worded.struct.field("number").cast(pl.Int64) * unit)


def dates(text: pl.Expr) -> pl.Expr:
    """A date in a column beside its time: without the midnight that a workbook gives it."""
    return text.str.replace(r"[ T]00:00(?::00)?$", "")


def shapes(texts: pl.Series) -> pl.Series:
    """Stamps as they may be shown: digits as 9, and no word but a month's, for a name may have slipped in."""
    return pl.Series([_shape(text) for text in texts], dtype=pl.String)


def _shape(text: str) -> str:
    kept = "|".join([*_MONTHS, *MONTHS_TH.values(), "am", "pm"])
    masked = re.sub(r"\d", "9", text[:40])  # Thai digits, too
    masked = re.sub(rf"(?i)(?<![^\W\d_])(?!(?:{kept})(?![^\W\d_]))[^\W\d_]{{2,}}", "xxx", masked)
    return f"'{masked}'" if text.strip() else "blank"


def stamps(text: pl.Series, how: Stamp) -> pl.DataFrame:
    """Distinct ``text``s with the ``stamp`` (local Datetime[us], null where unreadable) and its own ``offset`` (minutes
    from UTC, null where it tells none)."""
    text = text.unique()
    read = pl.DataFrame({"text": text}, schema={"text": pl.String})
    if how.epoch is not None:
        since = pl.from_epoch(pl.col("text").str.strip_chars().cast(pl.Int64, strict=False), how.epoch)
        in_range = pl.col("stamp").dt.year().is_between(*YEARS)
        stamp = read.select("text", offset=pl.lit(0, pl.Int32), stamp=since.cast(pl.Datetime("us")))
        return stamp.with_columns(stamp=pl.when(in_range).then("stamp"))
    plain = pl.col("text").str.replace_all("\xa0", " ", literal=True).str.strip_chars().str.replace_all(" +", " ")
    if text.str.contains("[ก-ฮ]").any():
        plain = plain.str.replace(_WEEKDAY_TH, "${1}").str.replace(" ?เวลา ?", " ")
        for number, names in MONTHS_TH.items():
            plain = plain.str.replace(f" ?(?:{names}) ?", f" {number} ")
        plain = plain.str.replace(r" ?น\.?$", "")  # of the clock
    if text.str.contains("[A-Za-z]").any():
        plain = plain.str.replace(_WEEKDAY, "")
        for number, month in enumerate(_MONTHS, start=1):
            plain = plain.str.replace(rf"(?i)\b{month}[a-z]*\b\.?", f"{number:02d}")
        plain = plain.str.replace(r"(?i)([.:][0-9]{2}) ?hrs?\.?$", "${1}")
    for spelt, offset in _ZONE.items():
        plain = plain.str.replace(spelt, offset)
    # Step by step: in one expression each mention of what was made before would make it again.
    read, plain = read.with_columns(plain=plain), pl.col("plain")
    read = read.with_columns(
        zone=plain.str.extract(_OFFSET).str.replace("Z", "+0000").str.replace(":", "", literal=True)
    )
    zone = pl.col("zone")
    minutes = zone.str.slice(1, 2).cast(pl.Int32) * 60 + zone.str.slice(3, 2).cast(pl.Int32)
    local = plain.str.replace(r" ?(?:Z|[+-][0-9]{2}:?[0-9]{2})$", "")
    read = read.with_columns(
        offset=minutes * pl.when(zone.str.starts_with("-")).then(-1).otherwise(1),
        plain=pl.when(zone.is_null()).then("plain").otherwise(local),
    )
    read = read.with_columns(
        hour=plain.str.extract(_HALF, 1).cast(pl.Int32),
        late=plain.str.extract(_HALF, 3).str.to_lowercase() == "p",
        bare=plain.str.replace(_HALF, "\x00${2}"),
    )
    of_day = (pl.col("hour") % 12 + pl.when("late").then(12).otherwise(0)).cast(pl.String).str.zfill(2)
    whole = pl.col("bare").str.replace("\x00", of_day, literal=True)
    read = read.with_columns(plain=pl.when(pl.col("hour").is_between(1, 12)).then(whole).otherwise("plain"))
    # A workbook keeps days as floats: what is computed there may lie a fraction of a second before the minute.
    fraction = plain.str.extract(_FRACTION, 2).cast(pl.Float64)
    plain = plain.str.replace(_FRACTION, "${1}")
    plain = plain.str.replace(r"^([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?),? (\S+)$", "${2} ${1}")
    plain = plain.str.replace(
        r"^([0-9]{1,2})[ .\-/]+([0-9]{1,2})[ ,.\-/]+([0-9]{4}|[0-9]{2})(?:,? |$)", "${1}/${2}/${3} "
    )
    # A date and its time may be joined by a mark, or by none.
    plain = plain.str.replace(r"^([0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4})[-_,] ?([0-9]{1,2}:)", "${1} ${2}")
    plain = plain.str.replace(_COMPACT, "${1} ${2}:${3}:${4}").str.replace(r"^([0-9]{8} .*):$", "${1}")
    if how.order != "ymd":
        plain = plain.str.replace("^([0-9]{2})([0-9]{2})([0-9]{4})( |$)", "${1}/${2}/${3}${4}")
    else:
        century = "25" if how.era == "BE" else "20"
        plain = plain.str.replace(r"^([0-9]{2})/([0-9]{2})/([0-9]{2} )", f"{century}${{1}}-${{2}}-${{3}}")
    read = read.with_columns(plain=plain, fraction=fraction)
    own = parse(pl.col("plain"), how.order, how.era)
    iso = pl.when(pl.col("plain").str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")).then(
        parse(pl.col("plain"), "ymd", how.era)
    )
    read = read.select("text", "offset", "fraction", stamp=own if how.order == "ymd" else pl.coalesce(own, iso))
    second = pl.duration(seconds=(pl.col("fraction").fill_null(0) >= 0.5).cast(pl.Int8))
    return read.select("text", "offset", stamp=pl.coalesce(pl.col("stamp") + second, _serial()))


def _serial() -> pl.Expr:
    """A date that a spreadsheet left as its number: days since 1899-12-30, to the second. No other stamp is one."""
    days = pl.col("text").str.extract(r"^([3-7][0-9]{4}(?:[.,][0-9]+)?)$").str.replace(",", ".").cast(pl.Float64)
    stamp = pl.from_epoch(((days - _EXCEL) * 86_400).round().cast(pl.Int64)).cast(pl.Datetime("us"))
    return pl.when(stamp.dt.year().is_between(*YEARS)).then(stamp)


def from_1904(text: pl.Expr) -> pl.Expr:
    """Numbers of dates that are counted from 1904-01-01 as those from 1899-12-30."""
    days, rest = (text.str.extract(r"^([2-6][0-9]{4})((?:[.,][0-9]+)?)$", group) for group in (1, 2))
    return pl.coalesce(pl.concat_str((days.cast(pl.Int32) + _TO_1904).cast(pl.String), rest), text)


def never_changes(zone: str) -> bool:
    """Whether a zone has had one offset for as long as there are electronic meters."""
    there = zone_of(zone)
    return (
        len(
            {
                datetime(year, month, 1, tzinfo=there).utcoffset()
                for year in range(1990, 2040)
                for month in (1, 4, 7, 10)
            }
        )
        == 1
    )


def _offset(frame: pl.DataFrame, zone: str) -> timedelta | None:
    """The zone's offset from UTC if it is the same on all days of ``frame`` and around them, as it is in Thailand."""
    fixed = zone_of(zone)
    if isinstance(fixed, timezone):
        return fixed.utcoffset(None)
    day = pl.col("day")
    days = frame.select(day=pl.col("stamp").dt.truncate("1d")).unique()
    around = pl.concat([days.select(day + pl.duration(days=n)) for n in (-1, 0, 1, 2)])
    there = day.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    offsets = around.select(there.dt.base_utc_offset() + there.dt.dst_offset()).to_series().unique()
    return offsets[0] if len(offsets) == 1 else None


def instants(batch: Batch, zone: str) -> Batch:
    """``batch`` with ``start`` (UTC), null where a clock change skips the local time or the day is over.

    From ``stamp`` in its own ``offset`` or in ``zone``, ``early`` (minutes from the interval's start to its stamp) and
    ``ahead`` (minutes that pass after the stamp, within its day). A repeated local time is the earlier one in the first
    of the rows of the same ``point`` and ``part``, the later one in the next (the other way round where the file runs
    backwards); where it occurs once, it is the earlier. Both are said.
    """
    stamp, own = pl.col("stamp"), pl.col("offset").is_not_null()
    early, ahead = pl.duration(minutes="early"), pl.duration(minutes="ahead")
    always = _offset(batch.rows, zone)
    if always is not None:
        offset = pl.duration(minutes=pl.col("offset").fill_null(always // timedelta(minutes=1)))
        start = (stamp - offset - early + ahead).dt.replace_time_zone("UTC")
        return batch.with_columns(start=pl.when(pl.col("ahead") < DAY).then(start))

    def utc(local: pl.Expr, ambiguous: str = "earliest") -> pl.Expr:
        there = local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")  # type: ignore[arg-type]
        return there.dt.convert_time_zone("UTC")

    fixed = (stamp - pl.duration(minutes="offset")).dt.replace_time_zone("UTC")
    # The end of the interval before a skipped hour may be written as the hour's beginning.
    frame = batch.rows.with_columns(
        start=pl.when(own).then(fixed - early).otherwise(pl.coalesce(utc(stamp) - early, utc(stamp - early))) + ahead,
        _later=utc(stamp, "latest"),
    )
    repeated = ~own & (pl.col("_later") != utc(stamp)) & (pl.col("ahead") == 0)
    if frame.select(repeated.any()).item():
        step = stamp.diff().dt.total_minutes()
        backwards = frame.select((step < 0).sum() > (step > 0).sum()).item()
        key = ["point", "part", "stamp"]
        nth, count = pl.int_range(pl.len()).over(key), pl.len().over(key)
        second = repeated & (count > 1) & ((nth == 0) if backwards else (nth > 0))
        single = frame.filter(repeated & (count == 1))
        several = frame.filter(repeated & (count > 1))
        frame = frame.with_columns(start=pl.when(second).then(pl.col("_later") - early).otherwise("start"))
        for found, text in (
            (several, "reading(s) of the hour that a clock change repeats are told apart by the order of rows"),
            (single, "reading(s) of the hour that a clock change repeats occur once and are taken as its first time"),
        ):
            if found.height:
                batch = batch.note("hour-repeated", f"{found.height} {text}", found["row"].min())  # type: ignore[arg-type]
    if frame.select((pl.col("ahead") > 0).any()).item():
        over = ~own & (pl.col("start") >= utc(stamp + pl.duration(days=1))) | own & (pl.col("ahead") >= DAY)
        frame = frame.with_columns(start=pl.when(~over.fill_null(False)).then("start"))
    return replace(batch, rows=frame.drop("_later"))
