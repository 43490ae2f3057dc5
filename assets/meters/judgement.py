"""A meter export judged as a whole: what no row shows alone and every row together does.

Rows that parse may still be read otherwise than they were meant: half-hours as quarters, the fifth of November as the
eleventh of May, a counter's code for "no value" as energy. ``judged`` holds the readings of one file, whatever its
format, against each other and against the delivery day. Where they contradict what was assumed the file, or what of it
is in doubt, is refused with words; a number in doubt is never passed on as a good one.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from assets.meters import doubles, patterns
from assets.meters.formats.canonical import Export, problems_of
from assets.meters.formats.stamps import local, zone_of
from assets.meters.lengths import ENOUGH, FEW, lengths, without
from assets.meters.listed import is_none
from assets.meters.sentinels import SERIES, sentinels
from quality.batch import Batch
from quality.contracts import ERAS, OTHER_ERA
from quality.problems import CODES, problem

_TWICE: Final = 0.2
"""Share of a file's times that come twice, from which these are no corrections: two meters, or sums of each hour."""
_TOTAL: Final = r"(?i)^\W*(?:(?:grand|sub)[ -]?)?(?:totals?|sum|(?:ผล|ยอด)?รวม(?:ทั้งหมด|ทั้งสิ้น)?)\W*$"
"""Names that a table gives the row, or column, in which it adds up the others."""
_APART: Final = 28
"""Days: dates whose day and month are exchanged lie a month apart, and the shortest has 28."""
_LONELY: Final = 20
"""Days around a date without any other, from which it may be one that day and month were exchanged in."""
_YEAR: Final = 366
"""Days that one file comes late by, whose years may be days."""
_NO_YEAR: Final = 360
"""Days that one file spans and comes late by, whose years are no days: those lie 365 apart."""
_ALIKE: Final = 0.75
"""Share of a file's series that begin and end together: they are cut by days, and not where a meter was late."""
_FRESH: Final = 3
"""Days before its delivery within which a night's file usually ends."""


def judged(export: Export, day: date | None) -> Export:
    """``export`` without what the file as a whole shows to be wrong, and with problems that say so.

    ``day`` is the delivery day, None where it is not known. A rejected export stays as it is.
    """
    export = _versions(export, day)
    readings = export.tables.get("readings")
    if readings is None:
        return export
    if (told := _contradiction(export, readings)) is not None:
        return replace(export, tables={}).also(problem(*told))
    if not readings.height:
        return export
    batch = Batch(readings)
    for look in (
        _points,
        lengths,
        _orders,
        _years,
        _totals,
        _labels,
        _sentinels,
        _registers,
        _patterns,
        _members,
        _channels,
        _negatives,
    ):
        batch = look(batch, export, day)
        if batch.is_rejected:
            return replace(export, tables={}).also(*batch.problems)
        if not batch.rows.height:
            break
    return replace(export, tables={**export.tables, "readings": batch.rows}).also(*batch.problems)


def _versions(export: Export, day: date | None) -> Export:
    """Versions of after the delivery count as of it: by a clock that is wrong no correction would come after them."""
    if day is None:
        return export
    delivered, version = _midnight(day + timedelta(days=1), export.zone), pl.col("version")
    late = version > _midnight(day + timedelta(days=2), export.zone)
    for name, rows in export.tables.items():
        if rows["version"].null_count() == rows.height:
            continue
        wrong = _where(rows, late).select("row", "version")
        if wrong.height:
            counted = rows.with_columns(version=pl.when(late).then(delivered).otherwise(version))
            newest, first = wrong.select(pl.col("version").dt.date().max(), pl.col("row").min()).row(0)
            text = f"{wrong.height} version(s), up to {newest}, are after the delivery and count as of it"
            told = problem("version-bad", f"{text}; the first is named", first)
            export = replace(export, tables={**export.tables, name: counted}).also(told)
    return export


def come(export: Export, day: date) -> Export:
    """``export`` without what is of days that have not come on ``day``: a wrong era or order. Forecasts, where a format
    has them, stay. What is delivered is held to it by the contract of its table (``Table.arrived``)."""
    for name, time_of in (("readings", "start"), ("registers", "end")):
        if (rows := export.tables.get(name)) is None:
            continue
        # The next day is let pass, as by the contracts.
        ahead = (pl.col(time_of) >= _midnight(day + timedelta(days=2), export.zone)) & (pl.col("quality") != "forecast")
        wrong = _where(rows, ahead)
        if wrong.height:
            first: date = wrong.select(local(pl.col(time_of).min(), export.zone).dt.date()).item()
            era = OTHER_ERA if first.year - day.year > ERAS else ""
            told = problems_of(wrong, "value-future", f"{first} and later is after {day}{era}")
            kept = rows.filter(~ahead.fill_null(value=False))
            export = replace(export, tables={**export.tables, name: kept}).also(told)
    return export.filled


