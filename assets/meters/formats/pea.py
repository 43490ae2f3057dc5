"""What PEA's interval reports share, whatever their container: tables of text cells.

Nothing official is published; the layouts come from public code that reads them. Title, label/value pairs, a row naming
the rates, one row a quarter-hour, footers; in one table, or (XLSX) a sheet each for head, intervals and remarks. Stamps
mark the interval's END in Thai time; 24.00 and the next day's 00.00 are the same. RATE A is peak, B off-peak, C
holiday: an interval has its load under one of them, so the load is their sum and the column tells PEA's own tariff
decision. The era is told by each year: a header in BE may stand over stamps in CE.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import polars as pl

from assets.meters.formats import periods
from assets.meters.formats.canonical import EXACT, THAILAND, Assumed, Export, ReadingOptions
from assets.meters.formats.grids import Grid, below, cell, head
from assets.meters.formats.loads import (
    MINUTES,
    Load,
    eras,
    joined,
    other_units,
    rated,
    readings,
    remarks_in,
    rows_above,
    stamped,
)
from assets.meters.formats.stamps import EXCHANGED, exchanged
from quality.batch import Batch
from quality.readings import no_readings

CHANNEL = "A+B+C"
"""One channel for kW and kWh reports of a meter, so that both together are not counted twice."""
_TITLE = re.compile(r"^(?:รายงานข้อมูลกิโลวัตต์(ชั่วโมง)?|(?:ข้อมูล)?กิโลวัตต์(ชั่วโมง)?\s*(?:รายเดือน|แบบช่วงเวลา))")
"""The title alone tells energy (ชั่วโมง: hour) from power, a factor of four."""
_ACCOUNT = re.compile(r"^(?:บัญชีผู้ใช้ไฟ(?:ฟ้า)?|Contact Account)\s*:?\s*(.*)$")
_RATE = re.compile(r"RATE\s*([ABC])", re.IGNORECASE)
_STAMP = r"^\d{1,2}/\d{1,2}/\d{2,4}\s+\d"
_PAIRS = {"A": 1, "B": 3, "C": 5}
"""Where the rates lie in a row of seven cells: time and a pair a rate, the first of which counts."""
_ROW_TOTAL = "ผลรวม"
_TOTAL = "ผลรวมทั้งหมด"
_FOOTER = r"^(ผลรวม|\*\*\*|หมายเหตุ|พิมพ์โดย|วันที่พิมพ์|กิโลวัตต์(ต่ำสุด|เฉลี่ย|สูงสุด))"
_EXTREMES = {"กิโลวัตต์ต่ำสุด": "least", "กิโลวัตต์เฉลี่ย": "mean", "กิโลวัตต์สูงสุด": "greatest"}
_NUMBER = re.compile(r"-?[\d,]*\.?\d+")
_ROUNDING = Decimal("0.0005")
"""Half of the last decimal printed, by which a printed value may differ from the true one."""


def units_of(tables: Iterable[Grid]) -> set[str]:
    """``kwh`` or ``kw`` from each title of a report that stands anywhere in a file."""
    found = (_TITLE.match(text) for text in _anywhere(tables, _TITLE))
    return {"kwh" if title[1] or title[2] else "kw" for title in found if title}


def _anywhere(tables: Iterable[Grid], pattern: re.Pattern[str]) -> Iterator[str]:
    """Cells of all rows that match, and no others'."""
    for table in tables:
        for name in table.columns:
            if name.startswith("c"):
                yield from table[name].filter(table[name].str.contains(pattern.pattern)).unique()


def rates_of(tables: Sequence[Grid], first: int = 0) -> tuple[int, int, dict[str, int]] | None:
    """Table (its place, from ``first`` on), row above the intervals, and the first column of each rate."""
    for place, table in enumerate(tables[first:], start=first):
        for row, cells in head(table):
            # From the right, so that of a pair of columns the first stays.
            named = {found[1].upper(): i for i in range(len(cells) - 1, 0, -1) if (found := _RATE.fullmatch(cells[i]))}
            if named:
                return place, row, named
            if len(cells) == 7 and re.match(_STAMP, cells[0]):
                return place, row - 1, _PAIRS
    return None


def account_of(tables: Iterable[Grid], options: ReadingOptions) -> str | None:
    """The contract account, beside its label or in the same cell; else the option ``point``."""
    for table in tables:
        for _, cells in head(table):
            for label, value in pairwise([*cells, ""]):
                if found := _ACCOUNT.match(label):
                    account = found[1] or value
                    if re.search(r"\d", account) and not account.endswith(":"):
                        return account
    return options.point


