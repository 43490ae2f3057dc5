"""``make fuzz``: mutated exports of every format through ``read_export``; nothing may crash, hang, grow or lie.

Each input must end ok, partial or rejected, within 5 s and 1 GB, with its problems coded; a file that was cut must not
come out ``ok`` with fewer readings than it had. Inputs that break a rule are kept in ``.fuzz/``.
"""

import argparse
import faulthandler
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from assets.energy.exports import describe, read_export
from quality.problems import CODES
from tests.fuzz.mutate import mutated
from tests.fuzz.samples import SAMPLES, Sample

SECONDS = 5.0
MEGABYTES = 1024
FOUND = Path(".fuzz")


@dataclass
class Tally:
    """What came of the inputs of one format."""

    format: str
    statuses: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    broken: list[str] = field(default_factory=list)


def check(sample: Sample, count: int, how: str, data: bytes) -> tuple[str, float, str | None]:
    """Read one input: status, seconds, and the rule it broke (None: none)."""
    begun = time.perf_counter()
    try:
        found = describe(read_export(data, sample.name, sample.options), sample.name)
    except BaseException as error:  # a crash is the finding, of whatever kind
        return "crash", time.perf_counter() - begun, f"{type(error).__name__}: {error}"
    took = time.perf_counter() - begun
    status, readings = found["status"], found["readings"]
    if status not in ("ok", "partial", "rejected"):
        return status, took, f"status {status}"
    if took > SECONDS:
        return status, took, f"took {took:.1f} s"
    if unknown := {problem["code"] for problem in found["problems"]} - set(CODES):
        return status, took, f"codes {unknown}"
    if any(problem["code"] == "reader-failed" for problem in found["problems"]):
        return status, took, f"reader-failed: {found['problems'][0]['message']}"
    if status == "rejected" and (readings or not found["problems"]):
        return status, took, "rejected with readings or without a reason"
    if status == "partial" and not found["problems"]:
        return status, took, "partial without a reason"
    if sum(channel["readings"] for channel in found["channels"]) != readings:
        return status, took, "channels do not add up to the readings"
    # Cut between two lines of a format without a trailer there is nothing to see; a problem is said where there is.
    between = data.endswith((b"\n", b"\r"))
    if how == "cut" and status == "ok" and readings < count and not found["problems"] and not between:
        return status, took, f"cut, and said to be whole with {readings} of {count} readings"
    return status, took, None


def fuzz(format: str, start: int, inputs: int) -> Tally:
    """``inputs`` mutations of a format's sample, from number ``start``: number and format decide everything."""
    faulthandler.dump_traceback_later(120, exit=True)
    sample = SAMPLES[format]()
    count = describe(read_export(sample.data, sample.name, sample.options), sample.name)["readings"]
    tally = Tally(format)
    for number in range(start, start + inputs):
        faulthandler.dump_traceback_later(120, exit=True)
        how, data = mutated(sample.data, random.Random(f"{format}/{number}"))
        status, took, broken = check(sample, count, how, data)
        tally.statuses[status] += 1
        tally.slowest = max(tally.slowest, took)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if broken is None and peak > MEGABYTES:
            broken = f"{peak:.0f} MB"
        if broken:
            tally.broken.append(f"{format} {number} {how}: {broken}")
            FOUND.mkdir(exist_ok=True)
            (FOUND / f"{format}-{number}.bin").write_bytes(data)
    faulthandler.cancel_dump_traceback_later()
    return tally


def chunk(format: str, start: int, inputs: int) -> Tally:
    """One chunk in a process of its own, so that a crash, a hang or a swollen memory is that chunk's finding."""
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.run",
        "--format",
        format,
        "--start",
        str(start),
        "--inputs",
        str(inputs),
    ]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        return Tally(
            format, broken=[f"{format} {start}..: the process ended with {done.returncode}: {done.stderr[-1500:]}"]
        )
    told = json.loads(done.stdout)
    return Tally(format, Counter(told["statuses"]), told["slowest"], told["broken"])


def main() -> int:
    """All formats, as many chunks at once as there are cores; a line a format; 1 if anything broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="mutated inputs a format")
    parser.add_argument("--format", action="append", choices=sorted(SAMPLES))
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--json", action="store_true", help="one format in this process, told as JSON")
    chosen = parser.parse_args()
    formats = chosen.format or sorted(SAMPLES)
    if chosen.json:
        print(json.dumps(fuzz(formats[0], chosen.start, chosen.inputs).__dict__))
        return 0
    size, end = 500, chosen.start + chosen.inputs
    work = [(f, start, min(size, end - start)) for f in formats for start in range(chosen.start, end, size)]
    total = {format: Tally(format) for format in formats}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda each: chunk(*each), work):
            tally = total[done.format]
            tally.statuses += done.statuses
            tally.slowest = max(tally.slowest, done.slowest)
            tally.broken += done.broken
    broken = 0
    for format, tally in total.items():
        print(
            f"{format:24} {dict(tally.statuses)} slowest {tally.slowest:.2f} s, {len(tally.broken)} broken", flush=True
        )
        for line in tally.broken[:10]:
            print(f"  {line}")
        broken += len(tally.broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
