"""Citizens' reports from Traffy Fondue (NECTEC): the open feed, and downloads of the agencies' exchange API.

Open feed: ``GET /teamchadchart-stat-api/geojson/v1?limit=&offset=&start=&end=&sort=asc``, a GeoJSON FeatureCollection
of points; its ``total`` is 0 where it was not computed, and ``sum_state`` may be empty. Exchange API
(https://github.com/traffy-nectec/exchange-api-doc, ``get-issues/v2`` JSON and ``download-issues/v2`` CSV): agencies log
in for a token, so its files come through an inbox. Both stamp in Bangkok time without a zone. The sibling
``/share/teamchadchart/search`` is not asked: its stamps are UTC, and it fails above a few hundred rows.

Reports are personal data: free text, pictures, addresses with house numbers, names of officers. Only the white list of
``FIELDS`` and ``EXCHANGE`` is taken, into a table that is never published; ``assets.lake.citizen_reports`` counts it.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import distance_km
from assets.sources.parsing import distinct, parsed, problems_at, read_csv, rejected, text_frame, without
from assets.sources.source import Context, ReadResult, Source
from quality.problems import gather, no_problems, problem
from quality.tables import TICKETS

PAGE = 1000
"""The endpoint's own cap."""

MAX_PAGES = 40
"""Of one night: a week in the whole country has about 15,000 reports."""

DAYS = 7
"""Days of creation that are asked for each night, so that a report's state is followed for its first week."""

WITHIN_KM = 5.0
"""Reach around the city's point where its scope is no province and the registry says no other."""

FIELDS = {
    "ticket": "ticket_id",
    "kinds": "type",
    "state_raw": "state",
    "state": "state_type_latest",
    "reported": "timestamp",
    "finished": "timestamp_finished",
    "tambon": "subdistrict",
    "amphoe": "district",
    "province": "province",
    "reopened": "count_reopen",
}
"""Column → property of the open feed: all that is taken of it, besides the point, which only tells whose it is."""

EXCHANGE = FIELDS | {"state": "status", "state_raw": "status"}
"""Column → field of the exchange API."""

STATES = {
    "start": "new",
    "รอรับเรื่อง": "new",
    "ส่งต่อ(ใหม่)": "new",
    "forward": "in_progress",
    "ส่งต่อ": "in_progress",
    "inprogress": "in_progress",
    "กำลังดำเนินการ": "in_progress",
    "follow": "in_progress",
    "ติดตามเรื่อง": "in_progress",
    "finish": "finished",
    "เสร็จสิ้น": "finished",
    "irrelevant": "other",
    "ไม่เกี่ยวข้อง": "other",
}
"""State as the service names it → canonical; any other is ``other`` and said."""

_ASKED = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})/(\d+)$")
"""First day, last day and offset in a receipt's name."""

_STAMPS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f")


def plan(city: City, day: date, base: str, options: Mapping[str, Any]) -> Generator[Request, bytes | None, None]:
    """Every report made in the ``DAYS`` before the delivery day, page by page until one is short."""
    start, end = day - timedelta(days=DAYS), day - timedelta(days=1)
    for page in range(MAX_PAGES):
        answer = yield Request(
            name=f"reports/{start}..{end}/{page * PAGE}",
            url=f"{base}/teamchadchart-stat-api/geojson/v1",
            params={
                "limit": f"{PAGE}",
                "offset": f"{page * PAGE}",
                "start": f"{start}",
                "end": f"{end}",
                "sort": "asc",
            },
            conditional=False,
            # An empty first page says that nobody reported anything in a week; later ones end the paging.
            check=_first if page == 0 else lambda data: parsed(data, _fault)[1],
        )
        if answer is None or len(parsed(answer, _fault)[0]["features"]) < PAGE:
            return


