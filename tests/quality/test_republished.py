"""Figures that a source tells again otherwise, and lists that lost a kind: told until they are right again."""

from datetime import date

import polars as pl
import pytest

from quality import gate
from quality.republished import restated
from quality.tables import FACILITIES, POPULATION, VALIDATION_RESULTS
from quality.verdicts import Verdict

DAY, NEXT = date(2026, 11, 21), date(2026, 11, 22)
NOTHING = VALIDATION_RESULTS.empty()


def people(factor: float = 1.0, first: int = 2016) -> pl.DataFrame:
    row = {"dataset": "d", "area_code": "83", "area": "ภูเก็ต", "area_level": "province", "age_band": "all"}
    rows = [
        row | {"sex": sex, "persons": int(persons * factor), "reference_date": date(year, 12, 31)}
        for year in range(first, 2026)
        for sex, persons in (("male", 200_000), ("female", 210_000), ("total", 410_000))
    ]
    schema = {name: dtype for name, dtype in POPULATION.schema.items() if not name.startswith("_")}
    return pl.DataFrame(rows, schema=schema)


def places(schools: int, clinics: int = 6, day: date = DAY) -> pl.DataFrame:
    rows = [
        {"source": "osm", "facility_id": f"{kind}{at}", "kind": kind, "reference_date": day}
        for kind, count in (("school", schools), ("clinic", clinics))
        for at in range(count)
    ]
    return pl.DataFrame(rows, schema={n: t for n, t in FACILITIES.schema.items() if not n.startswith("_")})


def warned(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.check: verdict for verdict in verdicts if verdict.verdict in ("warn", "withhold")}


@pytest.mark.parametrize("factor", [0.5, 10, 0.001, 0])
def test_figures_that_became_others_are_told_with_both_and_the_newest_first(factor: float) -> None:
    (told,) = warned(restated(POPULATION, people(), people(factor), NOTHING)).values()
    assert (told.check, told.failed) == ("restated:persons", 30)
    assert {row["reference_date"] for row in told.sample[:3]} == {date(2025, 12, 31)}
    assert all(row["persons"] == pytest.approx(factor * row["before"], rel=0.01) for row in told.sample)
    assert all(row["ratio"] == pytest.approx(factor, abs=0.01) for row in told.sample)


def test_a_revision_a_new_year_and_a_first_delivery_are_no_news() -> None:
    assert warned(restated(POPULATION, people(), people(1.2), NOTHING)) == {}
    assert warned(restated(POPULATION, people(first=2022), people(), NOTHING)) == {}
    assert warned(restated(POPULATION, people().clear(), people(), NOTHING)) == {}


def test_a_night_that_is_run_again_says_the_same() -> None:
    first = restated(POPULATION, people().clear(), people(), NOTHING)
    assert restated(POPULATION, people(), people(), NOTHING) == first


def test_what_was_found_stands_until_the_figure_is_another_one() -> None:
    first = restated(POPULATION, people(), people(10), NOTHING)
    kept = gate.results(first, "phuket", DAY)
    again = warned(restated(POPULATION, people(10), people(10), kept))["restated:persons"]
    assert again.sample == warned(first)["restated:persons"].sample
    after = gate.results([again], "phuket", NEXT, kept)
    assert set(after["since"]) == {DAY}
    back = warned(restated(POPULATION, people(10), people(), after))["restated:persons"]
    assert {row["ratio"] for row in back.sample} == {0.1}, "that it went back is a change too"


def test_a_list_that_lost_a_kind_is_told_until_it_is_whole() -> None:
    told = warned(restated(FACILITIES, places(14), places(0, day=NEXT), NOTHING))["fewer-listed"]
    assert told.sample == [{"source": "osm", "kind": "school", "rows": 0.0, "before": 14.0, "ratio": 0.0}]
    assert warned(restated(FACILITIES, places(14), places(8, day=NEXT), NOTHING)) == {}
    kept = gate.results([told], "phuket", DAY)
    assert warned(restated(FACILITIES, places(0), places(0, day=NEXT), kept))["fewer-listed"].sample == told.sample
    some = restated(FACILITIES, places(14), places(5, day=NEXT), NOTHING)
    kept = gate.results(some, "phuket", DAY)
    assert "fewer-listed" in warned(restated(FACILITIES, places(5), places(5, day=NEXT), kept))
    assert warned(restated(FACILITIES, places(5), places(14, day=NEXT), kept)) == {}
