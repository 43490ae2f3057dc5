"""Meter exports: which reader a file needs, and what is in it.

Content decides, never the extension: PEA saves HTML as ``.xls``. Where nothing or more than one reader recognises a
file it is rejected with the names of those considered; nothing is guessed, and nothing raises.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import fastexcel
import polars as pl

from assets.energy.readers import declared, layouts, nem12, pea_html, pea_kwh_xlsx
from assets.energy.readers.canonical import Export, OptionError, rejected, resolve
from assets.energy.readers.content import Content, Kind, recognise
from assets.energy.readers.stamps import zone_of
from assets.landing.unpack import ArchiveError, members
from quality.problems import gather, problem, with_severity
from quality.readings import QUANTITIES

UNKNOWN = "unknown"
"""Format of a file that no reader recognises."""


@dataclass(frozen=True)
class Reader:
    """A format: the kind of content it is in, what shows it (evidence or None), and how it is read."""

    kind: Kind
    recognise: Callable[[Content], str | None]
    read: Callable[[Content, Mapping[str, Any]], Export]


def readers() -> dict[str, Reader]:
    """Every format by name: one a module, and one a shipped layout."""
    modules = (nem12, pea_html, pea_kwh_xlsx)
    found = {module.FORMAT: Reader(module.KIND, module.recognise, module.read) for module in modules}
    return found | {name: _of_layout(layout) for name, layout in layouts.shipped().items()}


def _of_layout(layout: layouts.Layout) -> Reader:
    def read(content: Content, options: Mapping[str, Any]) -> Export:
        return declared.read(content, layout, options)

    return Reader("text", partial(declared.recognise, layout=layout), read)


def read_export(data: bytes, name: str, options: Mapping[str, Any]) -> Export:
    """Readings of a delivered file, plain or in an archive: ``tables["readings"]`` in READING_SCHEMA. Never raises.

    Options: ``format`` and ``layout`` pin what is otherwise recognised (``layout`` is a shipped name or a mapping),
    ``timezone`` overrides the format's zone, ``point`` names the meter where the file does not. Files of one archive
    make one result; there, the row is that of the file the problem names by its place in the archive.
    """
    try:
        files = members(data, name)
    except ArchiveError as error:
        return rejected(UNKNOWN, error.code, str(error))
    if not files:
        return rejected(UNKNOWN, "file-empty", "the archive has no files")
    return _together([_guarded(content, options) for _, content in files])


def _guarded(data: bytes, options: Mapping[str, Any]) -> Export:
    try:
        return _settled(_read(recognise(data), options))
    except layouts.LabelError as error:
        return rejected(UNKNOWN, "layout-no-label", str(error))
    except OptionError as error:
        return rejected(UNKNOWN, "option-invalid", str(error))
    except fastexcel.FastExcelError as error:
        return rejected(UNKNOWN, "file-malformed", f"a workbook that cannot be opened ({type(error).__name__})")
    except BaseException as error:
        # Rust's panics are BaseExceptions of a type of each library's own. Only the type is told: texts quote data.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        return rejected(UNKNOWN, "reader-failed", f"the reader failed: {type(error).__name__}")


def _read(content: Content, options: Mapping[str, Any]) -> Export:
    if content.problems is not None:
        return Export(UNKNOWN, problems=content.problems)
    known = readers()
    if "timezone" in options:
        try:
            zone_of(str(options["timezone"]))
        except ValueError as error:
            raise OptionError(str(error)) from None
    if "layout" in options:
        layout = layouts.declared(options["layout"])
        return _apply(content, layout.name, _of_layout(layout), "pinned layout", options)
    if "format" in options:
        pinned = str(options["format"])
        if pinned not in known:
            raise OptionError(f"format '{pinned}' is not one of {', '.join(known)}")
        return _apply(content, pinned, known[pinned], "pinned format", options)
    considered = {name: reader for name, reader in known.items() if reader.kind == content.kind}
    shown = {name: shows for name, reader in considered.items() if (shows := reader.recognise(content))}
    if len(shown) == 1:
        ((name, evidence),) = shown.items()
        return _apply(content, name, known[name], evidence, options)
    if shown:
        return rejected(UNKNOWN, "format-ambiguous", f"recognised as {', '.join(shown)}; pin one of them")
    if content.kind == "html":
        return rejected(UNKNOWN, "file-html", "an HTML page that is no meter report")
    tried = f"considered: {', '.join(considered)}" if considered else "no reader takes this kind"
    return rejected(UNKNOWN, "format-unknown", f"{content.kind} that no reader recognises; {tried}")


def _apply(content: Content, name: str, reader: Reader, evidence: str, options: Mapping[str, Any]) -> Export:
    if content.kind == reader.kind:
        return replace(reader.read(content, options), evidence=evidence)
    if content.kind == "html":
        return rejected(name, "file-html", f"an HTML page where {name} is expected")
    return rejected(name, "file-malformed", f"{content.kind} where {name} is {reader.kind}")


def _settled(export: Export) -> Export:
    """``export`` without tables if it holds no reading, and then with a problem that says so."""
    if "readings" not in export.tables or export.tables["readings"].height:
        return export
    refused = export.problems.filter(pl.col("row").is_not_null()).height
    nothing = (
        problem("file-malformed", f"none of its rows can be read; {refused} problem(s) say why")
        if refused
        else problem("file-empty", "a header without rows")
    )
    return replace(export, tables={}, problems=gather([nothing, export.problems]))


def _together(exports: Sequence[Export]) -> Export:
    """One export of several files: formats and evidence joined, readings of several files resolved."""
    if len(exports) == 1:
        return exports[0]
    problems = [
        export.problems.with_columns(message=pl.format("file {} of the archive: {}", pl.lit(place), "message"))
        for place, export in enumerate(exports, start=1)
    ]
    frames = [export.tables["readings"] for export in exports if export.tables]
    formats = sorted({export.format for export in exports if export.tables} or {export.format for export in exports})
    tables = {}
    if frames:
        readings, repeated = resolve(pl.concat(frames))
        tables, problems = {"readings": readings}, [*problems, repeated]
    zone = next((export.zone for export in exports if export.tables), exports[0].zone)
    evidence = f"{len(frames)} of {len(exports)} files of the archive hold readings"
    return Export("+".join(formats), evidence, tables, gather(problems), zone)


def describe(result: Export, name: str, show_ids: bool = False) -> dict[str, Any]:
    """What ``muang read --json`` prints of a file: plain JSON types; metering points numbered unless ``show_ids``.

    ``sum`` is in the quantity's canonical unit; ``interval_minutes`` is the most frequent length; ``start`` and ``end``
    are ISO 8601 with the offset of the zone the file is read in.
    """
    readings = result.tables.get("readings")
    severities = set(with_severity(result.problems)["severity"])
    status = "rejected" if readings is None else "partial" if severities & {"reject", "refuse"} else "ok"
    return {
        "file": name,
        "format": result.format,
        "evidence": result.evidence,
        "status": status,
        "readings": 0 if readings is None else readings.height,
        "channels": [] if readings is None else _channels(readings, result.zone, show_ids),
        "problems": result.problems.to_dicts(),
    }


def _channels(readings: pl.DataFrame, zone: str, show_ids: bool) -> list[dict[str, Any]]:
    key = ["point", "channel", "quantity"]
    found = readings.group_by(key, maintain_order=True).agg(
        interval_minutes=pl.col("minutes").mode().min(),
        readings=pl.len(),
        sum=pl.col("value").cast(pl.Decimal(38, 6)).sum(),
        start=pl.col("start").min(),
        end=(pl.col("start") + pl.duration(minutes="minutes")).max(),
        quality=pl.col("quality").value_counts(sort=True),
        quality_raw=pl.col("quality_raw").drop_nulls().value_counts(sort=True),
    )
    if not show_ids:
        points = readings["point"].unique(maintain_order=True)
        numbers = {point: f"p{number}" for number, point in enumerate(points, start=1)}
        found = found.with_columns(pl.col("point").replace_strict(numbers))
    tz = zone_of(zone)
    return [
        {
            "point": channel["point"],
            "channel": channel["channel"],
            "quantity": channel["quantity"],
            "unit": QUANTITIES[channel["quantity"]],
            "interval_minutes": channel["interval_minutes"],
            "readings": channel["readings"],
            "sum": float(channel["sum"]),
            "start": channel["start"].astimezone(tz).isoformat(),
            "end": channel["end"].astimezone(tz).isoformat(),
            "quality": {item["quality"]: item["count"] for item in channel["quality"]},
            "quality_raw": {item["quality_raw"]: item["count"] for item in channel["quality_raw"]},
        }
        for channel in found.iter_rows(named=True)
    ]
