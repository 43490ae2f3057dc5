"""Records of a snapshot's tables for the Government Data Catalog, as its CKAN takes them: ``meta/catalogue.json``.

A data set there has fourteen mandatory fields, most of them from closed lists: the metadata standard of the Digital
Government Development Agency, as https://dsdw.gdcatalog.go.th describes it. What only the city can say, who answers for
its data, is its ``publisher`` in the registry; a city that has none finds what is left to fill in under ``missing``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.cities.registry import City, SourceEntry
from assets.lake.feeds import source_of
from assets.landing.portals import Portal, portal
from assets.snapshots.describe import licence
from quality.contracts import Table
from quality.tables import TABLES

LICENCES = {
    "CC BY 4.0": "Creative Commons Attributions",
    "ODbL 1.0": "Open Data Common",
    "Open Data Common": "Open Data Common",
}
"""A table's one licence → the catalogue's name of it; any other, or several, are ``OTHER``, and none ``NO_LICENCE``."""
NO_LICENCE = "License not specified"
OTHER = "อื่นๆ"
AREAS = {"tambon": "ตำบล", "amphoe": "อำเภอ", "province": "จังหวัด"}
TAGS = ("เมืองอัจฉริยะ", "smart city")


def catalogue(city: City, tables: Sequence[Table], files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The records of the tables that have rows (``packages``), and which fields the city has yet to fill in. Addresses
    of files are relative to the snapshot's root."""
    parts = {table.name: [file for file in files if file.get("table") == table.name] for table in tables}
    packages = [_package(city, table, parts[table.name]) for table in tables if parts[table.name]]
    missing = [name for name in ("owner_org", "maintainer", "maintainer_email") if city.publisher is None]
    return {"standard": "Government Data Catalog, 14 mandatory fields", "missing": missing, "packages": packages}


def _package(city: City, table: Table, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    who, one = city.publisher, licence(table)
    licences = {"license_id": LICENCES.get(one or "", OTHER if table.licence else NO_LICENCE)}
    return {
        "name": f"{city.slug}-{table.name}".replace("_", "-"),
        "data_type": _kind(table),
        "title": f"{table.title_th} {city.name_th}",
        "owner_org": who.organisation if who else None,
        "maintainer": who.maintainer if who else None,
        "maintainer_email": who.email if who else None,
        "tag_string": [*TAGS, city.province_th, f"smart {table.smart}", table.name],
        "notes": f"{table.title}. {table.description}",
        "objective": ["เพื่อการให้บริการประชาชน"],
        "update_frequency_unit": "วัน",
        "update_frequency_interval": "1",
        "geo_coverage": [AREAS[city.level]],
        "data_source": "; ".join(_publishers(city, table)) or "computed from the city's other tables",
        "data_format": [OTHER],
        "data_format_other": "Parquet",
        "data_category": "ข้อมูลสาธารณะ",
        **licences,
        **({"license_id_other": table.licence} if licences["license_id"] == OTHER else {}),
        "resources": [
            {
                "name": table.name,
                "format": "Parquet",
                "url": file["path"],
                "size": file["bytes"],
                "hash": f"sha256:{file['sha256']}",
            }
            for file in files
        ],
    }


def _kind(table: Table) -> str:
    if {"lat", "lon"} <= table.by_column.keys():
        return "ข้อมูลภูมิสารสนเทศเชิงพื้นที่"
    return "ข้อมูลสถิติ" if table.day == "reference_date" else "ข้อมูลระเบียน"


def _publishers(city: City, table: Table) -> list[str]:
    """Whose data a table is made of, each once."""
    while table.derived_from in TABLES:
        table = TABLES[table.derived_from]
    entries = (entry for entry in city.sources.values() if table.name in source_of(entry).tables)
    return sorted({publisher(city, entry) for entry in entries})


def asked_of(entry: SourceEntry) -> Portal | None:
    """The portal that a source asks; None of what is delivered."""
    named = source_of(entry).portal_of(entry.options)
    return portal(named) if named and entry.via == "portal" else None


def publisher(city: City, entry: SourceEntry) -> str:
    """Who publishes, or sends, what a source brings."""
    asked = asked_of(entry)
    if asked:
        return asked.publisher
    return city.utility if source_of(entry).keyed else "delivered by file"
