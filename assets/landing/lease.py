"""The lease of a city: one run at a time lands, fills its lake and publishes it.

    work/lease/city=<slug>.json    who holds it: run, host, process, since when, until when

It belongs to a run. Where one process runs it, that one takes it, renews it and gives it back. Where workers on
several hosts do, the process that leads the run takes it and gives it back, and each worker renews it while it works. A
run that died stops renewing, and the next takes it over once it has run out, by the clock or by nobody renewing it
while the next one waits (or at once, where its one process was on this host and is gone). Lake files are compared and
swapped all the same: the lease saves two runs from undoing each other's work and from publishing each other's halves,
the swap saves the rows.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from assets.landing.store import Store

EXPIRY = timedelta(minutes=5)
"""How long a lease lasts that nobody renews: longer than a store is ever away while its run goes on (the S3 client
gives up within 90 s), short enough that a scheduler's next try finds a dead run's city free."""

RENEWALS = 5
"""A lease is renewed so many times in its life: four may fail before another run takes it."""

PATIENCE = timedelta(minutes=30)
"""How long a run waits for a city that another is at: a night of a large city takes some minutes."""


class Busy(Exception):
    """Another run is at this city; the message says which and since when."""


def this_space() -> str:
    """Where a process number means one process: this start of this kernel, and its space of numbers.

    A name does not tell it: hosts may share one (``localhost``), and the first space of every kernel has one number
    (proc(5), ``/proc/sys/kernel/random/boot_id``; pid_namespaces(7)). Empty where the system does not tell: then
    nobody is known to be gone.
    """
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


class Holder(BaseModel):
    """Who holds a city: ``run``, on ``host`` as process ``pid``, a number of ``space``. ``shared``: others work under
    it on other hosts, so that the end of this process does not tell that nobody does."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    host: str
    pid: int
    space: str = ""
    since: datetime
    until: datetime
    shared: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether its process is surely no more: its number is one of this space, and there is none of it."""
        if self.shared or not self.space or self.space != this_space():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def holds(self, now: datetime) -> bool:
        """Whether others have to keep away."""
        return self.until > now and not self.is_gone


def key(city: str) -> str:
    """Where the lease of a city lies."""
    return f"work/lease/city={city}.json"


def holder(store: Store, city: str) -> Holder | None:
    """Who has the city now, also one whose lease has run out; None where nobody has. A damaged lease is nobody's."""
    return _parsed(store.fetch(key(city)).data)


def _parsed(data: bytes | None) -> Holder | None:
    try:
        return Holder.model_validate_json(data) if data else None
    except ValidationError:
        return None


