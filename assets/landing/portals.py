"""The portals Muang knows: where each answers and under which licence.

A base URL is a setting (``MUANG_PORTALS``, a JSON object of name to URL); these are the defaults.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Portal:
    """A portal: its base URL, whose it is, and what its data may be used for."""

    base_url: str
    publisher: str
    licence: str


PORTALS: dict[str, Portal] = {
    "air4thai": Portal("https://air4thai.pcd.go.th", "Pollution Control Department", "not established"),
    "open_meteo": Portal("https://api.open-meteo.com", "Open-Meteo", "CC BY 4.0; free use is non-commercial"),
    "namtang": Portal("https://namtang-api.otp.go.th", "Office of Transport and Traffic Policy", "CC BY 4.0"),
    "phuket_gdcatalog": Portal("https://phuket.gdcatalog.go.th", "Phuket province", "per package"),
}
