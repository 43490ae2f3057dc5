"""Any statistic of a catalogue (CKAN) that has no table of its own, for whichever Smart the registry says.

A long table (``assets.sources.long_table``), as in https://phuket.gdcatalog.go.th/dataset/dataset_10_11 (hotels) or
https://phuket.gdcatalog.go.th/dataset/20_14 (waste by local government).
"""

from typing import Any, get_args

import polars as pl

from assets.cities.registry import Smart
from assets.sources import ckan
from assets.sources.long_table import long_rows, long_source
from assets.sources.long_table_rules import CLASSES
from assets.sources.parsing import distinct, rejected
from assets.sources.source import Context, ReadResult
from quality.problems import gather
from quality.tables import CITY_STATISTICS


def read(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``city_statistics`` from a datastore page or file.

    Options: ``smart``, the Smart that the statistic serves; see ``long_table.long_rows``. Several classes are joined by
    " / ". A file without items counts what its package is called.
    """
    smart = context.options.get("smart")
    if smart not in get_args(Smart):
        return rejected(_READER, "option-invalid", f"the option smart is none of {', '.join(get_args(Smart))}")
    long = long_rows(data, context, CITY_STATISTICS.schema["value"], required=("value",))
    if long.frame is None:
        return ReadResult(_READER, long.evidence, problems=long.problems)
    classes = pl.concat_str([pl.col(name).replace("", None) for name in CLASSES], separator=" / ", ignore_nulls=True)
    table, repeats = distinct(
        long.frame.select(
            "_row",
            "area",
            "unit",
            "months",
            "value",
            "is_total",
            "status",
            "reference_date",
            dataset=pl.lit(ckan.dataset(context.options)),
            smart=pl.lit(smart),
            item=pl.col("item").replace("", str(context.options["package"])),
            category=classes.replace("", "all"),
        ),
        CITY_STATISTICS.key,
    )
    return ReadResult(_READER, long.evidence, {CITY_STATISTICS.name: table}, gather([long.problems, repeats]))


_READER = "ckan_statistics"

CKAN_STATISTICS = long_source(
    _READER, "Published statistics (catalogue)", CITY_STATISTICS, "as published, by row", read
)
