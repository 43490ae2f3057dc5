"""``make trials``: crashes, writers beside each other, nights of faults, attacks on privacy. See docs/trials.md.

Prints a line of JSON a trial, then a summary; ends with 1 if any failed. ``--seed S --count 1`` does a trial again.
"""

import argparse
import contextlib
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.s3_server import BUCKET, serving
from tests.trials import crash, nights, privacy, writers
from tests.trials.night import Place


class Kind(NamedTuple):
    """A kind of trial: how many by default, what makes trials (of places), what sums them up."""

    count: int
    make: Callable[[Iterator[Place]], Callable[[int], dict[str, Any]]]
    summary: Callable[[Sequence[dict[str, Any]]], dict[str, Any]]


KINDS = {
    "crash": Kind(650, lambda places: crash.Crashes(places).trial, crash.summary),
    "writers": Kind(200, lambda places: writers.Writers(places).trial, writers.summary),
    "nights": Kind(1, lambda places: nights.Nights(places).trial, nights.summary),
    "privacy": Kind(4, lambda places: privacy.Privacy().trial, privacy.summary),
}


class Places:
    """New places in a folder, or under prefixes of a bucket; several threads may ask."""

    def __init__(self, folder: Path, endpoint: str | None) -> None:
        self.folder, self.endpoint, self._lock, self._numbers = folder, endpoint, threading.Lock(), itertools.count()

    def __iter__(self) -> "Places":
        return self

    def __next__(self) -> Place:
        with self._lock:
            folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        name = f"{self.folder.name}-{folder.name}"
        uri = f"s3://{BUCKET}/{name}" if self.endpoint else str(folder / "store")
        return Place(uri, folder / "inbox", self.endpoint)


def main() -> int:
    """The trials that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--count", type=int, help="number of trials, by default enough for what docs/trials.md says")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first; the others count on from it")
    parser.add_argument("--store", choices=("local", "s3"), default="local")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin none after so many minutes")
    parser.add_argument("--jobs", type=int, default=1, help="trials side by side")
    chosen = parser.parse_args()
    kind = KINDS[chosen.kind]
    ends = time.monotonic() + 60 * chosen.minutes
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trials-", ignore_cleanup_errors=True)))
        (folder / "s3").mkdir()
        endpoint = stack.enter_context(serving(folder / "s3")) if chosen.store == "s3" else None
        trial = kind.make(Places(folder, endpoint))
        seeds = range(chosen.seed, chosen.seed + (chosen.count or kind.count))
        with ThreadPoolExecutor(chosen.jobs) as pool:
            done = [each for each in pool.map(partial(_tried, trial, ends), seeds) if each is not None]
    summary = {"kind": chosen.kind, "store": chosen.store, "seeds": [seeds.start, seeds.start + len(done) - 1]}
    summary |= kind.summary(done)
    print(json.dumps(summary | {"failed": (failed := any(trial["wrong"] for trial in done) or summary.get("failed"))}))
    return 1 if failed else 0


def _tried(trial: Callable[[int], dict[str, Any]], ends: float, seed: int) -> dict[str, Any] | None:
    if time.monotonic() > ends:
        return None
    begun = time.monotonic()
    found = trial(seed)
    print(json.dumps(found | {"seconds": round(time.monotonic() - begun, 1)}), flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
