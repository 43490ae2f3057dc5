"""Registered population and houses by area, from the Department of Provincial Administration's yearly statistics.

``GET https://stat.bora.dopa.go.th/new_stat/file/{yy}/stat_t{yy}.txt``, ``yy`` the Buddhist year in two digits, as of
31 December. Pipe-separated, no header, UTF-8 with a byte order mark, numbers with thousands commas, fourteen fields:
month (YYMM), province code and name, registration office code and name, tambon code and name, village code and name,
male, female, total, houses, nothing. No document specifies it; https://stat.bora.dopa.go.th/new_stat/webPage/ is its
page. A tambon has one row for each office that registers in it (a district and its municipalities), so that its count
is their sum; rows without a tambon code are the offices' and the province's own totals. Persons are registered, not
resident. The server is often not reached from abroad.
"""

from collections.abc import Generator
from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.once import once
from assets.sources.parsing import text_of
from assets.sources.source import Context, Options, ReadResult, Source
from quality.batch import Batch
from quality.tables import POPULATION

FIELDS = (
    *("month", "province", "province_name", "office", "office_name", "tambon", "tambon_name", "village"),
    *("village_name", "male", "female", "total", "houses", "rest"),
)
PUBLISHED_MONTH = 2
"""Month in which last year's file is asked for: December's count comes in the course of January."""

MISSED = 0.02
"""Part of a province's own total by which its tambons may miss it, and be told all the same: a tambon is a twentieth of
a small province."""

DATASET = "stat.bora.dopa.go.th/stat_t"
_READER = "dopa_population"
_COUNTS = ("male", "female", "total", "houses")
_LINE = ("month", "office", "tambon", "village")
"""What a province has one row of."""
_NONE = ("", "0")
"""Written for a level that a row does not reach."""


def plan(city: City, day: date, base: str, options: Options) -> Generator[Request, bytes | None, None]:
    """The newest yearly file that can be out, for the whole country."""
    year = day.year - (1 if day.month >= PUBLISHED_MONTH else 2)
    yy = f"{(year + 543) % 100:02d}"
    yield Request(
        name=f"stat_t{yy}.txt",
        url=f"{base}/new_stat/file/{yy}/stat_t{yy}.txt",
        expect="text",
        check=lambda data: None if b"|" in data[:400] else "not pipe-separated text",
    )


def read(data: bytes, context: Context[Options]) -> ReadResult:
    """Table ``population``: the city's province, the amphoe of that province, and the tambons of the city's amphoe.

    Both are sums over tambon codes. Male and female against the total, and the province's own total against the sum
    of its tambons, are checked (``total-mismatch``), and rejected is what misses it by more than ``MISSED``: a file
    that was cut. Areas are joined by code, never by name.
    """
    country = _country(data)
    if country.is_rejected:
        return ReadResult.of(_READER, population=country)
    code = context.city.dopa_province
    batch = country.filter(pl.col("province") == code).with_columns(
        **{f"_{name}": thai.number(pl.col(name), pl.Int64()) for name in _COUNTS},
        _day=_month_end(pl.col("month")),
        tambon=pl.when(~pl.col("tambon").is_in(_NONE)).then("tambon"),
        office=pl.when(~pl.col("office").is_in(_NONE)).then("office"),
    )
    if not batch.rows.height:
        return ReadResult.rejected(_READER, "answer-empty", f"no row of province {code}")
    uncounted = pl.any_horizontal(pl.col(f"_{name}").is_null() for name in _COUNTS)
    tambon = pl.col("tambon")
    batch = batch.refuse(
        (pl.col("_day").is_null(), "stamp-bad", "the month is not YYMM of a Buddhist year"),
        (uncounted, "value-not-number", "male, female, total or houses is not a number"),
        (
            tambon.is_not_null() & ~(tambon.str.contains(r"^[0-9]{6}$") & tambon.str.starts_with(code)),
            "value-unknown",
            "the tambon code is not six digits of its province",
        ),
    ).warn(
        pl.col("_male") + pl.col("_female") != pl.col("_total"),
        "total-mismatch",
        pl.format("male {} and female {} are not the total {}", "_male", "_female", "_total"),
    )
    batch = batch.distinct(_LINE)
    tambons = batch.rows.drop_nulls("tambon").filter(pl.col("village").fill_null("").is_in(_NONE))
    areas = _areas(tambons, context.city)
    # The province's own totals that its tambons do not add up to.
    own = tambon.is_null() & pl.col("office").is_null()
    for sex, summed in dict(areas.filter(area_level="province").select("sex", "persons").iter_rows()).items():
        stated = batch.rows.filter(own)[f"_{sex}"].max()
        if isinstance(stated, int) and abs(stated - summed) > MISSED * stated:
            text = f"the province has {stated:,} persons ({sex}), its tambons {summed:,}: rows are missing or twice"
            return ReadResult.of(_READER, population=Batch.rejected("file-malformed", text).also(*batch.problems))
        message = pl.format(f"province: {sex} {{}} but its tambons add up to {summed}", f"_{sex}")
        batch = batch.warn(own & (pl.col(f"_{sex}") != summed), "total-mismatch", message)
    if not tambons.height:
        batch = batch.note("value-missing", "no tambon row: the file holds totals only")
    evidence = f"stat_t, {tambons.height} tambon rows of the province"
    return ReadResult.of(_READER, evidence, population=Batch(areas, batch.problems))


