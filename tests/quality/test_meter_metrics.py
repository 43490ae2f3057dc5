"""Figures of series, told by where their rows lie, are those that grouping tells."""

import random

import polars as pl
import pytest

from quality import meter_metrics
from quality.meter_metrics import figures_of

KEY = ("meter", "channel")
FIGURES = {
    "count": pl.len(),
    "last": pl.col("value").last(),
    "span": pl.col("value").max() - pl.col("value").min(),
    "gap": pl.col("value").get(pl.col("at").arg_min()),
}


def series(chance, order):
    rows = [
        {"meter": meter, "channel": channel, "at": at, "value": chance.choice([None, *range(9)]), "other": "x"}
        for meter in "ABCDEFG"
        for channel in (None, "B1", "E1")[: chance.randint(1, 3)]
        for at in range(chance.randint(1, 12))
    ]
    if order == "by time":
        rows.sort(key=lambda row: row["at"])
    elif order == "none":
        chance.shuffle(rows)
    frame = pl.DataFrame(rows, schema_overrides={"channel": pl.String, "value": pl.Int64})
    # A file's readings come in chunks.
    return pl.concat([frame[start : start + 7] for start in range(0, frame.height, 7)], rechunk=False)


@pytest.mark.parametrize("order", ["by series", "by time", "none"])
@pytest.mark.parametrize("at_once", [1, 5, 20, 10**6])
def test_figures_are_those_of_a_plain_grouping(monkeypatch, order, at_once):
    monkeypatch.setattr(meter_metrics, "AT_ONCE", at_once)
    for seed in range(20):
        rows = series(random.Random(seed), order)
        expected = rows.group_by(KEY).agg(**FIGURES).sort(KEY)
        assert figures_of(rows, KEY, **FIGURES).sort(KEY).equals(expected), seed


def test_no_rows_have_no_figures():
    none = figures_of(
        pl.DataFrame(schema={"meter": pl.String, "channel": pl.String, "value": pl.Int64}), KEY, n=pl.len()
    )
    assert (none.height, none.columns) == (0, ["meter", "channel", "n"])
