"""What a file's numbers show of the decimal mark that its layout declares: where it may be one of thousands."""

from decimal import Decimal

import pytest

from assets.meters.formats import content
from tests.kit import codes
from tests.meters.test_whole_file import lines, read, stamps, total

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


@pytest.mark.parametrize(
    ("code", "said"), [("-999", "value-sentinel"), ("65535", "value-sentinel"), ("-", "value-blank")]
)
def test_a_code_for_no_value_is_no_number_of_a_file(code, said):
    """Found by fuzzing: a layout that fits was refused, for its decimals are always written and the code has none."""
    result = commas(file([code if n % 9 == 5 else text for n, text in enumerate(COMMAS)]))
    assert set(codes(result)) == {said} and total(result) < Decimal(sum(WHOLE)) / 1000
    grouped = [code if n % 9 == 5 else f"{value:,}" for n, value in enumerate(range(500, 9_860, 97))]
    assert codes(commas(file(grouped))) == ["layout-contradicts"]


def test_no_piece_of_a_file_decides(monkeypatch):
    monkeypatch.setattr(content, "_PIECE", 700)
    small = ["950", "870", "790", "0"]
    assert codes(commas(file(["0,123", *COMMAS, *small]))) == []
    assert codes(commas(file([*COMMAS, *small]))) == ["layout-contradicts"]
    broken = ["1,250,000" if n % 40 == 7 else text for n, text in enumerate(COMMAS)]
    assert codes(commas(file(broken))) == ["layout-contradicts"]
