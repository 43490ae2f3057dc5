"""Changes of delivered bytes: what a portal's answer or a file of the inbox becomes on its way."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatch
from functools import reduce
from typing import Any

Change = Callable[[bytes], bytes]
Files = dict[str, bytes]
Record = dict[str, Any]
Edit = Callable[[list[Record]], list[Record]]


def content(edit: Callable[[Any], Any]) -> Change:
    """The JSON content as ``edit`` gives it back, or leaves it where it gives none."""

    def change(data: bytes) -> bytes:
        told = json.loads(data)
        given = edit(told)
        return json.dumps(told if given is None else given, ensure_ascii=False).encode()

    return change


def records(*edits: Edit) -> Change:
    """The longest list of records of a JSON answer, or the rows of a CSV file, as the edits leave them."""

    def change(data: bytes) -> bytes:
        if data.lstrip()[:1] in (b"{", b"["):
            told = json.loads(data)
            # Of a catalogue's page the columns are a list too.
            result = told.get("result") if isinstance(told, dict) else None
            rows = result["records"] if isinstance(result, dict) and "records" in result else max(_lists(told), key=len)
            rows[:] = reduce(lambda left, edit: edit(left), edits, list(rows))
            return json.dumps(told, ensure_ascii=False).encode()
        mark = data.startswith(b"\xef\xbb\xbf")
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
        rows = reduce(lambda left, edit: edit(left), edits, list(reader))
        out = io.StringIO()
        names = list(rows[0]) if rows else list(reader.fieldnames or [])
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode("utf-8-sig" if mark else "utf-8")

    return change


def both(*parts: Change) -> Change:
    """One change after another."""

    def change(data: bytes) -> bytes:
        for part in parts:
            data = part(data)
        return data

    return change


def _lists(told: Any) -> Iterator[list[Any]]:
    if isinstance(told, list) and told and isinstance(told[0], dict):
        yield told
    parts = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    for part in parts:
        yield from _lists(part)


def each(edit: Callable[[Record], Any], only: Callable[[Record], Any] = lambda _: True, first: int = 10**9) -> Edit:
    """``edit`` applied to the ``first`` records of those that ``only`` names."""

    def edited(rows: list[Record]) -> list[Record]:
        chosen = [row for row in rows if only(row)][:first]
        assert chosen, "the change finds no record"
        for row in chosen:
            edit(row)
        return rows

    return edited


def put(name: str, value: Any, **which: Any) -> Edit:
    """A field's value; a dotted name is a path."""
    return each(lambda row: _set(row, name, lambda _: value), **which)


def times(name: str, factor: float, **which: Any) -> Edit:
    """A field's number times a factor, written as it was: text, with commas, or a number; what is none stays."""
    return each(lambda row: _set(row, name, lambda value: _scaled(value, factor)), **which)


def swap(one: str, other: str) -> Edit:
    """Two fields change places."""

    def swapped(row: Record) -> None:
        left, right = _get(row, one), _get(row, other)
        _set(row, one, lambda _: right)
        _set(row, other, lambda _: left)

    return each(swapped)


def dated(name: str, shift: timedelta, form: str, **which: Any) -> Edit:
    """A stamp of a format moved."""
    return each(
        lambda row: _set(
            row,
            name,
            lambda text: text and (datetime.strptime(text, form) + shift).strftime(form),
        ),
        **which,
    )


def again(change: Callable[[Record], Any] = lambda _: None) -> Edit:
    """All records a second time, changed."""

    def twice(rows: list[Record]) -> list[Record]:
        copies = json.loads(json.dumps(rows))
        for row in copies:
            change(row)
        return [*rows, *copies]

    return twice


def without(dropped: Callable[[Record], Any]) -> Edit:
    """Without some records."""
    return lambda rows: [row for row in rows if not dropped(row)]


def part(share: float) -> Edit:
    """The first part of the records."""
    return lambda rows: rows[: int(len(rows) * share)]


def _get(row: Record, name: str) -> Any:
    return reduce(lambda part, key: part[int(key)] if isinstance(part, list) else part[key], name.split("."), row)


def _set(row: Record, name: str, made: Callable[[Any], Any]) -> None:
    *way, last = name.split(".")
    inner: Any = _get(row, ".".join(way)) if way else row
    key: Any = int(last) if isinstance(inner, list) else last
    inner[key] = made(inner[key])


def _scaled(value: Any, factor: float) -> Any:
    if isinstance(value, int | float):
        return round(value * factor, 6)
    text = str(value).replace(",", "")
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        return value
    decimals = len(text.partition(".")[2]) or (0 if float(text) * factor == int(float(text) * factor) else 2)
    comma = "," if "," in str(value) else ""
    return f"{float(text) * factor:{comma}.{decimals}f}"


def file(pattern: str, change: Change) -> Callable[[Files], Files]:
    """The files of these names (``fnmatch``) changed; one in an archive of one file within it."""

    def changed(files: Files) -> Files:
        found = [name for name in files if fnmatch(name, pattern)]
        assert found, f"no file {pattern}"
        return files | {name: _inside(files[name], change) for name in found}

    return changed


def _inside(data: bytes, change: Change) -> bytes:
    if not data.startswith(b"PK") or b"[Content_Types]" in data[:200]:
        return change(data)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), change(source.read(name)))
    return out.getvalue()


def text(pattern: str, replacement: str | Callable[[re.Match[str]], str], count: int = 0) -> Change:
    """A regular expression replaced in the text."""

    def change(data: bytes) -> bytes:
        found, number = re.subn(pattern, replacement, data.decode(), count=count)
        assert number, f"the text has no {pattern}"
        return found.encode()

    return change


Values = list[str]


def nem12(edit: Callable[[Values], Values], meters: Sequence[int] | None = None, quality: str = "") -> Change:
    """The values of the 300 records of these meters (all), by their place in the file; with another quality flag and
    without 400 records where one is given."""

    def change(data: bytes) -> bytes:
        lines, at = [], -1
        for line in data.decode().split("\r\n"):
            cells = line.split(",")
            at += cells[0] == "200"
            mine = meters is None or at in meters
            if cells[0] == "300" and mine:
                rest = [quality, "", "", *cells[101:]] if quality else cells[98:]
                cells = [*cells[:2], *edit(cells[2:98]), *rest]
            if cells[0] == "400" and mine and quality:
                continue
            lines.append(",".join(cells))
        return "\r\n".join(lines).encode()

    return change


def by(factor: float) -> Callable[[Values], Values]:
    """All values times a factor."""
    return lambda values: [f"{float(value) * factor:.3f}" if value else value for value in values]


def at(places: dict[int, str]) -> Callable[[Values], Values]:
    """Some slots with other values."""
    return lambda values: [places.get(slot, value) for slot, value in enumerate(values)]


def all_of(value: str) -> Callable[[Values], Values]:
    """One value in all slots."""
    return lambda values: [value] * len(values)


def html_kw(change: Callable[[int, str], str]) -> Change:
    """The values of PEA's interval report, by slot."""

    def edited(data: bytes) -> bytes:
        slot = iter(range(1000))
        return text(
            r"(<td>\d\d/\d\d/\d{4} \d\d\.\d\d</td>(?:<td></td>)*<td>)(\d+\.\d{3})(?=</td>)",
            lambda found: found[1] + change(next(slot), found[2]),
        )(data)

    return edited