def read(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``tickets`` from a page of the open feed: the reports that are the city's own.

    Somebody in the country reports something every day, so a first page that begins after the period asked for (in the
    receipt's name) or a last one that ends before it is ``window-short``.
    """
    payload, reason = parsed(data, _fault)
    if reason:
        return rejected("traffy_geojson", "answer-bad", reason)
    rows = [_flat(feature) for feature in payload["features"]]
    frame = text_frame(rows, [*FIELDS, "lat", "lon"])
    result = _tickets(frame, context, "traffy_geojson", f"GeoJSON, {frame.height} reports")
    said = _cut(frame, context.name)
    return ReadResult(result.format, result.evidence, result.tables, gather([result.problems, *said]))


def _cut(frame: pl.DataFrame, name: str) -> list[pl.DataFrame]:
    """What a page in the order of its reports lacks of the period that its name tells."""
    asked = _ASKED.search(name)
    days = frame.select(_stamp("reported").dt.convert_time_zone("Asia/Bangkok").dt.date().cast(pl.String)).to_series()
    if asked is None or not days.drop_nulls().len():
        return []
    (first, last, offset), (begin, end) = asked.groups(), (str(days.min()), str(days.max()))
    late, early = offset == "0" and begin > first, frame.height < PAGE and end < last
    text = f"reports from {begin} to {end} came; {first} to {last} were asked for"
    return [problem("window-short", text)] if late or early else []


def read_exchange(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``tickets`` from a download of the exchange API: JSON with ``results``, or CSV with the same names."""
    if data.lstrip()[:1] == b"{":
        payload, reason = parsed(data, _exchange_fault)
        if reason:
            return rejected("traffy_exchange", "format-unknown", reason)
        rows = payload["results"]
        frame = text_frame(
            [{name: row.get(field) for name, field in EXCHANGE.items()} | _point(row) for row in rows],
            [*EXCHANGE, "lat", "lon"],
        )
        evidence = f"get-issues JSON, {frame.height} reports"
        said = [problem("window-short", f"{frame.height} of {payload.get('count')} reports")] if _short(payload) else []
    else:
        given = read_csv(data)
        table, faults = given.rows, given.found
        if given.is_rejected:
            return ReadResult("traffy_exchange", problems=faults)
        if lacking := [field for field in ("ticket_id", "timestamp", "status") if field not in table.columns]:
            return rejected("traffy_exchange", "format-unknown", f"no column {', '.join(lacking)}")
        named = EXCHANGE | {"lat": "latitude", "lon": "longitude"}
        frame = table.select(
            "_row",
            *(
                pl.col(field).alias(name) if field in table.columns else pl.lit(None, pl.String).alias(name)
                for name, field in named.items()
            ),
        )
        evidence, said = f"download-issues CSV, {frame.height} reports", []
    result = _tickets(frame, context, "traffy_exchange", evidence)
    return ReadResult(result.format, result.evidence, result.tables, gather([result.problems, *said]))


def _tickets(frame: pl.DataFrame, context: Context[Any], source: str, evidence: str) -> ReadResult:
    frame = frame.with_columns(
        pl.col("lat", "lon").cast(pl.Float64, strict=False),
        reported=_stamp("reported"),
        _finished=_stamp("finished"),
        _state=thai.clean(pl.col("state")).replace_strict(STATES, default=None, return_dtype=pl.String),
        **{name: thai.area(pl.col(name)).fill_null("") for name in ("tambon", "amphoe", "province")},
    )
    own = frame.filter(_own(context))
    refused = gather(
        [
            problems_at(own, "value-null", thai.is_missing(pl.col("ticket")), "the report has no number"),
            problems_at(own, "stamp-bad", pl.col("reported").is_null(), "the moment of the report cannot be read"),
        ]
    ).unique("row", keep="first", maintain_order=True)
    kept = without(own, refused)
    unknown = kept.filter(pl.col("_state").is_null())["state_raw"].value_counts(sort=True)
    said = [
        problem("state-other", f"{count} reports in the state {str(name)!r:.40}") for name, count in unknown.iter_rows()
    ]
    local = pl.col("reported").dt.convert_time_zone("Asia/Bangkok")
    rows, repeats = distinct(
        kept.select(
            "_row",
            "reported",
            "tambon",
            "amphoe",
            "province",
            source=pl.lit(source),
            ticket=thai.clean(pl.col("ticket")),
            local_date=local.dt.date(),
            kinds=thai.clean(pl.col("kinds")).replace("", None),
            state=pl.col("_state").fill_null("other"),
            state_raw=thai.clean(pl.col("state_raw")),
            # A stamp of an end stays on a report that was opened again.
            finished=pl.when(pl.col("_state") == "finished").then("_finished"),
            reopened=thai.number(pl.col("reopened"), pl.Int64()),
        ),
        TICKETS.key,
    )
    return ReadResult(
        source,
        f"{evidence}, {own.height} of them the city's",
        {TICKETS.name: rows},
        gather([refused, repeats, *said]) if refused.height or repeats.height or said else no_problems(),
    )


def _own(context: Context[Any]) -> pl.Expr:
    """Whether a report is the city's: by province where that is its scope, else by distance from its point."""
    city = context.city
    within = context.options.get("within_km")
    if within is None and city.level == "province":
        return pl.col("province") == thai.area(pl.lit(city.province_th))
    near = distance_km(pl.col("lat"), pl.col("lon"), (city.lat, city.lon)) <= float(within or WITHIN_KM)
    return near.fill_null(value=False)


def _stamp(name: str) -> pl.Expr:
    text = thai.clean(pl.col(name))
    read = pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in _STAMPS)
    return thai.utc(read)


def _flat(feature: Mapping[str, Any]) -> dict[str, Any]:
    properties = feature["properties"]
    lon, lat = ((feature.get("geometry") or {}).get("coordinates") or [None, None])[:2]
    return {name: properties.get(field) for name, field in FIELDS.items()} | {"lat": lat, "lon": lon}


def _point(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"lat": row.get("latitude"), "lon": row.get("longitude")}


def _fault(payload: Any) -> str | None:
    if payload["type"] != "FeatureCollection":
        return "no FeatureCollection"
    return (
        None if all(isinstance(one["properties"], dict) for one in payload["features"]) else "a report without fields"
    )


def _first(data: bytes) -> str | None:
    payload, reason = parsed(data, _fault)
    return reason or (None if payload["features"] else "no report of the whole country in a week")


def _exchange_fault(payload: Any) -> str | None:
    if payload["status"] != "success":
        return f"the service says {payload['status']!r:.40}"
    return None if all(isinstance(row, dict) for row in payload["results"]) else "results of another kind"


def _short(payload: Mapping[str, Any]) -> bool:
    count = payload.get("count")
    return isinstance(count, int) and count > len(payload["results"])


_PERSONAL: Sequence[str] = ("description", "address", "photo_url", "after_photo", "org", "org_action", "note", "ai")

TRAFFY_GEOJSON = Source(
    name="traffy_geojson",
    title="Traffy Fondue, open feed",
    smart="governance",
    tables=(TICKETS.name,),
    portal="traffy",
    document="https://publicapi.traffy.in.th/teamchadchart-stat-api/geojson/v1",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="instant",
    missing=("null",),
    units="reports",
    personal=f"{', '.join(_PERSONAL)}: not taken",
    national=True,
    past=True,
)

TRAFFY_EXCHANGE = Source(
    name="traffy_exchange",
    title="Traffy Fondue, an agency's download",
    smart="governance",
    tables=(TICKETS.name,),
    portal=None,
    document="https://github.com/traffy-nectec/exchange-api-doc",
    plan=None,
    reader=read_exchange,
    zone="Asia/Bangkok",
    label="instant",
    missing=("null", ""),
    units="reports",
    personal="description, photo, photo_after, address, organization, org_finished: not taken",
)
