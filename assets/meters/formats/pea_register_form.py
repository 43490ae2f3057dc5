"""PEA "แบบฟอร์มการอ่านหน่วยมิเตอร์ AMR": the registers at each monthly reset, HTML tables saved as ``.xls``.

No specification is public; the layout is known from code that reads it. Facts, then a table whose header begins with
``No.``: month, number and date of the reset, and registers by code: 111 kWh in all, 010, 020 and 030 kWh of rate A, B
and C, which run on, and 050, 060 and 070 the greatest kW of each rate since the last reset. Registers are those of the
dials: energy is (now - before) x multiplier, demand the register x multiplier, multiplier CT ratio x VT ratio (50:5 and
22000:110 are 10 x 200). A reset without a time of day is taken at its day's midnight, at which PEA's periods begin.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import polars as pl

from assets.meters.formats import pea, pea_html
from assets.meters.formats.canonical import EXACT, THAILAND, Export, ReadingOptions, canonical, measure, problems_of
from assets.meters.formats.content import Content
from assets.meters.formats.grids import Grid, below, cell, head
from assets.meters.formats.stamps import parse, utc
from quality.batch import Batch
from quality.readings import ENERGY, REGISTER_SCHEMA

FORMAT = "pea_register_form"
KIND = "html"
_TITLE = "แบบฟอร์มการอ่านหน่วยมิเตอร์"
_ENERGY = ("111", "010", "020", "030")
_DEMAND = ("050", "060", "070")
_CODE = re.compile(r"(?<!\d)(111|0[1-7]0)(?!\d)")
_RATIO = re.compile(r"^([\d,]+(?:\.\d+)?)\s*(?:[:/]\s*([\d,]+(?:\.\d+)?))?\s*[AV]?\.?$", re.IGNORECASE)
_MOST = 10**6
"""Above any transformer's ratio: 230 kV to 110 V is 2,091, 5,000 A to 1 A is 5,000."""
_LARGEST = Decimal(10) ** 12
"""kWh or kW beyond what ``ENERGY`` holds."""
_LAST = 4
"""Registers are cut off, not rounded: each of the four differences may be off by less than one of the last decimal."""


def recognise(content: Content) -> str | None:
    """Evidence: the form's title and a table."""
    text = content.head(50_000)
    return "HTML table under the title of PEA's reading form" if _TITLE in text and "<t" in text.lower() else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Register reads, in ``tables["registers"]`` by REGISTER_SCHEMA.

    Options: ``timezone``, ``point`` (used where the form names no account) and ``multiplier`` (where it tells no CT
    and VT ratio, as for a meter without transformers: 1). Row numbers count the ``<tr>`` of the page.
    """
    zone = options.timezone or THAILAND
    if pea_html.cut(content):
        return Export.rejected(FORMAT, "file-truncated", "the page ends inside a table")
    page = pea_html.page(content)
    found, account = _header(page), pea.account_of([page], options)
    if found is None:
        return Export.rejected(
            FORMAT, "file-malformed", "no table that begins with No., with a date and register codes"
        )
    if not account:
        return Export.rejected(FORMAT, "file-malformed", "no account number in the form, and no option 'point'")
    at, date, columns = found
    rows = below(page, at).with_columns(point=pl.lit(account), end=utc(parse(cell(date), "dmy", "auto"), zone))
    numbered, dated = cell(0).str.contains(r"^[0-9]+\.?$"), pl.col("end").is_not_null()
    # What has neither number nor date and is short is a remark.
    resets = Batch(rows.filter(numbered | dated | (pl.col("width") > len(columns)))).refuse(
        (~numbered, "row-malformed", "a reset without its number"),
        (~dated, "stamp-bad", "the date of the reset cannot be read"),
    )
    if unnamed := _unnamed(resets.rows, {date, *columns.values()}):
        resets = resets.note("column-new", f"{unnamed} column(s) of numbers without a register code")
    multiplier = _multiplier(page)
    multiplier = options.multiplier if multiplier is None else multiplier
    if multiplier is None:
        text = "no CT and VT ratio in the form, and no option 'multiplier': energy is not computed"
        resets = resets.note("header-absent", text)
    most = _LARGEST / (multiplier or 1)
    values = _once(_values(resets, columns)).refuse(
        (pl.col("register_end").cast(EXACT) >= most, "value-range", "a register too large for its multiplier")
    )
    reads = _judged(replace(values, rows=_reads(values.rows, multiplier)))
    evidence = "multiplier unknown" if multiplier is None else f"multiplier {multiplier.normalize():f}"
    return Export.of(FORMAT, evidence, registers=canonical(reads, REGISTER_SCHEMA), zone=zone)


def _header(page: Grid) -> tuple[int, int, dict[str, int]] | None:
    """Row of the header, column of the reset's date, columns of the registers."""
    for row, cells in head(page):
        codes = {found[1]: i for i, text in reversed(list(enumerate(cells))) if (found := _CODE.search(text))}
        date = next((i for i, text in enumerate(cells) if "วันที่" in text), None)
        if cells and cells[0] == "No." and date is not None and codes:
            return row, date, codes
    return None


