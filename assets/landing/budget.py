"""How long a portal is waited for: the limits of a request, and those of a whole run.

A run over 36 cities asks some portals hundreds of times, so the patience of a single request says nothing about the
night. What counts is the time *lost*: spent on attempts that brought nothing usable, and on the waits between them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long and how much a request, a host and a run may take."""

    connect_seconds: float = 10.0
    """A TCP and TLS handshake to a distant host takes 1 s; a firewall that drops packets never answers."""
    read_seconds: float = 30.0
    """Longest silence, and the longest an answer's head may take: CKAN nodes take up to 20 s for a first page."""
    total_seconds: float = 150.0
    """Wall clock of a request with all its attempts, so that a body that drips in cannot hold the night."""
    attempts: int = 4
    """Gateways of the portals fail for seconds, not hours; a longer outage is the next night's."""
    backoff_seconds: float = 1.0
    """First wait; doubles each time and is drawn at random below that, so that cities do not retry in step."""
    retry_after_seconds: float = 60.0
    """Longest Retry-After that is waited for; a portal that asks for more is not asked again."""
    redirects: int = 5
    """Same-host redirects (http to https, a moved path) that are followed."""
    probe_seconds: float = 15.0
    """All that a host gets in one attempt after it failed to answer, or once the night's time is lost."""
    host_seconds: float = 150.0
    """Time a host may lose in a run: one request's full patience and little more, so that it costs no city minutes."""
    night_seconds: float = 900.0
    """Time all hosts may lose in a run before each gets ``probe_seconds`` only: a quarter of an hour, six dead hosts.
    The catalogues of 25 provinces are 25 hosts, and from abroad all of them may be shut."""
    bytes: int = 256 * 1024 * 1024
    """Of the decoded body. The largest known answer, the GTFS feed, has about 60 MB."""


@dataclass(frozen=True)
class Allowance:
    """What the next request to a host gets."""

    seconds: float
    attempts: int


class Budget:
    """The time each host has lost in this run, and what it may still lose.

    However many requests there are::

        lost(host) <= host_seconds
        lost(all)  <= night_seconds + probe_seconds * hosts

    because no request gets more than its host has left, none more than the night has left or one probe, and once the
    night's time is lost a host is asked only while it has itself lost less than a probe: a host that hung before is
    let be, any other gets one brief chance to fail. The clock ends an exchange wherever it stands; what may add to the
    bound is the resolver, and ``connect_seconds`` for each further address of a host that answers at none.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.lost: dict[str, float] = {}
        self._failing: set[str] = set()

    def allow(self, host: str) -> Allowance | str:
        """What the next request gets, or the reason not to ask at all."""
        limits, lost = self.limits, self.lost.get(host, 0.0)
        night = limits.night_seconds - sum(self.lost.values())
        if lost >= limits.host_seconds:
            return f"not asked: the host has already cost this run {lost:.0f} s without a usable answer"
        if night > 0:
            seconds = min(limits.total_seconds, limits.host_seconds - lost, max(night, limits.probe_seconds))
        elif lost < limits.probe_seconds:
            seconds = min(limits.total_seconds, limits.host_seconds, limits.probe_seconds) - lost
        else:
            return f"not asked: hosts that fail, this one among them, have cost this run {limits.night_seconds:.0f} s"
        if host in self._failing or night <= 0:
            return Allowance(min(seconds, limits.probe_seconds), attempts=1)
        return Allowance(seconds, limits.attempts)

    def note(self, host: str, lost: float, failing: bool) -> None:
        """Count what a request lost. ``failing``: the host gave no answer, or could not give one now."""
        self.lost[host] = self.lost.get(host, 0.0) + lost
        (self._failing.add if failing else self._failing.discard)(host)
