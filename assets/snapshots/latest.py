"""What is current under addresses that stay: snapshots come and go, a bookmark and a link from a city's site do not.

    cdp/index.html               every city that has published, with the day of its edition
    cdp/city=<slug>/index.html   leads to the page of the city's current snapshot

They are for people; programs follow ``current.json``. Both are made of pointer and manifest after the pointer has
moved. After a crash they are an edition behind, and snapshots that were current stay for a day; the city's next
publication makes again whatever is not as it should be.
"""

import re
from collections.abc import Callable
from typing import Any

from assets.landing.store import Store, StoreFailure
from assets.snapshots.build import PAGE, folder
from assets.snapshots.history import SWAPS, Entry, current, manifest
from assets.snapshots.page import template

CITIES = f"cdp/{PAGE}"

_ROW = re.compile(r'^<tr data-city="([^"]+)">.*</tr>$', re.MULTILINE)
"""A city's row of the list: one line, that it is kept by when another city's changes."""


def city_key(city: str) -> str:
    """Key of the page that leads to a city's current one."""
    return f"{folder(city)}/{PAGE}"


def published(store: Store) -> set[str]:
    """Slugs of the cities in the list. Raises what the store raises."""
    return {match[1] for match in _ROW.finditer((store.fetch(CITIES).data or b"").decode(errors="replace"))}


def show(store: Store, city: str) -> None:
    """Bring both pages to the city's pointer, if it has one. Raises ``Damaged`` and what the store raises."""

    def leading(_: str) -> str:
        return template("latest.html.j2").render(**_facts(store, city))

    def listing(page: str) -> str:
        rows = {match[1]: match[0] for match in _ROW.finditer(page)}
        rows[city] = " ".join(template("latest_row.html.j2").render(**_facts(store, city)).split())
        return template("cities.html.j2").render(rows=[rows[slug] for slug in sorted(rows)])

    if current(store, city):
        _keep(store, city_key(city), leading)
        _keep(store, CITIES, listing)


def _facts(store: Store, city: str) -> dict[str, Any]:
    entry = current(store, city)
    assert isinstance(entry, Entry)
    return {"entry": entry, "manifest": manifest(store, entry)}


def _keep(store: Store, key: str, made: Callable[[str], str]) -> None:
    """Store what is made of a page as it is, where that is something else: publishers of other cities, and of this one,
    do the same beside it."""
    for _ in range(SWAPS):
        data, tag = store.fetch(key)
        page = made((data or b"").decode(errors="replace")).encode()
        if page == data or store.swap(key, page, tag):
            return
    raise StoreFailure(f"{key} was swapped by others {SWAPS} times")
