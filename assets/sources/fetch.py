"""Landing what sources bring: from a city's inboxes and from portals."""

from collections.abc import Mapping
from typing import Any

from assets.landing.archive import Receipt
from assets.landing.deployment import Step
from assets.landing.http import run_plan
from assets.landing.inbox import land_inbox, waiting
from assets.landing.portals import portal
from assets.sources import past
from assets.sources.source import Source


def land_inboxes(step: Step) -> list[Receipt]:
    """Land what lies in the city's inboxes. A past day that has deliveries keeps them: it is re-run from landing."""
    receipts = []
    for name in step.city.inboxes:
        receipts += _known(step, name) or land_inbox(
            step.deployment.archive, step.deployment.inbox, step.delivery(name)
        )
    return receipts


def left_for_today(step: Step) -> int:
    """Files that wait in the city's inboxes and that the step, of a past day, did not look at."""
    archive, inbox = step.deployment.archive, step.deployment.inbox
    again = [name for name in step.city.inboxes if _known(step, name)]
    return sum(waiting(inbox, step.city.slug, name, archive.receipts(step.city.slug, name)) for name in again)


def land_portal(step: Step, name: str, source: Source[Any], options: Mapping[str, Any]) -> list[Receipt]:
    """Ask a portal for a delivery day, and today for what landing lacks of the days before, if it gave what was asked.

    A past day is asked only once, and only where the portal can answer for it.
    """
    if step.is_past and ((known := _known(step, name)) or not source.past):
        return known
    named = source.portal_of(options)
    # A feed by its own URL needs no portal.
    base = step.deployment.portals.get(named) or (portal(named).base_url if named else "")
    archive, client, delivery = step.deployment.archive, step.deployment.client, step.delivery(name)
    receipts = run_plan(archive, client, delivery, source.requests(step.city, step.day, base, options))
    asks = step.deployment.asks_past and not step.is_past
    if source.history and asks and receipts and all(receipt.readable for receipt in receipts):
        known, chosen = archive.receipts(step.city.slug, name), source.options.model_validate(options)
        receipts += run_plan(
            archive, client, delivery, past.plan(source.history, step.city, step.day, base, chosen, known)
        )
    return receipts


def _known(step: Step, source: str) -> list[Receipt]:
    """What a past day brought already; the day of today may bring more."""
    return step.deployment.archive.receipts_of_day(step.city.slug, step.day, source) if step.is_past else []
