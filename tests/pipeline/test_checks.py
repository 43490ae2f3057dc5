"""A table's checks in Dagster: which group a finding is in, what it shows, and what stops the city."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from assets import checks
from quality.contracts import Table
from quality.groups import by_group, groups
from quality.tables import HOUSEHOLD_INCOME, LOAD_PROFILE, METER_INTERVALS, POPULATION, TABLES, WEATHER
from quality.verdicts import Grade, Verdict

DAY = date(2026, 11, 20)
KEY = dg.AssetKey(["phuket", "population"])


def found(grade: Grade, table: Table = POPULATION, rows: int = 1, **more: Any) -> Verdict:
    sample = [{"area": f"area {at}", "persons": at} for at in range(rows)]
    facts = {"shows": ("persons",), "bound": "persons as before", "group": "history"} | more
    return Verdict(table.name, "jump:persons", grade, 50, rows, f"{rows} rows", sample, **facts)


def outcome(table: Table, *verdicts: Verdict) -> dict[str, dg.AssetCheckResult]:
    return {str(each.check_name): each for each in checks.results(table, verdicts, "phuket", DAY)}


def test_a_check_tells_rows_keys_values_bound_and_severity() -> None:
    told = outcome(POPULATION, found("warn", rows=3, misleading=1))["history"]
    assert (told.passed, told.severity) == (False, dg.AssetCheckSeverity.WARN)
    shown = [record.data for record in told.metadata["rows"].records]
    first = {"check": "jump:persons", "row": '{"area": "area 0"}', "value": '{"persons": 0}'}
    assert shown[0] == first | {"severity": "withhold", "expected": "persons as before"}
    assert [row["severity"] for row in shown] == ["withhold", "warn", "warn"]
    assert "3 of 50" in told.metadata["findings"].value
    assert all(each.passed for name, each in outcome(POPULATION, found("warn")).items() if name != "history")


def test_rows_are_capped_and_none_is_a_customers() -> None:
    many = [found("warn", rows=19), found("warn", rows=19, bound="b")]
    many[1] = Verdict(**{**many[1].__dict__, "check": "jump:houses"})
    told = outcome(POPULATION, *many)["history"]
    assert len(told.metadata["rows"].records) == checks.SHOWN
    told = outcome(METER_INTERVALS, found("warn", METER_INTERVALS))["history"]
    assert "rows" not in told.metadata and not told.passed


def test_no_verdict_is_lost_and_no_table_has_more_than_seven_checks() -> None:
    for table in TABLES.values():
        assert len(groups(table)) <= 7
    strange = found("warn", LOAD_PROFILE, group="suite")
    assert strange in by_group(WEATHER, [strange])["suite"]
    assert strange in by_group(HOUSEHOLD_INCOME, [strange])["making"]


@pytest.mark.parametrize(("grade", "goes_on"), [("note", True), ("warn", True), ("withhold", True), ("block", False)])
def test_only_what_blocks_stops_the_city(grade: Grade, goes_on: bool) -> None:
    @dg.asset(key=KEY, check_specs=checks.specs(POPULATION, KEY))
    def population() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=list(checks.results(POPULATION, [found(grade)], "phuket", DAY)))

    @dg.asset(deps=[KEY])
    def snapshot() -> None: ...

    ran = dg.materialize([population, snapshot], raise_on_error=False)
    assert bool(ran.asset_materializations_for_node("snapshot")) is goes_on
