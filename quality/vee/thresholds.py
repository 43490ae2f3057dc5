"""Thresholds of the meter rules: one file with a source for each, and what a city sets otherwise."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from quality.documents import document
from quality.vee.window import Floats

CustomerClass = Literal["residential", "small_business", "medium_business", "large_business", "public", "other"]

FILE = Path(__file__).with_name("thresholds.yaml")


Number = Annotated[float, Field(ge=0)]


class Threshold(BaseModel):
    """A number, those of customer classes that differ from it (None where no class matters), what it counts and where
    it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Number
    by_class: dict[CustomerClass, Number] | None = None
    unit: str
    source: str

    def __str__(self) -> str:
        classes = "".join(f", {name} {number:g}" for name, number in (self.by_class or {}).items())
        return f"{self.value:g}{classes} ({self.unit})"


class _Own(RootModel[dict[str, Number | dict[CustomerClass, Number]]]):
    """What a city sets."""


class Thresholds(BaseModel):
    """All thresholds, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    thresholds: dict[str, Threshold]

    @classmethod
    def of(cls, own: Mapping[str, object] | None = None) -> Self:
        """Those of the file, with what a city sets: ``{name: number}`` or ``{name: {class: number}}``.

        Raises ``ValueError``, in a sentence, for a name or a class there is none of, for classes where none matters,
        and for what is no number from 0.
        """
        common = _read()
        if not own:
            return cls.model_validate(common.model_dump())
        if unknown := sorted(set(own) - set(common.thresholds)):
            known = ", ".join(sorted(common.thresholds))
            raise ValueError(f"there is no threshold {', '.join(unknown)}; there are {known}")
        try:
            told = _Own.model_validate(dict(own)).root
            for name, value in told.items():
                if isinstance(value, dict) and common.thresholds[name].by_class is None:
                    raise ValueError(f"{name} is one number for all customer classes")
            changed = {name: _changed(common.thresholds[name], value) for name, value in told.items()}
        except ValidationError as error:
            first = error.errors()[0]
            place = next((str(part) for part in first["loc"] if part in own), "a threshold")
            raise ValueError(f"{place} takes a number from 0, or numbers by customer class: {first['msg']}") from None
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
        return cls(version=f"{common.version}+{digest}", thresholds=common.thresholds | changed)

    def number(self, name: str) -> float:
        """The threshold where no class matters."""
        return self.thresholds[name].value

    def by(self, classes: pl.Series | None, name: str, size: int) -> Floats:
        """The threshold for each of ``size`` channels of these customer classes (null: of none told)."""
        threshold = self.thresholds[name]
        assert threshold.by_class is not None
        if classes is None or not threshold.by_class:
            return np.full(size, threshold.value)
        return (
            classes.replace_strict(threshold.by_class, default=threshold.value, return_dtype=pl.Float64)
            .fill_null(threshold.value)
            .to_numpy()
        )


def _changed(threshold: Threshold, own: float | dict[CustomerClass, float]) -> Threshold:
    if isinstance(own, dict):
        return Threshold.model_validate(threshold.model_dump() | {"by_class": (threshold.by_class or {}) | own})
    told: dict[str, object] = {"value": own, "by_class": None if threshold.by_class is None else {}}
    return Threshold.model_validate(threshold.model_dump() | told)


@cache
def _read() -> Thresholds:
    return Thresholds.model_validate(document(FILE))
