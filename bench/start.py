"""What starting costs: ``python -m bench.start``, each command in a process of its own.

Held against an interpreter that imports Dagster and Polars and ends: what no command that uses them can go below.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial

from bench.measure import Cost, costing, finish, in_child, interleaved, parser, table

LIMITS = {"the definitions": 4.5, "muang --help": 0.5, "muang status": 2.6}
"""CPU time against the floor's, a third above what was measured (3.0 to 3.5, 0.38, 2.0)."""

FLOOR = "import dagster, polars"

COMMANDS = {
    "python": ["-c", "pass"],
    FLOOR: ["-c", FLOOR],
    "the definitions": ["-c", "import pipelines.definitions"],
    "muang --help": ["-m", "pipelines.cli", "--help"],
    "muang status": ["-m", "pipelines.cli", "status"],
}


def command(words: Sequence[str]) -> Cost:
    """What a command of Python's costs."""
    with costing() as cost:
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return cost


def main() -> None:
    chosen = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as home:
        tools = {name: partial(in_child, command, words, MUANG_HOME=home) for name, words in COMMANDS.items()}
        cost = interleaved(tools, chosen.times)
    floor = cost[FLOOR]["cpu"]
    rows = [[name, each["cpu"], each["wall"], each["cpu"] / floor, round(each["peak"])] for name, each in cost.items()]
    told = table(["command", "CPU s", "wall s", "x the floor's CPU", "peak MB"], rows)
    ratios = {name: each["cpu"] / floor for name, each in cost.items()}
    finish(chosen, "start", f"Medians of {chosen.times}.\n\n{told}", ratios, LIMITS)


if __name__ == "__main__":
    main()
