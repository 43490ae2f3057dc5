"""The packages of the demo's catalogues (CKAN): made-up numbers with the faults such files really have.

Buddhist years, totals among their members that do not add up, thousands commas in later years only, a word for values
that are still being computed, misspelt months, rows under another table's label, a unit that changes, and two tables
that are identical row for row.
"""

import csv
import io
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from assets.cities.registry import City
from demo.noise import noise

PENDING = "รอประมวลผล"
YEARS = 11
"""Years of visitors and spending; the newest is the year before the delivery day's."""

DEATHS = "ผู้เสียชีวิตจากอุบัติเหตุทางถนน"
INJURIES = "ผู้ได้รับบาดเจ็บจากอุบัติเหตุทางถนน"

_YEARLY = ("จังหวัด", "ปี", "รายการ", "จำนวน", "หน่วย", "ที่มา")
_MONTHS = (
    *("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
    # July with the wrong letter, as it is published.
    *("กรกฏาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม"),
)
_GOVERNMENTS = (
    *(("กะทู้", "เทศบาลเมืองกะทู้"), ("กะทู้", "เทศบาลเมืองป่าตอง"), ("ถลาง", "เทศบาลตำบลเชิงทะเล")),
    *(("ถลาง", "องค์การบริหารส่วนตำบลเชิงทะเล"), ("เมือง", "เทศบาลนครภูเก็ต"), ("อื่น ๆ", "เอกชน")),
)

_NAMESPACE = uuid.UUID("6f0c3b8e-5a55-4c60-9d9e-3f2f6d6a7a10")


@dataclass(frozen=True)
class Package:
    """A package with one CSV resource: title, header and rows of text; ``queried``: it is in the datastore too."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    queried: bool = True

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
    year = day.year - 1
    found = (
        _population(),
        _older(year),
        _visitors(year),
        _spending(year),
        _passengers(year),
        _hotels(year),
        _occupancy(year),
        _casualties("dataset_10_48", DEATHS, year),
        _casualties("dataset_10_47", INJURIES, year),
        _sea(year),
        _waste("20_06", "ขยะที่เกิดขึ้น", year),
        _waste("20_14", "ขยะที่กำจัดถูกต้อง", year),
        Package("gdpublish-20_14", "ขยะที่กำจัดถูกต้อง (ข้อมูลจำลอง)", ("ปี",), (("2568",),)),
    )
    return {package.name: package for package in found}


def national(cities: Iterable[City], day: date) -> dict[str, Package]:
    """The national catalogue: the statistical office's files under their names there, and two sets a province."""
    listed = list(cities)
    names = {"household-income": "average-monthly-household-income"}
    names["household-expenditure"] = "average-monthly-household-expenses"
    found = {names[name]: replace(package, name=names[name]) for name, package in households(listed, day).items()}
    for number, province in enumerate(sorted({city.province_th for city in listed})):
        for title in ("สถิติจำลอง", "แผนงานจำลอง"):
            name = f"demo-{number:02d}-{len(found)}"
            found[name] = Package(name, f"{title} จังหวัด{province}", ("ปี", "จำนวน"), ((str(day.year + 542), "1"),))
    return found


def households(cities: Iterable[City], day: date) -> dict[str, Package]:
    """The statistical office's catalogue: income and expenditure of a household by province, as files, wide."""
    provinces = sorted({(city.dopa_province, city.province_th, city.province_en) for city in cities})
    found = {}
    for number, measure in enumerate(("income", "expenditure")):
        years = range(1998 + 2 * number, day.year - 1, 2)
        header = ("จังหวัด", "provinces" if number else "Province", *(f"year-{year + 543}-{year}" for year in years))
        rows = tuple(
            (thai, english, *(_baht(measure, code, year) for year in years)) for code, thai, english in provinces
        )
        name = f"household-{measure}"
        found[name] = Package(name, f"ครัวเรือน {measure} (ข้อมูลจำลอง)", header, rows, queried=False)
    return found


def sdmx(province: str, first: int, day: date) -> str | None:
    """SDMX-CSV of household income in a province from a Buddhist year on; None where there are no rows."""
    years = [year for year in range(2541, day.year + 543) if year >= first and year % 2]
    lines = ["DATAFLOW,FREQ,CWT,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE"]
    lines += [f"TNSO:DF_INCOME(1.0),A,{province},{year},{_baht('income', province, year - 543)},THB" for year in years]
    return "\n".join([*lines, ""]) if years else None


def package_show(package: Package, base: str, day: date) -> dict[str, Any]:
    """``result`` of ``package_show``. Addresses are those of the real portal ``base``, whoever answers."""
    modified = f"{date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)}T02:15:00.000000"
    resource = {
        "id": package.resource,
        "package_id": package.id,
        "name": package.title,
        "format": "CSV",
        "url": base + package.path,
        "datastore_active": package.queried,
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


def package_search(found: Mapping[str, Package], base: str, day: date, query: Mapping[str, str]) -> dict[str, Any]:
    """``result`` of ``package_search``: ``rows`` packages from ``start`` by title, each with its maintainer.

    ``q`` is looked for in the title.
    """
    fitting = [package for package in found.values() if query.get("q", "") in package.title]
    listed = sorted(fitting, key=lambda package: (package.title, package.name))
    start, rows = int(query.get("start", 0)), int(query.get("rows", 10))
    more = {
        "maintainer": "เจ้าหน้าที่ จำลอง",
        "maintainer_email": "someone@example.org",
        "organization": {"title": "จังหวัดจำลอง"},
        "update_frequency_unit": "ปี",
        "high_value_dataset": "1",
    }
    page = [package_show(package, base, day) | more for package in listed[start : start + rows]]
    return {"count": len(listed), "sort": "title_string asc, name asc", "facets": {}, "results": page}


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
    """People by amphoe and sex, about as many as the register has. One total is off, the province's do not add up to
    theirs, and no column is a date."""
    members = {"อำเภอเมืองภูเก็ต": (43_204, 36_616), "อำเภอกะทู้": (15_931, 12_745), "อำเภอถลาง": (27_113, 21_870)}
    counts = {area: (men, women, men + women) for area, (men, women) in members.items()}
    men, women, everyone = (sum(column) for column in zip(*counts.values(), strict=True))
    counts["อำเภอเมืองภูเก็ต"] = (43_204, 36_616, 79_847)
    counts["รวม"] = (men - 3_120, women + 3_120, everyone)
    rows = tuple(
        ("จำนวนประชากร", area, sex, str(persons), "คน", "ข้อมูลจำลอง")
        for area, values in counts.items()
        for sex, persons in zip(("ชาย", "หญิง", "รวม"), values, strict=True)
    )
    header = ("tablename", "อำเภอ", "Attribute", "Value", "unit", "source")
    return Package("phuket001", "ประชากรจากการทะเบียน (ข้อมูลจำลอง)", header, rows)


def _older(newest: int) -> Package:
    title = "ประชากรสูงอายุ 60 ปี ขึ้นไป"
    counts = ((year, 34_000 + 2_400 * (year - newest + 9)) for year in range(newest - 8, newest + 1))
    rows = tuple(("ภูเก็ต", str(year + 543), title, str(count), "คน", "ข้อมูลจำลอง") for year, count in counts)
    return Package("dataset_30a_01", f"{title} (ข้อมูลจำลอง)", _YEARLY, rows)


def _hotels(newest: int) -> Package:
    title = "จำนวนที่พัก/โรงแรม ที่จดทะเบียนในจังหวัด"
    counts = ((year, 400 + 60 * (year - newest + 9)) for year in range(newest - 9, newest + 1))
    rows = tuple(("ภูเก็ต", str(year + 543), title, str(count), "แห่ง", "ข้อมูลจำลอง") for year, count in counts)
    return Package("dataset_10_11", f"{title} (ข้อมูลจำลอง)", _YEARLY, rows, queried=False)


def _occupancy(newest: int) -> Package:
    title = "อัตราการเข้าพักของนักท่องเที่ยว"
    shares = ((year, noise(1, title, year)[0]) for year in range(newest - 4, newest + 1))
    rows = tuple(
        ("ภูเก็ต", str(year + 543), title, f"{40 + share // 8}.{share % 100:02d}", "ร้อยละ", "ข้อมูลจำลอง")
        for year, share in shares
    )
    return Package("dataset_10_68", f"{title} (ข้อมูลจำลอง)", _YEARLY, rows)


def _casualties(name: str, item: str, newest: int) -> Package:
    """Four years by month with their totals. Of the dead, the newest two Januaries carry the other table's label, and
    the unit changes before them."""
    rows = []
    for year in range(newest - 3, newest + 1):
        drifts = item == DEATHS and year > newest - 2
        unit = "ศพ" if item == DEATHS and not drifts else "คน"
        counts = [1 + value // (25 if item == DEATHS else 14) for value in noise(12, name, year)]
        for number, (month, count) in enumerate(zip(_MONTHS, counts, strict=True)):
            label = INJURIES if drifts and number == 0 else item
            rows.append(("ภูเก็ต", str(year + 543), month, label, str(count), unit, "ข้อมูลจำลอง"))
        rows.append(("ภูเก็ต", str(year + 543), "รวม", item, str(sum(counts)), unit, "ข้อมูลจำลอง"))
    header = ("จังหวัด", "ปี", "เดือน", "รายการ", "จำนวน", "หน่วย", "ที่มา")
    return Package(name, f"{item} (ข้อมูลจำลอง)", header, tuple(rows))


def _sea(newest: int) -> Package:
    """Casualties at sea of three years by local government and what befell them, in the columns that Phuket's set has:
    nationalities with counts stand among the remarks, and one does not add up to its value."""
    rows = []
    for year in range(newest - 2, newest + 1):
        for town in ("เทศบาลตำบลราไวย์", "เทศบาลเมืองป่าตอง", "อบต.เชิงทะเล"):
            for kind, unit in (("บาดเจ็บ", "คน"), ("เสียชีวิต", "ศพ")):
                count = 1 + noise(1, "sea", year, town, kind)[0] // 64
                off = (year, town, kind) == (newest, "เทศบาลตำบลราไวย์", "เสียชีวิต")
                remark = f"สัญชาติ รัสเซีย1 จีน{count}" if off else f"สัญชาติ ไทย{count}"
                item = "จำนวนอุบัติเหตุทางทะเล"
                rows.append(("ภูเก็ต", str(year + 543), item, town, kind, str(count), unit, "ข้อมูลจำลอง", remark))
    header = ("จังหวัด", "ปี", "รายการ", "หน่วยงาน อปท.", "ประเภท", "จำนวน", "หน่วย", "ที่มา", "หมายเหตุ")
    return Package("dataset_10_50", "จำนวนอุบัติเหตุทางทะเล (ข้อมูลจำลอง)", header, tuple(rows))


def _waste(name: str, item: str, newest: int) -> Package:
    """Six years by local government with their totals; what was generated is what was disposed of."""
    rows = []
    for year in range(newest - 5, newest + 1):
        tons = [2_000 + 90 * value for value in noise(len(_GOVERNMENTS), "waste", year)]
        for (amphoe, government), value in zip(_GOVERNMENTS, tons, strict=True):
            rows.append((str(year + 543), item, "ภูเก็ต", amphoe, government, f"{value:,}", "ตัน", "ข้อมูลจำลอง"))
        # Rounded: off by one every other year.
        total = f"{sum(tons) + year % 2:,}"
        rows.append((str(year + 543), item, "ภูเก็ต", "รวม", "รวม", total, "ตัน", "ข้อมูลจำลอง"))
    header = ("ปี", "รายการ", "จังหวัด", "อำเภอ", "อปท.", "จำนวน", "หน่วย", "ที่มา")
    return Package(name, f"{item} (ข้อมูลจำลอง)", header, tuple(rows))


def _baht(measure: str, province: str, year: int) -> str:
    base = 17_000 if measure == "income" else 13_000
    return str(base + 700 * (year - 1998) + 12 * noise(1, measure, province, year)[0])


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
