"""The city's page: one self-contained HTML file that a phone opens without a network.

It asks nothing of any server, runs no script, and shows no number that the coverage does not carry.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from assets.cities.registry import City
from assets.indicators.tables import Tables
from assets.lake.feeds import source_of
from assets.snapshots.catalogue import asked_of, publisher
from assets.snapshots.charts import FONTS, charts
from assets.snapshots.reasons import in_thai
from assets.sources import thai
from quality.tables import EV_CHARGERS, FACILITIES, HOTSPOTS, INDICATORS, PROGRAMME

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

HEADLINES = (
    *("published_kwh_day", "co2_day", "peak_kw"),
    *("pm25_mean_day", "pm25_model_mean_day", "rain_sum", "temperature_mean"),
    *("road_deaths", "road_deaths_per_100k", "departures_weekday", "stops_in_reach"),
    *("registered_population", "older_share"),
    *("household_income", "household_expenditure"),
    *("hospitals", "schools", "stations_over_bank"),
    *("reports_month", "reports_finished_share", "datasets_published"),
)
"""Indicators that open their Smart, in this order. The others follow by code, those without a value last."""

MOST_CARDS = 8
"""Cards a Smart shows unfolded: two rows on a desk, and no endless scrolling on a phone."""

PROGRAMME_VERDICTS = {
    "on_target": ("ตามเป้า", "on target", "ok"),
    "off_target": ("ไม่ถึงเป้า", "off target", "stale"),
    "evidence": ("มีหลักฐาน", "evidence", "ok"),
    "partial": ("หลักฐานบางส่วน", "partial evidence", "partial"),
    "withheld": ("ข้อมูลไม่พอ", "not enough data", "withheld"),
}
"""A programme row's verdict in both languages, and the badge it wears."""

OSM_NOTICE = (
    "© OpenStreetMap contributors (https://www.openstreetmap.org/copyright). This table is available under the Open "
    "Database License (https://opendatacommons.org/licenses/odbl/1.0/): a database made from it must be shared alike"
)
"""The notice of the licence's section 4.3, with addresses in plain text: the page links nowhere outside."""

FIRMS_NOTICE = (
    "We acknowledge the use of data from NASA's Fire Information for Resource Management System (FIRMS) "
    "(https://earthdata.nasa.gov/firms), part of NASA's Earth Science Data and Information System (ESDIS)"
)
"""As https://www.earthdata.nasa.gov/learn/find-data/near-real-time/citation asks for."""

OUTCOMES = {"pass": "ผ่าน", "note": "หมายเหตุ", "warn": "ควรระวัง", "withhold": "ระงับ", "block": "ไม่ผ่าน"}


def render(
    city: City, tables: Mapping[str, pl.DataFrame], verdicts: pl.DataFrame, manifest: Mapping[str, Any]
) -> bytes:
    """The page as UTF-8 HTML, from what the snapshot holds: ``manifest`` with its files so far."""
    day = date.fromisoformat(manifest["day"])
    held = Tables(tables)
    last = held.newest(INDICATORS, date.max)
    order = pl.col("indicator").replace_strict(HEADLINES, range(len(HEADLINES)), default=len(HEADLINES))
    rows = last.sort(order, pl.col("value").is_null(), "indicator").to_dicts()
    drawn = list(enumerate(charts(city, tables, day)))
    page = template("index.html.j2").render(
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
        most_cards=MOST_CARDS,
        tables=sorted(manifest["tables"].items(), key=lambda item: (list(SMARTS).index(item[1]["smart"]), item[0])),
        sources=_sources(city, manifest.get("sources", ())),
        credits=_credits(held),
        unanswered=[row for row in manifest.get("sources", ()) if row["tonight"] in ("failed", "in part")],
        programme=_programme(held.newest(PROGRAMME, date.max)),
        programme_names=PROGRAMME_VERDICTS,
        verdict_names=VERDICTS,
        outcome_names=OUTCOMES,
    )
    return page.encode()


def _programme(view: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Rows of the programme view by kind."""
    return {kind: view.filter(kind=kind).to_dicts() for kind in ("progress", "criterion", "index")}


@cache
def template(name: str) -> Template:
    """A page's template, with the filters that pages share: ``number``, ``thai_date``, ``kilobytes``, ``marked``,
    ``in_thai`` (``assets.snapshots.reasons``)."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "thai_date": thai_date, "kilobytes": lambda size: f"{size / 1000:,.1f}"}
    environment.filters |= {"in_thai": in_thai, "marked": marked}
    environment.globals |= {"fonts": FONTS}
    return environment.get_template(name)


_THAI = re.compile(r"[\u0e00-\u0e7f]+(?:[ .,–/-]+[\u0e00-\u0e7f]+)*")
"""Thai words in a row, with what stands between them."""


def marked(text: str) -> Markup:
    """A text of both languages, the Thai in it said to be Thai: else what reads a page aloud spells it in English."""
    return Markup(_THAI.sub(lambda found: f'<span lang="th">{found[0]}</span>', str(escape(text))))  # noqa: S704


def number(value: float) -> str:
    """A value for people: three significant digits below a thousand, whole above, with separators."""
    if value == 0 or abs(value) >= 1000:
        return f"{abs(value) if value == 0 else value:,.0f}"  # no "-0"
    few = f"{value:.3g}"
    return f"{value:,.{2 if abs(value) < 10 else 1}f}" if abs(value) >= 0.1 and value % 1 else f"{Decimal(few):f}"


def thai_date(day: date) -> str:
    """A date as Thai people write it: full month, Buddhist year."""
    return f"{day.day} {thai.MONTHS[day.month][0]} {day.year + 543}"


def _sources(city: City, arrivals: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where the city's data comes from: title, publisher and licence of every source, and what it brought tonight (none
    of one that is no more)."""
    arrived = {row["source"]: row for row in arrivals}
    found: list[dict[str, Any]] = []
    for name, entry in sorted(city.sources.items()):
        source, asked = source_of(entry), asked_of(entry)
        meters = source.keyed
        found.append(
            {
                "name": name,
                "title": source.title,
                "publisher": publisher(city, entry),
                "licence": asked.licence
                if asked
                else ("delivered to the city; only sums behind the privacy gate" if meters else "see the table"),
                "commercial": asked is None or asked.commercial,
                "arrived": arrived.get(name),
            }
        )
    return found


def _credits(tables: Tables) -> list[tuple[str, str]]:
    """Table and the notice its licence asks for, of tables that have rows."""
    found = []
    if tables.get(FACILITIES).height:
        found.append((FACILITIES.name, OSM_NOTICE))
    if providers := sorted(set(tables.get(EV_CHARGERS)["provider"].drop_nulls())):
        found.append(
            (EV_CHARGERS.name, f"OpenChargeMap (openchargemap.org) and its data providers: {', '.join(providers)}")
        )
    if "firms" in tables.get(HOTSPOTS)["source"]:
        found.append((HOTSPOTS.name, FIRMS_NOTICE))
    return found
