"""The load profile: energy taken from the grid by zone, customer class and quarter-hour.

Made of final interval values and the meter register; what of it may be published is ``quality.privacy``'s to say.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.lake import overlap, stale_days
from assets.lake.derive import Built
from assets.lake.files import FROM_BACKUP, CityLake, Written
from assets.lake.meter_registers import Registers
from assets.lake.verdicts import judge, keep
from assets.landing.deployment import Step
from quality import gate, privacy
from quality.meter_grid import MINUTE, midnight
from quality.tables import (
    DELIVERED,
    DELIVERIES,
    IS_CUSTOMER,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_FINAL,
    METER_INTERVALS,
    METERS,
    QUARTERS,
)
from quality.vee.kept import COUNTED, narrowed
from quality.verdicts import Verdict, contract, keys, of_group, structure, worst

QUARTER = 15
"""Minutes. Shorter intervals that divide it are summed; a longer one is never spread, that would invent a shape."""

UNASSIGNED = "unassigned"
"""Zone of meters that deliver but are not in the register."""

VARIED = 8
"""Different values of a day from which it is like another's by no chance: ``repeated_distinct`` of the meter rules."""

PUBLIC = "public"
"""Class whose meters count as one customer where the register has no accounts."""


@dataclass(frozen=True)
class LoadProfile:
    """``cells`` in the schema of ``load_profile``, the ``basis`` they stand on (``load_profile_basis``), verdicts.

    Store the basis before the cells: a basis without its cells costs a correction, cells without their basis privacy.
    """

    cells: pl.DataFrame
    basis: pl.DataFrame
    verdicts: list[Verdict]
    corrections: int = 0
    """Cells whose customers have other values than published."""


class Contributions(NamedTuple):
    """Energy of meters by quarter-hour, and the meters that lack one.

    ``quarters``: ``meter_id, local_date``, ``DELIVERED`` and ``QUARTERS`` (millionths of a kWh, null where unknown, in
    32 bits where these hold all), one a meter.
    ``long``: ids of meters that are left out, because an interval of theirs does not divide a quarter-hour.
    ``negative``: ids of meters of which a value is.
    """

    quarters: pl.DataFrame
    long: pl.Series
    negative: pl.Series


COLUMNS = ("meter_id", "quantity", "start", "minutes", "local_date", "value_final", "final_quality")
"""What contributions are made of, of ``meter_final``."""

READ = ("V", "S", "U")
"""Final qualities of values that were read; the others are estimates, of the utility or our own."""

IMPOSSIBLE = 10**18
"""Millionths of a kWh: a sum that a value of ``meter_intervals`` could not hold (10^12 kWh) is no energy."""

BLOCK = 65_536
"""Meters whose energy is put together as it comes: 50 MB."""

_IDS = pl.Series("meter_id", [], pl.String)
_NONE = Contributions(
    pl.Schema({"meter_id": pl.String(), "local_date": pl.Date()} | dict.fromkeys(DELIVERED, pl.UInt64())).to_frame(),
    _IDS,
    _IDS,
)
_NO_ENERGY = np.empty((len(QUARTERS), 0), np.int64)


def contributions(pieces: Iterable[pl.DataFrame]) -> Contributions:
    """Energy per meter and quarter-hour of a local day, from pieces of its intervals (``COLUMNS``) that share no meter.

    A meter's active imports are added up; its quarter-hour is null unless there are intervals in it, and each has a
    final value that is not negative.
    """
    parts, blocks, some = [_NONE], list[NDArray[np.int64]](), list[NDArray[np.int64]]()
    for part, energy in map(_of_piece, pieces):
        parts.append(part)
        some.append(energy)
        if sum(each.shape[1] for each in some) >= BLOCK:
            blocks.append(narrowed(np.concatenate(some, axis=1)))
            some.clear()
    blocks.append(narrowed(np.concatenate([_NO_ENERGY, *some], axis=1)))
    quarters, long, negative = (pl.concat(each, rechunk=True) for each in zip(*parts, strict=True))
    known: list[pl.Series] = []
    # Some columns at a time: all would be there twice.
    for these in np.split(np.arange(len(QUARTERS)), 8):
        sums = pl.DataFrame({QUARTERS[at]: np.concatenate([each[at] for each in blocks]) for at in these})
        known += sums.select(pl.when(pl.all() >= 0).then(pl.all())).get_columns()
    return Contributions(quarters.with_columns(known), long, negative)


