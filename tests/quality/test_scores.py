"""Scores of quality say what the checks found, and nothing where none ran."""

from datetime import date

import polars as pl

from quality.scores import DIMENSIONS, SCORES, of_city, scores
from quality.tables import TABLES, VERDICTS


def verdict(table: str, check: str, checked: int, failed: int) -> dict[str, object]:
    grade = "warn" if failed else "pass"
    return dict.fromkeys(VERDICTS.schema) | {
        "table": table, "check": check, "day": date(2026, 11, 23), "verdict": grade, "checked": checked,
        "failed": failed, "message": "",
    }  # fmt: skip


def scored(*rows: dict[str, object]) -> dict[tuple[str, str], dict[str, object]]:
    table = scores(pl.DataFrame(rows, schema=VERDICTS.schema))
    assert table.schema == SCORES
    return {(row["table"], row["dimension"]): row for row in table.iter_rows(named=True)}


def test_a_score_is_that_of_the_least_kept_check() -> None:
    found = scored(
        verdict("weather", "keys", 24, 0),
        verdict("weather", "deliveries_key-duplicate", 24, 6),
        verdict("weather", "freshness", 1, 1),
        verdict("weather", "plausible:temperature_c", 24, 3),
        verdict("weather", "frozen:temperature_c", 24, 12),
    )
    assert {name for _, name in found} == set(DIMENSIONS)
    uniqueness = found["weather", "uniqueness"]
    assert (uniqueness["score"], uniqueness["checks"], uniqueness["broken"]) == (0.75, 2, 1)
    assert uniqueness["least"] == "deliveries_key-duplicate"
    assert found["weather", "timeliness"]["score"] == 0
    assert found["weather", "accuracy"]["score"] == 0.5


def test_where_no_check_ran_there_is_no_score_and_a_reason() -> None:
    found = scored(verdict("weather", "keys", 24, 0), verdict("weather", "freshness", 0, 0))
    for name in set(DIMENSIONS) - {"uniqueness"}:
        row = found["weather", name]
        assert (row["score"], row["checks"]) == (None, 0) and "no check" in str(row["reason"])


def test_of_customers_only_steps_are_told_and_privacy_is_no_quality() -> None:
    found = scored(
        verdict("load_profile", "completeness", 1000, 17),
        verdict("load_profile", "withheld-cell", 100, 99),
        verdict("load_profile", "spike", 1000, 1),
    )
    assert found["load_profile", "completeness"]["score"] == 0.95
    assert found["load_profile", "accuracy"]["score"] == 0.95
    assert not any(row["least"] == "withheld-cell" for row in found.values())


def test_a_city_has_the_mean_of_its_tables() -> None:
    rows = pl.DataFrame(
        [verdict("weather", "keys", 10, 0), verdict("air_quality", "keys", 10, 5)], schema=VERDICTS.schema
    )
    city = of_city(scores(rows), [TABLES["weather"], TABLES["air_quality"]])
    assert city.filter(dimension="uniqueness").rows() == [("uniqueness", 0.75, 2)]
    assert city.filter(dimension="accuracy")["score"].to_list() == [None]
