"""Governance: citizens' reports, what the city publishes, the indicators made of all of it, and the programme."""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.cross_table import areas_of_total, identical_series, more_disposed, shares_of_one, unit_changed
from quality.row_rules import at_most, not_before, not_negative, share
from quality.series_rules import jumps, period_repeated, whole_periods
from quality.tables.shared import DATASET, LOCAL_DATE, REFERENCE_DATE, UTC

TICKETS = Table(
    name="tickets",
    title="Citizens' reports, one by one",
    description="Reports without text, picture, address or name: what counting them needs. Never published.",
    smart="governance",
    version=2,
    of_customers=True,
    key=("source", "ticket"),
    day="local_date",
    row_rules=(not_before("finished", "reported", source="What the columns mean."),),
    published=False,
    columns=(
        Column("source", pl.String(), "Endpoint it was told by.", nullable=False),
        Column("ticket", pl.String(), "Report as the service numbers it.", nullable=False),
        Column("reported", UTC, "When it was reported.", nullable=False),
        LOCAL_DATE,
        Column("tambon", pl.String(), "Tambon or khwaeng, without prefix; empty where not told.", nullable=False),
        Column("amphoe", pl.String(), "Amphoe or khet, without prefix; empty where not told.", nullable=False),
        Column("province", pl.String(), "Province, without prefix; empty where not told.", nullable=False),
        Column("kinds", pl.String(), "Kinds as the service names them, comma-separated in its order."),
        Column("state", pl.String(), "State.", nullable=False, allowed=("new", "in_progress", "finished", "other")),
        Column("state_raw", pl.String(), "State as the service names it."),
        Column("finished", UTC, "When it was finished; null where it is not or not told."),
        Column("reopened", pl.Int64(), "How often it was opened again.", minimum=0),
    ),
)

CITIZEN_REPORTS = Table(
    name="citizen_reports",
    version=2,
    size="few",
    title="Citizens' reports",
    title_th="เรื่องร้องเรียนของประชาชน",
    description="Reports of a month in the whole city, in all and by first kind. A month is counted once, eight days "
    "after its end, and never again; every count stands for five reports or more and is told in steps of five, rounded "
    "down. A month without rows had fewer than five.",
    smart="governance",
    key=("kind", "reference_date"),
    day="reference_date",
    lineage=False,
    derived_from="tickets",
    columns=(
        Column("source", pl.String(), "Endpoint that told most reports of the month: they are its.", nullable=False),
        Column(
            "kind",
            pl.String(),
            "First kind as the service names it; all: every report of the month; other: those of kinds that are too "
            "rare for a row of their own, or not told.",
            nullable=False,
        ),
        Column("reports", pl.Int64(), "Reports, rounded down to a multiple of five.", nullable=False, minimum=5),
        Column(
            "finished",
            pl.Int64(),
            "Of these finished when the month was counted, rounded down to a multiple of five; of all kinds together "
            "only, and null where fewer than five are, or are not.",
            minimum=5,
        ),
        Column(
            "days_with_reports", pl.Int64(), "Days of the month that reports are of; null but for all kinds.", minimum=1
        ),
        Column(
            "median_days_to_finish",
            pl.Int64(),
            "Median time to finish, in whole days; null where fewer than ten finished, and but for all kinds.",
            unit="d",
            minimum=0,
        ),
        Column("reference_date", pl.Date(), "Last day of the month.", nullable=False),
    ),
)

