"""Made-up meters of a city and what they measure in a day, in whole watt-hours.

Shares and sizes are those of a metered sample, not of a customer base: remote reading reaches large customers first.
"""

from datetime import date

import polars as pl

from assets.cities.registry import City
from demo.faults import is_planted
from demo.noise import noise

SLOTS = 96
"""Quarter-hours of a Thai day; there is no daylight saving."""

CLASSES: dict[str, tuple[int, int, int]] = {
    "residential": (780, 250, 750),
    "small_business": (120, 800, 2_600),
    "medium_business": (50, 10_000, 22_000),
    "large_business": (20, 90_000, 160_000),
    "public": (30, 3_000, 14_000),
}
"""Customer class: meters in a thousand, least and greatest mean load in W. A household of 250 to 750 W uses 180 to
540 kWh a month."""

ZONES: dict[str, dict[str, int]] = {
    "phuket": {"talat_yai": 30, "patong": 25, "chalong": 25, "kathu": 20, "ko_racha": 0},
    "khon_kaen": {"nai_mueang": 35, "sila": 25, "ban_pet": 20, "mueang_kao": 20},
    "mae_moh": {"ban_dong": 30, "sop_pat": 25, "na_sak": 20, "chang_nuea": 15, "mine": 10},
    "samyan": {"siam": 25, "suan_luang": 25, "banthat_thong": 20, "campus": 15, "rama_4": 15},
    "wangchan_valley": {"innovation": 30, "education": 25, "community": 25, "ban_na": 20},
    "korat": {"old_town": 25, "nong_phai_lom": 20, "hua_thale": 20, "pho_klang": 15, "cho_ho": 10, "suranaree": 10},
}
"""Zones of a city and their share of its meters in per cent. A share of 0 is the planted zone that is too small."""

OTHER_ZONES = {"centre": 40, "north": 20, "east": 20, "south": 20}
"""Zones of every other city."""

SMALL_ZONE = 9
"""Customers of the planted zone that is too small to publish (the rule asks for 15)."""

DOMINANT_W = 450_000
"""Mean load of the planted dominant customer: well over 15 % of its zone, below 15 % of its city."""

SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    # Air conditioners make the evening and the night; at weekends people are at home at noon too.
    "residential": (
        (105, 98, 92, 88, 86, 92, 104, 96, 80, 72, 70, 72, 76, 78, 78, 80, 88, 104, 126, 142, 150, 148, 138, 122),
        (
            108,
            100,
            94,
            90,
            88,
            90,
            98,
            100,
            96,
            94,
            96,
            100,
            106,
            108,
            106,
            104,
            106,
            112,
            124,
            136,
            142,
            140,
            132,
            120,
        ),
    ),
    "small_business": (
        (42, 40, 38, 38, 40, 48, 66, 92, 122, 144, 154, 158, 156, 160, 162, 158, 150, 142, 134, 126, 108, 84, 60, 48),
        (44, 42, 40, 40, 42, 50, 64, 86, 112, 132, 142, 146, 146, 148, 148, 144, 140, 138, 134, 128, 110, 86, 62, 50),
    ),
    "medium_business": (
        (52, 50, 48, 48, 50, 56, 72, 102, 140, 156, 160, 158, 146, 158, 162, 160, 150, 124, 102, 92, 82, 70, 60, 54),
        (50, 48, 46, 46, 48, 52, 60, 72, 86, 92, 96, 98, 96, 98, 98, 96, 92, 86, 82, 80, 74, 66, 58, 52),
    ),
    "large_business": (
        (74, 72, 70, 70, 72, 76, 88, 104, 122, 130, 132, 130, 120, 130, 132, 130, 124, 112, 104, 100, 96, 90, 84, 78),
        (66, 64, 62, 62, 64, 66, 72, 80, 88, 92, 94, 94, 90, 92, 94, 92, 88, 84, 82, 80, 78, 74, 70, 68),
    ),
    # Offices, schools and clinics by day, street lighting by night.
    "public": (
        (88, 86, 84, 82, 82, 84, 70, 88, 126, 142, 146, 144, 132, 144, 146, 142, 120, 84, 96, 104, 102, 98, 94, 90),
        (88, 86, 84, 82, 82, 84, 58, 46, 48, 52, 54, 54, 54, 54, 54, 52, 50, 52, 92, 100, 100, 98, 94, 90),
    ),
}
"""Load by hour in per cent of the mean load of a working day: Monday to Friday, then Saturday and Sunday."""

AMR_METERS = 36
"""Meters that come one by one from the utility's web portal."""


