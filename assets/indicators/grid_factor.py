"""What a kilowatt-hour from the Thai grid emits: published factors, by the day from which they hold.

The Thailand Greenhouse Gas Management Organization (TGO) sets them for carbon footprints of organisations. Add a new
one on top when it is published; a day before the oldest has none, and nothing is carried back.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True)
class GridFactor:
    """Emission factor of electricity as bought (Scope 2: combustion, and losses of transmission and distribution).

    ``confidence``. A: read in TGO's own publication. B: read in a news report of it. C: otherwise.
    """

    kg_co2e_per_kwh: float
    valid_from: date
    source: str
    confidence: Literal["A", "B", "C"]


FACTORS = (
    # Without the 0.0812 kgCO2e/kWh for extraction, refining and transport of the fuels, which TGO sets for Scope 3.
    # Until 31 March 2026 organisations could still use the factor before; its value was not found.
    GridFactor(
        0.4750,
        date(2026, 1, 1),
        "TGO, in The Nation, 30 November 2025 (https://www.nationthailand.com/news/policy/40059019)",
        "B",
    ),
)
"""Newest first."""


def grid_factor(day: date) -> GridFactor | None:
    """The factor that holds on ``day``; None where none that was published is known."""
    return next((factor for factor in FACTORS if factor.valid_from <= day), None)
