"""Environment: which stations speak for a city, what a model may say, and what a year needs."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.indicators.air import indicators
from assets.indicators.indicator import collect
from assets.indicators.tables import Tables
from quality.tables import AIR_QUALITY, INDICATORS, STATIONS, WEATHER

DAY = date(2026, 11, 23)
YESTERDAY = date(2026, 11, 22)
MIDNIGHT = datetime(2026, 11, 21, 17, tzinfo=UTC)
"""Start of yesterday in Bangkok."""

LINEAGE = {"_receipt": "r", "_row": 1, "_delivered": DAY}
REGISTRY = load_registry()


def conformed(table, rows):
    batch = table.conform(pl.DataFrame([row | (LINEAGE if table.lineage else {}) for row in rows]))
    good, bad = batch.rows, batch.found
    assert not bad.height, bad
    return good


def air(station="43t", product="hourly", hours=24, back=0, **values):
    values = values or {"pm25_ug_m3": 20.0}
    return conformed(AIR_QUALITY, air_rows(station, product, hours, back, **values))


def air_rows(station, product, hours, back, **values):
    return [
        {
            "station_id": station,
            "product": product,
            "start": MIDNIGHT + timedelta(days=-back, hours=hour),
            "local_date": YESTERDAY - timedelta(days=back),
            **values,
        }
        for hour in range(hours)
    ]


def particles(days, level):
    """Whole days of one station's PM2.5, each of ``level(days back)``."""
    rows = [row for back in range(days) for row in air_rows("43t", "hourly", 24, back, pm25_ug_m3=level(back))]
    return conformed(AIR_QUALITY, rows)


def places(*runs):
    """``(station, distance, first day before yesterday, latitude)`` of stations, the last one of each in force."""
    return conformed(
        STATIONS,
        [
            {
                "network": "air4thai",
                "station_id": station,
                "lat": lat,
                "lon": 98.392,
                "distance_km": km,
                "assigned": True,
                "valid_from": YESTERDAY - timedelta(days=back),
                "valid_to": None,
            }
            for station, km, back, lat in runs
        ],
    )


def city(slug="phuket", **options):
    found = REGISTRY[slug]
    sources = {
        name: entry.model_copy(update={"options": {**entry.options, **options}})
        for name, entry in found.sources.items()
        if "stations" in entry.options
    }
    return found.model_copy(update={"sources": sources})


def of(tables, where=None):
    frame = collect(indicators(where or city(), DAY, Tables(tables)), DAY)
    assert frame.schema == INDICATORS.schema
    return {row["indicator"]: row for row in frame.to_dicts()}


def shown(row):
    return row["value"], row["verdict"]


def test_particles_of_a_day():
    found = of({"air_quality": air(pm25_ug_m3=40.0, pm10_ug_m3=61.0)})
    assert shown(found["pm25_mean_day"]) == (40.0, "ok")
    assert shown(found["pm25_thai_class"]) == (4.0, "ok")
    assert shown(found["pm10_mean_day"]) == (61.0, "ok")
    assert found["pm10_mean_day"]["unit"] == "µg/m³"


def test_gases_are_told_where_a_station_measures_them_and_in_its_unit():
    found = of({"air_quality": air(pm25_ug_m3=40.0, no2_ppb=9.0)})
    assert (shown(found["no2_mean_day"]), found["no2_mean_day"]["unit"]) == ((9.0, "ok"), "ppb")
    assert "o3_max_8h" not in found
    assert shown(found["pm10_mean_day"]) == (None, "withheld")
    assert "0 of 24" in found["pm10_mean_day"]["reason"]


def test_a_station_too_far_away_does_not_speak_for_the_city():
    # The registry puts 40t at 0.3 km, 38t at 11.5 km and 39t at 17 km from Mae Moh.
    both = pl.concat([air("40t", pm25_ug_m3=10.0), air("38t", pm25_ug_m3=90.0)])
    assert shown(of({"air_quality": both}, city("mae_moh", max_km=10))["pm25_mean_day"]) == (10.0, "ok")
    assert shown(of({"air_quality": both}, city("mae_moh", max_km=20))["pm25_mean_day"]) == (50.0, "ok")
    alone = of({"air_quality": air("38t")}, city("mae_moh", max_km=10))
    for code in ("pm25_mean_day", "pm25_thai_class", "pm25_days_above_365d", "pm10_mean_day", "pm25_mean_365d"):
        assert shown(alone[code]) == (None, "withheld")
        assert "no station within 10 km of the city's point: 38t is 11.5 km away" in alone[code]["reason"]


