"""Every expectation of every suite, both ways: a good frame passes it, the planted defect does not."""

import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest

from quality import gate
from quality.contracts import Column, Table, between, present
from quality.expectations import judge, rules
from quality.meter_metrics import by_meter_day
from quality.tables import METER_INTERVALS, TABLES

ROWS = 20
DAY = date(2026, 3, 9)
NOON = datetime(2026, 3, 9, 12, tzinfo=timezone.utc)  # noqa: UP017
PAIRS = {"pm25_ug_m3": 10.0, "pm10_ug_m3": 20.0, "temperature_c": 28.0}
SMALL = [table for table in TABLES.values() if table.size != "readings"]


def value(table: Table, column: Column, row: int) -> object:
    """A value that keeps the contract; key columns differ from row to row where they can."""
    if column.allowed is not None:
        return column.allowed[0]
    if column.name in PAIRS:
        return PAIRS[column.name]
    low = column.minimum if column.minimum is not None else 0
    match column.dtype:
        case pl.String():
            return f"x{row}" if column.name in table.key else "x"
        case pl.Datetime():
            return NOON + timedelta(minutes=15 * row)
        case pl.Date():
            return DAY + timedelta(days=row if column.name in table.key else 0)
        case pl.Boolean():
            return False
        case pl.List():
            return []
        case pl.Decimal():
            return Decimal(int(low) + 1)
        case pl.Float64():
            return 1.0 if column.name == "actual_share" else low + 0.5
        case _:
            return int(low) + 1


def good(table: Table) -> pl.DataFrame:
    columns = {c.name: [value(table, c, row) for row in range(ROWS)] for c in table.columns}
    frame = pl.DataFrame(columns, schema={c.name: c.dtype for c in table.columns})
    lineage = {name: pl.lit(None, dtype) for name, dtype in table.schema.items() if name not in columns}
    return frame.with_columns(**lineage)


def with_first(frame: pl.DataFrame, name: str, value: object) -> pl.DataFrame:
    return frame.with_columns(
        pl.Series(name, [value, *frame[name].to_list()[1:]], dtype=frame.schema[name], strict=False)
    )


def defect(table: Table, frame: pl.DataFrame, kind: str, arguments: dict) -> pl.DataFrame:
    column = arguments.get("column")
    whole = frame.height if "mostly" in arguments else 1
    match kind:
        case "ExpectTableColumnsToMatchOrderedList":
            return frame.select(reversed(frame.columns))
        case "ExpectColumnValuesToNotBeNull" if whole > 1:
            return frame.with_columns(pl.lit(None, frame.schema[column]).alias(column))
        case "ExpectColumnValuesToNotBeNull":
            return with_first(frame, column, None)
        case "ExpectColumnValuesToBeInSet":
            return with_first(frame, column, "not a code")
        case "ExpectColumnValuesToBeBetween":
            low, high = arguments.get("min_value"), arguments.get("max_value")
            outside = low - 0.5 if low is not None and frame.schema[column].is_float() else None
            outside = outside if outside is not None else (low - 1 if low is not None else high + 1)
            if whole > 1:
                return frame.with_columns(pl.lit(outside, frame.schema[column]).alias(column))
            return with_first(frame, column, Decimal(outside) if frame.schema[column].is_decimal() else outside)
        case "ExpectColumnMeanToBeBetween":
            return frame.with_columns(pl.lit(arguments["max_value"] + 10.0).alias(column))
        case "ExpectColumnPairValuesAToBeGreaterThanB":
            return frame.with_columns(pl.lit(1.0).alias(arguments["column_A"]))
        case "ExpectColumnValuesToBeUnique" | "ExpectCompoundColumnsToBeUnique":
            return pl.concat([frame, frame.head(1)])
    raise AssertionError(f"no planted defect for {kind}")


@pytest.mark.parametrize("table", SMALL, ids=lambda table: table.name)
def test_a_good_frame_passes_every_expectation(table):
    verdicts = judge(table, good(table))
    assert len(verdicts) == len(rules(table))
    assert {v.verdict for v in verdicts} == {"pass"}, [v for v in verdicts if v.verdict != "pass"]
    assert len({v.check for v in verdicts}) == len(verdicts), "checks are told apart by name"


KINDS = {}
for _table in SMALL:
    for _place, _rule in enumerate(rules(_table)):
        if _rule.severity == "warning" or _rule.kind not in KINDS:
            KINDS[_rule.kind if _rule.severity == "critical" else (_table.name, _rule.check)] = (_table, _place)
CASES = list(KINDS.values())


@pytest.mark.parametrize(("table", "place"), CASES, ids=lambda x: getattr(x, "name", x))
def test_every_expectation_catches_its_defect(table, place):
    rule = rules(table)[place]
    verdict = judge(table, defect(table, good(table), rule.kind, dict(rule.arguments)))[place]
    assert verdict.verdict == ("block" if rule.severity == "critical" else "warn"), verdict
    assert verdict.failed >= 1
    assert len(verdict.sample) <= 20


