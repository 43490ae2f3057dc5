"""A day of a table against days of its own past: the last same-class days that the lake holds.

Working days are held against working days, Saturdays against Saturdays, Sundays against Sundays. What is compared is a
small frame of metrics: rows, and mean of every column the table names, of each series.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from quality.contracts import Table
from quality.verdicts import SLIP, Verdict, odd_rows

DAYS = 4
"""Same-class days that a day is held against; with fewer nothing is said."""

REACH = timedelta(days=35)
"""How far back they are looked for: four weeks of a Sunday, and one that is missing."""

FEWER = 0.5
"""Part of its usual rows below which a series is said to be thin, and the inverse above which it is said to be more."""

OFF = 5.0
"""Ratio to the usual mean that is told, and from ``SLIP`` on misleads: a slip of unit is ten or more, the worst week of
the burning season triples."""


@dataclass(frozen=True)
class Usual:
    """How far a day's mean of a column may be from the usual: by the factor ``most``, where the greater of both is
    ``least`` or more; and by ``step``, in the column's unit."""

    most: float = OFF
    least: float = 0.0
    step: float | None = None

    def odd(self, now: pl.Expr, then: pl.Expr) -> pl.Expr:
        """Where today's mean is too far from the usual one."""
        says = (then > 0) & (pl.max_horizontal(now, then) >= self.least)
        apart = says & ((now > self.most * then) | (now * self.most < then))
        return apart if self.step is None else apart | ((now - then).abs() > self.step)

    @property
    def words(self) -> str:
        """The bound."""
        return f"within a factor of {self.most:g}" + ("" if self.step is None else f" and within {self.step:g}")


ROWS = Usual(1 / FEWER)

DIFFERENT = 8
"""Different figures of a column from which it is no chance that all are, place for place, those of a day before: even
two days of an instrument that tells whole numbers differ in some of them."""


def alike(day: date, days: Collection[date], any_day: bool = False) -> list[date]:
    """The ``DAYS`` newest of ``days`` before ``day`` that are of its class (or ``any_day``), within ``REACH``."""
    past = (each for each in days if day - REACH <= each < day)
    return sorted(each for each in past if any_day or _kind(each) == _kind(day))[-DAYS:]


def against_past(table: Table, rows: pl.DataFrame, past: pl.DataFrame) -> list[Verdict]:
    """Verdicts ``usual-rows`` and ``usual:<column>`` of one day's ``rows``, held against ``past``, rows of the days
    ``alike``: one that passes where nothing is odd, none where ``past`` has fewer than ``DAYS`` days."""
    if past[table.day].n_unique() < DAYS:
        return []
    series, day = list(table.usual_by), rows[table.day].max()
    today, before = (_metrics(table, frame) for frame in (rows, past))
    usual = before.group_by(series).agg(pl.exclude(table.day).median(), days=pl.len()).filter(pl.col("days") == DAYS)
    both = usual.join(today, on=series, how="left", suffix="_today").sort(series)
    found = []
    for name, how in {"rows": ROWS, **table.usual}.items():
        now, then = pl.col(f"{name}_today"), pl.col(name)
        now = now.fill_null(0) if name == "rows" else now
        odd = both.filter(how.odd(now, then)).with_columns(pl.lit(day, pl.Date).alias(table.day))
        shown = odd.select(*series, table.day, today=now, usual=then, ratio=(now / then).round(3))
        check = "usual-rows" if name == "rows" else f"usual:{name}"
        text = f"{name} as on the {DAYS} days before it that are alike, {how.words}; see whether unit or source changed"
        # Rows that are not there mislead nobody: what is made of them says how few they are.
        far = (pl.col("usual") > 0) & ((pl.col("ratio") > SLIP) | (pl.col("ratio") * SLIP < 1))
        slip = far if name != "rows" else pl.lit(value=False)
        shows, key = ("today", "usual", "ratio"), (*series, table.day)
        found.append(odd_rows(table, check, both.height, shown, shows, text, key=key, misleads=slip))
    return found


def repeated(table: Table, rows: pl.DataFrame, past: pl.DataFrame) -> list[Verdict]:
    """Verdict ``day-repeated`` of one day's ``rows``: the figures of a column, ``DIFFERENT`` ones or more, are hour for
    hour those of a day of ``past``: of a series or, where each has a reading a day, of all series together."""
    series, day = list(table.usual_by), table.day
    clock = next(name for name in table.key if isinstance(table.schema[name], pl.Datetime))
    alone = rows.select(pl.struct(series).n_unique()).item() * 2 <= rows.height
    by, place = (series, ["_clock"]) if alone else ([], series)
    told = [
        frame.sort(clock)
        .with_columns(
            pl.col(table.figures).cast(pl.Float64), _clock=pl.col(clock) - pl.col(day).cast(pl.Datetime("us", "UTC"))
        )
        .unique([*series, day, *place], keep="last")
        .unpivot(table.figures, index=[*series, day, "_clock"], variable_name="column", value_name="_value")
        .drop_nulls("_value")
        for frame in (rows, past)
    ]
    today, before = told
    group = [*by, "column"]
    both = today.join(before, on=[*group, *place], suffix="_then").rename({f"{day}_then": "before"})
    alike = both.filter(pl.col("_value") == pl.col("_value_then")).group_by(*group, "before").agg(_alike=pl.len())
    sizes = today.group_by(*group, day).agg(figures=pl.len(), _different=pl.col("_value").n_unique())
    odd = (
        sizes.join(alike, on=group)
        .filter(pl.col("_alike") == pl.col("figures"), pl.col("_different") >= DIFFERENT)
        .sort(*group, "before")
        .unique(group, keep="last", maintain_order=True)
    )
    bound = "a day has figures of its own; ask the source whether those of an earlier day were sent again"
    key = (*group, day)
    return [odd_rows(table, "day-repeated", sizes.height, odd, ("figures", "before"), bound, key=key)]


def _metrics(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    means = (pl.col(name).cast(pl.Float64).mean() for name in table.usual)
    return rows.group_by(*table.usual_by, table.day).agg(pl.len().cast(pl.Float64).alias("rows"), *means)


def _kind(day: date) -> int:
    return max(day.weekday(), 4)
