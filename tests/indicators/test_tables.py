"""A city's tables: what is not there, and what was known on a day."""

from datetime import date

import polars as pl

from assets.indicators.tables import Tables, newest
from quality.tables import FACILITIES, POPULATION, WEATHER

DAY = date(2026, 11, 22)
DAYS = [date(2026, 11, 21), DAY, date(2026, 11, 23)]


def test_a_table_without_source_has_the_contracts_columns_and_no_row():
    tables = Tables({FACILITIES.name: FACILITIES.empty()})
    assert (tables.has(FACILITIES), tables.has(POPULATION)) == (True, False)
    assert tables.get(POPULATION).schema == POPULATION.schema
    assert tables.newest(POPULATION, DAY).is_empty()


def test_the_day_itself_is_still_running_where_things_are_measured():
    tables = Tables(
        {"weather": pl.DataFrame({"local_date": DAYS}), "facilities": pl.DataFrame({"reference_date": DAYS})}
    )
    known = tables.until(DAY)
    assert known.get(WEATHER)["local_date"].to_list() == DAYS[:1]
    assert known.get(FACILITIES)["reference_date"].to_list() == DAYS[:2]


def test_the_newest_day_is_that_of_all_or_of_each():
    rows = pl.DataFrame({"feed": ["a", "a", "b"], "at": [DAYS[0], DAYS[1], DAYS[0]]})
    assert newest(rows, "at", DAY).rows() == [("a", DAYS[1])]
    assert newest(rows, "at", DAY, "feed").rows() == [("a", DAYS[1]), ("b", DAYS[0])]
    assert newest(rows, "at", DAYS[0]).height == 2
    assert newest(rows, "at", date(2026, 11, 1)).is_empty()
    product = pl.DataFrame({"product": ["model", "hourly"], "local_date": DAYS[:2]})
    assert Tables({"weather": product}).newest(WEATHER, DAY, product="model")["local_date"].to_list() == DAYS[:1]
