"""Published statistics per registered inhabitant of the same area: waste, what of it is recycled, and green area.

A statistic is known by the words of its item, and counts where it is the city's own (``statistics.own``), which is its
province's: so the inhabitants are the province's too.
"""

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import Indicator, joined
from assets.indicators.inhabitants import Registered, registered
from assets.indicators.statistics import own, rests_on
from assets.indicators.tables import Tables

_WASTE = "ขยะ|มูลฝอย"
_TONNES = {"ล้านตัน": 1e9, "พันตัน": 1e6, "ตัน": 1000.0, "เมตริกตัน": 1000.0, "กิโลกรัม": 1.0, "กก.": 1.0}
"""Unit as published, of a year or a day, → kilograms."""
_AREAS = {"ไร่": 1600.0, "งาน": 400.0, "ตารางวา": 4.0, "ตร.ว.": 4.0, "พันไร่": 1.6e6}
"""Thai measures in m² (Weights and Measures Act, B.E. 2542)."""
_AREAS |= {"ตารางเมตร": 1.0, "ตร.ม.": 1.0, "เฮกตาร์": 1e4, "ตารางกิโลเมตร": 1e6, "ตร.กม.": 1e6}
_DAILY = "(?:/|ต่อ|ราย)วัน|(?i)per day"
"""Words of an item or unit of an average day of its year."""
_SHARED = "(?:/|ต่อ)(?:คน|หัว|ประชากร)|อัตรา|(?i)per (?:head|capita)"
"""Words of items that are divided by inhabitants already, or by something else."""


@dataclass(frozen=True)
class _PerHead:
    """A statistic whose item matches all ``words`` and whose unit is among ``units`` (→ the numerator of ``unit``)."""

    code: str
    title: str
    words: tuple[str, str]
    units: dict[str, float]
    unit: str


_STATISTICS = (
    _PerHead("waste_kg_per_head_year", "Waste per inhabitant and year", (_WASTE, "เกิดขึ้น"), _TONNES, "kg/person"),
    _PerHead(
        "recycled_kg_per_head_year",
        "Recycled waste per inhabitant and year",
        (_WASTE, "นำกลับมาใช้|รีไซเคิล"),
        _TONNES,
        "kg/person",
    ),
    _PerHead(
        "green_m2_per_head",
        "Green area per inhabitant",
        ("พื้นที่สีเขียว", ""),
        _AREAS,
        "m²/person",
    ),
)


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """One a statistic that is published once for the city's province; of several that match none is chosen."""
    rows = own(city, day, tables).filter(pl.col("months") == 12)
    people = registered(city, day, tables, "province")
    return [found for statistic in _STATISTICS if (found := _of(statistic, rows, people, day))]


def _of(statistic: _PerHead, rows: pl.DataFrame, people: Registered | None, day: date) -> Indicator | None:
    matches = [pl.col("item").str.contains(words) for words in statistic.words]
    plain = pl.col("unit").str.replace_all(r"\s", "").str.replace("(?:/|ต่อ)(?:วัน|ปี)$", "")
    daily = pl.col("item").str.contains(_DAILY) | pl.col("unit").str.replace_all(r"\s", "").str.contains(_DAILY)
    found = rows.with_columns(_unit=plain, _daily=daily).filter(
        *matches, ~pl.col("item").str.contains(_SHARED), pl.col("_unit").is_in([*statistic.units])
    )
    if not found.height:
        return None
    # Of a year's sum and its average day the sum is told.
    found = found.filter(pl.col("_daily") == pl.col("_daily").min())
    row = found.row(0, named=True)
    basis = rests_on(row, day)
    withheld = basis.withheld
    if found.height > 1:
        withheld = f"{found.height} published statistics match: {', '.join(found['dataset'])}"
    elif not people or not people.persons:
        withheld = joined(withheld, "no count of the province's registered inhabitants")
    value = None
    if not withheld and people and row["value"] is not None:
        days = (basis.period.last - basis.period.first).days + 1 if row["_daily"] else 1
        value = float(row["value"]) * statistic.units[row["_unit"]] * days / people.persons
    method = f"{row['item']} of the province{', a day, times the days of its year' if row['_daily'] else ''}"
    if people:
        method += f" over its {people.persons:,} registered inhabitants of {people.day}"
    return Indicator(
        statistic.code,
        statistic.title,
        value,
        statistic.unit,
        method,
        replace(basis, smart="environment", sources=f"{basis.sources}; population", withheld=withheld),
    )
