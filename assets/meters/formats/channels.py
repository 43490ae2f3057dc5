"""What becomes of the parts of a declared layout: registers are differenced, parts of one channel added."""

from dataclasses import replace

import polars as pl

from assets.meters import doubles
from assets.meters.formats.canonical import canonical
from assets.meters.formats.layouts import Layout
from assets.meters.formats.stamps import local
from quality.batch import Batch
from quality.readings import LABEL, QUALITIES

_KEY = ["point", "channel", "quantity"]
_WORST = pl.Enum(QUALITIES)
"""Qualities in their order, so that the greatest is the worst."""


_JUMP = 100
"""Times its register's usual greatest step that no load makes."""
_FALLS = 2
"""Times that a register falls, if also in one step of ten, from which it is none."""
_FEW = 24
"""Reads below which one that began at none may be a load that rises for so long, as a morning's does."""
_NO_REGISTER = "one step in ten or more falls: values of intervals, or a register that begins anew (`resets`)"
_DIRECT_KW = 100
"""kW beyond a meter without transformers: three phases of 100 A at 230 V are 69."""


def differenced(batch: Batch, layout: Layout, zone: str) -> Batch:
    """Readings whose registers became energy: of a read and the next, told by the later one's row.

    Readings are unique by channel and start; channels are parts. A register that falls (rollover, reset, exchange of
    the meter) or jumps is refused, unless it begins anew with each local day; so is what lies between the reads of two
    devices (their number is ``reason_raw``, and goes no further). Energy over more than one interval is not
    distributed but said. The last read gives no reading.
    """
    registers = [name for name, measure in layout.parts.items() if measure.kind == "register"]
    if not registers:
        return batch
    readings = batch.rows.with_columns(pl.col("channel").cast(pl.String))
    of_register = pl.col("channel").is_in(registers)
    reads = readings.filter(of_register & pl.col("value").is_not_null()).sort(*_KEY, "start")
    names = ("start", "value", "row", "quality", "quality_raw", "reason_raw")
    later = {name: pl.col(name).shift(-1).over(_KEY) for name in names}
    steps = reads.with_columns(later[name].alias(f"_{name}") for name in later).drop_nulls("_start")
    apart = pl.col("_start") - pl.col("start") != pl.duration(minutes="minutes")
    gaps = steps.filter(apart)
    falls = "the register falls: a rollover, a reset or another meter"
    resets = {name: measure.resets for name, measure in layout.parts.items() if measure.resets}
    of_day = [name for name, each in resets.items() if each == "daily"]
    turned = [(pl.col("channel") == name) & _turned(each, zone) for name, each in resets.items()]
    fell = pl.col("_value") < pl.col("value")
    steps = steps.with_columns(_turned=pl.any_horizontal(pl.lit(value=False), *turned))
    # After a night a register may show the old day's count for hours; a shorter one's is gone, also if less came since.
    anew = pl.col("_turned") & (fell | pl.col("channel").is_in(of_day).not_())
    falling = (~anew & fell).sum().over(_KEY)
    kept = anew & (pl.col("value") > 0)
    none = (falling >= _FALLS) & (falling * 10 >= pl.len().over(_KEY))
    steps = steps.with_columns(
        _none=none | (none.mean().over("channel", "quantity") > 1 / 2),  # all of a file come from one system
        _runs_on=kept.sum().over(_KEY) > (kept & fell).sum().over(_KEY) * 2,
        value=pl.when(~anew).then("value").otherwise(0),
    )
    adjacent = replace(batch, rows=steps.filter(~apart).with_columns(row="_row")).refuse(
        (pl.col("reason_raw").ne_missing(pl.col("_reason_raw")), "register-jump", "the register is another device's"),
        (pl.col("_none"), "register-fall", _NO_REGISTER),
        (pl.col("_runs_on"), "reading-kind", "the register mostly runs on where it begins anew by `resets`"),
        (pl.col("_value") < pl.col("value"), "register-fall", falls),
    )
    adjacent = adjacent.refuse((_jumps(), "register-jump", "the register jumps by more than its meter can carry"))
    if gaps.height:
        text = f"{gaps.height} time(s) reads are not an interval apart and their energy is left out; the first is named"
        adjacent = adjacent.note("register-gap", text, gaps["_row"].min())  # type: ignore[arg-type]
    begun = adjacent.rows.filter(~pl.col("channel").is_in(list(resets))).group_by(_KEY)
    few = begun.agg(pl.len(), pl.min("row"), level=pl.min("value"), rise=(pl.col("_value") - pl.col("value")).sum())
    few = few.filter(pl.col("len") > 1, pl.col("len") < _FEW, pl.col("level") < pl.col("rise"))
    if few.height:
        text = f"{few.height} register(s) began at none and have less than {_FEW} reads; the first is named"
        adjacent = adjacent.note("value-rising", text, few["row"].min())  # type: ignore[arg-type]
    quality = pl.max_horizontal(pl.col(name).cast(_WORST).to_physical() for name in ("quality", "_quality"))
    energy = adjacent.with_columns(
        value=pl.col("_value") - pl.col("value"),
        quality=quality.replace_strict(dict(enumerate(QUALITIES)), return_dtype=pl.String),
        quality_raw=pl.coalesce("_quality_raw", "quality_raw"),
        reason_raw=None,
    )
    others = canonical(Batch(readings.filter(~of_register)))
    return replace(energy, rows=pl.concat([others.rows, canonical(energy).rows]))


