"""Types and columns that tables share."""

import polars as pl

from quality.contracts import Column

UTC = pl.Datetime("us", "UTC")
LATITUDE = (5.0, 21.0)
LONGITUDE = (97.0, 106.0)
"""Bounds of Thailand, rounded outwards."""

LOCAL_DATE = Column("local_date", pl.Date(), "Day in Asia/Bangkok that the interval starts in.", nullable=False)
REFERENCE_DATE = Column("reference_date", pl.Date(), "Day the record describes or was last changed on.", nullable=False)
