"""Twins of standards: one set of readings in many spellings that the standard allows, which must all be read alike.

Order of records, blocks that are split, line ends, encodings, namespaces: nothing of it changes what a file says. A
twin that is refused, or read otherwise, has broken the rule; there is no layout here that might be wrong.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from assets.meters.exports import read_export
from tests.meters import test_readers_espi as espi, test_readers_mscons as mscons, test_readers_nem12 as nem12

Series = dict[tuple[str, datetime], Decimal]
"""Energy in kWh of a meter and the start (UTC) of its interval."""
QUARTER = timedelta(minutes=15)
METERS = ("1", "2", "3")
AGAIN = 0.2
"""Share of files that send something twice; that is all they may say."""
SAID = {"duplicate-rows", "day-repeated"}


def made(chance: random.Random, midnight: timedelta) -> Series:
    """Some days of some meters, by quarter-hours from a midnight that is ``midnight`` after that of UTC."""
    first = datetime(2026, 3, 1, tzinfo=UTC) + midnight
    meters, days = chance.sample(METERS, chance.choice((1, 2, 3))), chance.choice((1, 2, 3))
    return {
        (meter, first + n * QUARTER): Decimal(chance.randint(0, 5000)) / 1000
        for meter in sorted(meters)
        for n in range(96 * days)
    }


def _meters(truth: Series) -> Iterator[tuple[str, dict[datetime, Decimal]]]:
    for meter in dict.fromkeys(meter for meter, _ in truth):
        yield meter, {start: value for (of, start), value in truth.items() if of == meter}


def _spelt(value: Decimal, chance: random.Random, factor: int = 1) -> str:
    """A number with zeros at its end, or without."""
    scaled = value * factor
    return chance.choice((f"{scaled.normalize():f}", f"{scaled:f}"))


def _sent(parts: list[Any], chance: random.Random) -> list[Any]:
    """In any order, and some of them twice."""
    again = parts + chance.sample(parts, min(len(parts), 2)) if chance.random() < AGAIN else parts
    return chance.sample(again, len(again))


def _bytes(text: str, chance: random.Random, encodings: tuple[str, ...]) -> bytes:
    ends = text.replace("\n", chance.choice(("\n", "\r\n")))
    return ends.encode(chance.choice(encodings))


def nem12_file(truth: Series, chance: random.Random) -> bytes:
    """Days in any order, each under a 200 record of its own or all of a meter's under one; kWh, Wh or MWh."""
    blocks = []
    for meter, values in _meters(truth):
        unit, factor = chance.choice((("kWh", 1), ("WH", 1000), ("kwh", 1)))
        head = nem12.nmi(point=f"NMI000000{meter}", unit=unit, minutes=15)
        rows, starts = [], sorted(values)
        for at in range(0, len(starts), 96):
            day = starts[at : at + 96]
            local = day[0] + nem12.MARKET
            texts = [_spelt(values[start], chance, factor) for start in day]
            rows.append(nem12.day(f"{local:%Y%m%d}", texts, updated=chance.choice(("20260401010000", ""))))
        rows = _sent(rows, chance)
        apart = chance.random() < 0.5
        blocks += [[head, row] for row in rows] if apart else [[head, *rows]]
    chance.shuffle(blocks)
    lines = [line for block in blocks for line in block]
    if chance.random() < 0.3:
        lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines]
    if chance.random() < 0.3:
        lines = [line.rstrip(",") if line.startswith(('"200', "200")) else line for line in lines]
    text = "\n".join(["100,NEM12,202604020000,MDP,CITY", *lines, "900"]) + "\n" * chance.choice((1, 2))
    return _bytes(text, chance, ("utf-8", "utf-8-sig", "utf-16"))


