"""Meter exports: which reader a file needs, and what is in it.

Content decides, never the extension: PEA saves HTML as ``.xls``. Where nothing or more than one reader recognises a
file it is rejected with the names of those considered; nothing is guessed, and nothing raises.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from functools import partial
from pathlib import PurePath
from typing import Annotated, Any, Self

import fastexcel
import polars as pl
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from assets.cities.registry import reasons
from assets.landing.unpack import ArchiveError, members
from assets.meters.formats import (
    asexml,
    d0036,
    declared,
    df2,
    espi,
    iec61968,
    layouts,
    mea_wide_xlsx,
    mscons,
    nearest,
    nem12,
    nem13,
    p01,
    p1,
    part_names,
    pea_ami_xlsx,
    pea_html,
    pea_kw_xlsx,
    pea_kwh_xlsx,
    pea_monthly_xls,
    pea_register_form,
    power_logger,
    tod_profile_xlsx,
)
from assets.meters.formats.canonical import ROWS_TELL, Export, OptionError, ReadingOptions, resolve, resolve_registers
from assets.meters.formats.content import Content, Kind, recognise
from assets.meters.formats.markup import MarkupError
from assets.meters.formats.stamps import zone_of
from assets.meters.judgement import judged
from assets.sources.biff import WorkbookError
from assets.sources.source import Source
from quality.batch import Batch
from quality.problems import problem, with_severity
from quality.readings import QUANTITIES
from quality.tables import METER_INTERVALS

_DECLARED: tuple[Kind, ...] = ("text", "xlsx", "biff", "json")
"""Kinds of content that a layout can be declared for."""
_DECLARE = "a layout can be declared for it (`muang read --layout FILE.yaml`; docs/meter-formats.md)"
_ROWS = 2**40
"""More rows than any file has."""
UNKNOWN = "unknown"
"""Format of a file that no reader recognises."""

FORMATS = (
    d0036,
    df2,
    espi,
    iec61968,
    mscons,
    nem12,
    nem13,
    p1,
    p01,
    pea_html,
    pea_kwh_xlsx,
    mea_wide_xlsx,
    pea_ami_xlsx,
    pea_kw_xlsx,
    pea_monthly_xls,
    pea_register_form,
    power_logger,
    tod_profile_xlsx,
)
"""One module a format: ``FORMAT`` is its name, ``KIND``, ``recognise``, ``read`` and ``OPEN_END`` are ``Format``'s."""


@dataclass(frozen=True)
class Format:
    """The kind of content a format is in, what shows it (evidence or None), and how it is read."""

    kind: Kind
    recognise: Callable[[Content], str | None]
    read: Callable[[Content, ReadingOptions], Export]
    also: tuple[Kind, ...] = ()
    """Further kinds of content it is in: a declared layout is of text, of workbooks and of JSON."""
    open_end: bool = False
    """Whether the format has no trailer, so that only a last line end tells that nothing was cut off."""


def readers() -> dict[str, Format]:
    """Every format by name: one a module, and one a shipped layout."""
    own = {
        module.FORMAT: Format(
            module.KIND, module.recognise, module.read, open_end=getattr(module, "OPEN_END", Format.open_end)
        )
        for module in FORMATS
    }
    return own | {name: _of_layout(layout) for name, layout in layouts.shipped().items()}


def _of_layout(layout: layouts.Layout) -> Format:
    recognise, read = partial(declared.recognise, layout=layout), partial(declared.read, layout=layout)
    return Format("text", recognise, read, also=_DECLARED[1:], open_end=True)


class ExportOptions(ReadingOptions):
    """What a registry entry may choose of ``meter_exports``: how files are read, which are otherwise recognised."""

    format: str | None = Field(None, description="name of the format that all files are in")
    layout: Annotated[layouts.Layout | None, BeforeValidator(layouts.declared)] = Field(
        None, description="declared layout that all files have: a shipped one's name, or its fields"
    )

    @field_validator("format")
    @classmethod
    def _listed(cls, name: str | None) -> str | None:
        if name is not None and name not in (known := readers()):
            raise OptionError(f"'{name}' is not one of {', '.join(known)}")
        return name

    @model_validator(mode="after")
    def _of_the_layout(self) -> Self:
        """What a layout would pass over is refused: whoever set it counts on it."""
        if self.layout is None:
            return self
        if self.format is not None:
            raise OptionError("format and layout are one too many: a layout is the format of its files")
        if self.multiplier is not None:
            raise OptionError("multiplier is of register forms: that of a layout is its own field `multiplier`")
        if self.point is None:
            self.layout.check_point()
        elif self.layout.point_column or self.layout.points:
            raise OptionError(f"point has no effect: layout {self.layout.name} takes the points from the file")
        return self


