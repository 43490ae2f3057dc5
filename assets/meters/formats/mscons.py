"""MSCONS: UN/EDIFACT metered services consumption reports, directories D.04B and D.99A.

Profiled by the German BDEW message guides (MSCONS AHB and MIG 2.x) and the Swiss Metering Code (MC-CH); syntax is
ISO 9735, read by ``edifact``. A message (UNH) tells for a metering point (LOC) and a register (LIN, PIA with an OBIS
code) quantities (QTY) with begin and end (DTM 163, 164); D.99A tells the interval once (DTM 672) and the values in
order. The OBIS code implies the unit. Stamps carry their offset to UTC. Energies of whole intervals are readings; meter
reads and energies over other spans are registers.
"""

import re
from dataclasses import replace

import polars as pl

from assets.meters.formats import edifact
from assets.meters.formats.canonical import (
    FIRST,
    Export,
    ReadingOptions,
    canonical,
    measure,
    problems_of,
    resolve,
    resolve_registers,
)
from assets.meters.formats.content import Content
from assets.meters.formats.edifact import component, element
from assets.meters.formats.obis import counted_twice, explained
from assets.meters.formats.stamps import utc
from quality.batch import Batch
from quality.problems import PROBLEM_SCHEMA
from quality.readings import REGISTER_SCHEMA

FORMAT = "mscons"
KIND = "text"

_QUALITY = {
    "220": "actual",  # read, true
    "67": "substituted",
    "201": "substituted_temporary",  # proposed
    "Z18": "substituted_temporary",  # preliminary
    "187": "forecast",
    "20": "suspect",  # not usable
}
"""QTY qualifier (DE 6063) → quality. 79 (summed) and 46 (D.99A) tell none."""
_UNITS = {
    "WHR": "wh",
    "KWH": "kwh",
    "MWH": "mwh",
    "WTT": "w",
    "KWT": "kw",
    "MAW": "mw",
    "K3": "kvarh",
    "KVR": "kvar",
    "C79": "kvah",
    "KVA": "kva",
}
"""UN/ECE Recommendation 20 code → ``UNITS`` key."""
_TAGS = "^(UNH|BGM|DTM|CUX|RFF|NAD|CTA|COM|UNS|LOC|ALI|CCI|CAV|MEA|LIN|PIA|IMD|PRI|MOA|QTY|STS|GIS|FTX|CNT|AUT|UNT)$"
"""Segments of a message, of all directories; another tag is a damaged one."""
_CANCELLATION = "1"  # BGM DE 1225; 9 is an original
_SHARED = ["NAD", "UNH", "UNS"]
"""Segments that end the reach of a metering point."""
_STAMPED = ["203", "204", "303", "304"]  # DTM DE 2379: minutes or seconds, without or with zone


