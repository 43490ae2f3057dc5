"""Declared layouts: how a wide or long export looks, written down once as data (``assets/meters/layouts/*.yaml``).

A platform that takes exports of many utilities needs a few dozen such declarations and few programs. What a file does
not say itself (label, zone, era, unit, kind) must be declared; there is no default for the label.
"""

import codecs
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assets.cities.registry import reasons
from assets.meters.formats.canonical import FAMILIES, THAILAND, UNITS, OptionError
from assets.meters.formats.stamps import Era, Order, zone_of
from quality.documents import document
from quality.readings import QUALITIES, QUANTITIES

FOLDER = Path(__file__).parents[1] / "layouts"

_Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class LabelError(OptionError):
    """A layout does not say whether stamps mark the start or the end of an interval."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(_Model):
    """What a column, or a component of the rows, measures.

    ``kind``: ``delta`` is energy of the interval, ``average`` mean power in it (energy = power x hours), ``instant`` a
    level such as a voltage, ``register`` what a meter's dials show at the stamp: the interval's energy is the
    difference to the next read. ``channel`` is the column or component name unless given.

    Measures with the same quantity and channel are added. With ``rate`` they are rates of which one runs at a time, so
    a blank is another rate's time; without, a blank leaves the sum without a value.
    """

    unit: str
    kind: Literal["delta", "average", "instant", "register"]
    quantity: str = "active_import"
    channel: str | None = None
    rate: str | None = None
    status: str | None = None
    """Column with the status of this column's values, where each has its own."""

    resets: Literal["daily"] | int | None = None
    """Whether a register begins anew at each local midnight, as an inverter's yield of the day does, or each so many
    minutes from midnight on: 60 where it counts the energy of the hour."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unit = UNITS.get(self.unit.lower())
        if self.quantity not in QUANTITIES or unit is None:
            raise ValueError(f"quantity {self.quantity} or unit {self.unit} is not known")
        if self.quantity != "other" and unit.family != FAMILIES[self.quantity]:
            raise ValueError(f"{self.quantity} cannot be in {self.unit}")
        energy = unit.family in ("wh", "varh", "vah")
        if (unit.average != (self.kind == "average")) if energy else self.kind in ("delta", "register"):
            raise ValueError(f"{self.unit} cannot be of kind {self.kind}")
        if self.resets and self.kind != "register":
            raise ValueError("only a register resets")
        if isinstance(self.resets, int) and not (0 < self.resets <= 1440 and 1440 % self.resets == 0):
            raise ValueError("resets is daily, or minutes that divide a day")
        return self


class Stamp(_Model):
    """Where date and time stand, the order of the date's fields, and the era of its years."""

    columns: tuple[str, ...] = Field(min_length=1, max_length=2)
    order: Order = "ymd"
    era: Era = "CE"
    """``auto`` tells it by each year, and refuses years of two digits, which do not tell it."""
    epoch: Literal["s", "ms"] | None = None
    """Whether a stamp is the number of seconds, or milliseconds, since 1970 UTC; ``order`` is then none."""
    tolerance: int = Field(default=0, ge=0, le=300)
    """Seconds by which a stamp may lie beside the grid and is put on it: a logger's clock, or its way to the server.
    Without, a meter's clock may be off by ``CLOCK_SECONDS`` (``quality.meter_grid``)."""
    period: str | None = None
    """Column with the number of the interval in its day, from 1: half-hours of settlement, 46 to 50 a day."""
    midnight: Literal["opens", "closes"] = "opens"
    """Of an end stamp 00:00: whether the date beside it begins there (so the interval is the day before's last), or
    ends there, as 24:00 would say."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.epoch is None and "order" not in self.model_fields_set:
            raise ValueError("order must be said: dmy, mdy or ymd, or an epoch")
        if self.epoch is not None and (len(self.columns) != 1 or self.period):
            raise ValueError("an epoch is one column")
        return self


class Wide(_Model):
    """A row a day. ``columns`` is a pattern that matches the names of the interval columns.

    Its groups are ``hour`` (may be empty), ``minute`` and, for AM or PM, ``half``: the clock at the label; or
    ``index``: counted from 1 and from midnight on, so that a day of a clock change has fewer or more. ``places`` are
    first and last column by number instead, and a step where other columns lie between.
    """

    columns: str | None = None
    places: tuple[int, int] | tuple[int, int, int] | None = None
    measure: Measure | None = None
    """None where the layout's components say it, a kind of row each."""
    status: str | None = None
    """A status an interval: ``next`` or ``previous`` column, or a pattern with the groups of ``columns``, whose columns
    may be absent."""
    total: str | None = None
    """Column with the row's sum, against which the intervals are checked."""
    ragged: bool = False
    """Whether a row ends with its last interval, so that rows of clock changes are shorter or longer."""
    missing_limit: int | None = Field(default=None, ge=0)
    """Blanks above which a day is refused."""

    @model_validator(mode="after")
    def _columns(self) -> Self:
        if (self.columns is None) == (self.places is None):
            raise ValueError("exactly one of columns and places")
        patterns = [self.columns] if self.status in (None, "next", "previous") else [self.columns, self.status]
        for pattern in patterns:
            groups = set(re.compile(pattern or "").groupindex) - {"half"}
            if pattern is not None and groups not in ({"hour", "minute"}, {"index"}):
                raise ValueError("the column pattern must have the groups hour and minute, or index")
        if self.places and (min(self.places) < 1 or self.places[0] > self.places[1]):
            raise ValueError("places are first and last column, counted from 1, and a step")
        if self.ragged and self.places is None:
            raise ValueError("rows of several lengths need places")
        return self


