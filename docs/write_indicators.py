"""What each indicator is of, written into indicators.md: ``python docs/write_indicators.py [--check]``.

Everything between the markers is what ``assets/indicators`` declares; the prose around it is the page's own.
``--check`` writes nothing and exits 1 if the tables in the file are others.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from assets.indicators.competitiveness import editions
from assets.indicators.crosswalk import Declared, crosswalk

PAGE = Path(__file__).with_name("indicators.md")
BEGIN, END = "<!-- written by docs/write_indicators.py -->", "<!-- end of tables -->"

CRITERIA = {
    1: "Area and vision",
    2: "Infrastructure and investment",
    3: "Open and secure city data platform",
    4: "Smart services",
    5: "Sustainable management",
}


def tables() -> str:
    """All that is declared, as Markdown."""
    lines: list[str] = []
    for number, title in CRITERIA.items():
        lines += [f"### {number}. {title}", ""]
        rows = (_row(code, one) for code, one in crosswalk().items() if one.criterion == number)
        lines += _table(
            ("indicator", "in Thai", "is", "over", "reach", "span", "nearest name in a standard", "differs"), rows
        )
        lines.append("")
    lines += [
        "### depa's competitiveness index",
        "",
        "As published; a city without a line has none.",
        "",
    ]
    lines += [*_table(("year", "city", "score %", "standing", "source"), _standings())]
    return "\n".join(lines)


def _row(code: str, one: Declared) -> list[str]:
    standard = f"{one.standard}: {one.name}" if one.standard else "–"
    return [
        f"`{code}`",
        one.title_th,
        one.numerator,
        one.denominator or "–",
        one.reach,
        one.span,
        standard,
        one.differs or "–",
    ]


def _standings() -> Iterator[list[str]]:
    for year, edition in editions().items():
        for city, standing in edition.cities.items():
            score = "–" if standing.score is None else f"{standing.score:.2f}"
            yield [str(year), f"`{city}`", score, str(standing), edition.source]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    cells = [*head]
    yield f"| {' | '.join(cells)} |"
    yield "|---" * len(cells) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def main() -> int:
    """Write, or with ``--check`` compare."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    current = f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(current, encoding="utf-8")
    elif current != page:
        print(f"{PAGE.name} is out of date: python docs/write_indicators.py writes it anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
