"""A made-up town behind the gate: what its meters deliver goes through ``quality.privacy``, what is published is seen
by the attacker (``tests.attacker``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from quality import privacy
from quality.tables import LOAD_PROFILE_BASIS, QUARTERS
from tests.attacker import Array, Attacker, Edition

DAY = date(2026, 1, 1)


class Home(NamedTuple):
    """What the register says of a meter."""

    zone: str
    klass: str
    customer: str


@dataclass
class Town:
    """``delivered``: kWh of meters by slot, a reading day; a meter of which nothing came is not in it, one that is
    silent has NaN. The memory of what was published is ``basis``."""

    register: dict[str, Home]
    name: str = "town"
    delivered: dict[date, dict[str, Array]] = field(default_factory=dict)
    basis: dict[date, pl.DataFrame] = field(default_factory=dict)
    registers: dict[date, dict[str, Home]] = field(default_factory=dict)
    """The register as it was when a day was made last."""
    withheld: int = 0
    slots: int = 1
    """Of a day, of which something is delivered: the first of its quarter-hours."""
    steady: bool = True
    """Whether the gate is told of the days before."""

    def publish(self, day: date, attacker: Attacker, restate: bool = False, without: Iterable[str] = ()) -> None:
        """Make the day again, ``without`` meters that another town has; raises AssertionError if the gate's own recheck
        finds something."""
        elsewhere = set(without)
        mine = {meter: kwh for meter, kwh in self.delivered[day].items() if meter not in elsewhere}
        before = self.basis.get(day, LOAD_PROFILE_BASIS.empty())
        if not mine and not before.height:
            return
        past = [other for other in self.basis if day - privacy.MEMORY <= other < day]
        seen = pl.concat(each.lazy() for each in (before.clear(), *(self.basis[at] for at in past)))
        others = privacy.customers_by_zone(seen) if self.steady else None
        basis, withheld = privacy.release(self.members(day, mine), before, self.registered(), restate, others)
        cells = privacy.cells(basis)
        found = privacy.violations(cells, basis, before)
        assert found.is_empty(), found
        self.basis[day], self.withheld = basis, self.withheld + withheld.height
        self.registers[day] = dict(self.register)
        self.slots = max([self.slots, *map(len, self.delivered[day].values())])
        attacker.see(self.name, str(day), editions(cells, basis, self.slots))

    def withdraw(self, day: date, meter: str) -> None:
        """Take a meter out of a day for ever."""
        self.delivered[day].pop(meter, None)
        self.basis[day] = privacy.withdraw(self.basis[day], meter)

    def members(self, day: date, delivered: Mapping[str, Array]) -> pl.DataFrame:
        """The deliveries of a day as the gate takes them."""
        homes = [self.register.get(meter, Home("unassigned", "other", meter)) for meter in delivered]
        kwh = np.stack([*delivered.values()]) if delivered else np.empty((0, 1))
        meters = pl.DataFrame(
            [(meter, home.customer, home.zone, home.klass) for meter, home in zip(delivered, homes, strict=True)],
            schema=dict.fromkeys(("meter_id", "customer_id", "zone", "customer_class"), pl.String),
            orient="row",
        )
        whole_day = np.full((len(homes), len(QUARTERS)), np.nan)
        whole_day[:, : kwh.shape[1]] = kwh
        energy = pl.DataFrame(whole_day, QUARTERS).with_columns((pl.all().fill_nan(None) * 1e6).round().cast(pl.Int64))
        return meters.with_columns(pl.lit(day).alias("local_date")).hstack(energy)

    def registered(self) -> pl.DataFrame:
        rows = [(meter, home.zone, home.klass) for meter, home in self.register.items()]
        return pl.DataFrame(rows, schema=dict.fromkeys(("meter_id", "zone", "customer_class"), pl.String), orient="row")


def editions(cells: pl.DataFrame, basis: pl.DataFrame, slots: int) -> dict[tuple[str, str], Edition]:
    """The published ``cells`` of a day's first ``slots``, with the parts of customers that they are scored with."""
    parts: dict[tuple[str, str], dict[str, Array]] = {}
    for zone, klass, customer, *told in basis.select("cell_zone", "cell_class", "customer_id", *QUARTERS).iter_rows():
        of_meter = np.array(told[:slots], dtype=float) / 1e6
        customers = parts.setdefault((zone, klass), {})
        known = customers.get(customer, np.full(slots, np.nan))
        customers[customer] = np.where(np.isnan(of_meter), known, np.nan_to_num(known) + of_meter)
    cell = ["zone", "customer_class"]
    values: dict[tuple[str, str], Array] = {}
    for (zone, klass), rows in cells.sort("start").group_by(cell):
        values[str(zone), str(klass)] = rows["kwh"].cast(pl.Float64).to_numpy()[:slots]
    # Of who has nothing in a cell nothing is known there.
    return {
        name: Edition(row, {who: kwh for who, kwh in parts.get(name, {}).items() if not np.isnan(kwh).all()})
        for name, row in values.items()
    }
