"""Every indicator is declared, and what is declared is an indicator."""

import re
from pathlib import Path

import polars as pl

from assets.indicators.all import all_indicators
from assets.indicators.crosswalk import crosswalk

CODE = Path(__file__).parents[2] / "assets" / "indicators"


def test_every_indicator_with_a_value_is_declared(made_up) -> None:
    found = made_up.all_tables()["indicators"].filter(~pl.col("indicator").str.contains(":"))
    shown = found.drop_nulls("value")
    assert shown.height > 25
    assert shown["numerator"].null_count() == 0, shown.filter(pl.col("numerator").is_null())["indicator"]
    assert shown["reach"].null_count() == shown["span"].null_count() == shown["criterion"].null_count() == 0


def test_every_indicator_has_a_thai_title_of_its_own() -> None:
    titles = [one.title_th for one in crosswalk().values()]
    assert [title for title in titles if not re.search("[ก-๙]|CO2|PM", title)] == []
    assert len(set(titles)) == len(titles)


def test_what_is_declared_is_somewhere_made() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in CODE.glob("*.py"))
    composed = re.compile(r"hotspots_week_|household_")
    assert [one for one in crosswalk() if f'"{one}"' not in code and not composed.match(one)] == []


def test_a_share_or_a_rate_names_what_it_is_divided_by(made_up) -> None:
    found = all_indicators(made_up.city(), made_up.DAY, made_up.all_tables())
    rates = found.filter(found["unit"].str.contains("^%$|person$|1/1") & found["numerator"].is_not_null())
    undivided = set(rates.filter(rates["denominator"].is_null())["indicator"])
    assert undivided <= {"highest_filling"}, "its depth is the station's own"