def _turned(resets: str | int, zone: str) -> pl.Expr:
    """Whether a register has begun anew between a read and the next.

    What is shown at midnight itself is the old day's, or the new one's, which no load then is. On the hour only the old
    one's count tells what was used: where the new one's is shown, no energy of the interval before is told.
    """
    every = "1d" if resets == "daily" else f"{resets}m"
    edges = [pl.duration(microseconds=1), *([pl.duration()] if resets == "daily" else [])]
    reads = [[(local(pl.col(name), zone) - edge).dt.truncate(every) for name in ("start", "_start")] for edge in edges]
    return pl.any_horizontal(before != after for before, after in reads)


def _jumps() -> pl.Expr:
    """Whether a step is greater than any of its register's and than a meter without transformers can carry."""
    step = pl.col("_value") - pl.col("value")
    rising = pl.when(step > 0).then(step.cast(pl.Float64))
    usual = rising.quantile(0.95, "lower").over(_KEY)
    power = step.cast(pl.Float64) * 60 / pl.col("minutes")
    return (rising.count().over(_KEY) > 1) & (rising > usual * _JUMP) & (power > _DIRECT_KW)


def joined(batch: Batch, layout: Layout) -> Batch:
    """Readings under their channels' names; parts with one quantity and channel added, the worst quality for the sum.

    Of rates, blanks are another rate's time and the rate with the load is ``rate_raw``; elsewhere a sum with a blank
    has no value.
    """
    parts = layout.parts
    names = {part: measure.channel or part for part, measure in parts.items()}
    rates = {part: measure.rate for part, measure in parts.items() if measure.rate is not None}
    targets = {(names[part], measure.quantity) for part, measure in parts.items()}
    if not rates and all(part == name for part, name in names.items()):
        return batch
    # Registers of all rates run on, so that a blank is a read that failed.
    part, of_rate = pl.col("channel"), [part for part in rates if parts[part].kind != "register"]
    if len(targets) < len(parts):
        batch = doubles.once(batch, of_rate)
    batch = batch.with_columns(
        rate_raw=pl.coalesce(part.replace_strict(rates, default=None, return_dtype=LABEL), "rate_raw"),
        channel=part.replace_strict(names, return_dtype=LABEL),
        _rated=part.is_in(of_rate),
    )
    if len(targets) == len(parts):
        return canonical(batch)
    key = [*_KEY, "start"]
    shared = pl.struct(key).is_duplicated()
    together = batch.rows.filter(shared)
    if not together.height:
        return canonical(batch)
    valued = pl.col("value").is_not_null()
    counts = valued | ~pl.col("_rated")
    loaded = valued & (pl.col("value") != 0)
    of_load = pl.when(loaded.any()).then(loaded).otherwise(valued)
    flags = pl.col("quality_raw").cast(pl.String).filter(counts | ~valued.any())
    sums = together.group_by(key, maintain_order=True).agg(
        pl.col("minutes", "row").first(),
        value=pl.when((counts & ~valued).any() | ~valued.any()).then(None).otherwise(pl.col("value").sum()),
        quality=pl.col("quality").filter(counts | ~valued.any()).cast(_WORST).max().cast(pl.String),
        quality_raw=flags.drop_nulls().unique(maintain_order=True).str.join("+"),
        reason_raw=pl.col("reason_raw").first(),
        rate_raw=pl.when(of_load.sum() == 1).then(pl.col("rate_raw").filter(of_load).first()),
        version=pl.col("version").max(),
    )
    sums = sums.with_columns(quality_raw=pl.when(pl.col("quality_raw") != "").then("quality_raw"))
    alone = canonical(batch.filter(~shared))
    return replace(alone, rows=pl.concat([alone.rows, canonical(Batch(sums)).rows]))