def _unnamed(rows: pl.DataFrame, known: set[int]) -> int:
    """How many columns of decimal numbers no register code of the header names."""
    others = [name for name in rows.columns if re.fullmatch(r"c\d+", name) and int(name[1:]) not in known]
    filled = rows.select(pl.col(others).str.contains(r"^[\d,]+\.\d+$").any())
    return sum(filled.row(0)) if others else 0


def _multiplier(page: Grid) -> Decimal | None:
    """CT x VT as the form tells, else None."""
    ratios: dict[str, Decimal] = {}
    for _, cells in head(page):
        for label, value in pairwise(cells):
            name = re.match(r"(CT|VT) Ratio", label)
            if name and (found := _RATIO.match(value)):
                first, second = (Decimal((part or "1").replace(",", "")) for part in found.groups())
                if first and second and first / second < _MOST:
                    ratios.setdefault(name[1], first / second)
    return (ratios["CT"] * ratios["VT"]).quantize(Decimal("1e-12")) if len(ratios) == 2 else None


def _values(resets: Batch, columns: Mapping[str, int]) -> Batch:
    """A row a register and reset: ``register_end``, and ``digits``, the decimals it shows."""
    tall = pl.concat(
        [resets.rows.select("row", "point", "end", channel=pl.lit(code), raw=cell(at)) for code, at in columns.items()]
    )
    fixed = {"factor": pl.lit(1).cast(ENERGY), "average": pl.lit(False), "minutes": pl.lit(60)}
    values = measure(replace(resets, rows=tall.with_columns(quality=pl.lit("unknown"), **fixed)), thousands=",")
    digits = pl.col("raw").str.extract(r"\.(\d+)$").str.len_chars().fill_null(0)
    return replace(values, rows=values.rows.rename({"value": "register_end"}).with_columns(digits=digits))


def _once(values: Batch) -> Batch:
    """One read a register and reset: of several the last of the form."""
    key = ["channel", "end"]
    ordered = values.rows.sort("end", "row", "channel")
    same = pl.col("register_end").eq_missing(pl.col("register_end").last().over(key))
    ordered = ordered.with_columns(_again=pl.col("row") != pl.col("row").last().over(key), _same=same)
    again = ordered.filter("_again").group_by("row").agg(pl.col("_same").all())
    once = replace(values, rows=ordered.filter(~pl.col("_again")).drop("_again", "_same"))
    return once.also(
        problems_of(again.filter("_same"), "duplicate-rows", "a reset is there twice with the same registers"),
        problems_of(
            again.filter(~pl.col("_same")), "key-duplicate", "a later row has the same reset and other registers"
        ),
    )


def _reads(values: pl.DataFrame, multiplier: Decimal | None) -> pl.DataFrame:
    """Reads with the one before, and the energy or demand between."""
    before = values.sort("end").with_columns(
        start=pl.col("end").shift().over("channel", order_by="end"),
        register_start=pl.col("register_end").shift().over("channel", order_by="end"),
    )
    demand = pl.col("channel").is_in(_DEMAND)
    step = pl.col("register_end").cast(EXACT) - pl.col("register_start").cast(EXACT)
    between = pl.when(demand).then(pl.col("register_end").cast(EXACT)).otherwise(pl.when(step >= 0).then(step))
    return before.with_columns(
        # The greatest demand is told of the period, and has no register before.
        register_start=pl.when(~demand).then("register_start"),
        quantity=pl.when(demand).then(pl.lit("other")).otherwise(pl.lit("active_import")),
        multiplier=pl.lit(multiplier).cast(EXACT),
        value=between * pl.lit(multiplier).cast(EXACT),
        step=step,
    ).sort("end", "channel")


def _judged(reads: Batch) -> Batch:
    """Say which registers run backwards, and which total is not the sum of its rates."""
    energy = reads.rows.filter(pl.col("channel").is_in(_ENERGY))
    falls = "a register reads less than before (a new meter, or past its last digit): no energy is computed"
    wide = energy.group_by("row").agg(
        total=pl.col("step").filter(pl.col("channel") == "111").first(),
        rates=pl.col("step").filter(pl.col("channel") != "111").sum(),
        full=(pl.col("step").is_not_null().sum() == len(_ENERGY)) & (pl.col("step") >= 0).all(),
        digits=pl.col("digits").min(),
    )
    units = (pl.col("total") - pl.col("rates")).abs().cast(pl.Float64) * pl.lit(10.0).pow("digits")
    wrong = wide.filter(pl.col("full") & (units.round() >= _LAST))
    return reads.also(
        problems_of(energy.filter(pl.col("step") < 0).unique("row"), "register-fall", falls),
        problems_of(wrong, "sum-mismatch", "register 111 ran on by another amount than 010, 020 and 030 together"),
    )
