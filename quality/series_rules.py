"""Rules about rows of a table that stand beside each other: frozen instruments, twins, totals, jumps from one period to
the next. Each maker gives a rule (``quality.contracts.Rule``) that warns with the keys and the figures."""

from typing import TYPE_CHECKING

import polars as pl

from quality import verdicts
from quality.row_rules import averaged

if TYPE_CHECKING:
    from quality.contracts import Rule, Table
    from quality.verdicts import Verdict

FROZEN_HOURS = 12
"""Equal values of a station's day before it is called frozen: air is never so still through day and night."""

CONSTANT_LEAST = 10
"""Rows from which one name for all of them is no chance."""

TWINS_SHARE = 0.1
"""Part of the rows that may be twins: two platforms of a stop may carry one name and one point."""

JUMP = 3.0
"""Ratio to the periods before that is told: more than a tripling or a fall to a third."""

JUMP_LEAST = 30
"""Greatest of two values from which their ratio says something: below, chance alone doubles counts."""

HUNDRED = 30.0, 300.0
"""Ratios of two small shares or rates that are no chance either: one of them is a fraction, the other per cent."""

YEARS = 5
"""Years before a period that it is held against."""

REPEATED, REPEATED_LEAST = 3, 1_000
"""Figures, and how large, that are to the last digit what they were a year before and no chance: of institutions there
may be as many again, of persons or tonnes there never are."""

YEAR_APART = 300
"""Days between two periods that are years; what is dated by its delivery comes again sooner."""

UNEQUAL = 0.02
"""Part of a total by which its parts may miss it: persons whose sex or origin is not told."""

CONTRADICTS = 0.5
"""Part of a total by which its parts miss it from which one of them misleads: no row that is lacking does that."""