@once
def _country(data: bytes) -> Batch:
    """The fields of all lines as text."""
    text = text_of(data)
    if text is None:
        return Batch.rejected("file-encoding", "not text")
    lines = (
        pl.DataFrame({"line": text.splitlines()}, schema={"line": pl.String})
        .with_row_index("_row", offset=1)
        .cast({"_row": pl.Int64})
        .filter(pl.col("line").str.strip_chars() != "")
        .with_columns(fields=pl.col("line").str.split("|"))
    )
    if not lines.height:
        return Batch.rejected("file-empty", "nothing but blanks")
    batch = Batch(lines).refuse(
        (pl.col("fields").list.len() < len(FIELDS) - 1, "row-malformed", "fewer than 13 fields")
    )
    if not batch.rows.height:
        return Batch.rejected("format-unknown", "no row has the 13 fields of stat_t")
    return batch.select(
        **{name: pl.col("fields").list.get(at, null_on_oob=True).str.strip_chars() for at, name in enumerate(FIELDS)}
    )


def _areas(tambons: pl.DataFrame, city: City) -> pl.DataFrame:
    amphoe = pl.col("tambon").str.slice(0, 4)
    # Bangkok's offices are those of its districts: ท้องถิ่นเขตพระนคร.
    office = thai.clean(pl.col("office_name")).str.strip_prefix("ท้องถิ่น")
    levels = [
        ("province", tambons.with_columns(code=pl.lit(city.dopa_province), name=pl.lit(city.province_th))),
        # The file names offices, not amphoe: only an office whose code is an amphoe's gives it its name.
        (
            "amphoe",
            tambons.with_columns(code=amphoe, name=pl.when(pl.col("office") == amphoe).then(thai.area(office))),
        ),
        (
            "tambon",
            tambons.filter(amphoe == city.dopa_amphoe).with_columns(
                code="tambon", name=thai.area(pl.col("tambon_name"))
            ),
        ),
    ]
    parts = []
    for level, rows in levels:
        summed = rows.group_by("code", "_day").agg(
            pl.col("_row").min(), pl.col("name").drop_nulls().first(), *(pl.col(f"_{name}").sum() for name in _COUNTS)
        )
        for sex in ("male", "female", "total"):
            parts.append(
                summed.select(
                    "_row",
                    dataset=pl.lit(DATASET),
                    area_code="code",
                    area=pl.col("name").fill_null(pl.col("code")),
                    area_level=pl.lit(level),
                    sex=pl.lit(sex),
                    age_band=pl.lit("all"),
                    persons=pl.col(f"_{sex}"),
                    houses=pl.col("_houses") if sex == "total" else pl.lit(None, pl.Int64),
                    is_total=pl.lit(level == "province"),
                    reference_date="_day",
                )
            )
    return pl.concat(parts).sort("area_code", "sex")


def _month_end(month: pl.Expr) -> pl.Expr:
    """Last day of ``YYMM``, the Buddhist year's last two digits and the month."""
    digits = pl.when(month.str.contains(r"^[0-9]{4}$")).then(month)
    year = digits.str.slice(0, 2).cast(pl.Int32, strict=False) + 2500 - 543
    number = digits.str.slice(2, 2).cast(pl.Int32, strict=False)
    stamp = pl.format("{}-{}-01", year, number.cast(pl.String).str.zfill(2))
    return stamp.str.to_date("%Y-%m-%d", strict=False).dt.month_end()


DOPA_POPULATION = Source(
    name=_READER,
    title="Registered population by tambon (DOPA)",
    smart="people",
    tables=(POPULATION.name,),
    portal="dopa",
    document="https://stat.bora.dopa.go.th/new_stat/webPage/statByYear.php",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="period",
    missing=_NONE,
    units="persons, houses",
    version=3,
    national=True,
)
