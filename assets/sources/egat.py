"""What Thailand's power system generates, from EGAT's page https://www.sothailand.com/sysgen/egat/.

``POST https://www.sothailand.com/sysgen/ws/sysgen/actual`` with the form ``name=SYSTEM_GEN(MW)&day=dd-mm-YYYY``. No
document specifies it. It answers ``{"id","name","day","timeStart","list":[[seconds, MW], [seconds, MW, temperature],
…],"count"}`` or the list alone; ``seconds`` count from midnight of the day in Bangkok, the place of the temperature is
not told. A day without values is answered ``…,list:[],"count":0``, whose key is not quoted: no JSON.

These are the country's figures, the frame around a city and never its own.
"""

import re
from collections.abc import Generator
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.once import once
from assets.sources.parsing import parsed, text_frame
from assets.sources.source import Context, Options, ReadResult, Source
from quality.batch import Batch
from quality.tables import POWER_SYSTEM

SERIES = "SYSTEM_GEN(MW)"
"""The series asked for: generation of the whole system."""

SECONDS = 86_400
"""Of a day; the stamp may be the day's end."""

GENERATION_MW = (1_000.0, 100_000.0)
"""The system runs at 15 GW and more, at Songkran too, and has less than 60 GW of contracted capacity: less than a
fifteenth of that is GW, or what one plant generates."""

TEMPERATURE_C = (-10.0, 60.0)
"""What air in Thailand cannot leave; a sensor's fault does."""

DATASET = "www.sothailand.com/sysgen"
_READER = "egat_generation"
_VALUE = POWER_SYSTEM.schema["value"]
_BARE_KEY = re.compile(rb"([{,]\s*)list(\s*:)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def plan(city: City, day: date, base: str, options: Options) -> Generator[Request, bytes | None, None]:
    """The day before the delivery day. Expected is text, for the empty answer is no JSON."""
    asked = day - timedelta(days=1)
    yield Request(
        name=f"actual/{asked.isoformat()}",
        url=f"{base}/sysgen/ws/sysgen/actual",
        form={"name": SERIES, "day": f"{asked:%d-%m-%Y}"},
        expect="text",
        conditional=False,
        check=lambda data: _parsed(data)[1],
    )


def read(data: bytes, context: Context[Options]) -> ReadResult:
    """Table ``power_system``, series ``generation`` (MW) and ``temperature`` (°C), of the day that the answer or the
    receipt's name tells; ``window-short`` where one of its 24 hours has no generation."""
    batch, evidence = _day_of(data, context.name)
    return ReadResult.of(_READER, evidence, power_system=batch)


@once
def _day_of(data: bytes, name: str) -> tuple[Batch, str]:
    """Rows of ``power_system`` with the evidence: nothing of them is a city's."""
    payload, reason = _parsed(data)
    if reason:
        return Batch.rejected("answer-bad", reason), ""
    points = _points(payload)
    if not points:
        return Batch.rejected("answer-empty", "the answer lists no value"), ""
    asked, stated = _asked(name), _stated(payload)
    if asked and stated and asked != stated:
        return Batch.rejected("answer-bad", f"the answer is of {stated} and {asked} was asked for"), ""
    day = stated or asked
    if day is None:
        return Batch.rejected("file-malformed", "neither the answer nor its name tells the day"), ""
    columns = ("seconds", "generation", "temperature")
    frame = text_frame((dict(zip(columns, point, strict=False)) for point in points), columns)
    within = pl.col("_seconds").is_between(0, SECONDS).fill_null(value=False)
    timed = (
        Batch(frame)
        .with_columns(_seconds=thai.number(pl.col("seconds"), pl.Int64()))
        .refuse((~within, "stamp-bad", "not a number of seconds within a day"))
    )
    series = [
        _series(timed.rows, day, "generation", "MW", GENERATION_MW),
        # A value without temperature is a pair, not a triple with a mark.
        _series(timed.rows.drop_nulls("temperature"), day, "temperature", "°C", TEMPERATURE_C),
    ]
    batch = (
        Batch(pl.concat([part.rows for part in series]), timed.problems)
        .also(*(found for part in series for found in part.problems))
        .distinct(POWER_SYSTEM.key)
    )
    generated = batch.rows.filter(pl.col("value").is_not_null(), local_date=day, series="generation")
    hours = generated["start"].dt.convert_time_zone("Asia/Bangkok").dt.hour().n_unique()
    if hours < 24:
        batch = batch.note("window-short", f"{hours} of 24 hours of {day} have a value")
    return batch, f"{len(points)} values of {day}"


EGAT_GENERATION = Source(
    name=_READER,
    title="Generation of the power system (EGAT)",
    smart="energy",
    tables=("power_system",),
    portal="egat",
    document="https://www.sothailand.com/sysgen/egat/",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="instant",
    missing=("null", "a list without values, which is no JSON"),
    units="MW, °C",
    version=2,
    national=True,
    past=True,
)


def _parsed(data: bytes) -> tuple[Any, str | None]:
    return parsed(_BARE_KEY.sub(rb'\1"list"\2', data, count=1), _fault)


def _fault(payload: Any) -> str | None:
    points = _points(payload)
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) in (2, 3) for point in points):
        return "not a list of seconds and values"
    if isinstance(payload, dict):
        if payload.get("day") and _stated(payload) is None:
            return "the day is not dd-mm-YYYY"
        if (name := str(payload.get("name") or SERIES)) != SERIES:
            return f"the series is {name!r:.40} and {SERIES} was asked for"
    return None


def _points(payload: Any) -> Any:
    return payload["list"] if isinstance(payload, dict) else payload


def _asked(name: str) -> date | None:
    found = _DAY.search(name)
    return date.fromisoformat(found[0]) if found else None


def _stated(payload: Any) -> date | None:
    try:
        return datetime.strptime(payload["day"], "%d-%m-%Y").date()  # noqa: DTZ007 - a calendar day has no zone
    except (LookupError, TypeError, ValueError):
        return None


def _series(frame: pl.DataFrame, day: date, series: str, unit: str, bounds: tuple[float, float]) -> Batch:
    """Rows of ``power_system`` of one of the columns."""
    text, value = pl.col(series), thai.number(pl.col(series), _VALUE)
    start = pl.lit(day).cast(pl.Datetime("us")) + pl.duration(seconds="_seconds")
    return (
        Batch(frame)
        .refuse(
            (value.is_null() & ~thai.is_missing(text), "value-not-number", f"{series} is no number"),
            (
                ~value.cast(pl.Float64).is_between(*bounds),
                "value-range",
                pl.format(f"{series} {{}} {unit} cannot be", text),
            ),
        )
        .with_columns(value.alias(series))
        .missing([series])
        .select(
            dataset=pl.lit(DATASET),
            series=pl.lit(series),
            area=pl.lit("TH"),
            sector=pl.lit("all"),
            period=pl.lit("instant"),
            start=thai.utc(start),
            local_date=start.dt.date(),
            value=series,
            unit=pl.lit(unit),
        )
    )
