"""A batch: the rows of a delivery together with what is wrong with them.

A reader starts with everything it was sent and goes from top to bottom: ``refuse`` takes rows out, ``warn`` and
``note`` say something of rows that stay. So rows and problems never travel apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import polars as pl

from quality.problems import CODES, PROBLEM_SCHEMA, gather, problem

Breach = tuple[pl.Expr, str, str | pl.Expr]
"""Where a row breaks a rule (null counts as not), the problem's code, its message."""


def together(batches: Sequence["Batch"]) -> "Batch":
    """One batch of several, at least one, of the same columns."""
    # Without those that have none: beside them Polars writes out what is the same in all rows of the others.
    rows = [each.rows for each in batches if each.rows.height] or [batches[0].rows]
    return Batch(pl.concat(rows), tuple(found for each in batches for found in each.problems))


@dataclass(frozen=True)
class Batch:
    """``rows`` carry their 1-based number in the delivery as ``_row`` (a reading as ``row``), ``problems`` are frames
    of ``PROBLEM_SCHEMA``. A row is refused once, for its first breach."""

    rows: pl.DataFrame
    problems: tuple[pl.DataFrame, ...] = ()

    @classmethod
    def rejected(cls, code: str, message: str, row: int | None = None) -> Self:
        """No rows, and the problem for which the whole delivery is refused."""
        return cls(pl.DataFrame(), (problem(code, message, row),))

    @property
    def is_rejected(self) -> bool:
        """Whether the delivery cannot be used at all: a problem of severity ``reject`` is among them."""
        return any(CODES[code][0] == "reject" for found in self.problems for code in found["code"].unique())

    @property
    def found(self) -> pl.DataFrame:
        """All problems, file-wide ones first, then by row."""
        return gather(self.problems)

    def refuse(self, *breaches: Breach) -> Self:
        """Without the rows that break a rule; each is a problem, for the first of ``breaches`` that it is in.

        Rules look at all rows, messages at those that are refused: of a good row nothing is said.
        """
        if not self.rows.height:
            return self
        rules = [where.fill_null(value=False) for where, *_ in breaches]
        any_broken = self.rows.select(pl.any_horizontal(rules)).to_series()
        if not any_broken.any():
            return self
        names = [f"_breach{at}" for at in range(len(breaches))]
        broken = self.rows.select(rule.alias(name) for name, rule in zip(names, rules, strict=True))
        code, message = pl.lit(None, pl.String), pl.lit(None, pl.String)
        for name, (_, breach_code, text) in zip(reversed(names), reversed(breaches), strict=True):
            code = pl.when(name).then(pl.lit(breach_code)).otherwise(code)
            message = pl.when(name).then(pl.lit(text) if isinstance(text, str) else text).otherwise(message)
        refused = pl.concat([self.rows, broken], how="horizontal").filter(any_broken)
        bad = refused.select(row=self._number, code=code, message=message)
        return replace(self, rows=self.rows.filter(~any_broken)).also(bad.cast(PROBLEM_SCHEMA))

    def blank(self, cells: Mapping[str, tuple[pl.Expr, pl.Expr]], code: str) -> Self:
        """Null in each column of ``cells`` where its rule holds, each a problem with its message; the rows stay with
        their other values."""
        if not cells or not self.rows.height:
            return self
        wrong = self.rows.select(where.any().alias(name) for name, (where, _) in cells.items()).row(0, named=True)
        told = self
        for name in (name for name in cells if wrong[name]):
            where, message = cells[name]
            told = told.warn(where, code, message).with_columns(pl.when(~where).then(pl.col(name)).alias(name))
        return told

    def warn(self, where: pl.Expr, code: str, message: str | pl.Expr) -> Self:
        """A problem for every row where ``where`` holds; the rows stay."""
        found = self.rows.filter(where.fill_null(value=False))
        if not found.height:
            return self
        text = pl.lit(message) if isinstance(message, str) else message
        return self.also(found.select(row=self._number, code=pl.lit(code), message=text).cast(PROBLEM_SCHEMA))

    def note(self, code: str, message: str, row: int | None = None) -> Self:
        """A problem of the whole delivery, or of one row that stays."""
        return self.also(problem(code, message, row))

    def also(self, *found: pl.DataFrame) -> Self:
        """With problems that were found elsewhere."""
        return replace(self, problems=(*self.problems, *(frame for frame in found if frame.height)))

    def missing(self, columns: Iterable[str]) -> Self:
        """One ``value-missing`` problem a column that has nulls, with their number."""
        counts = {name: self.rows[name].null_count() for name in columns}
        height = self.rows.height
        return self.also(
            *(
                problem("value-missing", f"{name}: {count} of {height} rows have no value")
                for name, count in counts.items()
                if count
            )
        )

    def distinct(self, key: Sequence[str]) -> Self:
        """One row a key: identical rows are merged (``duplicate-rows``); where a key comes with different contents, all
        its rows are refused (``key-duplicate``), because nothing tells which is right."""
        content = [name for name in self.rows.columns if name != "_row"]
        merged = self.rows.sort("_row").unique(content, keep="first", maintain_order=True)
        repeats = self.rows.height - merged.height
        clash = pl.struct(*key).is_duplicated()
        single = replace(self, rows=merged).refuse(
            (clash, "key-duplicate", f"another row has the same {', '.join(key)}")
        )
        return single.note("duplicate-rows", f"{repeats} identical rows were merged") if repeats else single

    def select(self, *columns: Any, **named: Any) -> Self:
        """``rows.select``, keeping their numbers."""
        return replace(self, rows=self.rows.select(self._number, *columns, **named))

    def with_columns(self, *columns: Any, **named: Any) -> Self:
        """``rows.with_columns``."""
        return replace(self, rows=self.rows.with_columns(*columns, **named))

    def filter(self, *where: Any) -> Self:
        """Rows that are somebody else's are left out without a word; what is refused goes by ``refuse``."""
        return replace(self, rows=self.rows.filter(*where))

    @property
    def _number(self) -> str:
        return "_row" if "_row" in self.rows.columns else "row"
