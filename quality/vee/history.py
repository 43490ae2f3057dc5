"""What four weeks of a channel's days were like: today's use is held against it, and no interval of them is read."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Self, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.meter_grid import CHANNEL
from quality.vee.thresholds import Thresholds
from quality.vee.window import PARTS, Bools, Floats, Ints, MeterDay

REACH: Final = timedelta(days=28)
"""Four weeks: four of each day of the week (Connexo NearestAvgValueDay)."""

_FIGURES = ("energy", "peak_power", "least_power")

_OF_LATER = (*CHANNEL, "expected", "actual", "suspect", *_FIGURES, "zero_minutes", "estimated_days", "shape", "digest")
"""What a later day may see of one."""

IDLE: Final = 720
"""Minutes of zeros at a day's end, half of it, after which a meter that is used again returns."""

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class PastDay:
    """What later days are held against of a day: a number a channel (``keys``: ``CHANNEL``), as ``METER_QUALITY`` tells
    it. ``figures`` (NaN to 0) count where the day is ``good``: full, and without a suspect value. ``printed`` tells
    which channels have a ``digest``, ``idle`` which have nothing but zero, ``steady`` whose power hardly varies."""

    day: date
    keys: pl.DataFrame
    digest: NDArray[np.uint64]
    printed: Bools
    used: Bools
    good: Bools
    idle: Bools
    steady: Bools
    figures: tuple[Floats, ...]
    shape: NDArray[np.uint64]
    zero_minutes: Ints
    estimated_days: Ints

    @classmethod
    def of(cls, rows: pl.DataFrame, thresholds: Thresholds) -> Self:
        """Of the ``METER_QUALITY`` rows of one day, which there are."""
        whole = rows["actual"] >= rows["expected"] * thresholds.number("history_full")
        steady = rows["peak_power"] <= rows["least_power"] * thresholds.number("steady_spread")
        return cls(
            rows["local_date"][0],
            rows.select(CHANNEL),
            rows["digest"].fill_null(0).to_numpy(),
            rows["digest"].is_not_null().to_numpy(),
            (rows["energy"] > 0).fill_null(value=False).to_numpy(),
            (whole & (rows["suspect"] == 0) & rows["energy"].is_not_null()).fill_null(value=False).to_numpy(),
            (rows["energy"] == 0).fill_null(value=False).to_numpy(),
            (steady & (rows["least_power"] > 0)).fill_null(value=False).to_numpy(),
            tuple(rows[name].cast(pl.Float64).fill_null(0).to_numpy() for name in _FIGURES),
            rows["shape"].fill_null(0).to_numpy(),
            rows["zero_minutes"].cast(pl.Int64).to_numpy(),
            rows["estimated_days"].cast(pl.Int64).to_numpy(),
        )

    def between(self, first: str, last: str) -> Self:
        """Of the channels of meters from one id to another: channels are in the order of ids."""
        ids = self.keys["meter_id"]
        here = slice(ids.search_sorted(first, "left"), ids.search_sorted(last, "right"))
        part = {name: value[here] for name, value in vars(self).items() if name not in ("day", "figures")}
        return replace(self, **part, figures=tuple(figure[here] for figure in self.figures))


def differing_days(before: pl.DataFrame, after: pl.DataFrame) -> pl.Series:
    """Ids of the meters of which later days see something else in two lots of ``METER_QUALITY`` rows of a day."""
    if not before.height or not after.height:
        return pl.concat([before, after])["meter_id"].unique()
    rows = pl.concat([before, after]).select(_OF_LATER)
    return rows.filter(~pl.struct(_OF_LATER).is_duplicated())["meter_id"].unique()


