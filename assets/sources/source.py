"""What a source is: where its bytes come from, what a city may choose of it, and how it becomes rows.

One module a source declares a ``Source``; the graph is made from these declarations (``assets.graph``). A source
never writes anything: ``plan`` says what to ask for, ``reader`` turns landed bytes into frames and problems.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assets.cities.registry import City, reasons
from assets.landing.request import Request
from assets.sources.once import once
from quality.batch import Batch
from quality.problems import gather, no_problems, problem

Text = Annotated[str, Field(min_length=1)]
"""An option that is text; an empty one is a slip."""


class Options(BaseModel):
    """What a registry entry may choose of a source: nothing, unless the source names a model of its own.

    A field is an option; its description says what it means. An unknown name, a missing one and a wrong type are
    refused when the registry is loaded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


Chosen = TypeVar("Chosen", bound=Options)


@dataclass(frozen=True)
class Context(Generic[Chosen]):
    """What a reader may know besides the bytes: for whom, for which delivery day, under which name, which options."""

    city: City
    day: date
    name: str = ""
    options: Chosen = field(default_factory=dict)  # type: ignore[assignment]
    """The city's registry entry for this source: as the source's model for a reader, as written before that."""


@dataclass(frozen=True)
class ReadResult:
    """What a reader made of one delivery.

    ``tables`` maps table names to frames without lineage but with ``_row`` (1-based row or record in the source);
    ``headers`` tells of a published table which role each of its columns plays (empty: left out).
    ``problems`` is a frame of ``quality.problems.PROBLEM_SCHEMA``. A rejected delivery has no tables and at least one
    problem of severity ``reject``.
    """

    format: str
    evidence: str = ""
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    problems: pl.DataFrame = field(default_factory=no_problems)
    headers: Mapping[str, str] = field(default_factory=dict)
    again: date | None = None
    """Of a source whose reading depends on the day (``Source.of_day``): the first day on which it may be another."""

    @classmethod
    def of(cls, format: str, evidence: str = "", **tables: Batch) -> Self:
        """The rows of one batch a table, and the problems of all; a batch that is rejected gives no table."""
        rows = {name: batch.rows for name, batch in tables.items() if not batch.is_rejected}
        return cls(format, evidence, rows, gather(found for batch in tables.values() for found in batch.problems))

    @classmethod
    def rejected(cls, format: str, code: str, message: str, row: int | None = None) -> Self:
        """The result for a delivery that cannot be used at all."""
        return cls(format, problems=problem(code, message, row))


Plan = Callable[[City, date, str, Chosen], Generator[Request, bytes | None, None]]
"""``plan(city, day, base, options)``: a generator of the requests of a delivery day.

It is sent the bytes of each answer (None where none came that can be used), so that a later request can depend on an
earlier answer (CKAN: package, then resource, then page by page). ``base`` is the portal's base URL setting."""


Reader = Callable[[bytes, Context[Chosen]], ReadResult]


@dataclass(frozen=True)
class History(Generic[Chosen]):
    """How a portal is asked for days that are over (``assets.sources.past``).

    ``request(city, first, last, base, options)`` asks for all days from the first to the last, which its name holds.
    ``wanted(day, options)`` tells the first and the last day that an entry wants on a delivery day and the portal can
    still serve; a last before the first means none.
    """

    request: Callable[[City, date, date, str, Chosen], Request]
    wanted: Callable[[date, Chosen], tuple[date, date]]


@dataclass(frozen=True)
class Source(Generic[Chosen]):
    """An interface, as the graph needs it: a portal's, or what comes by file.

    ``portal`` names the entry of ``assets.landing.portals.PORTALS``; None means the registry entry's option ``portal``
    does. ``national`` sources answer for the whole country: they are landed once, for the pseudo-city ``national``,
    and every city reads those receipts. ``reads`` tells whether a receipt of that name holds rows (a CKAN package
    description, say, does not). ``past`` tells whether the portal can be asked for a past day,
    ``history`` how the days before are asked for, where it serves them, and
    ``keyed`` whether its metering points are hashed with the deployment's secret on their way into the lake. A source
    without ``plan`` comes by file, through an inbox. ``options`` models what a registry entry may choose.

    What the interface declares, for whoever judges or repairs it: ``zone`` of its stamps, which are seldom marked
    (Traffy's two endpoints differ, GISTDA's "Z" is false); ``label``, whether a stamp is the start or the end of its
    interval, an instant, or names a whole period; ``missing``, what it writes where there is no value; ``units``;
    ``personal``, what of it is personal data and therefore never leaves landing. Licence and politeness belong to the
    portal (``assets.landing.portals``).
    """

    name: str
    title: str
    smart: str
    tables: tuple[str, ...]
    portal: str | None
    document: str
    plan: Plan[Chosen] | None
    reader: Reader[Chosen]
    zone: str
    label: Literal["start", "end", "instant", "period"]
    missing: tuple[str, ...]
    units: str
    personal: str = "none"
    options: type[Chosen] = Options  # type: ignore[assignment]
    version: int = 1
    """Of the reader: raised when it reads otherwise what it already accepted, so that all is read again. What it had
    refused is read again whenever its code changes."""
    national: bool = False
    past: bool = False
    optional: bool = False
    """Whether a deployment may do without it: an inbox that nobody uses is not missing."""
    history: History[Chosen] | None = None
    keyed: bool = False
    of_day: bool = False
    """Whether the same bytes are read otherwise on a later day, as a feed whose next timetable begins: content that
    comes again unchanged is then read again."""
    reads: Callable[[str], bool] = lambda name: True

    def read(self, data: bytes, context: Context[Any]) -> ReadResult:
        """Read landed bytes, with the options of ``context`` as the registry has them (a mapping) or as the model."""
        try:
            options = self.options.model_validate(context.options)
        except ValidationError as error:
            return ReadResult.rejected(self.name, "option-invalid", "; ".join(reasons(error)))
        # Each of several tables takes its part of the same reading.
        reader = once(self.reader) if len(self.tables) > 1 else self.reader
        result = reader(data, replace(context, options=options))
        # Frames of what was read once may be those of every city: whatever becomes of them here is not seen there.
        tables = {name: frame.clone() for name, frame in result.tables.items()}
        return replace(result, tables=tables, problems=result.problems.clone())

    def portal_of(self, options: Mapping[str, Any]) -> str:
        """The portal that a registry entry with these options asks; empty for a feed by its own URL."""
        return self.portal or str(options.get("portal", ""))

    def requests(self, city: City, day: date, base: str, options: Any) -> Generator[Request, bytes | None, None]:
        """What to ask the portal for on a delivery day. Raises ``ValueError`` where the source comes by file."""
        if self.plan is None:
            raise ValueError(f"{self.name} comes by file: a registry entry must say via: inbox")
        return self.plan(city, day, base, self.options.model_validate(options))