def _midnight(day: date, zone: str) -> pl.Expr:
    """The instant at which a local day begins."""
    return pl.lit(datetime.combine(day, time(), zone_of(zone)).astimezone(UTC), pl.Datetime("us", "UTC"))


def _contradiction(export: Export, readings: pl.DataFrame) -> tuple[str, str] | None:
    """Why most of a file's rows are in doubt, told by those that its reader refused already."""
    refused = export.problems.group_by("code").agg(pl.col("row").n_unique(), first=pl.col("row").min())
    rows = readings["row"].n_unique()
    counts = {code: (count, first) for code, count, first in refused.iter_rows()}
    off_grid, first = counts.get("interval-misaligned", (0, None))
    if off_grid >= FEW and off_grid >= rows:
        text = f"{off_grid} stamps lie off the grid of intervals (first in row {first}) and {rows} on it"
        return "layout-contradicts", f"{text}: the file has another interval length"
    twice, first = counts.get("key-duplicate", (0, None))
    days, first_day = counts.get("day-repeated", (0, None))
    if export.assumed.factors and days >= FEW and days * 2 >= rows and readings["point"].n_unique() == 1:
        text = f"{days} days come twice with different values (first in row {first_day}), all for one metering point"
        return "meters-several", f"{text}: the file has more than one meter"
    if twice >= ENOUGH and twice >= rows * _TWICE and readings["point"].n_unique() == 1:
        text = f"{twice} times come twice with different values (first in row {first}), all for one metering point"
        return "meters-several", f"{text}: the file has more than one meter or channel, or sums among its rows"
    return None


