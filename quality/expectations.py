"""Great Expectations: what a table declares beyond its contract, as one suite a table.

The contract itself is judged in Polars (``quality.verdicts.contract``), 192,000 rows in 9 ms. Great Expectations judges
pandas frames and takes about 6 ms an expectation, so only columns that an expectation names go in, and readings as
metrics: one row a meter and day, counted in Polars (``Table.metrics``). It is imported on first use: the import alone
takes seconds.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import polars as pl

from quality.contracts import Expectation, Table
from quality.verdicts import SAMPLE, Verdict


def asked(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """What the table's expectations judge of ``frame``, whose columns are the contract's: of readings, metrics of each
    meter and day that has all its rows in it."""
    if table.metrics:
        return table.metrics(frame)
    if table.rules:
        return frame
    return frame.select(sorted({column for rule in table.expectations for column in rule.columns}))


def judge(table: Table, rows: pl.DataFrame) -> list[Verdict]:
    """Verdicts of the table's expectations on what they ``asked`` of it; of no rows none, there is nothing to judge."""
    if not (table.expectations and rows.height):
        return []
    named = {column for rule in table.expectations for column in rule.columns}
    return _validated(table.name, table.expectations, rows.select(sorted(named)))


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


def _validated(name: str, suite: Sequence[Expectation], frame: pl.DataFrame) -> list[Verdict]:
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
