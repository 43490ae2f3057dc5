"""The packages and what they import, drawn into architecture.md: ``python docs/draw_imports.py [--check]``.

The nodes are the folders there are, the arrows the import statements in them, wherever they stand. ``--check`` writes
nothing and exits 1 if the picture in the file is another.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- drawn by docs/draw_imports.py -->", "<!-- end of drawing -->"

STAGED = "assets"
"""The package that is drawn by its parts; the others are a node each."""

ASIDE = {"bench"}
"""Packages that are no part of the way."""

WAY = (
    "quality",
    "assets/cities",
    "assets/landing",
    "assets/sources",
    "assets/meters",
    "assets/lake",
    "assets/indicators",
    "assets/snapshots",
    "assets/checks",
    "assets/graph",
    "demo",
    "pipelines",
)
"""Nodes in the order of the way: each may import those before it. One that is not named here comes after all."""

TOLD = "An arrow is an import; one that a longer way of arrows implies is left out. Against the way it is dotted."

Arrow = tuple[str, str]


def nodes(root: Path) -> list[str]:
    """Packages, and the parts of ``assets``, in the order of the way."""
    packages = {path.parent.name for path in root.glob("*/__init__.py")} - ASIDE
    folders = {path.parent.name for path in root.glob(f"{STAGED}/*/__init__.py")}
    modules = {path.stem for path in root.glob(f"{STAGED}/*.py")} - {"__init__"}
    found = packages - {STAGED} | {f"{STAGED}/{part}" for part in folders | modules}
    return sorted(found, key=_place)


def _place(node: str) -> tuple[int, str]:
    return (WAY.index(node) if node in WAY else len(WAY), node)


def arrows(root: Path, known: list[str]) -> set[Arrow]:
    """Every (importer, imported) pair of nodes."""
    return {
        (importer, imported)
        for package in {node.split("/")[0] for node in known}
        for path in (root / package).rglob("*.py")
        for name in _imported(ast.parse(path.read_bytes()))
        if (importer := _node(path.relative_to(root).with_suffix("").parts, known))
        and (imported := _node(name.split("."), known))
        and importer != imported
    }


def _imported(tree: ast.Module) -> Iterator[str]:
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):  # absolute: the linter bans the others
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def _node(parts: tuple[str, ...] | list[str], known: list[str]) -> str | None:
    name = "/".join(parts[:2]) if parts[0] == STAGED else parts[0]
    return name if name in known else None


def reduced(found: set[Arrow]) -> set[Arrow]:
    """``found`` without the arrows along the way that others imply; those against it all stay."""
    along = {(one, other) for one, other in found if _place(other) < _place(one)}
    reach: dict[str, set[str]] = {}
    for one in sorted({one for one, _ in along}, key=_place):  # what a node imports is complete before the node itself
        next_ones = {other for importer, other in along if importer == one}
        reach[one] = next_ones.union(*(reach.get(other, set()) for other in next_ones))
    implied = {(one, far) for one, other in along for far in reach.get(other, ())}
    return found - (along & implied)


def picture(root: Path) -> str:
    """The flowchart, and how to read it."""
    known = nodes(root)
    parts = [node for node in known if node.startswith(f"{STAGED}/")]
    lines = ["flowchart TB", *(f"    {node}" for node in known if node not in parts), f"    subgraph {STAGED}"]
    lines += [f'        {_id(node)}["{node.split("/")[1]}"]' for node in parts]  # "graph" alone is a Mermaid word
    lines.append("    end")
    for one, other in sorted(reduced(arrows(root, known)), key=lambda arrow: (_place(arrow[0]), _place(arrow[1]))):
        lines.append(f"    {_id(one)} {'-->' if _place(other) < _place(one) else '-.->'} {_id(other)}")
    return "\n".join(["```mermaid", *lines, "```", "", TOLD])


def _id(node: str) -> str:
    return node.replace("/", "_")


def main() -> int:
    """Draw, or with ``--check`` compare."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        print(f"{PAGE.name} has no place for the picture: {BEGIN} … {END}", file=sys.stderr)
        return 1
    drawn = f"{before}{BEGIN}\n{picture(ROOT)}\n{END}{after}"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(drawn)
    elif drawn != page:
        print(f"the picture in {PAGE.name} is out of date: python docs/draw_imports.py draws it anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
