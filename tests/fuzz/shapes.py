"""Shapes that a file of readings may have, and the layout that declares each."""

import random
from dataclasses import dataclass, replace
from typing import Any, Final


@dataclass(frozen=True)
class Shape:
    """How a file of readings looks. The first of each field's ``OPTIONS`` is the plainest."""

    minutes: int = 15
    label: str = "end"
    order: str = "dmy"
    mark: str = "/"
    era: str = "CE"
    digits: int = 4
    month: str = "number"
    clock: str = "HH:MM"
    apart: bool = False
    midnight: str = "opens"
    decimal: str = "."
    thousands: str = ""
    unit: str = "kWh"
    kind: str = "delta"
    title: str = "unit"
    table: str = "long"
    meters: str = "column"
    file: str = ","
    encoding: str = "utf-8"
    cells: str = "text"
    rows: str = "by meter"
    extra: str = "none"


OPTIONS: Final[dict[str, tuple[Any, ...]]] = {
    "minutes": (15, 30, 60),
    "label": ("end", "start"),
    "order": ("dmy", "mdy", "ymd"),
    "mark": ("/", "-", "."),
    "era": ("CE", "BE"),
    "digits": (4, 2),
    "month": ("number", "English", "Thai"),
    "clock": ("HH:MM", "HH:MM:SS", "H:MM", "HH.MM", "AM", "H:MM:SS AM", "at midnight none"),
    "apart": (False, True),
    "midnight": ("opens", "closes", "24"),
    "decimal": (".", ","),
    "thousands": ("", ",", ".", " ", "'"),
    "unit": ("kWh", "Wh", "MWh"),
    "kind": ("delta", "average", "register"),
    "title": ("unit", "none"),
    "table": ("long", "points", "components", "wide", "wide by number", "beside", "sheets"),
    "meters": ("column", "above", "fixed"),
    "file": (",", ";", "\t", "|", "xlsx", "json"),
    "encoding": ("utf-8", "utf-8-sig", "utf-16", "cp874"),
    "cells": ("text", "dates", "serials", "s", "ms"),
    "rows": ("by meter", "by time", "newest first", "shuffled"),
    "extra": (
        *("none", "total", "totals of days", "header again", "blank lines", "titles", "column", "merged", "sentinel"),
        *("blanks", "twice", "length"),
    ),
}

DECLARED: Final = (
    *("minutes", "label", "order", "era", "midnight", "decimal", "thousands", "unit", "kind", "table", "meters"),
    "cells",
)
"""What a layout says; the rest every layout reads."""


def settled(shape: Shape, meters: int) -> Shape:
    """``shape`` without what does not go together."""
    table = shape.table
    if table in ("beside", "sheets") or (meters > 1 and table != "points" and shape.meters != "column"):
        shape = replace(shape, meters="above" if table in ("beside", "sheets") else "column")
    if table == "points" or (table == "beside" and shape.rows != "by meter"):
        shape = replace(shape, meters="column" if table == "points" else "above", rows="by meter")
    if table == "sheets":
        shape = replace(shape, file="xlsx")
    if table.startswith("wide"):
        shape = replace(shape, cells="text", clock="HH:MM", apart=False, label="start", midnight="opens", kind="delta")
    if shape.file == "json":
        shape = replace(shape, table="long", meters="column", title="none", encoding="utf-8", extra="none")
    if shape.file != "xlsx" and shape.cells == "dates":
        shape = replace(shape, cells="text")
    if shape.file in ("xlsx", "json"):
        shape = replace(shape, encoding="utf-8")
    if shape.cells in ("dates", "serials", "s", "ms"):
        shape = replace(shape, apart=False, midnight="opens", order="ymd", era="CE", extra="none")
    if shape.order == "ymd":
        shape = replace(shape, digits=4, month="number")
    if shape.month != "number":
        shape = replace(shape, order="dmy")
        if shape.month == "Thai" and shape.encoding == "utf-8" and shape.file == ",":
            shape = replace(shape, era="BE")
    if shape.label == "start" or shape.kind == "register" or shape.clock in ("AM", "H:MM:SS AM", "at midnight none"):
        shape = replace(shape, midnight="opens")
    if shape.kind == "register":
        shape = replace(shape, extra="none" if shape.extra in ("sentinel", "total", "totals of days") else shape.extra)
    if shape.apart and shape.clock == "at midnight none":
        shape = replace(shape, clock="HH:MM")
    if shape.extra == "sentinel":
        shape = replace(shape, unit="kWh")
    if shape.rows == "shuffled" and shape.midnight == "closes":
        shape = replace(shape, midnight="24")
    if shape.thousands == shape.decimal:
        shape = replace(shape, thousands="")
    if shape.extra in ("merged", "total", "totals of days") and (table.startswith("wide") or table == "beside"):
        shape = replace(shape, extra="none")
    if shape.extra == "totals of days" and shape.rows in ("by time", "shuffled"):
        shape = replace(shape, extra="total")
    if shape.extra == "merged" and not (shape.apart and shape.rows == "by meter"):
        shape = replace(shape, extra="none")
    return shape


