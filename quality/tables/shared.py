"""Types and columns that tables share."""

import polars as pl

from quality.contracts import Column
from quality.readings import QUANTITIES

UTC = pl.Datetime("us", "UTC")
LATITUDE = (5.0, 21.0)
LONGITUDE = (97.0, 106.0)
"""Bounds of Thailand, rounded outwards."""

METER_ID = Column("meter_id", pl.String(), "Keyed hash of the metering point.", nullable=False)
CHANNEL = Column("channel", pl.String(), "Register, suffix or column as delivered.", nullable=False)
QUANTITY = Column(
    "quantity", pl.String(), "What is measured; import is from the grid. Never null.", allowed=tuple(QUANTITIES)
)
UNIT = Column("unit", pl.String(), "Unit of the values.", nullable=False)

LOCAL_DATE = Column("local_date", pl.Date(), "Day in Asia/Bangkok that the interval starts in.", nullable=False)
REFERENCE_DATE = Column("reference_date", pl.Date(), "Day the record describes or was last changed on.", nullable=False)

DISTANCE_KM = Column(
    "distance_km",
    pl.Float64(),
    "Distance from the city's point; null where its place is not told.",
    unit="km",
    minimum=0,
    place=True,
)
NAME_TH = Column("name_th", pl.String(), "Name in Thai; null where none is told.")
NAME_EN = Column("name_en", pl.String(), "Name in English; null where none is told.")
LAT = Column(
    "lat", pl.Float64(), "Latitude, WGS 84.", unit="°", nullable=False, minimum=LATITUDE[0], maximum=LATITUDE[1]
)
LON = Column(
    "lon", pl.Float64(), "Longitude, WGS 84.", unit="°", nullable=False, minimum=LONGITUDE[0], maximum=LONGITUDE[1]
)
DATASET = Column("dataset", pl.String(), "Where it was published: <host>/<package> or file.", nullable=False)
