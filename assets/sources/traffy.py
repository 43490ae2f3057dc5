"""Citizens' reports from Traffy Fondue (NECTEC): the open feed, and downloads of the agencies' exchange API.

Open feed: ``GET /teamchadchart-stat-api/geojson/v1?limit=&offset=&start=&end=&sort=asc``, a GeoJSON FeatureCollection
of points; its ``total`` is 0 where it was not computed, and ``sum_state`` may be empty. Exchange API
(https://github.com/traffy-nectec/exchange-api-doc, ``get-issues/v2`` JSON and ``download-issues/v2`` CSV): agencies log
in for a token, so its files come through an inbox, as do those that Bangkok publishes. Stamps are in Bangkok time but
where they tell a zone. The sibling
``/share/teamchadchart/search`` is not asked: its stamps are UTC, and it fails above a few hundred rows.

Reports are personal data: free text, pictures, addresses with house numbers, names of officers. Only the white list of
``FIELDS`` and ``EXCHANGE`` is taken, into a table that is never published; ``assets.lake.citizen_reports`` counts it.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
from pydantic import ConfigDict, Field

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, distance_km, lon_lat, within
from assets.sources.once import once
from assets.sources.parsing import fields_of, first_byte, parsed, record_batch
from assets.sources.source import Context, Options, ReadResult, Source
from assets.sources.table_files import read_csv
from quality.batch import Batch
from quality.problems import problem
from quality.tables import TICKETS

PAGE = 1000
"""The endpoint's own cap."""

MAX_PAGES = 40
"""Of one night: a week in the whole country has about 15,000 reports."""

DAYS = 7
"""Days of creation that are asked for each night, so that a report's state is followed for its first week."""

STRAYS = 5
"""Reports of a page that may lie in the city and name another province: pins are set by hand."""

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

_POINT = {"lat": "latitude", "lon": "longitude"}

_OF_BANGKOK = {
    "status": pl.col("state"),
    "type": pl.col("type").str.strip_chars("{}"),
    "longitude": pl.col("coords").str.extract(r"^\s*([0-9.]+)\s*,"),
    "latitude": pl.col("coords").str.extract(r",\s*([0-9.]+)\s*$"),
}
"""Field of the exchange API → what Bangkok's own download has of it (``bangkok_traffy.csv``, stamps with ``+00``)."""

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


class ReportOptions(Options):
    """Whose a report is."""

    model_config = ConfigDict(strict=True)

    within_km: Km | None = Field(
        default=None, description=f"reach around the city's point in km: {WITHIN_KM:g}, or else the city's province"
    )


def plan(city: City, day: date, base: str, options: ReportOptions) -> Generator[Request, bytes | None, None]:
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


def read(data: bytes, context: Context[ReportOptions]) -> ReadResult:
    """Table ``tickets`` from a page of the open feed: the reports that are the city's own.

    Somebody in the country reports something every day, so a first page that begins after the period asked for (in the
    receipt's name) or a last one that ends before it is ``window-short``.
    """
    page = _page(data, context.name)
    if page.is_rejected:
        return ReadResult.of(TRAFFY_GEOJSON.name, tickets=page)
    return _result(TRAFFY_GEOJSON.name, "GeoJSON", page, context)


@once
def _page(data: bytes, name: str) -> Batch:
    """All reports of a page."""
    payload, reason = parsed(data, _fault)
    if reason:
        return Batch.rejected("answer-bad", reason)
    reports = payload["features"]
    page = record_batch(reports, _flat, [*FIELDS, "lat", "lon"], "properties")
    return _timed(_cut(page, name, full=len(reports) >= PAGE))


def _cut(page: Batch, name: str, *, full: bool) -> Batch:
    """What a page in the order of its reports lacks of the period that its name tells. A ``full`` one is followed by
    another; behind the last that is asked for there may be more."""
    asked = _ASKED.search(name)
    days = page.rows.select(_stamp("reported").dt.convert_time_zone("Asia/Bangkok").dt.date().cast(pl.String))
    begin, end = days.min().item(), days.max().item()
    if asked is None or begin is None:
        return page
    first, last, offset = asked.groups()
    cut = full and int(offset) + PAGE >= MAX_PAGES * PAGE
    late, early = offset == "0" and begin > first, not full and end < last
    text = f"reports from {begin} to {end} came; {first} to {last} were asked for"
    return page.note("window-short", text) if late or early or cut else page


def read_exchange(data: bytes, context: Context[ReportOptions]) -> ReadResult:
    """Table ``tickets`` from a download of the exchange API: JSON with ``results``, or CSV with the same names."""
    is_json = first_byte(data) == b"{"
    reports = _issues(data) if is_json else _download(data)
    if reports.is_rejected:
        return ReadResult.of(TRAFFY_EXCHANGE.name, tickets=reports)
    form = "get-issues JSON" if is_json else "download-issues CSV"
    return _result(TRAFFY_EXCHANGE.name, form, _timed(reports), context)


