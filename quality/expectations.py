"""Great Expectations: what a table's suite (``quality.suites``) asks beyond its contract, one validation a frame.

The contract itself is judged in Polars (``quality.verdicts.contract``), 192,000 rows in 9 ms. Great Expectations judges
pandas frames and takes about 6 ms an expectation, so only columns that an expectation names go in, and readings as
metrics: one row a meter and day, counted in Polars (``Table.metrics``). It is imported on first use: the import alone
takes seconds.
"""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl

from quality.contracts import Table
from quality.suites.suite import ROWS, Expectation, SuiteError, frames, suite
from quality.verdicts import Verdict, odd_rows


def asked(table: Table, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What the table's suite and ``rules`` judge of ``rows``, whose columns are the contract's, by frame: of readings,
    metrics of each meter and day that has all its rows in it."""
    made = frames(table, suite(table), rows)
    if not (table.metrics or table.rules):
        needed = suite(table).needs(ROWS)
        made[ROWS] = made[ROWS].select(list(dict.fromkeys([*table.key, *needed])) if needed else [])
    return made


def judge(table: Table, made: Mapping[str, pl.DataFrame], city: str | None = None) -> list[Verdict]:
    """Verdicts of the table's suite on what it ``asked``, with the city's bounds; of no rows none, there is nothing to
    judge."""
    rules = suite(table).rules
    found = []
    for name, rows in made.items():
        asks = [rule for rule in rules if rule.frame == name]
        if asks and rows.height:
            found += _validated(table, asks, rows, city)
    return found


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


def _validated(table: Table, asks: Sequence[Expectation], rows: pl.DataFrame, city: str | None) -> list[Verdict]:
    gx, batch_of = _great_expectations()
    wanted = []
    for place, rule in enumerate(asks):
        try:
            wanted.append(getattr(gx.expectations, rule.expect)(**rule.asked(city), meta={"check": place}))
        except (AttributeError, ValueError) as error:  # no such class, or not its arguments
            raise SuiteError(f"quality/suites/{table.name}.yaml: {rule.id}: {error}") from None
    # Decimals become floats: bounds are floats, and an object column costs pandas a Python call a value.
    needed = list(dict.fromkeys(column for rule in asks for column in rule.columns))
    numbers = rows.select(needed).with_columns(pl.selectors.decimal().cast(pl.Float64))
    # Places of unexpected rows cost a list of them all; of customers none is shown.
    form = "SUMMARY" if table.of_customers else "COMPLETE"
    outcome = batch_of(numbers.to_pandas()).validate(
        gx.ExpectationSuite(name=table.name, expectations=wanted), result_format=form
    )
    results = sorted(outcome.results, key=lambda result: int(result.expectation_config.meta["check"]))
    return [_verdict(table, rule, result, rows, city) for rule, result in zip(asks, results, strict=True)]


def _verdict(table: Table, rule: Expectation, result: Any, rows: pl.DataFrame, city: str | None) -> Verdict:
    found = result.result
    failed = int(found.get("unexpected_count", 0 if result.success else 1))
    if result.success:
        # Also with some unexpected rows, where the rule says ``mostly``.
        return Verdict(table.name, rule.id, "pass", rows.height, failed, "as expected")
    bound = f"{rule.en} ({rule.bound(city)})"
    places = found.get("partial_unexpected_index_list")
    if places and not table.of_customers:
        key = suite(table).key(table, rule.frame)
        shown = rows[[int(place) for place in places]]
        return odd_rows(table, rule.id, rows.height, shown, rule.columns, bound, rule.severity, failed, key)
    text = f"{failed} of {rows.height} rows break it" if found else "could not be judged"
    if "observed_value" in found and "unexpected_count" not in found:
        text = f"found {found['observed_value']}"
    return Verdict(table.name, rule.id, rule.severity, rows.height, failed, f"{text}; expected: {bound}")
