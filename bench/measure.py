"""Measuring: a function in a process of its own, what it cost there, medians, and what ratios may not pass.

CPU time is that of all threads and ended children; other work on the machine hardly moves it. The peak is the largest
resident memory of the process (of a child of it, where that is larger), the interpreter and its imports included.
"""

import argparse
import importlib
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from types import FunctionType
from typing import Any

ROOT = Path(__file__).parents[1]

Cost = dict[str, float]
"""``cpu`` and ``wall`` in seconds, ``peak`` in MB, and whatever else a benchmark counts."""


def in_child(work: FunctionType, *arguments: Any, python: str = sys.executable, **environment: str) -> Any:
    """What ``work`` (a module's own function) returns for these arguments in a new process; both pass through JSON.

    Runs this checkout's code in an empty folder. Ends this process where the other fails, with what it said.
    """
    # A module that was started as a program is called __main__; its spec has its name.
    name, told = f"{work.__globals__['__spec__'].name}:{work.__qualname__}", json.dumps(arguments, default=str)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [python, "-m", "bench.measure", name, told, str(answer)]
        settings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{name}{told} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return json.loads(answer.read_text())


def used() -> float:
    """CPU seconds of this process and of its ended children."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(found.ru_utime + found.ru_stime for found in map(resource.getrusage, kinds))


def peak() -> float:
    """Largest resident memory in MB since the last ``forget_peak``.

    Linux tells it of the program that runs now; ``getrusage`` would begin with that of the process that started it.
    """
    own = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert own, "Linux tells VmHWM"
    return max(int(own[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def forget_peak() -> None:
    """Let ``peak`` begin at what is resident now (``man 5 proc``: clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


@contextmanager
def costing() -> Iterator[Cost]:
    """What the body costs, filled in at its end."""
    cost: Cost = {}
    forget_peak()
    cpu, wall = used(), time.perf_counter()
    yield cost
    cost |= {"cpu": used() - cpu, "wall": time.perf_counter() - wall, "peak": peak()}


def medians(costs: Sequence[Cost]) -> Cost:
    """The median of each number."""
    return {name: median(cost[name] for cost in costs) for name in costs[0]}


def interleaved(tools: Mapping[str, Callable[[], Cost]], times: int) -> dict[str, Cost]:
    """Medians of ``times`` rounds in each of which every tool has its turn, so that all meet the same machine."""
    found: dict[str, list[Cost]] = {name: [] for name in tools}
    for _ in range(times):
        for name, tool in tools.items():
            found[name].append(tool())
    return {name: medians(costs) for name, costs in found.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    cells = [[str(cell) if isinstance(cell, str | int) else f"{cell:,.2f}" for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(head), *cells]) for at in range(len(head))]
    lines = [[name.ljust(width) for name, width in zip(head, widths, strict=True)]]
    lines += [["-" * width if at == 0 else "-" * (width - 1) + ":" for at, width in enumerate(widths)]]
    lines += [
        [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in cells
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def parser(about: str | None) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--times", type=int, default=5, help="rounds; medians are told (default 5)")
    made.add_argument("--write", type=Path, help="put the result into this page, between the benchmark's marks")
    made.add_argument("--guard", action="store_true", help="end with 1 where a ratio passes its limit")
    return made


def finish(
    chosen: argparse.Namespace, name: str, told: str, ratios: Mapping[str, float], limits: Mapping[str, float]
) -> None:
    """Print, and write into the page or hold against the limits as chosen. A limit without a ratio was not measured."""
    kept = [f"{what}: {ratios[what]:.2f} (limit {limit:.2f})" for what, limit in limits.items() if what in ratios]
    print(f"\n{told}\n" + "".join(f"\n{line}" for line in kept), flush=True)
    if chosen.write:
        _put(chosen.write, name, f"## {name.capitalize()}\n\n{told}\n\n{machine()}")
    over = [what for what, limit in limits.items() if ratios.get(what, 0) > limit]
    if chosen.guard and over:
        sys.exit(f"{name}: past its limit: {', '.join(over)}")


def _put(page: Path, name: str, told: str) -> None:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{told}\n{end}"
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    page.write_text(before + section + rest.partition(end)[2] if found else f"{text}\n{section}\n", encoding="utf-8")


def machine() -> str:
    """The machine, the versions and the day, in one line."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = ", ".join(f"{name} {version(name)}" for name in ("polars", "duckdb", "dagster"))
    cores = f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}"
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {commit.stdout.strip() or 'no commit'}, {cores}, {memory:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, {parts}."
    )


def main() -> None:
    """The other side of ``in_child``."""
    name, told, answer = sys.argv[1:]
    module, _, function = name.partition(":")
    result = getattr(importlib.import_module(module), function)(*json.loads(told))
    Path(answer).write_text(json.dumps(result, default=str))


if __name__ == "__main__":
    main()
