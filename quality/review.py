"""A review: a finding that somebody has looked at and signed for. Without Polars, for the registry."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Words = Annotated[str, StringConstraints(min_length=3)]


class Review(BaseModel):
    """``what`` the check ``check`` of ``table`` finds is known until the day ``until``: ``why``, and ``who`` says so.

    ``key`` are columns and values (as text) of the rows it is about; without it, it is about all that the check finds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    check: str
    key: dict[str, str] = {}
    what: Words
    why: Words
    who: Words
    until: date

    def __str__(self) -> str:
        """As verdicts tell it."""
        return f"{self.what}: {self.why} ({self.who}, until {self.until})"

    def about(self, row: dict[str, object]) -> bool:
        """Whether it is about a row that a verdict shows."""
        return all(str(row.get(name)) == value for name, value in self.key.items())