def _issues(data: bytes) -> Batch:
    payload, reason = parsed(data, _exchange_fault)
    if reason:
        return Batch.rejected("format-unknown", reason)
    rows, names = payload["results"], EXCHANGE | _POINT
    reports = record_batch(rows, lambda row: {name: row.get(field) for name, field in names.items()}, names)
    count = payload.get("count")
    if isinstance(count, int) and count > len(rows):
        return reports.note("window-short", f"{len(rows)} of {count} reports")
    return reports


def _download(data: bytes) -> Batch:
    table = read_csv(data)
    if table.is_rejected:
        return table
    if {"coords", "state"} <= {*table.rows.columns} and "status" not in table.rows.columns:
        table = Batch(table.rows.with_columns(**_OF_BANGKOK), table.problems)
    columns = table.rows.columns
    if lacking := [field for field in ("ticket_id", "timestamp", "status") if field not in columns]:
        return Batch.rejected("format-unknown", f"no column {', '.join(lacking)}")
    return Batch(table.rows).select(
        **{
            name: pl.col(field) if field in columns else pl.lit(None, pl.String)
            for name, field in (EXCHANGE | _POINT).items()
        }
    )


def _result(source: str, form: str, reports: Batch, context: Context[ReportOptions]) -> ReadResult:
    own = _own(reports, context)
    evidence = f"{form}, {reports.rows.height} reports, {own.rows.height} of them the city's"
    return ReadResult.of(source, evidence, tickets=_tickets(own, source))


def _own(reports: Batch, context: Context[ReportOptions]) -> Batch:
    """The city's reports: by province where that is its scope, else by distance from its point."""
    city, reach_km = context.city, context.options.within_km
    if reach_km is None and city.level == "province":
        mine = pl.col("province") == thai.area(pl.lit(city.province_th))
        near = distance_km(pl.col("lat"), pl.col("lon"), (city.lat, city.lon)) <= WITHIN_KM
        elsewhere = reports.rows.filter(near, ~mine & (pl.col("province") != "")).height
        own = reports.filter(mine)
        if elsewhere > max(own.rows.height, STRAYS):
            text = f"{elsewhere} reports within {WITHIN_KM:g} km of the city's point name another province"
            own = own.note("place-contradicts", f"{text}, {own.rows.height} its own")
        return own
    return within(reports, city, reach_km or WITHIN_KM)


def _tickets(reports: Batch, source: str) -> Batch:
    reports = reports.refuse(
        (pl.col("reported").is_null(), "stamp-bad", "the moment of the report cannot be read"),
        (thai.is_missing(pl.col("ticket")), "value-null", "the report has no number"),
    )
    unknown = reports.rows.filter(pl.col("_state").is_null())["state_raw"].value_counts()
    local = pl.col("reported").dt.convert_time_zone("Asia/Bangkok")
    return (
        reports.also(
            *(
                problem("state-other", f"{count} reports in the state {str(name)!r:.40}")
                for name, count in unknown.iter_rows()
            )
        )
        .select(
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
        )
        .distinct(TICKETS.key)
    )


def _timed(reports: Batch) -> Batch:
    """Reports with places, areas, moments and states read from their text."""
    return reports.with_columns(
        pl.col("lat", "lon").cast(pl.Float64, strict=False),
        **{name: thai.area(pl.col(name)).fill_null("") for name in ("tambon", "amphoe", "province")},
        reported=_stamp("reported"),
        _finished=_stamp("finished"),
        _state=thai.clean(pl.col("state")).replace_strict(STATES, default=None, return_dtype=pl.String),
    )


def _stamp(name: str) -> pl.Expr:
    plain = thai.clean(pl.col(name)).str.replace("T", " ", literal=True).str.replace(r"Z$", "+00:00")
    zoned = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", strict=False)
    return pl.coalesce(thai.utc(thai.moment(pl.col(name))), zoned)


def _flat(feature: Mapping[str, Any]) -> dict[str, Any]:
    properties, (lon, lat) = fields_of(feature.get("properties")), lon_lat(feature.get("geometry"))
    return {name: properties.get(field) for name, field in FIELDS.items()} | {"lat": lat, "lon": lon}


def _fault(payload: Any) -> str | None:
    if payload["type"] != "FeatureCollection":
        return "no FeatureCollection"
    reports = payload["features"]
    some = any(fields_of(fields_of(one).get("properties")) for one in reports)
    return None if some or reports == [] else "no report has fields"


def _first(data: bytes) -> str | None:
    payload, reason = parsed(data, _fault)
    return reason or (None if payload["features"] else "no report of the whole country in a week")


def _exchange_fault(payload: Any) -> str | None:
    if payload["status"] != "success":
        return f"the service says {payload['status']!r:.40}"
    rows = payload["results"]
    return None if rows == [] or any(fields_of(row) for row in rows) else "results of another kind"


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
    options=ReportOptions,
    version=2,
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
    personal="description, comment, photo, photo_after, address, organization, org_finished: not taken",
    options=ReportOptions,
    version=2,
)
