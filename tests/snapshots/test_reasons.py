"""Whoever reads the page in Thai learns why a number is doubted: every reason that an indicator can have."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import assets.indicators
from assets.snapshots.reasons import in_thai

TOLD_AS = {
    *("withheld", "partial", "stale", "reason", "few", "unsure", "lacking", "missing", "why"),
    *("held", "served", "without", "taken", "own", "valid"),
}
"""Keywords and names that hold reasons."""


def reasons() -> Iterator[str]:
    """What the indicators' modules say in these places, with a number for what is filled in; what a check found is told
    by its advice."""
    for place in sorted(Path(assets.indicators.__file__).parent.glob("*.py")):
        if place.stem == "doubts":
            continue
        for node in ast.walk(ast.parse(place.read_text("utf-8"))):
            match node:
                case ast.keyword(arg=name, value=value) if name in TOLD_AS:
                    yield from texts(value)
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in TOLD_AS:
                    yield from texts(value)
                case ast.Call(func=ast.Name(id="joined"), args=arguments):
                    yield from (text for each in arguments for text in texts(each))
                case ast.Call(func=ast.Name(id="nothing"), args=[_, _, _, _, value]):
                    yield from texts(value)
                case ast.FunctionDef(returns=returns, body=body) if returns and ast.unparse(returns) == "str | None":
                    found = (each for line in body for each in ast.walk(line) if isinstance(each, ast.Return))
                    yield from (text for each in found if each.value for text in texts(each.value))


def texts(node: ast.expr) -> Iterator[str]:
    for each in [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]:
        if isinstance(each, ast.List | ast.ListComp | ast.Starred):
            parts = (
                each.elts
                if isinstance(each, ast.List)
                else [each.elt if isinstance(each, ast.ListComp) else each.value]
            )
            yield from (text for part in parts for text in texts(part))
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
        elif isinstance(each, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in each.values)
        elif isinstance(each, ast.BoolOp):
            yield from (text for value in each.values for text in texts(value))


REASONS = sorted({reason for reason in reasons() if " " in reason})


def test_reasons_are_found() -> None:
    assert len(REASONS) > 40


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_has_thai_words(reason: str) -> None:
    for part in in_thai(reason).split("; "):
        assert part == "7" or any("ก" <= letter <= "๛" for letter in part), part


def test_what_is_filled_in_stays_and_customer_classes_are_named() -> None:
    reason = "zones without some of their meters: patong (large_business, public); 85% of the data is there"
    assert in_thai(reason) == "เขตที่ยังขาดมิเตอร์บางส่วน patong (กิจการขนาดใหญ่, หน่วยงานรัฐ); มีข้อมูล 85%"


def test_a_check_is_told_by_its_table_and_what_to_do() -> None:
    told = in_thai("city_statistics, check series-identical: row for row: a and b; 42 rows; ask; no data delivered")
    assert told.startswith("สถิติ") and told.endswith("; ยังไม่มีข้อมูลส่งมา")
    assert "42 rows" not in told


def test_words_that_nobody_translated_stay() -> None:
    assert in_thai("something new") == "something new"