def meters(city: City, count: int) -> pl.DataFrame:
    """The city's ``count`` meters, the same on every day.

    Columns: ``index`` from 0; ``zone``; ``customer_class``; ``mean_w`` (W); ``source``, the inbox folder it is
    delivered through; ``nth``, its number within that source from 0; ``point``, like an NMI in the folder of NEM12
    files, else a contract account of 12 digits with leading zeros.
    """
    frame = pl.DataFrame({"index": pl.int_range(count, eager=True)}).with_columns(
        # 617 and 1000 have no common divisor: every run of 1000 meters has each class in its exact share.
        _pick((pl.col("index") * 617) % 1000, {name: share for name, (share, _, _) in CLASSES.items()}).alias(
            "customer_class"
        ),
        zone=_zone(city, count),
        noise=pl.Series(list(noise(count, city.slug, "size")), dtype=pl.Int64),
    )
    low = pl.col("customer_class").replace_strict({name: low for name, (_, low, _) in CLASSES.items()})
    high = pl.col("customer_class").replace_strict({name: high for name, (_, _, high) in CLASSES.items()})
    frame = frame.with_columns(mean_w=low + (high - low) * pl.col("noise") // 255)
    large = pl.col("customer_class") == "large_business"
    if is_planted(city.slug, "dominant-customer"):
        mine = frame.filter(zone="mine").sort(large, descending=True, maintain_order=True).item(0, "index")
        frame = frame.with_columns(
            mean_w=pl.when(index=mine).then(DOMINANT_W).otherwise("mean_w"),
            customer_class=pl.when(index=mine).then(pl.lit("large_business")).otherwise("customer_class"),
        )
    order = pl.when(large).then(0).when(pl.col("customer_class") == "medium_business").then(1).otherwise(2)
    by_size = pl.struct(order, pl.col("index")).rank("ordinal") - 1
    return (
        frame.with_columns(
            source=pl.when(by_size < min(AMR_METERS, count // 20))
            .then(pl.lit("amr_exports"))
            .when(pl.col("index") % 4 == 3)
            .then(pl.lit("city_exports"))
            .otherwise(pl.lit("nem12_exports"))
        )
        .with_columns(
            nth=pl.int_range(pl.len()).over("source"),
            point=pl.when(pl.col("source") == "nem12_exports")
            .then(pl.format("TH{}{}", pl.lit(city.dopa_province), _digits("index", 6)))
            .otherwise(pl.format("00{}{}", pl.lit(city.dopa_province), _digits("index", 8))),
        )
        .select("index", "zone", "customer_class", "mean_w", "source", "nth", "point")
    )


def loads(frame: pl.DataFrame, city: City, reading_day: date) -> pl.DataFrame:
    """What ``meters`` measured that day: its columns and ``wh``, a list of 96 whole Wh, first quarter-hour first."""
    weekend = reading_day.weekday() >= 5
    hours = {name: shapes[weekend] for name, shapes in SHAPES.items()}
    percent = {name: [_between(hours[name], slot) for slot in range(SLOTS)] for name in hours}
    warmth = 92 + noise(1, city.slug, reading_day, "warmth")[0] % 17
    long = (
        frame.select("index", "mean_w", percent=pl.col("customer_class").replace_strict(percent))
        .explode("percent")
        .with_columns(noise=pl.Series(list(noise(frame.height * SLOTS, city.slug, reading_day)), dtype=pl.Int64))
        # percent of the shape (times 4, from the interpolation), of the day's warmth, a quarter-hour, noise of +-25 %
        .select(
            "index",
            wh=pl.col("mean_w")
            * pl.col("percent")
            * warmth
            * (192 + pl.col("noise") % 128)
            // (4 * 100 * 100 * 4 * 256),
        )
    )
    return frame.join(long.group_by("index", maintain_order=True).agg("wh"), on="index", maintain_order="left")


def _between(hours: tuple[int, ...], slot: int) -> int:
    """Four times the per cent of a quarter-hour, on the line from its hour to the next."""
    hour, quarter = divmod(slot, 4)
    return hours[hour] * (4 - quarter) + hours[(hour + 1) % 24] * quarter


def _zone(city: City, count: int) -> pl.Expr:
    zones = ZONES.get(city.slug, OTHER_ZONES)
    zone = _pick(pl.col("index") * 100 // count, zones)
    small = next((name for name, share in zones.items() if not share), None)
    return zone if small is None else pl.when(pl.col("index") >= count - SMALL_ZONE).then(pl.lit(small)).otherwise(zone)


def _pick(position: pl.Expr, shares: dict[str, int]) -> pl.Expr:
    """The name whose share ``position`` falls in, shares laid end to end."""
    picked, end = pl.lit(None, pl.String), sum(shares.values())
    for name, share in reversed(shares.items()):
        picked = pl.when(position < end).then(pl.lit(name)).otherwise(picked)
        end -= share
    return picked


def _digits(column: str, width: int) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.zfill(width)
