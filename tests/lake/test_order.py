"""Rows are put in order as sorting would, also where most of them lie in order."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.lake import order
from assets.lake.order import in_order

KEY = ("meter_id", "start")

Meters = Sequence[tuple[str | None, Sequence[int]]]


def rows(meters: Meters) -> pl.DataFrame:
    told = [(meter, start) for meter, starts in meters for start in starts]
    return pl.DataFrame(told, {"meter_id": pl.String, "start": pl.Int64}, orient="row").with_row_index("was")


@given(st.lists(st.tuples(st.sampled_from(["a", "ab", "b", "c", None]), st.lists(st.integers(0, 5), max_size=4))))
def test_rows_are_in_the_order_that_sorting_gives(meters: Meters) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "FEW", 1)
        found, sorted_ = in_order(rows(meters), KEY), rows(meters).sort(KEY, nulls_last=False)
    assert found.select(KEY).equals(sorted_.select(KEY))
    assert sorted(found["was"]) == sorted(sorted_["was"])


def test_meters_that_came_anew_are_put_between_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sorting, which costs ten times as much."""
    monkeypatch.setattr(order, "FEW", 1)
    frame = rows([(f"{meter:03d}", range(96)) for meter in (*range(0, 50, 2), *range(1, 50, 2))])
    wanted = frame.sort(KEY)
    monkeypatch.setattr(pl.DataFrame, "sort", None)
    assert in_order(frame, KEY).equals(wanted)
