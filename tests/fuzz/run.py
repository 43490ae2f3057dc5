"""``make fuzz``: mutated exports of every format through ``read_export``; nothing may crash, hang, grow or lie.

Each input must end ok, partial or rejected, within 5 s and 1 GB, with its problems coded and its readings sound (one a
key, none without a time or a quality). A file that was cut must not come out ``ok`` with fewer readings than it had,
nor one whose lines were moved with others than it had. Inputs that break a rule are kept in ``.fuzz/``.
"""

import argparse
import faulthandler
import json
import os
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from assets.meters.exports import describe, read_export, readers
from assets.meters.formats import layouts
from assets.meters.formats.canonical import Export
from quality.problems import CODES
from quality.readings import READING_SCHEMA, REGISTER_SCHEMA
from tests.fuzz.mutate import mutated
from tests.fuzz.samples import SAMPLES, Sample

SECONDS = 5.0
"""Of a processor. What hangs without using one ends its process after ``HANG``."""
HANG = 120
MEGABYTES = 1024
FOUND = Path(".fuzz")
CHUNK = 1000
"""Inputs of a process: enough that starting it does not count."""
MOVED = ("cut", "drop", "repeat", "shuffle_lines")
"""Mutations that make no new line but at their seams."""
PLACED = ("nem12", "p01")
"""Formats in which a line's place tells its meter or its time: one sent twice may be one more."""
_SCHEMAS = {"readings": READING_SCHEMA, "registers": REGISTER_SCHEMA}


@dataclass
class Tally:
    """What came of the inputs of one format."""

    format: str
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0
    megabytes: float = 0.0
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take in what came of further inputs."""
        self.statuses += other.statuses
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.megabytes = max(self.megabytes, other.megabytes)
        self.broken += other.broken

    def __str__(self) -> str:
        inputs = max(self.statuses.total(), 1)
        counts = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.format:22} {inputs:6} inputs: {counts}; {1000 * self.seconds / inputs:.0f} ms each, slowest "
            f"{self.slowest:.2f} s, {self.megabytes:.0f} MB, {len(self.broken)} broken"
        )


@dataclass(frozen=True)
class Baseline:
    """What a sample holds before it is mutated."""

    format: str
    count: int
    told: pl.DataFrame | None

    @staticmethod
    def of(format: str, sample: Sample) -> "Baseline":
        """Read the sound file."""
        export = read_export(sample.data, sample.name, sample.options)
        return Baseline(format, describe(export, sample.name)["readings"], _told(export))


def _told(export: Export) -> pl.DataFrame | None:
    if "readings" not in export.tables:
        return None
    told = export.tables["readings"].drop("row").cast({"point": pl.String, "channel": pl.String})
    return told.sort("point", "channel", "quantity", "start")


def check(sample: Sample, base: Baseline, how: str, data: bytes) -> tuple[str, float, str | None]:
    """Read one input: status, seconds, and the rule it broke (None: none)."""
    begun = _used()
    try:
        export = read_export(data, sample.name, sample.options)
        found = describe(export, sample.name)
    except BaseException as error:  # a crash is the finding, of whatever kind
        return "crash", _used() - begun, f"{type(error).__name__}: {error}"
    took = _used() - begun
    if took > SECONDS:
        return found["status"], took, f"took {took:.1f} s"
    return found["status"], took, _coded(found) or _sound(export) or _whole(found, export, base, how, data)


def _coded(found: Mapping[str, Any]) -> str | None:
    """The rule of statuses and problems that is broken."""
    status, readings, problems = found["status"], found["readings"], found["problems"]
    if status not in ("ok", "partial", "rejected"):
        return f"status {status}"
    if unknown := {problem["code"] for problem in problems} - set(CODES):
        return f"codes {unknown}"
    if failed := [problem["message"] for problem in problems if problem["code"] == "reader-failed"]:
        return f"reader-failed: {failed[0]}"
    if status == "rejected" and (readings or not problems):
        return "rejected with readings or without a reason"
    if status == "partial" and not problems:
        return "partial without a reason"
    if sum(channel["readings"] for channel in found["channels"]) != readings:
        return "channels do not add up to the readings"
    return None


def _sound(export: Export) -> str | None:
    """The rule of tables that is broken: their schema, one reading a key, a time, a quality, a value unless missing."""
    for name, table in export.tables.items():
        if table.schema != _SCHEMAS[name]:
            return f"the schema of {name}"
        at = ["start"] if name == "readings" else ["start", "end"]
        if table.select(pl.struct("point", "channel", "quantity", *at).is_duplicated().any()).item():
            return f"{name} repeat a key"
        if any(table[column].null_count() for column in ("point", "channel", "quantity", at[-1], "quality", "row")):
            return f"{name} without a time, a quality or a row"
    readings = export.tables.get("readings")
    unvalued = pl.col("value").is_null() != (pl.col("quality") == "missing")
    if readings is not None and readings.select((unvalued | (pl.col("minutes") <= 0)).any()).item():
        return "readings of no length, or with a value and missing"
    return None


def _whole(found: Mapping[str, Any], export: Export, base: Baseline, how: str, data: bytes) -> str | None:
    """Whether a file of other readings than the sample's is said to be sound."""
    how = how.removeprefix("inside:")
    if found["problems"]:
        return None
    if found["readings"] < base.count and not _unseen(how, base.format, data):
        return f"said to be whole with {found['readings']} of {base.count} readings"
    told = _told(export)
    if told is None or base.told is None or how not in MOVED:
        return None
    # A seam may make one line: of another meter's number, or of another day.
    if told.height > base.count + 1 and base.format not in PLACED:
        return f"said to be whole with {told.height} of {base.count} readings"
    if how == "shuffle_lines" and base.format in layouts.shipped() and not base.told.equals(told):
        return "lines are in another order, and so are the readings"
    return None


