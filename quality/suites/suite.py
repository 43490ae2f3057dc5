"""A table's suite, as its YAML file tells it: metric frames in SQL, and rules of Great Expectations on them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from quality.contracts import Table
from quality.documents import document

FOLDER = Path(__file__).parent

ROWS = "rows"
"""Frame of the rows themselves; of readings, of their metrics (``Table.metrics``)."""

TOLD = "ExpectColumnValuesToNotBeNull"
"""What asks whether a value is there."""

Words = Annotated[str, StringConstraints(min_length=8)]


class SuiteError(ValueError):
    """A suite cannot be asked; it names the file and the place in it."""


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Frame(_Told):
    """A metric frame: ``sql`` over the table's rows (``self``) that gives one row a ``key`` (a station's day)."""

    key: tuple[str, ...] = Field(min_length=1)
    sql: str


class Expectation(_Told):
    """A rule: the class of Great Expectations that judges ``frame`` and its arguments, what it means (``th``, ``en``)
    and what to do about what it finds, who says so, and the arguments of cities where other bounds are right."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    frame: str = ROWS
    expect: Annotated[str, StringConstraints(pattern=r"^Expect[A-Z]\w+$")]
    arguments: dict[str, Any]
    severity: Literal["note", "warn", "withhold", "block"] = "warn"
    th: Words
    en: Words
    source: Words
    cities: dict[str, dict[str, Any]] = {}

    @model_validator(mode="after")
    def _known_arguments(self) -> Self:
        for city, own in self.cities.items():
            if unknown := sorted(set(own) - set(self.arguments)):
                raise ValueError(f"{self.id}: {city} sets {', '.join(unknown)}, which the rule does not have")
        return self

    @property
    def columns(self) -> list[str]:
        """Columns it judges."""
        named = [self.arguments[name] for name in ("column", "column_A", "column_B") if name in self.arguments]
        return [*named, *self.arguments.get("column_list", ())]

    def asked(self, city: str | None) -> dict[str, Any]:
        """Its arguments in a city."""
        return self.arguments | (self.cities.get(city, {}) if city else {})

    def bound(self, city: str | None) -> str:
        """What it expects in a city: the arguments that name no column."""
        told = {name: value for name, value in self.asked(city).items() if not name.startswith("column")}
        return ", ".join(f"{name} {value}" for name, value in told.items()) or self.expect


class Suite(_Told):
    """All rules on one table."""

    frames: dict[str, Frame] = {}
    rules: tuple[Expectation, ...] = ()

    def key(self, table: Table, frame: str) -> tuple[str, ...]:
        """Columns that tell the rows of a frame apart."""
        return self.frames[frame].key if frame in self.frames else table.key

    def needs(self, frame: str) -> list[str]:
        """Columns of a frame that its rules judge."""
        return list(dict.fromkeys(column for rule in self.rules if rule.frame == frame for column in rule.columns))


@cache
def suite(table: Table) -> Suite:
    """The suite of a table; one without rules where it has no file. Raises ``SuiteError`` as ``read`` does."""
    path = FOLDER / f"{table.name}.yaml"
    if not path.exists():
        return Suite()
    try:
        told = document(path)
    except yaml.YAMLError as error:
        raise SuiteError(f"quality/suites/{path.name}: {error}") from None
    return read(table, told)


def read(table: Table, told: Mapping[str, Any]) -> Suite:
    """A suite for ``table`` from what its file tells.

    Raises ``SuiteError`` for what is no suite, two rules of one id, SQL that cannot be asked, and a rule on a frame or
    column that is not there.
    """
    place = f"quality/suites/{table.name}.yaml"
    try:
        found = Suite.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        raise SuiteError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    try:
        empty = frames(table, found, table.empty())
    except pl.exceptions.PolarsError as error:
        raise SuiteError(f"{place}: frames: {error}") from None
    for name, frame in found.frames.items():
        if unknown := set(frame.key) - set(empty[name].columns):
            raise SuiteError(f"{place}: frame {name} has no column {sorted(unknown)} for its key")
    for rule in found.rules:
        if rule.frame not in empty:
            raise SuiteError(f"{place}: {rule.id}: there is no frame {rule.frame}")
        if unknown := set(rule.columns) - set(empty[rule.frame].columns):
            raise SuiteError(f"{place}: {rule.id} judges {sorted(unknown)}, which {rule.frame} has not")
    if len({rule.id for rule in found.rules}) < len(found.rules):
        raise SuiteError(f"{place}: two rules have one id")
    return found


def frames(table: Table, rules: Suite, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The rows (or their metrics) and every metric frame made of them."""
    base = table.metrics(rows) if table.metrics else rows
    return {ROWS: base} | {name: base.sql(frame.sql) for name, frame in rules.frames.items()}
