"""Release: what of a day is published next, given all that was published of it before.

Within a day a meter is in one cell at most, so cells are sums over different customers and no difference of two is a
set of them. Between snapshots three rules keep differences from being one:

1. Cells are frozen: what was published together for a day stays together, under its name, with its values.
2. A cell is corrected once at most, in the restatement of its month, for all its slots at once, and only if its two
   versions pass together (``quality.privacy.versions``). Late customers of its zone and class join it then. Where a few
   customers' corrections would tell of them, those few keep their values.
3. Customers that were in no cell may form cells of their own, under names that the day does not have yet.

The *basis* has the columns of ``LOAD_PROFILE_BASIS`` and is all that must be remembered between snapshots. It must be
stored before what it stands for is published. docs/privacy.md has the proof and its limits.
"""

from typing import NamedTuple

import polars as pl

from quality.meter_grid import ZONE
from quality.privacy.batches import in_batches
from quality.privacy.place import DAY_CELL, place, whole
from quality.privacy.rule import KNOWN, MIN_CUSTOMERS, sums
from quality.privacy.versions import differ, followed
from quality.tables import DELIVERED, LOAD_PROFILE, LOAD_PROFILE_BASIS, QUARTERS

WITHDRAWN = "(withdrawn)"
"""Name, in the basis, of what was published once and never is again; no zone is called so."""

_METER = ["local_date", "meter_id"]
_BANDS = ((1000, "1000+"), (300, "300-999"), (100, "100-299"), (30, "30-99"), (15, "15-29"))

MILLION = 1_000_000
"""Parts of a kWh that energy is told in."""

SHARE_STEPS = 20
"""Shares are told in steps of 1/20, rounded down: finer ones would count a small cell's customers."""


class Release(NamedTuple):
    """The basis of the next snapshot, and the cells (``DAY_CELL``) of members that changed and whose values stay."""

    basis: pl.DataFrame
    withheld: pl.DataFrame


def release(
    members: pl.DataFrame,
    basis: pl.DataFrame,
    registered: pl.DataFrame,
    restate: bool = False,
    others: pl.DataFrame | None = None,
) -> Release:
    """The next basis, given the ``basis`` of all before.

    ``members`` are those of whole days (``quality.privacy.rule``), ``registered`` rows of ``meter_id, zone,
    customer_class``: all meters that the register has. With ``restate`` cells may be corrected.
    ``others`` (``customers_by_zone``) tells who is in the cells of the days before, of each zone the last within
    ``MEMORY``.
    """
    if basis.is_empty() and members["customer_id"].n_unique() < MIN_CUSTOMERS:
        # Fewer than a cell needs: years of a building's readings are days without any.
        return Release(basis, basis.select(DAY_CELL))
    if DELIVERED[0] not in members.columns:
        members = members.with_columns(**_all_known())
    energy = [*DELIVERED, *QUARTERS]
    who, known = members.drop(energy), basis.drop(energy, "zone_share", "zone_lacks")
    late = who.join(known, on=_METER, how="anti")
    joining = late.clear().with_columns(cell_zone="zone", cell_class="zone")
    if restate:
        # Who stays away from its zone's cells does not come into those of one day by way of a correction.
        there = pl.concat([whole(each, ["zone"], others).select(_METER) for each in in_batches(members, "zone")])
        joining = _joining(late, known)
        own = pl.col("cell_zone") == pl.col("zone")
        joining = pl.concat([joining.filter(~own), joining.filter(own).join(there, on=_METER, how="semi")])
    # A customer that moved house, tariff or hands stays what it was when it was published.
    placed = who.select(_METER).join(known, on=_METER).select(*joining.columns)
    in_cells, withheld = _revised(pl.concat([placed, joining]), members.select(*_METER, *energy), basis, restate)
    fresh = members.join(in_cells, on=_METER, how="anti") if in_cells.height else members
    new = fresh.drop(energy).with_columns(known=fresh.select(KNOWN).to_series())
    placed = new.join(place(fresh, known.select(DAY_CELL).unique(), others), on=_METER)
    # Meters of which nothing is known belong to what their like are in: a cell lacks what they used.
    both = pl.concat([placed, _joining(new.filter(~pl.col("known")), placed)]).select("meter_id", *DAY_CELL)
    cell = fresh.select(_METER).join(both, on=_METER, how="left", validate="1:1", maintain_order="left")
    inside = cell["cell_zone"].is_not_null()
    rows = fresh.with_columns(cell.select(DAY_CELL[1:]), restated=pl.lit(False)).select(in_cells.columns)
    # A column at a time: the energy of all would be there three times.
    first = pl.DataFrame([column.filter(inside).cast(in_cells.schema[column.name]) for column in rows])
    published = pl.concat([in_cells, first])
    return Release(_with_lacking(published, registered).select(LOAD_PROFILE_BASIS.schema.names()), withheld)


