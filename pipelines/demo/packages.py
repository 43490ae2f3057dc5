"""The packages of the demo's provincial catalogue (CKAN): made-up numbers with the faults such files really have.

Buddhist years, totals among their members that do not add up, thousands commas in later years only, and a word for
values that are still being computed.
"""

import csv
import io
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.demo.noise import noise

PENDING = "รอประมวลผล"
YEARS = 11
"""Years of visitors and spending; the newest is the year before the delivery day's."""

_NAMESPACE = uuid.UUID("6f0c3b8e-5a55-4c60-9d9e-3f2f6d6a7a10")


@dataclass(frozen=True)
class Package:
    """A package with one CSV resource: title, header and rows of text."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def id(self) -> str:
        """UUID of the package."""
        return str(uuid.uuid5(_NAMESPACE, self.name))

    @property
    def resource(self) -> str:
        """UUID of its resource."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.name}/csv"))

    @property
    def path(self) -> str:
        """Path of the resource's file below the portal's address."""
        return f"/dataset/{self.id}/resource/{self.resource}/download/{self.name}.csv"


def packages(day: date) -> dict[str, Package]:
    """The catalogue on a day, by package name."""
    found = (_population(), _visitors(day.year - 1), _spending(day.year - 1), _passengers(day.year - 1))
    return {package.name: package for package in found}


def package_show(package: Package, base: str, day: date) -> dict[str, Any]:
    """``result`` of ``package_show``. Addresses are those of the real portal ``base``, whoever answers."""
    modified = f"{date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)}T02:15:00.000000"
    resource = {
        "id": package.resource,
        "package_id": package.id,
        "name": package.title,
        "format": "CSV",
        "url": base + package.path,
        "datastore_active": True,
        "last_modified": modified,
        "state": "active",
    }
    return {
        "id": package.id,
        "name": package.name,
        "title": package.title,
        "license_id": "Open Data Common",
        "metadata_created": "2024-01-05T02:15:00.000000",
        "metadata_modified": modified,
        "state": "active",
        "num_resources": 1,
        "resources": [resource],
    }


def datastore_search(package: Package, query: Mapping[str, str]) -> dict[str, Any]:
    """``result`` of ``datastore_search``: a page of ``limit`` records from ``offset``, all values text."""
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    records = [
        {"_id": number, **dict(zip(package.header, row, strict=True))} for number, row in enumerate(package.rows, 1)
    ]
    path = f"/api/3/action/datastore_search?resource_id={package.resource}&limit={limit}"
    return {
        "include_total": True,
        "resource_id": package.resource,
        "fields": [{"id": "_id", "type": "int"}, *({"id": name, "type": "text"} for name in package.header)],
        "records": records[offset : offset + limit],
        "_links": {"start": path, "next": f"{path}&offset={offset + limit}"},
        "limit": limit,
        "offset": offset,
        "total": len(records),
        "total_was_estimated": False,
    }


def as_csv(package: Package) -> bytes:
    """The resource as a file, with the byte-order mark that spreadsheets write."""
    out = io.StringIO()
    csv.writer(out).writerows([package.header, *package.rows])
    return out.getvalue().encode("utf-8-sig")


def _population() -> Package:
    """People by amphoe and sex. One total is off, the province's do not add up to theirs, and no column is a date."""
    members = {"อำเภอเมืองภูเก็ต": (118_204, 134_616), "อำเภอกะทู้": (28_931, 31_745), "อำเภอถลาง": (52_113, 54_870)}
    counts = {area: (men, women, men + women) for area, (men, women) in members.items()}
    men, women, everyone = (sum(column) for column in zip(*counts.values(), strict=True))
    counts["อำเภอเมืองภูเก็ต"] = (118_204, 134_616, 252_847)
    counts["รวม"] = (men - 3_120, women + 3_120, everyone)
    rows = tuple(
        ("จำนวนประชากร", area, sex, str(persons), "คน", "ข้อมูลจำลอง")
        for area, values in counts.items()
        for sex, persons in zip(("ชาย", "หญิง", "รวม"), values, strict=True)
    )
    header = ("tablename", "อำเภอ", "Attribute", "Value", "unit", "source")
    return Package("phuket001", "ประชากรจากการทะเบียน (ข้อมูลจำลอง)", header, rows)


def _visitors(newest: int) -> Package:
    title = "ผู้เยี่ยมเยือน นักท่องเที่ยว และนักทัศนาจร"
    return _by_year("dataset_10_34", title, newest, unit="คน", low=240_000, step=21_000, comma_from=newest - 2)


def _spending(newest: int) -> Package:
    title = "ค่าใช้จ่ายเฉลี่ยต่อคนของผู้เยี่ยมเยือน"
    return _by_year("dataset_10_09", title, newest, unit="บาท", low=2_300, step=24, comma_from=newest + 1)


def _by_year(name: str, title: str, newest: int, *, unit: str, low: int, step: int, comma_from: int) -> Package:
    """Years of three classes by nationality with their sum; the newest year's last two classes are pending."""
    rows = []
    for year in range(newest - YEARS + 1, newest + 1):
        for number, kind in enumerate(("ผู้เยี่ยมเยือน", "นักท่องเที่ยว", "นักทัศนาจร")):
            thai, foreign = (low + step * (value + 256 * (2 - number)) // 4 for value in noise(2, name, year, kind))
            for origin, value in (("ชาวไทย", thai), ("ชาวต่างชาติ", foreign), ("รวม", thai + foreign)):
                pending = year == newest and number > 0
                text = PENDING if pending else _number(value, year >= comma_from)
                rows.append(("ภูเก็ต", str(year + 543), title, kind, origin, text, unit, "ข้อมูลจำลอง"))
    header = ("จังหวัด", "ปี", "รายการ", "ประเภท", "สัญชาติ", "จำนวน", "หน่วย", "ที่มา")
    return Package(name, f"{title} (ข้อมูลจำลอง)", header, tuple(rows))


def _passengers(newest: int) -> Package:
    """Airport passengers of six years by way and class, with sums both ways."""
    title, rows = "จำนวนผู้โดยสารเข้า-ออกสนามบิน", []
    for year in range(newest - 5, newest + 1):
        domestic = [820_000 + 9_000 * value for value in noise(2, "domestic", year)] + [
            noise(1, "through", year)[0] * 7
        ]
        abroad = [410_000 + 17_000 * value for value in noise(2, "abroad", year)] + [noise(1, "transit", year)[0] * 31]
        both = [a + b for a, b in zip(domestic, abroad, strict=True)]
        for kind, values in (("ภายในประเทศ", domestic), ("ระหว่างประเทศ", abroad), ("รวม", both)):
            for status, value in zip(("เข้า", "ออก", "ผ่าน", "รวม"), (*values, sum(values)), strict=True):
                text = _number(value, year >= newest - 2)
                rows.append(("ภูเก็ต", str(year + 543), title, kind, status, text, "คน", "ข้อมูลจำลอง"))
    header = ("จังหวัด", "ปี", "รายการ", "ประเภท", "สถานะ", "จำนวน", "หน่วย", "ที่มา")
    return Package("dataset_10_02", f"{title} (ข้อมูลจำลอง)", header, tuple(rows))


def _number(value: int, commas: bool) -> str:
    return f"{value:,}" if commas else str(value)