def accounts_in(tables: Iterable[Grid]) -> set[str]:
    """The contract accounts that stand anywhere in a file: pages saved one after the other have several."""
    found = set[str]()
    for table in tables:
        cells = [name for name in table.columns if name.startswith("c")]
        rows = table.filter(pl.any_horizontal(pl.col(cells).str.contains(_ACCOUNT.pattern))) if cells else table
        for row in rows.select(cells).iter_rows():
            accounts = (m[1] or value for label, value in pairwise([*row, ""]) if (m := _ACCOUNT.match(label)))
            found |= {
                account for account in accounts if account and re.search(r"\d", account) and not account.endswith(":")
            }
    return found


def period_of(tables: Iterable[Grid]) -> periods.Period | None:
    """The period that head or footers state."""
    tables = list(tables)
    ends = [table.tail(10) for table in tables]
    return periods.stated(_texts([*tables, *ends]))


def read(tables: Sequence[Grid], format: str, options: ReadingOptions, names: Sequence[str] = ()) -> Export:
    """Readings of a report with rates. Options: ``timezone``, ``point`` (used where the report names no account).
    ``names`` are those of the sheets that ``tables`` are."""
    reports, places, header = [], list[int](), rates_of(tables)
    while header is not None:
        reports.append(_report(tables, header, format, options))
        places.append(header[0])
        header = rates_of(tables, header[0] + 1)
    if not reports:
        return Export.rejected(format, "file-malformed", "no row that names RATE A, B and C")
    told = not names or all(accounts_in([tables[place]]) for place in places)
    return joined(reports, () if told else [names[place] for place in places])


def _report(
    tables: Sequence[Grid], header: tuple[int, int, dict[str, int]], format: str, options: ReadingOptions
) -> Export:
    zone = options.timezone or THAILAND
    units, account = units_of(tables), account_of(tables, options)
    if not units:
        return Export.rejected(format, "file-malformed", "no report title")
    if len(others := accounts_in(tables)) > 1:
        text = f"the file holds reports of {len(others)} contract accounts: give each its own file"
        return Export.rejected(format, "meters-several", text)
    if not account:
        return Export.rejected(format, "file-malformed", "no account number in the report, and no option 'point'")
    if len(units) > 1:
        text = "the file holds reports of power and of energy: give each its own file"
        return Export.rejected(format, "layout-contradicts", text)
    (unit,) = units
    place, at, columns = header
    table = tables[place]
    alone = rates_of(tables, place + 1) is None and rates_of(tables) == header
    rows = _marked(below(table, at), columns)
    body, footers = rows.filter(~pl.col("footer")), rows.filter("footer")
    intervals = stamped(Batch(body.with_columns(point=pl.lit(account))), cell(0))
    if exchanged(body["c0"]):
        return Export.rejected(format, "layout-contradicts", EXCHANGED)
    evidence = f"{'kWh' if unit == 'kwh' else 'kW'} by the title, {eras(body['c0'])} by the stamps"
    evidence += f", intervals in sheet {place + 1} of {len(tables)}" if len(tables) > 1 else ""
    if not intervals.rows.height:
        return Export.of(format, evidence, readings=replace(intervals, rows=no_readings()), zone=zone)
    intervals = periods.compared(intervals, MINUTES, period_of(tables) if alone else None)
    load = Load(CHANNEL, "active_import", unit, {rate: f"c{columns[rate]}" for rate in sorted(columns)})
    names = next((cells for row, cells in head(table) if row == at), [])
    above = [text for each in tables[:place] for text in rows_above(each)] + rows_above(table, at)
    if told := other_units(above, " ".join(names), [load]):
        return Export.rejected(format, "layout-contradicts", told)
    loads = rated(intervals.rows, load)
    loads = _totalled(_row_totalled(loads, intervals.rows, names, unit), footers, names)
    loads = _ranged(loads, footers, columns)
    assumed = Assumed("dmy", length=True, ends=True, power=unit == "kw")
    found = readings(loads, zone).also(*intervals.problems)
    return Export.of(format, evidence, readings=found, zone=zone, assumed=assumed)


def _texts(tables: Iterable[Grid]) -> Iterable[str]:
    return (text for table in tables for _, cells in head(table) for text in cells if text)


