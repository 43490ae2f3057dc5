"""The back-test through the product: what is left of each meter comes as an export of a declared layout into a city's
lake, and its estimates are read from ``meter_final``."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from assets.lake import ingest, meter_final
from assets.lake.delivered import pseudonyms
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.store import LocalStore
from bench import big_city
from bench.estimation import Hidden, Series
from quality.meter_grid import MINUTE, midnight
from quality.tables import METER_FINAL, METERS
from quality.vee.window import Bools, Floats


def in_lake(of: Series, hidden: Sequence[Hidden]) -> list[Floats]:
    """The series as the lake has it where each of these was hidden from it: a meter, with a zone and a file of its own,
    for each of them. One meter many times over is no group."""
    points = [f"{at:012d}" for at in range(1, len(hidden) + 1)]
    with tempfile.TemporaryDirectory() as folder:
        step = _step(Path(folder), of)
        kind = "residential" if of.home else "large_business"
        register = [f"{point},zone-{point},{kind}" for point in points]
        _land(step, "register", "register.csv", ["point,zone,customer_class", *register])
        for point, each in zip(points, hidden, strict=True):
            _land(step, "exports", f"{point}.csv", _export(of, point, each.slots))
        ingest.ingest(step, METERS)
        ingest.ingest_meters(step)
        meter_final.make(step)
        rows = CityLake.of(step).read(METER_FINAL).select("meter_id", "start", "value_final")
    line = {meter: points.index(point) for point, meter in pseudonyms(pl.Series(points), step.city.slug, b"-").items()}
    found = np.full((len(points), of.value.size), np.nan)
    place = (rows["start"].to_physical().to_numpy() - midnight(of.first)) // (of.minutes * MINUTE)
    value = rows["value_final"].cast(pl.Float64).fill_null(np.nan)
    found[rows["meter_id"].replace_strict(line).to_numpy(), place] = value.to_numpy()
    return [*found]


def _step(folder: Path, of: Series) -> Step:
    """A city that takes such exports, the night after the last day."""
    layout = {
        "name": "row_a_day",
        "title": "A row a meter-day",
        "source": "This benchmark.",
        "label": "end",
        "minutes": of.minutes,
        "stamp": {"columns": ["date"], "order": "ymd"},
        "point_column": "point",
        "wide": {
            "columns": r"kwh_(?P<hour>\d{2})(?P<minute>\d{2})",
            "measure": {"unit": "kWh", "kind": "delta"},
        },
    }
    city = big_city.city()
    exports = city.sources["exports"].model_copy(update={"options": {"layout": layout}})
    city = city.model_copy(update={"sources": {**city.sources, "exports": exports}})
    day = of.first + timedelta(days=len(of.value))
    now = datetime.combine(day, time(), UTC)
    return Step(Deployment(LocalStore(folder), {city.slug: city}, {}, folder, lambda: now, b"-"), city, day, "bench")


def _export(of: Series, point: str, hidden: Bools) -> list[str]:
    """A row of each day that has a value; a blank where it has none."""
    ends = [f"kwh_{minute // 60:02d}{minute % 60:02d}" for minute in range(of.minutes, 1441, of.minutes)]
    value = np.where(hidden.reshape(of.value.shape), np.nan, of.value)
    rows = [
        ",".join(
            [point, str(of.first + timedelta(days=at)), *("" if np.isnan(each) else f"{each:.6f}" for each in day)]
        )
        for at, day in enumerate(value)
        if np.isfinite(day).any()
    ]
    return [",".join(["point", "date", *ends]), *rows]


def _land(step: Step, source: str, name: str, lines: Sequence[str]) -> None:
    step.deployment.archive.land(step.delivery(source), name, name, "\n".join([*lines, ""]).encode())