def test_ten_kilometres_are_the_limit_where_the_registry_says_no_other():
    plain = REGISTRY["korat"].model_copy(update={"sources": {}})
    for km, value in ((9.9, 20.0), (10.1, None)):
        tables = {"air_quality": air("47t"), "stations": places(("47t", km, 5, 15.0))}
        assert of(tables, plain)["pm25_mean_day"]["value"] == value


def test_the_networks_list_is_believed_before_the_registry():
    moved = places(("43t", 0.1, 40, 7.884), ("43t", 16.9, 1, 8.036))
    found = of({"air_quality": air(), "stations": moved})["pm25_mean_day"]
    assert shown(found) == (None, "withheld")
    assert "43t is 16.9 km away" in found["reason"]
    back = places(("43t", 16.9, 40, 8.036), ("43t", 0.1, 1, 7.884))
    assert shown(of({"air_quality": air(), "stations": back})["pm25_mean_day"]) == (20.0, "ok")


def test_a_station_that_nobody_places_counts_and_it_is_said():
    found = of({"air_quality": air("44t")}, city("hat_yai", stations=[{"id": "44t"}]))["pm25_mean_day"]
    assert shown(found) == (20.0, "partial")
    assert "44t" in found["reason"]
    placed = of({"air_quality": air("44t"), "stations": places(("44t", 2.0, 3, 7.02))}, city("hat_yai"))
    assert shown(placed["pm25_mean_day"]) == (20.0, "ok")


@pytest.mark.parametrize(("days", "verdict"), [(365, "ok"), (300, "partial"), (274, "partial"), (273, "withheld")])
def test_a_year_needs_three_quarters_of_its_days(days, verdict):
    whole = particles(days, lambda back: 10.0 + back % 2)
    # A day of seventeen hours is no day.
    thin = air(back=days, hours=17, pm25_ug_m3=999.0)
    row = of({"air_quality": pl.concat([whole, thin])})["pm25_mean_365d"]
    assert row["verdict"] == verdict
    if verdict != "withheld":
        assert row["value"] == pytest.approx(sum(10 + back % 2 for back in range(days)) / days, abs=1e-6)
    assert f"{days} of 365 days" in row["sources"]


def test_a_year_over_a_move_is_partial():
    year = particles(365, lambda _: 20.0)
    moved = places(("43t", 0.1, 400, 7.884), ("43t", 2.0, 100, 7.902))
    row = of({"air_quality": year, "stations": moved})["pm25_mean_365d"]
    assert shown(row) == (20.0, "partial")
    assert f"43t moved on {YESTERDAY - timedelta(days=100)}" in row["reason"]
    long_ago = places(("43t", 0.1, 800, 7.884), ("43t", 2.0, 400, 7.902))
    assert shown(of({"air_quality": year, "stations": long_ago})["pm25_mean_365d"]) == (20.0, "ok")


def test_models_are_indicators_of_their_own_and_never_a_stations():
    models = pl.concat(
        [
            air("open_meteo:grid", "model_hourly", pm25_ug_m3=30.0),
            air("gistda:83", "model_hourly", hours=1, pm25_ug_m3=99.0),
            air("gistda:83", "model_24h", hours=2, pm25_ug_m3=25.0),
        ]
    )
    found = of({"air_quality": models})
    assert "pm25_mean_day" not in found
    assert (found["air_quality"]["verdict"], found["air_quality"]["reason"]) == (
        "withheld",
        "no station's hourly values were delivered",
    )
    assert shown(found["pm25_model_mean_day"]) == (30.0, "ok")
    assert shown(found["pm25_province_24h"]) == (25.0, "ok")
    assert found["pm25_province_24h"]["period_start"] == YESTERDAY - timedelta(days=1)
    assert "to 01:00" in found["pm25_province_24h"]["method"]
    for code in ("pm25_model_mean_day", "pm25_province_24h"):
        assert "not measured" in found[code]["method"]
    with_station = of({"air_quality": pl.concat([models, air(pm25_ug_m3=10.0)])})
    assert shown(with_station["pm25_mean_day"]) == (10.0, "ok")


