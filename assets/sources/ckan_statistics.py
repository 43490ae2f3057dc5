"""Any statistic of a catalogue (CKAN) that has no table of its own, for whichever Smart the registry says.

A long table (``assets.sources.long_table``), as in https://phuket.gdcatalog.go.th/dataset/dataset_10_11 (hotels) or
https://phuket.gdcatalog.go.th/dataset/20_14 (waste by local government).
"""

import polars as pl
from pydantic import Field

from assets.cities.registry import Smart
from assets.sources.long_table import Form, LongOptions, long_source
from assets.sources.long_table_rules import CLASSES
from assets.sources.source import Context
from quality.batch import Batch
from quality.tables import CITY_STATISTICS


class StatisticsOptions(LongOptions):
    """Of any statistic."""

    smart: Smart = Field(description="the Smart that the statistic serves")


def rows(batch: Batch, context: Context[StatisticsOptions]) -> Batch:
    """Table ``city_statistics``. Several classes are joined by " / "; a file without items counts what its package is
    called."""
    options = context.options
    classes = pl.concat_str([pl.col(name).replace("", None) for name in CLASSES], separator=" / ", ignore_nulls=True)
    return batch.select(
        *("area_level", "area", "unit", "months", "value", "is_total", "status", "reference_date"),
        dataset=pl.lit(options.dataset),
        smart=pl.lit(options.smart),
        item=pl.col("item").replace("", options.package),
        category=classes.replace("", "all"),
    )


CKAN_STATISTICS = long_source(
    "ckan_statistics",
    "Published statistics (catalogue)",
    CITY_STATISTICS,
    "as published, by row",
    Form(CITY_STATISTICS.schema["value"], required=("value",), classes=True),
    rows,
    StatisticsOptions,
)
