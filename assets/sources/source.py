"""What a source is: where its bytes come from and how they become rows.

One module a source declares a ``Source``; the graph is made from these declarations (``assets.graph``). A source
never writes anything: ``plan`` says what to ask for, ``read`` turns landed bytes into frames and problems.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import polars as pl

from assets.cities.registry import City
from quality.contracts import Table
from quality.problems import no_problems
from quality.verdicts import Verdict


@dataclass(frozen=True)
class Request:
    """One thing to ask a portal for. ``name`` identifies it among the source's receipts (one name, one content).

    ``expect`` is ``json``, ``csv``, ``text`` or ``zip``: an answer of another kind is a bad answer, whatever its
    status. ``check`` looks at the bytes and returns a reason to call the answer bad, or None. ``form`` makes it a POST
    of form fields. A key stands in ``url``, ``params``, ``headers`` or ``form`` as ``{key:NAME}``: the client puts
    the secret of that name in when it sends, so that nothing that is kept ever holds it.
    """

    name: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    expect: str = "json"
    conditional: bool = True
    check: Callable[[bytes], str | None] | None = None


@dataclass(frozen=True)
class Context:
    """What a reader may know besides the bytes: for whom, for which delivery day, and the registry's settings."""

    city: City
    day: date
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The city's registry entry for this source (stations, pinned layout, time zone, mapping)."""


@dataclass(frozen=True)
class ReadResult:
    """What a reader made of one delivery.

    ``tables`` maps table names to frames without lineage but with ``_row`` (1-based row or record in the source);
    ``problems`` is a frame of ``quality.problems.PROBLEM_SCHEMA``. A rejected delivery has no tables and at least one
    problem of severity ``reject``.
    """

    format: str
    evidence: str = ""
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    problems: pl.DataFrame = field(default_factory=no_problems)


Plan = Callable[[City, date, str, Mapping[str, Any]], Generator[Request, bytes | None, None]]
"""``plan(city, day, base, options)``: a generator of the requests of a delivery day.

It is sent the bytes of each answer (None where none came that can be used), so that a later request can depend on an
earlier answer (CKAN: package, then resource, then page by page). ``base`` is the portal's base URL setting."""


Reader = Callable[[bytes, Context], ReadResult]


@dataclass(frozen=True)
class Source:
    """A portal's interface, as the graph needs it.

    ``portal`` names the entry of ``assets.landing.portals.PORTALS``; None means the registry entry's option ``portal``
    does. ``national`` sources answer for the whole country: they are landed once, for the pseudo-city ``national``,
    and every city reads those receipts. ``reads`` tells whether a receipt of that name holds rows (a CKAN package
    description, say, does not). ``past`` tells whether the portal can be asked for a past day. A source without
    ``plan`` comes by file, through an inbox.

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
    plan: Plan | None
    read: Reader
    zone: str
    label: Literal["start", "end", "instant", "period"]
    missing: tuple[str, ...]
    units: str
    personal: str = "none"
    national: bool = False
    past: bool = False
    reads: Callable[[str], bool] = lambda name: True


@dataclass(frozen=True)
class Derived:
    """How ``table`` is made of ``of``: ``make`` is a pure function of the frame, ``judge`` adds verdicts of its own.

    ``by_day``: a day of ``table`` is made of that day of ``of`` alone; else the whole is made of the whole.
    """

    table: Table
    of: Table
    make: Callable[[pl.DataFrame], pl.DataFrame]
    by_day: bool
    judge: Callable[[pl.DataFrame], list[Verdict]] = lambda frame: []