def _points(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without readings whose metering point is a mark for none: all meters that have it would be one."""
    point = pl.col("point").cast(pl.String)
    marks = batch.rows.select(pl.col("point").unique()).filter(is_none(point))
    if not marks.height:
        return batch
    wrong = _where(batch.rows, pl.col("point").is_in(marks["point"].implode()))
    return without(batch, wrong, "value-null", "no metering point, but a mark for none")


def _orders(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without readings of dates that are in the file only if day and month are exchanged; far islands are said."""
    if export.assumed.order is None:
        return batch
    on = _written(export).dt.date()
    dates = _dates(batch, export)
    known = set(dates)
    if wrong := _exchanged(known, day, iso=export.assumed.order == "ymd"):
        first = min(wrong)
        text = f"{len(wrong)} date(s) fit the others, or the delivery, only with day and month exchanged"
        text = f"{text}: read in the order {export.assumed.order}, {first} may be {_exchange(first)}"
        if len(wrong) * 2 >= len(known):
            return Batch.rejected("layout-contradicts", text)
        before = local(pl.col("start"), export.zone).dt.date()
        doubted = batch.rows.filter(on.is_in(sorted(wrong)) | before.is_in(sorted(wrong)))
        return without(batch, doubted, "stamp-ambiguous", text)
    far = dates.filter(dates.diff().dt.total_days().fill_null(0) > _APART)
    if far.len() and export.assumed.length:
        text = f"the days lie in {far.len() + 1} groups, more than {_APART} days apart; the second begins {far[0]}"
        return batch.note("stamp-islands", text)
    return batch


def _written(export: Export) -> pl.Expr:
    """The local time that was written for a reading."""
    return local(pl.col("start") + pl.duration(minutes=pl.col("minutes") if export.assumed.ends else 0), export.zone)


def _dates(batch: Batch, export: Export) -> pl.Series:
    """The dates that were written, in order. Where 00:00 ends a day, it may be written beside either date."""
    written = _written(export)
    stamps = batch.rows.select("start", "minutes").unique()
    told = stamps.filter((written.dt.time() != time()) | pl.lit(not export.assumed.ends))
    return told.select(written.dt.date().unique().sort()).to_series()


def _exchange(one: date) -> date:
    return one.replace(month=one.day, day=one.month)


def _exchanged(known: set[date], day: date | None, *, iso: bool) -> set[date]:
    """Dates that stand alone as they are read, and beside others or just before the delivery the other way round.

    All alone, ISO dates are seldom exchanged: the same day of each month is a sample, but just before the delivery.
    """

    def beside(one: date, others: set[date], days: int) -> bool:
        return any(one + timedelta(days=n) in others for n in range(-days, days + 1) if n)

    alone = {d for d in known if d.day <= 12 and d.day != d.month and not beside(d, known, _LONELY)}
    taken = set[date]()
    settled = known - alone
    while more := {d for d in alone - taken if beside(_exchange(d), settled | {_exchange(t) for t in taken}, 1)}:
        taken |= more
    others = {_exchange(d) for d in alone}
    in_a_row = alone == known and len(alone) > 2 and all(beside(d, others, 1) for d in others)
    if not taken and in_a_row and not (iso and (day is None or not 0 <= (day - max(others)).days <= _FRESH)):
        taken = alone
    if taken:
        # The first of each month is how samples of a year are drawn; exchanged, they are days of its January.
        firsts = all(d.day == 1 for d in taken) and max(map(_exchange, taken)) < max(known)
        return set() if firsts else taken
    if day is not None and alone == known and len(known) <= _FRESH:
        fresh = all(timedelta(0) <= day - _exchange(d) <= timedelta(days=_FRESH) for d in known)
        return alone if fresh and all(abs(day - d) >= timedelta(days=_LONELY) for d in known) else set()
    return set()


def _years(batch: Batch, export: Export, day: date | None) -> Batch:
    """Refuse a file whose years of two digits are days: of 22/08/26 another order makes the 26th of August 2022."""
    if day is None or (not export.assumed.factors and not export.assumed.length):
        return batch
    begun = pl.col("start")
    first, last = (each.date() for each in batch.rows.select(first=begun.min(), last=begun.max()).row(0))
    if (last - first).days <= _NO_YEAR and abs((day - last).days) <= _NO_YEAR:
        return batch
    known = _dates(batch, export)
    # Few dates are known only by having come at once: an archive's may be any.
    late = _FRESH if len(known) <= _FRESH else _YEAR
    for order in ("dmy", "mdy"):
        others = {other for one in known if (other := _as_year(one, order)) is not None}
        near = all(timedelta(days=-1) <= day - other <= timedelta(days=late) for other in others)
        if near and len(others) * 2 >= len(known) and (max(others) - min(others)).days <= len(known):
            text = f"{len(known)} date(s) lie years apart, or before the delivery; in the order {order}, in a row"
            return Batch.rejected("layout-contradicts", f"{text}: {first} may be {_as_year(first, order)}")
    return batch


def _as_year(one: date, order: str) -> date | None:
    """A date in whose place of a year of two digits the day was written, or the month."""
    day, month = (one.year - 2000, one.month) if order == "dmy" else (one.month, one.year - 2000)
    try:
        return date(2000 + one.day, month, day)
    except ValueError:
        return None


def _labels(batch: Batch, export: Export, day: date | None) -> Batch:
    """Say that the file's days are whole only if its stamps mark the other end of their intervals. The layout was told
    which, so that it is not the file that is refused."""
    if not export.assumed.ends and not export.assumed.length:
        return batch
    # Of a format nobody can choose it.
    label, midnight = (
        f"look at `{field}`" if export.assumed.factors else "ask the sender which end its stamps mark"
        for field in ("label", "midnight")
    )
    begun, minutes = pl.col("start"), pl.col("minutes")
    first, last, least, most = batch.rows.select(
        first=local(begun.min(), export.zone),
        last=local(begun.max(), export.zone),
        least=minutes.min(),
        most=minutes.max(),
    ).row(0)
    length, a_day = timedelta(minutes=most), timedelta(days=1)
    opens, closes = datetime.combine(first, time()), datetime.combine(last, time()) + a_day - length
    if least != most:
        return batch
    if first == opens + (a_day - length if export.assumed.ends else length) and not (last + length - first) % a_day:
        of_series = batch.rows.group_by(SERIES).agg(first=begun.min(), last=begun.max())
        alike = of_series.select((pl.col(end) == pl.col(end).mode().first()).mean() for end in ("first", "last"))
        if min(alike.row(0)) > _ALIKE:
            ours, other = ("ends", "starts") if export.assumed.ends else ("starts", "ends")
            text = f"days begin one interval {'early' if export.assumed.ends else 'late'} where stamps are {ours}"
            return batch.note("stamp-label", f"{text} of intervals; as {other}, they are whole: {label}")
    before = batch.rows.lazy().select(begun.filter(begun < begun.max()).max()).collect().item()
    if export.assumed.ends and first == opens and last == closes and before is not None:
        apart = batch.rows["start"].max() - before
        if apart == a_day + length and not (batch.rows["start"] == before + length).any():
            return batch.note("stamp-label", f"the last interval of the last day is alone there: {midnight}")
    return batch


def _registers(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without series that only ever rise: what a register shows, and no energy of intervals."""
    found = patterns.rising(batch.rows)
    if not found.height:
        return batch
    text = "values only ever rise, as a register's do: they are given as energy, or power, of intervals"
    if found.height == batch.rows.filter(patterns.ENERGIES).select(pl.struct(SERIES).n_unique()).item():
        return Batch.rejected("layout-contradicts", text)
    return without(batch, batch.rows.join(found, on=SERIES, how="semi"), "reading-kind", text)


def _totals(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without sums of days in the place of their first or last interval: some software writes midnight without a time,
    and the row of the day too."""
    text = "the sum of its day stands in the place of an interval"
    return without(batch, patterns.totals(batch.rows, _written(export), export.assumed.power), "reading-kind", text)


def _patterns(batch: Batch, export: Export, day: date | None) -> Batch:
    """Refuse, or say of, a file whose values come in another rhythm than its stamps."""
    assumed = export.assumed.length or bool(export.assumed.factors)
    counts = patterns.anew(batch.rows, export.zone)
    if (told := patterns.told(batch.rows, counts, assumed)) is not None:
        code, text = told
        return Batch.rejected(code, text) if CODES[code][0] == "reject" else batch.note(code, text)
    for (code, text), series in counts.group_by("code", "text", maintain_order=True):
        doubted = batch.rows.join(series, on=SERIES, how="semi")
        if CODES[str(code)][0] == "reject":
            batch = without(batch, doubted, "reading-kind", str(text))
        else:
            batch = batch.note(str(code), f"{series.height} series: {text}", doubted["row"].min())  # type: ignore[arg-type]
    return batch


def _members(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without a metering point that has a total's name beside others; and say of one that is the others' sum. As a
    meter it would count their energy twice."""
    if not export.assumed.factors:
        return batch
    energy = batch.rows.lazy().filter(~pl.col("quantity").is_in(["voltage", "other"]))
    first = energy.filter(pl.col("start") == pl.col("start").max()).collect()
    point = pl.col("point").cast(pl.String)
    totals = first.filter(point.str.contains(_TOTAL))["point"].cast(pl.String).unique()
    if totals.len() and totals.len() < first["point"].n_unique():
        wrong = _where(batch.rows, point.is_in(totals.implode()))
        return without(batch, wrong, "reading-kind", "the metering point has the name of a total of the others")
    if first["point"].n_unique() < 3 or not patterns.a_total(first, least=1) or not patterns.a_total(batch.rows):
        return batch
    text = "one metering point is the sum of all others at every time: look whether it is a total of the table"
    return batch.note("point-total", text)


def _channels(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without channels that are the others' sum."""
    return doubles.once(batch)


def _sentinels(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without values that are a device's code for none."""
    text = "a device's code for no value: all bits set, all nines, the lowest number of a field, or -1"
    return without(batch, sentinels(batch.rows, export.assumed.factors or (Decimal(1),)), "value-sentinel", text)


def _negatives(batch: Batch, export: Export, day: date | None) -> Batch:
    """Say how many values of a direction are negative: they are kept, for nothing tells what is meant."""
    directed = pl.col("quantity").is_in(["active_import", "active_export"])
    negative = _where(batch.rows, directed & (pl.col("value") < 0))["row"]
    if not negative.len():
        return batch
    text = f"{negative.len()} value(s) of one direction are negative and kept as delivered; the first is named"
    return batch.note("value-negative", text, negative.min())  # type: ignore[arg-type]


def _where(rows: pl.DataFrame, rule: pl.Expr) -> pl.DataFrame:
    """The few of a file's ``rows`` that a rule holds of. Streamed, for rows that were read in pieces are otherwise put
    together first, which is a copy of all."""
    return rows.lazy().filter(rule).collect(engine="streaming")
