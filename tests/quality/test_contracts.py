"""Contracts against a plain reading of their rules, row by row."""

import math
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, strategies as st

from quality.contracts import Column, Table
from quality.problems import PROBLEM_SCHEMA
from quality.tables import TABLES

T = Table(
    name="t",
    title="T",
    description="A table of the tests.",
    smart="energy",
    key=("id", "day"),
    day="day",
    columns=(
        Column("id", pl.String(), "Key."),
        Column("day", pl.Date(), "Day.", nullable=False),
        Column("kind", pl.String(), "Kind.", nullable=False, allowed=("a", "ข")),
        Column("note", pl.String(), "Note.", allowed=("x",)),
        Column("degrees", pl.Float64(), "Degrees.", minimum=-5, maximum=55),
        Column("count", pl.Int64(), "Count.", nullable=False, minimum=0),
        Column("kwh", pl.Decimal(18, 6), "Energy.", maximum=10),
    ),
)
SCHEMA = T.schema


NUMBERS = ("degrees", "kwh")
"""Those that may be null: one out of its bounds is left out alone where the other is there."""


def out(name: str, value: Any) -> bool:
    return (name == "degrees" and not -5 <= value <= 55) or (name == "kwh" and value > 10)  # NaN is not between


def blanked(row: dict[str, Any]) -> list[str]:
    """Numbers that are out of their bounds in a row that has a good one."""
    there = [name for name in NUMBERS if row[name] is not None]
    wrong = [name for name in there if out(name, row[name])]
    return wrong if len(wrong) < len(there) else []


def expected(row: dict[str, Any]) -> tuple[str, str] | None:
    """Code and column of the first breach in the contract's order, as its documentation says."""
    for column in T.columns:
        value = row[column.name]
        if column.name in blanked(row):
            continue
        if value is None:
            if column.name in T.key or not column.nullable:
                return "value-null", column.name
            continue
        if isinstance(value, float) and not math.isfinite(value):
            return "value-not-number", column.name
        if column.minimum is not None and value < column.minimum:
            return "value-range", column.name
        if column.maximum is not None and value > column.maximum:
            return "value-range", column.name
        if column.allowed is not None and value not in column.allowed:
            return "value-unknown", column.name
    return None


def maybe(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([values[0]] * 3 + values)  # mostly good, so that each breach is met alone too


ROW = st.fixed_dictionaries(
    {
        "id": maybe(["m", "", None]),
        "day": maybe([date(2026, 11, 20), None]),
        "kind": maybe(["a", "ข", "b", "A", "", None]),
        "note": maybe([None, "x", "y"]),
        "degrees": maybe([20.0, -5.0, 55.0, -5.01, 55.01, math.nan, math.inf, -math.inf, None, -0.0]),
        "count": maybe([1, 0, -1, 2**62, None]),
        "kwh": maybe([Decimal("1.5"), Decimal(10), Decimal("10.000001"), Decimal("-7"), None]),
        "_receipt": st.just("r"),
        "_delivered": st.just(date(2026, 11, 21)),
    }
)


def framed(rows: list[dict[str, Any]]) -> pl.DataFrame:
    numbered = [row | {"_row": number} for number, row in enumerate(rows, start=1)]
    return pl.DataFrame(numbered, schema=SCHEMA)


@given(st.lists(ROW, max_size=12))
def test_a_bad_cell_is_left_out_and_every_row_is_kept_or_refused_once_for_its_first_breach(
    rows: list[dict[str, Any]],
) -> None:
    frame = framed(rows)
    batch = T.conform(frame)
    good, problems = batch.rows, batch.found
    breaches = {number: found for number, row in enumerate(rows, start=1) if (found := expected(row))}
    cells = [(n, name) for n, row in enumerate(rows, start=1) if n not in breaches for name in blanked(row)]
    refused = problems.filter(pl.col("code") != "cell-range")
    assert {row: code for row, code, _ in refused.iter_rows()} == {n: code for n, (code, _) in breaches.items()}
    assert sorted((row, message.split()[0]) for row, _, message in problems.filter(code="cell-range").rows()) == cells
    assert good.height + refused.height == len(rows)
    left = [row | dict.fromkeys(blanked(row)) for row in rows]
    assert good.equals(framed(left).filter(~pl.col("_row").is_in(list(breaches))))
    assert all(message.startswith(breaches[row][1]) for row, _, message in refused.iter_rows())
    assert good.schema == SCHEMA
    assert problems.schema == PROBLEM_SCHEMA


GOOD = {
    "id": "m",
    "day": date(2026, 11, 20),
    "kind": "a",
    "note": None,
    "degrees": 20.0,
    "count": 1,
    "kwh": Decimal(1),
    "_receipt": "r",
    "_delivered": date(2026, 11, 21),
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"degrees": 56.5}, "degrees 56.5 is outside -5..55"),
        ({"count": -1}, "count -1 is outside 0.."),
        ({"kind": "c"}, "kind 'c' is not an allowed code"),
        ({"kind": None}, "kind is missing"),
    ],
)
def test_the_message_says_what_was_seen_and_what_is_allowed(change: dict[str, Any], says: str) -> None:
    batch = T.conform(framed([GOOD | change]))
    problems = batch.found
    assert problems["message"].to_list() == [says]


