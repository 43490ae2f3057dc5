"""Plants every fault in what a night delivers, and reports which rule caught it.

The clean nights before are made in the folder once.
"""

import argparse
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from demo.answers import Answer, Query
from demo.packages import packages
from tests.planted import (
    air_and_weather,
    city,
    meters,
    misplaced,
    mobility,
    people_and_visitors,
    registers,
    water_and_fire,
)
from tests.planted.changes import Files
from tests.planted.fault import Fault
from tests.planted.night import BEFORE, NIGHT, Told, run, told

FAULTS = (
    *(*air_and_weather.AIR, *air_and_weather.WEATHER, *water_and_fire.WATER),
    *(*people_and_visitors.PEOPLE, *people_and_visitors.VISITORS, *mobility.ROADS, *mobility.TRANSIT),
    *(*city.GOVERNANCE, *city.ENERGY, *meters.METERS, *misplaced.MISPLACED, *registers.REGISTERS),
)

NEAR = 0.01
"""Part of an indicator by which it may differ and still be right: one customer's estimated day moves a city by less."""

OF_QUALITY = ("delivered_share",)
"""Indicators that tell how good the data is: a fault moves them, as it should."""

PACKAGES = {each.resource: name for name, each in packages(NIGHT).items()}
"""Package of a resource of the city's catalogue."""


@dataclass(frozen=True)
class Outcome:
    """What the night says of a fault. ``about``: what rules about it told; ``beside``: what others did; ``wrong``:
    indicators that are published otherwise than without it, as if nothing were; ``lowered``: those that say more or
    less than without it; ``failed``: steps that raised."""

    fault: Fault
    about: Sequence[dict[str, Any]]
    beside: Sequence[str]
    wrong: Sequence[str]
    lowered: Sequence[str]
    failed: Sequence[str]

    @property
    def caught(self) -> bool:
        """Told by a rule about it, or taken as it should be."""
        right = not self.failed and not self.wrong
        return right and (bool(self.about) or not self.fault.rule)

    def __str__(self) -> str:
        first = self.about[0] if self.about else {"verdict": "-", "message": ""}
        rules = ", ".join(f"{row['table']} {row['check']}" for row in self.about) or "-"
        mark = "caught" if self.caught else "MISSED"
        lines = [f"{mark} | {self.fault.name} | {rules} | {first['verdict']} | {first['message']:.110}"]
        lines += [f"    published as ok: {'; '.join(self.wrong)}"] if self.wrong else []
        lines += [f"    beside: {'; '.join(self.beside)}"] if self.beside and not self.caught else []
        lines += [f"    indicators: {'; '.join(self.lowered)}"] if self.lowered else []
        lines += [f"    failed: {'; '.join(self.failed)}"] if self.failed else []
        return "\n".join(lines)


def nights(faults: Sequence[Fault]) -> list[list[Fault]]:
    """The faults by night: none has two that reach one table."""
    by_table: dict[str, list[Fault]] = {}
    for fault in faults:
        by_table.setdefault(fault.table, []).append(fault)
    longest = max(map(len, by_table.values()))
    return [[row[place] for row in by_table.values() if place < len(row)] for place in range(longest)]


def before(home: Path) -> None:
    """The clean nights before."""
    for day in BEFORE:
        failed = run(home, day)
        assert not failed, failed


def planted(history: Path, home: Path, faults: Sequence[Fault]) -> Told:
    """The night with these faults, after the clean ones of ``history``. Each must have met what it changes."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(history, home)
    met = set()

    def answered(query: Query, found: Answer) -> Answer:
        for fault in faults:
            portal, _, part = fault.place.partition(" ")
            package = PACKAGES.get(query.fields.get("resource_id", ""))
            if query.portal == portal and found.body and (part in query.path or part == package):
                met.add(fault.name)
                found = Answer(found.status, found.content_type, fault.change(found.body), found.headers)
        return found

    def received(files: Files) -> Files:
        for fault in faults:
            if fault.place.startswith("inbox"):
                met.add(fault.name)
                files = fault.change(files)
        return files

    failed = run(home, NIGHT, answered, received)
    lost = {fault.name for fault in faults} - met
    assert not lost, f"never delivered: {lost}"
    return told(home, NIGHT, failed)


def outcome(fault: Fault, clean: Told, night: Told) -> Outcome:
    """How the night of a fault differs from the clean one, in what is about the tables that it reaches."""
    known = {(row["table"], row["check"]): row for row in clean.verdicts.iter_rows(named=True)}
    found = []
    mine = night.verdicts.filter(pl.col("table").is_in(fault.reaches), pl.col("verdict") != "pass")
    for row in mine.iter_rows(named=True):
        same = known.get((row["table"], row["check"]))
        if same is None or same["verdict"] == "pass" or row["failed"] > same["failed"]:
            found.append(row)
    names = [f"{row['table']} {row['check']}" for row in found]
    is_about = [bool(fault.rule) and re.search(f"^(?:{fault.rule})$", name) is not None for name in names]
    of_tables = re.compile("|".join(rf"(?<![a-z_]){table}(?![a-z_])" for table in fault.reaches))
    right = {row["indicator"]: row for row in clean.indicators.iter_rows(named=True)}
    wrong, lowered = [], []
    for row in night.indicators.iter_rows(named=True):
        one = right.get(row["indicator"])
        if not of_tables.search(f"{row['sources']} {(one or row)['sources']}"):
            continue
        if one is None or (one["verdict"], one["reason"]) != (row["verdict"], row["reason"]):
            lowered.append(f"{row['indicator']} {row['verdict']}")
        # A value of an earlier period says so; none is wrong.
        older = one is not None and row["period_end"] < one["period_end"]
        shown = row["verdict"] == "ok" and row["indicator"] not in OF_QUALITY and not older
        if shown and (one is None or not _near(one["value"], row["value"])):
            wrong.append(f"{row['indicator']}: {row['value']} for {one and one['value']}")
    return Outcome(
        fault,
        [row for row, about in zip(found, is_about, strict=True) if about],
        [name for name, about in zip(names, is_about, strict=True) if not about],
        wrong,
        lowered,
        [f"{name}: {error:.200}" for name, error in night.failed.items()],
    )


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one == other
    return abs(one - other) <= NEAR * max(abs(one), abs(other))


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many were caught, and how many left an indicator wrong as if nothing were."""
    caught, wrong = sum(each.caught for each in outcomes), sum(bool(each.wrong) for each in outcomes)
    return f"{caught} of {len(outcomes)} faults caught by a rule about them, {wrong} published as ok"


def trial(folder: Path, faults: Sequence[Fault]) -> list[Outcome]:
    """The outcomes of all faults, each printed as its night is over."""
    history, found = folder / "history", list[Outcome]()
    if not history.exists():
        before(history)
    clean = planted(history, folder / "clean", [])
    assert not clean.failed, clean.failed
    for faults_of_night in nights(faults):
        night = planted(history, folder / "night", faults_of_night)
        outcomes = [outcome(fault, clean, night) for fault in faults_of_night]
        print(*outcomes, sep="\n", flush=True)
        found += outcomes
    print(summary(found))
    return found


def main() -> None:
    """Plant what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the nights are made; some 100 MB")
    parser.add_argument("words", nargs="*", metavar="word", help="plant only what has one in its table or name")
    asked = parser.parse_args()
    trial(
        asked.folder,
        [
            each
            for each in FAULTS
            if not asked.words or any(word in f"{each.table} {each.name}" for word in asked.words)
        ],
    )


if __name__ == "__main__":
    main()
