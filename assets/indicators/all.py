"""All indicators of a city: one module a Smart, in one frame."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.indicators import air, economy, energy, governance, living, mobility, people, per_head, statistics
from assets.indicators.indicator import collect
from assets.indicators.tables import Tables

MODULES = (energy, air, mobility, people, economy, living, governance, statistics, per_head)
"""One a Smart, and the statistics published for any of them, as they are and per inhabitant."""


def all_indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Every Smart's indicators as ``INDICATORS``, at least one row a Smart, and the statistics published for it.

    ``day`` is the delivery day, ``tables`` are published lake tables (see ``Tables``).
    """
    known = Tables(tables).until(day)
    return pl.concat([collect(module.indicators(city, day, known), day) for module in MODULES])
