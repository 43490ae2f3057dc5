"""Whose a URL is: how gently it may be asked, and through which proxy."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from assets.landing.portals import PORTALS, Portal, portal


@dataclass(frozen=True)
class Site:
    """Who answers at a URL: a portal by its name, else a host. ``spacing`` is seconds between two requests to it."""

    name: str
    spacing: float
    proxy: str | None = field(default=None, repr=False)


class Sites:
    """The portals of a deployment by their base URLs, with the proxies that some are reached through.

    Several portals may lie below one host (a mirror, a test); each is a site of its own. A host on this machine is
    not slowed. A host that is no portal's gets the rate of a portal that names none.
    """

    def __init__(self, portals: Mapping[str, str], proxies: Mapping[str, str]) -> None:
        bases = {name: portal(name).base_url for name in {*PORTALS, *proxies, *portals}} | dict(portals)
        # The longest base first, as one may begin like another.
        self._sites = sorted(
            (
                (_bare(base), Site(name, _spacing(base, portal(name).per_minute), proxies.get(name)))
                for name, base in bases.items()
            ),
            key=lambda found: (-len(found[0]), found[1].name),
        )

    def of(self, url: str) -> Site:
        """The site that a URL lies on; never raises, whatever the text."""
        bare = _bare(url)
        for base, site in self._sites:
            if bare == base or bare.startswith((f"{base}/", f"{base}?")):
                return site
        return Site(re.split(r"[/?#]", bare)[0], _spacing(url, Portal.per_minute))


def _bare(url: str) -> str:
    """Without scheme, user and password; the host in lower case."""
    host, slash, path = re.sub(r"^\w+://", "", url).rstrip("/").partition("/")
    return f"{host.rpartition('@')[2].lower()}{slash}{path}"


def _spacing(url: str, per_minute: float) -> float:
    return 0.0 if _is_local(url) else 60.0 / per_minute


def _is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