@dataclass(frozen=True)
class History:
    """One number a channel of the day it is of; NaN, 0 or False where nothing is known.

    ``days`` counts the full days of the day's type without a suspect value; of those are ``mean``, ``highest`` and
    ``lowest`` (energy), ``peak`` and ``base`` (mean of the days' greatest and least power), ``greatest_peak`` and
    ``shape`` (the days' together, a column a part, 0 where none is known).
    ``rests`` counts those of the type that were nothing but zero, and after which there was a day with energy,
    ``stands`` those whose power hardly varies, and after which there was a day on which it did, and ``stood`` is the
    greatest power of all whose does; of a day off these three are of all days, and ``rested`` and ``stilled`` tell
    whether one of its own type was among the first or the second: a shop that closes on Sundays did so a week ago.
    Of all days: ``used`` (energy on any), ``met`` (there is one before), ``goes_on`` (there is one after), ``steady``
    (days before whose power hardly varies, 0 where any with energy does), ``returns`` (days before with energy, after a
    day that ended with ``IDLE`` minutes of zeros or more), ``own_peak`` (the greatest power that three days before
    reached, suspect or not). Of the day
    before: ``zero_minutes`` and ``estimated_days``. ``copies`` is set where another day has the day's fingerprint,
    ``other_quantity`` where the meter has days, but none of this quantity.
    """

    days: Ints
    mean: Floats
    highest: Floats
    lowest: Floats
    peak: Floats
    base: Floats
    greatest_peak: Floats
    shape: Floats
    used: Bools
    rests: Ints
    stands: Ints
    stood: Floats
    rested: Bools
    stilled: Bools
    steady: Ints
    returns: Ints
    own_peak: Floats
    met: Bools
    goes_on: Bools
    newest: date | None
    zero_minutes: Ints
    estimated_days: Ints
    copies: Bools
    other_quantity: Bools

    def only(self, channels: Bools) -> Self:
        """Of some channels."""
        return replace(self, **{name: told[channels] for name, told in vars(self).items() if name != "newest"})

    def usual(self) -> dict[str, Floats | Ints]:
        """What rules about groups hold a day against."""
        return {"days": self.days, "mean": self.mean, "usual_peak": self.peak, "usual_shape": self.shape}

    @classmethod
    def of(
        cls, past: Iterable[PastDay], day: MeterDay | PastDay, like: Collection[date], off: Collection[date] = ()
    ) -> Self:
        """Of other days; ``like`` names those of the same day type (a special day is like none), ``off`` of a day off
        those that it may rest like: all, for who rests on Sundays or workdays may rest on a Saturday and at Songkran.
        Days further away than ``REACH``, and the day itself, are not looked at."""
        keys = day.keys
        count = np.zeros(keys.height, np.int64)
        zero_minutes, estimated_days, rests, resting, steady, returns, ended = (count.copy() for _ in range(7))
        stands, standing, stood = count.copy(), count.copy(), np.zeros(keys.height)
        varies, rested, stilled, closed, still = (np.zeros(keys.height, np.bool_) for _ in range(5))
        first, second, third = (np.zeros(keys.height) for _ in range(3))
        used, met, goes_on, copies = (np.zeros(keys.height, np.bool_) for _ in range(4))
        sums = [np.zeros(keys.height) for _ in _FIGURES]
        highest, greatest_peak = np.full(keys.height, np.nan), np.full(keys.height, np.nan)
        lowest = highest.copy()
        shape = np.zeros((keys.height, PARTS))
        near = (each for each in past if each.day != day.day and abs(each.day - day.day) <= REACH)
        looked = sorted(near, key=lambda each: each.day)
        place: Ints | None = None
        before: pl.DataFrame | None = None
        for each in looked:
            if each.keys is not before:
                place, before = _place(keys, each.keys), each.keys

            def its(values: NDArray[Number], place: Ints | None = place) -> NDArray[Number]:
                """In the order of the channels, 0 for one that the day has not."""
                return values if place is None else np.append(values, values.dtype.type(0))[place]

            copies |= (its(each.digest) == day.digest) & its(each.printed)
            used |= its(each.used)
            there = its(np.ones(each.keys.height, np.bool_))
            met |= there & (each.day < day.day)
            goes_on |= there & (each.day > day.day)
            if each.day == day.day - timedelta(days=1):
                zero_minutes, estimated_days = its(each.zero_minutes), its(each.estimated_days)
            if each.day < day.day:
                had, even, idle = its(each.used), its(each.steady), its(each.idle)
                rests += np.where(had, resting, 0)
                resting[had] = 0
                calm, alike = each.day in (off or like), bool(off) and each.day in like
                resting += idle & calm
                rested |= had & closed
                closed = (closed & ~had) | (idle & alike)
                steady += even
                varied = had & ~even
                varies |= varied
                returns += had & (ended >= IDLE)
                ended = its(each.zero_minutes)
                peak = its(each.figures[_FIGURES.index("peak_power")])
                stands += np.where(varied, standing, 0)
                standing[varied] = 0
                standing += even & calm
                stilled |= varied & still
                still = (still & ~varied) | (even & alike)
                stood = np.where(even & calm, np.maximum(stood, peak), stood)
                third = np.maximum(third, np.minimum(second, peak))
                second = np.maximum(second, np.minimum(first, peak))
                first = np.maximum(first, peak)
            if each.day < day.day and each.day in like:
                good = its(each.good)
                energy, peak, least = (its(figure) for figure in each.figures)
                for total, figure in zip(sums, (energy, peak, least), strict=True):
                    total += np.where(good, figure, 0)
                count += good
                shape += np.where(good[:, None], unpacked(its(each.shape)), 0)
                highest = np.where(good, np.fmax(highest, energy), highest)
                lowest = np.where(good, np.fmin(lowest, energy), lowest)
                greatest_peak = np.where(good, np.fmax(greatest_peak, peak), greatest_peak)
        mean, peaks, base = (np.where(count > 0, total, np.nan) / np.maximum(count, 1) for total in sums)
        new = keys.with_row_index("_line").filter(~pl.Series(met | goes_on))
        strange = np.zeros(keys.height, np.bool_)
        if new.height and looked:
            others = pl.concat([each.keys.join(new, on="meter_id", how="semi") for each in looked])
            swapped = new.join(others, on="meter_id", how="semi").join(others, on=["meter_id", "quantity"], how="anti")
            strange[swapped["_line"].to_numpy()] = True
        return cls(
            days=count,
            mean=mean,
            highest=highest,
            lowest=lowest,
            peak=peaks,
            base=base,
            greatest_peak=greatest_peak,
            shape=shape,
            used=used,
            rests=rests,
            stands=stands,
            stood=stood,
            rested=rested,
            stilled=stilled,
            steady=np.where(varies, 0, steady),
            returns=returns,
            own_peak=third,
            met=met,
            goes_on=goes_on,
            newest=max((each.day for each in looked), default=None),
            zero_minutes=zero_minutes,
            estimated_days=estimated_days,
            copies=copies,
            other_quantity=strange,
        )


def unpacked(shape: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The bytes of a shape, a column a part."""
    return shape.astype("<u8").view(np.uint8).reshape(-1, PARTS)


def _place(keys: pl.DataFrame, others: pl.DataFrame) -> Ints | None:
    """The row of each key among ``others``, the one after the last for a key that is not there; None where they are the
    same, as those of most days are."""
    if keys.equals(others):
        return None
    found = keys.join(others.with_row_index("_at"), on=CHANNEL, how="left", maintain_order="left")["_at"]
    return found.fill_null(others.height).cast(pl.Int64).to_numpy()