def test_columns_in_any_order_come_out_in_the_contracts() -> None:
    frame = framed([GOOD])
    batch = T.conform(frame.select(reversed(frame.columns)))
    good = batch.rows
    assert good.equals(frame)


def test_a_column_that_may_be_null_may_be_absent() -> None:
    frame = framed([GOOD, GOOD])
    batch = T.conform(frame.drop("note", "degrees", "kwh"))
    good, problems = batch.rows, batch.found
    assert not problems.height
    assert good.schema == SCHEMA
    assert good.select("note", "degrees", "kwh").null_count().row(0) == (2, 2, 2)


@pytest.mark.parametrize("name", ["id", "day", "count"])
def test_a_reader_that_lacks_a_needed_column_is_told_which(name: str) -> None:
    with pytest.raises(ValueError, match=rf"missing columns.*{name}"):
        T.conform(framed([GOOD]).drop(name))


def test_a_reader_that_brings_a_column_of_its_own_is_told_which() -> None:
    with pytest.raises(ValueError, match=r"unexpected columns.*surprise"):
        T.conform(framed([GOOD]).with_columns(surprise=1))


def test_a_type_that_does_not_fit_is_never_cast_silently() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError, match="conversion"):
        T.conform(framed([GOOD]).with_columns(count=pl.lit("many")))


def test_a_fraction_is_never_cut_to_fit_a_count() -> None:
    with pytest.raises(ValueError, match="count"):
        T.conform(framed([GOOD]).with_columns(count=pl.lit(1.7)))


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_frame_keeps_every_contract(name: str) -> None:
    batch = TABLES[name].conform(TABLES[name].empty())
    good, problems = batch.rows, batch.found
    assert good.schema == TABLES[name].schema
    assert not problems.height


@pytest.mark.parametrize("wrong", [{"key": ("nowhere",)}, {"day": "nowhere"}, {"sort": ("nowhere",)}])
def test_a_contract_that_names_a_column_it_lacks_is_no_contract(wrong: dict[str, Any]) -> None:
    told: dict[str, Any] = {"key": ("id",), "day": "day", "columns": T.columns}
    with pytest.raises(ValueError, match="nowhere is not one of its columns"):
        Table(name="t", title="T", description="-", smart="energy", **(told | wrong))


def test_a_dictionary_says_what_a_null_means() -> None:
    """Of what a source tells, that it does not; what Muang makes says why it could not."""
    for table in TABLES.values():
        for column in table.columns:
            told = "null" in column.description.lower() or table.lineage
            assert told or not column.nullable or column.name in table.key, (table.name, column.name)
    air = TABLES["air_quality"]
    assert air.meaning(air.by_column["pm25_ug_m3"]) == "PM2.5; null where the source does not tell it."
    assert air.meaning(air.by_column["station_id"]) == air.by_column["station_id"].description