def read_export(data: bytes, name: str, options: ExportOptions | Mapping[str, Any], day: date | None = None) -> Export:
    """What a delivered file holds, plain or in an archive. Never raises.

    ``tables["readings"]`` (READING_SCHEMA) are intervals, ``tables["registers"]`` (REGISTER_SCHEMA) register reads;
    either is absent where it would be empty. Files of one archive make one result; there, the row is that of the file
    the problem names by its place in the archive. ``day`` is the delivery day, after which nothing was measured.
    """
    try:
        chosen = ExportOptions.model_validate(options)
        files = members(data, name)
    except ValidationError as error:
        labelled = all(
            not isinstance(wrong.get("ctx", {}).get("error"), layouts.LabelError) for wrong in error.errors()
        )
        code = "option-invalid" if labelled else "layout-no-label"
        return Export.rejected(UNKNOWN, code, "; ".join(reasons(error)))
    except ArchiveError as error:
        return Export.rejected(UNKNOWN, error.code, str(error))
    if not files:
        return Export.rejected(UNKNOWN, "file-empty", "the archive has no files")
    exports = [_guarded(content, path, chosen, day) for path, content in files]
    return _together(exports, [path for path, _ in files], chosen)


def _natural(name: str) -> list[tuple[int, str]]:
    """Order of names as a person has it: v2 before v10, and a name before the same with something after it."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"\d+|\D+", name)]


def _path(name: str) -> str:
    """A file's name with its folders, without what tells its format: what is put behind it stands before that."""
    return PurePath(name).with_suffix("").as_posix()


def _guarded(data: bytes, name: str, options: ExportOptions, day: date | None) -> Export:
    try:
        return _settled(judged(_unwrapped(replace(recognise(data), name=name), options), day))
    except OptionError as error:
        return Export.rejected(UNKNOWN, "option-invalid", str(error))
    except (ArchiveError, MarkupError) as error:
        return Export.rejected(UNKNOWN, error.code, str(error))
    except (fastexcel.FastExcelError, WorkbookError) as error:
        return Export.rejected(UNKNOWN, "file-malformed", f"a workbook that cannot be opened ({type(error).__name__})")
    except BaseException as error:
        # Rust's panics are BaseExceptions of a type of each library's own. Only the type is told: texts quote data.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        return Export.rejected(UNKNOWN, "reader-failed", f"the reader failed: {type(error).__name__}")


def _unwrapped(content: Content, options: ExportOptions) -> Export:
    payload = asexml.unwrapped(content)
    export = _read(payload, options)
    return export if payload is content else replace(export, evidence=f"in an aseXML envelope: {export.evidence}")


def _read(content: Content, options: ExportOptions) -> Export:
    if content.problems is not None:
        return Export(UNKNOWN, problems=content.problems)
    if options.layout is not None:
        return _apply(content, options.layout.name, _of_layout(options.layout), "pinned layout", options)
    known = readers()
    if options.format is not None:
        return _apply(content, options.format, known[options.format], "pinned format", options)
    considered = {name: format for name, format in known.items() if content.kind in (format.kind, *format.also)}
    shown = {name: shows for name, format in considered.items() if (shows := format.recognise(content))}
    if len(shown) == 1:
        ((name, evidence),) = shown.items()
        return _apply(content, name, known[name], evidence, options)
    if shown:
        return Export.rejected(UNKNOWN, "format-ambiguous", f"recognised as {', '.join(shown)}; pin one of them")
    if content.kind == "html":
        return Export.rejected(UNKNOWN, "file-html", "an HTML page that is no meter report")
    if not considered:
        return Export.rejected(UNKNOWN, "format-unknown", f"{content.kind}, which no reader takes")
    near = nearest.told(content, layouts.shipped().values()) if content.kind in _DECLARED else ""
    words = [f"{content.kind} that no reader recognises", near, _DECLARE if content.kind in _DECLARED else ""]
    return Export.rejected(UNKNOWN, "format-unknown", "; ".join(filter(None, words)))


