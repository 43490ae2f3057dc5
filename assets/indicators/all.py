"""All indicators of a city: one module a Smart, in one frame."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.indicators import air as environment, economy, energy, governance, living, mobility, people
from assets.indicators.indicator import collect
from assets.indicators.statistics import published


def all_indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Every Smart's indicators as ``INDICATORS``, at least one row a Smart, and the statistics published for it.

    ``day`` is the delivery day: of tables by ``local_date`` only the days before it count, it is still running.
    ``tables`` are published lake tables. A table that is absent has no source in this city; an empty one has a source
    that delivered nothing.
    """
    tables = {
        name: frame.filter(pl.col("local_date") < day) if "local_date" in frame.columns else frame
        for name, frame in tables.items()
    }
    smarts = (energy, environment, mobility, people, economy, living, governance)
    frames: list[pl.DataFrame] = [smart.indicators(city, day, tables) for smart in smarts]
    return pl.concat([*frames, collect(published(city, day, tables))])
