"""The city's page: one self-contained HTML file that a phone opens without a network.

It asks nothing of any server, runs no script, and shows no number that the coverage does not carry.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from assets import thai
from assets.catalogue import SOURCES
from assets.cities.registry import City
from assets.landing.portals import PORTALS
from assets.snapshots.charts import FONTS, charts
from quality.tables import INDICATORS

SMARTS = {
    "energy": ("พลังงานอัจฉริยะ", "Smart Energy"),
    "environment": ("สิ่งแวดล้อมอัจฉริยะ", "Smart Environment"),
    "mobility": ("การเดินทางและขนส่งอัจฉริยะ", "Smart Mobility"),
    "people": ("พลเมืองอัจฉริยะ", "Smart People"),
    "economy": ("เศรษฐกิจอัจฉริยะ", "Smart Economy"),
    "living": ("การดำรงชีวิตอัจฉริยะ", "Smart Living"),
    "governance": ("การบริหารภาครัฐอัจฉริยะ", "Smart Governance"),
}
"""The seven Smarts in the page's order: Thai and English names as the programme writes them."""

VERDICTS = {
    "ok": ("ใช้ได้", "ok"),
    "partial": ("ข้อมูลบางส่วน", "partial"),
    "stale": ("ข้อมูลเก่า", "stale"),
    "withheld": ("ไม่แสดงค่า", "withheld"),
}
"""An indicator's verdict in both languages."""

HEADLINES = ("published_kwh_day", "pm25_mean_day", "stops_in_reach", "registered_population")
"""Indicators that open their Smart; the others follow by code."""

OUTCOMES = {"pass": "ผ่าน", "warn": "ควรระวัง", "block": "ไม่ผ่าน"}


def render(
    city: City, tables: Mapping[str, pl.DataFrame], verdicts: pl.DataFrame, manifest: Mapping[str, Any]
) -> bytes:
    """The page as UTF-8 HTML, from what the snapshot holds: ``manifest`` with its files so far."""
    day = date.fromisoformat(manifest["day"])
    indicators = tables.get(INDICATORS.name, INDICATORS.empty())
    last = indicators.filter(pl.col("reference_date") == pl.col("reference_date").max())
    rows = last.sort(~pl.col("indicator").is_in(HEADLINES), "indicator").to_dicts()
    drawn = list(enumerate(charts(tables, day)))
    page = _template().render(
        city=city,
        manifest=manifest,
        day=day,
        smarts=[
            {
                "name": smart,
                "names": names,
                "indicators": [row for row in rows if row["smart"] == smart],
                "charts": [(number, chart) for number, chart in drawn if chart.smart == smart],
            }
            for smart, names in SMARTS.items()
        ],
        counts={verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS},
        doubtful=[row for row in rows if row["verdict"] in ("stale", "withheld")],
        checks=verdicts.to_dicts(),
        sources=_sources(city),
        verdict_names=VERDICTS,
        outcome_names=OUTCOMES,
    )
    return page.encode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "thai_date": thai_date, "kilobytes": lambda size: f"{size / 1000:,.1f}"}
    environment.globals |= {"fonts": FONTS}
    return environment.get_template("index.html.j2")


def number(value: float) -> str:
    """A value for people: three significant digits below a thousand, whole above, with separators."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.{2 if abs(value) < 10 else 1}f}" if abs(value) >= 0.1 and value % 1 else f"{value:.3g}"


def thai_date(day: date) -> str:
    """A date as Thai people write it: full month, Buddhist year."""
    return f"{day.day} {thai.MONTHS[day.month][0]} {day.year + 543}"


def _sources(city: City) -> list[dict[str, str]]:
    """Where the city's data comes from: title, publisher and licence of every source of its registry entry."""
    found = []
    for name, entry in sorted(city.sources.items()):
        source = SOURCES.get(entry.reader)
        portal = PORTALS.get(str(entry.options.get("portal") or (source.portal if source else None)))
        found.append(
            {
                "name": name,
                "title": source.title if source else entry.reader.replace("_", " "),
                "publisher": portal.publisher if portal else city.utility,
                "licence": portal.licence if portal else "delivered to the city; only sums behind the privacy gate",
            }
        )
    return found
