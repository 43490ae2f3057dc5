"""What is planted in the demo's inbox: every fault, by city. Cities that are not listed are clean.

A dirty city shows what the product does about the fault; the others show that it stays that city's own affair.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """One fault: its name, the source (inbox folder) and how the file's name begins.

    ``code`` is the problem (``quality.problems``) its reader must report; None where no single row or file is wrong
    and only the city as a whole shows it. ``meters`` is how many meters it touches (in a city of 2,000).
    """

    name: str
    source: str
    file: str
    code: str | None = None
    meters: int = 0


PLANTED: dict[str, tuple[Planted, ...]] = {
    "phuket": (
        Planted("blank-cells", "nem12_exports", "NEM12-", "value-blank", meters=10),
        Planted("silent-meter", "meter_register", "register", meters=1),
        Planted("unregistered-meter", "nem12_exports", "NEM12-", "meter-unregistered", meters=1),
        Planted("correction", "nem12_exports", "NEM12-corrections", "day-repeated", meters=2),
        Planted("small-zone", "meter_register", "register", meters=9),
    ),
    "mae_moh": (Planted("dominant-customer", "meter_register", "register", meters=1),),
    "samyan": (
        Planted("empty-file", "amr_exports", "mea-empty", "file-empty"),
        Planted("picture", "amr_exports", "mea-picture", "file-not-data"),
        Planted("login-page", "amr_exports", "mea-login", "file-html"),
        Planted("unknown-format", "amr_exports", "mea-sensors", "format-unknown"),
    ),
    "korat": (
        Planted("short-row", "nem12_exports", "NEM12-", "interval-count", meters=1),
        Planted("text-value", "nem12_exports", "NEM12-", "value-not-number", meters=1),
        Planted("negative-value", "city_exports", "meters-", meters=1),
        Planted("truncated-file", "city_exports", "meters-late", "file-truncated", meters=20),
    ),
}
"""Faults by city slug."""


def is_planted(city: str, name: str) -> bool:
    """Whether the fault of this name is planted in the city."""
    return any(fault.name == name for fault in PLANTED.get(city, ()))
