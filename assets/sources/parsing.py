"""What readers of open data do alike with an answer and its rows: shape, refusals, repeats and totals.

Frames carry ``_row``, the 1-based row or record number in the delivery; problems are frames of
``quality.problems.PROBLEM_SCHEMA``. Nothing here knows a source.
"""

import codecs
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

import polars as pl

from assets.sources import thai
from quality.batch import Batch
from quality.problems import gather, problem

_NUMBER = pl.Float64()
"""What a number is held as where its reader does not say."""

_NEVER = pl.lit(value=False)

ENCODINGS = ("utf-8-sig", "cp874")
"""In this order: UTF-8 rarely passes for something else; cp874 is Windows' superset of TIS-620."""


def parsed(data: bytes, fault: Callable[[Any], str | None]) -> tuple[Any, str | None]:
    """The JSON in ``data``, and the reason not to use it: it is not JSON, or ``fault`` finds the shape wrong.

    ``fault`` may simply look things up: a lookup or type error is a wrong shape.
    """
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        return None, "the answer is not valid JSON"
    try:
        return payload, fault(payload)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return payload, f"the answer has another shape than its interface promises ({type(error).__name__})"


def first_byte(data: bytes) -> bytes:
    """What comes first behind a byte order mark and blanks, by which JSON is told from a table; none where nothing
    does."""
    return data.removeprefix(codecs.BOM_UTF8).lstrip()[:1]


def text_of(data: bytes) -> str | None:
    """``data`` as text in the first of ``ENCODINGS`` that reads it, or in the one that its byte order mark tells; None
    if none does."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def text_frame(records: Iterable[Mapping[str, Any]], names: Iterable[str]) -> pl.DataFrame:
    """JSON records as strings, whatever type a value has, plus ``_row`` (1-based); absent names are null."""
    columns = list(dict.fromkeys(names))
    rows = [[_text(record.get(name)) for name in columns] for record in records]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")
    return frame.with_row_index("_row", offset=1).cast({"_row": pl.Int64})


def _text(value: Any) -> str | None:
    if isinstance(value, float) and isfinite(value):
        return f"{Decimal(repr(value)):f}"  # in full: no table has exponents, which Python writes below 0.0001
    # JSON can escape half a surrogate pair, which no UTF-8 column can hold.
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def fields_of(part: Any) -> Mapping[str, Any]:
    """The fields of a part of a record; none where it is something else, so that it costs no other part."""
    return part if isinstance(part, Mapping) else {}


def record_batch(
    found: Sequence[Any], flat: Callable[[Mapping[str, Any]], Mapping[str, Any]], names: Iterable[str], part: str = ""
) -> Batch:
    """JSON records as ``flat`` takes them apart, as ``text_frame`` does. One that is no object, or in which ``part`` is
    none, is refused alone (``row-malformed``); ``flat`` is given an empty one for it."""
    rows = [fields_of(one) for one in found]
    odd = [n for n, one in enumerate(rows, 1) if not (isinstance(one.get(part), Mapping) if part else one)]
    batch = Batch(text_frame((flat(one) for one in rows), names))
    return batch.refuse((pl.col("_row").is_in(odd), "row-malformed", f"a record without {part or 'fields'}"))


def illegible(batch: Batch, names: Iterable[str], dtype: pl.DataType = _NUMBER) -> Batch:
    """``batch`` with a problem (``value-not-number``) for each text in the columns ``names`` that is neither a number
    of ``dtype`` nor a missing mark. The rows stay: ``thai.number`` makes such a cell null, and the others hold."""
    for name in names:
        bad = ~thai.is_missing(pl.col(name)) & thai.number(pl.col(name), dtype).is_null()
        batch = batch.warn(bad, "value-not-number", f"{name} is not a number and left out")
    return batch


def absent_fields(records: Iterable[Any], names: Iterable[str]) -> pl.DataFrame:
    """One ``column-missing`` problem a name that none of the JSON records has: it may be called otherwise now."""
    there = {name for record in records if isinstance(record, Mapping) for name in record}
    return gather(problem("column-missing", f"no record has {name}") for name in names if name not in there)


def judged_totals(
    frame: pl.DataFrame,
    total: pl.Expr,
    by: Sequence[str],
    average: pl.Expr = _NEVER,
    share: pl.Expr = _NEVER,
) -> pl.DataFrame:
    """The publisher's totals of ``value`` against what their members allow.

    ``total`` tells the totals of one dimension from its members, ``by`` are the other dimensions. A total equals its
    members' sum within 1 (publishers round); where ``average`` holds it lies between their least and
    greatest, for an average is no sum, while the ``share`` of all is. Returns ``_row``, ``fits`` and ``message`` for
    every total whose members all have values.
    """
    amount = pl.col("value")
    totals = frame.filter(total & amount.is_not_null())
    if totals.is_empty():  # as of most dimensions, which costs a tenth
        return totals.select("_row", fits=pl.lit(value=True), message=pl.lit(""))
    members = (
        frame.filter(~total)
        .group_by(by)
        .agg(_sum=amount.sum(), _least=amount.min(), _most=amount.max(), _whole=amount.is_not_null().all())
        .filter("_whole")
    )
    low = pl.when(average).then("_least").otherwise(pl.col("_sum") - 1)
    high = pl.when(average).then("_most").otherwise(pl.col("_sum") + 1)
    summed = (amount - pl.col("_sum")).abs() <= 1
    number = amount.cast(pl.String)
    keys = [pl.col(name).cast(pl.String).replace("", None) for name in by]
    group = pl.concat_str(keys, separator=" / ", ignore_nulls=True)
    message = (
        pl.when(average)
        .then(pl.format("{}: total {} is not between its members' {} and {}", group, number, "_least", "_most"))
        .otherwise(pl.format("{}: total {} but its members add up to {}", group, number, "_sum"))
    )
    return totals.join(members, on=list(by), maintain_order="left").select(
        "_row", fits=amount.is_between(low, high) | (share & summed), message=message
    )
