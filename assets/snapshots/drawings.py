"""What the page's charts show: frames of published tables to Altair charts.

Hours are hours of the day in Asia/Bangkok as numbers, so that no renderer's own time zone can shift them. Altair is
imported where a chart is drawn: it costs half a second that a run without pages need not pay.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.air import PM25_STANDARD
from assets.indicators.economy import yearly
from assets.indicators.people import members
from assets.indicators.road_deaths import by_year
from assets.indicators.tables import Tables, newest
from assets.indicators.water import current
from assets.lake.citizen_reports import ALL
from quality.privacy import lacking
from quality.tables import (
    AIR_QUALITY,
    CITIZEN_REPORTS,
    FACILITIES,
    LOAD_PROFILE,
    POPULATION,
    ROAD_CASUALTIES,
    STATIONS,
    TRANSIT_SERVICE,
    VISITORS,
    WATER_LEVELS,
    WEATHER,
)

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
MOST_AREAS, MOST_SERIES, MOST_KINDS, MOST_STATIONS = 20, 4, 12, 10
"""Areas, yearly charts, kinds and water-level stations shown; the tables hold the rest."""
STATES = {
    "finished": "เสร็จสิ้น finished",
    "open": "ยังไม่เสร็จ not finished",
    "untold": "ไม่แยก not told apart",
}
REPORT_DAYS = 366
"""Citizens' reports shown: a year of months, so that seasons can be compared."""

Drawing = tuple[str, str, str, Any]
"""Smart, heading, what it shows in a sentence, and the Altair chart."""

_HOUR = pl.col("start").dt.convert_time_zone("Asia/Bangkok")
_HOUR_OF_DAY = _HOUR.dt.hour() + _HOUR.dt.minute() / 60


def drawings(city: City, tables: Mapping[str, pl.DataFrame], day: date) -> list[Drawing]:
    """Every chart that ``tables`` carry on a delivery day, each of its newest day; none where the data is not there.

    What was not yet known on ``day`` is not drawn, as in the indicators.
    """
    known = Tables(tables).until(day)
    # The running year is of some months, and a line would fall to it.
    over = pl.col("year") < day.year
    return [
        *_load_profile(known.newest(LOAD_PROFILE, day)),
        *_pm25(known.newest(AIR_QUALITY, day, product="hourly")),
        *_weather(known.newest(WEATHER, day, product="model")),
        *_water(known, day),
        *_service(newest(known.get(TRANSIT_SERVICE), "reference_date", day, "feed")),
        *_casualties(by_year(known.get(ROAD_CASUALTIES), city.province_th).filter(over)),
        *_facilities(known.newest(FACILITIES, day)),
        *_reports(known.get(CITIZEN_REPORTS), day),
        *_visitors(yearly(known.get(VISITORS)).filter(over)),
        *_population(known.get(POPULATION), day),
    ]


def _hours(alt: Any) -> Any:
    return alt.X("hour:Q", title="เวลา hour", axis=alt.Axis(values=list(range(0, 25, 4)), grid=False)).scale(
        domain=[0, 24], nice=False
    )


def _load_profile(cells: pl.DataFrame) -> list[Drawing]:
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
    about = "Mean power of the published cells by quarter-hour and customer class"
    about += f"; {lacks}." if (lacks := lacking(cells)) else "."
    return [("energy", f"การใช้ไฟฟ้า · Load profile, {day}", about, spec)]


def _pm25(rows: pl.DataFrame) -> list[Drawing]:
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


def _weather(rows: pl.DataFrame) -> list[Drawing]:
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


def _visitors(years: pl.DataFrame) -> list[Drawing]:
    if years.is_empty():
        return []
    import altair as alt

    series = years.with_columns(
        label=pl.concat_str(pl.col("category").replace("all", "รวม all"), "origin", separator=", ", ignore_nulls=True),
        value=pl.col("value").cast(pl.Float64),
    )
    drawings: list[Drawing] = []
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
        about = f"As published by whole year ({dataset}); a gap is a year the publisher has not computed."
        drawings.append(("economy", str(item), about, spec))
    return drawings


def _population(table: pl.DataFrame, day: date) -> list[Drawing]:
    # One publication, of all ages: two of one day count the same people, and an age band is not the population.
    past = table.filter(pl.col("reference_date") <= day, pl.col("age_band") == "all")
    stated = past.filter(~pl.col("is_total")).sort("reference_date", "dataset").select("reference_date", "dataset")
    rows = past.join(stated.tail(1), on=["reference_date", "dataset"], how="semi")
    counted = members(rows).drop_nulls("persons")
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


def _water(tables: Tables, day: date) -> list[Drawing]:
    fresh = current(tables.get(WATER_LEVELS), "at", "storage_pct", day)
    if fresh.rows.is_empty():
        return []
    import altair as alt

    known = tables.get(STATIONS).filter(network="thaiwater").sort("station_id", "valid_from")
    names = known.unique("station_id", keep="last").select("station_id", name="name_th")
    shown = (
        fresh.rows.sort("storage_pct", "station_id", descending=[True, False])
        .head(MOST_STATIONS)
        .join(names, on="station_id", how="left", maintain_order="left")
        .select("storage_pct", label=pl.concat_str("name", "station_id", separator=" ", ignore_nulls=True))
    )
    bars = (
        alt.Chart(shown)
        .mark_bar(color="#8fb8cc")
        .encode(
            alt.Y("label:N", title=None, sort=shown["label"].to_list()).axis(labelLimit=150),
            alt.X("storage_pct:Q", title="ร้อยละของความจุลำน้ำ filling, %").scale(domainMin=0),
        )
        .properties(width=WIDTH * 0.8, height=alt.Step(24))
    )
    bank = alt.Chart(pl.DataFrame({"at": [100]})).mark_rule(strokeDash=[5, 4], color=PALETTE[6]).encode(x="at:Q")
    about = (
        f"Newest reading of the fullest of {fresh.rows.height} stations in reach; the dashed line is the lower bank. "
        "No flood forecast."
    )
    return [("environment", f"ระดับน้ำ · Rivers and canals, {fresh.last}", about, bars + bank)]


