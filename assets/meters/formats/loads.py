"""Interval tables whose rows are quarter-hours: stamps at the interval's END, and loads in a column or one a rate.

Where a load has a column a rate (RATE A, B, C; On-Peak, Off-Peak), an interval has it under one of them: the load is
their sum, and the column tells the utility's own tariff decision.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from assets.meters.formats import part_names, periods, titles
from assets.meters.formats.canonical import FIRST, THAILAND, UNITS, Assumed, Export, canonical, measure, resolve
from assets.meters.formats.grids import HEAD, Grid, below, head
from assets.meters.formats.remarks import remarks
from assets.meters.formats.stamps import BUDDHIST_FROM, EXCHANGED, Order, exchanged, parse, utc
from quality.batch import Batch
from quality.meter_grid import off_clock
from quality.problems import gather
from quality.readings import no_readings

MINUTES = 15
"""Recording period of the Thai utilities' AMR, on which their portals report intervals."""
_ENOUGH = 8
"""Steps from which values that never fall are a register's."""
AGREE = Decimal("0.01")
"""Share by which power x hours may differ from the energy of the same interval: both are printed rounded."""
_ISO = r"^\d{4}-\d\d-\d\d"
_BY_RATE = re.compile(r"(\w+)(?: \(([^()]+)\))?")
_UNIT = re.compile(r"\W*(?:หน่วย|unit)", re.IGNORECASE)
_NONE = ("", "-", "--", "\u2013", "N/A", "n/a")
"""What stands under a rate that did not run."""
_PRINTED = Decimal("0.001")
"""kWh that three printed decimals can lose, whatever the share."""


class Load(NamedTuple):
    """A load of a table: its unit, and the column of each rate (the rate is blank where there is one column only)."""

    channel: str
    quantity: str
    unit: str
    columns: Mapping[str, str]
    total: str = ""
    """Column of the load itself where it stands beside its rates."""


def by_rate(names: Mapping[str, int], quantities: Mapping[str, tuple[str, str]]) -> list[Load]:
    """Loads of columns named by a unit, as ``kW``, or by a unit and a rate, as ``kW (On-Peak)``.

    ``quantities`` gives channel and quantity of each unit. Where a unit has rates, its column without is their total.
    """
    columns: dict[str, dict[str, str]] = {unit: {} for unit in quantities}
    for name, at in names.items():
        if (named := _BY_RATE.fullmatch(name)) and named[1] in columns:
            columns[named[1]][named[2] or ""] = f"c{at}"
    return [
        Load(*quantities[unit], unit, rates, rates.pop("", "") if len(rates) > 1 else "")
        for unit, rates in columns.items()
        if rates
    ]


def stamped(rows: Batch, text: pl.Expr, order: Order = "dmy") -> Batch:
    """``rows`` with ``end``, the local end of the interval, from its text."""
    # Dates that a spreadsheet computed may lie a fraction of a second before the minute, or after.
    text = text.str.replace(r"(:\d\d:\d\d)\.\d+$", "${1}")
    # A date cell (a report that was saved anew) comes as ISO, whatever order the texts have.
    end = pl.coalesce(parse(text, order, "auto"), pl.when(text.str.contains(_ISO)).then(parse(text, "ymd", "auto")))
    rows = rows.with_columns(end=end)
    early = pl.col("end").dt.second() == 59
    rows = rows.with_columns(end=pl.when(early).then(pl.col("end") + pl.duration(seconds=1)).otherwise("end"))
    closing = rows.rows.filter(_closes())["row"]
    if closing.len():
        said = f"{closing.len()} stamp(s) 00:00 follow the other times of their date and are read as its 24:00{FIRST}"
        moved = pl.when(_closes()).then(pl.col("end") + _DAY).otherwise("end")
        rows = rows.with_columns(end=moved).note("stamp-label", said, closing[0])
    shape = "dd/mm/yyyy" if order == "dmy" else "yyyy-mm-dd"
    return rows.refuse(
        (pl.col("end").is_null(), "stamp-bad", f"the cell is no stamp ({shape} and a time)"),
        (~text.str.contains(r"\d{4}"), "stamp-bad", "the year must have four digits: two do not tell the era"),
        (
            off_clock(pl.col("end"), MINUTES),
            "interval-misaligned",
            f"the stamp is not on the {MINUTES}-minute grid",
        ),
    )