def test_half_a_day_of_a_model_is_withheld():
    found = of({"air_quality": air("open_meteo:grid", "model_hourly", hours=12)})
    assert shown(found["pm25_model_mean_day"]) == (None, "withheld")


def test_the_weather_of_a_day_is_one_products():
    def hours(product, station, back, celsius):
        return conformed(
            WEATHER,
            [
                {
                    "station_id": station,
                    "product": product,
                    "start": MIDNIGHT + timedelta(days=-back, hours=hour),
                    "local_date": YESTERDAY - timedelta(days=back),
                    "temperature_c": celsius,
                    "precipitation_mm": 1.0,
                }
                for hour in range(24)
            ],
        )

    others = pl.concat([hours("observed", "48565", 0, 50.0), hours("reanalysis", "grid", 6, 10.0)])
    found = of({"weather": pl.concat([others, hours("model", "grid", 0, 28.0)])})
    assert shown(found["temperature_mean"]) == (28.0, "ok")
    assert shown(found["rain_sum"]) == (24.0, "ok")
    assert of({"weather": others})["weather"]["reason"] == "the model's hours were not delivered"


@pytest.mark.parametrize(
    ("mean", "number"), [(15.04, 1), (15.06, 2), (25.0, 2), (25.1, 3), (37.5, 3), (37.6, 4), (75.0, 4), (75.1, 5)]
)
def test_the_class_of_a_day_is_that_of_its_mean_to_one_decimal(mean, number):
    assert of({"air_quality": air(pm25_ug_m3=mean)})["pm25_thai_class"]["value"] == number


def test_days_above_the_standard_are_days_and_not_hours():
    """A dirty hour of a clean day is no day above; a day that is not known is none either, and lowers the coverage."""
    days = particles(300, lambda back: 50.0 if back < 30 else 20.0)
    dirty_hour = air("43t", hours=1, back=300, pm25_ug_m3=900.0)
    found = of({"air_quality": pl.concat([days, dirty_hour])})["pm25_days_above_365d"]
    assert (shown(found), found["unit"]) == ((30.0, "partial"), "days")
    assert found["coverage"] == pytest.approx(300 / 365)


def ozone(values, back=0):
    rows = air(hours=len(values), back=back, o3_ppb=1.0)
    return rows.with_columns(o3_ppb=pl.Series(values, dtype=pl.Float64))


def test_ozone_is_judged_by_its_worst_eight_hours():
    """A plain model: every window of eight hours that ends on the day, those of the night before included."""
    before, day = [80.0] * 24, [80.0] * 4 + [10.0] * 12 + [50.0] * 8
    everything = before + day
    want = max(sum(everything[end - 8 : end]) / 8 for end in range(25, 49))
    found = of({"air_quality": pl.concat([ozone(before, back=1), ozone(day)])})["o3_max_8h"]
    assert shown(found) == (want, "ok") == (80.0 * 7 / 8 + 80.0 / 8, "ok")
    assert found["unit"] == "ppb"
    late = of({"air_quality": ozone(day)})["o3_max_8h"]
    assert late["value"] == pytest.approx(max(sum(day[e - n : e]) / n for e in range(6, 25) for n in (min(e, 8),)))


def test_few_hours_of_ozone_carry_no_maximum():
    found = of({"air_quality": ozone([60.0] * 20)})["o3_max_8h"]
    assert shown(found) == (None, "withheld"), "the evening, when it is worst, is not known"


def stations(hours, back=0, lacking=None, **values):
    """A day of the stations of ``hours``, each told in so many of them, without those that it is ``lacking``."""
    days = [air(name, hours=count, back=back, **values) for name, count in hours.items()]
    gaps = {name: [MIDNIGHT + timedelta(hours=hour) for hour in gone] for name, gone in (lacking or {}).items()}
    return pl.concat(
        day.filter(~pl.col("start").is_in(gaps.get(name, []))) for name, day in zip(hours, days, strict=True)
    )


