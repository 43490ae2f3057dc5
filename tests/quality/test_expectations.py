"""Every expectation of every suite, both ways: a good frame passes it, the planted defect does not."""

import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest

from assets.cities.registry import load_registry
from quality import gate
from quality.contracts import Column, Table
from quality.expectations import asked, judge
from quality.meter_metrics import by_meter_day
from quality.suites import suite as suites
from quality.suites.suite import Suite, SuiteError, read, suite
from quality.tables import METER_INTERVALS, TABLES
from quality.verdicts import contract, keys, structure

ROWS = 20
DAY = date(2026, 3, 9)
NOON = datetime(2026, 3, 9, 12, tzinfo=timezone.utc)  # noqa: UP017
PLAUSIBLE = {
    "pm25_ug_m3": 10.0,
    "pm10_ug_m3": 20.0,
    "temperature_c": 28.0,
    "relative_humidity_pct": 70.0,
    "above_bank_m": -1.5,
    "storage_pct": 55.0,
    "situation": 3,
    "brightness_k": 330.0,
    "baht_month": Decimal(20_000),
}
"""Of columns whose least possible values contradict each other or are not plausible."""
# A key of lineage is not made up.
SMALL = [table for table in TABLES.values() if table.size != "readings" and "_receipt" not in table.key]


def value(table: Table, column: Column, row: int) -> object:
    """A value that keeps the contract; key columns differ from row to row where they can."""
    if column.allowed is not None:
        return column.allowed[0]
    if column.name in PLAUSIBLE:
        return PLAUSIBLE[column.name]
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


def defect(frame: pl.DataFrame, kind: str, arguments: dict) -> pl.DataFrame:
    column = arguments.get("column")
    match kind:
        case "ExpectColumnValuesToNotBeNull":
            return frame.with_columns(pl.lit(None, frame.schema[column]).alias(column))
        case "ExpectColumnValuesToBeBetween":
            low, high = arguments.get("min_value"), arguments.get("max_value")
            return frame.with_columns(pl.lit(outside(frame, column, low, high), frame.schema[column]).alias(column))
        case "ExpectColumnMeanToBeBetween":
            return frame.with_columns(pl.lit(arguments["max_value"] + 10.0).alias(column))
        case "ExpectColumnPairValuesAToBeGreaterThanB":
            return frame.with_columns(pl.lit(1.0).alias(arguments["column_A"]))
    raise AssertionError(f"no planted defect for {kind}")


def outside(frame: pl.DataFrame, column: str, low: float | None, high: float | None) -> float | Decimal:
    step = 0.5 if frame.schema[column].is_float() else 1
    beyond = high + step if low is None else low - step
    return Decimal(beyond) if frame.schema[column].is_decimal() else beyond


@pytest.mark.parametrize("table", SMALL, ids=lambda table: table.name)
def test_a_good_frame_passes_the_gate(table):
    verdicts = gate.judge(replace(table, rules=(), max_age=None), good(table), DAY, DAY)
    assert {v.verdict for v in verdicts} == {"pass"}, [v for v in verdicts if v.verdict != "pass"]
    assert len({v.check for v in verdicts}) == len(verdicts), "checks are told apart by name"


CASES = [(table, rule) for table in SMALL for rule in suite(table).rules]


