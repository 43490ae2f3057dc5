"""Green Button: usage of one or more service points as Atom entries, from a customer's download or a utility's bulk.

Specified in NAESB REQ.21 ESPI (espi.xsd 4.0): UsagePoint, MeterReading, ReadingType, IntervalBlock and
LocalTimeParameters, in any order, joined by links; parts of a feed stand alone too. Stamps are starts, in seconds UTC.

Where files differ from the schema: a reading without ``timePeriod`` follows the one before it in its block. ``uom``
and ``powerOfTenMultiplier`` inside a block are no part of ESPI; exports of NISC that have them count Wh and say 10^3
all the same, so the values of such a block are taken without any multiplier, in that unit where no ReadingType is
found. Without any unit a value is kept as delivered, under ``other``. Negative values (NISC: fed in) stay negative.
Commodity 1 is secondary metered: as in the file, transformer ratios are not applied.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from lxml import etree

from assets.meters.formats import cim, markup
from assets.meters.formats.canonical import EXACT, Export, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.markup import MarkupError
from assets.meters.formats.stamps import YEARS
from quality.batch import Batch
from quality.problems import problem

FORMAT = "espi"
KIND = "xml"

_NAMESPACE = re.compile(r"""xmlns(:[\w.-]+)?\s*=\s*["']http://naesb\.org/espi["']""")
_RESOURCES = ("UsagePoint", "MeterReading", "ReadingType", "LocalTimeParameters")
_QUALITY = {
    **dict.fromkeys(("0", "17", "18", "19"), "actual"),
    "7": "substituted",  # edited by hand
    # Estimates may be replaced by a later read; the format has no word for final ones.
    **dict.fromkeys(("8", "9", "11", "13"), "substituted_temporary"),
    "10": "suspect",
    "12": "forecast",
    "15": "suspect",  # normalised for weather: not what was used
}
"""QualityOfReading → canonical; raw (14), other (16) and what is not told are unknown."""
_HELD = 50_000
"""Readings whose texts are held as Python strings at a time."""
_TEXTS = ("start", "duration", "raw", "flags")


@dataclass
class _Entry:
    """An Atom entry: its links as paths, and the resource it holds (``facts``: the texts of its children)."""

    kind: str = ""
    facts: dict[str, str | None] = field(default_factory=dict)
    id: str | None = None
    updated: str | None = None
    links: dict[str, list[str]] = field(default_factory=dict)

    @property
    def near(self) -> list[str]:
        """Links to itself and to the collection it belongs to."""
        return [*self.links.get("self", []), *self.links.get("up", [])]

    def number(self, name: str) -> int | None:
        """A child's whole number, None where it is absent or none."""
        text = self.facts.get(name) or ""
        return int(text) if re.fullmatch(r"-?\d{1,9}", text) else None


def _types_named(meter: _Entry) -> set[str]:
    return {link for link in meter.links.get("related", []) if "ReadingType" in link}


_TOLD: dict[str, Callable[[_Entry], Any]] = {
    "ReadingType": lambda entry: entry.facts,
    "MeterReading": _types_named,
    "UsagePoint": lambda entry: entry.facts.get("service"),
}
"""What a resource tells of the values below it, and all entries of one link must tell alike."""


class _Feed:
    """What a document holds: entries by kind, its blocks, and all readings' texts."""

    def __init__(self, content: Content) -> None:
        self.entries: dict[str, list[_Entry]] = {kind: [] for kind in _RESOURCES}
        self.blocks: list[dict[str, Any]] = []
        self.frames: list[pl.DataFrame] = []
        self._columns: dict[str, list[Any]] = {name: [] for name in ("block", *_TEXTS)}
        open_blocks, entry = 0, _Entry()
        for element in markup.walk(content, "entry", "IntervalBlock", *_RESOURCES):
            kind = markup.local(element)
            if kind == "IntervalBlock":
                self._take(element)
                markup.drop(element)
            elif kind == "entry":
                self._close(element, entry)
                for block in self.blocks[open_blocks:]:
                    block["entry"] = entry
                open_blocks, entry = len(self.blocks), _Entry()
                markup.drop(element)
            else:
                entry.kind = kind
                entry.facts = {markup.local(each): (each.text or "").strip() or None for each in element}
                entry.facts["service"] = markup.text(element, "ServiceCategory", "kind")
        # A resource or a block alone has no entry around it.
        for block in self.blocks[open_blocks:]:
            block["entry"] = entry
        if entry.kind:
            self.entries[entry.kind].append(entry)
        self._flush()

    def _close(self, element: etree._Element, entry: _Entry) -> None:
        entry.id, entry.updated = markup.text(element, "id"), markup.text(element, "updated")
        for link in element.iterchildren("{*}link"):
            entry.links.setdefault(link.get("rel", ""), []).append(_path(link.get("href", "")))
        if entry.kind:
            self.entries[entry.kind].append(entry)

    def _take(self, block: etree._Element) -> None:
        paths = {"start": "timePeriod/start", "duration": "timePeriod/duration"}
        paths |= {"raw": "value", "flags": "ReadingQuality/quality"}
        texts = {name: markup.column(block, "IntervalReading", path) for name, path in paths.items()}
        interval = markup.child(block, "interval")
        self.blocks.append(
            {
                "block_start": markup.text(interval, "start"),
                "block_duration": markup.text(interval, "duration"),
                "unit": next((each.text for each in block.iter("{*}uom")), None),
                "multiplied": next(block.iter("{*}powerOfTenMultiplier"), None) is not None,
            }
        )
        self._columns["block"] += [len(self.blocks) - 1] * len(texts["raw"])
        for name, found in texts.items():
            self._columns[name] += found
        if len(self._columns["block"]) >= _HELD:
            self._flush()

    def _flush(self) -> None:
        schema = {"block": pl.Int64(), **dict.fromkeys(_TEXTS, pl.String())}
        if self._columns["block"]:
            self.frames.append(pl.DataFrame(self._columns, schema=schema))
        self._columns = {name: [] for name in schema}


def recognise(content: Content) -> str | None:
    """Evidence: the namespace of ESPI's usage resources is declared."""
    return "declares the namespace http://naesb.org/espi" if _NAMESPACE.search(content.head(markup.HEAD)) else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of a feed, an entry or a resource alone. Of repeated intervals that of the entry updated last counts.

    Options: ``timezone`` (for display only; else the offset of LocalTimeParameters, else UTC), ``point`` where the file
    names no usage point. The point is the path of the UsagePoint's link, the channel the MeterReading's last part, the
    row the number of the IntervalReading in the document.
    """
    try:
        feed = _Feed(content)
    except markup.MarkupError as error:
        return Export.rejected(FORMAT, error.code, str(error))
    zone = options.timezone or _zone(feed)
    if not feed.frames:
        held = ", ".join(kind for kind, entries in feed.entries.items() if entries) or "none that is read"
        return Export.rejected(FORMAT, "format-no-interval", f"no IntervalReading; resources: {held}")
    blocks = _described(feed, options.point)
    if blocks["point"].null_count():
        return Export.rejected(FORMAT, "file-malformed", "no link names a usage point, and no option 'point'")
    # A frame holds whole blocks.
    export = cim.export(FORMAT, (_timed(frame, blocks) for frame in cim.numbered(feed.frames)), zone)
    if multiplied := sum(block["multiplied"] for block in feed.blocks):
        text = f"{multiplied} block(s) hold a multiplier of their own, which ESPI does not have there"
        export = export.also(problem("multiplier-ignored", text))
    return export


def _path(href: str) -> str:
    """A link as the path of its resource: hosts and service roots differ between exports of one utility."""
    path = re.sub(r"^[a-z]+://[^/]*", "", href.strip())
    return re.sub(r"/{2,}", "/", re.sub(r"^.*/resource/", "", path)).strip("/")


def _zone(feed: _Feed) -> str:
    offset = next((entry.number("tzOffset") for entry in feed.entries["LocalTimeParameters"]), None)
    if offset is None or abs(offset) > 14 * 3600:
        return "UTC"
    minutes = abs(offset) // 60
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _described(feed: _Feed, option: str | None) -> pl.DataFrame:
    """A row a block: point, channel, type, version, and the block's own period; null point where none is named."""
    meters, points = (_linked(feed.entries[kind]) for kind in ("MeterReading", "UsagePoint"))
    types = {link: entry for entry in feed.entries["ReadingType"] for link in entry.links.get("self", [])}
    for resource, told in _TOLD.items():
        seen = dict[str, Any]()
        links = ((link, told(entry)) for entry in feed.entries[resource] for link in entry.links.get("self", []))
        if any(seen.setdefault(link, what) != what for link, what in links):
            raise MarkupError("file-malformed", f"two {resource}s that differ have one link: which is a block's?")
    rows, described = [], dict[int, dict[str, Any]]()
    for number, block in enumerate(feed.blocks):
        entry, own = block["entry"], _whole(block["unit"])
        if (known := described.get(id(entry))) is None:
            meter = _owner(entry, meters, feed.entries["MeterReading"])
            point = _owner(meter or entry, points, feed.entries["UsagePoint"])
            kind = _type_of(meter, types, feed.entries["ReadingType"])
            known = described[id(entry)] = {
                "point": _point(point, meter, entry) or option,
                "channel": _last("MeterReading", [*(meter.near if meter else []), *entry.near]) or "1",
                "updated": entry.updated,
                "length": kind.number("intervalLength") if kind else None,
                "default": kind.facts.get("defaultQuality") if kind else None,
                "kind": kind,
                "service": point.number("service") if point else None,
            }
        kind, service = known["kind"], known["service"]
        # A block with a multiplier of its own counts in the unit itself, whatever any multiplier says.
        multiplier = (kind.number("powerOfTenMultiplier") or 0) if kind and not block["multiplied"] else 0
        exact = multiplier in cim.MULTIPLIERS
        typed = _typed(kind, own, service, multiplier if exact else 0)
        period = {name: _whole(block[name]) for name in ("block_start", "block_duration")}
        facts = {name: known[name] for name in ("point", "channel", "updated", "length", "default")}
        rows.append({"block": number, **facts, **period, **typed._asdict(), "exact": exact})
    numbers = dict.fromkeys(("block", "length", "block_start", "block_duration"), pl.Int64())
    texts = dict.fromkeys(("point", "channel", "updated", "default", "quantity", "form"), pl.String())
    schema = {**numbers, **texts, "factor": EXACT, **dict.fromkeys(("average", "exact"), pl.Boolean())}
    frame = pl.DataFrame(rows, schema_overrides=schema)
    return frame.with_columns(version=markup.instant(pl.col("updated"), "UTC")).drop("updated")


def _linked(entries: list[_Entry]) -> dict[str, _Entry]:
    """Entries by every link that leads to them or from them to a collection of theirs."""
    found: dict[str, _Entry] = {}
    for entry in entries:
        for link in (*entry.links.get("self", []), *entry.links.get("related", [])):
            found.setdefault(link, entry)
    return found


def _owner(entry: _Entry, owners: Mapping[str, _Entry], all_owners: list[_Entry]) -> _Entry | None:
    """The entry that links to ``entry`` or to its collection, or lies above it; else the only one there is."""
    for link in entry.near:
        if (found := owners.get(link) or owners.get(link.rpartition("/")[0])) is not None:
            return found
    return all_owners[0] if len(all_owners) == 1 else None


def _type_of(meter: _Entry | None, types: Mapping[str, _Entry], all_types: list[_Entry]) -> _Entry | None:
    named = _types_named(meter) if meter else set()
    found = [types[link] for link in named if link in types]
    if any(each.facts != found[0].facts for each in found):
        raise MarkupError(
            "file-malformed", "a MeterReading has several ReadingTypes that differ: which is its blocks'?"
        )
    return found[0] if found else all_types[0] if not named and len(all_types) == 1 else None


def _point(point: _Entry | None, *below: _Entry | None) -> str | None:
    links = [*(point.links.get("self", []) if point else []), *(link for e in below if e for link in e.near)]
    for link in links:
        if found := re.match(r"(?:.*?/)?UsagePoint/[^/]+", link):
            return found[0]
    return (next(iter(point.links.get("self", [])), None) or point.id) if point else None


def _last(kind: str, links: list[str]) -> str | None:
    return next((found[1] for link in links if (found := re.search(rf"\b{kind}/([^/]+)", link))), None)


def _typed(kind: _Entry | None, own: int | None, service: int | None, multiplier: int) -> cim.ReadingType:
    electric = service in (None, 0)
    if kind is None:
        return cim.reading_type(own, 0) if own is not None and electric else cim.UNTOLD
    return cim.reading_type(
        kind.number("uom") if electric else None,
        multiplier,
        kind.number("flowDirection"),
        kind.number("commodity"),
        kind.number("accumulationBehaviour") or None,  # 0 is "none"
        kind.number("dataQualifier"),
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\s*\d{1,12}\s*", text) else None


def _timed(readings: pl.DataFrame, blocks: pl.DataFrame) -> Batch:
    """Readings that have a period, as ``cim.export`` needs them."""
    frame = readings.join(blocks, on="block", maintain_order="left")
    seconds, start = (pl.col(name).cast(pl.Int64, strict=False) for name in ("duration", "start"))
    if frame["start"].null_count() or frame["duration"].null_count():
        count, untold = pl.len().over("block"), pl.col("start").is_null().all().over("block")
        shared = pl.when(pl.col("block_duration") % count == 0).then(pl.col("block_duration") // count)
        usual = pl.coalesce("length", pl.when(untold).then(shared))
        seconds = pl.when(pl.col("duration").is_null()).then(usual).otherwise(seconds)
        follows = pl.col("block_start") + pl.int_range(pl.len()).over("block") * seconds
        start = pl.when(untold).then(follows).otherwise(start)
    frame = frame.with_columns(
        start=pl.when(start.abs() < 10**11).then(start * 1_000_000).cast(pl.Datetime("us", "UTC")),
        seconds=seconds,
        quality_raw=pl.coalesce("flags", "default"),
    )
    words = frame["quality_raw"].unique()
    frame = frame.with_columns(
        quality=pl.col("quality_raw").replace_strict(words, [_grade(w) for w in words], return_dtype=pl.String),
    )
    interval = pl.col("form") == "interval"
    # A century is longer than any billing period, and keeps minutes in what they are held in.
    century = pl.col("seconds").fill_null(0).is_between(0, 100 * 366 * 86400)
    timed = Batch(frame).refuse(
        (
            pl.col("start").dt.year().is_between(*YEARS).not_().fill_null(True),
            "stamp-bad",
            "no start in seconds since 1970, neither its own nor its block's",
        ),
        (
            interval & ((pl.col("seconds") <= 0) | (pl.col("seconds") % 60 != 0)).fill_null(True),
            "interval-length",
            "the duration is missing or not a whole number of minutes",
        ),
        (~century, "interval-length", "the duration is negative or longer than a century"),
        (~pl.col("exact"), "unit-unknown", "the power of ten is beyond what values are kept in"),
    )
    return timed.with_columns(
        minutes=(pl.col("seconds") // 60).cast(pl.Int32),
        end=pl.col("start") + pl.duration(seconds=pl.col("seconds").fill_null(0)),
    )


def _grade(flags: str | None) -> str:
    """Canonical quality of a reading's flags: the worst of them."""
    return cim.worst([_QUALITY.get(flag.lstrip("0") or "0", "unknown") for flag in (flags or "").split()])