def _apply(content: Content, name: str, format: Format, evidence: str, options: ExportOptions) -> Export:
    if content.kind in (format.kind, *format.also):
        export = format.read(content, options)
        framed = "\x03" in content.tail(4)  # a device's read-out ends with ETX and a check character
        if export.tables and format.open_end and content.kind == "text" and not content.ends_whole and not framed:
            export = export.also(problem("line-unended", "the last line has no end: what followed it may be missing"))
        if export.tables and options.multiplier is not None and name != pea_register_form.FORMAT:
            text = f"the option 'multiplier' is of register forms; values of {name} are kept as they are"
            export = export.also(problem("multiplier-ignored", text))
        return replace(export, evidence="; ".join(filter(None, [evidence, export.evidence])))
    if content.kind == "html":
        return Export.rejected(name, "file-html", f"an HTML page where {name} is expected")
    return Export.rejected(name, "file-malformed", f"{content.kind} where {name} is {format.kind}")


def _settled(export: Export) -> Export:
    """``export`` without empty tables, and with a problem that says so if no other is left."""
    if export.filled.tables or not export.tables:
        return export.filled
    refused = export.problems["row"].drop_nulls().len()
    nothing = (
        problem("file-malformed", f"none of its rows can be read; {refused} problem(s) say why")
        if refused
        else problem("file-empty", "a header without rows")
    )
    return export.filled.also(nothing)


def _apart(exports: Sequence[Export], names: Sequence[str], options: ExportOptions) -> tuple[Sequence[Export], Batch]:
    """``exports`` of an archive without those of several meters under the one that stands in for what no file tells."""
    known = layouts.shipped()
    unnamed = []
    for place, export in enumerate(exports):
        layout = options.layout or known.get(export.format)
        stands_in = {options.point, *([layout.point, layout.stand_in] if layout and layout.one_point else [])}
        rows = export.tables.get("readings")
        if rows is not None and set(rows["point"].unique()) <= stands_in:
            unnamed.append((place, _path(names[place]), rows))
    said, parts = Batch(pl.DataFrame()), [(name, rows) for _, name, rows in unnamed]
    if len(parts) < 2 or part_names.again([name for name, _ in parts]):
        return exports, said
    if (by_name := part_names.kind(parts)) != "meters":
        return exports, part_names.joined(said, by_name)
    text = f"{len(parts)} files of the archive {part_names.SEVERAL}"
    said = said.note("meters-several", f"{text}; a layout takes it from the name by `point_file`")
    gone = {place for place, _, _ in unnamed}
    return [replace(each, tables={}) if place in gone else each for place, each in enumerate(exports)], said


def _together(exports: Sequence[Export], names: Sequence[str], options: ExportOptions) -> Export:
    """One export of several files: formats and evidence joined, readings of several files resolved. Of readings without
    a version that of the file whose name is later counts: ``_v2`` before ``_v10``."""
    if len(exports) == 1:
        return exports[0]
    exports, said = _apart(exports, names, options)
    problems = [
        export.problems.with_columns(message=pl.format("file {} of the archive: {}", pl.lit(place), "message"))
        for place, export in enumerate(exports, start=1)
    ]
    filled = [export for export in exports if export.tables]
    in_order = sorted(range(len(exports)), key=lambda place: _natural(_path(names[place])))
    tables = dict[str, Batch]()
    for name, once in (("readings", resolve), ("registers", resolve_registers)):
        frames = [exports[place].tables[name] for place in in_order if name in exports[place].tables]
        if frames:
            # Rows are told apart by their file while they are resolved, and after that are those of their file again.
            ranked = [frame.with_columns(pl.col("row") + rank * _ROWS) for rank, frame in enumerate(frames)]
            of_file = pl.col("row") % _ROWS
            whole = once(Batch(pl.concat(ranked))).with_columns(row=of_file)
            tables[name] = replace(whole, problems=tuple(found.with_columns(of_file) for found in whole.problems))
    formats = sorted({export.format for export in filled or exports})
    evidence = f"{len(filled)} of {len(exports)} files of the archive hold readings"
    zone = (filled or exports)[0].zone
    together = Export.of("+".join(formats), evidence, zone=zone, assumed=ROWS_TELL, **tables)
    # Of the whole, not of its tables: a file that is rejected does not take the others' readings away.
    return together.also(*said.problems, *problems)


