"""Build a snapshot: ``cdp/city=<slug>/snapshots/<id>/`` with data files, their description, and the city's page.

    data/<table>/part-00000-<8 hex of sha256>.parquet   only Parquet: engines read all they find
    data/<table>/month=YYYY-MM/part-…                   a file a month instead, in a table of many rows
    meta/manifest.json      every file with size, rows and sha256; schemas, inputs, checks, versions, what changed
    meta/dictionary.json    columns, types, units and meanings, from the contracts
    meta/quality.parquet    one row a check; of tables of customers with bands in place of counts (quality.disclosure)
    meta/scores.parquet     of each table and dimension of quality, from its checks (quality.scores)
    meta/catalogue.json     a record a table for the Government Data Catalog (assets.snapshots.catalogue)
    datapackage.json        for Frictionless tools (Data Package 2.0, which forbids paths above the descriptor)
    index.html              the city's page

Nothing here moves a pointer: a folder that is not committed is invisible to readers.
"""

import hashlib
import json
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.lake.encoding import encode
from assets.lake.feeds import source_of
from assets.snapshots.catalogue import catalogue
from assets.snapshots.describe import datapackage, dictionary, fingerprint, types
from assets.snapshots.page import render
from quality import disclosure
from quality.contracts import Table
from quality.scores import of_city, scores
from quality.tables import INDICATORS, PROGRAMME, TABLES, VERDICTS

MANIFEST = "meta/manifest.json"
QUALITY = "meta/quality.parquet"
SCORES = "meta/scores.parquet"
PAGE = "index.html"
FAILED = "meta/FAILED.json"
"""Marks a snapshot that was given up. It lies beside what was written of it."""
FORMAT = "muang-snapshot/1"
MANY_ROWS = 100_000
"""Rows from which a table is cut by months: below, one file of a few megabytes is read faster than many, and each file
costs the store an object."""
MADE_OF_OTHERS = {INDICATORS.name, PROGRAMME.name}
"""Tables that have rows although nothing was ever delivered: they say what is missing."""
CITY_FACTS = {"slug", "name_th", "name_en", "province_th", "province_en", "dopa_province", "lat", "lon", "utility"}
"""What a manifest tells of its city."""


class Refused(Exception):
    """A snapshot that must not be published as it was asked for; the message says why."""


@dataclass(frozen=True)
class Edition:
    """What one snapshot of a city is made of: published tables, verdicts, and where they come from.

    ``inputs`` are ids of receipts, without those of customers' readings, of which there may be one a customer. ``now``
    is the moment of building, aware. ``withheld``: tables that are not published, with the reason. ``arrivals``: what
    each source brought (``assets.snapshots.arrivals.SCHEMA``).
    """

    city: City
    day: date
    tables: Mapping[str, pl.DataFrame]
    verdicts: pl.DataFrame
    synthetic: bool
    run: str
    code_version: str
    now: datetime
    inputs: Sequence[str]
    arrivals: pl.DataFrame | None = None
    withheld: Mapping[str, str] = field(default_factory=dict)


def new_id(now: datetime) -> str:
    """A snapshot id: UTC time to sort by, eight random hex digits to be unique. Order of commits is not in it."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def folder(city: str) -> str:
    """Where a city publishes."""
    return f"cdp/city={city}"


def prefix(city: str, snapshot_id: str) -> str:
    """Folder of a snapshot."""
    return f"{folder(city)}/snapshots/{snapshot_id}"


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON as it is stored: readable, UTF-8, one content one text."""
    return json.dumps(content, ensure_ascii=False, indent=1, default=str).encode() + b"\n"


