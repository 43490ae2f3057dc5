"""Great Expectations suites: one a table, made from its contract, plus statistics worth a second look.

What comes from the contract is critical and blocks; statistics are warnings (severity rule: ``quality.verdicts``).
Great Expectations judges pandas frames and takes about 10 ms an expectation, so small tables go in row by row and
big ones as metrics: one row a meter and day, counted in Polars (``metrics_frame``). It is imported on first use:
the import alone takes seconds.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import polars as pl

from quality.contracts import Table
from quality.meter_grid import DAY_MINUTES
from quality.tables import LOAD_PROFILE_BASIS, METER_INTERVALS, METER_SUPERSEDED, REGISTER_READS
from quality.verdicts import SAMPLE, Verdict, completeness, contract, structure

BIG = frozenset(table.name for table in (METER_INTERVALS, METER_SUPERSEDED, REGISTER_READS, LOAD_PROFILE_BASIS))
"""Tables with a row a reading: their contract is checked in Polars, Great Expectations sees their metrics only."""

Rule = tuple[str, dict[str, Any]]
"""An expectation class of Great Expectations and its arguments."""

STATISTICS: Mapping[str, tuple[Rule, ...]] = {
    # Metrics, one row a meter and day.
    METER_INTERVALS.name: (
        # Ten per cent of meters may be silent or patchy on a day before something is wrong with the delivery.
        ("ExpectColumnValuesToBeBetween", {"column": "missing_share", "max_value": 0.2, "mostly": 0.9}),
        # Empty flats and idle wells read zero all day; a tenth of the city does not.
        ("ExpectColumnValuesToBeBetween", {"column": "zero_share", "max_value": 0.99, "mostly": 0.9}),
        # Import registers only count up: a single negative interval is a reader's or a meter's fault.
        ("ExpectColumnValuesToBeBetween", {"column": "negative", "max_value": 0}),
        ("ExpectColumnValuesToBeBetween", {"column": "peak_ratio", "max_value": 50, "mostly": 0.99}),
    ),
    "load_profile": (("ExpectColumnValuesToBeBetween", {"column": "actual_share", "min_value": 0.75, "mostly": 0.9}),),
    "air_quality": (
        # Station PM2.5 is part of PM10, but two instruments measure them: some hours cross.
        (
            "ExpectColumnPairValuesAToBeGreaterThanB",
            {
                "column_A": "pm10_ug_m3",
                "column_B": "pm25_ug_m3",
                "or_equal": True,
                "ignore_row_if": "either_value_is_missing",
                "mostly": 0.9,
            },
        ),
        ("ExpectColumnValuesToNotBeNull", {"column": "pm25_ug_m3", "mostly": 0.75}),
    ),
    "weather": (
        ("ExpectColumnValuesToNotBeNull", {"column": "temperature_c", "mostly": 0.9}),
        # Thai city means run from a cold northern night to an April afternoon.
        ("ExpectColumnMeanToBeBetween", {"column": "temperature_c", "min_value": 10, "max_value": 40}),
    ),
    "population": (("ExpectColumnValuesToNotBeNull", {"column": "persons", "mostly": 0.9}),),
    "visitors": (("ExpectColumnValuesToNotBeNull", {"column": "value", "mostly": 0.75}),),
    "transit_stops": (("ExpectColumnValuesToNotBeNull", {"column": "name_th", "mostly": 0.9}),),
    "indicators": (("ExpectColumnValuesToNotBeNull", {"column": "value", "mostly": 0.5}),),
}
"""Statistical rules by table; each warns."""


def judge(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Verdicts of the table's suite on ``frame``; an empty frame gives none, it has nothing to judge.

    Of a frame that has not the contract's columns only those are judged (``verdicts.structure`` says more).
    """
    if structure(table, frame).verdict == "block":
        return [] if table.name in BIG else _validated(table.name, rules(table)[:1], frame)
    if not frame.height:
        return []
    if table.name not in BIG:
        return _validated(table.name, rules(table), frame)
    found = [contract(table, frame)]
    if table is METER_INTERVALS:
        found.append(completeness(table, frame))
        found += _validated(table.name, rules(table), metrics_frame(frame))
    return found


def rules(table: Table) -> list[tuple[str, Rule]]:
    """The table's suite as (severity, rule), contract first; for big tables the rules of their metrics only."""
    critical: list[Rule] = []
    if table.name not in BIG:
        required = [c.name for c in table.columns if not c.nullable or c.name in table.key]
        critical = [
            ("ExpectTableColumnsToMatchOrderedList", {"column_list": table.schema.names()}),
            *(("ExpectColumnValuesToNotBeNull", {"column": name}) for name in required),
            *(
                ("ExpectColumnValuesToBeInSet", {"column": c.name, "value_set": list(c.allowed)})
                for c in table.columns
                if c.allowed is not None
            ),
            *(
                ("ExpectColumnValuesToBeBetween", {"column": c.name, "min_value": c.minimum, "max_value": c.maximum})
                for c in table.columns
                if c.minimum is not None or c.maximum is not None
            ),
            _unique(table.key),
        ]
    elif table is METER_INTERVALS:
        critical = [("ExpectColumnPairValuesToBeEqual", {"column_A": "slots", "column_B": "expected"})]
    return [("critical", rule) for rule in critical] + [("warning", rule) for rule in STATISTICS.get(table.name, ())]


