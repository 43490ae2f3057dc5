"""What a file's numbers show of the decimal mark that its layout declares: where it may be one of thousands."""

from decimal import Decimal

import pytest

from assets.meters.formats import content
from tests.kit import codes
from tests.meters.test_whole_file import KWH, ends, lines, read, stamps, total, workbook

WHOLE = [10_007 + n * 7_919 % 90_000 for n in range(96)]
COMMAS = [f"{value:,}" for value in WHOLE]
"""Whole numbers with thousands commas, or decimals of which three digits are always written."""


def file(values):
    return (
        lines("at;value", [])
        + "".join(f"{at};{value}\n" for at, value in zip(stamps(len(values)), values, strict=True)).encode()
    )


def commas(data, **layout):
    return read(data, decimal=",", **{"delimiter": ";"} | layout)


def test_commas_that_may_be_of_thousands_are_said_and_read_as_declared():
    result = commas(file(COMMAS))
    assert (codes(result), total(result)) == (["decimal-doubtful"], Decimal(sum(WHOLE)) / 1000)
    right = read(file(COMMAS), thousands=",", delimiter=";")
    assert (codes(right), total(right)) == ([], sum(WHOLE))
    points = read(file([text.replace(",", ".") for text in COMMAS]), delimiter=";")
    assert (codes(points), total(points)) == ([], total(result))


@pytest.mark.parametrize("shown", ["0,123", "-0,123", ",5", "12,5", "12,50", "12,3456", "1234,567", "012,345"])
def test_one_number_shows_that_commas_are_decimal_ones(shown):
    result = commas(file([*COMMAS[:50], shown, *COMMAS[51:]]))
    assert set(codes(result)) <= {"value-negative"}
    assert total(result) == Decimal(sum(WHOLE) - WHOLE[50]) / 1000 + Decimal(shown.replace(",", "."))


@pytest.mark.parametrize("shown", ["1.012,345", "1.012.345", "0,5"])
def test_thousands_points_that_may_be_decimal_ones_are_said(shown):
    points = [text.replace(",", ".") for text in COMMAS]
    result = commas(file(points), thousands=".")
    assert (codes(result), total(result)) == (["decimal-doubtful"], sum(WHOLE))
    for others in ([shown], ["950", "871", "787"]):
        assert codes(commas(file([*points, *others]), thousands=".")) == []
    assert codes(commas(file([shown, *COMMAS]), thousands=".")) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        *(("0", []), ("", ["value-blank"]), ("N/A", ["value-blank"]), ("950", [])),
        *(("-999", ["value-sentinel"]), ("65535", ["value-sentinel"])),
        *(("1,250,000", ["value-not-number"]), ("12,345.5", ["value-not-number"]), ("950.5", ["value-not-number"])),
    ],
)
def test_what_stands_beside_thousands_shows_no_decimals(other, said):
    values = [*COMMAS[:50], other, *COMMAS[51:70], other, *COMMAS[71:]]
    assert set(codes(commas(file(values)))) == {"decimal-doubtful", *said}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        *(("1,234 2,345 3,456", 0), ("1,234 2,340 3,456", 1), ("1,230 5,67 8,9", 0)),
        # Found by `make fuzz`: whole kWh in Wh.
        *(("0 1,000 2,000", 1), ("0 1,000", 1), ("0 1,234 2,000", 0), ("0,000 1,000 2,000", 0), ("1,000 2,000", 0)),
    ],
)
def test_few_numbers_tell_only_where_decimals_end_in_a_zero(values, said):
    assert codes(commas(file(values.split()))) == ["decimal-doubtful"] * said


def test_a_voltage_shows_how_energy_is_written():
    parts = {"value": KWH, "V": {"unit": "V", "kind": "instant", "quantity": "voltage"}}
    for volts, said in (("230", 1), ("230,5", 0)):
        rows = "".join(f"{at};{value};{volts}\n" for at, value in zip(stamps(96), COMMAS, strict=True))
        assert codes(commas(b"at;value;V\n" + rows.encode(), values=parts)) == ["decimal-doubtful"] * said


@pytest.mark.parametrize(
    ("code", "said"), [("-999", "value-sentinel"), ("65535", "value-sentinel"), ("-", "value-blank")]
)
def test_a_code_for_no_value_is_no_number_of_a_file(code, said):
    """Found by fuzzing: a layout that fits was refused, for its decimals are always written and the code has none."""
    result = commas(file([code if n % 9 == 5 else text for n, text in enumerate(COMMAS)]))
    assert set(codes(result)) == {"decimal-doubtful", said} and total(result) < Decimal(sum(WHOLE)) / 1000
    grouped = [code if n % 9 == 5 else f"{value:,}" for n, value in enumerate(range(500, 9_860, 97))]
    assert codes(commas(file(grouped))) == ["layout-contradicts"]


def test_no_piece_of_a_file_decides(monkeypatch):
    monkeypatch.setattr(content, "_PIECE", 700)
    small = ["950", "870", "790", "0"]
    assert codes(commas(file(COMMAS))) == ["decimal-doubtful"]
    assert codes(commas(file([*COMMAS[:90], "0,123"]))) == []
    assert codes(commas(file(["0,123", *COMMAS, *small]))) == []
    assert codes(commas(file([*COMMAS, *small]))) == ["layout-contradicts"]
    broken = ["1,250,000" if n % 40 == 7 else text for n, text in enumerate(COMMAS)]
    assert codes(commas(file(broken))) == ["layout-contradicts"]


def sheets(cells, **how):
    at = ends(48)
    pages = {name: [["at", "value"], *zip(at, cells[n : n + 48], strict=True)] for n, name in ((0, "111"), (48, "222"))}
    return commas(workbook(**pages), point=None, point_sheet="(?P<point>.+)", **how)


@pytest.mark.parametrize("thousands", ["", "."])
def test_texts_of_a_workbook_are_doubted_once_and_numbers_never(thousands):
    numbers = [value / 1000 for value in WHOLE]
    for cells, said in ((COMMAS, 1), ([*COMMAS[:95], "0,5"], 0), (numbers, 0)):
        result = sheets(cells, thousands=thousands)
        assert codes(result) == ["decimal-doubtful"] * said
        assert total(result) in (Decimal(sum(WHOLE)) / 1000, Decimal(sum(WHOLE[:95]) + 500) / 1000)