def _closes() -> pl.Expr:
    """Whether an ``end`` at 00:00 is the last of the date beside it, as the rows around it tell."""
    end, length = pl.col("end"), pl.duration(minutes=MINUTES)
    around = [end.shift(n) - end for n in (1, -1)]
    opens = pl.any_horizontal(each.abs() == length for each in around).fill_null(value=False)
    closes = pl.any_horizontal((each - _DAY).abs() == length for each in around).fill_null(value=False)
    return (end.dt.time() == time()).fill_null(value=False) & closes & ~opens


_DAY = pl.duration(days=1)


def eras(texts: pl.Series) -> str:
    """Words for the era of the years, told by the years themselves."""
    years = texts.str.extract(r"(\d{4})").cast(pl.Int32, strict=False).drop_nulls()
    buddhist = (years > BUDDHIST_FROM).sum()
    return "years CE" if not buddhist else "years BE" if buddhist == years.len() else "years BE and CE"


def rated(frame: pl.DataFrame, load: Load) -> Batch:
    """One row an interval of ``frame`` (``row``, ``end``, ``point`` and the load's columns).

    ``value`` is the sum of the rates in kWh or kvarh, ``rate_raw`` the one that holds the load, ``rate_<name>`` each.
    """
    unit, rates = UNITS[load.unit.lower()], list(load.columns)
    # Rate after rate, so that each rate is a slice of the same rows.
    tall = pl.concat([frame.select("row", "point", "end", raw=column) for column in load.columns.values()])
    filled = ~tall["raw"].is_in(_NONE)
    # A blank rate is how a report says "not this one"; only an interval without any rate has no value.
    typed = tall.with_columns(
        raw=pl.when(filled).then("raw").otherwise(pl.lit("0")),
        minutes=pl.lit(MINUTES),
        factor=pl.lit(unit.factor),
        average=pl.lit(unit.average),
        quality=pl.lit("unknown"),
        filled=filled,
    )
    measured = measure(Batch(typed), thousands=",")
    rows = measured.rows.height // len(rates)
    values = measured.rows.select(pl.when("filled").then("value")).to_series()
    wide = measured.rows.head(rows).select("row", "point", "end", "minutes")
    wide = wide.with_columns(values.slice(n * rows, rows).alias(f"rate_{rate}") for n, rate in enumerate(rates))
    places = [f"rate_{rate}" for rate in rates]
    loaded = pl.any_horizontal(pl.col(places).fill_null(0) != 0)
    holds = {
        rate: pl.when(loaded).then(pl.col(p) != 0).otherwise(pl.col(p).is_not_null())
        for rate, p in zip(rates, places, strict=True)
    }
    name = pl.coalesce(pl.when(held).then(pl.lit(rate)) for rate, held in holds.items())
    named = pl.sum_horizontal(*holds.values()) == 1
    found = wide.with_columns(
        channel=pl.lit(load.channel),
        quantity=pl.lit(load.quantity),
        value=pl.when(pl.any_horizontal(pl.col(places).is_not_null())).then(pl.sum_horizontal(places)),
        rate_raw=pl.when(named & pl.lit(rates != [""])).then(name),
    )
    none = pl.col("value").is_null()
    quality = pl.when(none).then(pl.lit("missing")).otherwise(pl.lit("unknown"))
    loads = replace(measured, rows=found.with_columns(quality=quality))
    blank = found.filter(none)["row"]
    if blank.len():
        text = f"{blank.len()} blank interval(s) of {load.channel}; the first is named"
        loads = loads.note("value-blank", text, blank[0])
    return loads


