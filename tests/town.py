"""A made-up town behind the gate: what its meters deliver goes through ``quality.privacy``, what is published is seen
by the attacker (``tests.attacker``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from quality import privacy
from quality.tables import LOAD_PROFILE_BASIS
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
        seen = [privacy.customers_by_zone(each.lazy()) for each in (before.clear(), *(self.basis[at] for at in past))]
        others = pl.concat(seen) if self.steady else None
        basis, withheld = privacy.release(self.members(day, mine), before, self.registered(), restate, others)
        cells = privacy.cells(basis)
        found = privacy.violations(cells, basis, before)
        assert found.is_empty(), found
        self.basis[day], self.withheld = basis, self.withheld + withheld.height
        self.registers[day] = dict(self.register)
        attacker.see(self.name, str(day), editions(cells, basis))

    def withdraw(self, day: date, meter: str) -> None:
        """Take a meter out of a day for ever."""
        self.delivered[day].pop(meter, None)
        self.basis[day] = privacy.withdraw(self.basis[day], meter)

    def members(self, day: date, delivered: Mapping[str, Array]) -> pl.DataFrame:
        """The deliveries of a day as the gate takes them."""
        homes = [self.register.get(meter, Home("unassigned", "other", meter)) for meter in delivered]
        kwh = np.stack([*delivered.values()]) if delivered else np.empty((0, 1))
        starts = [
            datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=at) for at in range(kwh.shape[1])
        ]
        schema = LOAD_PROFILE_BASIS.schema
        meters = pl.DataFrame(
            [(meter, home.customer, home.zone, home.klass) for meter, home in zip(delivered, homes, strict=True)],
            schema=dict.fromkeys(("meter_id", "customer_id", "zone", "customer_class"), pl.String),
            orient="row",
        )
        slots = pl.DataFrame({"start": starts, "local_date": day}, schema_overrides={"start": schema["start"]})
        values = pl.Series("kwh", kwh.ravel()).fill_nan(None).round(6).cast(schema["kwh"])
        return meters.join(slots, how="cross", maintain_order="left_right").with_columns(values)

    def registered(self) -> pl.DataFrame:
        rows = [(meter, home.zone, home.klass) for meter, home in self.register.items()]
        return pl.DataFrame(rows, schema=dict.fromkeys(("meter_id", "zone", "customer_class"), pl.String), orient="row")


def editions(cells: pl.DataFrame, basis: pl.DataFrame) -> dict[tuple[str, str], Edition]:
    """The published ``cells`` of a day with the parts of customers that they are scored with."""
    starts = cells.select("start").unique().sort("start").with_row_index("slot")
    slots = [str(slot) for slot in starts["slot"]]
    parts = basis.filter(pl.col("kwh").is_not_null()).group_by("cell_zone", "cell_class", "customer_id", "start")
    known = parts.agg(pl.col("kwh").sum().cast(pl.Float64)).rename(
        {"cell_zone": "zone", "cell_class": "customer_class"}
    )
    cell = ["zone", "customer_class"]
    values, customers = (
        each.join(starts, on="start").pivot("slot", index=[*cell, *of], values="kwh")
        for each, of in ((cells.with_columns(pl.col("kwh").cast(pl.Float64)), []), (known, ["customer_id"]))
    )

    def rows(table: pl.DataFrame) -> Array:
        there = (pl.col(slot) if slot in table.columns else pl.lit(None, pl.Float64).alias(slot) for slot in slots)
        return table.select(there).to_numpy()

    found = {name: Edition(row, {}) for name, row in zip(values.select(cell).iter_rows(), rows(values), strict=True)}
    for (*name, customer), row in zip(customers.select(*cell, "customer_id").iter_rows(), rows(customers), strict=True):
        if (name[0], name[1]) in found:
            found[name[0], name[1]].parts[customer] = row
    return found
