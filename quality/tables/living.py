"""Living: what the city offers to those who live there."""

import polars as pl

from quality.contracts import Column, Table
from quality.series_rules import constant, twins
from quality.tables.shared import DISTANCE_KM, LAT, LON, NAME_EN, NAME_TH, REFERENCE_DATE

FACILITIES = Table(
    name="facilities",
    size="few",
    title="Facilities",
    title_th="สถานที่ให้บริการ",
    description="Schools, hospitals, police and fire stations and the like within the city's reach.",
    smart="living",
    key=("source", "facility_id", "reference_date"),
    day="reference_date",
    mode="replace",
    whole=("source",),
    listed_by=("source", "kind"),
    rules=(
        constant("name_th"),
        twins("source", "kind", "name_th", "lat", "lon", "reference_date"),
    ),
    licence="ODbL 1.0 (OpenStreetMap contributors): share alike, kept apart from the other tables",
    columns=(
        Column("source", pl.String(), "Where it comes from.", nullable=False),
        Column("facility_id", pl.String(), "Facility as the source numbers it.", nullable=False),
        Column("kind", pl.String(), "Kind (OpenStreetMap's amenity, emergency or healthcare).", nullable=False),
        NAME_TH,
        NAME_EN,
        LAT,
        LON,
        DISTANCE_KM,
        REFERENCE_DATE,
    ),
)
