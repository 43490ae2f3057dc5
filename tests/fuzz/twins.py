"""``make fuzz``: one set of readings written in many shapes, and read by layouts that fit, or nearly.

A ``Shape`` is how a file is written; a layout declares one. Where it declares the file's own, the readings come back as
they are. Where it declares another, they come back as they are or the file says by a problem that something is amiss:
numbers at other times, or other numbers, are never passed on without a word. Standards have twins of their own
(``standards``).
"""

import argparse
import io
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

import openpyxl
import polars as pl

from assets.meters.exports import read_export
from assets.meters.formats.canonical import Export
from assets.meters.formats.periods import MONTHS_TH
from tests.fuzz import standards
from tests.fuzz.shapes import Shape, drawn, layout, nearly

Truth = Mapping[tuple[str, datetime], Decimal]
"""Energy in kWh of a meter and the local start of its interval."""

_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FACTORS = {"Wh": 1000, "kWh": 1, "MWh": Decimal("0.001")}
BANGKOK = timedelta(hours=7)
SAID = {"stamp-label", "decimal-doubtful"}
"""Problems that say of all readings that they may be others: what was declared is believed."""
_BELOW_CODES = 60
_ROUNDING = Decimal("0.00001")


def made(chance: random.Random) -> dict[tuple[str, datetime], Decimal]:
    """A small set of readings by quarter-hours."""
    meters = chance.sample(("A1", "B2", "C3"), chance.choice((1, 1, 2, 3)))
    days = chance.choice((1, 1, 2, 3, 8))
    first = datetime(2026, chance.randint(1, 11), chance.randint(1, 26))
    size = Decimal(chance.choice(("0.05", "1", "12", "700", "2500")))
    places = chance.choice((2, 3) if size < 1 else (0, 1, 2, 3))
    found = {}
    for meter in meters:
        for slot in range(96 * days):
            of_day = Decimal(str(round(abs((slot % 96) - 30 - chance.random() * 10) / 60 + 0.2 + chance.random(), 3)))
            found[meter, first + timedelta(minutes=15 * slot)] = round(size * of_day, places)
    return found


def lengthened(truth: Truth, minutes: int) -> dict[tuple[str, datetime], Decimal]:
    """The same energy in longer intervals."""
    found = dict[tuple[str, datetime], Decimal]()
    for (meter, start), value in truth.items():
        at = start - timedelta(minutes=start.minute % minutes)
        found[meter, at] = found.get((meter, at), Decimal(0)) + value
    return found


def _day(shape: Shape, day: date) -> str:
    year = f"{day.year + (543 if shape.era == 'BE' else 0)}"[-shape.digits :]
    if shape.month != "number":
        name = _ENGLISH[day.month - 1] if shape.month == "English" else MONTHS_TH[day.month].split("|")[0]
        return f"{day.day:02d} {name.replace(chr(92), '')} {year}"
    parts = {"d": f"{day.day:02d}", "m": f"{day.month:02d}", "y": year}
    return shape.mark.join(parts[part] for part in shape.order)


def _clock(shape: Shape, at: datetime) -> str:
    if shape.clock in ("AM", "H:MM:SS AM"):
        return f"{at.hour % 12 or 12}:{at:%M}{':00' if 'SS' in shape.clock else ''} {'AM' if at.hour < 12 else 'PM'}"
    if shape.clock == "H:MM":
        return f"{at.hour}:{at:%M}"
    return f"{at:%H.%M}" if shape.clock == "HH.MM" else f"{at:%H:%M:%S}" if "SS" in shape.clock else f"{at:%H:%M}"