def _revised(placed: pl.DataFrame, energy: pl.DataFrame, basis: pl.DataFrame, restate: bool) -> Release:
    """What of the ``basis`` stays and what takes its place, without shares of zones; ``placed`` tells the cells of
    meters that have ``energy`` now."""
    names = [name for name in LOAD_PROFILE_BASIS.schema.names() if not name.startswith("zone_")]
    corrected, withheld = [], []
    for was in in_batches(basis, "cell_zone"):
        now = placed.join(was, on=DAY_CELL, how="semi").join(energy, on=_METER)
        after = _compared(now.cast(dict.fromkeys(QUARTERS, pl.Int64)), was)
        changed = after.lazy().filter(differ("was")).select(*_METER, *DAY_CELL[1:], *QUARTERS).collect()
        new = after.clear()
        if restate:
            first = was.filter(~pl.col("restated") & (pl.col("cell_zone") != WITHDRAWN))
            open_cells = changed.select(DAY_CELL).unique().join(first, on=DAY_CELL, how="semi")
            new = followed(after.join(open_cells, on=DAY_CELL, how="semi"))
        corrected.append(new.with_columns(restated=pl.lit(True)).select(names))
        told = pl.concat([was.select(names).join(new, on=DAY_CELL, how="anti"), corrected[-1]])
        told = changed.join(told.select(*_METER, pl.col(QUARTERS).name.suffix("_told")), on=_METER, how="left")
        withheld.append(told.filter(differ("told")).select(DAY_CELL).unique())
    new, old = pl.concat(corrected), basis.select(names)
    in_cells = pl.concat([old.join(new, on=DAY_CELL, how="anti"), new]) if new.height else old
    return Release(in_cells, pl.concat(withheld).sort(DAY_CELL))


HALF = len(QUARTERS) // len(DELIVERED)


def _all_known() -> dict[str, pl.Expr]:
    bits = [pl.col(name).is_not_null().cast(pl.UInt64) * 2 ** (at % HALF) for at, name in enumerate(QUARTERS)]
    return {name: pl.sum_horizontal(bits[at * HALF : (at + 1) * HALF]) for at, name in enumerate(DELIVERED)}


