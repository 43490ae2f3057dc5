"""Layouts of a platform that took exports of British data collectors for six years: each as a short declaration.

The catalogue tells each header's beginning, number of columns and label. Rows are written under the header rebuilt from
that, and must come back.
"""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest

from assets.meters.exports import read_export

pytestmark = pytest.mark.real

DAY = datetime(2026, 1, 15)
KWH = {"unit": "kWh", "kind": "delta"}
NOT_DECLARABLE = {"tem"}
"""A matrix of periods down and days across, without dates: no row a day and no row a reading."""


class Spelling(NamedTuple):
    """How interval columns are named: ``name(n)`` of the n-th (from 0), and the pattern that reads it."""

    pattern: str
    name: Callable[[int], str]
    label: str = "start"


def clocks(form: str, pattern: str) -> list[Spelling]:
    """Starts 00:00 to 23:30, and ends 00:30 to 00:00, as ``form`` (fields h, m, h12, half) spells them."""

    def of(n: int) -> str:
        hour, minute = n // 2 % 24, n % 2 * 30
        return form.format(h=hour, m=minute, h12=(hour - 1) % 12 + 1, half="AP"[hour // 12])

    return [Spelling(pattern, of), Spelling(pattern, lambda n: of(n + 1), "end")]


HM = r"(?P<hour>\d\d?):(?P<minute>\d\d)"
SPELLINGS = [
    *clocks("{h:02d}:{m:02d}", HM),
    *clocks("{h}:{m:02d}", HM),
    *clocks("{h:02d}:{m:02d}:00", HM + ":00"),
    *clocks("{h12}:{m:02d} {half}M", HM + " (?P<half>[AP])M"),
    *clocks("hr{h:02d}{m:02d}", r"hr(?P<hour>\d\d)(?P<minute>\d\d)"),
    *clocks("H{h:02d}{m:02d}", r"H(?P<hour>\d\d)(?P<minute>\d\d)"),
    *clocks("reading{h:02d}{m:02d}", r"reading(?P<hour>\d\d)(?P<minute>\d\d)"),
    *clocks("consumptionHH_{h:02d}_{m:02d}_00", r"consumptionHH_(?P<hour>\d\d)_(?P<minute>\d\d)_00"),
    Spelling(HM + " - .*", lambda n: f"{n // 2:02d}:{n % 2 * 30:02d} - {(n + 1) // 2 % 24:02d}:{(n + 1) % 2 * 30:02d}"),
    Spelling(r"(?P<hour>\d{0,2})(?P<minute>[03]0)", lambda n: str((n + 1) // 2 * 100 + (n + 1) % 2 * 30), "end"),
    Spelling(r"hh(?P<index>\d\d)", lambda n: f"hh{n + 1:02d}"),
    *(
        Spelling(re.escape(prefix) + r"(?P<index>\d+)", lambda n, prefix=prefix: f"{prefix}{n + 1}")
        for prefix in ("", "HH", "P", "ID", "Kwh", "kWh_", "interval_", "Consumption(KWh) HH")
    ),
]

LONG = {
    "opus-hh": {
        "stamp": {"columns": ["Sett Date"], "order": "dmy", "period": "Sett Period"},
        "values": {"Meter Read": KWH},
    },
    "my-sefe-portal": {"stamp": {"columns": ["ReadDateTime_UTC"], "order": "dmy"}, "values": {"Consumption": KWH}},
    "mycorona-portal": {"stamp": {"columns": ["Read date", "Time"], "order": "dmy"}, "values": {"Actual (KWH)": KWH}},
    "opus-gas": {
        "stamp": {"columns": ["ReadingDate", "ReadTime"], "order": "dmy"},
        "values": {"MeterConsumption": KWH},
    },
    "ems-gas-cns": {"stamp": {"columns": ["Date", "Time"], "order": "ymd"}, "values": {"Reading": KWH}},
    "energy-assets-corona": {"stamp": {"columns": ["Date", "Time"], "order": "dmy"}, "values": {"KWH": KWH}},
    "asl-centrica-solar": {
        "stamp": {"columns": ["time"], "order": "dmy"},
        "values": {"total_export": {"unit": "kWh", "kind": "register", "quantity": "active_export"}},
    },
    "crown-row": {"stamp": {"columns": ["DateTime"], "order": "dmy"}, "values": {"Kwh": KWH}},
    "datavision-custom": {"stamp": {"columns": ["Date/Time"], "order": "dmy"}, "values": {"Energy (kWh)": KWH}},
    "meter-online-solar": {
        "stamp": {"columns": ["Start Date", "Reading Time"], "order": "dmy"},
        "values": {"kWh": KWH},
    },
    "ugp": {"stamp": {"columns": ["Date", "Time Slot"], "order": "dmy"}, "values": {"Consumption": KWH}},
}


def rebuilt(entry):
    """Names of all columns, indices of the interval columns, and the spelling, by what the catalogue tells."""
    told = [name.strip() for name in next(csv.reader([entry["header_prefix"]]))]
    if entry["header_prefix"].endswith("…"):
        told.pop()
    count = 50 if entry["dst_cols"] == "50 columns" else 48
    for spelling in SPELLINGS:
        if spelling.name(0) not in told:
            continue
        first = told.index(spelling.name(0))
        second = told.index(spelling.name(1)) if spelling.name(1) in told else len(told)
        if second - first not in (1, 2):
            continue
        places = [first + n * (second - first) for n in range(count)]
        names = {place: spelling.name(n) for n, place in enumerate(places)} | dict(enumerate(told))
        whole = [names.get(place, f"other {place}") for place in range(max(int(entry["n_cols"]), places[-1] + 1))]
        return whole, places, spelling
    return None


def entries(real_data):
    text = (real_data / "meters/uk_amr/HEADER_CATALOGUE.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def order_of(entry):
    form = entry["date_format"] if entry["date_format"].startswith("%") else "%d/%m/%Y"
    return form, "ymd" if form.lower().startswith("%y") else "dmy"


def declaration(entry, **fields):
    return {
        "name": "collector",
        "title": entry["identifier"],
        "source": "the catalogue",
        "label": "start",
        "minutes": 30,
        "timezone": "Europe/London",
        "point": "P1",
        "ignored_pattern": ".*",
    } | fields


def read(rows, layout):
    out = "\n".join(",".join(row) for row in rows) + "\n"
    return read_export(out.encode(), "x.csv", {"layout": layout})


def check_wide(entry, whole, taken, spelling):
    form, order = order_of(entry)
    date_columns = [name for name in whole[: taken[0]] if re.search("(?i)date|day|time", name)]
    column = max(date_columns, key=lambda name: (re.search("(?i)reading|profile|stamp", name) is not None, -len(name)))
    cells = [""] * len(whole)
    cells[whole.index(column)] = DAY.strftime(form)
    for n, place in enumerate(taken[:48]):
        cells[place] = f"{n}.5"
    layout = declaration(
        entry,
        label=spelling.label,
        stamp={"columns": [column], "order": order},
        wide={"columns": spelling.pattern, "measure": KWH},
    )
    result = read([whole, cells], layout)
    assert result.problems["code"].to_list() == [], entry["identifier"]
    readings = result.tables["readings"].sort("start").select("start", "value").rows()
    start = DAY.replace(tzinfo=UTC)
    assert readings == [(start + timedelta(minutes=30 * n), Decimal(n) + Decimal("0.5")) for n in range(48)]


def check_long(entry):
    fields = LONG[entry["identifier"]]
    header = next(csv.reader([entry["header_prefix"]]))
    form, _ = order_of(entry)
    if len(fields["stamp"]) + len(fields["stamp"]["columns"]) == 3 and "%H" not in form:
        form += " %H:%M"
    register = fields["values"].get("total_export", {}).get("kind") == "register"
    (value,) = fields["values"]
    rows = []
    for n in range(48):
        at = DAY + timedelta(minutes=30 * n)
        date, *time = fields["stamp"]["columns"]
        cells = {date: at.strftime(form), value: str(n * n if register else n)}
        if time:
            cells[time[0]] = (
                f"{at:%H:%M} - {at + timedelta(minutes=30):%H:%M}" if time == ["Time Slot"] else f"{at:%H:%M}"
            )
        elif "period" in fields["stamp"]:
            cells[fields["stamp"]["period"]] = str(n + 1)
        rows.append([cells.get(name.strip(), "x") for name in header])
    result = read([header, *rows], declaration(entry, **fields))
    assert result.problems["code"].to_list() == [], entry["identifier"]
    readings = result.tables["readings"].sort("start")
    expected = [2 * n + 1 for n in range(47)] if register else list(range(48))
    assert readings["value"].to_list() == expected
    assert readings["start"].to_list() == [
        DAY.replace(tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(len(expected))
    ]


def test_every_header_of_the_catalogue_can_be_declared(real_data):
    failed, read_ones = [], 0
    for entry in entries(real_data):
        found = None if entry["labelling"].startswith("one row") else rebuilt(entry)
        if found and entry["identifier"] not in NOT_DECLARABLE:
            check_wide(entry, *found)
        elif entry["identifier"] in LONG:
            check_long(entry)
        else:
            failed.append(entry["identifier"])
            continue
        read_ones += 1
    assert set(failed) == NOT_DECLARABLE
    assert read_ones == 77
