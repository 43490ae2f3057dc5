"""Readers against their peers: ``python -m bench.readers [case ...] [--repeat N]``.

Each tool reads the same generated file in a process of its own, so that its peak memory is its own too. Seconds are
those of the reading alone, after a small file of the same kind (imports are not counted), the best of N. A tool whose
count or sum differs from ours is named.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from bench import books, espi, nem12

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
    parser.add_argument("--one", nargs=2, metavar=("TOOL", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(_measured(CASES[arguments.cases[0]].tools[arguments.one[0]], Path(arguments.one[1]))))
        return
    for name in arguments.cases:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            _write(name, path, 1)
            _write(name, _small(path), 0.001)
            _compare(name, path, arguments.repeat)


def _small(path: Path) -> Path:
    return path.with_name(f"{path.name}-small")


def _write(name: str, path: Path, share: float) -> None:
    """In a process of its own: one that it starts begins with the peak memory of its parent."""
    writer = get_context("spawn").Process(target=CASES[name].write, args=(path, share))
    writer.start()
    writer.join()
    if writer.exitcode:
        raise SystemExit(f"{name}: the file cannot be written")


def _measured(tool: Callable[[Path], tuple[int, float]], path: Path) -> dict[str, float]:
    tool(_small(path))
    started = time.perf_counter()
    count, total = tool(path)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # told in KiB on Linux
    return {"seconds": seconds, "peak": peak, "count": count, "sum": total}


def _compare(name: str, path: Path, repeat: int) -> None:
    runs: dict[str, list[dict[str, float]]] = {tool: [] for tool in CASES[name].tools}
    for _ in range(repeat):
        for tool in runs:
            command = [sys.executable, "-m", "bench.readers", name, "--one", tool, str(path)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs[tool].append(json.loads(answer.splitlines()[-1]))
    best = {tool: min(found, key=lambda run: run["seconds"]) for tool, found in runs.items()}
    ours = best[OURS]
    print(f"\n{name}: {path.stat().st_size / 1e6:.0f} MB, {ours['count']:,.0f} readings, load {os.getloadavg()[0]:.1f}")
    print(f"{'tool':28}{'seconds':>9}{'x ours':>8}{'peak MB':>9}  agrees")
    for tool, run in best.items():
        agrees = run["count"] == ours["count"] and abs(run["sum"] - ours["sum"]) < 1e-6 * abs(ours["sum"])
        ratio = run["seconds"] / ours["seconds"]
        told = "yes" if agrees else f"no: {run['count']:,.0f} readings, sum {run['sum']}"
        print(f"{tool:28}{run['seconds']:9.2f}{ratio:8.1f}{run['peak']:9.0f}  {told}")


if __name__ == "__main__":
    main()