class Points(_Model):
    """A column a metering point: its name is what the group ``point`` of the pattern ``columns`` takes.

    With ``measures``, several columns a point: which of them a column is, the group ``measure`` tells.
    """

    columns: str
    measure: Measure | None = None
    measures: dict[str, Measure] = {}

    @model_validator(mode="after")
    def _group(self) -> Self:
        groups = {"point", "measure"} if self.measures else {"point"}
        if set(re.compile(self.columns).groupindex) != groups:
            raise ValueError(f"the column pattern must have the group(s) {', '.join(sorted(groups))} and no other")
        if (self.measure is None) == (not self.measures):
            raise ValueError("exactly one of measure and measures")
        return self


class Layout(_Model):
    """One layout of a CSV file or a workbook's sheet.

    Exactly one of ``values`` (a column each), ``components`` (a kind of row each), ``points`` (a column a metering
    point) and ``wide`` says what is measured; ``wide`` may leave that to ``components``.
    """

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
    points: Points | None = None
    point_column: str | None = None
    point: str | None = None
    """Fixed metering point; the option ``point`` goes before it."""
    point_above: str | None = None
    """Pattern of the row above the header that names the meter, its cells that are not blank joined by blanks; the
    group ``point`` takes it: ``Meter No[.]? (?P<point>[0-9]+)``. Of columns ``beside`` each other, each has its own."""
    point_sheet: str | None = None
    """Pattern of the name of a workbook's sheet, the group ``point`` of which is the meter: ``^(?P<point>[0-9]+)``."""
    point_file: str | None = None
    """Pattern of the name of the file, the group ``point`` of which is the meter; of an archive's, with its folders."""
    beside: bool = False
    """Whether the layout's columns stand several times side by side, a meter each; those that stand once are shared."""
    stand_in: str | None = None
    """Metering point where neither the file nor an option names one. It is said: two meters would become one."""
    status_column: str | None = None
    statuses: dict[str, str] = {}
    """Word of the file → canonical quality; the empty word is a blank status."""
    other_status: str = "unknown"
    """Quality of other words; ``actual`` where ``statuses`` lists the flags of estimates. Without a status column all
    are unknown."""
    rate_column: str | None = None
    unit_column: str | None = None
    """Column with the row's unit, which converts it; a unit that the measure cannot have is refused."""
    units: dict[str, str] = {}
    """The words that ``unit_column`` may have → unit. Without, the words are units."""
    heed_titles: bool = True
    """Whether a file is refused that states another unit, direction or zone than the layout: in titles, rows of units,
    names of columns, or columns that the layout does not know. A unit of the row's own is believed."""
    multiplier: Decimal = Field(default=Decimal(1), gt=0, le=1_000_000, decimal_places=6)
    """Factor (CT x VT, pulses) that the values do not include yet."""
    multiplier_column: str | None = None
    serial_column: str | None = None
    """Column with the number of the device: a register is not counted on from one device to the next."""
    duration_column: str | None = None
    """Column with the interval's length: minutes, ``PT15M``, ``15 min``, ``00:15``. Rows of another are refused."""
    filled_down: tuple[str, ...] = ()
    """Columns whose blank cells have what stands above them: cells that were merged."""
    filters: dict[str, str] = {}
    """Column → pattern that a row's cell must match; the other rows are left out, and counted."""
    merge: bool = False
    """Whether, of a repeated interval, a blank never takes the place of a value."""
    ignored: tuple[str, ...] = ()
    """Other columns the layout knows; the empty name is that of columns without one."""
    ignored_pattern: str | None = None
    exact: bool = False
    """Whether a header with further columns is another layout's, not a newer one's."""
    automatic: bool = True
    """Whether files are recognised as this layout; else it must be named. A header too common to show anything."""
    timezone: str = THAILAND
    encoding: str | None = None
    """Overrides what the bytes suggest (byte order mark, UTF-8, cp874)."""
    delimiter: str = Field(default=",", pattern=r"^(.|auto)$")
    """``auto`` takes the one of comma, semicolon, tab and bar that shows the header; a first line ``sep=;`` goes before
    either."""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    nulls: tuple[str, ...] = (
        *("?", "-", "--", "–", "...", "#N/A", "N/A", "n/a", "NA", "n.a.", "null", "Null", "NULL", "None", "none"),
        *("No Data", "No data", "no data", "ไม่ทราบ", "ไม่มี", "ไม่มีข้อมูล", "ไม่ปรากฏข้อมูล"),
    )
    """Words for "no value"; a blank always is. What came of an error, ``#VALUE!`` and ``NaN``, is none."""
    header_rows: int = Field(default=30, ge=1, le=100)
    """Lines among which the header is looked for."""
    width: int | None = Field(default=None, ge=2, le=5000)
    """Cells of a row in a file without header; its columns are then named 1, 2, 3 and so on."""
    skip_rows: int = Field(default=0, ge=0, le=100)
    """Lines before the data of a file without header."""
    footer: str | None = None
    """Pattern of the first cell of rows after the data: totals, remarks."""
    sheet: str | None = None
    """Sheet of a workbook; else every one that shows the header."""
    table: str | None = None
    """Named table of a workbook."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if 1440 % self.minutes:
            raise ValueError("minutes must divide a day")
        whole = self.wide is not None and (self.wide.measure is not None or not self.components)
        ways = (bool(self.values), bool(self.components), whole, self.points is not None)
        if ways.count(True) != 1 or (self.wide and (self.values or self.points)) or not self.parts:
            raise ValueError("exactly one of values, components, points and wide")
        if self.components and not (self.component_column and (self.value_column or self.wide)):
            raise ValueError("components need component_column and value_column")
        if {*self.statuses.values(), self.other_status} - set(QUALITIES):
            raise ValueError(f"statuses must be among {', '.join(QUALITIES)}")
        if self.units and (not self.unit_column or {unit.lower() for unit in self.units.values()} - set(UNITS)):
            raise ValueError("units need unit_column, and must be known units")
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same")
        if self.wide and self.wide.places and self.wide.places[1] > (self.width or 5000):
            raise ValueError("wide.places beyond the width")
        for pattern in filter(None, (self.point_above, self.point_sheet, self.point_file)):
            if set(re.compile(pattern).groupindex) != {"point"}:
                raise ValueError(
                    "the patterns point_above, point_sheet and point_file must have the group point and no other"
                )
        if self.beside and (self.wide or self.points or self.width):
            raise ValueError("columns that stand side by side are those of values or components, under a header")
        if self.wide and self.stamp.period:
            raise ValueError("a row is a day or a period")
        if self.width and any(not name.isdigit() or not 0 < int(name) <= self.width for name in self.required):
            raise ValueError(f"columns of a file without header are 1 to {self.width}")
        if self.encoding is not None:
            codecs.lookup(self.encoding)
        zone_of(self.timezone)
        for pattern in (self.footer or "", self.ignored_pattern or "", *self.filters.values()):
            re.compile(pattern)
        return self

    def check_point(self) -> None:
        """Raise ``OptionError`` where the file names no metering point and the layout has none to put in its place."""
        if self.one_point and self.point is None and self.stand_in is None:
            raise OptionError(f"layout {self.name} has no column of metering points: set the option 'point'")

    def ignores(self, name: str) -> bool:
        """Whether the layout knows a column, and takes nothing from it."""
        return name in self.ignored or re.fullmatch(self.ignored_pattern or "(?!)", name) is not None

    @property
    def one_point(self) -> bool:
        """Whether nothing in a file tells its meters apart."""
        told = (self.point_column, self.points, self.point_above, self.point_sheet, self.point_file)
        return not any(told)

    @property
    def parts(self) -> dict[str, Measure]:
        """What is measured, by column or component; one part ``total`` where there is a single kind of value."""
        if self.points and self.points.measures:
            return self.points.measures
        whole = self.wide.measure if self.wide else self.points.measure if self.points else None
        return self.values or self.components or ({whole.channel or "total": whole} if whole else {})

    @property
    def required(self) -> list[str]:
        """Columns the header must have, apart from those told by a pattern."""
        single = (
            *(self.point_column, self.component_column, self.value_column, self.status_column, self.rate_column),
            *(self.unit_column, self.multiplier_column, self.stamp.period, self.wide and self.wide.total),
            *(self.serial_column, self.duration_column),
            *(measure.status for measure in self.parts.values()),
        )
        return [*self.stamp.columns, *self.values, *self.filters, *(name for name in single if name)]


def declared(value: Any) -> Layout:
    """The layout that an option names or spells out. Raises ``OptionError``, ``LabelError`` where the label lacks."""
    if isinstance(value, str):
        if value not in shipped():
            raise OptionError(f"'{value}' is not one of {', '.join(sorted(shipped()))}")
        return shipped()[value]
    if not isinstance(value, Mapping):
        raise OptionError("must be a name or a mapping")
    if "label" not in value:
        raise LabelError("the layout does not say 'label: start' or 'label: end'")
    try:
        return Layout.model_validate(dict(value))
    except LookupError as error:
        raise OptionError(str(error)) from None
    except re.error as error:
        raise OptionError(f"pattern: {error}") from None
    except ValidationError as error:
        raise OptionError("; ".join(reasons(error))) from None


@cache
def shipped() -> dict[str, Layout]:
    """The layouts that come with Muang, by name. Raises ``OptionError`` for a file that is none."""
    found = [declared(document(path)) for path in sorted(FOLDER.glob("*.yaml"))]
    return {layout.name: layout for layout in found}
