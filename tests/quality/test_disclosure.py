"""What is published of verdicts on customers: check, rule and bands, whatever the check itself found."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, strategies as st

from quality import disclosure, gate
from quality.problems import CODES
from quality.suites.suite import suite
from quality.tables import LOAD_PROFILE, METER_INTERVALS, TABLES, WEATHER
from quality.verdicts import Verdict

DAY = date(2026, 11, 21)
OURS = [table for table in TABLES.values() if table.of_customers]


def published(*verdicts: Verdict) -> list[dict]:
    return disclosure.published(gate.to_frame(verdicts, DAY)).to_dicts()


def test_every_table_that_knows_meters_or_counts_them_is_of_customers() -> None:
    known = {name for name, table in TABLES.items() if "meter_id" in table.schema}
    counting = {name for name, table in TABLES.items() if "n_band" in table.schema}
    assert {table.name for table in OURS} == known | counting | {"tickets", "feeder_balance"}, "a report is a person's"


def test_a_readers_words_and_counts_do_not_leave_with_a_verdict_on_customers() -> None:
    quoted = "the printed total is 194.600 kWh, the intervals give 189.6"
    meters = Verdict(METER_INTERVALS.name, "deliveries_sum-mismatch", "warn", 2000, 16, quoted)
    public = Verdict(WEATHER.name, "freshness", "warn", 24, 16, "16 of 24 hours")
    one, other = published(meters, public)
    assert one["message"] == CODES["sum-mismatch"][1]
    assert (one["checked"], one["failed"], one["checked_band"], one["failed_band"]) == (
        None,
        None,
        "1500-9999",
        "1-1499",
    )
    # Control: what anybody may know of another table is told as it was found.
    assert (other["message"], other["checked"], other["failed"]) == ("16 of 24 hours", 24, 16)


@given(
    st.sampled_from(OURS),
    st.sampled_from(["keys", "withheld-cell", "deliveries_sum-mismatch", "no check that we know"]),
    st.lists(st.tuples(st.integers(1, 1499), st.text(max_size=20)), min_size=2, max_size=2),
)
def test_two_towns_with_few_customers_look_the_same(table, check: str, found: list[tuple[int, str]]) -> None:
    one, other = (published(Verdict(table.name, check, "warn", count, count, text)) for count, text in found)
    assert one == other


@pytest.mark.parametrize("customers", range(1, 15))
def test_hidden_quarter_hours_do_not_tell_how_many_customers_are_hidden(customers: int) -> None:
    [told] = published(Verdict(LOAD_PROFILE.name, "withheld-cell", "warn", 1344, 96 * customers, ""))
    assert told["failed_band"] == disclosure.FEW


@given(st.integers(0, 10**9))
def test_the_band_holds_the_count(count: int) -> None:
    name = pl.select(disclosure.band(pl.lit(count))).item()
    low, _, high = name.removesuffix("+").partition("-")
    assert int(low) <= count <= int(high or (low if name == "0" else 10**9))


@pytest.mark.parametrize("table", OURS, ids=lambda table: table.name)
def test_expectations_and_codes_have_a_rule_in_words(table) -> None:
    checks = [*(rule.id for rule in suite(table).rules), *(f"deliveries_{code}" for code in CODES), "privacy", "memory"]
    assert [check for check in checks if not disclosure.rule(table, check)] == []
