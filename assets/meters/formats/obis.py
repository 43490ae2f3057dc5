"""OBIS codes (IEC 62056-6-1): what quantity a code holds, and whether it is energy of an interval.

``A-B:C.D.E*F``; A and B (medium, channel), E (tariff) and F (billing period) may be absent. C is the quantity, D how
it was processed: 29 energy of a load profile's period, 9 advance, 5 last average, 8 register.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

import polars as pl

from assets.meters.formats.canonical import FAMILIES, UNITS

Kind = Literal["energy", "average", "register"]

_CODE = re.compile(r"(?:(\d{1,3})-\d{1,3}:)?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:[*&]\d{1,3})?")
_QUANTITY = {
    1: "active_import",
    2: "active_export",
    3: "reactive_import",
    4: "reactive_export",
    # Quadrants: reactive power is taken in I and II (C = 5, 6) and given in III and IV (7, 8).
    5: "reactive_import",
    6: "reactive_import",
    7: "reactive_export",
    8: "reactive_export",
    9: "apparent",
    10: "apparent",
}
"""Sums over the phases only: beside them the phases' own codes (21, 41, 61...) would count everything twice."""
_KIND: dict[int, Kind] = {
    **dict.fromkeys((9, 29, 30), "energy"),
    **dict.fromkeys((4, 5, 14, 15, 24, 25, 27, 28), "average"),
    8: "register",
}


class Obis(NamedTuple):
    """An electrical energy code: quantity, kind, C (quantity and quadrant) and E (tariff; 0 is the total)."""

    quantity: str
    kind: Kind
    c: int
    tariff: int


def obis(code: str) -> Obis | None:
    """What ``code`` holds, or None where it is no electrical energy over the phases' sum."""
    found = _CODE.fullmatch(code.strip())
    if found is None or found[1] not in (None, "1"):
        return None
    quantity, kind = _QUANTITY.get(int(found[2])), _KIND.get(int(found[3]))
    return Obis(quantity, kind, int(found[2]), int(found[4] or 0)) if quantity and kind else None


def is_aside(code: str) -> bool:
    """Whether ``code`` is well formed and tells something else than electrical energy: gas, an extreme, a voltage."""
    found = _CODE.fullmatch(code.strip())
    return found is not None and (found[1] not in (None, "1") or int(found[3]) not in _KIND)


def explained(pairs: Iterable[tuple[str, str]], spelled: dict[str, str] | None = None) -> pl.DataFrame:
    """Codes with their units as delivered: ``code, unit, quantity, kind, c, tariff, factor, average, contradicts`` and
    ``aside`` (``is_aside``).

    ``quantity`` is null for codes ``obis`` does not know. A unit of another family than the code's, or a power where
    the code says energy, contradicts; the code is then believed, as it is where the unit is blank (kWh, kW and the
    like). ``spelled`` gives the ``UNITS`` key of a format's own unit names.
    """
    rows = []
    for code, name in sorted(set(pairs)):
        what = obis(code)
        unit = UNITS.get((spelled or {}).get(name.upper(), name.lower())) if name else None
        average = what is not None and what.kind == "average"
        fits = what is not None and unit is not None and unit[::2] == (FAMILIES[what.quantity], average)
        factor = unit.factor if fits and unit is not None else Decimal(1)
        rows.append((code, name, *(what or (None,) * 4), factor, average, bool(name) and not fits, is_aside(code)))
    schema = {
        "code": pl.String(),
        "unit": pl.String(),
        "quantity": pl.String(),
        "kind": pl.String(),
        "c": pl.Int64(),
        "tariff": pl.Int64(),
        "factor": pl.Decimal(18, 3),
        "average": pl.Boolean(),
        "contradicts": pl.Boolean(),
        "aside": pl.Boolean(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def counted_twice(channels: pl.DataFrame, series: str) -> pl.DataFrame:
    """Which of ``channels`` (``series, code, kind, c, tariff``) repeat another of the same ``series`` and C.

    Tariffs beside their total, and a mean power beside the same energy: adding both would count everything twice.
    """
    total = (pl.col("tariff") == 0).any().over(series, "c")
    energy = (pl.col("kind") == "energy").any().over(series, "c", "tariff")
    return channels.filter((pl.col("tariff") > 0) & total | (pl.col("kind") == "average") & energy)