def readings(loads: Batch, zone: str) -> Batch:
    """Readings of the intervals that ``rated`` gave, one a key."""
    found = loads.with_columns(start=utc(pl.col("end") - pl.duration(minutes=MINUTES), zone))
    skipped = (pl.col("start").is_null(), "stamp-bad", "a clock change skips this local time")
    return resolve(canonical(found.refuse(skipped)))


def rows_above(grid: Grid, at: int = HEAD) -> list[str]:
    """The rows of a table above its header, their cells that are not blank joined by blanks."""
    # A merged cell's text may stand in each of its places.
    return [" ".join(filter(None, dict.fromkeys(cells))) for row, cells in head(grid) if row < at]


def remarks_in(rows: Grid, stamp: str, values: Iterable[str]) -> pl.Expr:
    """Which rows are no readings, with their stamps and loads in these columns."""
    cells = [name for name in rows.columns if re.fullmatch(r"c\d+", name)]
    return remarks([pl.col(stamp)], pl.concat_list(values), pl.concat_list(cells))


def other_units(above: Sequence[str], header: str, loads: Sequence[Load]) -> str | None:
    """What says that the rows ``above`` a table together, or its ``header``, or a row that tells nothing but the unit,
    name other units than its ``loads`` are read in."""
    for rows in (above, [header], *([row] for row in above if _UNIT.match(row))):
        # Of other families, facts may stand above: a transformer's kVA.
        if named := titles.contradicted(titles.units(rows), (load.unit for load in loads), kin=rows is above):
            theirs, ours = (", ".join(sorted(units)) for units in named)
            return f"title or header says {theirs}, values are read in {ours}: which unit is it?"
    return None


@dataclass(frozen=True)
class Report:
    """A report that has one header, in row ``at``, and nothing but intervals below it."""

    format: str
    loads: Sequence[Load]
    at: int
    stamp: str
    """Column of the stamps."""
    point: str | pl.Expr
    """Fixed, or an expression of the row."""
    zone: str = THAILAND
    order: Order = "dmy"
    rate: str | None = None
    """Column of the utility's word for the interval's rate."""
    period: periods.Period | None = None
    note: str = ""
    """Added to the evidence."""

    def read(self, grid: Grid) -> Export:
        """Readings of the intervals in ``grid``. Where two loads have one channel, in power and in energy, the energy
        counts and is checked against the power."""
        names = next((" ".join(cells) for row, cells in head(grid) if row == self.at), "")
        if told := other_units(rows_above(grid, self.at), names, self.loads):
            return Export.rejected(self.format, "layout-contradicts", told)
        point = self.point if isinstance(self.point, pl.Expr) else pl.lit(self.point)
        columns = [column for load in self.loads for column in (*load.columns.values(), load.total) if column]
        found = below(grid, self.at)
        rows = Batch(found.filter(~remarks_in(found, self.stamp, columns)).with_columns(point=point))
        rows = rows.refuse((pl.col("point") == "", "value-null", "no metering point"))
        evidence = ", ".join(filter(None, [eras(rows.rows[self.stamp]) + " by the stamps", self.note]))
        intervals = stamped(rows, pl.col(self.stamp), self.order)
        if exchanged(rows.rows[self.stamp]):
            return Export.rejected(self.format, "layout-contradicts", EXCHANGED)
        if not intervals.rows.height:
            none = replace(intervals, rows=no_readings())
            return Export.of(self.format, evidence, readings=none, zone=self.zone)
        loads = self._loaded(periods.compared(intervals, MINUTES, self.period))
        if loads.is_rejected:
            return Export.of(self.format, readings=loads)
        power = any(UNITS[load.unit.lower()].average for load in self.loads)
        assumed = Assumed(self.order, length=True, ends=True, power=power)
        return Export.of(self.format, evidence, readings=readings(loads, self.zone), zone=self.zone, assumed=assumed)

    def _loaded(self, intervals: Batch) -> Batch:
        """A row an interval and channel; rejected where a load is a register."""
        rows, parts = intervals.rows, dict[str, pl.DataFrame]()
        # Power first, so that energy takes its place.
        for load in sorted(self.loads, key=lambda load: not UNITS[load.unit.lower()].average):
            rated_load = rated(rows, load)
            part, intervals = rated_load.rows, intervals.also(*rated_load.problems)
            if (power := parts.get(load.channel)) is not None:
                wrong = disagreeing(part, power)
                if _rises(part) and wrong.len() * 2 > part.height:
                    return Batch.rejected("file-malformed", f"{load.unit} only rises: a register, no interval's energy")
                intervals = _named(intervals, wrong, "differ by more than 1 % from their power x hours")
            if load.total:
                total = rated(rows, load._replace(columns={"": load.total}))
                intervals = intervals.also(*total.problems)
                intervals = _named(intervals, disagreeing(total.rows, part), "differ from the sum of their rates")
                part = total.rows.drop("rate_raw").join(part.select("row", "rate_raw"), on="row", how="left")
            parts[load.channel] = part
        if self.rate is not None:
            names = rows.select("row", rate_raw=pl.when(pl.col(self.rate) != "").then(pl.col(self.rate)))
            parts = {channel: part.drop("rate_raw").join(names, on="row") for channel, part in parts.items()}
        columns = [part.select(pl.exclude("^rate_.*$"), "rate_raw") for part in parts.values()]
        return replace(intervals, rows=pl.concat(columns))


