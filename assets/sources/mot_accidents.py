"""Accidents on the road network of the Ministry of Transport, one by one.

CKAN package ``roadaccident`` of https://datagov.mot.go.th (Open Data Common): a CSV file for each Buddhist year
("ปี 2566"), for the whole country. No document specifies it. Only roads of the ministry's departments are in it, no
municipal streets. Times are Bangkok's: ``HH:MM``, or a spreadsheet's fraction of a day. The form of the dates differs
from year to year and is decided over the whole file (``assets.sources.date_order``), so the file is read even where
the datastore has its rows. A blank number is missing, not 0.
"""

import hashlib
from collections.abc import Generator
from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import ckan, thai
from assets.sources.date_order import dates
from assets.sources.geo import Km, Within, within
from assets.sources.once import once
from assets.sources.parsing import illegible
from assets.sources.source import Context, ReadResult, Source
from quality.batch import Batch
from quality.problems import problem
from quality.tables import ROAD_ACCIDENTS
from quality.tables.shared import LATITUDE, LONGITUDE

PACKAGE = ckan.Package(portal="mot", package="roadaccident", resources="all", newest=3, whole=True)
"""The last three years, of which the newest is not over; older ones no longer change."""

COLUMNS = {
    "lat": ("LATITUDE",),
    "lon": ("LONGITUDE",),
    "day": ("วันที่เกิดเหตุ",),
    "time": ("เวลา", "เวลาที่เกิดเหตุ"),
    "province": ("จังหวัด",),
    "road_code": ("รหัสสายทาง",),
    "road_km": ("KM",),
    "cause": ("มูลเหตุสันนิษฐาน",),
    "deaths": ("ผู้เสียชีวิต", "จำนวนผู้เสียชีวิต"),
    "serious": ("ผู้บาดเจ็บสาหัส", "จำนวนผู้บาดเจ็บสาหัส"),
    "minor": ("ผู้บาดเจ็บเล็กน้อย", "จำนวนผู้บาดเจ็บเล็กน้อย"),
    "code": ("ACC_CODE",),
}
"""Column → headers it is published under. Nothing else of a row is taken."""

REQUIRED = ("lat", "lon", "day")

WITHIN_KM = 15.0
"""Reach around the city's point where the registry says no other: the ministry's roads pass cities by."""

WHOLE_FILE = 240
"""Accidents of a file from which a month without any is said: twenty a month on average, never none by chance."""

SECONDS = 86_400
_COUNTS = ("deaths", "serious", "minor")
_IDENTITY = ("local_date", "time", "lat", "lon", "road_code", "road_km")


class AccidentOptions(Within):
    """The ministry's roads pass cities by."""

    within_km: Km = WITHIN_KM


def plan(city: City, day: date, base: str, options: AccidentOptions) -> Generator[Request, bytes | None, None]:
    """The package's description, then the files of its newest years."""
    return ckan.plan(city, day, base, PACKAGE)


def read(data: bytes, context: Context[AccidentOptions]) -> ReadResult:
    """Table ``road_accidents`` within the option ``within_km`` of the city's point, from the file of a year.

    Accidents in the city's province whose place is not told are refused, for they may be the city's; so are dates
    that cannot be read, that lie after the delivery day, or whose order nothing tells (``stamp-ambiguous``).
    """
    accidents, evidence, order = _accidents(data)
    if accidents.is_rejected:
        return ReadResult.of(MOT_ACCIDENTS.name, road_accidents=accidents)
    placed = pl.col("lat").is_between(*LATITUDE) & pl.col("lon").is_between(*LONGITUDE)
    own = pl.col("province") == thai.area(pl.lit(context.city.province_th))
    accidents = _gaps(accidents, context.day).refuse(
        (own & ~placed.fill_null(value=False), "value-null", "no place in Thailand is told")
    )
    near = within(accidents.filter(placed), context.city, context.options.within_km)
    known = near.refuse(
        (pl.col("ambiguous"), "stamp-ambiguous", "nothing in the file tells the day from the month"),
        (pl.col("date").is_null(), "stamp-bad", "no date"),
        (pl.col("date") > context.day, "stamp-bad", "the date lies after the delivery"),
    )
    known = illegible(known, sorted(_COUNTS), pl.Int64())
    return ReadResult.of(
        MOT_ACCIDENTS.name,
        f"{evidence}, {near.rows.height} within reach; {order}",
        road_accidents=_table(known),
    )


