"""When supply was proven off, in the places of a window."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from quality.meter_grid import DAY_MINUTES, MINUTE, midnight
from quality.vee.window import Bools


def supply_off(outages: pl.DataFrame, meters: pl.DataFrame, first: date, days: int, minutes: int) -> Bools | None:
    """Which slots (meters × days × slots) lie wholly within a proven outage; None where none does.

    ``outages`` are ``METER_OUTAGES`` rows, ``meters`` has ``meter_id`` and ``zone`` (null where it is not known). A
    slot that is cut by the outage's begin or end may have used energy.
    """
    lines = meters.select("meter_id", "zone").with_row_index("_line")
    told = outages.filter(pl.col("local_date").is_between(first, first + timedelta(days=days - 1)))
    found = pl.concat(
        told.select(by, "local_date", "start", "end").join(lines.select(by, "_line"), on=by).drop(by)
        for by in ("meter_id", "zone")
    )
    if not found.height:
        return None
    off = np.zeros((meters.height, days, DAY_MINUTES // minutes), np.bool_)
    for (day,), part in found.partition_by("local_date", as_dict=True).items():
        starts = midnight(day) + np.arange(off.shape[2]) * minutes * MINUTE
        begin, end = (part[name].to_physical().to_numpy()[:, None] for name in ("start", "end"))
        within = (starts >= begin) & (starts + minutes * MINUTE <= end)
        # Two outages may touch one meter.
        np.logical_or.at(off[:, (day - first).days], part["_line"].to_numpy(), within)
    return off
