"""The portals Muang knows: where each answers, under which licence, and how gently it is asked.

A base URL is a setting (``MUANG_PORTALS``, a JSON object of name to URL); these are the defaults. A province's node of
the Government Data Catalog needs no entry: the portal ``<node>_gdcatalog`` is ``https://<node>.gdcatalog.go.th``.
"""

import re
from dataclasses import dataclass

CKAN_ACTIONS = "/api/3/action"
"""Where CKAN's Action API lies below a portal's base URL (https://docs.ckan.org/en/2.10/api/)."""


@dataclass(frozen=True)
class Portal:
    """A portal: its base URL, whose it is, and what its data may be used for.

    ``commercial`` is False where free use is non-commercial. ``per_minute`` bounds the requests to it, ``keys`` names
    the secrets (``MUANG_KEYS``) it wants. ``actions`` is the path of a CKAN portal's API and ``key_header`` the
    header that carries its key, except for ``open_actions``, which need none.
    """

    base_url: str
    publisher: str
    licence: str
    commercial: bool = True
    per_minute: float = 60.0
    keys: tuple[str, ...] = ()
    actions: str = CKAN_ACTIONS
    key_header: str | None = None
    open_actions: tuple[str, ...] = ()


PORTALS: dict[str, Portal] = {
    "air4thai": Portal("https://air4thai.pcd.go.th", "Pollution Control Department", "not established"),
    "gistda_pm25": Portal("https://pm25.gistda.or.th", "GISTDA", "not established"),
    # Free use: 600 a minute, 5,000 an hour, 10,000 a day (https://open-meteo.com/en/terms).
    "open_meteo": Portal(
        "https://api.open-meteo.com", "Open-Meteo", "CC BY 4.0; free use is non-commercial", False, per_minute=300
    ),
    "open_meteo_archive": Portal(
        "https://archive-api.open-meteo.com", "Open-Meteo", "CC BY 4.0; free use is non-commercial", False, 300
    ),
    "open_meteo_air": Portal(
        "https://air-quality-api.open-meteo.com", "Open-Meteo", "CC BY 4.0; free use is non-commercial", False, 300
    ),
    "tmd": Portal(
        "https://data.tmd.go.th", "Thai Meteorological Department", "not established", keys=("tmd_uid", "tmd_ukey")
    ),
    "thaiwater": Portal("https://api-v3.thaiwater.net", "Hydro-Informatics Institute", "not established"),
    "gistda": Portal("https://api-gateway.gistda.or.th", "GISTDA", "not established", keys=("gistda",)),
    # 5,000 transactions in ten minutes (https://firms.modaps.eosdis.nasa.gov/api/).
    "firms": Portal(
        "https://firms.modaps.eosdis.nasa.gov", "NASA FIRMS", "open, with acknowledgement", keys=("firms",)
    ),
    "egat": Portal("https://www.sothailand.com", "EGAT", "not established", per_minute=20),
    "openchargemap": Portal(
        "https://api.openchargemap.io",
        "OpenChargeMap",
        "CC BY 4.0 or CC BY-SA 4.0, by data provider",
        keys=("openchargemap",),
    ),
    "namtang": Portal("https://namtang-api.otp.go.th", "Office of Transport and Traffic Policy", "CC BY 4.0"),
    "longdo": Portal("https://event.longdo.com", "iTIC Foundation", "archives CC BY 4.0; feed not established"),
    "traffy": Portal("https://publicapi.traffy.in.th", "NECTEC Traffy Fondue", "not published", per_minute=20),
    "dopa": Portal("https://stat.bora.dopa.go.th", "Department of Provincial Administration", "not established"),
    "nso_sdmx": Portal("https://ns1-stathub.nso.go.th", "National Statistical Office", "not established"),
    "data_go_th": Portal("https://data.go.th", "Digital Government Development Agency", "per package"),
    # 1,000 calls a day for a key.
    "opend": Portal(
        "https://opend.data.go.th",
        "Digital Government Development Agency",
        "per package",
        per_minute=30,
        keys=("opend",),
        actions="/get-ckan",
        key_header="api-key",
    ),
    "citydata": Portal(
        "https://catalog.citydata.in.th",
        "depa",
        "per package",
        keys=("citydata",),
        key_header="api-key",
        open_actions=("package_list", "package_search", "package_show"),
    ),
    "eppo": Portal("https://catalog.eppo.go.th", "Energy Policy and Planning Office", "per package"),
    "nso": Portal("https://catalog.nso.go.th", "National Statistical Office", "per package"),
    "mot": Portal("https://datagov.mot.go.th", "Ministry of Transport", "Open Data Common"),
    "phuket_gdcatalog": Portal("https://phuket.gdcatalog.go.th", "Phuket province", "per package"),
}

KEY_NAMES = frozenset(name for known in PORTALS.values() for name in known.keys)
"""Every secret that some portal wants."""

_NODE = re.compile(r"([a-z][a-z0-9]*)_gdcatalog")


def portal(name: str) -> Portal:
    """The portal of this name; a province's catalogue node by its pattern. Raises ``KeyError`` for any other."""
    if name in PORTALS:
        return PORTALS[name]
    if node := _NODE.fullmatch(name):
        return Portal(f"https://{node[1]}.gdcatalog.go.th", f"{node[1]} province", "per package")
    raise KeyError(name)
