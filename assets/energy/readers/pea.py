"""What PEA's interval reports share, whatever their container: a grid of text cells.

Nothing official is published; the layouts come from public code that reads them. Title, label/value pairs, a row naming
the rates, one row a quarter-hour, footers. Stamps mark the interval's END in Thai time; 24.00 and the next day's 00.00
are the same. RATE A is peak, B off-peak, C holiday: an interval has its load under one of them, so the load is their
sum and the column tells PEA's own tariff decision.
"""

import re
from decimal import Decimal
from itertools import pairwise

import polars as pl

from assets.energy.readers.canonical import THAILAND, UNITS, Export, canonical, measure, refuse, rejected, resolve
from assets.energy.readers.stamps import parse, utc
from quality.problems import gather, problem
from quality.readings import no_readings

MINUTES = 15
"""AMR's recording period, on which the portal reports intervals."""
TITLE_KWH = "กิโลวัตต์ชั่วโมง"
TITLE_KW = "กิโลวัตต์"
"""The title alone tells energy from power, a factor of four; kWh is looked for first, its word contains the other."""

CHANNEL = "A+B+C"
"""One channel for kW and kWh reports of a meter, so that both together are not counted twice."""
RATES = ("A", "B", "C")
_ACCOUNT = r"^(บัญชีผู้ใช้ไฟ(ฟ้า)?|Contact Account)\s*:?$"
_RATE = re.compile(r"RATE\s*([ABC])", re.IGNORECASE)
_STAMP = re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d")
_PAIRS = {"A": 1, "B": 3, "C": 5}
"""Where the rates lie in a row of seven cells: time and a pair a rate, the first of which counts."""
_ROW_TOTAL = "ผลรวม"
_TOTAL = "ผลรวมทั้งหมด"
_FOOTER = r"^(ผลรวม|\*\*\*|หมายเหตุ|พิมพ์โดย|วันที่พิมพ์|กิโลวัตต์(ต่ำสุด|เฉลี่ย|สูงสุด))"
_ENOUGH = 8
"""Gaps from which their least is the report's period: so many neighbours are not all missing by chance."""
_ROUNDING = Decimal("0.0005")
"""Half of the last decimal printed, by which a printed value may differ from the true one."""

Grid = list[list[str]]
"""Rows of cells; the index is the row number less one, so blank rows are present."""


def unit_of(grid: Grid) -> str | None:
    """``kwh`` or ``kw`` from the report's title, None where there is none."""
    for row in grid[:30]:
        for cell in row:
            if cell.startswith(("รายงานข้อมูล" + TITLE_KWH, TITLE_KWH)):
                return "kwh"
            if cell.startswith(("รายงานข้อมูล" + TITLE_KW, TITLE_KW)):
                return "kw"
    return None


def clean(cell: str) -> str:
    """Cell text with no-break spaces as spaces, and no blanks around."""
    return cell.replace("\xa0", " ").strip()


def read(grid: Grid, format: str, zone: str = THAILAND, point: str | None = None) -> Export:
    """Readings of a report. ``point`` is used where the report names no account."""
    unit, account = unit_of(grid), _account(grid) or point
    header, columns = _header(grid)
    if unit is None or not columns:
        return rejected(format, "file-malformed", "no report title, or no row that names RATE A, B and C")
    if not account:
        return rejected(format, "file-malformed", "no account number in the report, and no option 'point'")
    end = next((i for i in range(header + 1, len(grid)) if re.match(_FOOTER, (grid[i] or [""])[0])), len(grid))
    rows = [(i + 1, row) for i, row in enumerate(grid[header + 1 : end], start=header + 1) if any(row)]
    cells = pl.DataFrame(rows, schema={"row": pl.Int64, "cells": pl.List(pl.String)}, orient="row")
    cell = pl.col("cells").list
    frame = cells.with_columns(
        end=parse(cell.get(0), "dmy", "auto"),
        **{
            rate: cell.get(columns[rate], null_on_oob=True) if rate in columns else pl.lit(None, pl.String)
            for rate in RATES
        },
    )
    off_grid = pl.col("end").dt.minute() % MINUTES + pl.col("end").dt.second() != 0
    frame, unread = refuse(
        frame,
        [
            (pl.col("end").is_null(), "stamp-bad", "the first cell is no stamp (dd/mm/yyyy HH.MM)"),
            (off_grid, "interval-misaligned", f"the stamp is not on the {MINUTES}-minute grid"),
        ],
    )
    apart = frame["end"].unique().sort().diff().drop_nulls().dt.total_minutes().sort()
    if apart.len() >= _ENOUGH and apart[0] > MINUTES:
        text = f"stamps are {apart[0]} minutes apart, not {MINUTES}: kW cannot become kWh"
        return rejected(format, "file-malformed", text)
    if not frame.height:
        return Export(format, tables={"readings": no_readings()}, problems=unread, zone=zone)
    rated, words = _rated(frame, unit)
    found = [unread, words]
    rated = rated.with_columns(
        point=pl.lit(account),
        channel=pl.lit(CHANNEL),
        quantity=pl.lit("active_import"),
        start=utc(pl.col("end") - pl.duration(minutes=MINUTES), zone),
    )
    found += _totals(grid, end, rated, cells, grid[header] if header >= 0 else [], unit)
    readings, repeated = resolve(canonical(rated))
    return Export(format, tables={"readings": readings}, problems=gather([*found, repeated]), zone=zone)


