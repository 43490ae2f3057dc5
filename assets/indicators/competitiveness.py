"""What depa's competitiveness index gave the cities, as far as it was published (``competitiveness.yaml``)."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from quality.documents import document

FILE = Path(__file__).with_suffix(".yaml")

GROUPS = {"areas": "cities by area", "provinces": "cities by province"}
"""The two lists of the index, which are ranked apart."""

Smart = Literal["energy", "environment", "mobility", "living", "governance", "economy", "people"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Standing(_Model):
    """A city in one edition: its score in per cent and place in its group, and the Smarts it was named best of."""

    score: Annotated[float, Field(ge=0, le=100)] | None = None
    group: Literal["areas", "provinces"] | None = None
    place: int | None = None
    best_of: tuple[Smart, ...] = ()

    def __str__(self) -> str:
        told = [f"place {self.place} of {GROUPS[self.group]}"] if self.group and self.place else []
        return "; ".join([*told, *(f"best of Smart {smart.capitalize()}" for smart in self.best_of)])


class Edition(_Model):
    """An edition of the index and where its figures stand."""

    source: str
    cities: dict[str, Standing]


@cache
def editions() -> dict[int, Edition]:
    """Year of the index → edition; raises ``pydantic.ValidationError`` where the file is not right."""
    return TypeAdapter(dict[int, Edition]).validate_python(document(FILE))