def metrics_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """``METER_INTERVALS`` rows as one row a meter and day.

    ``slots`` and ``expected`` (rows there and rows of a complete grid), ``missing_share``, ``zero_share`` (of the
    values there are), ``negative`` (rows), ``peak_ratio`` (greatest value to mean, 0 without a positive mean).
    """
    value = pl.col("value_delivered").cast(pl.Float64)
    channels = frame.group_by("meter_id", "local_date", "channel", "quantity").agg(
        slots=pl.len(),
        expected=(DAY_MINUTES // pl.col("minutes")).max(),
        missing=value.null_count(),
        zero=(value == 0).sum(),
        negative=((value < 0) & pl.col("quantity").str.contains("import|export")).sum(),
        peak_ratio=pl.when(value.mean() > 0).then(value.max() / value.mean()).otherwise(0.0),
    )
    present = pl.col("slots").sum() - pl.col("missing").sum()
    return (
        channels.group_by("meter_id", "local_date")
        .agg(
            pl.col("slots", "negative").sum().cast(pl.Int64),
            pl.col("expected").sum().cast(pl.Int64),
            missing_share=pl.col("missing").sum() / pl.col("slots").sum(),
            zero_share=pl.when(present > 0).then(pl.col("zero").sum() / present).otherwise(0.0),
            peak_ratio=pl.col("peak_ratio").max(),
        )
        .sort("meter_id", "local_date")
    )


def _unique(key: tuple[str, ...]) -> Rule:
    if len(key) == 1:
        return "ExpectColumnValuesToBeUnique", {"column": key[0]}
    return "ExpectCompoundColumnsToBeUnique", {"column_list": list(key)}


def _name(rule: Rule) -> str:
    """``between:pm25_ug_m3`` and the like: what the check is called in verdicts."""
    kind, arguments = rule
    words = kind.removeprefix("Expect").removeprefix("Column").removeprefix("Values")
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words).strip("_")
    snake = snake.replace("to_be_", "").replace("to_", "")
    columns = [arguments[name] for name in ("column", "column_A", "column_B") if name in arguments]
    return ":".join([snake, *columns, *(["mostly"] if "mostly" in arguments else [])])


@cache
def _great_expectations() -> tuple[Any, Callable[[Any], Any]]:
    """The library and a function from a pandas frame to a batch; once a process, without telemetry or progress bars."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # It still imports these standard modules (sre_constants, sre_parse) by their old names.
        warnings.filterwarnings("ignore", r"module 'sre_\w+' is deprecated", DeprecationWarning)
        import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    whole = context.data_sources.add_pandas("muang").add_dataframe_asset("frame")
    definition = whole.add_batch_definition_whole_dataframe("frame")
    return gx, lambda frame: definition.get_batch({"dataframe": frame})


def _validated(name: str, suite: list[tuple[str, Rule]], frame: pl.DataFrame) -> list[Verdict]:
    gx, batch_of = _great_expectations()
    made = [
        getattr(gx.expectations, rule[0])(**rule[1], severity=severity, meta={"check": place})
        for place, (severity, rule) in enumerate(suite)
    ]
    # Decimals become floats: bounds are floats, and an object column costs pandas a Python call a value.
    numbers = frame.with_columns(pl.selectors.decimal().cast(pl.Float64))
    batch = batch_of(numbers.to_pandas())
    outcome = batch.validate(gx.ExpectationSuite(name=name, expectations=made), result_format="SUMMARY")
    results = sorted(outcome.results, key=lambda result: int(result.expectation_config.meta["check"]))
    return [
        _verdict(name, severity, rule, result, frame.height)
        for (severity, rule), result in zip(suite, results, strict=True)
    ]


def _verdict(table: str, severity: str, rule: Rule, result: Any, rows: int) -> Verdict:
    found = result.result
    check = _name(rule)
    if result.success:
        # Also with some unexpected rows, where the rule says ``mostly``.
        return Verdict(table, check, "pass", rows, int(found.get("unexpected_count", 0)), "as expected")
    failed = int(found.get("unexpected_count", 1))
    bounds = {k: v for k, v in rule[1].items() if not k.startswith("column") and v is not None}
    text = f"{failed} of {rows} rows break it"
    if "observed_value" in found and "unexpected_count" not in found:
        text = f"found {found['observed_value']}"
    if not found:
        text = "could not be judged"
    if bounds:
        text += f"; expected {', '.join(f'{name} {value}' for name, value in bounds.items())}"
    shown = [
        {key: value for key, value in item.items() if key != "meter_id"} if isinstance(item, dict) else {"value": item}
        for item in found.get("partial_unexpected_list", [])[:SAMPLE]
    ]
    return Verdict(table, check, "block" if severity == "critical" else "warn", rows, failed, text, shown)