def recognise(content: Content) -> str | None:
    """Evidence: an interchange whose first message says MSCONS."""
    found = edifact.first_message(content.head(4_000))
    return f"UNH says {found}" if found and found.startswith("MSCONS:") else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings and registers of all messages; a message that a later one cancels is left out. Rows count segments.

    Option ``timezone`` is for stamps that tell no offset; without it they are refused. The version of a reading is its
    message's date (DTM 137).
    """
    interchange = edifact.segments(content.text)
    if interchange.is_rejected:
        return Export.of(FORMAT, readings=interchange)
    segments, zone = interchange.rows, options.timezone
    messages = _cancelled(_messages(segments), segments)
    ours = segments.join(messages.rows, on="message", how="semi", maintain_order="left")
    quantities = _quantities(ours, zone).join(
        messages.rows.filter("cancelled"), on="message", how="anti", maintain_order="left"
    )
    if not quantities.height and not messages.problems:
        return Export.rejected(FORMAT, "file-empty", "the messages hold no quantities (QTY)")
    codes = explained(quantities.select("code", "unit").unique().iter_rows(), _UNITS)
    quantities = quantities.join(codes, on=["code", "unit"], maintain_order="left", nulls_equal=True)
    # A maximum of the month, gas or water beside the profile is no fault of it.
    aside = quantities.filter("aside")["row"]
    if aside.len() and aside.len() == quantities.height:
        return Export.rejected(FORMAT, "format-no-interval", "no OBIS code of the messages holds electrical energy")
    quantities = quantities.filter(~pl.col("aside"))
    values = measure(_once(_judged(quantities))).with_columns(
        quality=pl.when(pl.col("contradicts") & (pl.col("quality") != "missing"))
        .then(pl.lit("suspect")).otherwise("quality"),
    )  # fmt: skip
    interval = (pl.col("kind") != "register") & (pl.col("minutes") <= 1440) & (1440 % pl.col("minutes") == 0)
    strange = ours.filter(~pl.col("tag").str.contains(_TAGS))
    readings = resolve(canonical(values.filter(interval))).also(
        *messages.problems,
        problems_of(strange, "row-malformed", "not a segment of MSCONS"),
        edifact.miscounted(segments),
    )
    if aside.len():
        text = f"{aside.len()} quantities have OBIS codes of no electrical energy and were left out{FIRST}"
        readings = readings.note("channel-skipped", text, aside[0])
    registers = resolve_registers(_registers(values.rows.filter(~interval)))
    return Export.of(FORMAT, readings=readings, registers=registers, zone=zone or _zone(segments)).filled


def _messages(segments: pl.DataFrame) -> Batch:
    """``message, row, type, document, function, head`` (row of BGM) of MSCONS messages."""
    tag = pl.col("tag")
    messages = segments.filter((pl.col("message") > 0) & tag.is_in(["UNH", "BGM"]))
    messages = messages.group_by("message", maintain_order=True).agg(
        row=pl.col("row").first(),
        type=component(2, 0).filter(tag == "UNH").first(),
        document=component(2, 0).filter(tag == "BGM").first(),
        function=element(3).filter(tag == "BGM").first(),
        head=pl.col("row").filter(tag == "BGM").first(),
    )
    ours = pl.col("type") == "MSCONS"
    return Batch(messages).refuse((~ours, "row-malformed", "a message of another type than MSCONS")).filter(ours)


def _cancelled(messages: Batch, segments: pl.DataFrame) -> Batch:
    """``messages``, ``cancelled`` where one cancels or is cancelled. Each cancellation is said."""
    cancelling = messages.rows.filter(pl.col("function") == _CANCELLATION).select("message", "head")
    references = segments.filter(pl.col("tag") == "RFF").filter(component(1, 0) != "Z13")
    references = references.select("message", document=component(1, 1)).filter(pl.col("document") != "")
    pairs = cancelling.join(references, on="message").join(
        messages.rows.select("document", earlier="message"), on="document"
    )
    pairs = pairs.filter(pl.col("earlier") < pl.col("message"))
    here = pl.col("message").is_in(pairs["message"].implode())
    text = pl.when(here).then(pl.lit("cancels an earlier message of this file, whose values are not used")).otherwise(
        pl.lit("cancels a message that is not in this file; what came with it stays until it is replaced")
    )  # fmt: skip
    cancellations = cancelling.select(row="head", code=pl.lit("message-cancelled"), message=text).cast(PROBLEM_SCHEMA)
    both = pl.concat([cancelling["message"], pairs["earlier"]])
    return messages.with_columns(cancelled=pl.col("message").is_in(both.implode())).also(cancellations)


def _quantities(segments: pl.DataFrame, zone: str | None) -> pl.DataFrame:
    """A row a QTY: where it belongs, its text, unit, flags and times; what is not told is null or empty."""
    tag = pl.col("tag")
    begins = tag.is_in(_SHARED)
    code = pl.when((tag == "PIA") & (element(1) == "5") & component(2, 0).str.contains(r"^\d+-\d+:")).then(
        component(2, 0)
    )
    place = pl.coalesce(*(pl.when(part != "").then(part) for part in (component(2, 0), component(2, 3))))
    second = component(3, 0)
    place = pl.when(second != "").then(pl.concat_str(place, second, separator="+")).otherwise(place)
    # Apart from the many quantities and dates: a few segments say where they belong.
    heads = segments.filter(tag.is_in(["QTY", "DTM", "STS"]).not_()).select(
        "row",
        point=pl.when(tag == "LOC").then(place.fill_null("")).when(begins).then(pl.lit("")).forward_fill(),
        location=pl.when(tag == "LOC").then("row").when(begins).then(pl.lit(0)).forward_fill(),
        line=pl.when(tag == "LIN").then("row").when(begins | (tag == "LOC")).then(pl.lit(0)).forward_fill(),
        code=pl.when(begins | tag.is_in(["LOC", "LIN"])).then(pl.lit("")).otherwise(code).forward_fill(),
    )
    placed = segments.with_columns(
        owner=pl.when(tag.is_in([*_SHARED, "LOC", "LIN", "QTY", "UNT"])).then("row").forward_fill()
    )
    written = pl.when(component(1, 2).is_in(_STAMPED)).then(component(1, 1))
    dates = placed.filter(tag == "DTM").select(
        "owner", "message", qualifier=component(1, 0), text=component(1, 1), written=written, format=component(1, 2)
    )

    def at(qualifier: str, name: str, column: str = "written") -> pl.DataFrame:
        found = dates.filter(pl.col("qualifier") == qualifier).unique("owner", keep="first")
        return found.select("owner", pl.col(column).alias(name))

    quantities = segments.filter(tag == "QTY").join_asof(heads, on="row", check_sortedness=False)
    quantities = quantities.select(
        "row", "message", "point", "location", "line", "code", channel="code",
        quality_raw=component(1, 0).str.to_uppercase(),
        raw=component(1, 1).str.replace(",", ".", literal=True),  # ISO 9735 allows both marks, whatever UNA says
        unit=component(1, 2).str.strip_chars(),
    )  # fmt: skip
    for qualifier, name, column in (
        ("163", "own_begin", "written"), ("164", "own_end", "written"), ("9", "read", "text"), ("7", "used", "text"),
    ):  # fmt: skip
        quantities = quantities.join(at(qualifier, name, column), left_on="row", right_on="owner", how="left")
    steps = dates.filter(qualifier="672").select("owner", step=_minutes(pl.col("text"), pl.col("format")))
    for level in ("line", "location"):
        parts = (("163", "begin"), ("164", "finish"))
        for qualifier, name in parts:
            quantities = quantities.join(at(qualifier, f"{level}_{name}"), left_on=level, right_on="owner", how="left")
        lengths = steps.unique("owner", keep="first").rename({"step": f"{level}_step"})
        quantities = quantities.join(lengths, left_on=level, right_on="owner", how="left")
    issued = dates.filter(qualifier="137").unique("message", keep="first").select("message", issued="written")
    quantities = quantities.join(issued, on="message", how="left").sort("row")
    series = pl.when(pl.col("line") > 0).then("line").otherwise("location")
    quantities = quantities.with_columns(
        step=pl.coalesce("line_step", "location_step"),
        **{name: pl.coalesce(f"line_{name}", f"location_{name}") for name in ("begin", "finish")},
        place=pl.int_range(pl.len(), dtype=pl.Int64).over(series),
        size=pl.len().over(series).cast(pl.Int64),
    )
    statuses = _statuses(placed)
    quantities = quantities.join(statuses, left_on="row", right_on="owner", how="left", maintain_order="left")
    return _timed(quantities, zone, zone or _zone(segments))


def _minutes(text: pl.Expr, format: pl.Expr) -> pl.Expr:
    """DTM 672: 804 counts days, 805 hours, 806 minutes."""
    unit = format.replace_strict({"804": 1440, "805": 60, "806": 1}, default=None, return_dtype=pl.Int64)
    # Five digits are 69 days in minutes; without the bound a wrong number would overflow the clock.
    return text.str.extract(r"^([0-9]{1,5})$").cast(pl.Int64) * unit


def _statuses(placed: pl.DataFrame) -> pl.DataFrame:
    """STS of each QTY: ``rate_raw`` (category 6, tariff) and ``reason_raw``, all others as delivered."""
    found = placed.filter(pl.col("tag") == "STS").select(
        "owner",
        tariff=component(1, 0) == "6",
        text=pl.col("cells").list.slice(1).list.join("+").str.replace_all(edifact.COMPONENT, ":", literal=True),
        rate=pl.col("cells").list.slice(2).list.join("").str.replace_all(edifact.COMPONENT, "", literal=True),
    )
    return found.group_by("owner").agg(
        rate_raw=pl.col("rate").filter(pl.col("tariff")).first(),
        reason_raw=pl.when(~pl.col("tariff")).then("text").drop_nulls().str.join(";"),
    ).with_columns(reason_raw=pl.when(pl.col("reason_raw") != "").then("reason_raw"))  # fmt: skip


def _timed(quantities: pl.DataFrame, zone: str | None, usual: str) -> pl.DataFrame:
    """``start``, ``end``, ``minutes``, ``taken`` (of a meter read) and ``version`` in UTC; ``unzoned``.

    A message's date without an offset (Switzerland) is in the ``usual`` zone: it only orders versions.
    """
    names = {"own_begin", "own_end", "begin", "finish", "read", "used", "issued"}
    texts = pl.concat([quantities.select(text=name) for name in names]).unique().drop_nulls()
    part = pl.col("text").str.extract_groups(r"^([0-9]{8})([0-9]{4})?([0-9]{2})?([+-][0-9]{2})?([0-9]{2})?$")
    local = pl.concat_str(part.struct[0], part.struct[1].fill_null("0000")).str.to_datetime(
        "%Y%m%d%H%M", strict=False, time_unit="us"
    )
    hours, rest = part.struct[3].cast(pl.Int64), part.struct[4].fill_null("0").cast(pl.Int64)
    minutes = hours * 60 + pl.when(part.struct[3].str.starts_with("-")).then(-rest).otherwise(rest)
    zoned = (local - pl.duration(minutes=minutes)).dt.replace_time_zone("UTC")
    elsewhere = utc(local, zone) if zone else pl.lit(None, pl.Datetime("us", "UTC"))
    stamps = texts.with_columns(
        instant=pl.when(part.struct[3].is_not_null()).then(zoned).otherwise(elsewhere),
        ordered=pl.when(part.struct[3].is_not_null()).then(zoned).otherwise(utc(local, usual)),
        unzoned=local.is_not_null() & part.struct[3].is_null() & pl.lit(not zone),
    )
    for name in sorted(names):
        instant = "ordered" if name == "issued" else "instant"
        found = stamps.select(pl.col("text").alias(name), pl.col(instant).alias(f"{name}_at"))
        quantities = quantities.join(found, on=name, how="left", maintain_order="left")
    bare = set(stamps.filter("unzoned")["text"])
    step = pl.duration(minutes="step")
    counted = pl.when(pl.col("own_begin").is_null() & pl.col("own_end").is_null())
    begin = pl.coalesce(
        "own_begin_at", pl.col("own_end_at") - step, counted.then(pl.col("begin_at") + step * pl.col("place"))
    )
    # A single quantity without times of its own is that of the whole span told above it.
    alone = counted.then(pl.when((pl.col("size") == 1) & pl.col("step").is_null()).then(pl.lit(True)))
    quantities = quantities.with_columns(
        start=pl.coalesce(begin, pl.when(alone).then("begin_at")),
    ).with_columns(
        end=pl.coalesce("own_end_at", pl.col("start") + step, pl.when(alone).then("finish_at")),
    )  # fmt: skip
    span = (pl.col("finish_at") - pl.col("begin_at")).dt.total_minutes()
    return quantities.with_columns(
        minutes=(pl.col("end") - pl.col("start")).dt.total_minutes().cast(pl.Int32, strict=False),
        taken=pl.coalesce("read_at", "used_at", "own_end_at", "own_begin_at"),
        version="issued_at",
        unzoned=pl.any_horizontal(pl.col(name).is_in(list(bare)) for name in names - {"issued"}).fill_null(False),
        short=pl.col("own_begin").is_null() & pl.col("own_end").is_null() & (span != pl.col("step") * pl.col("size")),
        quality=pl.col("quality_raw").replace_strict(_QUALITY, default="unknown", return_dtype=pl.String),
    )


def _judged(quantities: pl.DataFrame) -> Batch:
    register = pl.col("kind") == "register"
    no_time = pl.when(register).then(pl.col("taken").is_null()).otherwise(
        (pl.col("end") <= pl.col("start")).fill_null(True) | pl.col("minutes").is_null()
    )  # fmt: skip
    return Batch(quantities).refuse(
        (pl.col("point") == "", "value-null", "no metering point (LOC) before this QTY"),
        (pl.col("code") == "", "row-malformed", "no OBIS code (PIA+5) before this QTY"),
        (pl.col("kind").is_null(), "value-unknown", "the OBIS code holds no energy over the phases' sum"),
        (pl.col("unzoned") & no_time, "stamp-bad", "the stamps tell no offset to UTC; declare the option timezone"),
        (
            pl.col("short") & ~register,
            "interval-count",
            pl.format("{} values do not fill the span told for them", "size"),
        ),
        (no_time, "stamp-bad", "no begin and later end (DTM 163, 164) that can be read"),
    )


def _once(quantities: Batch) -> Batch:
    """Without those that would count an energy twice; units that contradict their code are said."""
    rows = quantities.rows
    repeats = counted_twice(rows.select("point", "code", "kind", "c", "tariff").unique(), "point")
    batch = replace(quantities, rows=rows.join(repeats, on=["point", "code"], how="anti", maintain_order="left"))
    wrong = batch.rows.filter("contradicts")["row"]
    if wrong.len():
        text = f"{wrong.len()} quantities have a unit that contradicts their OBIS code; the code is believed, they are"
        batch = batch.note("unit-contradicts", text + " suspect", wrong[0])
    if skipped := rows.height - batch.rows.height:
        text = f"{skipped} quantities are tariffs beside their total, or power beside its energy, and were left out"
        batch = batch.note("channel-skipped", text)
    return batch


def _registers(values: pl.DataFrame) -> Batch:
    """Meter reads (the dials, without multiplier) and energies over spans that are no interval."""
    register = pl.col("kind") == "register"
    frame = values.with_columns(
        start=pl.when(~register).then("start"),
        end=pl.when(register).then("taken").otherwise("end"),
        register_end=pl.when(register).then("value"),
        value=pl.when(~register).then("value"),
    )
    return canonical(Batch(frame), REGISTER_SCHEMA)


def _zone(segments: pl.DataFrame) -> str:
    """The offset that the file's first begin is told with."""
    begins = segments.filter(pl.col("tag") == "DTM").filter(element(1).str.starts_with("163"))["cells"]
    found = re.search(r"([+-]\d{2})(\d{2})?(?!\d)", begins[0][1][12:]) if len(begins) else None
    return f"{found[1]}:{found[2] or '00'}" if found else "UTC"
