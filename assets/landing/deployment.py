"""What every step works with: the store, the cities, the portals and the clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from assets.cities.registry import City, SourceEntry
from assets.lake.feeds import SOURCES
from assets.landing.archive import Archive
from assets.landing.http import Client
from assets.landing.store import Store

NATIONAL = "national"
"""Pseudo-city under which sources that answer for the whole country are landed, once."""


class MissingSecret(Exception):
    """A secret is needed here and not set."""


@dataclass(frozen=True)
class Platform:
    """One deployment. ``portals`` maps portal names to base URLs; ``meter_key`` hashes meter ids."""

    store: Store
    cities: Mapping[str, City]
    portals: Mapping[str, str]
    inbox: Path
    now: Callable[[], datetime]
    meter_key: bytes | None = field(default=None, repr=False)
    synthetic: bool = False
    version: str = "0"
    client: Client = field(default_factory=Client, repr=False)
    """One for the whole run, so that it knows what each portal has cost tonight. It holds the keys of portals."""

    @property
    def archive(self) -> Archive:
        """Landing."""
        return Archive(self.store)

    def secret(self) -> bytes:
        """The key for meter ids. Raises ``MissingSecret``."""
        if self.meter_key is None:
            raise MissingSecret("MUANG_METER_KEY is not set: meter exports cannot be pseudonymised without it")
        return self.meter_key

    def is_past(self, day: date) -> bool:
        """Whether ``day`` is over."""
        return day < self.now().date()


INBOX_READERS: Mapping[str, tuple[str, ...]] = {
    "meter_exports": ("meter_intervals",),
    "meter_register": ("meters",),
}
"""Readers of deliveries that only come through an inbox, with the tables they feed."""


def tables_of(entry: SourceEntry) -> tuple[str, ...]:
    """Lake tables a source of a city feeds."""
    return INBOX_READERS.get(entry.reader) or SOURCES[entry.reader].tables


def feeds(city: City, table: str) -> list[tuple[str, SourceEntry]]:
    """The city's sources that feed a table, by name."""
    return [(name, entry) for name, entry in sorted(city.sources.items()) if table in tables_of(entry)]


def landed_as(city: City, name: str, entry: SourceEntry) -> tuple[str, str]:
    """City and source under which a source's receipts lie: national ones are shared by all cities."""
    if entry.via == "portal" and SOURCES[entry.reader].national:
        return NATIONAL, entry.reader
    return city.slug, name