def contents(
    snapshot_id: str,
    parent: str | None,
    edition: Edition,
    changes: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = lambda _: None,
) -> dict[str, bytes]:
    """Every file of a snapshot that follows ``parent``, by path, the manifest last. Same arguments, same bytes.

    ``changes`` makes of the manifest so far what it tells of how it differs from that of ``parent``.

    Raises ``Refused`` for a table that is not meant to be published, breaks its contract, or has a verdict that blocks
    or withholds it, and where none has rows.
    """
    contracts = [_checked(name, frame, edition.verdicts) for name, frame in edition.tables.items()]
    if all(frame.is_empty() for name, frame in edition.tables.items() if name not in MADE_OF_OTHERS):
        if edition.withheld:
            raise Refused(f"every table that has rows is withheld: {', '.join(sorted(edition.withheld))}")
        why = "nothing was delivered, or nothing of it can be published"
        if not edition.verdicts.filter(pl.col("check") == "withheld-cell", pl.col("verdict") != "pass").is_empty():
            why = "no sum over the city's meters passes 15/15 (verdict withheld-cell), and nothing else was delivered"
        raise Refused(f"every published table of the city is empty: {why}")
    found: dict[str, bytes] = {}
    files: list[dict[str, Any]] = []

    def put(path: str, data: bytes, **facts: Any) -> None:
        found[path] = data
        files.append({"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **facts})

    for table in contracts:
        for path, data, facts in _parts(table, edition.tables[table.name]):
            put(path, data, table=table.name, **facts)
    entries = {table.name: _entry(table, edition.tables[table.name], files) for table in contracts}
    verdicts = disclosure.published(edition.verdicts.select(VERDICTS.schema.names()))
    put("meta/dictionary.json", json_bytes(dictionary(contracts)))
    put(QUALITY, encode(verdicts), rows=verdicts.height)
    scored = scores(edition.verdicts)
    put(SCORES, encode(scored), rows=scored.height)
    put("datapackage.json", json_bytes(datapackage(edition.city, edition.day, snapshot_id, contracts, files)))
    put("meta/catalogue.json", json_bytes(catalogue(edition.city, contracts, files)))
    manifest = _manifest(snapshot_id, parent, edition, entries, of_city(scored, contracts))
    manifest["changes"] = changes(manifest)
    put(PAGE, render(edition.city, edition.tables, verdicts, manifest | {"files": files}))
    return found | {MANIFEST: json_bytes(manifest | {"files": files})}


def _checked(name: str, frame: pl.DataFrame, verdicts: pl.DataFrame) -> Table:
    table = TABLES.get(name)
    if table is None or not table.published:
        raise Refused(f"{name} is not a table that is published")
    if list(frame.schema.items()) != list(table.schema.items()):
        raise Refused(f"{name} does not have its contract's columns")
    if frame.select(pl.struct(table.key).is_duplicated().any()).item():
        raise Refused(f"{name} has keys more than once")
    for grade, done in (("block", "blocked"), ("withhold", "withheld")):
        if checks := verdicts.filter(table=name, verdict=grade)["check"].to_list():
            raise Refused(f"{name} is {done} by {', '.join(checks)}")
    return table


def _parts(table: Table, frame: pl.DataFrame) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """The table's files: one, or one a month where there are ``MANY_ROWS``."""
    month = pl.col(table.day).dt.strftime("month=%Y-%m/") if frame.height >= MANY_ROWS else pl.lit("")
    for (folder,), part in sorted(frame.with_columns(_folder=month).group_by("_folder")):
        rows = part.drop("_folder").sort(table.order, nulls_last=False)
        data = encode(rows)
        days = rows[table.day]
        path = f"data/{table.name}/{folder}part-00000-{hashlib.sha256(data).hexdigest()[:8]}.parquet"
        yield path, data, {"rows": rows.height, "first_day": str(days.min()), "last_day": str(days.max())}


def _entry(table: Table, frame: pl.DataFrame, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "title": table.title,
        "title_th": table.title_th,
        "smart": table.smart,
        "licence": table.licence,
        "day": table.day,
        "rows": frame.height,
        "first_day": None if frame.is_empty() else str(frame[table.day].min()),
        "last_day": None if frame.is_empty() else str(frame[table.day].max()),
        "schema": types(table.schema),
        "schema_sha256": fingerprint(table.schema),
        "files": [file["path"] for file in files if file.get("table") == table.name],
    }


def _withheld(table: Table, why: str) -> dict[str, str]:
    return {"title": table.title, "title_th": table.title_th, "smart": table.smart, "reason": why}


def _source(city: City, arrival: dict[str, Any]) -> dict[str, Any]:
    """What a source brought, as it may be published: where a file is a meter, their number is that of the customers."""
    entry = city.sources.get(arrival["source"])
    return arrival | ({"receipts": None} if entry and source_of(entry).keyed else {})


def _manifest(
    snapshot_id: str, parent: str | None, edition: Edition, tables: Mapping[str, Any], scored: pl.DataFrame
) -> dict[str, Any]:
    city = edition.city
    return {
        "format": FORMAT,
        "snapshot_id": snapshot_id,
        "parent": parent,
        "city": city.model_dump(include=CITY_FACTS),
        "day": edition.day.isoformat(),
        "created": edition.now.astimezone(UTC).isoformat(timespec="seconds"),
        "synthetic": edition.synthetic,
        "run": edition.run,
        "versions": {"muang": edition.code_version, "python": platform.python_version(), "polars": pl.__version__},
        "inputs": sorted(edition.inputs),
        "sources": [] if edition.arrivals is None else [_source(city, row) for row in edition.arrivals.to_dicts()],
        "scores": dict(scored.drop("tables").iter_rows()),
        "checks": dict(edition.verdicts["verdict"].value_counts().sort("verdict").iter_rows()),
        "tables": tables,
        "withheld": {name: _withheld(TABLES[name], why) for name, why in sorted(edition.withheld.items())},
    }
