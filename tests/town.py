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
    withheld: int = 0

    def publish(self, day: date, attacker: Attacker, restate: bool = False, without: Iterable[str] = ()) -> None:
        """Make the day again, ``without`` meters that another town has; raises AssertionError if the gate's own recheck
        finds something."""
        elsewhere = set(without)
        mine = {meter: kwh for meter, kwh in self.delivered[day].items() if meter not in elsewhere}
        before = self.basis.get(day, LOAD_PROFILE_BASIS.empty())
        if not mine and not before.height:
            return
        basis, withheld = privacy.release(self.members(day, mine), before, self.registered(), restate)
        cells = privacy.cells(basis)
        found = privacy.violations(cells, basis, before)
        assert found.is_empty(), found
        self.basis[day], self.withheld = basis, self.withheld + withheld.height
        attacker.see(self.name, str(day), editions(cells, basis))

    def withdraw(self, day: date, meter: str) -> None:
        """Take a meter out of a day for ever."""
        self.delivered[day].pop(meter, None)
        self.basis[day] = privacy.withdraw(self.basis[day], meter)

    def members(self, day: date, delivered: Mapping[str, Array]) -> pl.DataFrame:
        slots = len(next(iter(delivered.values()))) if delivered else 0
        starts = [datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=at) for at in range(slots)]
        homes = [self.register[meter] for meter in delivered]
        of_meter = {
            "meter_id": [*delivered],
            "customer_id": [home.customer for home in homes],
            "zone": [home.zone for home in homes],
            "customer_class": [home.klass for home in homes],
        }
        kwh = np.concatenate([*delivered.values(), np.empty(0)])
        names = LOAD_PROFILE_BASIS.schema
        return pl.DataFrame(
            {name: np.repeat(np.array(told, dtype=object), slots) for name, told in of_meter.items()}
            | {"start": starts * len(homes), "local_date": [day] * len(kwh), "kwh": kwh},
            schema_overrides={**dict.fromkeys(of_meter, pl.String), "start": names["start"], "local_date": pl.Date},
        ).with_columns(pl.col("kwh").fill_nan(None).round(6).cast(names["kwh"]))

    def registered(self) -> pl.DataFrame:
        rows = [(meter, home.zone, home.klass) for meter, home in self.register.items()]
        return pl.DataFrame(rows, schema=dict.fromkeys(("meter_id", "zone", "customer_class"), pl.String), orient="row")


def editions(cells: pl.DataFrame, basis: pl.DataFrame) -> dict[tuple[str, str], Edition]:
    """The published ``cells`` of a day with the parts of customers that they are scored with."""
    starts = cells["start"].unique().sort()
    values = cells.group_by("zone", "customer_class", "start").agg(pl.col("kwh").cast(pl.Float64).first())
    parts = (
        basis.filter(pl.col("kwh").is_not_null())
        .group_by("cell_zone", "cell_class", "customer_id", "start")
        .agg(pl.col("kwh").sum().cast(pl.Float64))
    )
    at = {start: place for place, start in enumerate(starts)}
    found: dict[tuple[str, str], Edition] = {}
    for zone, klass, start, kwh in values.iter_rows():
        edition = found.setdefault((zone, klass), Edition(np.full(len(at), np.nan), {}))
        edition.values[at[start]] = np.nan if kwh is None else kwh
    customers = {cell: dict[str, Array]() for cell in found}
    for zone, klass, customer, start, kwh in parts.iter_rows():
        if (zone, klass) in customers and start in at:
            customers[zone, klass].setdefault(customer, np.full(len(at), np.nan))[at[start]] = kwh
    return {cell: edition._replace(parts=customers[cell]) for cell, edition in found.items()}
