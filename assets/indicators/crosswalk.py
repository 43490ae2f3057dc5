"""What every indicator is of, by words: its title in Thai, numerator, denominator, reach, span, the standards' name
that comes nearest, and the criterion of the smart-city programme it is evidence for (``crosswalk.yaml``)."""

from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from quality.documents import document

FILE = Path(__file__).with_suffix(".yaml")


class Declared(BaseModel):
    """An indicator as it is declared. ``differs``: what the standard asks for that this is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title_th: str
    numerator: str
    denominator: str | None = None
    reach: str
    span: Literal["moment", "day", "week", "month", "year", "365 days"]
    standard: Literal["ISO 37120", "ISO 37122", "U4SSC", "TSCCI"] | None = None
    name: str | None = None
    differs: str | None = None
    criterion: int = Field(ge=1, le=5)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.standard is None) != (self.name is None) or (self.differs and not self.standard):
            raise ValueError("a standard and its name go together, and only from a standard can something differ")
        return self

    def columns(self) -> dict[str, str | int | None]:
        """Its columns of ``indicators``."""
        told = self.model_dump(exclude={"name"})
        return told | {"standard": f"{self.standard}: {self.name}" if self.standard else None}


UNDECLARED: dict[str, None] = dict.fromkeys(
    ("title_th", "numerator", "denominator", "reach", "span", "standard", "differs", "criterion")
)
"""Columns of what is told as published, or is no indicator but the lack of one (which has its table's Thai title)."""


@cache
def crosswalk() -> dict[str, Declared]:
    """Code → what was declared; raises ``pydantic.ValidationError`` where the file is not right."""
    told = document(FILE)
    return {code: Declared.model_validate(fields) for code, fields in told.items()}
