"""Declared layouts: what a wide or long CSV looks like, written down once as data (``assets/energy/layouts/*.yaml``).

A platform that takes exports of many utilities needs a few dozen such declarations and few programs. What a file does
not say itself (label, zone, era, unit, kind) must be declared; there is no default for the label.
"""

import codecs
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assets.energy.readers.canonical import FAMILIES, THAILAND, UNITS, OptionError
from assets.energy.readers.stamps import Era, Order, zone_of
from quality.readings import QUALITIES, QUANTITIES

FOLDER = Path(__file__).parents[1] / "layouts"

_Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class LabelError(OptionError):
    """A layout does not say whether stamps mark the start or the end of an interval."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(_Model):
    """What a column, or a component of a long file, measures.

    ``kind``: ``delta`` is energy of the interval, ``average`` mean power in it (energy = power x hours), ``instant`` a
    level such as a voltage. ``channel`` is the column or component name unless given.
    """

    unit: str
    kind: Literal["delta", "average", "instant"]
    quantity: str = "active_import"
    channel: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unit = UNITS.get(self.unit.lower())
        if self.quantity not in QUANTITIES or unit is None:
            raise ValueError(f"quantity {self.quantity} or unit {self.unit} is not known")
        if self.quantity != "other" and unit.family != FAMILIES[self.quantity]:
            raise ValueError(f"{self.quantity} cannot be in {self.unit}")
        energy = unit.family in ("wh", "varh", "vah")
        if (unit.average != (self.kind == "average")) if energy else self.kind == "delta":
            raise ValueError(f"{self.unit} cannot be of kind {self.kind}")
        return self


class Stamp(_Model):
    """Where date and time stand, the order of the date's fields, and the era of its years."""

    columns: tuple[str, ...] = Field(min_length=1, max_length=2)
    order: Order
    era: Era = "CE"


class Wide(_Model):
    """A row a day. ``columns`` is a pattern that matches the names of the interval columns.

    Its groups are ``hour`` and ``minute``, the clock at the label, or ``index``, counted from 1.
    """

    columns: str
    measure: Measure

    @model_validator(mode="after")
    def _groups(self) -> Self:
        if set(re.compile(self.columns).groupindex) not in ({"hour", "minute"}, {"index"}):
            raise ValueError("the column pattern must have the groups hour and minute, or index")
        return self


class Layout(_Model):
    """One layout. Exactly one of ``wide``, ``values`` (a column each) and ``components`` says what is measured."""

    name: _Name
    title: str
    source: str
    """Where the layout is described or was seen, and why what it declares is so."""
    label: Literal["start", "end"]
    minutes: int = Field(gt=0, le=1440)
    stamp: Stamp
    values: dict[str, Measure] = {}
    components: dict[str, Measure] = {}
    component_column: str | None = None
    value_column: str | None = None
    wide: Wide | None = None
    point_column: str | None = None
    point: str | None = None
    """Fixed metering point; the option ``point`` goes before it."""
    status_column: str | None = None
    statuses: dict[str, str] = {}
    """Word of the file → canonical quality; other words are ``unknown``. Without a status column all are unknown."""
    rate_column: str | None = None
    ignored: tuple[str, ...] = ()
    timezone: str = THAILAND
    encoding: str | None = None
    """Overrides what the bytes suggest (byte order mark, UTF-8, cp874)."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    nulls: tuple[str, ...] = ("-", "?", "N/A", "NULL", "Null", "null")
    """Words for "no value"; a blank always is."""
    header_rows: int = Field(default=30, ge=1, le=100)
    """Lines among which the header is looked for."""
    footer: str | None = None
    """Pattern of the first cell of rows after the data: totals, remarks."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if 1440 % self.minutes:
            raise ValueError("minutes must divide a day")
        if (bool(self.values), bool(self.components), self.wide is not None).count(True) != 1:
            raise ValueError("exactly one of values, components and wide")
        if self.components and not (self.component_column and self.value_column):
            raise ValueError("components need component_column and value_column")
        if set(self.statuses.values()) - set(QUALITIES):
            raise ValueError(f"statuses must be among {', '.join(QUALITIES)}")
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same")
        if self.encoding is not None:
            codecs.lookup(self.encoding)
        zone_of(self.timezone)
        re.compile(self.footer or "")
        return self

    @property
    def required(self) -> list[str]:
        """Columns the header must have; the interval columns of a wide layout apart."""
        single = (self.point_column, self.component_column, self.value_column, self.status_column, self.rate_column)
        return [*self.stamp.columns, *self.values, *(name for name in single if name)]


def declared(value: Any) -> Layout:
    """The layout that an option names or spells out. Raises ``OptionError``, ``LabelError`` where the label lacks."""
    if isinstance(value, str):
        if value not in shipped():
            raise OptionError(f"layout '{value}' is not one of {', '.join(sorted(shipped()))}")
        return shipped()[value]
    if not isinstance(value, Mapping):
        raise OptionError("layout must be a name or a mapping")
    if "label" not in value:
        raise LabelError("the layout does not say 'label: start' or 'label: end'")
    try:
        return Layout.model_validate(dict(value))
    except LookupError as error:
        raise OptionError(f"layout: {error}") from None
    except re.error as error:
        raise OptionError(f"layout: pattern: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "layout"
        raise OptionError(f"layout: {place}: {first['msg']}") from None


@cache
def shipped() -> dict[str, Layout]:
    """The layouts that come with Muang, by name. Raises ``OptionError`` for a file that is none."""
    found = [declared(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.yaml"))]
    return {layout.name: layout for layout in found}
