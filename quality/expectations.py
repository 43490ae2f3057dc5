"""Great Expectations suites: one a table, made from its contract, plus the statistics it declares.

What comes from the contract is critical and blocks; statistics are warnings (severity rule: ``quality.verdicts``).
Great Expectations judges pandas frames and takes about 10 ms an expectation, so small tables go in row by row and
readings as metrics: one row a meter and day, counted in Polars (``Table.metrics``). It is imported on first use:
the import alone takes seconds.
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import polars as pl

from quality.contracts import Expectation, Table, between
from quality.verdicts import SAMPLE, Verdict, contract, structure


def judge(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Verdicts of the table's suite on ``frame``; an empty frame gives none, it has nothing to judge.

    Of a frame that has not the contract's columns only those are judged (``verdicts.structure`` says more).
    """
    suite = rules(table)
    if structure(table, frame).verdict == "block":
        return [] if table.size == "readings" else _validated(table.name, suite[:1], frame)
    if not frame.height:
        return []
    if table.size != "readings":
        return _validated(table.name, suite, frame)
    judged = _validated(table.name, suite, table.metrics(frame)) if table.metrics else []
    return [contract(table, frame), *judged]


def rules(table: Table) -> list[Expectation]:
    """The table's suite, what follows from its contract first; of a table of readings the rules of its metrics only."""
    if table.size == "readings":
        return list(table.expectations)
    columns = table.columns
    required = [column.name for column in columns if not column.nullable or column.name in table.key]
    coded = [column for column in columns if column.allowed is not None]
    bounded = [column for column in columns if column.minimum is not None or column.maximum is not None]
    return [
        Expectation(
            "table_columns_match_ordered_list",
            "ExpectTableColumnsToMatchOrderedList",
            {"column_list": table.schema.names()},
            "critical",
        ),
        *(
            Expectation(f"not_be_null:{name}", "ExpectColumnValuesToNotBeNull", {"column": name}, "critical")
            for name in required
        ),
        *(
            Expectation(
                f"in_set:{column.name}",
                "ExpectColumnValuesToBeInSet",
                {"column": column.name, "value_set": list(column.allowed or ())},
                "critical",
            )
            for column in coded
        ),
        *(replace(between(column.name, column.minimum, column.maximum), severity="critical") for column in bounded),
        _unique(table.key),
        *table.expectations,
    ]


def _unique(key: tuple[str, ...]) -> Expectation:
    if len(key) == 1:
        return Expectation(f"unique:{key[0]}", "ExpectColumnValuesToBeUnique", {"column": key[0]}, "critical")
    arguments = {"column_list": list(key)}
    return Expectation("compound_columns_unique", "ExpectCompoundColumnsToBeUnique", arguments, "critical")


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


def _validated(name: str, suite: list[Expectation], frame: pl.DataFrame) -> list[Verdict]:
    gx, batch_of = _great_expectations()
    wanted = [
        getattr(gx.expectations, rule.kind)(**rule.arguments, severity=rule.severity, meta={"check": place})
        for place, rule in enumerate(suite)
    ]
    # Decimals become floats: bounds are floats, and an object column costs pandas a Python call a value.
    numbers = frame.with_columns(pl.selectors.decimal().cast(pl.Float64))
    batch = batch_of(numbers.to_pandas())
    outcome = batch.validate(gx.ExpectationSuite(name=name, expectations=wanted), result_format="SUMMARY")
    results = sorted(outcome.results, key=lambda result: int(result.expectation_config.meta["check"]))
    return [_verdict(name, rule, result, frame.height) for rule, result in zip(suite, results, strict=True)]


def _verdict(table: str, rule: Expectation, result: Any, rows: int) -> Verdict:
    found = result.result
    check = rule.check
    if result.success:
        # Also with some unexpected rows, where the rule says ``mostly``.
        return Verdict(table, check, "pass", rows, int(found.get("unexpected_count", 0)), "as expected")
    failed = int(found.get("unexpected_count", 1))
    bounds = {k: v for k, v in rule.arguments.items() if not k.startswith("column") and v is not None}
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
    return Verdict(table, check, "block" if rule.severity == "critical" else "warn", rows, failed, text, shown)