@pytest.mark.parametrize(("table", "rule"), CASES, ids=lambda x: getattr(x, "name", None) or x.id)
def test_every_expectation_catches_its_defect(table, rule):
    made = asked(table, good(table))
    broken = made | {rule.frame: defect(made[rule.frame], rule.expect, rule.arguments)}
    [verdict] = [verdict for verdict in judge(table, broken) if verdict.check == rule.id]
    assert verdict.verdict == rule.severity
    assert verdict.failed >= 1
    assert len(verdict.sample) <= 20
    assert rule.en in verdict.message


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_null_code_and_bound_of_a_contract_is_asked_for_at_the_gate(table):
    frame = intervals(1).head(ROWS) if table is METER_INTERVALS else good(table)
    defects = []
    for column in table.columns:
        if not column.nullable or column.name in table.key:
            defects.append((column.name, None))
        if column.allowed is not None:
            defects.append((column.name, "not a code"))
        if column.minimum is not None:
            defects.append((column.name, outside(frame, column.name, column.minimum, None)))
        if column.maximum is not None:
            defects.append((column.name, outside(frame, column.name, None, column.maximum)))
    for name, broken in defects:
        verdict = contract(table, with_first(frame, name, broken))
        assert (verdict.verdict, verdict.failed) == ("block", 1), (name, broken, verdict)
    assert keys(table, pl.concat([frame, frame.head(1)])).verdict == "block"
    assert structure(table, frame.select(reversed(frame.columns))).verdict == "block"


def test_a_breach_is_told_with_its_value():
    table = TABLES["air_quality"]
    frame = with_first(with_first(good(table), "relative_humidity_pct", 106.0), "product", "weekly")
    (verdict,) = [v for v in gate.judge(table, frame, DAY, DAY) if v.verdict == "block"]
    assert (verdict.check, verdict.message) == ("contract", "1 value-unknown")
    assert verdict.sample == [{"code": "value-unknown", "message": "product 'weekly' is not an allowed code"}]


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
        "meter_id": "m0", "local_date": DAY, "slots": 96, "negative": 0, "missing": 0, "expected": 96,
        "missing_share": 0.0, "zero_share": 0.0, "peak_ratio": 1.0,
    }  # fmt: skip
    assert set(outcomes(frame).values()) == {"pass"}


SOME = pl.col("meter_id").is_in(["m0", "m1", "m2", "m3"])
ZERO = pl.lit(0, pl.Decimal(18, 6))


@pytest.mark.parametrize(
    ("broken", "check", "outcome"),
    [
        (lambda f: f.filter(~((pl.col("meter_id") == "m0") & (pl.col("start") == NOON))), "grid-complete", "block"),
        (lambda f: f.with_columns(quality=pl.lit("perfect")), "contract", "block"),
        (lambda f: f.with_columns(value_delivered=pl.when(~SOME).then("value_delivered")), "missing-share", "warn"),
        (lambda f: f.with_columns(value_delivered=pl.when(~SOME).then("value_delivered")), "completeness", "warn"),
        (
            lambda f: f.with_columns(value_delivered=pl.when(SOME).then(ZERO).otherwise("value_delivered")),
            "zero-share",
            "warn",
        ),
        (
            lambda f: f.with_columns(
                value_delivered=pl.when(pl.col("start") == NOON).then(-1).otherwise(2).cast(f.schema["value_delivered"])
            ),
            "negative",
            "warn",
        ),
        (
            lambda f: f.with_columns(
                value_delivered=pl.when(pl.col("start") == NOON).then(9).otherwise(0).cast(f.schema["value_delivered"])
            ),
            "peak-ratio",
            "warn",
        ),
    ],
)  # fmt: skip
def test_meter_statistics_catch_their_defect(broken, check, outcome):
    found = [v for v in gate.judge(METER_INTERVALS, broken(intervals()), DAY, DAY) if check in v.check]
    assert [v.verdict for v in found] == [outcome]
    assert "m0" not in str(found)


def test_of_wrong_columns_nothing_else_is_asked():
    for table in (METER_INTERVALS, TABLES["weather"]):
        frame = table.empty().drop(table.day)
        assert [v.check for v in gate.judge(table, frame, DAY, DAY)] == ["structure", "freshness"]


def test_an_empty_table_has_nothing_to_judge():
    assert [judge(table, asked(table, table.empty())) for table in TABLES.values()] == [[]] * len(TABLES)


