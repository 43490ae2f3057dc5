"""A file read in pieces gives the readings and the problems of the file read whole, wherever it is cut."""

import random
from datetime import date, datetime, timedelta

import pytest

from assets.meters.exports import read_export
from assets.meters.formats import content, declared, espi, iec61968, nem12
from quality import meter_metrics
from tests.meters import (
    test_readers_espi as green_button,
    test_readers_iec61968 as message,
    test_readers_nem12 as nem,
)

TODAY = date(2026, 11, 20)
KEY = ["point", "channel", "quantity", "start", "row"]


def cut(monkeypatch, size):
    """Read files some ``size`` at a time: bytes, readings or days."""
    monkeypatch.setattr(content, "_PIECE", size)
    monkeypatch.setattr(nem12, "_AT_ONCE", size)
    monkeypatch.setattr(declared, "DAYS", max(1, size // 100))
    monkeypatch.setattr(espi, "_HELD", size)
    monkeypatch.setattr(iec61968, "_HELD", size)
    monkeypatch.setattr(meter_metrics, "AT_ONCE", size)


def in_order(export):
    tables = {
        name: rows.with_columns(rows.select(KEY[:3]).cast(str).get_columns()).sort(KEY, nulls_last=True)
        for name, rows in export.tables.items()
    }
    return tables, export.problems


def assert_cuts_do_not_matter(monkeypatch, data, name, options=None, sizes=()):
    with monkeypatch.context() as whole_file:
        cut(whole_file, 10**9)
        tables, problems = in_order(read_export(data, name, options or {}, TODAY))
    for size in sizes or [random.Random(name).randrange(1, 3000) for _ in range(3)]:
        with monkeypatch.context() as in_pieces:
            cut(in_pieces, size)
            cut_tables, cut_problems = in_order(read_export(data, name, options or {}, TODAY))
        assert cut_problems.equals(problems), (name, size, cut_problems, problems)
        assert cut_tables.keys() == tables.keys(), (name, size)
        for table, rows in tables.items():
            assert cut_tables[table].equals(rows), (name, size, table)
    return tables, problems


def test_nem12_is_cut_between_channels(monkeypatch):
    first = [nem.nmi("A"), nem.day(values=["", "2", *["1"] * 46]), nem.day("20260102", quality="V"), "400,1,48,S14,,"]
    wrapped = nem.day("20260103", values=["7"] * 48)
    second = [nem.nmi("B", "B1"), wrapped[:60], wrapped[60:], nem.day("20260104", ["x"] * 48), "not a record"]
    # An estimate is past or forecast by the time in the 100 record, which may stand in an earlier piece.
    third = [nem.nmi("C", unit="Wh"), nem.day(values=[" "] * 48, quality="E", updated="")]
    again = ["900", "100,NEM12,202501010000,MDP,CITY", nem.nmi("A"), nem.day("20260301", quality="E52", updated="")]
    records = [*first, *second, *third, *again, '"200",D,,,E1,,,kWh,30,', nem.day(updated="x"), *first]
    data = ("\r\n".join(["100,NEM12,202602010000,MDP,CITY", *records, "900"]) + "\r\n").encode()
    tables, problems = assert_cuts_do_not_matter(monkeypatch, data, "nem12", sizes=(1, 200, 700, 1500))
    readings = tables["readings"]
    assert readings.filter(point="C")["quality"].unique().to_list() == ["missing"]
    assert readings.filter(point="A", quality="forecast").height == 48
    (blank,) = problems.filter(code="value-blank").iter_rows()
    assert blank == (3, "value-blank", "50 blank value(s) in 3 row(s); the first is named")


def test_nem12_that_lacks_an_end_is_refused_however_it_is_cut(monkeypatch):
    meters = [line for number in range(5) for line in (nem.nmi(f"N{number}"), nem.day())]
    joined = "\n".join(
        ["100,NEM12,202601020000,MDP,CITY", *meters, "100,NEM12,202601020000,MDP,CITY", *meters, "900\n"]
    )
    _, problems = assert_cuts_do_not_matter(monkeypatch, joined.encode(), "nem12")
    assert problems.select("row", "code").rows() == [(11, "file-truncated")]


def test_lines_of_a_layout_are_counted_once(monkeypatch):
    layout = {
        "name": "city", "title": "A city's", "source": "the test", "label": "end", "minutes": 15, "point": "P1",
        "stamp": {"columns": ["at"], "order": "ymd"}, "values": {"kwh": {"unit": "kWh", "kind": "delta"}},
        "filters": {"kind": "load"},
    }  # fmt: skip
    rows = [
        f"{datetime(2026, 11, 9) + timedelta(minutes=15 * at):%Y-%m-%d %H:%M},{at if at % 7 else ''},"
        f"{'load' if at % 5 else 'volt'}"
        for at in range(300)
    ]
    data = ("\n".join(["at,kwh,kind", *rows]) + "\n").encode()
    _, problems = assert_cuts_do_not_matter(monkeypatch, data, "long.csv", {"layout": layout})
    assert problems.filter(code="row-filtered")["message"].to_list() == [
        "60 row(s) are left out by the layout's filter; the first is named"
    ]
    assert problems.filter(code="value-blank")["message"].to_list() == [
        "34 blank value(s) in 34 row(s); the first is named"
    ]


def test_texts_in_other_codes_are_cut_as_those_in_utf8(monkeypatch):
    layout = {
        "name": "thai", "title": "A Thai one", "source": "the test", "label": "end", "minutes": 15,
        "point_column": "มิเตอร์", "stamp": {"columns": ["วันที่"], "order": "ymd"},
        "values": {"หน่วย": {"unit": "kWh", "kind": "delta"}},
    }  # fmt: skip
    rows = [
        f"บ้าน{at % 3},{datetime(2026, 11, 9) + timedelta(minutes=15 * (at // 3)):%Y-%m-%d %H:%M},"
        f"{'๗' if at == 50 else at}"
        for at in range(60)
    ]
    text = "\r\n".join(["มิเตอร์,วันที่,หน่วย", *rows, ""])
    options = {"layout": layout}
    tables, problems = assert_cuts_do_not_matter(monkeypatch, text.encode(), "utf-8", options, sizes=(50, 333))
    assert tables["readings"].height + problems["row"].n_unique() == 60
    assert set(tables["readings"]["point"].cast(str)) == {"บ้าน0", "บ้าน1", "บ้าน2"}
    for code in ("cp874", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        there, said = assert_cuts_do_not_matter(monkeypatch, text.encode(code), code, options, sizes=(300,))
        assert said.equals(problems), code
        assert there["readings"].equals(tables["readings"]), code


def test_xml_is_read_by_element(monkeypatch):
    points = [
        part
        for point in (1, 2, 3)
        for part in (
            green_button.usage_point(point),
            green_button.meter(point, kind=1 + point % 2),
            *(
                green_button.block(
                    *(green_button.reading("" if at % 9 == 8 else at, green_button.DAY + 900 * at) for at in range(20)),
                    number=point,
                    name=name,
                    start=green_button.DAY,
                )
                for name in (1, 2)
            ),
        )
    ]
    # What the values are is told after them.
    data = green_button.feed(*points, green_button.reading_type(1), green_button.reading_type(2, uom=169))
    _, problems = assert_cuts_do_not_matter(monkeypatch, data, "espi", sizes=(1, 25, 70))
    assert {"quantity-other", "value-blank", "duplicate-rows"} <= set(problems["code"])

    meters = [
        message.meter(
            message.block(message.DELTA, *message.quarters(*range(12))),
            message.block(message.PROFILE, *message.quarters(*range(100, 90, -1), first=1)),
            message.block(message.kind(f4=6), *message.quarters(1, 2)),
            meter=f"{number:04d}",
        )
        for number in range(6)
    ]
    data = message.event(*meters).encode()
    tables, problems = assert_cuts_do_not_matter(monkeypatch, data, "iec61968", sizes=(1, 30, 100))
    assert tables.keys() == {"readings", "registers"}
    (momentary,) = problems.filter(code="reading-kind")["message"]
    assert momentary.startswith("12 value(s)")


@pytest.mark.real
def test_real_files_are_read_alike_in_pieces(monkeypatch, real_data):
    folders = ("nem12", "nem12_bad", "green_button", "uk_amr", "csv_wide")
    files = [path for folder in folders for path in sorted((real_data / "meters" / folder).iterdir())]
    assert len(files) > 40
    for path in files:
        if path.stat().st_size < 300_000:
            assert_cuts_do_not_matter(
                monkeypatch, path.read_bytes(), path.name, sizes=(random.Random(path.name).randrange(1, 20_000),)
            )
