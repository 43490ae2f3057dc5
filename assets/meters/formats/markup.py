"""XML that others wrote: read element by element, with no DTD, no entities, no network, within libxml2's size limits.

Texts are fetched by XPath for many records at once, which is several times faster than a Python loop over elements.
"""

import io
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import polars as pl
from lxml import etree

from assets.meters.formats.content import Content
from assets.meters.formats.stamps import YEARS, utc

HEAD = 100_000
"""Characters within which a document shows what it is: longer than any header, comment or first entry."""


class MarkupError(Exception):
    """A document that is refused; ``code`` is one of ``quality.problems``, the text says why without quoting it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def walk(content: Content, *names: str) -> Iterator[etree._Element]:
    """Elements of these local names, in any namespace, when they end. The caller ``drop``s what it has used.

    Raises ``MarkupError``: ``file-truncated`` where the root is never closed, else ``file-malformed``.
    """
    if b"<!DOCTYPE" in content.coded:
        raise MarkupError("file-malformed", "a document type declaration, which no meter export has")
    events = etree.iterparse(
        io.BytesIO(content.data.lstrip(b" \t\r\n")),  # a blank first line is harmless, and seen
        events=("end",),
        tag=[f"{{*}}{name}" for name in names],
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        for _, element in events:
            # Not only in the text: a document's encoding can hide it there.
            if element.getroottree().docinfo.internalDTD is not None:
                raise MarkupError("file-malformed", "a document type declaration, which no meter export has")
            yield element
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        if _is_open(content.text):
            raise MarkupError("file-truncated", f"the XML ends in line {line} before its root is closed") from None
        # The parser's own text names elements and quotes values.
        raise MarkupError("file-malformed", f"the XML is not well-formed in line {line}") from None


def _is_open(text: str) -> bool:
    root = re.search(r"<([^\s!?/>][^\s/>]*)", text)
    if root is None or re.search(rf"</{re.escape(root[1])}\s*>", text[-1000:]):
        return False
    return "<" in text[root.end() :] or not text.rstrip().endswith("/>")  # a root of one tag closes itself


def drop(element: etree._Element) -> None:
    """Free ``element`` and its siblings before it, so that memory does not grow with the document."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def local(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first descendant along local names, in the namespace of ``element``; None where there is none."""
    for name in path:
        element = None if element is None else next(iter(element.iterchildren(f"{{*}}{name}")), None)
    return element


def text(element: etree._Element | None, *path: str) -> str | None:
    """The text of ``child``, without blanks around; None where it is absent or empty."""
    found = child(element, *path)
    return None if found is None else (found.text or "").strip() or None


class _Column(NamedTuple):
    """XPaths of ``column``: how many records, all texts, whether a record has a second one; records, texts of one."""

    number: Callable[[etree._Element], float]
    texts: Callable[[etree._Element], list[str]]
    doubled: Callable[[etree._Element], bool]
    records: Callable[[etree._Element], list[etree._Element]]
    of_one: Callable[[etree._Element], list[str]]


@cache
def _column(records: str, path: str, attribute: str, namespace: str) -> _Column:
    step = "n:" if namespace else ""
    record = "/".join(step + name for name in records.split("/"))
    steps = [*(step + name for name in path.split("/")), f"@{attribute}" if attribute else "text()"]
    seconds = "|".join(f"{record}/{'/'.join(steps[: i + 1])}[2]" for i in range(len(steps)))
    below = "/".join(steps)
    paths = (f"count({record})", f"{record}/{below}", f"boolean({seconds})", record, below)
    found: list[Any] = [
        etree.XPath(each, namespaces={"n": namespace or "none:"}, smart_strings=False) for each in paths
    ]
    return _Column(*found)


def column(parent: etree._Element, records: str, path: str, attribute: str = "") -> list[str | None]:
    """A text for each of ``records`` below ``parent``, at ``path`` below it (or its attribute there); paths as a/b.

    None where a record has none; several are joined by a blank. All are in the namespace of ``parent``.
    """
    find = _column(records, path, attribute, str(parent.tag).rpartition("}")[0].removeprefix("{"))
    count, found = int(find.number(parent)), find.texts(parent)
    if not found:
        return [None] * count
    # As many as records, and nowhere a second: one each. To count in each record is far dearer.
    if len(found) == count and not find.doubled(parent):
        return list(found)
    return [" ".join(find.of_one(one)) or None for one in find.records(parent)]


def instant(text: pl.Expr, zone: str) -> pl.Expr:
    """xs:dateTime as UTC, null where it is none; without an offset it is a time of ``zone``.

    Also what programs write for it: ISO 8601's other offsets (+0700, +07), no seconds (Java leaves out zeros), a blank.
    """
    part = text.str.strip_chars().str.extract_groups(
        r"^(?<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
        r"(?:\.(?<part>[0-9]{1,9}))?(?<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?$"
    )
    offset = part.struct.field("offset")
    day = part.struct.field("day").str.to_datetime("%Y-%m-%d", strict=False, time_unit="us")
    clock = part.struct.field("clock").str.split(":").cast(pl.List(pl.Int64))
    hour, minute, second = (clock.list.get(i, null_on_oob=True) for i in range(3))
    second = second.fill_null(0)
    # 24:00:00 is xs:dateTime's own end of a day; a leap second does not occur in meters.
    real = (hour < 24) & (minute < 60) & (second < 60) | (hour == 24) & (minute == 0) & (second == 0)
    micro = part.struct.field("part").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64).fill_null(0)
    stamp = day + pl.duration(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    stamp = pl.when(real & stamp.dt.year().is_between(*YEARS)).then(stamp)
    sign = pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    away = sign * (offset.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0) * 60) + sign * (
        offset.str.extract("^[+-][0-9]{2}:?([0-9]{2})$").cast(pl.Int64).fill_null(0)
    )
    fixed = (stamp - pl.duration(minutes=away)).dt.replace_time_zone("UTC")
    return pl.when(offset.is_null()).then(utc(stamp, zone)).otherwise(fixed)
