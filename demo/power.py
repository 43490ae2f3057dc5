"""Answers of OpenChargeMap, EGAT and EPPO, made up in the shapes that ``assets.sources`` documents and reads."""

import csv
import io
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from assets.cities.registry import City
from demo.noise import noise

SITES_PER_CITY = 3
"""Charging sites a city has at most; the directory is thin."""

STEP_SECONDS = 900
"""Between two values of generation."""

LOAD = (73, 69, 66, 64, 63, 64, 66, 70, 77, 85, 90, 94, 93, 96, 98, 98, 97, 94, 93, 97, 96, 92, 86, 79)
"""Thousandths of 300 GW by local hour: the double hump of a warm country's day."""

SALES_MONTHS, SALES_LAG = 24, 3
"""Months of sales that are published, and how many the newest lies back."""

SECTORS = {"Residential": 36, "Small General Service": 15, "Large General Service": 58, "Agriculture": 2}
"""Sector and its size in per cent of 10,000 GWh a month."""

PACKAGES = {"dataset_11_36": 100, "dataset_11_35": 38}
"""Package of the area of PEA and of MEA, and its size in per cent."""

_NAMESPACE = uuid.UUID("1d1f6b52-6d3b-4a55-8a3f-0d8e1c2b7f64")


def chargers(cities: Iterable[City], day: date, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """The compact answer for a country: a few sites around each city's point, each with what such sites have wrong.

    The second of a city has a connection of unknown type whose comment tells it, the third is private.
    """
    if query["countrycode"] != "TH" or not query["key"]:
        return []
    places = [
        (city, number) for city in cities for number in range(noise(1, "chargers", city.slug)[0] % (SITES_PER_CITY + 1))
    ]
    return [_site(city, number, 900_001 + at, day) for at, (city, number) in enumerate(places)][
        : int(query["maxresults"])
    ]


def generation(day: date, form: Mapping[str, str]) -> str:
    """The system's generation of the day asked for; a day that is not over has none, and its answer is no JSON."""
    asked = datetime.strptime(form["day"], "%d-%m-%Y").date()  # noqa: DTZ007 - a calendar day has no zone
    if form["name"] != "SYSTEM_GEN(MW)" or asked >= day:
        return '{"id":"","name":"","day":"","timeStart":0,list:[],"count":0}'
    shifts = noise(86_400 // STEP_SECONDS, "generation", asked)
    points: list[list[float]] = []
    for number, shift in enumerate(shifts):
        seconds = number * STEP_SECONDS
        hour, rest = divmod(seconds, 3600)
        low, high = LOAD[hour], LOAD[(hour + 1) % 24]
        point: list[float] = [seconds, 300 * low + 300 * (high - low) * rest // 3600 + shift + shift / 10]
        # The temperature comes with the full hour only.
        points.append(point if rest else [*point, (260 + shifts[hour] // 4) / 10])
    answered = {
        "id": "1",
        "name": form["name"],
        "day": form["day"],
        "timeStart": 0,
        "list": points,
        "count": len(points),
    }
    return json.dumps(answered)


def catalogue(day: date, base: str, path: str, query: Mapping[str, str]) -> dict[str, Any] | str | None:
    """EPPO's catalogue: the description of a package, or its file as text; None for what it does not have.

    Addresses are those of the real portal ``base``, whoever answers.
    """
    files = {_file(name): name for name in PACKAGES}
    if path in files:
        return _sales(files[path], day)
    name = query.get("id", "")
    if path != "/api/3/action/package_show" or name not in PACKAGES:
        return None
    resource = {
        "id": str(uuid.uuid5(_NAMESPACE, f"{name}/csv")),
        "name": "การใช้ไฟฟ้าตามสาขา (ข้อมูลจำลอง)",
        "format": "CSV",
        "url": base + _file(name),
        "datastore_active": False,
        "state": "active",
    }
    result = {
        "id": str(uuid.uuid5(_NAMESPACE, name)),
        "name": name,
        "title": "การใช้ไฟฟ้าตามสาขา (ข้อมูลจำลอง)",
        "license_id": "Open Data Common",
        "metadata_modified": f"{day.replace(day=1)}T02:15:00.000000",
        "state": "active",
        "num_resources": 1,
        "resources": [resource],
    }
    return {"help": path, "success": True, "result": result}


def _site(city: City, number: int, identity: int, day: date) -> dict[str, Any]:
    east, north, age = noise(3, "charger", city.slug, number)
    seen = f"{day - timedelta(days=30 + age)}T04:30:00Z"
    plugs: list[dict[str, Any]] = [{"ConnectionTypeID": 25, "StatusTypeID": 50, "PowerKW": 22, "Quantity": 1}]
    if number:
        plugs.append({"ConnectionTypeID": 33, "StatusTypeID": 50, "PowerKW": 50, "Quantity": 1, "Comments": ""})
        plugs.append({"ConnectionTypeID": 0, "StatusTypeID": 50, "PowerKW": 50, "Quantity": 1, "Comments": "CHAdeMO"})
    return {
        "MediaItems": [{"ID": identity, "Comment": "", "User": {"ID": 1, "Username": "made-up-user"}}],
        "DateLastVerified": seen,
        "ID": identity,
        "UUID": str(uuid.uuid5(_NAMESPACE, f"{identity}")).upper(),
        "DataProviderID": 1,
        "OperatorID": 1,
        "UsageTypeID": 2 if number == 2 else 4,
        "UsageCost": "6.5",
        "AddressInfo": {
            "ID": identity,
            "Title": f"Demo charger {city.name_en} {number + 1}",
            "AddressLine1": "1 Made-up Road",
            "CountryID": 222,
            "Latitude": city.lat + (north - 128) / 4000,
            "Longitude": city.lon + (east - 128) / 4000,
            "ContactTelephone1": "+66 0 000 0000",
            "DistanceUnit": 0,
        },
        "Connections": [{"ID": identity * 10 + at, **plug} for at, plug in enumerate(plugs)],
        "NumberOfPoints": 2 if number else 1,
        "StatusTypeID": 50,
        "DateLastStatusUpdate": seen,
        "DateCreated": seen,
        "SubmissionStatusTypeID": 200,
    }


def _file(name: str) -> str:
    """Path of a package's file below the portal's address."""
    ids = uuid.uuid5(_NAMESPACE, name), uuid.uuid5(_NAMESPACE, f"{name}/csv")
    return f"/dataset/{ids[0]}/resource/{ids[1]}/download/{name}.csv"


def _sales(name: str, day: date) -> str:
    """The file, with its byte order mark: months of the common era by their English names, in GWh."""
    out = io.StringIO()
    out.write("\ufeff")
    rows = csv.writer(out)
    rows.writerow(("Year", "Month", "Sector", "Quantity"))
    newest = day.year * 12 + day.month - 1 - SALES_LAG
    for ordinal in range(newest - SALES_MONTHS + 1, newest + 1):
        month = date(ordinal // 12, ordinal % 12 + 1, 1)
        for sector, size in SECTORS.items():
            # Thousandths of a GWh, hotter months a little more.
            warm = 12 - 2 * abs(month.month - 5) if month.month < 11 else 0
            value = size * PACKAGES[name] * (1000 + 10 * warm + noise(1, name, month, sector)[0] // 4)
            rows.writerow((month.year, f"{month:%B}", sector, f"{value // 1000}.{value % 1000:03d}"))
    return out.getvalue()
