"""IEC 62056-21 load profile P.01, as meters with an optical head or modem answer and read-out tools save it.

Laid out in the VDEW specification "Electronic metering 2.1" that meters of many makers follow: a line
``P.01(Zyymmddhhmmss)(status)(period)(count)(code)(unit)...``, then a line a period with one bracket a channel. The
stamp is the end of the first period; a new such line comes wherever clock, season or status change. Z is the season: 0
normal time, 1 summer time, 2 UTC. Values are the meter's own: transformer ratios are not in the format and not applied.
"""

import re
from dataclasses import replace

import polars as pl

from assets.meters.formats.canonical import (
    THAILAND,
    UNITS,
    Export,
    ReadingOptions,
    canonical,
    measure,
    problems_of,
    resolve,
)
from assets.meters.formats.content import Content
from assets.meters.formats.obis import counted_twice, explained
from assets.meters.formats.stamps import dst, parse, utc
from quality.batch import Batch
from quality.meter_grid import CLOCK_SECONDS
from quality.problems import gather

FORMAT = "p01"
KIND = "text"
OPEN_END = True

_HEAD = r"P\.01\(\d{10,13}\)\([0-9A-Fa-f]*\)\(\d+\)\(\d+\)\("
_IDENTITIES = ("0.0.0", "C.1.0", "96.1.0", "96.1.1")
"""Codes a meter tells its number with, best first."""
_DOUBTED = 0x01 | 0x02 | 0x04 | 0x20
"""Status bits on a disturbed value: fatal error, clock's reserve exhausted, period incomplete, clock set. The higher
bytes are each maker's own."""


