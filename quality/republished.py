"""What a source tells again, held against what it told before: figures of published rows that became others, lists that
lost most of a kind.

The lake keeps the newest of two, so that the night after nothing would be seen any more. What was found stands
therefore, night by night, until the figure is another one or somebody has looked at it (``reviewed.yaml``).
"""

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from quality.contracts import Table
from quality.verdicts import SLIP, Verdict, odd_rows

RESTATED = 1.5
"""Ratio to what the same row told before: publishers revise by per cent, a slip of unit or of column by more."""

RESTATED_LEAST = 10
"""Greatest of two values from which their ratio says something."""

FEWER = 0.5
"""Part of what a list had before below which it is told."""

FEWER_LEAST = 5
"""Least entries that a list had before, from which half of them says something."""


def restated(table: Table, before: pl.DataFrame, after: pl.DataFrame, standing: pl.DataFrame) -> list[Verdict]:
    """Verdicts ``restated:<column>`` of the columns ``steady`` and ``fewer-listed`` of a table with ``listed_by``.

    ``before`` and ``after`` are its rows before and after a night's deliveries, ``standing`` the ``validation_results``
    of the night before, and of this one where it is run again.
    """
    old, new = (_listed(table, rows) for rows in (before, after))
    key = [name for name in table.key if name != table.day or not table.listed_by]
    found = [_values(table, name, key, old, new, standing) for name in table.steady]
    return [*found, _fewer(table, old, new, standing)] if table.listed_by else found


def withdrawn(table: Table, rows: pl.DataFrame, pages: pl.DataFrame) -> Verdict:
    """Check ``withdrawn``: what a resource told before and tells no more: periods after its last one, and of that one
    the items of which nothing is left, unless their figures go by another name.

    ``rows`` are the table's, ``pages`` tells of receipts, oldest first, what part of which resource each is of:
    ``_receipt, page``. Older periods that are told no more are history, which a file of the running year does not
    repeat.
    """
    day, size = pl.col(table.day), ["months"] if "months" in table.schema else []
    whose = [name for name in ("dataset", "outcome", "measure", "item", "unit", *size) if name in table.schema]
    named = [name for name in table.key if name not in ("item", "unit")]
    known = rows.join(pages.with_row_index("_at"), on="_receipt")
    newest = pl.col("_at") == pl.col("_at").max().over("page")
    still = known.filter(newest)
    ends = still.group_by("page", *size).agg(still=day.max())
    left = known.filter(~newest).join(ends, on=["page", *size])
    same = ["page", *named, *table.steady]
    lost = left.filter(day == pl.col("still")).join(still, on=["page", *whose], how="anti", nulls_equal=True)
    lost = lost.join(still, on=same, how="anti", nulls_equal=True)
    gone = pl.concat([left.filter(day > pl.col("still")), lost])
    odd = gone.group_by(*whose, table.day).agg(rows=pl.len(), still=pl.col("still").max()).sort(*whose, table.day)
    bound = "what was told is told again, or corrected; ask the publisher why it was taken back"
    checked = known.select(pl.struct(*whose, table.day).n_unique()).item()
    return odd_rows(table, "withdrawn", checked, odd, ("rows", "still"), bound, key=(*whose, table.day))


def _listed(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Of lists the newest, else all."""
    if not table.listed_by:
        return rows
    newest = pl.col(table.day).max()
    return rows.filter(pl.col(table.day) == (newest.over(table.whole) if table.whole else newest))


def _values(
    table: Table, name: str, key: Sequence[str], old: pl.DataFrame, new: pl.DataFrame, standing: pl.DataFrame
) -> Verdict:
    number, then = pl.col(name).cast(pl.Float64), pl.col("before")
    both = new.select(*key, number).join(old.select(*key, before=number), on=key, nulls_equal=True)
    both = both.drop_nulls([name, "before"]).with_columns(ratio=(pl.col(name) / then).round(3))
    other = (pl.col(name) > RESTATED * then) | (RESTATED * pl.col(name) < then)
    # The newest first: they are what indicators are made of, and twenty are shown.
    odd = both.filter(other & (pl.max_horizontal(name, then) >= RESTATED_LEAST)).sort(key)
    odd = odd.sort(table.day, descending=True, maintain_order=True) if table.day in key else odd
    stood = _standing(f"restated:{name}", name, key, table, new.select(*key, number), standing, odd.schema)
    odd = pl.concat([odd, stood.join(odd, on=key, how="anti", nulls_equal=True)])
    bound = (
        f"{name} within a factor of {RESTATED:g} of what the same row told before; see whether the publisher changed "
        "unit, column or place, and accept it in reviewed.yaml if it is true"
    )
    slip = (pl.col("ratio") > SLIP) | (pl.col("ratio") * SLIP < 1)
    shows = (name, "before", "ratio")
    return odd_rows(table, f"restated:{name}", new[name].count(), odd, shows, bound, key=key, misleads=slip)


def _fewer(table: Table, old: pl.DataFrame, new: pl.DataFrame, standing: pl.DataFrame) -> Verdict:
    by = list(table.listed_by)
    counts = old.group_by(by).len("before").join(new.group_by(by).len("rows"), on=by, how="left", nulls_equal=True)
    counts = counts.with_columns(pl.col("rows").fill_null(0).cast(pl.Float64), pl.col("before").cast(pl.Float64))
    counts = counts.with_columns(ratio=(pl.col("rows") / pl.col("before")).round(3)).select(
        *by, "rows", "before", "ratio"
    )
    lost = (pl.col("rows") < FEWER * pl.col("before")) & (pl.col("before") >= FEWER_LEAST)
    odd = counts.filter(lost).sort(by)
    now = new.group_by(by).len("rows").with_columns(pl.col("rows").cast(pl.Float64))
    stood = _standing("fewer-listed", "rows", by, table, now, standing, odd.schema)
    odd = pl.concat([odd, stood.join(odd, on=by, how="anti", nulls_equal=True)])
    bound = f"at least {FEWER:.0%} of the entries that a list had before; ask the publisher whether it came whole"
    return odd_rows(table, "fewer-listed", new.select(by).n_unique(), odd, ("rows", "before", "ratio"), bound, key=by)


def _standing(
    rule: str,
    name: str,
    key: Sequence[str],
    table: Table,
    now: pl.DataFrame,
    standing: pl.DataFrame,
    schema: pl.Schema,
) -> pl.DataFrame:
    """What the night before was told of rows that still have that value."""
    told: list[dict[str, Any]] = [
        json.loads(row["key"]) | json.loads(row["value"])
        for row in standing.filter(suite=table.name, rule=rule).iter_rows(named=True)
    ]
    rows = [{column: row.get(column) for column in schema} for row in told]
    stood = pl.DataFrame(
        rows,
        schema={column: pl.String if dtype == pl.Date else dtype for column, dtype in schema.items()},
        strict=False,
    )
    stood = stood.with_columns(pl.col(column).str.to_date() for column, dtype in schema.items() if dtype == pl.Date)
    # A kind of which nothing is listed has no row.
    found = stood.join(now.rename({name: "_now"}), on=list(key), how="left", nulls_equal=True, maintain_order="left")
    return found.filter(pl.col("_now").fill_null(0) == pl.col(name)).drop("_now")
