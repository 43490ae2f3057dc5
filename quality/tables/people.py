"""People: who is registered in the city."""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.cross_table import ages_above_all, publishers_differ
from quality.row_rules import RowRule
from quality.series_rules import jumps, parts_of_total, period_repeated, whole_periods
from quality.tables.shared import REFERENCE_DATE

POPULATION = Table(
    name="population",
    size="few",
    # A year's figure is dated by its last day.
    ahead=timedelta(days=366),
    title="Registered population",
    title_th="ประชากรตามทะเบียนราษฎร",
    description="Registered (not resident) population by area and sex, as the publisher counts it.",
    smart="people",
    key=("dataset", "area_level", "area", "area_code", "sex", "age_band", "reference_date"),
    day="reference_date",
    row_rules=(
        RowRule(
            "plausible:persons_per_house",
            (pl.col("persons") >= 1000)
            & ((pl.col("persons") > 15 * pl.col("houses")) | (2 * pl.col("persons") < pl.col("houses"))),
            ("persons", "houses"),
            "half a person to 15 persons a registered house",
            "Thailand counts 2.3 to 2.5 registered persons a house: https://stat.bora.dopa.go.th/",
            severity="withhold",
        ),
    ),
    steady=("persons", "houses"),
    across=(
        publishers_differ,
        ages_above_all,
        parts_of_total("sex", "total", "persons"),
        jumps("persons", "dataset", "area_level", "area", "area_code", "sex", "age_band", most=1.5, withhold=1.9),
        jumps("houses", "dataset", "area_level", "area", "area_code", "sex", "age_band", most=1.5, withhold=1.9),
        whole_periods("dataset"),
        period_repeated("persons", "dataset"),
    ),
    columns=(
        Column("dataset", pl.String(), "Where it was published: <host>/<package> or file.", nullable=False),
        Column("area_code", pl.String(), "DOPA code of the area; empty where none is told.", nullable=False),
        Column("area", pl.String(), "Area as published, without its prefix (อำเภอ, เขต, ตำบล).", nullable=False),
        Column(
            "area_level",
            pl.String(),
            "Level of the area.",
            nullable=False,
            allowed=("province", "amphoe", "tambon", "city"),
        ),
        Column("sex", pl.String(), "Sex.", nullable=False, allowed=("male", "female", "total")),
        Column("age_band", pl.String(), "Age band, or all.", nullable=False),
        Column("persons", pl.Int64(), "Persons; null while the publisher has no value.", minimum=0, maximum=80_000_000),
        Column("houses", pl.Int64(), "Registered houses; null on rows of one sex.", minimum=0, maximum=40_000_000),
        Column("is_total", pl.Boolean(), "True where the row is the publisher's total over areas.", nullable=False),
        REFERENCE_DATE,
    ),
)
