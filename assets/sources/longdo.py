"""Events on roads from Longdo Traffic (iTIC Foundation): accidents, floods, works and the like, as they are now.

``GET /feed/json``, a JSON array for the whole country of ``{eid, title, title_en, description, latitude, longitude,
type, icon, severity, start, stop}``. No document specifies it; https://event.longdo.com is its page. Coordinates are
strings, stamps (``2026-11-23 07:05:00``) are Bangkok's without a zone. Of the codes of ``type`` two are sure, 3 and 6:
public programs give the others meanings that contradict each other. What all agree on is the word in ``icon``
(``roadclosed``), which therefore tells the kind; the code does where the word is none that is known.
The feed lists what goes on when it is asked: what came and went in between is not in it. Titles and descriptions are
written by drivers and may name people or number plates; they never leave landing.
"""

from collections.abc import Generator
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, Within, within
from assets.sources.once import once
from assets.sources.parsing import absent_fields, fields_of, parsed, record_batch
from assets.sources.source import Context, ReadResult, Source
from quality.batch import Batch
from quality.tables import ROAD_EVENTS

FIELDS = ("eid", "latitude", "longitude", "type", "icon", "severity", "start", "stop")
"""All that is taken of an event."""

KINDS = {"3": "accident", "6": "flood"}
"""``type`` → kind; any other is ``other``, with its code kept."""

WORDS = {
    "accident": "accident",
    "flood": "flood",
    "trafficjam": "jam",
    "roadclosed": "closure",
    "carbreakdown": "breakdown",
    "diversion": "diversion",
    "warning": "warning",
    "information": "information",
}
"""``icon`` → kind, as maps that draw the live feed read it."""

WITHIN_KM = 15.0
"""Reach around the city's point where the registry says no other: as for accidents."""


class EventOptions(Within):
    """Events hold up who comes and goes."""

    within_km: Km = WITHIN_KM


def plan(city: City, day: date, base: str, options: EventOptions) -> Generator[Request, bytes | None, None]:
    """The whole country's events, as they are now."""
    yield Request(name="events", url=f"{base}/feed/json", check=lambda data: parsed(data, _fault)[1])


def read(data: bytes, context: Context[EventOptions]) -> ReadResult:
    """Table ``road_events`` within the option ``within_km`` of the city's point.

    An event without a place, or at 0°, 0°, is nobody's and refused; so is one near the city whose begin cannot be
    read. No event at all in the country is ``answer-empty``.
    """
    placed, count = _placed(data)
    if placed.is_rejected:
        return ReadResult.of(LONGDO_EVENTS.name, road_events=placed)
    near = within(placed, context.city, context.options.within_km)
    code, word = thai.clean(pl.col("type")).replace("", None), thai.clean(pl.col("icon")).str.to_lowercase()
    events = (
        near.refuse(
            (pl.col("begin").is_null(), "stamp-bad", "the begin is not a date and time"),
            (thai.is_missing(pl.col("eid")), "value-null", "the event has no number"),
        )
        .select(
            "lat",
            "lon",
            "distance_km",
            source=pl.lit("longdo"),
            event_id=thai.clean(pl.col("eid")),
            kind=pl.coalesce(
                word.replace_strict(WORDS, default=None, return_dtype=pl.String),
                code.replace_strict(KINDS, default="other", return_dtype=pl.String),
                pl.lit("other"),
            ),
            kind_raw=code,
            severity=thai.clean(pl.col("severity")).replace("", None),
            start="begin",
            local_date=pl.col("begin").dt.convert_time_zone("Asia/Bangkok").dt.date(),
            # An end before the begin is a mark for an open event.
            stop=pl.when(pl.col("end") >= pl.col("begin")).then("end"),
        )
        .distinct(ROAD_EVENTS.key)
    )
    evidence = f"JSON of the event feed, {near.rows.height} of {count} events within reach"
    return ReadResult.of(LONGDO_EVENTS.name, evidence, road_events=events)


@once
def _placed(data: bytes) -> tuple[Batch, int]:
    """The country's events that have a place, and how many the answer has."""
    payload, reason = parsed(data, _fault)
    if reason:
        return Batch.rejected("answer-bad", reason), 0
    if not payload:
        return Batch.rejected("answer-empty", "no event in the whole country"), 0
    nowhere = pl.col("lat").is_null() | pl.col("lon").is_null() | ((pl.col("lat") == 0) & (pl.col("lon") == 0))
    events = (
        record_batch(payload, lambda event: event, FIELDS)
        .with_columns(
            lat=thai.number(pl.col("latitude"), pl.Float64()),
            lon=thai.number(pl.col("longitude"), pl.Float64()),
            begin=_moment("start"),
            end=_moment("stop"),
        )
        .refuse((nowhere, "value-null", "the event has no place"))
    )
    return events.also(absent_fields(payload, FIELDS)), len(payload)


def _moment(name: str) -> pl.Expr:
    return thai.utc(thai.moment(pl.col(name)))


def _fault(payload: Any) -> str | None:
    if not isinstance(payload, list):
        return "no list of events"
    if payload and not any({"eid", "latitude", "longitude", "start"} <= set(fields_of(event)) for event in payload):
        return "no event has a number, a place and a begin; fields may have changed"
    return None


LONGDO_EVENTS = Source(
    name="longdo_events",
    title="Longdo Traffic, events on roads",
    smart="mobility",
    tables=(ROAD_EVENTS.name,),
    portal="longdo",
    document="https://event.longdo.com",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="instant",
    missing=("", "0", "null"),
    units="degrees (WGS 84)",
    personal="title, title_en, description, description_en, contributor: not taken",
    options=EventOptions,
    version=2,
    national=True,
)
