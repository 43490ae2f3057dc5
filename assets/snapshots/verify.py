"""Verify what is published: read every byte back and compare it with the manifest, pointer and history included.

A write that reported success proves nothing; two published systems lost data between a good write and a reader.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from assets.landing.store import Damaged, Store
from assets.snapshots.build import FAILED, FORMAT, MANIFEST, PAGE, prefix
from assets.snapshots.collect import removed
from assets.snapshots.describe import types
from assets.snapshots.history import history, pointer, problems


def verify_city(store: Store, city: str, all_kept: bool = False) -> list[str] | None:
    """What is wrong with a city's pointer, history and current snapshot (or every one that is kept, each problem with
    its id), in words that name the file; None where nothing was ever published."""
    entries = history(store, city)
    found = problems(store, city)
    gone: set[str] = set()
    try:
        gone = removed(store, city)
    except Damaged as damaged:
        found.append(str(damaged))
    pointed = pointer(store, city).entry
    for entry in entries if all_kept else [pointed] if pointed else []:
        if entry.snapshot_id not in gone:
            wrong = verify(store, city, entry.snapshot_id, entry.manifest_sha256)
            found += [f"{entry.snapshot_id}: {problem}" for problem in wrong] if all_kept else wrong
    return found if found or entries else None


def verify(store: Store, city: str, snapshot_id: str, manifest_sha256: str | None = None) -> list[str]:
    """What is wrong with a snapshot, in words that name the file; empty where all is as its manifest says.

    ``manifest_sha256`` is what the history recorded (or the builder returned); without it the manifest is believed.
    """
    at = prefix(city, snapshot_id)
    try:
        data = store.read(f"{at}/{MANIFEST}")
    except FileNotFoundError:
        return [f"{MANIFEST}: missing"]
    if manifest_sha256 is not None and hashlib.sha256(data).hexdigest() != manifest_sha256:
        return [f"{MANIFEST}: not the one that was committed"]
    try:
        manifest = json.loads(data)
        if manifest["format"] != FORMAT or manifest["snapshot_id"] != snapshot_id or manifest["city"]["slug"] != city:
            return [f"{MANIFEST}: is of another format, city or snapshot"]
        return list(_problems(store, at, manifest))
    except (ValueError, KeyError, TypeError) as error:
        return [f"{MANIFEST}: not a manifest ({type(error).__name__})"]


def _problems(store: Store, at: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = {file["path"] for file in manifest["files"]} | {MANIFEST}
    for key in store.list(at):
        path = key.removeprefix(f"{at}/")
        if path == FAILED:
            yield f"{path}: the snapshot was given up"
        elif path not in listed:
            yield f"{path}: stray file, not in the manifest"
    if PAGE not in listed:
        yield f"{PAGE}: not in the manifest"
    for file in manifest["files"]:
        yield from _file(store, at, file, manifest["tables"])
    for name, table in manifest["tables"].items():
        mine = [file for file in manifest["files"] if file.get("table") == name]
        if [file["path"] for file in mine] != table["files"]:
            yield f"{name}: its files are not those of the manifest"
        if sum(file["rows"] for file in mine) != table["rows"]:
            yield f"{name}: rows of the files do not add up to {table['rows']}"


def _file(store: Store, at: str, file: Mapping[str, Any], tables: Mapping[str, Any]) -> Iterator[str]:
    path = file["path"]
    try:
        data = store.read(f"{at}/{path}")
    except FileNotFoundError:
        yield f"{path}: missing"
        return
    if len(data) != file["bytes"]:
        yield f"{path}: {len(data)} bytes, the manifest says {file['bytes']}"
    elif hashlib.sha256(data).hexdigest() != file["sha256"]:
        yield f"{path}: the content does not have its sha256"
    elif path.endswith(".parquet"):
        try:
            frame = pl.read_parquet(io.BytesIO(data))
        except (pl.exceptions.PolarsError, OSError) as error:
            yield f"{path}: cannot be read as Parquet ({type(error).__name__})"
            return
        yield from _content(frame, file, tables)


def _content(frame: pl.DataFrame, file: Mapping[str, Any], tables: Mapping[str, Any]) -> Iterator[str]:
    path = file["path"]
    if frame.height != file["rows"]:
        yield f"{path}: {frame.height} rows, the manifest says {file['rows']}"
    if "table" not in file:
        return
    table = tables[file["table"]]
    if list(types(frame.schema).items()) != list(table["schema"].items()):
        yield f"{path}: columns are not those of its table"
        return
    days = frame[table["day"]]
    if (str(days.min()), str(days.max())) != (file["first_day"], file["last_day"]):
        yield f"{path}: days are not those of the manifest"
    if "/month=" in path and (days.dt.strftime("%Y-%m") != path.split("/month=")[1][:7]).any():
        yield f"{path}: holds days of another month"