@once
def _accidents(data: bytes) -> tuple[Batch, str, str]:
    """All accidents of a file, with the evidence for its rows and for the order of its dates."""
    records = ckan.records(data)
    accidents, columns = records.batch, records.batch.rows.columns
    if accidents.is_rejected:
        return accidents, "", ""
    folded = {thai.folded(name): name for name in reversed(columns)}
    headers = {
        role: next((folded[thai.folded(name)] for name in names if thai.folded(name) in folded), None)
        for role, names in COLUMNS.items()
    }
    absent = [role for role, header in headers.items() if header is None]
    if fatal := [role for role in absent if role in REQUIRED]:
        message = f"no column for {', '.join(fatal)}; headers may have changed"
        return Batch.rejected("file-malformed", message), "", ""
    if not accidents.rows.height:
        return Batch.rejected("answer-empty", "no accident in the file"), "", ""
    accidents = accidents.also(*(problem("column-missing", f"no column for {name}") for name in absent)).select(
        **{r: pl.lit(None, pl.String) if h is None else pl.col(h) for r, h in headers.items()}
    )
    days, order = dates(accidents.rows["day"])
    read = accidents.with_columns(
        *days,
        **{name: thai.number(pl.col(name), pl.Float64()) for name in ("lat", "lon")},
        province=thai.area(pl.col("province")),
    )
    return read, f"{records.evidence}, {days.height} accidents", order


def _gaps(accidents: Batch, today: date) -> Batch:
    """Months that a year's file leaves out although none is without accidents; of the running year, up to its last."""
    days = accidents.rows["date"].drop_nulls()
    if days.len() < WHOLE_FILE:
        return accidents
    year = int(days.dt.year().mode().min())  # type: ignore[arg-type]
    months = days.filter(days.dt.year() == year).dt.month()
    due = 12 if year < today.year else int(months.max())  # type: ignore[arg-type]
    lacking = due - months.n_unique()
    return (
        accidents.note("window-short", f"{lacking} of {due} months of {year} have no accident")
        if lacking
        else accidents
    )


def _table(accidents: Batch) -> Batch:
    timed = accidents.with_columns(local_date="date", time=_seconds(pl.col("time")))
    start = pl.col("local_date").cast(pl.Datetime("us")) + pl.duration(seconds=pl.col("time"))
    return (
        timed.select(
            "local_date",
            "lat",
            "lon",
            "distance_km",
            dataset=pl.lit(PACKAGE.dataset),
            accident_id=pl.Series(_digests(timed.rows), dtype=pl.String),
            at=thai.utc(start),
            road_code=_text("road_code"),
            road_km=_kilometre(pl.col("road_km")),
            cause=_text("cause"),
            **{name: thai.number(pl.col(name), pl.Int64()) for name in _COUNTS},
        )
        .distinct(ROAD_ACCIDENTS.key)
        .missing(("at", *_COUNTS))
    )


def _digests(accidents: pl.DataFrame) -> list[str]:
    """Digest of what identifies each accident. The ministry's code, which spreadsheets round (5.72E+06), counts only
    where two accidents would be one without it; a file that has all its rows twice has the same accidents."""
    twice = pl.col("code").fill_null("").n_unique().over(_IDENTITY) > 1
    parts = [*(pl.col(name).cast(pl.String) for name in _IDENTITY), pl.when(twice).then("code")]
    identity = accidents.select(pl.concat_str([part.fill_null("") for part in parts], separator="|")).to_series()
    return [hashlib.sha256(text.encode()).hexdigest()[:16] for text in identity]


def _seconds(text: pl.Expr) -> pl.Expr:
    """Second of the day from ``HH:MM``, ``HH.MM น.`` or a fraction of the day; null for anything else."""
    plain = thai.clean(text)
    clock = plain.str.extract_groups(r"^([01]?[0-9]|2[0-3])[:.]([0-5][0-9])(?::([0-5][0-9])(?:\.0+)?)?(?: ?น\.?)?$")
    hours, minutes, seconds = (clock.struct.field(part).cast(pl.Int64) for part in ("1", "2", "3"))
    share = plain.str.extract(r"^(0(?:\.[0-9]+)?|\.[0-9]+)$", 1).cast(pl.Float64, strict=False)
    # Spreadsheets' fractions miss the minute by a rounding error.
    fraction = ((share * SECONDS / 60).round() * 60).cast(pl.Int64).clip(0, SECONDS - 60)
    return pl.coalesce(fraction, hours * 3600 + minutes * 60 + seconds.fill_null(0))


def _kilometre(text: pl.Expr) -> pl.Expr:
    """Kilometre from ``12.345`` or ``12+345``."""
    return thai.number(thai.clean(text).str.replace(r"^([0-9]+)\+([0-9]{3})$", "$1.$2"), pl.Float64())


def _text(name: str) -> pl.Expr:
    return pl.when(~thai.is_missing(pl.col(name))).then(thai.clean(pl.col(name)))


MOT_ACCIDENTS = Source(
    name="mot_accidents",
    title="Accidents on roads of the Ministry of Transport",
    smart="mobility",
    tables=(ROAD_ACCIDENTS.name,),
    portal="mot",
    document="https://datagov.mot.go.th/dataset/roadaccident",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="instant",
    missing=thai.MISSING,
    units="persons; kilometres of the road; degrees (WGS 84)",
    options=AccidentOptions,
    national=True,
    reads=ckan.is_rows,
)