def _delivered() -> list[pl.Expr]:
    """How many members of a group have a quarter-hour that stands on delivered values, for each."""
    return [
        (pl.col(name).is_not_null() & (pl.col(DELIVERED[at // HALF]) // 2 ** (at % HALF) % 2 == 1)).sum().alias(name)
        for at, name in enumerate(QUARTERS)
    ]


def customers_by_zone(basis: pl.LazyFrame) -> pl.DataFrame:
    """Who is in the cells of a day's basis: ``local_date, cell_zone, customer_id``."""
    there = basis.filter(pl.col("cell_zone") != WITHDRAWN)
    return there.select("local_date", "cell_zone", "customer_id").unique().collect()


def _joining(late: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Those of a zone and class that a cell of the day has, in that cell: of their own zone if there is one."""
    groups = ["local_date", "zone", "customer_class"]
    homes = (
        known.filter(pl.col("cell_zone") != WITHDRAWN)
        .select(*groups, *DAY_CELL[1:], foreign=pl.col("cell_zone") != pl.col("zone"))
        .unique()
        .sort(*groups, "foreign", *DAY_CELL[1:])
        .unique(groups, keep="first")
    )
    return late.join(homes.drop("foreign"), on=groups)


def _compared(placed: pl.DataFrame, basis: pl.DataFrame) -> pl.DataFrame:
    """Members of published cells as they are now, those that vanished included, with what they were (``q0000_was`` and
    so on) and whether they were a ``member``."""
    gone = basis.join(placed, on=_METER, how="anti").with_columns(
        pl.lit(None, pl.Int64).alias(name) for name in QUARTERS
    )
    now = pl.concat([placed, gone.select(placed.columns)])
    was = basis.select(*_METER, pl.col(QUARTERS).name.suffix("_was"), member=pl.lit(True))
    return now.join(was, on=_METER, how="left")


def _with_lacking(basis: pl.DataFrame, registered: pl.DataFrame) -> pl.DataFrame:
    """``basis`` with what the cells of each zone lack of the zone: ``zone_share``, ``zone_lacks``."""
    days = basis.select("local_date").unique()
    # Who has moved since belongs to the zone and class it was published by.
    known = basis.select(*_METER, "zone", "customer_class")
    own = basis.select((pl.col("cell_zone") == pl.col("zone")).fill_null(value=False)).to_series()
    inside = known.filter(own).select(*_METER, inside=pl.lit(True))
    others = days.join(registered, how="cross").join(known, on=_METER, how="anti")
    there = pl.concat([known, others.select(known.columns)]).join(inside, on=_METER, how="left")
    of_class = there.group_by("local_date", "zone", "customer_class").agg(
        n=pl.len().cast(pl.Int64), here=pl.col("inside").sum().cast(pl.Int64)
    )
    lacks = pl.col("customer_class").filter(pl.col("here") < pl.col("n")).sort().str.join(", ")
    zones = of_class.group_by("local_date", cell_zone="zone").agg(
        zone_share=(pl.col("here").sum() * SHARE_STEPS // pl.col("n").sum() / SHARE_STEPS).round(2),
        zone_lacks=pl.when(lacks != "").then(lacks),
    )
    told = basis.select("local_date", "cell_zone").join(
        zones, on=["local_date", "cell_zone"], how="left", maintain_order="left"
    )
    return basis.with_columns(told["zone_share"], told["zone_lacks"])


def lacking(cells: pl.DataFrame) -> str | None:
    """In words, what the zones of ``LOAD_PROFILE`` rows lack; None where they lack nothing."""
    zones = cells.filter(pl.col("zone_lacks").is_not_null()).select("zone", "zone_lacks").unique().sort("zone")
    if not zones.height:
        return None
    return "zones without some of their meters: " + ", ".join(f"{zone} ({lacks})" for zone, lacks in zones.iter_rows())


def withdraw(basis: pl.DataFrame, meter_id: str) -> pl.DataFrame:
    """The ``basis`` without a meter and without the cells it was in.

    The others of those cells are kept under ``WITHDRAWN``: published again for that day without the meter, they would
    tell its amount as the difference.
    """
    left = basis.filter(meter_id=meter_id).select(DAY_CELL).unique().with_columns(_left=pl.lit(True))
    others = basis.filter(pl.col("meter_id") != meter_id).join(left, on=DAY_CELL, how="left", maintain_order="left")
    name = pl.when(pl.col("_left")).then(pl.lit(WITHDRAWN))
    return others.with_columns(cell_zone=name.otherwise("cell_zone"), cell_class=name.otherwise("cell_class")).drop(
        "_left"
    )


def cells(basis: pl.DataFrame) -> pl.DataFrame:
    """What is published of a ``basis``: ``LOAD_PROFILE`` rows, rounded to 1 kWh (half to even); ``n_band`` is of the
    day's customers, ``kwh`` null in a slot of which nothing is known."""
    return pl.concat([_cells(each) for each in in_batches(basis, "cell_zone")]).sort(LOAD_PROFILE.key)


def _cells(basis: pl.DataFrame) -> pl.DataFrame:
    published = basis.filter(pl.col("cell_zone") != WITHDRAWN)
    customers = published.filter(KNOWN).group_by(DAY_CELL).agg(n=pl.col("customer_id").n_unique())
    band = pl.lit(_BANDS[-1][1])
    for least, name in reversed(_BANDS[:-1]):
        band = pl.when(pl.col("n") >= least).then(pl.lit(name)).otherwise(band)
    groups = published.group_by(DAY_CELL)
    of_day = groups.agg(pl.col("zone_share", "zone_lacks").first(), meters=pl.len().cast(pl.Int64))
    total, there = (
        groups.agg(each).unpivot(QUARTERS, index=DAY_CELL, variable_name="slot", value_name=name)
        for name, each in (("total", sums(*QUARTERS)), ("there", [each.cast(pl.Int64) for each in _delivered()]))
    )
    midnight = pl.col("local_date").cast(pl.Datetime("us")).dt.replace_time_zone(ZONE).dt.convert_time_zone("UTC")
    hours, minutes = (pl.col("slot").str.slice(at, 2).cast(pl.Int64) for at in (1, 3))
    kwh, twice_the_rest = pl.col("total") // MILLION, pl.col("total") % MILLION * 2
    up = (twice_the_rest > MILLION) | ((twice_the_rest == MILLION) & (kwh % 2 == 1))
    return (
        of_day.join(customers.select(*DAY_CELL, n_band=band), on=DAY_CELL)
        .join(total, on=DAY_CELL)
        .join(there, on=[*DAY_CELL, "slot"])
        .select(
            "local_date",
            "n_band",
            "zone_share",
            "zone_lacks",
            zone="cell_zone",
            customer_class="cell_class",
            start=midnight + pl.duration(hours=hours, minutes=minutes),
            kwh=kwh + up.cast(pl.Int128),
            # Rounded down, so that 1.0 means all of them.
            actual_share=(pl.col("there") * SHARE_STEPS // pl.col("meters") / SHARE_STEPS).round(2),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in LOAD_PROFILE.schema.items())
    )
