"""How many files, folders and bytes nights leave: ``python -m bench.nights --nights 3 --city phuket --home FOLDER``.

Each night is a whole ``muang nightly`` of the demo with the clock moved on a day, in a process of its own. Prints one
JSON line a night: files, folders and megabytes of the home by part, and the seconds that the night took.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from bench.measure import in_child
from bench.night import muang

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
        done = in_child(
            muang,
            ["nightly", "--profile", "demo", "--json", *cities],
            moment.isoformat(),
            MUANG_HOME=str(chosen.home.absolute()),
            MUANG_DEMO_METERS=str(chosen.meters),
        )
        if done["code"] not in (0, 1):
            sys.exit(f"night {night + 1} ended with {done['code']}: {done['said']}")
        seconds = round(done["whole"]["wall"], 1)
        print(json.dumps({"night": night + 1, "seconds": seconds} | count(chosen.home)), flush=True)


if __name__ == "__main__":
    main()
