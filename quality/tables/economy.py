"""Economy: visitors, and what households earn and spend."""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.cross_table import unit_changed
from quality.row_rules import plausible, share
from quality.series_rules import jumps, parts_of_total, period_repeated, whole_periods
from quality.tables.shared import DATASET, REFERENCE_DATE

_NSO = "Provinces' means of the socio-economic survey lie at 15,000 to 50,000 baht: https://www.nso.go.th/"

VISITORS = Table(
    name="visitors",
    size="few",
    # A year's figure is dated by its last day.
    ahead=timedelta(days=366),
    title="Visitors",
    title_th="ผู้เยี่ยมเยือน",
    description="Visitors, tourists, passengers or what they spend, by year, class and origin, as published.",
    smart="economy",
    key=("dataset", "item", "category", "origin", "unit", "reference_date"),
    day="reference_date",
    row_rules=(share("value", "unit", "item"),),
    steady=("value",),
    across=(
        unit_changed,
        parts_of_total(
            "origin",
            "total",
            "value",
            unequal=0,
            # The mean of all is no sum of means.
            only=~pl.col("item").str.contains("(?i)เฉลี่ย|average|mean"),
        ),
        jumps("value", "dataset", "item", "category", "origin", "unit"),
        whole_periods("dataset"),
        period_repeated("value", "dataset", "item", "unit"),
    ),
    columns=(
        Column("dataset", pl.String(), "Package of the catalogue, <host>/<package>.", nullable=False),
        Column("item", pl.String(), "What is counted, as published.", nullable=False),
        Column("category", pl.String(), "Class as published (ประเภท); 'all' where the file has none.", nullable=False),
        Column("origin", pl.String(), "thai, foreign or total; or status as published.", nullable=False),
        Column(
            "value", pl.Decimal(18, 2), "Count or amount in the unit; null while the publisher has none.", minimum=0
        ),
        Column("unit", pl.String(), "Unit as published.", nullable=False),
        Column("is_total", pl.Boolean(), "True where the row is the publisher's own total.", nullable=False),
        Column("status", pl.String(), "published, or pending (รอประมวลผล).", allowed=("published", "pending")),
        REFERENCE_DATE,
    ),
)

HOUSEHOLD_INCOME = Table(
    name="household_income",
    size="few",
    # A year's figure is dated by its last day.
    ahead=timedelta(days=366),
    title="Household income and expenditure",
    title_th="รายได้และรายจ่ายของครัวเรือน",
    description="Monthly income and expenditure of a household on average, of the city's province.",
    smart="economy",
    key=("dataset", "measure", "province_code", "reference_date"),
    day="reference_date",
    licence="DGA Open Government License",
    row_rules=(plausible("baht_month", 2_000, 200_000, source=_NSO, severity="withhold"),),
    steady=("baht_month",),
    across=(jumps("baht_month", "dataset", "measure", "province_code", most=1.6, withhold=3),),
    columns=(
        DATASET,
        Column("measure", pl.String(), "What is told.", nullable=False, allowed=("income", "expenditure")),
        Column("province_code", pl.String(), "DOPA code of the province.", nullable=False),
        Column("baht_month", pl.Decimal(18, 2), "Baht a month; null where none is told.", unit="THB/month", minimum=0),
        REFERENCE_DATE,
    ),
)