RULE = {
    "id": "rain-day", "frame": "day", "expect": "ExpectColumnValuesToBeBetween",
    "arguments": {"column": "rain_mm", "max_value": 100}, "cities": {"phuket": {"max_value": 300}},
    "en": "Less than 100 mm of rain in a day.", "th": "ฝนน้อยกว่า 100 มม. ต่อวัน", "source": "A bound of the test.",
}  # fmt: skip
FRAME = {
    "key": ["station_id", "local_date"],
    "sql": "SELECT station_id, local_date, sum(precipitation_mm) AS rain_mm FROM self GROUP BY station_id, local_date",
}
OWN = {"frames": {"day": FRAME}, "rules": [RULE]}


@pytest.mark.parametrize(
    ("rule", "frame", "told"),
    [
        ({"arguments": {"column": "rain"}, "cities": {}}, {}, r"rain-day judges \['rain'\], which day has not"),
        ({"frame": "week"}, {}, "there is no frame week"),
        ({"cities": {"phuket": {"max_valu": 3}}}, {}, "phuket sets max_valu"),
        ({"th": ""}, {}, "rules.0.th"),
        ({"severity": "critical"}, {}, "rules.0.severity"),
        ({}, {"sql": "SELECT sum(rain) AS rain_mm FROM self"}, "frames: "),
        ({}, {"key": ["station"]}, "no column"),
    ],
)
def test_a_suite_that_cannot_be_asked_is_told_with_its_file_and_the_place(rule, frame, told):
    with pytest.raises(SuiteError, match=f"weather.yaml: .*{told}"):
        read(TABLES["weather"], {"frames": {"day": FRAME | frame}, "rules": [RULE | rule]})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"expect": "ExpectNothing"}, "no attribute 'ExpectNothing'"), ({"arguments": {"max_value": 100}}, "column")],
)
def test_a_rule_that_the_library_does_not_take_is_told_with_its_file(monkeypatch, wrong, told):
    table = TABLES["weather"]
    own = read(table, {"frames": {"day": FRAME}, "rules": [RULE | wrong]})
    monkeypatch.setattr("quality.expectations.suite", lambda _: own)
    with pytest.raises(SuiteError, match=rf"(?s)weather.yaml: rain-day: .*{told}"):
        judge(table, asked(table, good(table)))


def test_a_rule_without_python_tells_the_key_and_the_value_and_knows_the_city(monkeypatch):
    table = TABLES["weather"]
    own = read(table, OWN)
    monkeypatch.setattr("quality.expectations.suite", lambda _: own)
    rows = good(table).with_columns(
        station_id=pl.lit("grid"),
        local_date=pl.when(pl.int_range(pl.len()) < 5).then(pl.lit(DAY)).otherwise(pl.lit(DAY + timedelta(days=1))),
        precipitation_mm=pl.when(pl.int_range(pl.len()) < 5).then(40.0).otherwise(1.0),
    )
    frames = asked(table, rows)
    [verdict] = judge(table, frames)
    assert (verdict.verdict, verdict.checked, verdict.failed) == ("warn", 2, 1)
    assert verdict.sample == [{"station_id": "grid", "local_date": DAY, "rain_mm": 200.0}]
    assert "max_value 100" in verdict.message
    assert [verdict.verdict for verdict in judge(table, frames, "phuket")] == ["pass"]
    assert [verdict.verdict for verdict in judge(table, frames, "korat")] == ["warn"]


def test_every_suite_is_of_a_table_and_its_cities_are_registered():
    files = sorted(path.stem for path in suites.FOLDER.glob("*.yaml"))
    assert files == sorted(table.name for table in TABLES.values() if suite(table) != Suite())
    own = {city for table in TABLES.values() for rule in suite(table).rules for city in rule.cities}
    assert own <= set(load_registry())


def test_declared_statistics_never_block_but_for_the_complete_grid():
    critical = [rule.id for table in TABLES.values() for rule in suite(table).rules if rule.severity == "block"]
    assert critical == ["grid-complete"]


def test_the_library_is_not_imported_before_it_is_needed():
    code = "import sys, quality.expectations; sys.exit('great_expectations' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