SAMYAN = {"50t": 24, "52t": 24, "54t": 24}


def test_a_station_that_is_left_out_is_missing():
    found = of({"air_quality": stations(SAMYAN | {"50t": 11}, pm25_ug_m3=20.0, no2_ppb=9.0)}, city("samyan"))
    for code in ("pm25_mean_day", "pm25_thai_class", "no2_mean_day"):
        assert shown(found[code]) == (None, "withheld"), code
        assert found[code]["coverage"] == pytest.approx(2 / 3)
        assert found[code]["sources"] == "air_quality, 2 of 3 station(s)"
    four = stations(dict.fromkeys(("50t", "52t", "54t", "59t"), 24) | {"59t": 11}, pm25_ug_m3=20.0)
    assert shown(of({"air_quality": four}, city("samyan", max_km=99))["pm25_mean_day"]) == (20.0, "partial")


@pytest.mark.parametrize(("gone", "verdict"), [(1, "ok"), (2, "partial"), (6, "partial")])
def test_hours_that_one_station_lacks_are_not_made_up_by_another(gone, verdict):
    lacking = {name: range(at * gone, (at + 1) * gone) for at, name in enumerate(SAMYAN)}
    row = of({"air_quality": stations(SAMYAN, lacking=lacking)}, city("samyan"))["pm25_mean_day"]
    assert (row["verdict"], row["coverage"]) == (verdict, pytest.approx(1 - gone / 24))


def test_an_hour_that_nobody_told_is_missing_once():
    """As the last hour of a day on its own night: a gap of one more of each of three stations leaves it as it is."""
    lacking = {name: [at] for at, name in enumerate(SAMYAN)}
    row = of({"air_quality": stations(dict.fromkeys(SAMYAN, 23), lacking=lacking)}, city("samyan"))["pm25_mean_day"]
    assert (row["verdict"], row["coverage"]) == ("ok", pytest.approx(66 / 69))


@pytest.mark.parametrize("alone", SAMYAN)
def test_a_silent_station_is_missed_for_a_week_and_then_the_citys_no_more(alone):
    def last(back):
        tables = [stations(SAMYAN, back=back), *(air(alone, back=each) for each in range(back))]
        return of({"air_quality": pl.concat(tables)}, city("samyan"))["pm25_mean_day"]

    assert (shown(last(6)), last(6)["coverage"]) == ((None, "withheld"), pytest.approx(1 / 3))
    assert shown(last(7)) == (20.0, "ok")


def test_a_gas_that_nobody_told_today_is_not_passed_over():
    before = air("50t", back=1, pm25_ug_m3=20.0, no2_ppb=9.0, o3_ppb=30.0)
    found = of({"air_quality": pl.concat([before, air("50t", pm25_ug_m3=20.0)])}, city("samyan"))
    for code in ("no2_mean_day", "o3_max_8h"):
        assert (shown(found[code]), found[code]["coverage"]) == ((None, "withheld"), 0.0)


def test_the_greatest_ozone_misses_the_stations_that_are_left_out():
    both = [stations(SAMYAN, back=1, o3_ppb=30.0), stations(SAMYAN | {"54t": 4}, o3_ppb=40.0)]
    row = of({"air_quality": pl.concat(both)}, city("samyan"))["o3_max_8h"]
    assert (shown(row), row["coverage"]) == ((None, "withheld"), pytest.approx(2 / 3))


def test_a_year_misses_the_days_that_its_stations_lack():
    whole = particles(365, lambda _: 20.0)
    half = [air("44t", back=back, pm25_ug_m3=40.0) for back in range(0, 365, 2)]
    row = of({"air_quality": pl.concat([whole, *half])})["pm25_mean_365d"]
    assert (row["verdict"], row["coverage"]) == ("partial", pytest.approx((365 + 183) / 730))
    # One that stopped half a year ago is missed for its last week alone.
    stopped = [air("44t", back=back, pm25_ug_m3=20.0) for back in range(180, 365)]
    row = of({"air_quality": pl.concat([whole, *stopped]), "stations": places(("44t", 2.0, 400, 7.9))})
    assert shown(row["pm25_mean_365d"]) == (20.0, "ok")
