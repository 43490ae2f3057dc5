"""The page of checks: which rows, what was expected, since when, in both languages; of customers no row."""

from datetime import date, timedelta

import polars as pl

from assets.cities.registry import load_registry
from assets.snapshots.data_docs import render
from quality import gate
from quality.tables import TABLES, VALIDATION_RESULTS, VERDICTS
from quality.verdicts import Verdict, odd_rows

DAY = date(2026, 11, 20)
CITY = load_registry()["phuket"]


def weather_rows(*degrees: float) -> Verdict:
    table = TABLES["weather"]
    hours = range(len(degrees))
    rows = pl.DataFrame({"station_id": "grid", "product": "model", "temperature_c": degrees, "start": hours})
    return odd_rows(
        table, "temperature-told", 24, rows.cast({"start": pl.Datetime("us", "UTC")}), ("temperature_c",), "hot"
    )


def page(*nights: list[Verdict]) -> str:
    verdicts, results = VERDICTS.empty(), VALIDATION_RESULTS.empty()
    told, shown = [verdicts], [results]
    for at, night in enumerate(nights):
        day = DAY + timedelta(days=at)
        told.append(gate.to_frame(night, day, told[-1]))
        shown.append(gate.results(night, CITY.slug, day, shown[-1]))
    return render(CITY, pl.concat(told), pl.concat(shown))


def test_the_page_tells_row_value_bound_since_and_the_words_of_the_rule() -> None:
    text = page([weather_rows(51.5)], [weather_rows(51.5, 52.5)])
    for told in ("temperature_c 52.5", "station_id grid", "hot", str(DAY), str(DAY + timedelta(days=1))):
        assert told in text
    assert "มีค่าอุณหภูมิ" in text


def test_the_page_of_nothing_is_a_page() -> None:
    assert "Nothing was judged." in page()


def test_of_customers_the_page_has_neither_rows_nor_counts() -> None:
    secret = Verdict("meter_intervals", "negative", "warn", 96, 7, "meter 4711 used -3.25", [{"kwh": -3.25}])
    text = page([secret])
    assert "negative" in text
    assert "4711" not in text and "3.25" not in text


def test_what_a_publisher_wrote_is_text() -> None:
    bad = Verdict("weather", "temperature-told", "warn", 1, 1, "<script>1</script>", [{"name": "<b>x</b>"}], (), "<i>")
    text = page([bad])
    assert "<script>" not in text and "<b>x" not in text and "<i>" not in text