def describe(result: Export, name: str, show_ids: bool = False) -> dict[str, Any]:
    """What ``muang read --json`` prints of a file: plain JSON types; metering points numbered unless ``show_ids``.

    A problem that several rows have is told once, with the first ``row`` and how many ``rows``.

    A channel's ``kind`` is ``interval`` or ``register``, and ``readings`` counts the reads of either. ``sum`` is in the
    quantity's canonical unit; of registers it is the energy between reads, or the last read where that is not told.
    ``interval_minutes`` is the most frequent length; ``start`` and ``end`` are ISO 8601 with the offset of the zone the
    file is read in.
    """
    severities = set(with_severity(result.problems)["severity"])
    status = "partial" if severities & {"reject", "refuse"} else "ok"
    tables = [result.tables[table] for table in ("readings", "registers") if table in result.tables]
    points = list(dict.fromkeys(point for table in tables for point in table["point"].unique(maintain_order=True)))
    shown = {point: point if show_ids else f"p{number}" for number, point in enumerate(points, start=1)}
    return {
        "file": name,
        "format": result.format,
        "evidence": result.evidence,
        "status": status if tables else "rejected",
        "readings": sum(table.height for table in tables),
        "channels": [channel for table in tables for channel in _channels(table, zone_of(result.zone), shown)],
        "problems": _causes(result.problems).to_dicts(),
    }


def _causes(problems: pl.DataFrame) -> pl.DataFrame:
    """A problem a cause: the first row that it has, and how many ``rows``."""
    causes = problems.group_by("code", "message", maintain_order=True).agg(pl.col("row").min(), rows=pl.len())
    return causes.select("row", "code", "message", "rows")


def _channels(table: pl.DataFrame, zone: tzinfo, shown: Mapping[str, str]) -> list[dict[str, Any]]:
    energy = pl.col("value").cast(pl.Decimal(38, 6))
    if "minutes" in table.columns:
        kind, end = "interval", (pl.col("start") + pl.duration(minutes="minutes")).max()
        length, total = pl.col("minutes").mode().min(), energy.sum()
    else:
        kind, end, length = "register", pl.col("end").max(), pl.lit(None)
        last = pl.col("register_end").sort_by("end").last()
        total = pl.when(energy.count() > 0).then(energy.sum()).otherwise(last.cast(pl.Decimal(38, 6)))
    found = table.group_by("point", "channel", "quantity", maintain_order=True).agg(
        interval_minutes=length,
        readings=pl.len(),
        sum=total,
        start=pl.col("start").min(),
        end=end,
        quality=pl.col("quality").value_counts(sort=True),
        quality_raw=pl.col("quality_raw").drop_nulls().value_counts(sort=True),
    )
    return [
        {
            "kind": kind,
            "point": shown[channel["point"]],
            "channel": channel["channel"],
            "quantity": channel["quantity"],
            "unit": QUANTITIES[channel["quantity"]],
            "interval_minutes": channel["interval_minutes"],
            "readings": channel["readings"],
            "sum": None if channel["sum"] is None else float(channel["sum"]),
            "start": None if channel["start"] is None else channel["start"].astimezone(zone).isoformat(),
            "end": channel["end"].astimezone(zone).isoformat(),
            "quality": {item["quality"]: item["count"] for item in channel["quality"]},
            "quality_raw": {item["quality_raw"]: item["count"] for item in channel["quality_raw"]},
        }
        for channel in found.iter_rows(named=True)
    ]


METER_EXPORTS: Source[ExportOptions] = Source(
    name="meter_exports",
    title="Meter exports",
    smart="energy",
    tables=(METER_INTERVALS.name,),
    portal=None,
    document="docs/meter-formats.md",
    plan=None,
    reader=lambda data, context: read_export(data, context.name, context.options, context.day),
    zone="the format's, or the option timezone",
    label="period",
    missing=("the format's",),
    units="kWh, kvarh, kVAh, V",
    personal="metering points, contract accounts, names, addresses: landing only",
    options=ExportOptions,
    version=5,
    keyed=True,
)
