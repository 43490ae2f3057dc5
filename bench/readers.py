"""Readers against their peers: ``python -m bench.readers [case ...] [--repeat N]``.

Each tool reads the same generated file in a process of its own, so that its peak memory is its own too. Seconds are
those of the reading alone, after a small file of the same kind (imports are not counted), the best of N. A tool whose
count or sum differs from ours is named.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import books, espi, nem12
from bench.measure import Cost, costing, in_child

OURS = "muang"
"""The tool that the others are compared with."""


@dataclass(frozen=True)
class Case:
    """How a file is written (in full, or as small a share of it as makes sense), and the tools that read it.

    A tool returns how many readings it found, and their sum.
    """

    write: Callable[[Path, float], None]
    tools: dict[str, Callable[[Path], tuple[int, float]]]


PANDAS = "pandas + openpyxl"

CASES = {
    "pea-kw": Case(
        partial(books.write_pea, unit="kw"), {OURS: books.muang, PANDAS: partial(books.pandas_pea, unit="kw")}
    ),
    "pea-kwh": Case(
        partial(books.write_pea, unit="kwh"), {OURS: books.muang, PANDAS: partial(books.pandas_pea, unit="kwh")}
    ),
    "mea": Case(books.write_mea, {OURS: books.muang, PANDAS: books.pandas_mea}),
    "espi": Case(espi.write, {OURS: espi.muang, **espi.PEERS}),
    "nem12": Case(partial(nem12.write, meters=406), {OURS: nem12.muang, **nem12.PEERS}),
    "nem12-large": Case(
        partial(nem12.write, meters=1000), {OURS: nem12.muang, "aemo-mdff-reader chunks": nem12.aemo_chunks}
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), help=", ".join(CASES))
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    for name in arguments.cases:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            in_child(write, name, path)
            _compare(name, path, arguments.repeat)


def _small(path: Path) -> Path:
    return path.with_name(f"{path.name}-small")


def write(name: str, path: str) -> None:
    """A case's file, and a small one beside it."""
    CASES[name].write(Path(path), 1)
    CASES[name].write(_small(Path(path)), 0.001)


def measured(name: str, tool: str, path: str) -> Cost:
    """What reading a case's file costs, imports and the small one apart; how many readings it has, and their sum."""
    read = CASES[name].tools[tool]
    read(_small(Path(path)))
    with costing() as cost:
        count, total = read(Path(path))
    return cost | {"count": count, "sum": total}


def _compare(name: str, path: Path, repeat: int) -> None:
    runs: dict[str, list[Cost]] = {tool: [] for tool in CASES[name].tools}
    for _ in range(repeat):
        for tool, found in runs.items():
            found.append(in_child(measured, name, tool, path))
    best = {tool: min(found, key=lambda run: run["wall"]) for tool, found in runs.items()}
    ours = best[OURS]
    print(f"\n{name}: {path.stat().st_size / 1e6:.0f} MB, {ours['count']:,.0f} readings, load {os.getloadavg()[0]:.1f}")
    print(f"{'tool':28}{'seconds':>9}{'x ours':>8}{'peak MB':>9}  agrees")
    for tool, run in best.items():
        agrees = run["count"] == ours["count"] and abs(run["sum"] - ours["sum"]) < 1e-6 * abs(ours["sum"])
        ratio = run["wall"] / ours["wall"]
        told = "yes" if agrees else f"no: {run['count']:,.0f} readings, sum {run['sum']}"
        print(f"{tool:28}{run['wall']:9.2f}{ratio:8.1f}{run['peak']:9.0f}  {told}")


if __name__ == "__main__":
    main()
