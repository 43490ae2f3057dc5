"""Whether cost grows as the work: ``python -m bench.scale [--readings 2e6 1e7] [--history 30] [--cities 1 36]``.

``--readings``: meter tables from landed bytes, as in ``bench.normalise``, of ever larger days. ``--history``: whole
nights without Dagster and without suites, one after another in one process; the first five against the last five.
``--cities``: whole nights of many cities of ``--meters`` each through Dagster. What is not named is left out.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench import big_city, night, normalise, peers
from bench.measure import Cost, costing, finish, in_child, medians, parser, table
from bench.stages import OUTSIDE

LIMITS = {
    "CPU a reading, largest against smallest": 1.15,
    "CPU of a night, last five against first five": 1.10,
}
"""What the design promises: linear within 15 %, and a night that does not feel the nights before it within 10 %."""

FEW = 5
"""Nights at either end of a history of which the median is taken."""


def prepare(folder: str, meters: int) -> int:
    """An inbox of long CSV, and a small one."""
    big_city.write_exports(Path(folder) / "small", range(20))
    big_city.write_register(Path(folder) / "long", meters)
    return big_city.write_exports(Path(folder) / "long", range(meters))


def readings(sizes: list[float], times: int) -> tuple[str, float]:
    """A day of about so many readings each: what to tell, and the ratio."""
    rows, each = [], []
    for size in sorted(sizes):
        with tempfile.TemporaryDirectory() as folder:
            count = in_child(prepare, folder, round(size / big_city.SLOTS))
            places = [f"{folder}/{name}" for name in ("long", "small", "out")]
            ours = medians([in_child(normalise.muang, *places) for _ in range(times)])
            bare = medians([in_child(peers.run, "DuckDB", *places) for _ in range(times)])
        each.append(ours["cpu"] / count)
        cells = [ours["cpu"], ours["wall"], each[-1] / each[0], round(ours["peak"]), ours["cpu"] / bare["cpu"]]
        rows.append([f"{count:,}", *cells, round(bare["peak"])])
    head = ["readings", "CPU s", "wall s", "CPU a reading", "peak MB", "x DuckDB's CPU", "DuckDB's peak MB"]
    return table(head, rows), each[-1] / each[0]


def nights(folder: str, meters: int, count: int) -> list[Cost]:
    """What each of ``count`` nights costs."""
    from tests.trials.night import night as whole, without_suites

    without_suites()
    found = []
    for at in big_city.nights(Path(folder) / "home", Path(folder) / "inbox", meters, count):
        with costing() as cost:
            whole(at, {})
        found.append(cost)
    return found


def history(meters: int, count: int) -> tuple[str, float]:
    """So many nights of one city: what to tell, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        found = in_child(nights, folder, meters, count)
    # The first has nothing to compare with, and pays for imports.
    first, last = medians(found[1 : FEW + 1]), medians(found[-FEW:])
    rows = [
        [name, each["cpu"], each["wall"], round(each["peak"])]
        for name, each in (("2-6", first), (f"last of {count}", last))
    ]
    return table([f"nights of {meters:,} meters", "CPU s", "wall s", "peak MB"], rows), last["cpu"] / first["cpu"]


def cities(counts: list[int], meters: int, times: int) -> str:
    """Nights of many cities."""
    rows = []
    for count in counts:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            in_child(night.prepare, folder, meters, count, ["long"], "meter")
            told = []
            for _ in range(times):
                shutil.rmtree(folder / "home", ignore_errors=True)
                told.append(shares(night.live(folder / "home")))
        cost = medians(told)
        rows.append([count, cost["cpu"], cost["wall"], cost["start"], cost[OUTSIDE], cost["gate"], round(cost["peak"])])
    return table(
        [f"cities of {meters:,} meters", "CPU s", "wall s", "start s", "orchestration s", "gate s", "peak MB"], rows
    )


def shares(told: dict[str, Any]) -> Cost:
    """A night as a whole, with the CPU of its start, orchestration and gate."""

    def cpu(name: str) -> float:
        return sum(cost["cpu"] for step, part, cost in told["rows"] if step == name or part.startswith(name))

    whole: Cost = told["whole"]
    return whole | {name: cpu(name) for name in ("start", OUTSIDE, "gate")}


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--readings", type=float, nargs="+", default=[])
    made.add_argument("--history", type=int, help="nights; 11 at least")
    made.add_argument("--cities", type=int, nargs="+", default=[])
    made.add_argument("--meters", type=int, default=2000, help="a city, of --history and --cities (default 2,000)")
    chosen = made.parse_args()
    told, ratios = [], dict[str, float]()
    if chosen.readings:
        text, ratios["CPU a reading, largest against smallest"] = readings(chosen.readings, chosen.times)
        told.append(text)
    if chosen.history:
        text, ratios["CPU of a night, last five against first five"] = history(chosen.meters, chosen.history)
        told.append(text)
    if chosen.cities:
        told.append(cities(chosen.cities, chosen.meters, chosen.times))
    if not told:
        made.error("name --readings, --history or --cities")
    finish(chosen, "scale", "\n\n".join(told), ratios, LIMITS)


if __name__ == "__main__":
    main()
