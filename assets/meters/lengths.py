"""How long the intervals of an export are, by how far its stamps lie apart, against what is declared of them."""

from datetime import date
from typing import Final

import polars as pl

from assets.meters.formats.canonical import Export, problems_of
from assets.meters.sentinels import SERIES
from quality.batch import Batch
from quality.meter_metrics import figures_of

ENOUGH: Final = 8
"""Gaps from which their least is the file's period: so many neighbours are not all missing by chance."""
FEW: Final = 3
"""Gaps that are all alike and longer than declared: a file of four rows is no chance either."""
_RUN: Final = 4
"""Equal gaps in a row that are another period and not readings that failed."""
_LONGEST: Final = 180
"""Minutes: no export has longer intervals within a day, and beyond it gaps are those of outages and of days."""
_READING: Final = [*SERIES, "start", "minutes"]


def lengths(batch: Batch, export: Export, day: date | None) -> Batch:
    """Without readings that are another length apart than is declared, or that overlap.

    Power of another length is another energy, and energy of another length stands in a slot too short for it. Where
    lengths are written beside the readings, single ones may be lacking as they like.
    """
    begun, length = pl.col("start"), pl.col("minutes")
    ends = begun + pl.duration(minutes=length)
    spans = figures_of(
        batch.rows,
        SERIES,
        readings=pl.len(),
        begins=(begun.max() - begun.min()).dt.total_minutes(),
        lasts=(ends.max() - begun.min()).dt.total_minutes(),
        least=length.min(),
        most=length.max(),
        told=length.sum(),
    )
    batch = _apart(batch, spans.filter((pl.col("told") > pl.col("lasts")) | (pl.col("least") != pl.col("most"))))
    holes = _holes(batch.rows, spans.filter(pl.col("begins") >= pl.col("readings") * pl.col("least")))
    holes = holes.filter(~pl.col("channel").is_in(export.assumed.registers)) if export.assumed.registers else holes
    if not holes.height:
        return batch
    holes = holes.with_columns(short=pl.col("gap").is_between(pl.col("minutes") + 1, _LONGEST))
    of_series = holes.group_by(SERIES).agg(
        gaps=pl.col("gap").count(),
        least=pl.col("gap").min(),
        alike=(pl.col("gap").n_unique() <= 2) & pl.col("short").any(),  # a null before the first, and one length
        minutes=pl.col("minutes").first(),
        readings=pl.len(),
    )
    other = of_series.filter(
        (pl.col("least") > pl.col("minutes"))
        & ((pl.col("gaps") >= ENOUGH) | ((pl.col("gaps") >= FEW) & pl.col("alike")))
    )
    if other.height:
        least, minutes = int(other["least"].sort()[0]), other["minutes"][0]
        text = f"stamps are {least} minutes apart, not {minutes}: this is another interval length"
        if other["readings"].sum() == batch.rows.height:
            refused = export.problems["row"].n_unique()
            if refused > batch.rows.height:
                text = f"{refused} rows cannot be read, and of those that can {text}"
            return Batch.rejected("layout-contradicts", text)
        doubted = batch.rows.join(other, on=SERIES, how="semi")
        batch = without(batch, doubted, "interval-length", text)
        holes = holes.join(other, on=SERIES, how="anti")
    if not export.assumed.length:
        return batch
    run = (pl.col("gap") != pl.col("gap").shift()).fill_null(value=True).cum_sum().over(SERIES)
    runs = holes.with_columns(run=run).with_columns(long=(pl.len().over(*SERIES, "run") >= _RUN) & pl.col("short"))
    doubted = runs.filter("long" | pl.col("long").shift(-1).over(SERIES).fill_null(value=False))
    if doubted.height:
        apart, minutes = doubted.filter("long")["gap"].sort()[0], doubted["minutes"][0]
        text = f"in a row, stamps are {apart} minutes apart, not {minutes}: another interval length"
        batch = without(batch, doubted, "interval-length", text)
    single = runs.filter(pl.col("short") & ~pl.col("long"))
    if (
        single["row"].n_unique() > export.problems["row"].n_unique() and export.assumed.power
    ):  # a row refused leaves a gap too
        text = f"{single.height} time(s) stamps lie further apart than the interval; power counts for one interval only"
        return batch.note("interval-gap", f"{text}; the first is named", single["row"].min())  # type: ignore[arg-type]
    return batch


def _apart(batch: Batch, spans: pl.DataFrame) -> Batch:
    """Without readings of these series that begin before another has ended: a sum of others beside them."""
    if not spans.height:
        return batch
    found = batch.rows.lazy().join(spans.lazy(), on=SERIES, how="semi").select(*SERIES, "start", "minutes", "row")
    rows = found.collect()
    # Of a sum and its parts it is the sum that is one too many.
    longer = _overlapping(rows).filter(pl.col("minutes") > pl.col("minutes").min().over(SERIES))
    alike = _overlapping(rows.join(longer, on=_READING, how="anti") if longer.height else rows)
    text = "intervals overlap: a sum beside its parts, or another length"
    return without(batch, pl.concat([longer, alike]), "interval-length", text)


def _overlapping(rows: pl.DataFrame) -> pl.DataFrame:
    """Those of ``rows`` of which half, or more, another of their series tells too: clocks may be some minutes off."""
    ends, half = pl.col("start") + pl.duration(minutes="minutes"), pl.duration(seconds=pl.col("minutes") * 30)
    before, after = ends.cum_max().shift().over(SERIES), pl.col("start").shift(-1).over(SERIES)
    return rows.sort(*SERIES, "start").filter((before - pl.col("start") >= half) | (ends - after >= half))


def _holes(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Readings of these series, in order of time, with ``gap``, the minutes since the one before."""
    found = rows.lazy().join(spans.lazy(), on=SERIES, how="semi").select(*SERIES, "start", "minutes", "row").collect()
    first = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in SERIES)
    # To the nearest minute: clocks may be some seconds off.
    gap = (pl.col("start").diff().dt.total_seconds() + 30) // 60
    return found.sort(*SERIES, "start").with_columns(gap=pl.when(~first).then(gap))


def without(batch: Batch, doubted: pl.DataFrame, code: str, text: str) -> Batch:
    """``batch`` without the ``doubted`` readings, a problem for each row that they come from."""
    if not doubted.height:
        return batch
    rest = batch.rows.join(doubted.select(_READING), on=_READING, how="anti", maintain_order="left")
    return Batch(rest, batch.problems).also(problems_of(doubted.unique("row").sort("row"), code, text))