def test_bounds_and_codes_of_every_column_are_in_the_suite():
    table = TABLES["air_quality"]
    frame = with_first(with_first(good(table), "relative_humidity_pct", 106.0), "product", "weekly")
    failed = {v.check: v for v in judge(table, frame) if v.verdict == "block"}
    assert set(failed) == {"between:relative_humidity_pct", "in_set:product"}
    assert failed["between:relative_humidity_pct"].sample == [{"value": 106.0}]
    assert (
        failed["between:relative_humidity_pct"].message == "1 of 20 rows break it; expected min_value 0, max_value 105"
    )


def intervals(meters: int = 30) -> pl.DataFrame:
    table = METER_INTERVALS
    row = {c.name: value(table, c, 0) for c in table.columns} | {"quantity": "active_import", "minutes": 15}
    day = pl.DataFrame({"start": [NOON + timedelta(minutes=15 * slot) for slot in range(96)]})
    ids = pl.DataFrame({"meter_id": [f"m{at}" for at in range(meters)]})
    frame = pl.DataFrame([row]).drop("start", "meter_id").join(day, how="cross").join(ids, how="cross")
    frame = frame.with_columns(
        _receipt=pl.lit("r"), _nth=1, _delivered=pl.lit(DAY), _number=1, value_delivered=pl.lit(2)
    )
    return frame.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items())


def outcomes(frame: pl.DataFrame) -> dict[str, str]:
    return {v.check: v.verdict for v in gate.judge(METER_INTERVALS, frame, DAY, DAY)}


def test_meter_intervals_are_judged_by_meter_and_day():
    frame = intervals()
    metrics = by_meter_day(frame)
    assert metrics.height == 30
    assert metrics.row(0, named=True) == {
        "meter_id": "m0", "local_date": DAY, "slots": 96, "negative": 0, "expected": 96,
        "missing_share": 0.0, "zero_share": 0.0, "peak_ratio": 1.0,
    }  # fmt: skip
    assert set(outcomes(frame).values()) == {"pass"}


SOME = pl.col("meter_id").is_in(["m0", "m1", "m2", "m3"])
ZERO = pl.lit(0, pl.Decimal(18, 6))


@pytest.mark.parametrize(
    ("broken", "check", "outcome"),
    [
        (lambda f: f.filter(~((pl.col("meter_id") == "m0") & (pl.col("start") == NOON))), "slots:expected", "block"),
        (lambda f: f.with_columns(quality=pl.lit("perfect")), "contract", "block"),
        (lambda f: f.with_columns(value_delivered=pl.when(~SOME).then("value_delivered")), "missing_share", "warn"),
        (lambda f: f.with_columns(value_delivered=pl.when(~SOME).then("value_delivered")), "completeness", "warn"),
        (
            lambda f: f.with_columns(value_delivered=pl.when(SOME).then(ZERO).otherwise("value_delivered")),
            "zero_share",
            "warn",
        ),
        (
            lambda f: f.with_columns(
                value_delivered=pl.when(pl.col("start") == NOON).then(-1).otherwise(2).cast(f.schema["value_final"])
            ),
            "negative",
            "warn",
        ),
        (
            lambda f: f.with_columns(
                value_delivered=pl.when(pl.col("start") == NOON).then(9).otherwise(0).cast(f.schema["value_final"])
            ),
            "peak_ratio",
            "warn",
        ),
    ],
)  # fmt: skip
def test_meter_statistics_catch_their_defect(broken, check, outcome):
    found = [v for v in gate.judge(METER_INTERVALS, broken(intervals()), DAY, DAY) if check in v.check]
    assert [v.verdict for v in found] == [outcome]
    assert "m0" not in str(found)


def test_wrong_structure_of_a_big_table_is_left_to_the_structure_check():
    assert judge(METER_INTERVALS, intervals().drop("unit")) == []


def test_an_empty_table_has_nothing_to_judge():
    assert [judge(table, table.empty()) for table in TABLES.values()] == [[]] * len(TABLES)


def test_a_rule_on_a_column_that_is_not_there_fails_at_import():
    table = TABLES["weather"]
    with pytest.raises(ValueError, match=r"weather: not_be_null:temperatur_c:mostly judges \['temperatur_c'\]"):
        replace(table, expectations=(present("temperatur_c", mostly=0.9),))
    with pytest.raises(ValueError, match="peak_ratoi"):
        replace(METER_INTERVALS, expectations=(between("peak_ratoi", maximum=50),))


def test_a_table_with_expectations_can_be_a_key():
    assert len(dict.fromkeys(TABLES.values())) == len(TABLES)


def test_declared_statistics_never_block_but_for_the_complete_grid():
    critical = [rule.check for table in TABLES.values() for rule in table.expectations if rule.severity == "critical"]
    assert critical == ["pair_values_equal:slots:expected"]


def test_the_library_is_not_imported_before_it_is_needed():
    code = "import sys, quality.expectations; sys.exit('great_expectations' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
