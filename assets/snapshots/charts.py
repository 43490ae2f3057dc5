"""Charts of the city's page: frames of published tables to SVG text, without network, display or JavaScript.

Hours are hours of the day in Asia/Bangkok as numbers, so that no renderer's own time zone can shift them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from assets.economy.indicators import yearly
from assets.environment.indicators import PM25_STANDARD
from assets.people.indicators import members
from quality.tables import AIR_QUALITY, LOAD_PROFILE, POPULATION, VISITORS, WEATHER

FONTS = "Noto Sans Thai, Sarabun, Loma, Garuda, sans-serif"
"""Fonts with Thai letters on Android and the web, in Thai government, and on Linux; none is fetched."""

WIDTH, HEIGHT = 400, 210
"""Drawn small and scaled up, so that labels stay readable where a phone scales a chart down."""

CLASSES = {
    "residential": ("บ้านอยู่อาศัย residential", "#2f6f8f"),
    "small_business": ("กิจการขนาดเล็ก small business", "#e0a030"),
    "medium_business": ("กิจการขนาดกลาง medium business", "#c8693c"),
    "large_business": ("กิจการขนาดใหญ่ large business", "#7d4a78"),
    "public": ("หน่วยงานรัฐ public", "#5f9b6b"),
    "other": ("อื่น ๆ other", "#9aa5ad"),
}
"""Customer class → label and colour."""

PALETTE = ("#2f6f8f", "#c8693c", "#5f9b6b", "#7d4a78", "#e0a030", "#9aa5ad", "#a0453f", "#4d5a9b")
"""Told apart in the common colour deficiencies; no two neighbours of one lightness."""

SEXES = {"female": "หญิง female", "male": "ชาย male", "total": "รวม total"}
MOST_AREAS, MOST_SERIES = 20, 4
"""Areas and yearly charts shown; the tables hold the rest."""


@dataclass(frozen=True)
class Chart:
    """A drawn chart: the Smart it belongs to, its heading, what it shows in a sentence, and the SVG element."""

    smart: str
    title: str
    about: str
    svg: str


def charts(tables: Mapping[str, pl.DataFrame], day: date) -> list[Chart]:
    """Every chart that ``tables`` carry, for the newest day not after ``day``; none where the data is not there."""
    drawn = [
        *_load_profile(_newest(tables, LOAD_PROFILE.name, day)),
        *_pm25(_newest(tables, AIR_QUALITY.name, day, product="hourly")),
        *_weather(_newest(tables, WEATHER.name, day)),
        *_visitors(tables.get(VISITORS.name, VISITORS.empty())),
        *_population(_newest(tables, POPULATION.name, day)),
    ]
    return [Chart(smart, title, about, _svg(number, spec)) for number, (smart, title, about, spec) in enumerate(drawn)]


_Drawing = tuple[str, str, str, Any]
_HOUR = pl.col("start").dt.convert_time_zone("Asia/Bangkok")
_HOUR_OF_DAY = _HOUR.dt.hour() + _HOUR.dt.minute() / 60


def _newest(tables: Mapping[str, pl.DataFrame], name: str, day: date, **only: str) -> pl.DataFrame:
    """Rows of the newest day of a table; no rows where there is no such table."""
    if name not in tables:
        return pl.DataFrame()
    at = "local_date" if "local_date" in tables[name].columns else "reference_date"
    rows = tables[name].filter(pl.col(at) <= day, **only)
    return rows.filter(pl.col(at) == pl.col(at).max())


def _hours(alt: Any) -> Any:
    return alt.X("hour:Q", title="เวลา hour", axis=alt.Axis(values=list(range(0, 25, 4)), grid=False)).scale(
        domain=[0, 24], nice=False
    )


def _load_profile(cells: pl.DataFrame) -> list[_Drawing]:
    if cells.is_empty():
        return []
    import altair as alt

    day = cells.item(0, "local_date")
    power = (
        cells.drop_nulls("kwh")
        .group_by("customer_class", hour=_HOUR_OF_DAY)
        .agg(kw=4 * pl.col("kwh").sum().cast(pl.Float64))
        .with_columns(
            end=pl.col("hour") + 0.25,
            label=pl.col("customer_class").replace({name: label for name, (label, _) in CLASSES.items()}),
        )
        .sort("customer_class", "hour")
    )
    present = [look for name, look in CLASSES.items() if name in power["customer_class"]]
    spec = (
        alt.Chart(power)
        .mark_bar(binSpacing=0)
        .encode(
            _hours(alt).bin("binned"),
            alt.X2("end"),
            alt.Y("kw:Q", title="กิโลวัตต์ kW").stack(True),
            alt.Color("label:N", title=None)
            .scale(domain=[label for label, _ in present], range=[colour for _, colour in present])
            .legend(columns=2),
        )
    )
    about = "Mean power of the published cells by quarter-hour and customer class."
    return [("energy", f"การใช้ไฟฟ้า · Load profile, {day}", about, spec)]


def _pm25(rows: pl.DataFrame) -> list[_Drawing]:
    if rows.is_empty() or rows["pm25_ug_m3"].is_null().all():
        return []
    import altair as alt

    day = rows.item(0, "local_date")
    # Every hour of every station, so that a missing hour breaks the line instead of being drawn over.
    grid = rows.select("station_id").unique().join(pl.DataFrame({"hour": [float(h) for h in range(24)]}), how="cross")
    values = grid.join(
        rows.select("station_id", "pm25_ug_m3", hour=_HOUR_OF_DAY), on=["station_id", "hour"], how="left"
    ).sort("station_id", "hour")
    lines = (
        alt.Chart(values)
        .mark_line(point=alt.OverlayMarkDef(size=18), invalid="break-paths-show-path-domains")
        .encode(
            _hours(alt),
            alt.Y("pm25_ug_m3:Q", title="PM2.5 µg/m³").scale(domainMin=0),
            alt.Color("station_id:N", title="สถานี station").scale(range=list(PALETTE)),
        )
    )
    standard = alt.Chart(pl.DataFrame({"at": [PM25_STANDARD]})).mark_rule(strokeDash=[5, 4], color="#a0453f")
    about = f"Hourly means by station; the dashed line is the 24-hour standard of {PM25_STANDARD} µg/m³."
    return [("environment", f"ฝุ่น PM2.5 · PM2.5, {day}", about, lines + standard.encode(y="at:Q"))]


def _weather(rows: pl.DataFrame) -> list[_Drawing]:
    if rows.is_empty():
        return []
    import altair as alt

    day = rows.item(0, "local_date")
    hours = rows.select("temperature_c", "precipitation_mm", hour=_HOUR_OF_DAY, end=_HOUR_OF_DAY + 0.9).sort("hour")
    temperature = (
        alt.Chart(hours)
        .mark_line(color=PALETTE[1])
        .encode(_hours(alt).title(None), alt.Y("temperature_c:Q", title="°C").scale(zero=False))
        .properties(width=WIDTH, height=HEIGHT * 0.55)
    )
    rain = (
        alt.Chart(hours)
        .mark_bar(color=PALETTE[0])
        .encode(_hours(alt).bin("binned"), alt.X2("end"), alt.Y("precipitation_mm:Q", title="ฝน rain, mm"))
        .properties(width=WIDTH, height=HEIGHT * 0.35)
    )
    about = "By hour, of the model grid cell at the city's point."
    return [("environment", f"อุณหภูมิและฝน · Temperature and rain, {day}", about, alt.vconcat(temperature, rain))]


def _visitors(visitors: pl.DataFrame) -> list[_Drawing]:
    if visitors.is_empty():
        return []
    import altair as alt

    series = yearly(visitors).with_columns(
        label=pl.concat_str(pl.col("category").replace("all", "รวม all"), "origin", separator=", ", ignore_nulls=True),
        value=pl.col("value").cast(pl.Float64),
    )
    drawings: list[_Drawing] = []
    for (dataset, item, unit), part in list(series.group_by("dataset", "item", "unit", maintain_order=True))[
        :MOST_SERIES
    ]:
        if part["value"].is_null().all():
            continue
        spec = (
            alt.Chart(part.select("year", "label", "value"))
            .mark_line(point=alt.OverlayMarkDef(size=28), invalid="break-paths-show-path-domains")
            .encode(
                alt.X("year:O", title="ปี ค.ศ. year").axis(labelAngle=0, labelOverlap="greedy"),
                alt.Y("value:Q", title=str(unit)).axis(format="~s").scale(zero=True),
                alt.Color("label:N", title=None).scale(range=list(PALETTE)).legend(columns=2),
            )
        )
        about = f"As published by year ({dataset}); a gap is a year the publisher has not computed."
        drawings.append(("economy", str(item), about, spec))
    return drawings


def _population(rows: pl.DataFrame) -> list[_Drawing]:
    counted = members(rows).drop_nulls("persons") if not rows.is_empty() else rows
    if counted.is_empty():
        return []
    import altair as alt

    day = rows.item(0, "reference_date")
    largest = counted.group_by("area").agg(pl.col("persons").sum()).sort("persons", "area", descending=[True, False])
    order = largest["area"].head(MOST_AREAS).to_list()
    shown = counted.filter(pl.col("area").is_in(order)).with_columns(label=pl.col("sex").replace(SEXES))
    spec = (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            alt.Y("area:N", title=None, sort=order),
            alt.X("persons:Q", title="คน persons").axis(format="~s"),
            alt.Color("label:N", title=None).scale(range=[PALETTE[3], PALETTE[4], PALETTE[5]]),
        )
        .properties(width=WIDTH * 0.8, height=alt.Step(26))
    )
    return [
        (
            "people",
            f"ประชากร · Registered population, {day}",
            "Registered (not resident) persons by area and sex.",
            spec,
        )
    ]


def _svg(number: int, chart: Any) -> str:
    """Draw ``chart``; ids carry the chart's number, because several drawings share one page.

    The page labels it by the heading with the id ``chart<number>``.
    """
    import vl_convert

    font = {"labelFont": FONTS, "titleFont": FONTS, "labelFontSize": 12, "titleFontSize": 12}
    quiet = {"labelColor": "#44525c", "titleColor": "#44525c", "titleFontWeight": "normal"}
    axis = {"domainColor": "#b9c4cb", "tickColor": "#b9c4cb", "gridColor": "#e6ebee"}
    spec = chart.to_dict()
    spec["config"] = {
        "font": FONTS,
        "aria": False,  # the element as a whole is labelled; a thousand labelled marks help nobody
        "background": None,
        "view": {"stroke": None, "continuousWidth": WIDTH, "continuousHeight": HEIGHT, "discreteWidth": WIDTH},
        "axis": font | quiet | axis,
        "legend": font | quiet | {"orient": "bottom", "labelLimit": 260, "titleOrient": "left"},
    }
    text = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    text = re.sub(r'(\bid="|url\(#)', rf"\g<1>chart{number}-", text)
    return re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg \1 role="img" aria-labelledby="chart{number}">', text)