def _service(service: pl.DataFrame) -> list[Drawing]:
    weekday = service.filter(day_type="weekday")
    if weekday.is_empty():
        return []
    import altair as alt

    hours = weekday.group_by("hour").agg(pl.col("departures").sum()).with_columns(end=pl.col("hour") + 0.9).sort("hour")
    spec = (
        alt.Chart(hours)
        .mark_bar(color=PALETTE[0])
        .encode(
            alt.X("hour:Q", title="เวลา hour", axis=alt.Axis(grid=False)).bin("binned"),
            alt.X2("end"),
            alt.Y("departures:Q", title="เที่ยว departures"),
        )
    )
    about = (
        f"Departures from stops in reach on a weekday, of {', '.join(weekday['feed'].unique().sort())}, by hour of the "
        "service day (24 and more is after midnight)."
    )
    return [("mobility", f"เที่ยวรถ · Departures, feed of {max(weekday['reference_date'])}", about, spec)]


def _casualties(years: pl.DataFrame) -> list[Drawing]:
    if years.is_empty():
        return []
    import altair as alt

    outcomes = {"death": ("เสียชีวิต killed", PALETTE[6]), "injury": ("บาดเจ็บ injured", PALETTE[4])}
    shown = years.filter(pl.col("outcome").is_in(list(outcomes)))
    # Every year from the first to the last, so that a year that is not whole breaks the line.
    first, last = pl.col("year").min(), pl.col("year").max()
    span = shown.select(year=pl.int_range(first, last + 1).cast(shown.schema["year"]))
    # A scale of its own for each: deaths beside injuries would be a line on the floor.
    parts = [
        alt.Chart(span.join(one.select("year", "persons"), on="year", how="left").sort("year"))
        .mark_line(
            point=alt.OverlayMarkDef(size=28, color=colour), invalid="break-paths-show-path-domains", color=colour
        )
        .encode(
            alt.X("year:O", title=None).axis(labelAngle=0, labelOverlap="greedy"),
            alt.Y("persons:Q", title=label).scale(zero=True).axis(tickCount=4),
        )
        .properties(width=WIDTH, height=HEIGHT * 0.45)
        for outcome, (label, colour) in outcomes.items()
        if (one := shown.filter(outcome=outcome)).height
    ]
    spec = alt.vconcat(*parts)
    about = "Whole years only, as the province publishes it; killed and injured have a scale and a definition each."
    return [("mobility", "อุบัติเหตุทางถนน · Road casualties", about, spec)]


def _facilities(rows: pl.DataFrame) -> list[Drawing]:
    if rows.is_empty():
        return []
    import altair as alt

    named = pl.col("kind").str.replace_all("_", " ")
    kinds = rows.group_by(kind=named).len("sites").sort("sites", "kind", descending=[True, False]).head(MOST_KINDS)
    spec = (
        alt.Chart(kinds)
        .mark_bar(color=PALETTE[2])
        .encode(
            alt.Y("kind:N", title=None, sort=kinds["kind"].to_list()),
            alt.X("sites:Q", title="แห่ง sites").axis(tickMinStep=1),
        )
        .properties(width=WIDTH * 0.8, height=alt.Step(24))
    )
    about = (
        "Sites that OpenStreetMap knows within reach; what nobody mapped is not there. © OpenStreetMap contributors."
    )
    return [("living", f"สถานที่สำคัญ · Facilities, {rows.item(0, 'reference_date')}", about, spec)]


def _reports(rows: pl.DataFrame, day: date) -> list[Drawing]:
    months = rows.filter(pl.col("kind") == ALL, pl.col("reference_date") > day - timedelta(days=REPORT_DAYS))
    if months.is_empty():
        return []
    import altair as alt

    states = (
        months.sort("reference_date")
        .select(
            month=pl.col("reference_date").dt.strftime("%Y-%m"),
            finished=pl.col("finished"),
            open=pl.col("reports") - pl.col("finished"),
            untold=pl.when(pl.col("finished").is_null()).then("reports"),
        )
        .unpivot(index="month", variable_name="state", value_name="reports")
        .drop_nulls("reports")
        .with_columns(label=pl.col("state").replace(STATES))
    )
    spec = (
        alt.Chart(states.select("month", "label", "reports"))
        .mark_bar()
        .encode(
            alt.X("month:O", title="เดือน month").axis(labelAngle=0, labelOverlap="greedy"),
            alt.Y("reports:Q", title="เรื่อง reports").stack(True),
            alt.Color("label:N", title=None)
            .scale(domain=list(STATES.values()), range=[PALETTE[2], PALETTE[0], PALETTE[5]])
            .legend(columns=2),
        )
    )
    about = (
        "Citizens' reports by the month they were made, in steps of five; each month is counted once, after its end."
    )
    return [("governance", "เรื่องร้องเรียน · Citizens' reports", about, spec)]