def _stamp(shape: Shape, at: datetime) -> list[Any]:
    """A stamp's one or two cells."""
    if shape.cells == "dates":
        return [at]
    if shape.cells == "serials":
        return [round((at - datetime(1899, 12, 30)) / timedelta(days=1), 10)]
    if shape.cells in ("s", "ms"):
        return [(at - BANGKOK - datetime(1970, 1, 1)) // timedelta(seconds=1) * (1000 if shape.cells == "ms" else 1)]
    day, clock = at.date(), _clock(shape, at)
    if not (at.hour or at.minute) and shape.label == "end" and shape.midnight != "opens":
        day -= timedelta(days=1)
        clock = clock.replace("0", "24", 1) if shape.clock == "H:MM" else clock.replace("00", "24", 1)
        if shape.midnight == "closes":
            clock = _clock(shape, at)
    if shape.clock == "at midnight none" and not (at.hour or at.minute):
        return [_day(shape, day)]
    return [_day(shape, day), clock] if shape.apart else [f"{_day(shape, day)} {clock}"]


def _number(shape: Shape, value: Decimal) -> str:
    text = f"{value:,f}" if shape.thousands else f"{value:f}"
    return text.replace(",", "T").replace(".", shape.decimal).replace("T", shape.thousands)


def _values(shape: Shape, truth: Truth) -> dict[tuple[str, datetime], Decimal]:
    """Numbers by meter and stamp."""
    factor = _FACTORS[shape.unit]
    if shape.kind == "register":
        found = dict[tuple[str, datetime], Decimal]()
        for meter in {meter for meter, _ in truth}:
            dials = Decimal(4321)
            for (of, start), value in truth.items():
                if of == meter:
                    found[meter, start] = dials * factor
                    dials += value
                    found[meter, start + timedelta(minutes=shape.minutes)] = dials * factor
        return found
    later = timedelta(minutes=shape.minutes if shape.label == "end" else 0)
    per = Decimal(60) / shape.minutes if shape.kind == "average" else 1
    return {(meter, start + later): value * per * factor for (meter, start), value in truth.items()}


def _table(shape: Shape, numbers: Mapping[tuple[str, datetime], Decimal], chance: random.Random) -> list[list[Any]]:
    """Header and rows; of ``wide``, a row a day."""
    meters = list(dict.fromkeys(meter for meter, _ in numbers))
    of_meter = ["meter"] if shape.meters == "column" and shape.table != "points" else []
    at = ["date", "time"] if shape.apart else ["at"]
    if shape.table.startswith("wide"):
        slots = [timedelta(minutes=n * shape.minutes) for n in range(1440 // shape.minutes)]
        named = [f"{n}" for n in range(1, len(slots) + 1)]
        if shape.table == "wide":
            named = [f"{datetime(2026, 1, 1) + slot:%H:%M}" for slot in slots]
        days = sorted({(meter, stamp.date()) for meter, stamp in numbers})
        rows = [
            [
                *[meter][: len(of_meter)],
                _day(shape, day),
                *(_number(shape, numbers[meter, datetime(day.year, day.month, day.day) + slot]) for slot in slots),
            ]
            for meter, day in days
        ]
        return [[*of_meter, "at", *named], *rows]
    if shape.table in ("points", "beside"):
        stamps = sorted({stamp for _, stamp in numbers})
        if shape.table == "points":
            rows = [[*_stamp(shape, s), *(_number(shape, numbers[m, s]) for m in meters)] for s in stamps]
            return [[*at, *meters], *rows]
        each = [[cell for m in meters for cell in (*_stamp(shape, s), _number(shape, numbers[m, s]))] for s in stamps]
        return [[*at, "value"] * len(meters), *each]
    rows = [
        [*[meter][: len(of_meter)], *_stamp(shape, stamp), _number(shape, value)]
        for (meter, stamp), value in sorted(numbers.items())
    ]
    if shape.rows == "by time":
        order = sorted(numbers)
        rows = [row for _, row in sorted(zip(order, rows, strict=True), key=lambda pair: (pair[0][1], pair[0][0]))]
    elif shape.rows == "newest first":
        rows.reverse()
    elif shape.rows == "shuffled":
        chance.shuffle(rows)
    if shape.table == "components":
        volts = [[*row[:-1], "V", "230"] for row in rows]
        rows = [[*row[:-1], "IMP", row[-1]] for row in rows] + volts
        return [[*of_meter, *at, "what", "value"], *rows]
    return [[*of_meter, *at, "value"], *rows]


def _sum(shape: Shape, rows: Sequence[Sequence[Any]]) -> str:
    texts = (row[-1].replace(shape.thousands or "\0", "").replace(shape.decimal, ".") for row in rows)
    return _number(shape, sum(map(Decimal, texts), Decimal(0)))


def _with_extra(shape: Shape, table: list[list[Any]], chance: random.Random) -> list[list[Any]]:
    header, *rows = table
    stamp = header.index("date" if shape.apart else "at")
    middle = len(rows) // 2
    if shape.extra == "header again":
        return [header, *rows[:middle], header, *rows[middle:]]
    if shape.extra == "blank lines":
        return [header, *rows[:middle], [], *rows[middle:], []]
    if shape.extra == "column":
        return [[*header, "remark"], *([*row, "ok"] for row in rows)]
    if shape.extra == "length":
        return [[*header, "Duration"], *([*row, f"{shape.minutes} min"] for row in rows)]
    if shape.extra == "blanks":
        return [header, *([*row[:-1], ""] if n % 7 == 3 else row for n, row in enumerate(rows))]
    if shape.extra == "twice":
        return [header, *rows, *rows[middle:]]
    if shape.extra == "sentinel":
        code = chance.choice(("4294967295", "65535", "-999", "-32768", "655.35", "9999.99"))
        for n in range(3, len(rows), 29):
            rows[n] = [*rows[n][:-1], code.replace(".", shape.decimal)]
        return [header, *rows]
    if shape.extra in ("total", "totals of days"):
        last = [chance.choice(("Total", "รวม", "")) if n == stamp else "" for n in range(len(header))]
        if shape.extra == "total":
            return [header, *rows, [*last[:-1], _sum(shape, rows)]]
        found, a_day = [], 1440 // shape.minutes
        for n, row in enumerate(rows):
            found.append(row)
            if n % a_day == a_day - 1:
                words = 2 if shape.clock.endswith("AM") else 1
                day = row[stamp] if shape.apart else row[stamp].rsplit(" ", words)[0]
                blank = ["" if shape.apart and place == stamp + 1 else cell for place, cell in enumerate(row)]
                of_day = _sum(shape, rows[n - a_day + 1 : n + 1])
                found.append([*blank[:stamp], day, *blank[stamp + 1 : -1], of_day])
        return [header, *found]
    if shape.extra == "merged":
        seen = None
        for row in rows:
            seen, row[stamp] = row[stamp], "" if row[stamp] == seen else row[stamp]
    return [header, *rows]


def _above(shape: Shape, meters: Sequence[str]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    if shape.extra == "titles":
        rows = [["Load profile of a customer"], ["ที่อยู่", "1/2 ถนน"], []]
    if shape.title == "unit":
        unit = {"delta": shape.unit, "register": shape.unit, "average": shape.unit.removesuffix("h")}[shape.kind]
        rows.append([f"Unit: {unit}"])
    width = 3 if shape.apart else 2
    if shape.table == "beside":
        rows.append([cell for meter in meters for cell in (f"Meter {meter}", *[""] * (width - 1))])
    elif shape.meters == "above":
        rows.append(["Meter", meters[0]])
    return rows


def _typed(cell: Any, shape: Shape) -> Any:
    """A workbook's cell: numbers as such, where Excel has read them."""
    if isinstance(cell, str) and shape.cells != "text" and not shape.thousands and shape.decimal == ".":
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell


def written(shape: Shape, truth: Truth, chance: random.Random) -> bytes:
    """The file."""
    numbers = _values(shape, truth)
    meters = list(dict.fromkeys(meter for meter, _ in numbers))
    groups = [[meter] for meter in meters] if shape.table == "sheets" else [meters]
    sheets = []
    for group in groups:
        own = {key: value for key, value in numbers.items() if key[0] in group}
        sheets.append([*_above(shape, group), *_with_extra(shape, _table(shape, own, chance), chance)])
    if shape.file == "json":
        (header, *rows) = sheets[0]
        found = [dict(zip(map(str, header), row, strict=True)) for row in rows if row]
        return json.dumps(found, ensure_ascii=False).encode()
    if shape.file == "xlsx":
        book = openpyxl.Workbook()
        book.remove(book.active)  # type: ignore[arg-type]
        for number, rows in enumerate(sheets):
            sheet = book.create_sheet(f"S{number}")
            for row in rows:
                sheet.append([_typed(cell, shape) for cell in row])
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    def quoted(cell: Any) -> str:
        text = str(cell)
        return f'"{text}"' if shape.file in text else text

    return "".join(shape.file.join(map(quoted, row)) + "\r\n" for row in sheets[0]).encode(shape.encoding)


@dataclass(frozen=True)
class Twin:
    """A file, the layout it is read by, and what is in it."""

    shape: Shape
    declared: Shape
    data: bytes
    truth: Truth

    @classmethod
    def of(cls, number: int) -> Self:
        """The twin of a number: every second one is read by a layout that fits."""
        chance = random.Random(f"twin/{number}")
        truth = made(chance)
        meters = sorted({meter for meter, _ in truth})
        shape = drawn(chance, len(meters))
        if shape.extra == "sentinel" and max(truth.values()) > _BELOW_CODES:
            shape = replace(shape, extra="none")  # among numbers as large, a code is none that can be told
        if shape.meters == "fixed":
            truth = {key: value for key, value in truth.items() if key[0] == meters[0]}
        truth = lengthened(truth, shape.minutes)
        declared = nearly(shape, chance, len(meters)) if number % 2 else shape
        return cls(shape, declared, written(shape, truth, chance), truth)

    def read(self) -> Export:
        """What the layout makes of the file, on the morning after its last day."""
        day = max(start for _, start in self.truth).date() + timedelta(days=1)
        return read_export(self.data, "x", {"layout": layout(self.declared)}, day)


def broken(twin: Twin) -> str | None:
    """The rule that is broken: numbers that the file does not have, or fewer of them, without a word."""
    export = twin.read()
    codes = set(export.problems["code"])
    if export.tables.get("readings") is None:
        return "refused" if twin.shape == twin.declared else None if codes else "nothing said"
    rows = export.tables["readings"].filter(pl.col("quantity") == "active_import").drop_nulls("value")
    at = (pl.col("start").dt.replace_time_zone(None) + pl.duration(hours=7)).alias("at")
    named = pl.lit("A1") if twin.declared.meters == "fixed" else pl.col("point").cast(pl.String)
    told = twin.truth
    if twin.shape.kind == twin.declared.kind == "register":
        told = lengthened(told, twin.declared.minutes)  # what a register rises by in longer intervals is their energy
    truth = {
        ("A1" if twin.declared.meters == "fixed" else meter, start): value for (meter, start), value in told.items()
    }
    found = {(point, start): value for point, start, value in rows.select(named, at, "value").iter_rows()}
    other = [key for key, value in found.items() if key not in truth or abs(truth[key] - value) > _ROUNDING]
    if other and not codes & SAID:
        return f"{len(other)} of {len(found)} readings are other ones, said is {sorted(codes)}"
    if len(found) < len(truth) and not codes:
        return f"{len(found)} of {len(truth)} readings, and nothing is said"
    return None


def main() -> int:
    """Twins by number; 1 if any broke the rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0, help="number of the first")
    chosen = parser.parse_args()
    failed = 0
    for number in range(chosen.start, chosen.start + chosen.inputs):
        twin = Twin.of(number)
        if why := broken(twin):
            failed += 1
            print(f"twin {number}: {why}\n  file      {twin.shape}\n  declared  {twin.declared}", flush=True)
    print(f"{'twins':22} {chosen.inputs:6} inputs: {failed} broken")
    for name in standards.STANDARDS:
        for number in range(chosen.start, chosen.start + chosen.inputs // 20):
            if why := standards.broken(name, number):
                failed += 1
                print(f"{name} {number}: {why}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