def _marked(rows: Grid, columns: Mapping[str, int]) -> Grid:
    """Rows with ``footer``. Under the first footer only what has a stamp is an interval, and none is lost."""
    cells = [name for name in rows.columns if name not in ("row", "width")]
    first = pl.coalesce(pl.when(pl.col(name) != "").then(pl.col(name)) for name in cells)
    footer = first.str.contains(_FOOTER).fill_null(False)
    # A header may be repeated, as on the pages of a print.
    repeated = cell(min(columns.values())).str.contains(f"(?i)^{_RATE.pattern}$")
    none = repeated | remarks_in(rows, "c0", [f"c{at}" for at in columns.values()])
    rows = rows.with_columns(footer=footer.cum_max() & ~cell(0).str.contains(_STAMP), _none=none)
    return rows.filter(pl.col("footer") | ~pl.col("_none")).drop("_none")


def _row_totalled(loads: Batch, intervals: Grid, names: list[str], unit: str) -> Batch:
    """Say which total printed in a row is not the sum of its rates."""
    if _ROW_TOTAL not in names:
        return loads
    printed = cell(names.index(_ROW_TOTAL)).str.replace_all(",", "", literal=True).cast(EXACT, strict=False)
    rows = intervals.select("row", printed=printed).join(loads.rows, on="row")
    times = 60 // MINUTES if unit == "kw" else 1
    wrong = rows.filter((pl.col("printed") - pl.col("value") * times).abs() > _ROUNDING * 4)
    text = f"{wrong.height} row total(s) differ from their rates; the first is named"
    return loads.note("sum-mismatch", text, wrong["row"][0]) if wrong.height else loads


def _totalled(loads: Batch, footers: Grid, names: list[str]) -> Batch:
    """Say which total printed under the intervals, by rate and in all, is not theirs. It is kWh whatever rows are."""
    total = footers.filter(cell(0) == _TOTAL) if footers.height else footers
    if not total.height:
        return loads
    row, _, *cells = total.row(0)
    rates = [name for name in loads.rows.columns if re.fullmatch("rate_[ABC]", name)]
    sums = {f"RATE {name[-1]}": Decimal(loads.rows[name].sum() or 0) for name in rates}
    sums[_ROW_TOTAL] = sum(sums.values(), Decimal(0))
    allowed = _ROUNDING * (loads.rows.height + 1)
    for name, ours in sums.items():
        at = next((i for i, header in enumerate(names) if header.upper() == name), None)
        text = cells[at].replace(",", "") if at is not None else ""
        if _NUMBER.fullmatch(text) and abs(Decimal(text) - ours) > allowed:
            ratio = f", {Decimal(text) / ours:.2f} times as much: wrong unit?" if ours else ""
            text = f"the printed total of {name} is {text} kWh, the intervals give {ours.normalize():f}{ratio}"
            loads = loads.note("sum-mismatch", text, row)
    return loads


def _ranged(loads: Batch, footers: Grid, columns: Mapping[str, int]) -> Batch:
    """Say which least, mean and greatest kW printed under the intervals, a value (and its time) a rate, are not
    theirs."""
    power = {rate: (loads.rows[f"rate_{rate}"] * (60 // MINUTES)).drop_nulls() for rate in columns}
    everything = pl.concat(power.values())
    starts = sorted(columns.values())
    for row, _, *cells in footers.drop("footer").iter_rows():
        what = _EXTREMES.get(cells[0])
        printed = {}
        for rate, at in columns.items() if what else ():
            until = next((start for start in starts if start > at), len(cells))
            text = next((text for text in cells[at:until] if _NUMBER.fullmatch(text)), None)
            if text is not None:
                printed[rate] = Decimal(text.replace(",", ""))
        for rate, value in printed.items():
            # A value alone may be that of all rates; a rate that is printed as 0 where it has no load may not count.
            several = [power[rate], *([everything] if len(printed) == 1 else [])]
            ours = [_extreme(v, str(what)) for series in several for v in (series, series.filter(series != 0))]
            digits = max(-int(value.as_tuple().exponent), 0)
            known = [our for our in ours if our is not None]
            if known and all(abs(our - value) >= Decimal(1).scaleb(-digits) for our in known):
                ratio = f", {value / known[0]:.2f} times as much: wrong unit?" if known[0] else ""
                text = f"the printed {what} of RATE {rate} is {value:f} kW, the intervals give {known[0]:.3f}{ratio}"
                loads = loads.note("sum-mismatch", text, row)
    return loads


def _extreme(series: pl.Series, what: str) -> Decimal | None:
    if not series.len():
        return None
    if what == "mean":
        return Decimal(series.sum()) / series.len()
    return Decimal(str(series.min() if what == "least" else series.max()))