def joined(exports: Sequence[Export], names: Sequence[str] = ()) -> Export:
    """One export of the sheets of a workbook; problems name the sheet where there are several.

    ``names`` are those of sheets that do not tell their metering point themselves: all have that of an option, or of
    another sheet.
    """
    if len(exports) == 1:
        return exports[0]
    filled = [export for export in exports if export.tables]
    named = zip(names, exports, strict=True) if names else ()
    parts = [(name, export.tables["readings"]) for name, export in named if export.tables]
    by_name = part_names.kind(parts) if len(parts) > 1 else "alike"
    if by_name == "meters":
        text = f"{len(exports)} sheets {part_names.SEVERAL}: give each meter its own file"
        return Export.rejected(exports[0].format, "meters-several", text)
    said = [
        export.problems.with_columns(message=pl.format("table {}: {}", pl.lit(number), "message"))
        for number, export in enumerate(exports, start=1)
    ]
    if not filled:
        return replace(exports[0], problems=gather(said))
    whole_rows = resolve(Batch(pl.concat([export.tables["readings"] for export in filled])))
    tables = {"readings": part_names.joined(whole_rows, by_name)}
    first = filled[0]
    note = f"{first.evidence}; {len(filled)} sheets"
    whole = Export.of(first.format, note, zone=first.zone, assumed=first.assumed, **tables)
    return whole.also(*said)


def disagreeing(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.Series:
    """Rows of the intervals that both have, and by more than ``AGREE`` not alike."""
    both = ours.select("row", ours="value").join(theirs.select("row", theirs="value"), on="row").drop_nulls()
    off = (pl.col("ours") - pl.col("theirs")).abs()
    return both.filter((off > pl.col("ours").abs() * AGREE) & (off > _PRINTED))["row"]


def _named(batch: Batch, wrong: pl.Series, how: str) -> Batch:
    text = f"{wrong.len()} interval(s) {how}; the first is named"
    return batch.note("sum-mismatch", text, wrong[0]) if wrong.len() else batch


def _rises(part: pl.DataFrame) -> bool:
    """Whether values never fall in time and do rise, as a register's do."""
    steps = part.drop_nulls("value").sort("end").select(pl.col("value").diff().over("point")).to_series().drop_nulls()
    return steps.len() >= _ENOUGH and bool((steps >= 0).all()) and bool((steps > 0).any())
