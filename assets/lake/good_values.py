"""What was found good of days, for the estimates of others: a file is read once for all that stand on it.

Each estimate looks at a month. Thirty days that were corrected together look at the same sixty, and what a night fills
anew, its last two days and the one that has its second look, at 46: each on its own would read most of them again.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from assets.lake import buckets
from assets.lake.files import CityLake
from assets.lake.keys import bucket_of
from assets.lake.second_look import AFTER
from quality.meter_grid import CHANNEL, DAY_MINUTES
from quality.tables import METER_FINAL, QUARTERS
from quality.vee.gaps import SPAN
from quality.vee.kept import GOOD
from quality.vee.window import Floats

MOST: Final = 30_000_000
"""Values that are held, 240 MB: what a night looks at in a city of some 15,000 meters. With more each day reads its
own."""
DAYS: Final = SPAN + AFTER + 2
"""Days that a night's estimates look at."""
_NONE: Final = pl.Series("meter_id", [], pl.String)


@dataclass
class _Known:
    """Of a file: the meters that it was read for, and by interval length channels and values, NaN where none is
    good."""

    ids: pl.Series = field(default_factory=lambda: _NONE)
    parts: dict[int, list[tuple[pl.DataFrame, Floats]]] = field(default_factory=dict)


@dataclass
class GoodValues:
    """Of ``METER_FINAL`` files, as long as they are as they were read."""

    lake: CityLake
    _days: dict[date, dict[str, _Known]] = field(default_factory=dict)
    """By day and key of a file."""
    _held: int = 0
    _expected: pl.Series = field(default_factory=lambda: _NONE)

    def expect(self, ids: pl.Series) -> None:
        """Meters that are going to be asked for: whatever is read next is read of them, too."""
        self._expected = pl.concat([self._expected, ids]).unique()

    def put(self, into: Floats, wanted: pl.DataFrame, day: date, bucket: str) -> None:
        """Put what is good of a day into channels × slots of a bucket, by the ``_line`` of ``wanted`` (``CHANNEL``)."""
        if self._held > MOST:
            self._days, self._held = {}, 0
        if day not in self._days:
            self._days[day] = {key: _Known() for key in self.lake.keys(METER_FINAL, (day, day))}
        minutes = DAY_MINUTES // into.shape[1]
        for key, known in self._days[day].items():
            if buckets.overlap(bucket, bucket_of(key)):
                self._read(key, known, wanted["meter_id"], bucket)
                for channels, value in known.parts.get(minutes, ()):
                    found = channels.join(wanted, on=CHANNEL)
                    into[found["_line"].to_numpy()] = value[found["_at"].to_numpy()]

    def forget(self, day: date) -> None:
        """Files of a day are other ones now."""
        self._days.pop(day, None)

    def _read(self, key: str, known: _Known, ids: pl.Series, bucket: str) -> None:
        """Read of a file what is not known of these meters of a bucket."""
        if ids.is_in(known.ids.implode()).all():
            return
        if self._expected.len() * DAYS * len(QUARTERS) <= MOST:
            expected = self._expected.to_frame().filter(buckets.within(bucket)).to_series()
            ids = pl.concat([ids, expected])
        new = ids.filter(~ids.is_in(known.ids.implode())).unique()
        good = pl.when(GOOD).then("value_final").cast(pl.Float64).fill_null(np.nan)
        rows = self.lake.scan(METER_FINAL, key).filter(pl.col("meter_id").is_in(new.implode()))
        told = rows.select(*CHANNEL, "minutes", good=good).collect()
        for minutes in told["minutes"].unique():
            # A channel's slots lie one after another, and none is left out.
            part, slots = told.filter(minutes=minutes), DAY_MINUTES // minutes
            channels = part[::slots].select(CHANNEL).with_row_index("_at")
            known.parts.setdefault(minutes, []).append((channels, part["good"].to_numpy().reshape(-1, slots)))
        known.ids = pl.concat([known.ids, new])
        self._held += told.height
