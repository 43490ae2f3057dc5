"""Coded problems: what was wrong with a file or a row, in words a data engineer can act on.

A problem is a row of a frame (``PROBLEM_SCHEMA``) so that a hundred thousand of them cost no Python objects.
Messages say what was seen and what was expected. They never hold a meter number, an account, a name or an address:
problems leave landing, personal data does not.
"""

from collections.abc import Iterable
from functools import cache
from typing import Literal

import polars as pl

Severity = Literal["reject", "refuse", "warn"]

PROBLEM_SCHEMA = pl.Schema({"row": pl.Int64, "code": pl.String, "message": pl.String})
"""``row``: 1-based line, sheet row or record number in the file as delivered; null for the whole file."""

CODES: dict[str, tuple[Severity, str]] = {
    # the whole file or answer is refused
    "file-empty": ("reject", "The file has no bytes, or nothing but blanks."),
    "file-not-regular": (
        "reject",
        "A link, pipe or socket lies in the inbox, which is never opened; put the file.",
    ),
    "file-unreadable": ("reject", "The file in the inbox cannot be read; give the rights to read it."),
    "file-not-data": ("reject", "The bytes are a picture, a PDF or another binary that holds no readings."),
    "file-html": ("reject", "An HTML page (often a login form) was saved under a data file's name."),
    "file-truncated": ("reject", "The file ends in the middle of a record."),
    "file-encoding": ("reject", "The bytes are not text in any declared encoding."),
    "file-malformed": ("reject", "The structure breaks its own format beyond a single row."),
    "format-unknown": ("reject", "No reader recognises the content."),
    "format-ambiguous": ("reject", "More than one reader recognises the content; pin the format in the registry."),
    "column-repeated": ("reject", "The header names a column twice that is read; nothing tells which one counts."),
    "header-changed": ("reject", "A second header below has other columns, or in another order; split the file there."),
    "meters-several": ("reject", "The file has more than one meter where its layout, or its report, has one."),
    "layout-contradicts": (
        "reject",
        "The file contradicts its layout or format: length, label, unit, direction.",
    ),
    "file-protected": ("reject", "The workbook is protected by a password; save it without one."),
    "format-no-interval": ("reject", "The format is known but holds no interval readings."),
    "layout-no-label": ("reject", "A declared layout does not say whether stamps mark the start or the end."),
    "option-invalid": ("reject", "The registry's options for the source (format, layout, time zone) cannot be used."),
    "archive-limit": ("reject", "An archive breaks the limits on size, ratio, entries or paths."),
    "answer-not-reached": ("reject", "The portal could not be reached, timed out or refused access."),
    "answer-bad": ("reject", "The portal answered, but not with what its interface promises."),
    "answer-empty": ("reject", "The portal answered with no records where records are expected."),
    "landing-damaged": ("reject", "The landed bytes are missing or no longer have their digest; restore the object."),
    "reading-failed": ("reject", "Memory, disk or a library failed while it was read; it is read again next time."),
    "reader-failed": ("reject", "The reader failed in a way it does not foresee; the bytes stay in landing."),
    # single rows go to quarantine
    "row-malformed": ("refuse", "The row has too few, too many or unusable fields."),
    "interval-count": ("refuse", "The number of values does not match the interval length."),
    "interval-length": ("refuse", "The interval length is missing or not one that divides a day."),
    "interval-misaligned": ("refuse", "The stamp is not on the channel's grid."),
    "value-not-number": ("refuse", "A cell that must be a number is not one."),
    "value-future": ("refuse", "The row is of a day that had not come when it was delivered."),
    "meter-erased": ("refuse", "The row is of an erased metering point, of a day up to that of its erasure."),
    "value-range": ("refuse", "The value lies outside what the column can hold."),
    "value-sentinel": ("refuse", "The value is a device's code for no value (all bits set, or nines)."),
    "register-jump": ("refuse", "A register jumps up by more than its meter can carry: another meter."),
    "place-swapped": ("refuse", "Latitude and longitude are in each other's place."),
    "value-null": ("refuse", "A value that must be present is missing."),
    "value-unknown": ("refuse", "The value is not one of those the column allows."),
    "stamp-bad": ("refuse", "The date or time cannot be read."),
    "stamp-ambiguous": ("refuse", "Nothing in the file tells the day of the date from its month."),
    "unit-unknown": ("refuse", "The unit is missing or not one this quantity can have."),
    "key-duplicate": ("refuse", "The row repeats a key of the same delivery with another content."),
    "reading-kind": ("refuse", "The value is momentary, an extreme or of no told kind: neither interval nor register."),
    "quality-ranges": ("refuse", "The 400 records do not cover the day's intervals."),
    "checksum-mismatch": ("refuse", "The record's checksum is not that of its bytes; something in it was changed."),
    # accepted, and said
    "file-growing": ("warn", "The file is still being written, and is left for the next night."),
    "delivery-erased": ("warn", "The file holds an erased metering point and is left in the inbox; take it out."),
    "day-repeated": ("warn", "The same meter-day occurs more than once; the latest version is kept."),
    "hour-repeated": ("warn", "Local times of a repeated hour (clock change) were told apart by the order of rows."),
    "point-absent": ("warn", "Neither the file nor an option names the metering point; the layout's stand-in is used."),
    "register-gap": ("warn", "Register reads lie more than an interval apart; the energy between is left out."),
    "reference-unknown": ("warn", "Rows refer to what the delivery does not have; they are in no count."),
    "row-filtered": ("warn", "Rows were left out by a filter that the layout declares."),
    "interval-gap": ("warn", "Stamps lie further apart than the interval; what was between them is missing."),
    "interval-repeated": ("warn", "Equal values stand in pairs or fours: a longer interval's, spread or repeated."),
    "stamp-label": (
        "warn",
        "The file's days are whole only if stamps mark the other end of their intervals, or 00:00 ends a day.",
    ),
    "decimal-doubtful": ("warn", "Decimal commas or thousands points may be the other: each is before three digits."),
    "stamp-islands": ("warn", "The days of one file lie in groups far apart; look whether all dates are right."),
    "value-negative": ("warn", "Values of one direction are negative; they are kept as delivered."),
    "point-total": ("warn", "One metering point is the sum of all others at every time: a total, or a main meter."),
    "value-rising": ("warn", "The values of a short series only rise: a register's count, or a load's."),
    "parts-joined": ("warn", "Sheets or files with names of their own follow each other and are read as one meter."),
    "sheet-left": ("warn", "Sheets of a workbook do not have the layout's header and are not read."),
    "header-repeated": ("warn", "The header stands again below, as where pages or files were joined; it is left out."),
    "row-mended": ("warn", "A record broken over several lines was put together again."),
    "version-bad": (
        "warn",
        "A version time cannot be read, or is after the delivery: it counts by arrival.",
    ),
    "cell-range": ("warn", "A number outside what its column can hold became missing; the rest of its row stays."),
    "value-blank": ("warn", "Blank values became missing, never zero."),
    "value-pending": ("warn", "The publisher writes a word for a value it has not computed yet."),
    "total-mismatch": ("warn", "A total among the rows does not equal the sum of its members."),
    "label-drift": ("warn", "Rows carry another series' label; the total they complete shows whose they are."),
    "label-misspelt": ("warn", "A label in a known wrong spelling was read as the one meant."),
    "number-format": (
        "warn",
        "One column writes numbers with commas for thousands and without, or with marks behind.",
    ),
    "unit-changed": ("warn", "The unit of a series changes from one period to the next."),
    "value-contradicts": (
        "warn",
        "A value contradicts one beside it: a part its whole, a number its text.",
    ),
    "total-row": ("warn", "A total among the rows was kept apart from its members."),
    "sum-mismatch": ("warn", "A total printed in the file does not equal the sum of its intervals."),
    "count-mismatch": ("warn", "A trailer tells another count or reference than what stands before it."),
    "channel-skipped": ("warn", "A channel that holds no energy of an interval, or repeats others, was left out."),
    "message-cancelled": ("warn", "A message cancels an earlier one; the values of both are not used."),
    "stamp-contradicts": ("warn", "The stamps' season flag is not that of the time zone they are read in."),
    "unit-contradicts": ("warn", "A unit contradicts its OBIS code; the code is believed, the value is suspect."),
    "no-date": ("warn", "The data carries no date; the publisher's own modification date is used."),
    "column-new": ("warn", "The source has a column that its mapping does not know."),
    "column-renamed": ("warn", "A column is spelt otherwise than its mapping says; it was taken for the one meant."),
    "column-missing": ("warn", "The source lacks a column that its mapping expects."),
    "quantity-other": ("warn", "Values of another or untold unit, direction or commodity are kept as delivered."),
    "multiplier-ignored": ("warn", "A multiplier stands where the format has none; it was not applied."),
    "check-unknown": ("warn", "A check meter's point is not in the register: it checks nothing and is no customer."),
    "register-differenced": ("warn", "Intervals were made as differences of a register's reads, one period apart."),
    "register-ahead": ("warn", "Rows of the register become valid later: they count in one that comes by then."),
    "register-fall": ("warn", "A register falls (rollover, reset or exchange); no interval is made of the fall."),
    "period-mismatch": ("warn", "The period is another than the report's own header, title or remark states."),
    "window-short": ("warn", "The answer covers less than the period asked for."),
    "station-stale": ("warn", "A station's newest reading is old although it is still listed."),
    "station-moved": ("warn", "A station is no longer where the registry or an earlier list puts it."),
    "stamp-ahead": ("warn", "Intervals begin after the file had come: its date or the meter's clock is wrong."),
    "place-contradicts": ("warn", "Rows that lie in the city name another province; they are in no count of it."),
    "station-missing": ("warn", "A station the registry assigns to the city is not in the answer."),
    "feed-expired": ("warn", "The feed's own validity period is over."),
    "feed-ahead": ("warn", "The feed's own validity period has not begun."),
    "time-falls": ("warn", "A trip's times go back along its way: hours of the next day, or a slip."),
    "place-swapped-back": ("warn", "Latitude and longitude stood in each other's place and were put right."),
    "duplicate-rows": ("warn", "Identical rows were merged."),
    "state-other": ("warn", "Reports are in a state that is not known; they are counted as other."),
    "value-missing": ("warn", "The publisher marks single values as missing."),
    "line-unended": ("warn", "The last line of a format without a trailer has no line end; the file may be cut."),
    "header-absent": ("warn", "The header or trailer record the format asks for is absent."),
    "meter-unregistered": ("warn", "Meters deliver readings but are not in the city's meter register."),
}
"""Every code, with what happens (the file is rejected, the row refused to quarantine, or both are kept and it is
said) and what it means."""

WITHHOLD = ("value-future",)
"""Codes of which half a feed's rows withhold its table: its clock is wrong, and so are days of rows that pass."""


def problem(code: str, message: str, row: int | None = None) -> pl.DataFrame:
    """One problem as a frame of ``PROBLEM_SCHEMA``. Raises ``KeyError`` for a code that is not in ``CODES``."""
    CODES[code]
    return pl.DataFrame({"row": [row], "code": [code], "message": [message]}, schema=PROBLEM_SCHEMA)


@cache
def no_problems() -> pl.DataFrame:
    """An empty frame of ``PROBLEM_SCHEMA``."""
    return PROBLEM_SCHEMA.to_frame()


def gather(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All problems of ``parts``, file-wide ones first, then by row, then by code."""
    frames = [part for part in parts if part.height]
    return pl.concat(frames).sort("row", "code", "message", nulls_last=False) if frames else no_problems()


def with_severity(problems: pl.DataFrame) -> pl.DataFrame:
    """``problems`` with the column ``severity`` (reject, refuse or warn)."""
    severities = {code: severity for code, (severity, _) in CODES.items()}
    return problems.with_columns(severity=pl.col("code").replace_strict(severities, return_dtype=pl.String))