def _of_piece(intervals: pl.DataFrame) -> tuple[Contributions, NDArray[np.int64]]:
    """The contributions of a piece without ``QUARTERS``, and these: a row a quarter-hour, -1 where it is unknown."""
    taken = intervals.filter(pl.col("quantity") == "active_import")
    fits = (pl.col("minutes") <= QUARTER) & (QUARTER % pl.col("minutes") == 0)
    long = taken.filter(~fits)["meter_id"].unique()
    # A meter with one channel too coarse would be counted by half; it is left out for the day.
    taken = taken.filter(~pl.col("meter_id").is_in(long.implode())) if long.len() else taken
    if not taken.height:
        return _NONE._replace(long=long), _NO_ENERGY
    if not taken["meter_id"].is_sorted():
        taken = taken.sort("meter_id")
    meter = taken["meter_id"].rle_id().to_numpy().astype(np.int64)
    ids = taken["meter_id"].gather(np.flatnonzero(np.diff(meter, prepend=-1)))
    day = taken["local_date"][0]
    quarter = (taken["start"].to_physical().to_numpy() - midnight(day)) // (QUARTER * MINUTE)
    value = taken["value_final"].to_physical().cast(pl.Int64)
    place = meter * len(QUARTERS) + quarter
    energy = _added(place, value.fill_null(-1).to_numpy(), len(ids) * len(QUARTERS))
    delivered = energy >= 0
    delivered[place[(~taken["final_quality"].is_in(READ)).to_numpy()]] = False
    halves = delivered.reshape(len(ids), len(DELIVERED), -1)
    bits = halves @ (np.uint64(1) << np.arange(halves.shape[2], dtype=np.uint64))
    told = (pl.Series(name, bits[:, at]) for at, name in enumerate(DELIVERED))
    meters = pl.select(ids, pl.lit(day).alias("local_date"), *told)
    negative = taken["meter_id"].filter(value < 0).unique()
    return Contributions(meters, long, negative), energy.reshape(-1, len(QUARTERS)).T.copy()


def _added(place: NDArray[np.int64], value: NDArray[np.int64], places: int) -> NDArray[np.int64]:
    """Sums of what is in one place; -1 where nothing is, or something negative, or more than a sum may be."""
    total, known = np.zeros(places, np.int64), np.zeros(places, np.bool_)
    np.add.at(total, place, value)
    known[place] = True
    known[place[value < 0]] = False
    # In floating point too, where a sum that 64 bits cannot hold is seen.
    roughly = np.bincount(place, value, places)
    return np.where(known & (total < IMPOSSIBLE) & (roughly < 2 * IMPOSSIBLE), total, -1)


def members(quarters: pl.DataFrame, register: pl.DataFrame) -> pl.DataFrame:
    """``quarters`` of meters with zone, class and customer of each: what ``quality.privacy.rule`` calls members.

    ``register`` are rows of ``meters``, one a meter (raises ``polars.exceptions.ComputeError`` if a meter occurs
    twice). Meters outside it get zone ``unassigned`` and class ``other``.

    A customer is a contract account. Where the register has none, a meter is one, but all meters of the class
    ``public`` are one together: in most towns the municipality pays for them.
    """
    known = register.select("meter_id", "zone", "customer_class", "customer_id")
    told = quarters.select("meter_id").join(known, on="meter_id", how="left", validate="m:1", maintain_order="left")
    # Beside the quarter-hours, which are not copied for it.
    return quarters.with_columns(told.drop("meter_id")).with_columns(
        pl.col("zone").fill_null(UNASSIGNED),
        pl.col("customer_class").fill_null(privacy.OTHER),
        customer_id=pl.coalesce(
            "customer_id", pl.when(customer_class=PUBLIC).then(pl.lit(PUBLIC)).otherwise("meter_id")
        ),
    )