DATASETS = Table(
    name="datasets",
    version=2,
    size="few",
    title="Published data sets",
    title_th="ชุดข้อมูลที่เผยแพร่",
    description="What the city's catalogue publishes and how fresh it is.",
    smart="governance",
    key=("portal", "package", "reference_date"),
    listed_by=("portal",),
    day="reference_date",
    row_rules=(
        not_before("modified", "created", source="What the columns mean."),
        not_before("reference_date", "modified", source="A record is not changed after the day it was read on."),
        at_most("in_datastore", "resources", source="What the columns mean."),
    ),
    columns=(
        Column("portal", pl.String(), "Host of the catalogue; names are unique within it only.", nullable=False),
        Column("package", pl.String(), "Name of the package.", nullable=False),
        Column("package_id", pl.String(), "UUID of the package."),
        Column("title", pl.String(), "Title."),
        Column("organisation", pl.String(), "Publishing organisation."),
        Column("created", pl.Date(), "Day it was created."),
        Column("modified", pl.Date(), "Day it was last modified."),
        Column("resources", pl.Int64(), "Resources.", nullable=False, minimum=0),
        Column("formats", pl.String(), "Formats of the resources, comma-separated."),
        Column("in_datastore", pl.Int64(), "Resources that can be queried.", nullable=False, minimum=0),
        Column("update_unit", pl.String(), "Update frequency as declared."),
        Column("licence", pl.String(), "Licence as declared."),
        Column("high_value", pl.Boolean(), "Whether it is declared a high-value data set."),
        Column("harvested_twice", pl.Boolean(), "Whether the catalogue holds it under a second name.", nullable=False),
        Column("searched", pl.String(), "What the catalogue was searched for; null where all of it is listed."),
        Column("listed", pl.Int64(), "Packages that the catalogue said it has of these.", minimum=1),
        Column("place", pl.Int64(), "Place of the package among them, by title.", minimum=1),
        REFERENCE_DATE,
    ),
)

_FLOWS = "^(?:พัน|หมื่น|แสน|ล้าน)*(?:คน|ราย|ครั้ง|เที่ยว|บาท|ตัน|กิโลกรัม|ลิตร|ลูกบาศก์เมตร|ลบ.ม.|หน่วย|กิโลวัตต์)"
"""Units of what is never the same again from year to year, as areas and lengths are."""

CITY_STATISTICS = Table(
    name="city_statistics",
    version=2,
    size="few",
    # A year's figure is dated by its last day.
    ahead=timedelta(days=366),
    title="Published statistics",
    title_th="สถิติที่เผยแพร่",
    description="Statistics of a catalogue that have no table of their own, as published, with what they count.",
    smart="governance",
    key=("dataset", "item", "area_level", "area", "category", "unit", "months", "reference_date"),
    day="reference_date",
    row_rules=(share("value", "unit", "item"), not_negative("value", "unit", "item")),
    steady=("value",),
    across=(
        identical_series,
        more_disposed,
        areas_of_total,
        shares_of_one,
        unit_changed,
        whole_periods("dataset", "months"),
        period_repeated("value", "dataset", "item", "unit", "months", only=pl.col("unit").str.contains(_FLOWS)),
        jumps("value", "dataset", "item", "area_level", "area", "category", "unit", "months"),
    ),
    columns=(
        DATASET,
        Column("smart", pl.String(), "Smart the statistic serves.", nullable=False),
        Column("item", pl.String(), "What is counted, as published.", nullable=False),
        Column(
            "area_level",
            pl.String(),
            "Level of the area; an amphoe may be called like its province. city: a local government.",
            nullable=False,
            allowed=("province", "amphoe", "tambon", "city"),
        ),
        Column(
            "area",
            pl.String(),
            "Area without its prefix, a local government with its kind in full; the province where none is told.",
            nullable=False,
        ),
        Column("category", pl.String(), "Class as published; all where the file has none.", nullable=False),
        Column("unit", pl.String(), "Unit as published.", nullable=False),
        Column("months", pl.Int32(), "Length of the period.", unit="months", nullable=False, minimum=1, maximum=12),
        Column("value", pl.Decimal(18, 4), "Number in the unit; null while the publisher has none."),
        Column("is_total", pl.Boolean(), "True where the row is the publisher's own total.", nullable=False),
        Column("status", pl.String(), "published, or pending.", allowed=("published", "pending")),
        REFERENCE_DATE,
    ),
)