def _header(grid: Grid) -> tuple[int, dict[str, int]]:
    """Index of the row above the intervals (-1 for none), and the first column of each rate."""
    for i, row in enumerate(grid):
        # From the right, so that of a pair of columns the first stays.
        cells = reversed(list(enumerate(row)))
        named = {found[1].upper(): column for column, cell in cells if (found := _RATE.fullmatch(cell))}
        if named:
            return i, named
        if len(row) == 7 and _STAMP.match(row[0]):
            return i - 1, _PAIRS
    return -1, {}


def _account(grid: Grid) -> str | None:
    for row in grid[:30]:
        for label, value in pairwise(row):
            if re.match(_ACCOUNT, label) and value:
                return value
    return None


def _rated(frame: pl.DataFrame, unit: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row an interval: ``value`` the sum of the rates, ``rate_raw`` the one that holds the load."""
    tall = frame.select("row", "end", rate=pl.lit(list(RATES)), raw=pl.concat_list(RATES)).explode("rate", "raw")
    filled = tall["raw"].fill_null("").str.strip_chars() != ""
    tall, words = measure(
        # A blank rate is how the layout says "not this one"; only an interval without any rate has no value.
        tall.with_columns(
            raw=pl.when(filled).then("raw").otherwise(pl.lit("0")),
            minutes=pl.lit(MINUTES),
            factor=pl.lit(UNITS[unit].factor),
            average=pl.lit(UNITS[unit].average),
            quality=pl.lit("unknown"),
            filled=filled,
        ),
        thousands=",",
    )
    of_load = pl.col("filled") & (pl.col("value") != 0)
    holders = pl.when(of_load.any()).then(of_load).otherwise("filled")
    rated = tall.group_by("row", maintain_order=True).agg(
        pl.col("end", "minutes").first(),
        value=pl.when(pl.col("filled").any()).then(pl.col("value").sum()),
        rate_raw=pl.when(holders.sum() == 1).then(pl.col("rate").filter(holders).first()),
        **{f"rate_{rate}": pl.col("value").filter(pl.col("rate") == rate).first() for rate in RATES},
    )
    none = pl.col("value").is_null()
    blank = rated.filter(none)
    found = [words]
    if blank.height:
        found.append(problem("value-blank", f"{blank.height} blank interval(s); the first is named", blank["row"][0]))
    rated = rated.with_columns(quality=pl.when(none).then(pl.lit("missing")).otherwise(pl.lit("unknown")))
    return rated, gather(found)


def _totals(
    grid: Grid, end: int, rated: pl.DataFrame, cells: pl.DataFrame, header: list[str], unit: str
) -> list[pl.DataFrame]:
    """Compare the totals that a kWh report prints, by row and at its end, with the intervals."""
    if unit != "kwh" or _ROW_TOTAL not in header:
        return []
    column, found = header.index(_ROW_TOTAL), []
    printed = pl.col("cells").list.get(column, null_on_oob=True).str.replace_all(",", "", literal=True)
    rows = cells.select("row", printed=printed.cast(pl.Decimal(38, 12), strict=False)).join(rated, on="row")
    wrong = rows.filter((pl.col("printed") - pl.col("value")).abs() > _ROUNDING * 4)
    if wrong.height:
        text = f"{wrong.height} row total(s) differ from their rates; the first is named"
        found.append(problem("sum-mismatch", text, wrong["row"][0]))
    total = next((i for i in range(end, len(grid)) if grid[i] and grid[i][0] == _TOTAL), None)
    if total is None:
        return found
    sums = rated.select(**{f"RATE {rate}": pl.col(f"rate_{rate}").sum() for rate in RATES}).row(0, named=True)
    places: dict[str, Decimal] = {**sums, _ROW_TOTAL: sum(sums.values(), Decimal(0))}
    allowed = _ROUNDING * (rated.height + 1)
    for name, ours in places.items():
        text = grid[total][header.index(name)].replace(",", "") if name in header[: len(grid[total])] else ""
        if re.fullmatch(r"-?\d+(\.\d+)?", text) and abs(Decimal(text) - ours) > allowed:
            ratio = f", {Decimal(text) / ours:.2f} times as much: wrong unit?" if ours else ""
            text = f"the printed total of {name} is {text} kWh, the intervals give {ours.normalize():f}{ratio}"
            found.append(problem("sum-mismatch", text, total + 1))
    return found
