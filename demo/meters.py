"""The demo's meter exports: ``<inbox>/<city>/<source>/<file>``, with the faults of ``demo.faults``."""

import base64
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from assets.cities.registry import City
from demo import layouts
from demo.civic import facilities
from demo.faults import is_planted
from demo.loads import loads, meters

REGISTERED = "2025-01-01"
"""Day from which the register is valid."""

_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
_LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>เข้าสู่ระบบ</title></head><body><form method='post' action='/login'>"
    "<input name='username'><input name='password' type='password'></form></body></html>"
)
_SENSORS = "sensor;co2;lux\nfloor-1;612;340\nfloor-2;655;310\n"

# What the n-th meter of a source suffers, where its city has the fault.
_SILENT, _UNREGISTERED, _CORRECTED, _SHORT, _TEXT = 1, 2, (3, 4), 15, 16
_BLANKS, _BLANK_SLOTS = (5, 14), (40, 47)
_NEGATIVE, _NEGATIVE_SLOT = 3, 50
_TRUNCATED = 20


def write_inbox(inbox: Path, cities: Iterable[City], delivery_day: date, meters_per_city: int = 2000) -> None:
    """Write what lies in the inboxes of the cities given: for a city with meter exports those of the day before
    ``delivery_day`` and the meter register, for one with facilities their extract.

    What is written depends on the city's slug, province and utility, the day and ``meters_per_city`` alone. Folders:
    ``nem12_exports`` (local time), ``city_exports`` (``muang_meters_wide``), ``amr_exports`` (files of single
    meters from PEA, or of several from MEA) and ``meter_register``. Files of other days are left as they are.
    """
    midnight_in_thailand = datetime.combine(delivery_day - timedelta(days=1), time(17), UTC).timestamp()
    for city in cities:
        readers = {entry.reader for entry in city.sources.values() if entry.via == "inbox"}
        files = {"facilities/extract.geojson": facilities(city)} if "osm_facilities" in readers else {}
        if "meter_exports" in readers:
            files |= exports(city, delivery_day - timedelta(days=1), meters_per_city)
        for name, data in files.items():
            path = inbox / city.slug / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            # Not now: a file that has just been written might still be growing.
            os.utime(path, times=(midnight_in_thailand, midnight_in_thailand))


def exports(city: City, reading_day: date, count: int = 2000) -> dict[str, bytes]:
    """A city's files by path below its inbox."""
    registered = meters(city, count)
    days = loads(registered, city, reading_day)
    if is_planted(city.slug, "silent-meter"):
        days = days.remove(source="nem12_exports", nth=_SILENT)
    if is_planted(city.slug, "unregistered-meter"):
        registered = registered.remove(source="nem12_exports", nth=_UNREGISTERED)
    return {
        "meter_register/register.csv": _register(registered),
        **_nem12(city.slug, days.filter(source="nem12_exports"), reading_day),
        **_wide(city.slug, days.filter(source="city_exports"), reading_day),
        **_single(city, days.filter(source="amr_exports"), reading_day),
        **(_junk() if is_planted(city.slug, "empty-file") else {}),
    }


