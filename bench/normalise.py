"""From a file's bytes to the written day: ``python -m bench.normalise [--meters 100000] [--dlt PYTHON]``.

Muang's own path without Dagster, from landed bytes: keyed ids, problems, the grid completed, versions, the write, the
gate, the ledger. Its peers only read, sort and write the long file (``bench.peers``). All in one run, by turns, each in
a process of its own. dlt is no dependency of this project: make an environment with ``pip install
'dlt[filesystem,parquet]'`` and name its interpreter.
"""

import shutil
import tempfile
from functools import partial
from pathlib import Path

from bench import big_city, peers
from bench.measure import Cost, costing, finish, in_child, interleaved, parser, table

LIMITS = {"Muang long": 6.0, "Muang wide": 4.2, "Muang nem12": 3.6}
"""CPU time against DuckDB's, a third above what was measured (4.5, 3.2 and 2.7 of 20,000 meters); the goal is 1.3."""


def muang(inbox: str, small: str, home: str) -> Cost:
    """What the meter tables of a delivery cost, imports and a first ``small`` delivery apart."""
    from assets.lake import ingest

    place = Path(home)
    for which in (small, inbox):
        shutil.rmtree(place, ignore_errors=True)
        at = big_city.step(place, Path(which), big_city.DAY + big_city.NIGHT)
        big_city.land(at)
        with costing() as cost:
            done = ingest.ingest_meters(at)
    written = sum(path.stat().st_size for path in (place / "lake" / "meter_intervals").rglob("*.parquet"))
    shutil.rmtree(place)
    return cost | {"rows": done.rows, "bytes": written}


def prepare(folder: str, meters: int, order: str) -> dict[str, int]:
    """An inbox a form, ``small`` among them; the readings of each."""
    readings = {}
    for name, form, count in (*((form, form, meters) for form in big_city.FORMS), ("small", "long", 20)):
        inbox = Path(folder) / name
        big_city.write_register(inbox, count)
        readings[name] = big_city.write_exports(inbox, range(count), forms=(form,), order=order)
    return readings


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--meters", type=int, default=20_000)
    made.add_argument("--order", choices=big_city.ORDERS, default="meter", help="of the rows of the long file")
    made.add_argument("--dlt", help="the interpreter of an environment that has dlt")
    made.add_argument("--only", nargs="+", help="of Muang long, Muang wide, Muang nem12 and the peers")
    chosen = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        readings = in_child(prepare, folder, chosen.meters, chosen.order)
        small, out = f"{folder}/small", f"{folder}/out"
        tools = {f"Muang {form}": partial(in_child, muang, f"{folder}/{form}", small, out) for form in big_city.FORMS}
        for name in peers.PEERS:
            python = {"python": chosen.dlt} if name == "dlt" else {}
            tools[name] = partial(in_child, peers.run, name, f"{folder}/long", small, out, **python)
        if not chosen.dlt:
            del tools["dlt"]
        wanted = chosen.only or list(tools)
        cost = interleaved({name: tool for name, tool in tools.items() if name in wanted}, chosen.times)
    bare = cost.get("DuckDB") or next(iter(cost.values()))
    rows = [
        [name, each["cpu"], each["wall"], each["cpu"] / bare["cpu"], round(each["peak"]), each["bytes"] / 1e6]
        for name, each in cost.items()
    ]
    head = f"{readings['long']:,} readings, a day of {chosen.meters:,} meters, medians of {chosen.times}."
    skipped = "" if chosen.dlt else "\n\ndlt was left out: no `--dlt` named an interpreter that has it."
    told = table(["tool", "CPU s", "wall s", "x CPU", "peak MB", "MB written"], rows)
    ratios = {name: each["cpu"] / bare["cpu"] for name, each in cost.items()}
    finish(chosen, "normalise", f"{head}\n\n{told}{skipped}", ratios, LIMITS)


if __name__ == "__main__":
    main()
