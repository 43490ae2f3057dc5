"""Table contracts: one description of a table that types, checks, documents and publishes it.

A contract makes the Polars schema, the row checks (``Table.conform``), the data dictionary and the manifest entry. Rows
that break it are handed back with a code; nothing is dropped uncounted and nothing is cast silently.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from quality.batch import Batch, Breach
from quality.row_rules import RowRule

if TYPE_CHECKING:
    from quality.past_days import Usual
    from quality.verdicts import Verdict

LINEAGE = {
    "_receipt": "Receipt of the delivery the row came from (landing).",
    "_row": "1-based row or record number in the delivered file.",
    "_nth": "Place among the delivery's rows of this key, in the order of the file: 1 where there is one.",
    "_delivered": "Delivery day (Asia/Bangkok) of that receipt.",
    "_number": "Place of that receipt among those of the delivery day that came the same way: the greater came later.",
}
"""Lineage columns, which every table that comes from a delivery carries last. A table of customers has ``_nth`` in
place of ``_row``: whoever has a copy of the register or of a file would know by the row whose pseudonym it is. Nor does
``_number`` tell there of receipts that bring other keys: files named by account come in the order of accounts."""

_LINEAGE_TYPES: dict[str, pl.DataType] = {
    "_receipt": pl.String(),
    "_row": pl.Int64(),
    "_nth": pl.Int32(),
    "_delivered": pl.Date(),
    "_number": pl.Int32(),
}


@dataclass(frozen=True)
class Column:
    """One column: type, unit, meaning, and what a value may be.

    ``minimum`` and ``maximum`` are inclusive and in the column's unit. ``allowed`` lists the codes a string may take.
    """

    name: str
    dtype: pl.DataType
    description: str
    unit: str | None = None
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    place: bool = False
    """Whether it says where the row is of: a row that has no other number tells nothing."""
    was: tuple[str, ...] = ()
    """Names that the column had in earlier versions of its table."""


def nth(rows: pl.DataFrame, key: Sequence[str]) -> pl.Expr:
    """Place of each row among those of its key in one delivery, by ``_row``; the same for all of one record."""
    # Most files tell each key once, and ranks cost more than reading. Two keys of one hash only make it look.
    if rows.select(pl.struct(key).hash().n_unique()).item() == rows.height:
        return pl.lit(1, pl.Int32)
    return pl.col("_row").rank("dense").over(key).cast(pl.Int32)


ERAS: Final = 40
"""Years ahead that no clock is wrong by: 2567 with two digits, 67, is 2067, not 2024."""
OTHER_ERA: Final = ": a Buddhist year read as one CE?"
"""What is asked of them."""

Rule = Callable[["Table", pl.DataFrame], "list[Verdict]"]
"""A rule of our own: verdicts of a table on some of its rows, or on their metrics."""


@dataclass(frozen=True)
class Table:
    """One lake table, with all that is said of it.

    ``key`` columns are never null and unique. ``day`` names the Date column that picks the day file. Rows
    without ``lineage`` are of no delivery: Muang makes them, and makes a day of them anew.
    ``max_age`` is how old the newest ``day`` may be before the gate says the table is stale (data time, not run time).
    ``published`` tables go into snapshots. ``smart`` is the Smart the table serves. ``of_customers``: its rows are of
    single customers or its checks count them, so its verdicts are published in bands only (``quality.disclosure``).

    What the gate asks beyond the columns (``quality.gate``): ``row_rules`` (``quality.row_rules``) of each row; its
    suite (``quality.suites``); ``metrics`` makes of the rows the small frame that suite and ``rules`` judge where the
    rows are too many; ``across`` rules look at the whole table.
    ``derived_from`` names the table that it is made of, ``also_from`` others that it heeds, ``by_day`` whether day by
    day. ``size``: ``readings`` is a row
    a reading, judged in Polars; a table of ``few`` rows (some hundred a month) is one file a year in the lake;
    ``operating`` tables are Muang's own ledger, which nothing judges. ``bucketed``: a big city's days of it are cut by
    the first bits of ``meter_id``, its first key.
    """

    name: str
    title: str
    description: str
    smart: str
    key: tuple[str, ...]
    day: str
    columns: tuple[Column, ...]
    title_th: str = ""
    """The title in Thai; every published table has one."""
    sort: tuple[str, ...] = ()
    version: int = 1
    """Of the contract: raised whenever a column is added, dropped, renamed or re-typed. Files carry it."""
    lineage: bool = True
    max_age: timedelta | None = None
    ahead: timedelta = timedelta(days=1)
    """How far after its delivery day a row may lie; one day, for the interval that ends at midnight. More is no datum
    but a slipped year, another era or a wrong clock."""
    published: bool = True
    folder: Literal["lake", "memory"] = "lake"
    """Where its files are in the store. ``memory`` is what landing cannot make again and only the privacy gate reads;
    it stays when a lake is thrown away and made anew."""
    of_customers: bool = False
    licence: str | None = None
    mode: Literal["merge", "replace"] = "merge"
    """``merge``: a delivery adds and corrects keys. ``replace``: a delivery is the whole of its reference day, or of
    what it tells of ``whole`` on that day (a feed, a source)."""
    whole: tuple[str, ...] = ()
    size: Literal["rows", "few", "readings", "operating"] = "rows"
    bucketed: bool = False
    row_rules: tuple[RowRule, ...] = ()
    usual: "Mapping[str, Usual]" = field(default_factory=dict, hash=False)
    usual_by: tuple[str, ...] = ()
    """A day's rows and means of the columns ``usual`` of each series ``usual_by`` are held against like days."""
    momentary: bool = False
    """Whether its rows hold at a moment: tonight's are the newest there are, and weekends are like other days."""
    steady: tuple[str, ...] = ()
    """Columns whose values stay what they were told to be; ``quality.republished`` tells those that became others."""
    listed_by: tuple[str, ...] = ()
    """A delivery is a whole list; of what kinds it does not lose half from one to the next."""
    metrics: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    rules: tuple[Rule, ...] = ()
    across: tuple[Rule, ...] = ()
    derived_from: str | None = None
    also_from: tuple[str, ...] = ()
    by_day: bool = False
    by_column: dict[str, Column] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.by_column.update({column.name: column for column in self.columns})
        for name in (*self.key, self.day, *self.sort, *self.prefer):
            if name not in self.schema:
                raise ValueError(f"table {self.name}: {name} is not one of its columns")
        for rule in self.row_rules:
            named = {*rule.odd.meta.root_names(), *rule.shows}
            if unknown := named - set(self.schema):
                raise ValueError(f"table {self.name}: {rule.check} judges {sorted(unknown)}, which it has not")

    @property
    def prefer(self) -> tuple[str, ...]:
        """Columns that decide between two deliveries of one key: the row with the greater tuple (null is least) stays.
        Rows without lineage have none."""
        if not self.lineage:
            return ()
        return ("_delivered", "_number", "_receipt", "_nth" if self.of_customers else "_row")

    @cached_property
    def schema(self) -> pl.Schema:
        """Column types in file order, lineage last; asked for tens of thousands of times a night."""
        return self._schema_without("_row" if self.of_customers else "_nth")

    @cached_property
    def delivered(self) -> pl.Schema:
        """The same of rows on their way to the lake, which all know their ``_row``: what is refused is told by it."""
        return self._schema_without("_nth")

    def _schema_without(self, left_out: str) -> pl.Schema:
        types: dict[str, pl.DataType] = {column.name: column.dtype for column in self.columns}
        lineage = {name: dtype for name, dtype in _LINEAGE_TYPES.items() if name != left_out}
        return pl.Schema(types | (lineage if self.lineage else {}))

    def stored(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of one delivery (``delivered``) as the lake keeps them (``schema``)."""
        if not (self.lineage and self.of_customers):
            return rows
        own = [name for name in self.key if name not in LINEAGE]
        return rows.with_columns(_nth=nth(rows, own)).select(self.schema.names())

    @cached_property
    def figures(self) -> tuple[str, ...]:
        """Columns of what is told of a row in numbers: in no key, and not where it is."""
        told = (each for each in self.columns if each.dtype.is_numeric() and not each.place)
        return tuple(each.name for each in told if each.name not in self.key)

    @property
    def order(self) -> tuple[str, ...]:
        """Sort order of a file: ``sort`` where given, else the key."""
        return self.sort or self.key

    def empty(self) -> pl.DataFrame:
        """No rows, right schema."""
        return self._empty.clone()

    @cached_property
    def _empty(self) -> pl.DataFrame:
        """Made once: a night asks for it thousands of times, and each takes a millisecond."""
        return self.schema.to_frame()

    def conform(self, frame: pl.DataFrame) -> Batch:
        """The rows of ``frame`` that keep the contract, and problems for those that do not.

        Columns the frame lacks are added as nulls when nullable; columns the contract lacks, and floats for a column
        of another type, raise ``ValueError`` (that is the reader's mistake, not the data's). The good rows are in
        contract order, as delivered or as stored like ``frame``; without ``_row`` a problem has no row. A row is
        refused once, for its first breach. Of a row that has another number, a number out of its bounds only becomes
        null (``cell-range``), unless the table is of customers, whose values have rules of their own (``quality.vee``).
        """
        schema = self.schema if "_nth" in frame.columns else self.delivered
        extra = set(frame.columns) - set(schema)
        missing = [name for name in schema if name not in frame.columns]
        hard = [name for name in missing if not self._nullable(name)]
        if extra or hard:
            raise ValueError(f"table {self.name}: unexpected columns {sorted(extra)}, missing columns {hard}")
        cut = [name for name, dtype in frame.schema.items() if dtype.is_float() and not schema[name].is_float()]
        if cut:
            raise ValueError(f"table {self.name}: fractions would be cut to fit the columns {cut}")
        if frame.schema != schema:
            frame = frame.with_columns(pl.lit(None, dtype=schema[name]).alias(name) for name in missing)
            frame = frame.select(pl.col(name).cast(dtype, strict=True) for name, dtype in schema.items())
        numbered = frame if "_row" in schema else frame.with_columns(_row=pl.lit(None, pl.Int64))
        judged = Batch(numbered)
        if numbered.select(self._suspect).item():
            judged = judged.refuse(*self._breaches).blank(self._cells, "cell-range")
        return judged if "_row" in schema else Batch(judged.rows.drop("_row"), judged.problems)

    def arrived(self, batch: Batch, delivered: date) -> Batch:
        """Without the rows of days that had not come on the delivery day, each a problem ``value-future``."""
        day, last = pl.col(self.day), delivered + self.ahead
        era = pl.when(day.dt.year() > delivered.year + ERAS).then(pl.lit(OTHER_ERA))
        text = pl.format(f"{{}} is after the delivery day {delivered}{{}}", day, era.otherwise(pl.lit("")))
        return batch.refuse((day > last, "value-future", text))

    def to_come(self, rows: pl.DataFrame, delivered: date) -> date | None:
        """The first day of ``rows`` that had not come on the delivery day."""
        days = rows[self.day]
        return days.filter(days > delivered + self.ahead).min()  # type: ignore[return-value]

    def meaning(self, column: Column) -> str:
        """What a column tells, and what a null in it does: where its description has nothing else, that the source does
        not tell it."""
        told = column.name not in self.by_column or not self._nullable(column.name)
        if told or "null" in column.description.lower():
            return column.description
        return f"{column.description.removesuffix('.')}; null where the source does not tell it."

    def _nullable(self, name: str) -> bool:
        column = self.by_column.get(name)
        return name not in self.key and (column is None or column.nullable)

    @cached_property
    def _cells(self) -> dict[str, tuple[pl.Expr, pl.Expr]]:
        """Of each number that may be null alone: where it is out of bounds, and what is said of it."""
        if self.of_customers:
            return {}
        numbers = [column for column in self.columns if column.dtype.is_numeric() and self._nullable(column.name)]
        return {column.name: found for column in numbers if (found := _outside(column)) is not None}

    @cached_property
    def _suspect(self) -> pl.Expr:
        """Whether any value is as none should be. Of what it is, ``_breaches`` ask: whether a row has another number
        costs more than all else."""
        return pl.any_horizontal(where for where, *_ in self._wrong(pl.lit(value=True))).any()

    @cached_property
    def _breaches(self) -> list[Breach]:
        cells = self._cells
        told = [each for each in self.columns if each.dtype.is_numeric() and not each.place]
        numbers = [each.name for each in told if self._nullable(each.name)]
        good = [
            pl.col(name).is_not_null() & (~cells[name][0] if name in cells else pl.lit(value=True)) for name in numbers
        ]
        return self._wrong(~pl.any_horizontal(*good) if good else pl.lit(value=True))

    def _wrong(self, alone: pl.Expr) -> list[Breach]:
        """What no value may be, of numbers that may be null of those that stand ``alone``."""
        breaches: list[Breach] = []
        for column in self.columns:
            value = pl.col(column.name)
            if not self._nullable(column.name):
                breaches.append((value.is_null(), "value-null", f"{column.name} is missing"))
            among = alone if column.name in self._cells else pl.lit(value=True)
            if column.dtype.is_float():
                broken = (value.is_nan() | value.is_infinite()) & among
                breaches.append((broken, "value-not-number", column.name))
            if (found := _outside(column)) is not None:
                breaches.append((found[0] & among, "value-range", found[1]))
            if column.allowed is not None:
                text = pl.format(f"{column.name} '{{}}' is not an allowed code", value.fill_null(""))
                breaches.append((value.is_not_null() & ~value.is_in(list(column.allowed)), "value-unknown", text))
        return breaches


def _outside(column: Column) -> tuple[pl.Expr, pl.Expr] | None:
    """Where a column's value is out of its bounds (of a float also: no number), and what is said of it."""
    value, low, high = pl.col(column.name), column.minimum, column.maximum
    wrong = [value.is_nan() | value.is_infinite()] if column.dtype.is_float() else []
    wrong += [] if low is None else [value < low]
    wrong += [] if high is None else [value > high]
    if not wrong:
        return None
    allowed = f"{'' if low is None else low}..{'' if high is None else high}"
    text = pl.format(f"{column.name} {{}} is outside {allowed}", value.cast(pl.String))
    return pl.any_horizontal(*wrong).fill_null(value=False), text
