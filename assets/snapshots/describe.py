"""What a snapshot says about its tables, from their contracts: types, data dictionary, Frictionless descriptor."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from quality.contracts import LINEAGE, Column, Table

_FRICTIONLESS = {"Float": "number", "Decimal": "number", "Int": "integer", "Datetime": "datetime", "Date": "date"}
"""Start of a Polars type's name → type of the Table Schema (https://datapackage.org/standard/table-schema/)."""

_LICENCES = {"CC BY 4.0": "CC-BY-4.0", "ODbL 1.0": "ODbL-1.0"}
"""A table's one licence → its identifier (https://opendefinition.org/licenses/); others have none."""


def types(schema: Mapping[str, pl.DataType]) -> dict[str, str]:
    """Column → Polars type as text, in file order."""
    return {name: str(dtype) for name, dtype in schema.items()}


def fingerprint(schema: Mapping[str, pl.DataType]) -> str:
    """sha256 over names and types in order: equal exactly where two files can be read as one table."""
    return hashlib.sha256(json.dumps(list(types(schema).items())).encode()).hexdigest()


def dictionary(tables: Sequence[Table]) -> dict[str, Any]:
    """The data dictionary: per table what it is, its key, and per column type, unit, bounds, codes and meaning."""
    return {
        table.name: {
            "title": table.title,
            "title_th": table.title_th,
            "description": table.description,
            "smart": table.smart,
            "licence": table.licence,
            "key": list(table.key),
            "day": table.day,
            "columns": [_described(table, name, dtype) for name, dtype in table.schema.items()],
        }
        for table in tables
    }


def _described(table: Table, name: str, dtype: pl.DataType) -> dict[str, Any]:
    column = table.by_column.get(name) or Column(name, dtype, LINEAGE[name])
    facts = {
        "name": name,
        "type": str(dtype),
        "unit": column.unit,
        "description": table.meaning(column),
        "required": name in table.key or not column.nullable,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "allowed": list(column.allowed) if column.allowed else None,
    }
    return {key: value for key, value in facts.items() if value is not None}


def datapackage(
    city: City, day: date, snapshot_id: str, tables: Sequence[Table], files: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The Data Package descriptor: one resource a table that has files; it lies at the snapshot's root."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"muang-{city.slug.replace('_', '-')}",
        "id": snapshot_id,
        "title": f"{city.name_th} · {city.name_en}",
        "version": snapshot_id,
        "temporal": day.isoformat(),
        "resources": [
            _resource(table, parts) for table in tables if (parts := [f for f in files if f.get("table") == table.name])
        ],
    }


def licence(table: Table) -> str | None:
    """The one licence under which a table may be used, without what is told beside it; None of a table that has several
    (by source, by use) or none."""
    text = table.licence or ""
    return None if ";" in text or " or " in text else text.split(" (")[0] or None


def _resource(table: Table, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    name = _LICENCES.get(licence(table) or "")
    licences = {"licenses": [{"name": name, "title": table.licence}]} if name else {}
    whole = {"bytes": parts[0]["bytes"], "hash": f"sha256:{parts[0]['sha256']}"} if len(parts) == 1 else {}
    return {
        "name": table.name.replace("_", "-"),
        "title": table.title,
        "description": table.description,
        "path": [part["path"] for part in parts] if len(parts) > 1 else parts[0]["path"],
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        **whole,
        **licences,
        "schema": {
            "primaryKey": list(table.key),
            "fields": [_field(_described(table, name, dtype)) for name, dtype in table.schema.items()],
        },
    }


def _field(column: Mapping[str, Any]) -> dict[str, Any]:
    kind = next((kind for start, kind in _FRICTIONLESS.items() if column["type"].startswith(start)), None)
    limits = {"minimum": "minimum", "maximum": "maximum", "allowed": "enum"}
    constraints = {theirs: column[ours] for ours, theirs in limits.items() if ours in column}
    return {
        "name": column["name"],
        "type": kind or ("boolean" if column["type"] == "Boolean" else "string"),
        "description": column["description"],
        **({"unit": column["unit"]} if "unit" in column else {}),
        "constraints": {"required": column["required"], **constraints},
    }