def espi_file(truth: Series, chance: random.Random) -> bytes:
    """Entries in any order, blocks cut anywhere and their readings shuffled, values in Wh or its powers of ten."""
    entries = []
    for number, (meter, values) in enumerate(_meters(truth), start=1):
        power, kind = chance.choice((0, -1, -3)), number if chance.random() < 0.5 else 10 + number
        entries += [espi.usage_point(int(meter)), espi.meter(int(meter), kind=kind)]
        entries.append(espi.reading_type(kind, powerOfTenMultiplier=power))
        starts, name = sorted(values), 0
        while starts:
            size = chance.choice((len(starts), 96, 7, 1)) if len(starts) < 40 else chance.choice((len(starts), 96, 37))
            part, starts = starts[:size], starts[size:]
            name += 1
            scaled = [int((values[at] * 1000).scaleb(-power)) for at in part]
            begun = [int(at.timestamp()) for at in part]
            readings = [espi.reading(value, at) for value, at in zip(scaled, begun, strict=True)]
            chance.shuffle(readings)
            entries.append(espi.block(*readings, number=int(meter), name=name, start=begun[0]))
    text = espi.feed(*_sent(entries, chance), prolog="").decode()
    if chance.random() < 0.3:
        text = re.sub(r"<(/?)(IntervalReading|timePeriod|duration|start|value)>", r"<\1e:\2>", text)
        text = text.replace("<feed ", f'<feed xmlns:e="{espi.ESPI}" ', 1)
    if chance.random() < 0.5:
        text = re.sub(r"(</entry>|</IntervalReading>)", "\\1\n  ", text)
    encoding = chance.choice(("utf-8", "utf-8-sig", "utf-16"))
    prolog = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig").upper()}"?>\n'
    return (prolog + text).encode(encoding)


def mscons_file(truth: Series, chance: random.Random) -> bytes:
    """A message a meter, series cut anywhere, stamps of any offset, either decimal mark, any separators."""
    messages, bodies = [], []
    for meter, values in _meters(truth):
        starts, body = sorted(values), []
        while starts:
            size = chance.choice((len(starts), 96, 31))
            part, starts = starts[:size], starts[size:]
            offset = chance.choice((0, 1, 7))
            texts = [_spelt(values[at], chance).replace(".", chance.choice((".", ","))) for at in part]
            body.append(mscons.series(texts, begin=part[0], unit=chance.choice(("", "KWH")), offset=offset))
        bodies.append((f"LOC+172+POINT{meter}", [line for lines in _sent(body, chance) for line in lines]))
    chance.shuffle(bodies)
    for number, (location, lines) in enumerate(bodies, start=1):
        messages.append(mscons.message(*lines, number=number, document=f"D{number}", location=location))
    text = mscons.interchange(*messages, glue=chance.choice(("'", "'\n", "'\r\n")))
    if marks := chance.choice(("", "", ":+.? '", ";*.! ~", "|#.^ $")):
        text = f"UNA{marks}" + mscons.other_marks(text, marks)
    return text.encode(chance.choice(("utf-8", "utf-8-sig", "latin-1")))


Writer = Callable[[Series, random.Random], bytes]
STANDARDS: Mapping[str, tuple[Writer, timedelta]] = {
    "nem12": (nem12_file, -nem12.MARKET),
    "espi": (espi_file, timedelta()),
    "mscons": (mscons_file, timedelta()),
}


def broken(format: str, number: int) -> str | None:
    """How the twin of a number is read otherwise than it was written."""
    chance = random.Random(f"{format}/{number}")
    write, midnight = STANDARDS[format]
    truth = made(chance, midnight)
    export = read_export(write(truth, chance), "x", {})
    readings = export.tables.get("readings")
    if export.format != format or readings is None or set(export.problems["code"]) - SAID:
        return f"{export.format}: {export.problems.rows()[:2]}"
    rows = readings.select(pl.col("point").cast(pl.String).str.tail(1), "start", "value").iter_rows()
    found = {(point, start): value for point, start, value in rows}
    other = [key for key in {*truth, *found} if truth.get(key) != found.get(key)]
    return f"{len(other)} of {len(truth)} readings are other ones" if other else None