def recognise(content: Content) -> str | None:
    """Evidence: the head of a P.01 block at the start of a line."""
    # A register read-out of some kilobytes may come first.
    return "head of a P.01 block" if re.search(rf"(?:^|[\r\n])[\x00-\x06]*{_HEAD}", content.head(200_000)) else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of all P.01 blocks. Options: ``timezone`` (of the meter's clock), ``point`` (where no line names it)."""
    zone = options.timezone or THAILAND
    lines = _rows(content, options.point or "")
    rows = lines.filter(pl.col("head") > 0)
    if not rows.height:
        return Export.rejected(FORMAT, "file-malformed", "no head of a P.01 block")
    headless = lines.filter(pl.col("head").is_null() & pl.col("line").str.starts_with("("))
    heads = _heads(rows, zone)
    periods = _periods(rows, heads.rows)
    whole = content.ends_whole or "\x03" in content.tail(3)
    unread = gather([*heads.problems, *periods.problems])["row"].max()
    if (not whole and unread == rows["row"][-1]) or _open(content.text):
        return Export.rejected(FORMAT, "file-truncated", "the read-out ends inside a block", rows["row"][-1])
    channels = _channels(heads.rows)
    values = periods.rows.explode("texts", "place").join(
        channels.rows, left_on=["head", "place"], right_on=["row", "place"], maintain_order="left"
    )
    number = pl.col("texts").str.replace(r"\*.*$", "")
    values = values.with_columns(
        raw=pl.when(~number.str.contains(r"^-+$")).then(number),
        quality=pl.when("contradicts").then(pl.lit("suspect")).otherwise("quality"),
    )
    heads = _seasonal(heads).also(problems_of(headless, "row-malformed", "values before the first head"))
    other = pl.col("texts").str.extract(r"\*(.+)$").str.to_lowercase() != pl.col("unit").str.to_lowercase()
    told = replace(periods, rows=values).refuse(
        (other.fill_null(value=False), "unit-unknown", "a value tells another unit than the head of its block")
    )
    readings = resolve(canonical(measure(told))).also(*heads.problems, *channels.problems)
    return Export.of(FORMAT, readings=readings, zone=zone)


def _open(text: str) -> bool:
    """Whether a transmission was begun (STX) and neither ended (ETX) nor continued (EOT)."""
    return text.rfind("\x02") > max(text.rfind("\x03"), text.rfind("\x04"))


def _rows(content: Content, point: str) -> pl.DataFrame:
    """Lines: ``row``, ``line``, ``point`` and ``head``: the row of the head of P.01, 0 where another code's line came
    after it, null before the first of either."""
    lines = re.split(r"\r\n|\n|\r", content.text)
    rows = pl.DataFrame({"line": lines}, schema={"line": pl.String}).with_row_index("row", offset=1)
    # After ETX comes one check character; the other control characters frame the transmission.
    line = pl.col("line").str.replace(r"\x03.*$", "").str.replace_all(r"[\x00-\x06]", "").str.strip_chars()
    rows = rows.with_columns(pl.col("row").cast(pl.Int64), line=line).filter(pl.col("line") != "")
    named = pl.col("line").str.extract_groups(
        r"^(?:\d+-\d+:)?(0\.0\.0|C\.1\.0|96\.1\.0|96\.1\.1)(?:[*&]\d+)?\(([^()]+)\)"
    )
    rows = rows.with_columns(code=named.struct[0], number=named.struct[1])
    codes = set(rows["code"].drop_nulls())
    best = next((code for code in _IDENTITIES if code in codes), "")
    numbers = pl.when(pl.col("code") == best).then("number")
    # A number after the profile can be its own only where the file names one meter.
    only = numbers.drop_nulls().first() if rows.select(numbers.n_unique()).item() <= 2 else pl.lit(None, pl.String)
    other = pl.col("line").str.contains(r"^(?:[/!]|[A-Za-z0-9.:*&-]+\()")
    is_head = pl.col("line").str.starts_with("P.01(")
    return rows.with_columns(
        point=pl.coalesce(numbers.forward_fill(), only, pl.lit(point)),
        head=pl.when(is_head).then("row").when(other).then(pl.lit(0)).forward_fill(),
    )


def _texts() -> pl.Expr:
    """What the brackets of a line hold."""
    return pl.col("line").str.extract_all(r"\([^()]*\)").list.eval(pl.element().str.slice(1).str.strip_suffix(")"))


def _heads(rows: pl.DataFrame, zone: str) -> Batch:
    """The blocks' heads: ``row, texts, minutes, count, first`` (UTC end of the first period), quality and season."""
    heads = rows.filter(pl.col("row") == pl.col("head")).with_columns(texts=_texts())
    stamp = pl.col("texts").list.get(0, null_on_oob=True).str.extract_groups(r"^(\d)?(\d{10})(\d{2})?$")
    digits = stamp.struct[1]
    text = pl.format(
        "20{}-{}-{} {}:{}:{}",
        *(digits.str.slice(place, 2) for place in range(0, 10, 2)),
        stamp.struct[2].fill_null("00"),
    )
    heads = heads.with_columns(
        local=parse(text, "ymd"),
        season=stamp.struct[0],
        status=pl.col("texts").list.get(1, null_on_oob=True),
        minutes=pl.col("texts").list.get(2, null_on_oob=True).cast(pl.Int32, strict=False),
        count=pl.col("texts").list.get(3, null_on_oob=True).cast(pl.Int64, strict=False),
    )
    summer = pl.when(pl.col("season") == "1").then(pl.lit("earliest")).otherwise(pl.lit("latest"))
    bits = pl.col("status").str.extract(r"^([0-9A-Fa-f]{1,15})$").str.to_integer(base=16, strict=False, dtype=pl.Int64)
    doubted = (bits & pl.lit(_DOUBTED, pl.Int64)) > 0
    heads = heads.with_columns(
        first=pl.when(pl.col("season") == "2")
        .then(pl.col("local").dt.replace_time_zone("UTC"))
        .otherwise(utc(pl.col("local"), zone, summer)),
        summer=dst(pl.col("local"), zone, summer),
        quality=pl.when(doubted).then(pl.lit("suspect")).when(bits.is_not_null()).then(pl.lit("actual"))
        .otherwise(pl.lit("unknown")),
        quality_raw=pl.when(pl.col("status") != "").then("status"),
    )  # fmt: skip
    whole = pl.col("texts").list.len() == 4 + 2 * pl.col("count")
    length = pl.when(pl.col("minutes") > 0).then("minutes")
    midnight = pl.col("local").dt.truncate("1d")
    after = (pl.col("local") - midnight).dt.total_seconds() % (60 * length)
    off_grid = pl.min_horizontal(after, 60 * length - after) > CLOCK_SECONDS
    lost = "; its periods are not used"
    return Batch(heads).refuse(
        (
            (~whole | (pl.col("count") < 1)).fill_null(True) | ~pl.col("line").str.ends_with(")"),
            "row-malformed",
            "the block's head does not hold as many codes and units as it says" + lost,
        ),
        (
            (1440 % length != 0).fill_null(True),
            "interval-length",
            "the period is missing or does not divide a day" + lost,
        ),
        (pl.col("first").is_null(), "stamp-bad", "the block's stamp (Zyymmddhhmmss) cannot be read" + lost),
        (off_grid, "interval-misaligned", "the block's stamp is not on the grid of its period" + lost),
        (pl.col("point") == "", "value-null", "no metering point; name it with the option point" + lost),
    )


def _channels(heads: pl.DataFrame) -> Batch:
    """Each head's channels that are energy or power of a period: ``row, place, channel, quantity, factor, average``."""
    channels = heads.select(
        "row", "count", texts=pl.col("texts").list.slice(4), place=pl.int_ranges(0, pl.col("count"), dtype=pl.Int64)
    )
    channels = channels.explode("place").with_columns(
        code=pl.col("texts").list.get(2 * pl.col("place")).str.strip_chars(),
        unit=pl.col("texts").list.get(2 * pl.col("place") + 1).str.strip_chars(),
    )
    channels = channels.join(
        explained(channels.select("code", "unit").unique().iter_rows()), on=["code", "unit"], maintain_order="left"
    )
    factors = {name: unit.factor for name, unit in UNITS.items() if unit.family == "v"}
    volts = pl.col("unit").str.to_lowercase()
    used = pl.col("quantity").is_not_null() & (pl.col("kind") != "register") & (pl.col("unit") != "")
    energy = channels.filter(used)
    energy = energy.join(counted_twice(energy, "row"), on=["row", "place"], how="anti", maintain_order="left")
    voltage = channels.filter(volts.is_in(list(factors)) & ~used).with_columns(
        quantity=pl.lit("voltage"),
        factor=volts.replace_strict(factors, default=None, return_dtype=pl.Decimal(18, 3)),
        contradicts=pl.lit(False),
    )  # fmt: skip
    text = "a channel's unit contradicts its OBIS code; the code is believed and the values are marked suspect"
    contradicted = problems_of(energy.filter("contradicts").unique("row"), "unit-contradicts", text)
    columns = ["row", "place", "quantity", "unit", "factor", "average", "contradicts"]
    batch = Batch(pl.concat([energy, voltage]).select(*columns, channel="code")).also(contradicted)
    if skipped := channels.height - batch.rows.height:
        text = f"{skipped} channel(s) of the blocks hold no energy of a period, or repeat another, and were left out"
        batch = batch.note("channel-skipped", text)
    return batch


def _periods(rows: pl.DataFrame, heads: pl.DataFrame) -> Batch:
    """The lines of the readable blocks that hold the channels of their head, with what that says."""
    periods = rows.filter(pl.col("row") != pl.col("head")).with_columns(
        # Lines that cannot be read count as well: the periods after them keep their time.
        index=pl.int_range(pl.len(), dtype=pl.Int64).over("head"),
        texts=_texts(),
    )
    of_head = heads.select("count", "minutes", "first", "quality", "quality_raw", head="row")
    periods = periods.join(of_head, on="head", maintain_order="left").with_columns(
        start=pl.col("first") + pl.duration(minutes=(pl.col("index") - 1) * pl.col("minutes")),
        place=pl.int_ranges(0, pl.col("count"), dtype=pl.Int64),
    )
    values = pl.col("texts").list.len()
    text = pl.format("{} values where the block has {} channels", values, "count")
    unclosed = pl.col("line").str.replace_all(r"\([^()]*\)", "").str.strip_chars() != ""
    return Batch(periods).refuse(
        (values != pl.col("count"), "row-malformed", text), (unclosed, "row-malformed", "not brackets with values")
    )


def _seasonal(heads: Batch) -> Batch:
    """Say where the stamps' season is not that of the zone they are read in."""
    odd = heads.rows.filter(
        pl.col("season").is_in(["0", "1"])
        & (pl.col("season").replace_strict({"1": True}, default=False) != pl.col("summer"))
    )
    if not odd.height:
        return heads
    text = f"the season of {odd.height} block(s) is not that of the time zone; is the zone the meter's?"
    return heads.note("stamp-contradicts", text, odd["row"].min())  # type: ignore[arg-type]