def _register(registered: pl.DataFrame) -> bytes:
    """The register. The municipality has one account for all its meters, every large business one for two."""
    payer = pl.when(customer_class="public").then(0).when(customer_class="large_business").then(pl.col("index") // 2)
    account = pl.format("CA{}{}", pl.col("customer_class").str.slice(0, 1), payer.otherwise(pl.col("index")))
    valid = pl.lit(REGISTERED)
    return registered.select("point", "zone", "customer_class", account=account, valid_from=valid).write_csv().encode()


def _nem12(city: str, days: pl.DataFrame, reading_day: date) -> dict[str, bytes]:
    """A file a zone, one of them zipped, and the corrections that come later the same morning."""
    updated = datetime.combine(reading_day, time(1, 30)) + timedelta(days=1)
    if is_planted(city, "blank-cells"):
        days = _with_cells(days, pl.col("nth").is_between(*_BLANKS), _BLANK_SLOTS, pl.lit(None))
    files = {}
    for zone, part in days.partition_by("zone", as_dict=True, maintain_order=True).items():
        data = layouts.nem12(part, reading_day, updated)
        if is_planted(city, "short-row"):
            data = _with_broken_rows(data, part)
        files[f"nem12_exports/NEM12-{zone[0]}-{reading_day}.csv"] = data
    name, data = files.popitem()
    member = Path(name).name
    files[name.replace(".csv", ".zip")] = layouts.zipped(member, data)
    if is_planted(city, "correction"):
        corrected = days.filter(pl.col("nth").is_in(_CORRECTED)).with_columns(pl.col("wh") * 11 // 10)
        twice = layouts.nem12(
            corrected.tail(1).with_columns(pl.col("wh") + 1), reading_day, updated + timedelta(hours=3)
        )
        once = layouts.nem12(corrected, reading_day, updated + timedelta(hours=2))
        files[f"nem12_exports/NEM12-corrections-{reading_day}.csv"] = once + twice
    return files


def _with_cells(days: pl.DataFrame, which: pl.Expr, slots: tuple[int, int], value: pl.Expr) -> pl.DataFrame:
    """``days`` with the quarter-hours of ``slots`` (first and last) replaced in the rows that ``which`` selects."""
    replaced = pl.when(pl.int_range(pl.len()).is_between(*slots)).then(value).otherwise(pl.element())
    return days.with_columns(wh=pl.when(which).then(pl.col("wh").list.eval(replaced)).otherwise("wh"))


def _with_broken_rows(data: bytes, part: pl.DataFrame) -> bytes:
    """One 300 row that ends after 60 values, and one with a word among its values, where ``part`` has those meters."""
    lines = data.decode().split("\r\n")
    of_point = dict(zip(part["nth"], part["point"], strict=True))
    for number, line in enumerate(lines):
        if line.startswith(f"200,{of_point.get(_SHORT)},"):
            lines[number + 1] = ",".join(lines[number + 1].split(",")[:62])
        if line.startswith(f"200,{of_point.get(_TEXT)},"):
            cells = lines[number + 1].split(",")
            lines[number + 1] = ",".join([*cells[:30], "ERROR", *cells[31:]])
    return "\r\n".join(lines).encode()


def _wide(city: str, days: pl.DataFrame, reading_day: date) -> dict[str, bytes]:
    late = days.clear()
    if is_planted(city, "negative-value"):
        days = _with_cells(days, pl.col("nth") == _NEGATIVE, (_NEGATIVE_SLOT, _NEGATIVE_SLOT), -pl.element())
    if is_planted(city, "truncated-file"):
        late_meters = min(_TRUNCATED, days.height // 4)
        days, late = days.head(-late_meters), days.tail(late_meters)
    files = {f"city_exports/meters-{reading_day}.csv": layouts.wide_csv(days, reading_day)}
    if late.height:
        files[f"city_exports/meters-late-{reading_day}.csv"] = layouts.wide_csv(late, reading_day)[:-300]
    return files


def _single(city: City, days: pl.DataFrame, reading_day: date) -> dict[str, bytes]:
    """PEA: a file a meter, two of three HTML (years in BE and CE by turns), the rest XLSX. MEA: two CSV files."""
    folder = "amr_exports"
    if city.utility == "MEA":
        return {
            f"{folder}/mea-{half}-{reading_day}.csv": layouts.mea_csv(
                days.filter(pl.col("nth") % 2 == half), reading_day
            )
            for half in (0, 1)
        }
    files = {}
    for nth, point, wh in days.select("nth", "point", "wh").iter_rows():
        if nth % 3 == 2:
            files[f"{folder}/kWh-{nth:02d}-{reading_day}.xlsx"] = layouts.pea_kwh_xlsx(point, wh, reading_day)
        else:
            files[f"{folder}/kW-{nth:02d}-{reading_day}.xls"] = layouts.pea_html(point, wh, reading_day, nth % 3 == 1)
    return files


def _junk() -> dict[str, bytes]:
    """Files that hold no readings, whatever their names say."""
    return {
        "amr_exports/mea-empty.csv": b"",
        "amr_exports/mea-picture.csv": _PICTURE,
        "amr_exports/mea-login.xls": _LOGIN_PAGE.encode(),
        "amr_exports/mea-sensors.csv": _SENSORS.encode(),
    }