def frozen(*by: str, columns: tuple[str, ...]) -> "Rule":
    """Check ``frozen``: a column of a series (``by``) that has one value in all hours of a day, ``FROZEN_HOURS`` at
    least."""

    def rule(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
        place = [*by, table.day]
        days = frame.group_by(place).agg(
            *(pl.col(name).drop_nulls().n_unique().alias(f"_{name}") for name in columns),
            *(pl.col(name).count().alias(f"{name}_hours") for name in columns),
            *(pl.col(name).drop_nulls().first() for name in columns),
        )
        found = []
        for name in columns:
            still = days.filter((pl.col(f"_{name}") == 1) & (pl.col(f"{name}_hours") >= FROZEN_HOURS)).sort(place)
            bound = f"{name} does not keep one value through a day"
            shows = (name, f"{name}_hours")
            found.append(verdicts.odd_rows(table, f"frozen:{name}", days.height, still, shows, bound, key=place))
        return found

    return rule


def twins(*alike: str) -> "Rule":
    """Check ``twins``: rows that are ``alike`` under other keys are more than ``TWINS_SHARE`` of all."""

    def rule(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
        told = frame.drop_nulls(alike)
        same = told.filter(pl.struct(alike).is_duplicated()).sort(*alike, *table.key)
        rows = same if same.height > TWINS_SHARE * frame.height else same.clear()
        bound = f"rows with other keys differ in {', '.join(alike)}"
        return [verdicts.odd_rows(table, "twins", frame.height, rows, alike, bound)]

    return rule


def constant(column: str) -> "Rule":
    """Check ``constant:<column>``: ``CONSTANT_LEAST`` rows or more that all have one value, where each has its own."""

    def rule(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
        told = frame.drop_nulls(column)
        same = told.height >= CONSTANT_LEAST and told[column].n_unique() == 1
        rows = told.sort(table.key) if same else told.clear()
        bound = f"{column} is not one for all rows"
        return [verdicts.odd_rows(table, f"constant:{column}", told.height, rows, (column,), bound)]

    return rule


def parts_of_total(
    column: str, total: str, value: str, unequal: float = UNEQUAL, only: pl.Expr | None = None
) -> "Rule":
    """Check ``total:<column>``: where all parts of a ``column`` and its ``total`` are told, they add up within the part
    ``unequal`` of it, and half a unit, in rows that ``only`` names."""

    def rule(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
        place = [name for name in table.key if name != column]
        number = pl.col(value).cast(pl.Float64)
        sums = (
            (frame if only is None else frame.filter(only))
            .group_by(place)
            .agg(
                stated=number.filter(pl.col(column) == total).sum(),
                parts=number.filter(pl.col(column) != total).sum(),
                known=number.filter(pl.col(column) != total).count(),
                totals=number.filter(pl.col(column) == total).count(),
                least=number.filter(pl.col(column) != total).min(),
                greatest=number.filter(pl.col(column) != total).max(),
            )
            .filter((pl.col("known") > 1) & (pl.col("totals") == 1))
        )
        missed = (pl.col("stated") - pl.col("parts")).abs()
        odd = sums.filter(missed > unequal * pl.col("stated") + 0.5).sort(place)
        odd = odd.with_columns(ratio=(pl.col("stated") / pl.col("parts")).round(6))
        bound = f"parts by {column} add up to their total within {unequal:.0%}; ask the publisher which is right"
        shows = ("stated", "parts", "ratio")
        # What lies among its parts may be their mean, as of what a visitor spends.
        among = pl.col("stated").is_between("least", "greatest")
        misleads = (missed > CONTRADICTS * pl.col("stated")) & ~among
        return [
            verdicts.odd_rows(table, f"total:{column}", sums.height, odd, shows, bound, key=place, misleads=misleads)
        ]

    return rule


def jumps(
    value: str, *series: str, most: float = JUMP, withhold: float = verdicts.SLIP, only: pl.Expr | None = None
) -> "Rule":
    """Check ``jump:<value>``: the newest period of a series lies beyond all of the ``YEARS`` before it by the factor
    ``most``, of rows that ``only`` names; a month is held against the same month of those years. A series that swings
    by itself raises nothing, nor do small counts; of shares and rates, small ones that are out by a ``HUNDRED`` do.
    Beyond the factor ``withhold`` it misleads."""

    def rule(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
        monthly = pl.col("months") < 12 if "months" in series else pl.lit(value=False)
        calendar = pl.when(monthly).then(pl.col(table.day).dt.month())
        told = frame.drop_nulls(value) if only is None else frame.drop_nulls(value).filter(only)
        told = told.with_columns(pl.col(value).cast(pl.Float64), _calendar=calendar)
        newest = told.filter(pl.col(table.day) == pl.col(table.day).max().over(list(series)))
        earlier = told.select(*series, "_calendar", _day=table.day, _before=value)
        pairs = (
            newest.join(earlier, on=[*series, "_calendar"], nulls_equal=True)
            .filter(pl.col("_day").is_between(pl.col(table.day).dt.offset_by(f"-{YEARS}y"), table.day, closed="left"))
            .group_by(table.key)
            .agg(pl.col(value).first(), least=pl.col("_before").min(), greatest=pl.col("_before").max())
            .with_columns(
                ratio=pl.when(pl.col(value) > pl.col("greatest"))
                .then(pl.col(value) / pl.col("greatest"))
                .otherwise(pl.col(value) / pl.col("least"))
                .round(3)
            )
        )
        up, down = pl.col(value) > most * pl.col("greatest"), pl.col(value) * most < pl.col("least")
        large = pl.max_horizontal(value, "least") >= JUMP_LEAST
        if {"item", "unit"} <= set(series):
            by_hundred = pl.max_horizontal("ratio", 1 / pl.col("ratio")).is_between(
                pl.lit(HUNDRED[0]), pl.lit(HUNDRED[1])
            )
            large |= averaged("item", "unit") & by_hundred
        odd = pairs.filter((up | down) & large).sort(table.key)
        bound = f"{value} within a factor of {most:g} of what {YEARS} years before it told"
        shows = (value, "least", "greatest", "ratio")
        misleads = (pl.col("ratio") > withhold) | (pl.col("ratio") * withhold < 1)
        found = verdicts.odd_rows(table, f"jump:{value}", pairs.height, odd, shows, bound, misleads=misleads)
        return verdicts.of_group("history", [found])

    return rule


def whole_periods(*of: str) -> "Rule":
    """Checks ``lacking-members`` and ``lacking-periods`` of what a data set (``of``) tells period by period: the newest
    one has all members (areas, items, classes) of the two before, and none is left out between two at the data set's
    own step, which most of them keep. A unit is no member: that another follows is told as that."""

    def rule(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
        day, member = pl.col(table.day), [name for name in table.key if name not in (table.day, "unit")]
        step, usual = pl.col("_step"), pl.col("_usual")
        periods = (
            frame.select(*of, table.day)
            .unique()
            .sort(*of, table.day)
            .with_columns(_step=(day.dt.year().cast(pl.Int32) * 12 + day.dt.month()).diff().over(of))
            .with_columns(
                _usual=step.min().over(of),
                _periods=pl.len().over(of),
                _age=pl.len().over(of) - pl.int_range(pl.len()).over(of) - 1,
            )
        )
        steady = ((step == usual).sum().over(of) * 2 >= step.count().over(of)) & (usual > 0) & (pl.col("_periods") > 2)
        gaps = periods.filter(steady & (step >= 2 * usual)).with_columns(
            day.dt.offset_by(pl.format("-{}mo", step - usual)), lacking=step // usual - 1
        )
        told = frame.select(*member, table.day).unique().join(periods, on=[*of, table.day], nulls_equal=True)
        newest = told.filter(pl.col("_age") == 0)
        last = periods.filter(pl.col("_age") == 0).select(*of, table.day)
        before = (
            told.filter(pl.col("_age").is_between(1, 2))
            .group_by(member)
            .agg(_told=pl.len(), _periods=pl.col("_periods").first(), before=day.max())
        )
        lost = (
            before.filter(pl.col("_told") == pl.min_horizontal(2, pl.col("_periods") - 1))
            .join(newest, on=member, how="anti", nulls_equal=True)
            .join(last, on=of, nulls_equal=True)
            .sort(member)
        )
        whole = "the newest period with all that the periods before had; ask the publisher whether the rest is to come"
        no_gap = "a period at each step of the data set; see whether the publisher lost one or another file has it"
        return [
            verdicts.odd_rows(
                table, "lacking-members", before.height, lost, ("before",), whole, key=(*member, table.day)
            ),
            verdicts.odd_rows(
                table, "lacking-periods", periods.height, gaps, ("lacking",), no_gap, key=(*of, table.day)
            ),
        ]

    return rule


def period_repeated(value: str, *of: str, only: pl.Expr | None = None) -> "Rule":
    """Check ``period-repeated``: the newest year of what a data set (``of``) tells, of rows that ``only`` names, has
    the figures of the year before and no other: last year's file under this year's name."""

    def rule(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
        day, figure = pl.col(table.day), pl.col(value).cast(pl.Float64)
        told = frame.drop_nulls(value) if only is None else frame.drop_nulls(value).filter(only)
        ranked = told.with_columns(_at=day.rank("dense", descending=True).over(of))
        newest, before = (ranked.filter(pl.col("_at") == at).drop("_at") for at in (1, 2))
        series = [name for name in table.key if name != table.day]
        pairs = newest.join(
            before.select(*series, _day=table.day, _before=value), on=series, how="left", nulls_equal=True
        )
        periods = pairs.group_by(*of, table.day).agg(
            figures=pl.len(),
            before=pl.col("_day").max(),
            _alike=(pl.col(value) == pl.col("_before")).fill_null(value=False).all(),
            _large=(figure >= REPEATED_LEAST).sum(),
        )
        apart = (day - pl.col("before")).dt.total_days() >= YEAR_APART
        odd = periods.filter("_alike", pl.col("_large") >= REPEATED, apart).sort(*of)
        bound = "a year has figures of its own; ask the publisher whether last year's were sent again"
        shows = ("figures", "before")
        return [verdicts.odd_rows(table, "period-repeated", periods.height, odd, shows, bound, key=(*of, table.day))]

    return rule


def less_rain_in_longer(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
    """Check ``less-rain-in-longer`` of ``rainfall``: of 24 hours and of the last of them, the first is not less."""
    long, short = frame.filter(pl.col("hours") > 1), frame.filter(pl.col("hours") == 1)
    both = long.join(short, on=["station_id", "end"], suffix="_short")
    odd = both.filter(pl.col("rain_mm") < pl.col("rain_mm_short")).sort("station_id", "end")
    shows = ("rain_mm", "rain_mm_short")
    bound = "the rain of 24 hours is at least that of the last of them"
    return [verdicts.odd_rows(table, "less-rain-in-longer", both.height, odd, shows, bound)]


DIFFER_C = 8.0
"""Difference of temperatures at one hour that is told: cells span some hundred metres of height, a degree each."""


def models_differ(table: "Table", frame: pl.DataFrame) -> "list[Verdict]":
    """Check ``models-differ`` of ``weather``: a station's temperature (°C) and the model's of that hour."""
    model = frame.filter(product="model").select("start", model_c="temperature_c")
    both = frame.filter(product="observed").join(model, on="start").drop_nulls(["temperature_c", "model_c"])
    odd = both.filter((pl.col("temperature_c") - pl.col("model_c")).abs() > DIFFER_C).sort(table.key)
    bound = f"a station and the model's cell within {DIFFER_C:g} °C of each other; see which of them has another unit"
    return [verdicts.odd_rows(table, "models-differ", both.height, odd, ("temperature_c", "model_c"), bound)]
