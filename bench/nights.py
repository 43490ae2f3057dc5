"""How many files, folders and bytes nights leave: ``python -m bench.nights --nights 3 --city phuket --home FOLDER``.

Each night is a whole ``muang nightly`` of the demo with the clock moved on a day, in a process of its own. Prints one
JSON line a night: files, folders and megabytes of the home by part, and the seconds that the night took.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

NIGHT = """
import sys
from datetime import datetime
import pipelines.settings as settings
moment = datetime.fromisoformat(sys.argv.pop(1)).replace(tzinfo=settings.BANGKOK)
settings.now = lambda: moment
from pipelines.cli import app
app()
"""
"""The command line under another clock."""

PARTS = ("landing", "lake", "memory", "cdp", "dagster", "work", ".staging")


def count(home: Path) -> dict[str, dict[str, float]]:
    """Files, folders and megabytes under each part of a home; the demo's own inbox is none of them."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: {"files": 0, "folders": 0, "mb": 0.0})
    for part in PARTS:
        for folder, _, names in os.walk(home / part):
            told = found[part]
            told["folders"] += 1
            told["files"] += len(names)
            told["mb"] += sum((Path(folder) / name).stat().st_size for name in names) / 1e6
    for told in found.values():
        told["mb"] = round(told["mb"], 2)
    total = {name: round(sum(told[name] for told in found.values()), 2) for name in ("files", "folders", "mb")}
    return {"all": total, **found}


def main() -> None:
    """Run the nights and print what they leave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--city", action="append")
    parser.add_argument("--meters", type=int, default=60)
    parser.add_argument("--first", default="2026-12-01T01:30")
    parser.add_argument("--home", type=Path, required=True)
    chosen = parser.parse_args()
    cities = [word for city in chosen.city or ["phuket"] for word in ("--city", city)]
    for night in range(chosen.nights):
        moment = datetime.fromisoformat(chosen.first) + timedelta(days=night)
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", NIGHT, moment.isoformat(), "nightly", "--profile", "demo", "--json", *cities],
            env=os.environ | {"MUANG_HOME": str(chosen.home), "MUANG_DEMO_METERS": str(chosen.meters)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1):
            sys.exit(f"night {night + 1} ended with {done.returncode}: {done.stderr[-2000:]}")
        seconds = round(time.perf_counter() - begun, 1)
        print(json.dumps({"night": night + 1, "seconds": seconds} | count(chosen.home)), flush=True)


if __name__ == "__main__":
    main()
