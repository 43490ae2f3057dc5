"""Registered population by area and sex, from a provincial catalogue (CKAN).

Long format, one number a row: columns ``อำเภอ`` (area), ``Attribute`` (ชาย, หญิง, รวม), ``Value`` and ``unit`` as in
https://phuket.gdcatalog.go.th/dataset/phuket001. The file tells no date: the package's modification date stands in.
Totals lie among their members (``รวม``) and do not always equal them. The registry's ``columns`` maps other headers.
"""

import polars as pl

from assets import thai
from assets.landing import ckan
from assets.rows import distinct, judged_totals, problems_at, without
from assets.sources import Context, ReadResult, Source
from quality.problems import gather, problem
from quality.tables import POPULATION

COLUMNS = {
    "area": ("อำเภอ", "ตำบล", "เขต", "จังหวัด"),
    "sex": ("Attribute", "เพศ"),
    "value": ("Value", "จำนวน"),
    "unit": ("unit", "หน่วย"),
}
"""Role → headers it is published under, the likeliest first."""

KNOWN = ("tablename", "source", "ที่มา", "รายการ")
"""Headers that repeat what the catalogue says of the package."""

SEXES = {"ชาย": "male", "หญิง": "female", thai.TOTAL: "total"}
UNITS = ("คน", "ราย")
"""Persons."""


def read(data: bytes, context: Context) -> ReadResult:
    """Table ``population`` from a datastore page or CSV file.

    Totals are checked within the delivery, and only where it is the whole resource.
    """
    rows, faults = ckan.read_rows(data)
    if rows is None:
        return ReadResult(_READER, problems=faults)
    frame, said = ckan.mapped(rows.frame, COLUMNS, context.options.get("columns", {}), ("area", "value"), KNOWN)
    if frame is None:
        return ReadResult(_READER, rows.evidence, problems=said)
    if not frame.height:
        return ReadResult(_READER, rows.evidence, problems=problem("answer-empty", "no records"))
    day = ckan.modified(context.name)
    undated = [problem("no-date", "dated by the package's modification" if day else "dated by its delivery")]
    sex, area, value, unit = (pl.col(name) for name in ("sex", "area", "value", "unit"))
    frame = frame.with_columns(
        _sex=thai.clean(sex).fill_null(thai.TOTAL).replace_strict(SEXES, default=None, return_dtype=pl.String),
        _persons=thai.number(value, pl.Int64()),
    )
    declared = thai.is_missing(value) | thai.is_pending(value)
    refused = gather(
        [
            problems_at(frame, "value-null", thai.clean(area).fill_null("") == "", "the area is missing"),
            problems_at(frame, "value-unknown", pl.col("_sex").is_null(), "sex is none of ชาย, หญิง, รวม"),
            problems_at(frame, "value-not-number", pl.col("_persons").is_null() & ~declared, "not a number of persons"),
            problems_at(frame, "unit-unknown", ~thai.clean(unit).is_in(list(UNITS)), "the unit is not persons"),
        ]
    ).unique("row", keep="first", maintain_order=True)
    kept = without(frame, refused)
    waiting = problems_at(kept, "value-pending", thai.is_pending(value), "the publisher is still processing the value")
    blank = problems_at(kept, "value-missing", thai.is_missing(value), "the publisher gives no value")
    is_total = thai.clean(area) == thai.TOTAL
    table, repeats = distinct(
        kept.select(
            "_row",
            area=pl.when(is_total).then(pl.lit(context.city.province_th)).otherwise(thai.area(area)),
            area_level=pl.when(is_total)
            .then(pl.lit("province"))
            .otherwise(thai.area_level(area, context.options.get("area_level", "amphoe"))),
            sex="_sex",
            age_band=pl.lit("all"),
            persons="_persons",
            is_total=is_total,
            reference_date=pl.lit(day or context.day, dtype=pl.Date),
        ),
        POPULATION.key,
    )
    return ReadResult(
        _READER,
        rows.evidence,
        {"population": table},
        gather([said, *undated, refused, waiting, blank, repeats, *(_totals(table) if rows.whole else ())]),
    )


def _totals(table: pl.DataFrame) -> list[pl.DataFrame]:
    """Totals over the sexes of each area, and over the areas of each sex."""
    never = pl.lit(value=False)
    over_sex = judged_totals(table, pl.col("sex") == "total", ("area",), "persons", never)
    over_area = judged_totals(table, pl.col("is_total"), ("sex",), "persons", never)
    return [
        problems_at(judged, "total-mismatch", ~pl.col("fits"), pl.col("message")) for judged in (over_sex, over_area)
    ]


_READER = "ckan_population"

CKAN_POPULATION = Source(
    name=_READER,
    title="Registered population (provincial catalogue)",
    smart="people",
    tables=("population",),
    portal=None,
    document="https://docs.ckan.org/en/2.10/api/",
    plan=ckan.plan,
    read=read,
    reads=lambda name: not name.startswith(ckan.PACKAGE),
)
