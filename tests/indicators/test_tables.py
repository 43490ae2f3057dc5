"""A city's tables: what is not there, and what was known on a day."""

from datetime import date

import polars as pl
import pytest

from assets.indicators.tables import Tables, newest
from quality.tables import FACILITIES, POPULATION, RAINFALL, WATER_LEVELS, WEATHER

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


@pytest.mark.parametrize("table", [WATER_LEVELS, RAINFALL])
def test_what_was_read_in_the_night_counts_and_what_came_later_does_not(table):
    """A flood read at 01:00 is told the same night; a night made again does not know what was read after it."""
    read = pl.DataFrame({"local_date": [DAYS[0], DAY, DAY], "_delivered": [DAYS[0], DAY, DAYS[2]]})
    known = Tables({table.name: read, "weather": read}).until(DAY)
    assert known.get(table).rows() == [(DAYS[0], DAYS[0]), (DAY, DAY)]
    assert known.get(WEATHER).rows() == [(DAYS[0], DAYS[0])], "a mean of the day waits for its end"


def test_the_newest_day_is_that_of_all_or_of_each():
    rows = pl.DataFrame({"feed": ["a", "a", "b"], "at": [DAYS[0], DAYS[1], DAYS[0]]})
    assert newest(rows, "at", DAY).rows() == [("a", DAYS[1])]
    assert newest(rows, "at", DAY, "feed").rows() == [("a", DAYS[1]), ("b", DAYS[0])]
    assert newest(rows, "at", DAYS[0]).height == 2
    assert newest(rows, "at", date(2026, 11, 1)).is_empty()
    product = pl.DataFrame({"product": ["model", "hourly"], "local_date": DAYS[:2]})
    assert Tables({"weather": product}).newest(WEATHER, DAY, product="model")["local_date"].to_list() == DAYS[:1]
