"""Coverage of the load profile: meters in published cells over those of the register."""

from datetime import date

import polars as pl
import pytest

from assets.indicators.metered import metered, rows_refused
from quality.privacy import WITHDRAWN
from quality.tables import DELIVERED, LOAD_PROFILE_BASIS, METERS, QUARTERS

DAY = date(2026, 11, 22)
ALL = 2**48 - 1


def in_cells(meters: dict[str, int], cell: str = "old_town") -> pl.DataFrame:
    """Meters of one cell, each with so many quarter-hours that were read; the others stand on estimates."""
    rows = [
        {"meter_id": meter, "local_date": DAY, "cell_zone": cell}
        | dict(zip(DELIVERED, (2 ** min(read, 48) - 1, 2 ** max(read - 48, 0) - 1), strict=True))
        | dict.fromkeys(QUARTERS, 250_000)
        for meter, read in meters.items()
    ]
    return pl.DataFrame(rows, schema=LOAD_PROFILE_BASIS.schema)


def register(meters: int) -> pl.DataFrame:
    return pl.DataFrame({"meter_id": [f"m{n:02d}" for n in range(meters)]}, schema_overrides=METERS.schema)


def share(basis: pl.DataFrame, meters: int) -> float:
    found = metered(basis, register(meters))
    assert found["registered"].to_list() == [meters]
    return found.item(0, "read")


WHOLE = {f"m{n:02d}": 96 for n in range(20)}


def test_all_meters_read_and_published_are_the_whole():
    assert share(in_cells(WHOLE), 20) == 1.0


@pytest.mark.parametrize(("out", "want"), [(1, 0.95), (2, 0.9), (10, 0.5), (20, 0.0)])
def test_meters_that_privacy_keeps_out_are_in_the_denominator(out, want):
    left = in_cells({f"m{n:02d}": 96 for n in range(out, 20)})
    hidden = in_cells({f"m{n:02d}": 96 for n in range(out)}, WITHDRAWN)
    assert share(pl.concat([left, hidden]), 20) == want


@pytest.mark.parametrize(("read", "want"), [(96, 1.0), (95, 0.95), (48, 0.95), (0, 0.95)])
def test_a_meter_that_is_suspect_or_estimated_can_lower_the_share_only(read, want):
    assert share(in_cells(WHOLE | {"m07": read}), 20) == want


def test_a_meter_that_no_register_knows_raises_nothing():
    assert share(in_cells({"stranger": 96} | {f"m{n:02d}": 96 for n in range(10)}), 20) == 0.5


@pytest.mark.parametrize(
    ("code", "want"), [("value-unknown", 0.95), ("stamp-bad", 0.95), ("key-duplicate", 1.0), ("value-null", 1.0)]
)
def test_a_meter_whose_row_of_the_register_was_refused_is_in_the_denominator(code, want):
    known = register(20).with_columns(_receipt=pl.lit("r"))
    told = {"receipt": ["r", "r", "of another"], "table": METERS.name, "row": [7, 7, 8], "code": code}
    quarantine = pl.DataFrame(told | {"severity": "refuse"})
    found = metered(in_cells(WHOLE | {"m20": 96}), known, rows_refused(known, quarantine))
    assert found.item(0, "read") == want


def test_without_a_register_there_is_no_share():
    assert metered(in_cells(WHOLE), register(0)).is_empty()


@pytest.mark.parametrize(("strangers", "want"), [(0, 0.0), (1, 0.0), (2, 0.05), (20, 0.5)])
def test_energy_of_meters_that_no_register_lists_is_told_of(strangers, want):
    """Forty published meters of which all twenty of the register, delivered twice under two spellings, are half."""
    listed = {f"m{n:02d}": 96 for n in range(20)} if strangers == 20 else {f"m{n:02d}": 96 for n in range(30)}
    basis = in_cells(listed | {f"0m{n:02d}": 96 for n in range(strangers)}, "unassigned")
    assert metered(basis, register(30)).item(0, "unlisted") == want
