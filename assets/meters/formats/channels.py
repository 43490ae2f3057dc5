"""What becomes of the parts of a declared layout: registers are differenced, parts of one channel added."""

import polars as pl

from assets.meters.formats.canonical import canonical
from assets.meters.formats.layouts import Layout
from quality.problems import gather, problem
from quality.readings import QUALITIES

_KEY = ["point", "channel", "quantity"]
_WORST = pl.Enum(QUALITIES)
"""Qualities in their order, so that the greatest is the worst."""


def differenced(readings: pl.DataFrame, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Readings whose registers became energy: of a read and the next, told by the later one's row.

    ``readings`` are unique by channel and start; channels are parts. A register that falls (rollover, reset,
    exchange of the meter) is refused, energy over more than one interval is not distributed but said. The last read
    gives no reading.
    """
    registers = [name for name, measure in layout.parts.items() if measure.kind == "register"]
    if not registers:
        return readings, gather([])
    readings = readings.with_columns(pl.col("channel").cast(pl.String))
    of_register = pl.col("channel").is_in(registers)
    reads = readings.filter(of_register & pl.col("value").is_not_null()).sort(*_KEY, "start")
    later = {name: pl.col(name).shift(-1).over(_KEY) for name in ("start", "value", "row", "quality", "quality_raw")}
    steps = reads.with_columns(later[name].alias(f"_{name}") for name in later).drop_nulls("_start")
    apart = pl.col("_start") - pl.col("start") != pl.duration(minutes="minutes")
    gaps, whole = steps.filter(apart), steps.filter(~apart)
    down = pl.col("_value") < pl.col("value")
    reset = whole.filter(down)
    quality = pl.max_horizontal(pl.col(name).cast(_WORST).to_physical() for name in ("quality", "_quality"))
    energy = whole.filter(~down).with_columns(
        value=pl.col("_value") - pl.col("value"),
        row="_row",
        quality=quality.replace_strict(dict(enumerate(QUALITIES)), return_dtype=pl.String),
        quality_raw=pl.coalesce("_quality_raw", "quality_raw"),
    )
    problems = [
        reset.select(
            row="_row",
            code=pl.lit("register-fall"),
            message=pl.lit("the register falls: a rollover, a reset or another meter"),
        )
    ]
    if gaps.height:
        text = f"{gaps.height} time(s) reads are not an interval apart and their energy is left out; the first is named"
        problems.append(problem("register-gap", text, gaps["_row"].min()))  # type: ignore[arg-type]
    return pl.concat([canonical(readings.filter(~of_register)), canonical(energy)]), gather(problems)


def joined(readings: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Readings under their channels' names; parts with one quantity and channel added, the worst quality for the sum.

    Of rates, blanks are another rate's time and the rate with the load is ``rate_raw``; elsewhere a sum with a blank
    has no value.
    """
    parts = layout.parts
    names = {part: measure.channel or part for part, measure in parts.items()}
    rates = {part: measure.rate for part, measure in parts.items() if measure.rate is not None}
    targets = {(names[part], measure.quantity) for part, measure in parts.items()}
    if not rates and all(part == name for part, name in names.items()):
        return readings
    # Registers of all rates run on, so that a blank is a read that failed.
    part, of_rate = pl.col("channel").cast(pl.String), [part for part in rates if parts[part].kind != "register"]
    readings = readings.with_columns(
        rate_raw=pl.coalesce(
            part.replace_strict(rates, default=None, return_dtype=pl.String), pl.col("rate_raw").cast(pl.String)
        ),
        channel=part.replace_strict(names, return_dtype=pl.String),
        _rated=part.is_in(of_rate),
    )
    if len(targets) == len(parts):
        return canonical(readings)
    key = [*_KEY, "start"]
    shared = pl.struct(key).is_duplicated()
    alone, together = readings.filter(~shared), readings.filter(shared)
    if not together.height:
        return canonical(readings)
    valued = pl.col("value").is_not_null()
    counts = valued | ~pl.col("_rated")
    loaded = valued & (pl.col("value") != 0)
    of_load = pl.when(loaded.any()).then(loaded).otherwise(valued)
    told = pl.col("quality_raw").cast(pl.String).filter(counts | ~valued.any())
    sums = together.group_by(key, maintain_order=True).agg(
        pl.col("minutes", "row").first(),
        value=pl.when((counts & ~valued).any() | ~valued.any()).then(None).otherwise(pl.col("value").sum()),
        quality=pl.col("quality").filter(counts | ~valued.any()).cast(_WORST).max().cast(pl.String),
        quality_raw=told.drop_nulls().unique(maintain_order=True).str.join("+"),
        reason_raw=pl.col("reason_raw").first(),
        rate_raw=pl.when(of_load.sum() == 1).then(pl.col("rate_raw").filter(of_load).first()),
        version=pl.col("version").max(),
    )
    sums = sums.with_columns(quality_raw=pl.when(pl.col("quality_raw") != "").then("quality_raw"))
    return pl.concat([canonical(alone), canonical(sums)])
