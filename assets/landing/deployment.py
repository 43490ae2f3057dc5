"""What every step works with: the store, the cities, the portals and the clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from assets.cities.registry import City
from assets.landing.archive import Archive, Delivery
from assets.landing.http import Client
from assets.landing.lease import Leases
from assets.landing.store import Store


class MissingSecret(Exception):
    """A secret is needed here and not set."""


@dataclass(frozen=True)
class Deployment:
    """One deployment. ``portals`` maps portal names to base URLs; ``meter_key`` hashes meter ids. Snapshots are kept
    for ``snapshot_days`` (0: for ever), and ``reader_hours`` beyond the one that follows."""

    store: Store
    cities: Mapping[str, City]
    portals: Mapping[str, str]
    inbox: Path
    now: Callable[[], datetime]
    meter_key: bytes | None = field(default=None, repr=False)
    synthetic: bool = False
    asks_past: bool = True
    """Whether portals are asked for the days before a city's first night that its entries want (``past_days``)."""
    version: str = "0"
    snapshot_days: int = 35
    reader_hours: int = 24
    client: Client = field(default_factory=Client, repr=False)
    """One for the whole run, so that it knows what each portal has cost tonight. It holds the keys of portals."""
    leases: Leases | None = field(default=None, repr=False)
    """The cities that the run holds; None for what only reads."""

    @cached_property
    def archive(self) -> Archive:
        """Landing; one for the whole run, because it remembers the receipts that it has read."""
        return Archive(self.store)

    def secret(self) -> bytes:
        """The key for meter ids. Raises ``MissingSecret``."""
        if self.meter_key is None:
            raise MissingSecret("MUANG_METER_KEY is not set: meter exports cannot be pseudonymised without it")
        return self.meter_key


@dataclass(frozen=True)
class Step:
    """One city on one delivery day, as a step of a run works on it. ``run`` is the id that receipts carry."""

    deployment: Deployment
    city: City
    day: date
    run: str = ""

    @property
    def is_past(self) -> bool:
        """Whether the delivery day is over."""
        return self.day < self.deployment.now().date()

    def delivery(self, source: str) -> Delivery:
        """What a source of the city brings in this step."""
        deployment = self.deployment
        return Delivery(self.city.slug, source, self.day, self.run, deployment.now, deployment.synthetic)