def drawn(chance: random.Random, meters: int) -> Shape:
    """A shape that differs from the plainest in some of its fields."""
    odd = {name: chance.choice(OPTIONS[name]) for name in OPTIONS if chance.random() < 0.3}
    return settled(replace(Shape(), **odd), meters)


def nearly(shape: Shape, chance: random.Random, meters: int) -> Shape:
    """What a layout may wrongly say of a file of ``shape``: one thing otherwise.

    Not what nothing in the file tells: the unit without a title, a decimal mark or a month that may be either.
    """
    while True:
        name = chance.choice(DECLARED)
        other = settled(replace(shape, **{name: chance.choice(OPTIONS[name])}), meters)
        unit = (other.unit, other.kind == "average") != (shape.unit, shape.kind == "average")
        if layout(other) != layout(shape) and not (unit and shape.title == "none"):
            return other


def layout(shape: Shape) -> dict[str, Any]:
    """The declaration of a file of ``shape``."""
    unit = shape.unit.removesuffix("h") if shape.kind == "average" else shape.unit
    what = {"unit": unit, "kind": shape.kind}
    stamp: dict[str, Any] = {"columns": ["date", "time"] if shape.apart else ["at"], "era": shape.era}
    stamp |= {"epoch": shape.cells} if shape.cells in ("s", "ms") else {"order": shape.order}
    stamp["midnight"] = "closes" if shape.midnight == "closes" else "opens"
    found: dict[str, Any] = {
        "name": "twin",
        "title": "Twin",
        "source": "made up",
        "label": shape.label,
        "minutes": shape.minutes,
        "stamp": stamp,
        "decimal": shape.decimal,
        "thousands": shape.thousands,
        "delimiter": "auto",
    }
    if shape.table.startswith("wide"):
        pattern = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})" if shape.table == "wide" else "(?P<index>[0-9]+)"
        found["wide"] = {"columns": pattern, "measure": what}
    elif shape.table == "points":
        found["points"] = {"columns": "(?P<point>[A-Z][0-9])", "measure": what}
    elif shape.table == "components":
        volts = {"unit": "V", "kind": "instant", "quantity": "voltage"}
        found |= {"component_column": "what", "value_column": "value", "components": {"IMP": what, "V": volts}}
    else:
        found["values"] = {"value": what}
    if shape.table == "beside":
        found["beside"] = True
    if shape.meters == "column" and shape.table != "points":
        found["point_column"] = "meter"
    elif shape.meters == "above":
        found["point_above"] = "Meter (?P<point>[A-Z][0-9])"
    elif shape.meters == "fixed":
        found["point"] = "A1"
    if shape.extra == "merged":
        found["filled_down"] = ["date"]
    return found
