"""A city's data catalogue as it stands, of what was read of it page by page over many nights."""

from typing import NamedTuple, Self

import polars as pl

_WALK = ("portal", "searched")
"""One search through a catalogue."""


class Catalogue(NamedTuple):
    """``packages`` are rows of ``datasets``, one a package that is listed, of ``listed`` that the catalogue says it
    has."""

    packages: pl.DataFrame
    listed: int

    @classmethod
    def standing(cls, rows: pl.DataFrame) -> Self:
        """From all rows of ``datasets``.

        Every page tells how many packages there are, so all pages come anew when that changes; a page without any
        change brings no rows. What stands are therefore the newest row of each place since the number was last another
        one: a package that a later page of these places lacks is gone, and places without a row were never read.
        """
        told = rows.drop_nulls("listed").sort("_delivered", "_number", "_receipt", "_row")
        other = pl.col("listed") != pl.col("listed").last()
        now = told.filter((other.cast(pl.UInt32).cum_sum(reverse=True) == 0).over(_WALK))
        packages = now.unique([*_WALK, "place"], keep="last", maintain_order=True)
        packages = packages.unique(["portal", "package"], keep="last", maintain_order=True)
        return cls(packages, int(now.unique(_WALK)["listed"].sum()))

    @property
    def read(self) -> float:
        """Share of the listed packages that was read."""
        return self.packages.height / self.listed if self.listed else 0.0