def _unseen(how: str, format: str, data: bytes) -> bool:
    """Whether a mutation may take readings away so that nothing shows it: whole lines or rows without a trailer.

    Old workbooks (``.xls``) have no checksum, so that any damage to one may.
    """
    mutations = set(how.split("+"))
    if mutations == {"cut"}:
        return readers()[format].open_end and data.endswith((b"\n", b"\r"))
    return format.endswith("_xls") or not mutations.isdisjoint({"cut", "drop", "noise", "archive"})


def fuzz(format: str, start: int, inputs: int) -> Tally:
    """``inputs`` mutations of a format's sample, from number ``start``: number and format decide everything."""
    faulthandler.dump_traceback_later(HANG, exit=True)
    sample = SAMPLES[format]()
    base = Baseline.of(format, sample)
    tally = Tally(format, megabytes=_peak())
    for number in range(start, start + inputs):
        faulthandler.dump_traceback_later(HANG, exit=True)
        how, data = mutated(sample.data, random.Random(f"{format}/{number}"))
        status, took, broken = check(sample, base, how, data)
        tally.statuses[status] += 1
        tally.seconds += took
        tally.slowest = max(tally.slowest, took)
        peak = _peak()
        if broken is None and peak > max(MEGABYTES, tally.megabytes):
            broken = f"{peak:.0f} MB"
        tally.megabytes = peak
        if broken:
            tally.broken.append(f"{format} {number} {how}: {broken}")
            FOUND.mkdir(exist_ok=True)
            (FOUND / f"{format}-{number}.bin").write_bytes(data)
    faulthandler.cancel_dump_traceback_later()
    return tally


def _used() -> float:
    """Seconds of processor that this process and its children used: not those in which others had it."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def _peak() -> float:
    """Megabytes that this process or one of its children held at most."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def chunk(format: str, start: int, inputs: int) -> Tally:
    """One chunk in a process of its own, so that a crash, a hang or a swollen memory is that chunk's finding."""
    command = [sys.executable, "-m", "tests.fuzz.run", "--json", "--format", format]
    command += ["--start", str(start), "--inputs", str(inputs)]
    # A pool of threads for frames of a hundred rows costs more than it saves, and a chunk runs on every core.
    alone = os.environ | {"POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=alone)
    if done.returncode:
        ended = f"{format} {start}..: the process ended with {done.returncode}: {done.stderr[-1500:]}"
        return Tally(format, broken=[ended])
    told = json.loads(done.stdout)
    return Tally(**told | {"statuses": Counter(told["statuses"])})


def main() -> int:
    """All formats, as many chunks at once as there are cores; a line a chunk, then a format; 1 if anything broke."""
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
    end = chosen.start + chosen.inputs
    # Format after format in turns: a run that is stopped has tried all of them alike.
    work = [(f, start, min(CHUNK, end - start)) for start in range(chosen.start, end, CHUNK) for f in formats]
    total = {format: Tally(format) for format in formats}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, done in enumerate(as_completed([pool.submit(chunk, *each) for each in work]), start=1):
            tally = done.result()
            total[tally.format].add(tally)
            print(f"{number}/{len(work)} {tally}", *tally.broken[:10], sep="\n  ", flush=True)
    print(*(f"{tally}" for tally in total.values()), sep="\n")
    return 1 if any(tally.broken for tally in total.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