class Leases:
    """The leases that a run holds in one store, renewed in the background until they are given back."""

    def __init__(
        self,
        store: Store,
        run: str,
        expiry: timedelta = EXPIRY,
        patience: timedelta = PATIENCE,
        waiting: Callable[[str, Holder], None] = lambda city, holder: None,
        shared: bool = False,
    ) -> None:
        self.store, self.run, self.expiry, self.patience, self.waiting = store, run, expiry, patience, waiting
        self.shared = shared
        self._held: dict[str, datetime] = {}
        self._busy: dict[str, Busy] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._renewing: threading.Thread | None = None

    def hold_all(self, cities: Iterable[str]) -> None:
        """Take cities, waiting for those that another run is at no longer than ``patience`` for all together.

        In order of their names, so that of two runs neither waits for what the other holds. A city that stays busy is
        not taken: ``hold`` says so when its turn comes, and the others go on.
        """
        deadline = time.monotonic() + self.patience.total_seconds()
        for city in sorted(cities):
            try:
                self._wait_for(city, deadline)
            except Busy as busy:
                self._busy[city] = busy

    def hold(self, city: str) -> None:
        """Make sure that the city is held, or wait for it. Raises ``Busy`` where another run keeps it."""
        if city in self._busy:
            raise self._busy[city]
        if city not in self._held:
            self._wait_for(city, time.monotonic() + self.patience.total_seconds())

    def _wait_for(self, city: str, deadline: float) -> None:
        told = False
        seen: Holder | None = None
        seen_since = time.monotonic()
        while (other := self._take(city, seen, time.monotonic() - seen_since)) is not None:
            if other != seen:
                seen, seen_since = other, time.monotonic()
            if time.monotonic() >= deadline:
                since = other.since.astimezone().isoformat(timespec="seconds")
                raise Busy(
                    f"run {other.run} (process {other.pid} on {other.host}) is at {city} since {since}; run this night "
                    "again when it has ended"
                )
            if not told:
                self.waiting(city, other)
                told = True
            time.sleep(max(0.0, min(1.0, deadline - time.monotonic())))
        self._keep()

    def _keep(self) -> None:
        """Renew in the background what is held."""
        if self._renewing is None:
            self._renewing = threading.Thread(target=self._renew, name="leases", daemon=True)
            self._renewing.start()

    def _take(self, city: str, seen: Holder | None, seconds: float) -> Holder | None:
        """Take the city if nobody else has it; else who does.

        A lease that was ``seen`` as it is for all the ``seconds`` of its life is nobody's, whenever it says that it
        runs out: the clock of a run that died may have been days ahead.
        """
        found = self.store.fetch(key(city))
        now = datetime.now(UTC)
        other = _parsed(found.data)
        is_dead = other == seen and seconds > self.expiry.total_seconds()
        if other is not None and other.run != self.run and other.holds(now) and not is_dead:
            return other
        since = other.since if other is not None and other.run == self.run else now
        with self._lock:
            if self.store.swap(key(city), self._mine(since, now), found.tag):
                self._held[city] = since
                return None
        return _parsed(self.store.fetch(key(city)).data) or Holder(
            run="another", host="unknown", pid=0, since=now, until=now
        )

    def _mine(self, since: datetime, now: datetime) -> bytes:
        mine = Holder(
            run=self.run,
            host=socket.gethostname(),
            pid=os.getpid(),
            space=this_space(),
            since=since,
            until=now + self.expiry,
            shared=self.shared,
        )
        return mine.model_dump_json(indent=1).encode() + b"\n"

    def _renew(self) -> None:
        while not self._over.wait(self.expiry.total_seconds() / RENEWALS):
            with self._lock, contextlib.suppress(OSError):  # the next time may find the store again
                for city, since in list(self._held.items()):
                    found = self.store.fetch(key(city))
                    other = _parsed(found.data)
                    if other is not None and other.run != self.run:
                        del self._held[city]  # taken over: the next step of this run waits for it
                    elif renewed := self._renewed(other, since):
                        self.store.swap(key(city), renewed, found.tag)

    def _renewed(self, found: Holder | None, since: datetime) -> bytes | None:
        return self._mine(since, datetime.now(UTC))

    def close(self) -> None:
        """Give the cities back."""
        self._stop_renewing()
        with contextlib.suppress(OSError):  # then it runs out
            for city in sorted(self._held):
                found = self.store.fetch(key(city))
                mine = _parsed(found.data)
                if mine is not None and mine.run == self.run:
                    self.store.remove(key(city), found.tag)
        self._held.clear()

    def _stop_renewing(self) -> None:
        self._over.set()
        if self._renewing is not None:
            self._renewing.join()
        self._renewing = None
        self._over.clear()


class SharedLeases(Leases):
    """The leases of a run as one of its workers has them: renewed while it works, neither taken nor given back."""

    def hold(self, city: str) -> None:
        """Make sure that the run has the city. Raises ``Busy`` where it has not, or no longer."""
        if city in self._held:
            return
        found = holder(self.store, city)
        if found is None or found.run != self.run:
            has = f"run {found.run} has it since {found.since:%Y-%m-%d %H:%M}Z" if found else "its lease is gone"
            raise Busy(f"run {self.run}, of which this is a step, does not hold {city}: {has}; run this night again")
        self._held[city] = found.since
        self._keep()

    def _renewed(self, found: Holder | None, since: datetime) -> bytes | None:
        """Who leads the run stays written there; a lease that he gave back is not made again."""
        if found is None:
            return None
        until = datetime.now(UTC) + self.expiry
        return found.model_copy(update={"until": until}).model_dump_json(indent=1).encode() + b"\n"

    def close(self) -> None:
        """Stop renewing."""
        self._stop_renewing()
        self._held.clear()