def written_otherwise(quarters: pl.DataFrame, register: pl.DataFrame) -> pl.Series:
    """Ids of meters outside the ``register`` that have the whole day of one within it: the same meter under a number
    that another file writes otherwise, as without its leading zeros, which would count twice."""
    # A few quarter-hours first: of a million meters all of them are not looked at, nor copied, for a few strangers.
    some = QUARTERS[:: len(QUARTERS) // 8]
    few = quarters.select("meter_id", *some).filter(pl.max_horizontal(some) > 0)
    listed = few["meter_id"].is_in(register["meter_id"].implode())
    strangers = few.filter(~listed).join(few.filter(listed), on=some, how="semi", nulls_equal=True)
    like = few.filter(listed).join(strangers, on=some, how="semi", nulls_equal=True)
    both = [quarters.filter(pl.col("meter_id").is_in(each["meter_id"].implode())) for each in (strangers, like)]
    varied = pl.concat_list(QUARTERS).list.drop_nulls().list.n_unique() >= VARIED
    return both[0].filter(varied).join(both[1], on=list(QUARTERS), how="semi", nulls_equal=True)["meter_id"]


def build(
    parts: Contributions,
    register: pl.DataFrame,
    published: pl.DataFrame | None = None,
    restate: bool = False,
    others: pl.DataFrame | None = None,
    same: pl.DataFrame | None = None,
) -> LoadProfile:
    """The load profile of a whole local day, given the basis of what was published for it before. ``register`` as in
    ``members``, ``restate`` and ``others`` as in ``quality.privacy.release``, ``same`` as in ``overlap.told_once``."""
    before = LOAD_PROFILE_BASIS.empty() if published is None else published
    respelt = 0
    if same is not None and same.height:
        strangers = same.filter(pl.col("meter_id") != pl.col("one"))["meter_id"]
        respelt = int(parts.quarters["meter_id"].is_in(strangers.implode()).sum())
        parts = parts._replace(quarters=overlap.told_once(parts.quarters, same))
    again = written_otherwise(parts.quarters, register)
    if again.len():
        parts = parts._replace(quarters=parts.quarters.filter(~pl.col("meter_id").is_in(again.implode())))
    theirs = members(parts.quarters, register)
    basis, withheld = privacy.release(theirs, before, register, restate, others)
    told = theirs.select("local_date", "meter_id", "zone", known=privacy.KNOWN)
    # The energy of a million meters is half a gigabyte: it goes before the next work begins.
    del theirs
    parts = parts._replace(quarters=parts.quarters.clear())
    verdicts = _verdicts(told, register, basis, withheld, parts, respelt + again.len())
    cells = privacy.cells(basis)
    return LoadProfile(cells, basis, [privacy.recheck(cells, basis, before), *verdicts], withheld.height)


def _verdicts(
    members: pl.DataFrame,
    register: pl.DataFrame,
    basis: pl.DataFrame,
    withheld: pl.DataFrame,
    parts: Contributions,
    again: int,
) -> list[Verdict]:
    known = members.filter("known")
    key = ["local_date", "meter_id"]
    hidden = known.join(basis.select(key), on=key, how="anti")
    public = register.filter(pl.col("customer_class") == PUBLIC, pl.col("customer_id").is_null())
    found = [
        (
            "withheld-correction",
            basis.select(privacy.DAY_CELL).n_unique(),
            withheld.height,
            "cells keep their published values: a day is corrected once, a week after its month",
        ),
        ("withheld-cell", known.height, hidden.height, "meters are in no cell of their day that passes 15/15"),
        ("customer-unknown", register.height, public.height, "public meters have no account: they count as one"),
    ]
    for reason, meters, text in (
        ("interval-length", parts.long, f"meters left out: their interval does not divide {QUARTER} minutes"),
        ("value-negative", parts.negative, "meters have a negative import; their quarter-hour counts as missing"),
    ):
        found.append((reason, members.height, meters.len(), text))
    strangers = members.filter(zone=UNASSIGNED).height
    found.append(("meter-unregistered", members.height, strangers, "meters have no zone or class in the register"))
    text = "meters outside the register are in it under a number that is written otherwise: they count once"
    found.append(("unregistered-twice", members.height + again, again, text))
    return [
        Verdict(LOAD_PROFILE.name, check, "warn" if failed else "pass", checked, failed, f"{failed} {text}")
        for check, checked, failed, text in found
    ]


_UNREAD = (pl.col("status") == "failed") & pl.col("table").is_in([METER_INTERVALS.name, METERS.name])
"""Rows of the ledger: deliveries that are due again because memory, disk or the like failed."""

RESTATED_AFTER = timedelta(days=7)
"""A month is restated a week after its end: until then its deliveries and their corrections come in."""


def restatable(reading_day: date, day: date) -> bool:
    """Whether, on delivery day ``day``, a published reading day may be corrected: its month was restated or is now."""
    next_month = (reading_day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day >= next_month + RESTATED_AFTER


def make(step: Step, committed: Callable[[], Collection[date]] = tuple) -> Built:
    """Make the load profile of every day whose meter intervals changed, and of the reading day.

    ``committed`` tells days whose profile committed snapshots hold: one of them that the memory lacks is refused, it
    may not be published a first time twice. Cells that the gate blocks are never written. The basis is stored before
    the cells: a crash in between costs a correction, never privacy. Where the machine failed to read a delivery of the
    day no day is made: what is published lacks its meters until the month is restated, and another run may read it.
    """
    lake, day = CityLake.of(step), step.day
    remembered = lake.days(LOAD_PROFILE_BASIS)
    waiting = {each for each in stale_days.noted(lake, LOAD_PROFILE_BASIS) if restatable(each, day)}
    lost = set(remembered) - set(lake.days(LOAD_PROFILE))
    days = sorted({*stale_days.noted(lake, METER_FINAL), day - timedelta(days=1), *waiting, *lost})
    forgotten = set(committed()).difference(remembered) if not {*days}.issubset(remembered) else set()
    verdicts = [_forgotten(sorted(forgotten.intersection(days)), len(days))]
    if unread := lake.day(DELIVERIES, day).filter(_UNREAD).height:
        text = f"{unread} of the day's deliveries could not be read for now: nothing is published before they are"
        verdicts.append(Verdict(LOAD_PROFILE.name, "withheld-unread", "warn", unread, unread, f"{text}; run it again"))
        days = []
    basis_verdicts: list[Verdict] = []
    files: list[Written] = []
    taken: dict[date, tuple[int, int]] = {}
    cells = [LOAD_PROFILE.empty()]
    registers, past = Registers.of(lake), _Past(lake, remembered)
    shared, spellings = overlap.shared_with(lake), overlap.spellings(lake)
    for reading_day in sorted({*days} - forgotten):
        pieces = lake.keys(METER_FINAL, (reading_day, reading_day))
        before = lake.day(LOAD_PROFILE_BASIS, reading_day)
        if pieces or before.height:
            whole = registers.in_force(reading_day)
            register, aside = whole.filter(IS_CUSTOMER), whole.filter(~IS_CUSTOMER)["meter_id"]
            theirs, same = overlap.elsewhere(shared, reading_day), overlap.counted_as(spellings, whole["meter_id"])
            out = pl.concat([aside, pl.Series(sorted(theirs), dtype=pl.String)]).implode()
            mine = ~pl.col("meter_id").is_in(out)
            mine &= ~pl.col("meter_id").is_in(same.filter(pl.col("one").is_in(out))["meter_id"].implode())
            if theirs:
                came = {id for key in pieces for id in lake.values(METER_FINAL, [key], "meter_id")}
                taken[reading_day] = (len(came & theirs), len(came))
            scans = (lake.scan(METER_FINAL, key).filter(COUNTED).select(COLUMNS) for key in pieces)
            known = before if before.height else None
            profile = build(
                contributions(scan.filter(mine).collect() for scan in scans),
                register,
                known,
                restatable(reading_day, day),
                past.of(reading_day),
                same,
            )
            judged = of_group("contract", (check(LOAD_PROFILE, profile.cells) for check in (structure, keys, contract)))
            judged += profile.verdicts
            basis_judged = gate.judge(LOAD_PROFILE_BASIS, profile.basis, reading_day, day)
            verdicts += judged
            basis_verdicts += basis_judged
            if gate.blocks(judged) or gate.blocks(basis_judged):
                continue  # the day keeps what it had, and is made again the next night
            if not _remember(lake, reading_day, profile.basis, before):
                continue
            past.add(reading_day, profile.basis)
            stale_days.note(lake, LOAD_PROFILE, [reading_day])
            files += lake.put(LOAD_PROFILE, reading_day, profile.cells)
            cells.append(profile.cells)
            if profile.corrections:
                stale_days.note(lake, LOAD_PROFILE_BASIS, [reading_day])
            if restatable(reading_day, day):
                stale_days.settle(lake, LOAD_PROFILE_BASIS, [reading_day])
        stale_days.settle(lake, METER_FINAL, [reading_day])
    verdicts.append(overlap.verdict(taken, [other.city for other, _ in shared]))
    # Once for all days: the suite costs the same for a day as for a year, and nothing it blocks passes the contract.
    written = pl.concat(cells)
    found = judge(step, LOAD_PROFILE, written, lake.newest(LOAD_PROFILE), more=verdicts)
    basis_found = keep(step, LOAD_PROFILE_BASIS, worst(basis_verdicts))
    return Built(days, files, [*found, *basis_found])


class _Past:
    """Who was in the cells of each zone on its last day before another, of days that are asked for in order."""

    def __init__(self, lake: CityLake, remembered: Collection[date]) -> None:
        self.lake, self.remembered = lake, {*remembered}
        self.asked = date.min
        self.last: dict[str, pl.DataFrame] = {}
        """By zone, up to the day that was asked for last."""
        self.made: dict[date, pl.LazyFrame] = {}

    def of(self, day: date) -> pl.DataFrame:
        """What ``quality.privacy.release`` takes as ``others`` of a day."""
        oldest = day - privacy.MEMORY
        found: dict[str, pl.DataFrame] = {}
        for each in sorted((at for at in self.remembered if max(oldest, self.asked) <= at < day), reverse=True):
            # Most zones had cells the day before, so that of days before that next to nothing is read.
            others = self._basis(each).filter(~pl.col("cell_zone").is_in([*found]))
            found |= {
                rows["cell_zone"][0]: rows for rows in privacy.customers_by_zone(others).partition_by("cell_zone")
            }
        known = {zone: rows for zone, rows in self.last.items() if rows["local_date"][0] >= oldest}
        self.asked, self.last = day, known | found
        return pl.concat([privacy.customers_by_zone(LOAD_PROFILE_BASIS.empty().lazy()), *self.last.values()])

    def add(self, day: date, basis: pl.DataFrame) -> None:
        """A day is remembered now, or otherwise."""
        self.remembered = self.remembered | {day} if basis.height else self.remembered - {day}
        self.made = {day: basis.select("local_date", "cell_zone", "customer_id").lazy()}

    def _basis(self, day: date) -> pl.LazyFrame:
        known = self.made.get(day)
        return self.lake.scan(LOAD_PROFILE_BASIS, self.lake.key(LOAD_PROFILE_BASIS, day)) if known is None else known


def _remember(lake: CityLake, day: date, basis: pl.DataFrame, before: pl.DataFrame) -> bool:
    """Store the basis of a day; False where another city took one of its meters in the meantime, and nothing is."""
    lake.put(LOAD_PROFILE_BASIS, day, basis)
    new = basis.select("meter_id").join(before, on="meter_id", how="anti")["meter_id"]
    # Asked again, of cities that have come since too: who looks after it has stored cannot be missed.
    if not new.is_in(overlap.elsewhere(overlap.shared_with(lake), day)).any():
        return True
    lake.put(LOAD_PROFILE_BASIS, day, before)
    return False


def _forgotten(days: Sequence[date], checked: int) -> Verdict:
    text = "days of published snapshots are known of, and what they were made of"
    if days:
        told = ", ".join(map(str, days))
        text = f"what was published of {told} is forgotten: run `muang lake upgrade`, or {FROM_BACKUP}"
    return Verdict(LOAD_PROFILE.name, "memory", "warn" if days else "pass", checked, len(days), text)