INDICATORS = Table(
    name="indicators",
    version=3,
    title="Indicators",
    title_th="ตัวชี้วัด",
    description="What the city's data says about its Smarts; a value only where the coverage carries it.",
    smart="governance",
    key=("indicator", "period_start", "reference_date"),
    day="reference_date",
    lineage=False,
    columns=(
        Column("smart", pl.String(), "Smart the indicator serves.", nullable=False),
        Column("indicator", pl.String(), "Code of the indicator.", nullable=False),
        Column("title", pl.String(), "What it measures.", nullable=False),
        Column("title_th", pl.String(), "The same in Thai; null of a statistic whose title is its publisher's."),
        Column("value", pl.Float64(), "Value in the unit; null where the coverage does not carry one."),
        Column("unit", pl.String(), "Unit.", nullable=False),
        Column("period_start", pl.Date(), "First day of the period.", nullable=False),
        Column("period_end", pl.Date(), "Last day of the period.", nullable=False),
        Column("method", pl.String(), "How it is computed.", nullable=False),
        Column("sources", pl.String(), "Tables and publishers it comes from.", nullable=False),
        Column(
            "coverage",
            pl.Float64(),
            "Share of the data the period should have; null where nothing tells how much it should.",
            minimum=0,
            maximum=1,
        ),
        Column(
            "verdict",
            pl.String(),
            "How far it can be trusted; never null.",
            allowed=("ok", "partial", "stale", "withheld"),
        ),
        Column("reason", pl.String(), "Why the verdict is not ok; null where it is."),
        Column("numerator", pl.String(), "What is counted; null of a statistic that is told as published."),
        Column("denominator", pl.String(), "What it is divided by; null where by nothing."),
        Column("reach", pl.String(), "Area or things that it is of; null as numerator."),
        Column(
            "span",
            pl.String(),
            "How long a value spans; moment: the newest there is. Null as numerator.",
            allowed=("moment", "day", "week", "month", "year", "365 days"),
        ),
        Column(
            "standard",
            pl.String(),
            "Family and name of the standard indicator that comes nearest, by words only; null where none is near.",
        ),
        Column(
            "differs", pl.String(), "What the standard asks for that this is not; null where nothing, and as standard."
        ),
        Column(
            "criterion",
            pl.Int32(),
            "Criterion of the smart-city programme it is evidence for; null as numerator.",
            minimum=1,
            maximum=5,
        ),
        REFERENCE_DATE,
    ),
)

PROGRAMME = Table(
    name="programme",
    title="Programme view",
    title_th="ภาพรวมโครงการเมืองอัจฉริยะ",
    description="Progress against the baseline and the published targets, the evidence for the five criteria, and the "
    "published figures of depa's competitiveness index.",
    version=2,
    smart="governance",
    key=("kind", "code", "reference_date"),
    day="reference_date",
    lineage=False,
    columns=(
        Column("kind", pl.String(), "What the row tells.", nullable=False, allowed=("progress", "criterion", "index")),
        Column("code", pl.String(), "Indicator, or number of the criterion.", nullable=False),
        Column("title", pl.String(), "What it is about.", nullable=False),
        Column("baseline_year", pl.Int32(), "Year that progress is measured from; null of criteria and indices."),
        Column("baseline", pl.Float64(), "Value of the baseline year; null where the data has none."),
        Column("year", pl.Int32(), "Year of the newest whole value; null where the data has none."),
        Column("value", pl.Float64(), "Its value; null where the data has none."),
        Column("unit", pl.String(), "Unit of both; null of criteria."),
        Column("change_pct", pl.Float64(), "Change since the baseline year; null where one of both is.", unit="%"),
        Column(
            "target_pct",
            pl.Float64(),
            "What the programme asks for by that year; null where it asks for none.",
            unit="%",
        ),
        Column(
            "verdict",
            pl.String(),
            "on_target, off_target; evidence, partial (criteria); withheld: the data does not carry it.",
            nullable=False,
            allowed=("on_target", "off_target", "evidence", "partial", "withheld"),
        ),
        Column("evidence", pl.String(), "What the data shows; null where it shows nothing."),
        Column("missing", pl.String(), "What is missing; null where nothing is."),
        REFERENCE_DATE,
    ),
)
