"""Rows that verdicts show are kept with key, value, bound and since when, and none of customers."""

import json
from datetime import date, timedelta

import polars as pl

from quality import gate
from quality.tables import TABLES, VALIDATION_RESULTS, VERDICTS
from quality.verdicts import Verdict, odd_rows

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)


def deaths(*accidents: str) -> Verdict:
    table = TABLES["road_accidents"]
    rows = pl.DataFrame({"dataset": "d", "accident_id": accidents, "deaths": 300}, schema_overrides=table.schema)
    return odd_rows(table, "plausible:deaths", 10, rows, ("deaths",), "deaths at most 25")


def test_a_row_is_told_with_key_value_and_bound() -> None:
    [row] = gate.results([deaths("a1")], "phuket", DAY).to_dicts()
    told = {name: json.loads(row[name]) for name in ("key", "value")}
    assert told == {"key": {"dataset": "d", "accident_id": "a1"}, "value": {"deaths": 300}}
    assert (row["suite"], row["rule"], row["day"]) == ("road_accidents", "plausible:deaths", DAY)
    assert row["bound"] == "deaths at most 25"


def test_a_row_that_stands_and_a_new_one_are_told_apart() -> None:
    first, verdicts = gate.results([deaths("a1", "a2")], "phuket", DAY), gate.to_frame([deaths("a1", "a2")], DAY)
    second = gate.results([deaths("a2", "a3")], "phuket", NEXT, first)
    assert {json.loads(key)["accident_id"]: since for key, since in second.select("key", "since").iter_rows()} == {
        "a2": DAY,
        "a3": NEXT,
    }
    assert gate.to_frame([deaths("a2")], NEXT, verdicts)["since"].to_list() == [DAY]
    passed = gate.to_frame([deaths()], NEXT, verdicts)
    assert passed["since"].to_list() == [None]
    assert gate.to_frame([deaths("a2")], NEXT + timedelta(days=1), passed)["since"].to_list() == [
        NEXT + timedelta(days=1)
    ]


def test_of_customers_no_row_is_kept_whatever_a_verdict_shows() -> None:
    shown = Verdict("meter_intervals", "negative", "warn", 1, 1, "", [{"meter_id": "m", "kwh": 1.5}], ("kwh",))
    assert gate.results([shown], "phuket", DAY).height == 0


def test_both_ledgers_keep_their_contracts() -> None:
    for table, frame in (
        (VERDICTS, gate.to_frame([deaths("a1")], DAY)),
        (VALIDATION_RESULTS, gate.results([deaths("a1"), deaths("a1")], "phuket", DAY)),
    ):
        assert table.conform(frame).found.height == 0
        assert frame.select(table.key).is_duplicated().sum() == 0
