"""UN/EDIFACT interchanges (ISO 9735) as segments: separators, release character, structure and counts."""

import re

import polars as pl

from assets.meters.formats.canonical import shown_count
from quality.batch import Batch
from quality.problems import PROBLEM_SCHEMA, gather

COMPONENT, _ELEMENT, _SEGMENT = "\x1f", "\x1d", "\x1c"
"""Separators as read: ASCII's own, whatever the file's are. EDIFACT's data never holds them."""
_ADVICE = re.compile(r"UNA(.)(.)(.)(.)(.)(.)(?=\s*UNB)", re.S)
_DEFAULT = (":", "+", ".", "?", " ", "'")
_HELD = "\x01\x02\x03\x04"


def first_message(head: str) -> str | None:
    """Type of the first message of the interchange that ``head`` begins with (``MSCONS:D:04B:UN:...``), or None."""
    if re.match(r"\s*(?:UNA.{6}\s*)?UNB\W", head, re.S) is None:
        return None
    parts, _ = _parts(head)
    for part in parts:
        if part.startswith("UNH" + _ELEMENT):
            cells = part.split(_ELEMENT)
            return cells[2].replace(COMPONENT, ":") if len(cells) > 2 else None
    return None


def segments(text: str) -> Batch:
    """Segments (``row, tag, cells, file, message``) of all interchanges; rejected where one is not whole.

    ``row`` counts segments from 1, UNA too; ``cells`` are the data elements, the tag first, released characters plain;
    ``file`` and ``message`` number the UNB and, throughout, the UNH; message is 0 outside of one.
    """
    parts, rest = _parts(text)
    frame = pl.DataFrame({"text": parts}, schema={"text": pl.String}).with_row_index("row", offset=1)
    frame = frame.with_columns(pl.col("row").cast(pl.Int64), pl.col("text").str.strip_chars_start(" \t")).filter(
        pl.col("text") != ""
    )
    frame = frame.select("row", tag=pl.col("text").str.head(3), cells=pl.col("text").str.split(_ELEMENT))
    tag = pl.col("tag")
    opened, closed = (tag == "UNH").cum_sum(), (tag == "UNT").cum_sum().shift(1, fill_value=0)
    frame = frame.with_columns(
        file=(tag == "UNB").cum_sum(), message=pl.when(opened > closed).then(opened).otherwise(0)
    )
    if rest.strip(" \t\x1a") or not frame.height or frame["tag"][-1] != "UNZ":
        return Batch.rejected("file-truncated", "the interchange has no whole end (UNZ)", frame["row"].max())  # type: ignore[arg-type]
    marks = {"UNB": "(", "UNH": "[", "UNT": "]", "UNZ": ")"}
    envelope = "".join(frame["tag"].replace_strict(marks, default=""))
    if re.fullmatch(r"(\((\[\])*\))*", envelope) is None:
        broken = "a message or an interchange has no end, or no beginning (UNB, UNH, UNT, UNZ)"
        return Batch.rejected("file-malformed", broken)
    return Batch(frame)


def _parts(text: str) -> tuple[list[str], str]:
    """Segments with ASCII separators, and what follows the last one."""
    parts: list[str] = []
    rest = ""
    begins = sorted({0, *(found.start() for found in _ADVICE.finditer(text))})
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
        piece = text[begin:end]
        advice = _ADVICE.match(piece)
        parts += ["UNA"] if advice else []
        *found, rest = _plain(piece[9:] if advice else piece, advice.groups() if advice else _DEFAULT).split(_SEGMENT)
        parts += found
    return parts, rest


def _plain(piece: str, marks: tuple[str, ...]) -> str:
    component, element, _, release, _, segment = marks
    for line_end in "\r\n":
        # Line ends are for the eye, wherever they stand; EDIFACT's character sets have none.
        piece = piece.replace(line_end, "") if line_end != segment else piece
    plain: dict[str, str | int | None] = {component: COMPONENT, element: _ELEMENT, segment: _SEGMENT}
    if release != " " and release in piece:
        for held, mark in zip(_HELD, (release, component, element, segment), strict=True):
            piece = piece.replace(release + mark, held)
            plain[held] = mark
        piece = piece.replace(release, "")
    return piece.translate(str.maketrans(plain))


def element(place: int) -> pl.Expr:
    """Data element ``place`` (the tag is 0), empty where absent."""
    return pl.col("cells").list.get(place, null_on_oob=True).fill_null("")


def component(place: int, part: int) -> pl.Expr:
    """Component ``part`` (from 0) of data element ``place``, empty where absent."""
    return element(place).str.split(COMPONENT).list.get(part, null_on_oob=True).fill_null("")


def miscounted(frame: pl.DataFrame) -> pl.DataFrame:
    """Problems of messages and interchanges whose trailer tells another count or reference than they have."""
    tag = pl.col("tag")
    grouped = (tag == "UNG").any()  # UNZ counts groups where there are any
    problems = []
    for scope, opening, closing, reference, size in (
        ("message", "UNH", "UNT", element(1), pl.len()),
        ("file", "UNB", "UNZ", element(5), pl.when(grouped).then((tag == "UNG").sum()).otherwise((tag == "UNH").sum())),
    ):
        found = frame.filter(pl.col(scope) > 0).group_by(scope, maintain_order=True).agg(
            row=pl.col("row").filter(tag == closing).last(),
            stated=element(1).filter(tag == closing).last().str.strip_chars_start("0"),
            counted=size.cast(pl.String),
            same=element(2).filter(tag == closing).last() == reference.filter(tag == opening).first(),
        )  # fmt: skip
        other = pl.col("stated") != pl.col("counted")
        wrong = found.filter(other | ~pl.col("same"))
        counts = pl.format(f"{closing} tells {{}}, the {scope} holds {{}}", shown_count(pl.col("stated")), "counted")
        text = pl.when(other).then(counts).otherwise(
            pl.lit(f"{closing} has another reference than {opening}")
        )  # fmt: skip
        problems.append(wrong.select("row", code=pl.lit("count-mismatch"), message=text).cast(PROBLEM_SCHEMA))
    return gather(problems)
