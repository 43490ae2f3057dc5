"""Register reads in the lake: what a meter's dials showed at a time, and which delivery of a read counts.

Every read ever delivered stays in its day's file, marked where another counts in its place. A file is therefore a pure
function of the set of deliveries, and any past delivery day can be asked.

Of the reads of one meter, channel, quantity and time counts, in this order: one with a value; one that shows the dials;
the format's own version time (none is oldest); the better quality; the later delivery; then the row.
"""

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from assets.lake.delivered import pseudonyms
from assets.lake.files import CityLake, Written
from assets.lake.meter_intervals import in_turn
from quality.batch import Batch
from quality.meter_grid import local_date
from quality.readings import QUALITIES, QUANTITIES
from quality.tables import REGISTER_READS

_READ = ["meter_id", "channel", "quantity", "end"]
_PREFER = ("_valued", "_shown", "version", "_rank", "_delivered", "_number", "_receipt", "_nth")


def of_export(reads: pl.DataFrame, city: str, key: bytes) -> Batch:
    """``REGISTER_SCHEMA`` rows as ``REGISTER_READS`` without receipt and day. No point goes further."""
    ids = pseudonyms(reads["point"], city, key)
    rows = reads.drop("point", "row").with_columns(
        meter_id=reads["point"].replace_strict(ids, return_dtype=pl.String),
        unit=pl.col("quantity").replace_strict(QUANTITIES, return_dtype=pl.String),
        local_date=local_date(pl.col("end")),
        _row=reads["row"],
    )
    once = pl.struct(*_READ, "_row").is_first_distinct()
    return Batch(rows).refuse((~once, "key-duplicate", "one record gives two reads of one register and time"))


def apply(
    lake: CityLake,
    reads: pl.DataFrame,
    receipts: Collection[str],
    also_days: Collection[date] = (),
    numbers: Mapping[str, int] | None = None,
) -> list[Written]:
    """Put ``REGISTER_READS`` rows into the day files of the city that they touch.

    Everything ``receipts`` brought earlier, for those days or ``also_days``, is replaced; ``numbers`` is as in
    ``meter_intervals.in_turn``. May be repeated at will.
    """
    gives_way = pl.col("_receipt").is_in(list(receipts))

    def resolved(stored: pl.DataFrame, days: list[date]) -> pl.DataFrame:
        delivered = reads.filter(pl.col("local_date").is_in(days))
        return resolve(in_turn(pl.concat([stored.filter(~gives_way), delivered]), _READ, numbers))

    return lake.revise(REGISTER_READS, {*reads["local_date"].unique(), *also_days}, resolved)


def resolve(reads: pl.DataFrame) -> pl.DataFrame:
    """``REGISTER_READS`` rows with ``superseded``: ``repeated`` where a row tells nothing but what the one that counts
    does, else ``corrected``; null for that one."""
    ranked = reads.with_columns(
        _valued=pl.col("value").is_not_null(),
        _shown=pl.col("register_end").is_not_null(),
        _rank=pl.col("quality").replace_strict({code: -at for at, code in enumerate(QUALITIES)}, return_dtype=pl.Int8),
    ).sort(_PREFER, descending=True, nulls_last=True)
    stated = (pl.col(name) for name in ("value", "register_end", "quality"))
    same = pl.all_horizontal(column.is_null() | column.eq_missing(column.first().over(_READ)) for column in stated)
    why = pl.when(same).then(pl.lit("repeated")).otherwise(pl.lit("corrected"))
    counts = pl.struct(_READ).is_first_distinct()
    return ranked.with_columns(superseded=pl.when(~counts).then(why)).select(reads.columns)
