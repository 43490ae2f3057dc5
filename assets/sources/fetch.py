"""Landing a city's sources: the only steps that touch an inbox or a network."""

from datetime import date

from assets.cities.registry import City, SourceEntry
from assets.lake.feeds import SOURCES
from assets.landing.archive import Receipt
from assets.landing.deployment import NATIONAL, Platform
from assets.landing.http import run_plan
from assets.landing.inbox import land_inbox
from assets.landing.portals import portal

_THE_COUNTRY = City.model_construct(slug=NATIONAL, name_th="ประเทศไทย", name_en="Thailand")
"""What a national source is landed for; it has no point and no province."""


def land_inboxes(platform: Platform, city: City, day: date, run: str) -> list[Receipt]:
    """Land what lies in the city's inboxes. A past day that has deliveries keeps them: it is re-run from landing."""
    receipts = []
    for name, entry in sorted(city.sources.items()):
        if entry.via == "inbox":
            known = _known(platform, city.slug, name, day) if platform.is_past(day) else []
            receipts += known or land_inbox(
                platform.archive,
                platform.inbox,
                city.slug,
                name,
                day,
                now=platform.now(),
                run=run,
                synthetic=platform.synthetic,
            )
    return receipts


def land_portal(platform: Platform, city: City, name: str, entry: SourceEntry, day: date, run: str) -> list[Receipt]:
    """Ask a portal for a delivery day. A past day is asked only once, and only where the portal can answer for it."""
    source = SOURCES[entry.reader]
    if platform.is_past(day):
        known = _known(platform, city.slug, name, day)
        if known or not source.past:
            return known
    if source.plan is None:
        raise ValueError(f"{entry.reader} comes by file: {city.slug}/{name} must say via: inbox")
    named = source.portal or str(entry.options.get("portal", ""))
    # A feed by its own URL needs no portal.
    base = platform.portals.get(named) or (portal(named).base_url if named else "")
    return run_plan(
        platform.archive,
        platform.client,
        source_name=name,
        city_slug=city.slug,
        day=day,
        plan=source.plan(city, day, base, entry.options),
        run=run,
        now=platform.now,
        synthetic=platform.synthetic,
    )


def land_national(platform: Platform, name: str, day: date, run: str) -> list[Receipt]:
    """Ask a source that answers for the whole country, once for all cities."""
    return land_portal(platform, _THE_COUNTRY, name, SourceEntry(via="portal", reader=name), day, run)


def _known(platform: Platform, city: str, source: str, day: date) -> list[Receipt]:
    archive = platform.archive
    return [archive.receipt(city, source, d, identity) for d, identity in archive.ids(city, source) if d == day]
