"""Nights in sequence, each with a fault and run again until it ends well, against as many quiet ones.

Damage is mended by the command that the error names, run as a user runs it. At the end lake, receipts and what is
published must be those of the quiet nights, byte for byte; verdicts excepted, which tell of the run that judged.
"""

import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import yaml

from assets.cities.registry import default_path
from assets.lake import upkeep
from assets.lake.files import CityLake
from assets.landing.archive import object_key, receipts_folder
from assets.landing.lease import Leases
from assets.landing.store import Store
from assets.snapshots import history
from quality.tables import LOAD_PROFILE_BASIS, TABLES
from tests.trials import faults, night, processes
from tests.trials.night import FIRST, KEY, Place, clock, deliveries, discard, lay, step_at, the_city
from tests.trials.state import CITY, State, state_of, torn, wrong

FAULTS = (
    *("kill", "disk-full", "store-away", "truncated", "no-memory", "beside", "clock"),
    *("flip-lake", "flip-receipts", "flip-object", "flip-pointer", "flip-history"),
)
ATTEMPTS = 8
"""Times a night is tried: the fault, the command that mends it, the night after it, and room for one more fault."""

OF_THE_DAY = ("verdicts", "validation_results", "indicators", "programme", LOAD_PROFILE_BASIS.name)
"""Tables that no file of landing makes again: what was judged, computed and published on a day. Not damaged here."""

COMMAND = re.compile(r"`(muang (?:lake rebuild|landing repair|snapshots repair)[^`]*)`")


def quiet_nights(place: Place, world: int, count: int, again: Collection[date]) -> tuple[State, list[str]]:
    """Nights that nothing disturbs: the state they end in (``again`` as in ``state_of``), and what is wrong with it."""
    night.without_suites()
    for day in _days(count):
        lay(place, deliveries(world, day))
        night.night(step_at(place, day, clock(day)), deliveries(world, day))
    return state_of(place.open(), again), wrong(place.open())


def _days(count: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(count)]


def attempt(place: Place, world: int, day: date, now: datetime, fault: str = "", at: int = 0) -> list[str]:
    """A night under the lease, with a fault at a step, request or read; returns receipts that it could not read."""
    night.without_suites()
    step = step_at(place, day, now, f"run-{now:%d%H%M%S}")
    happening: AbstractContextManager[None] = {
        "kill": lambda: faults.at_each_step(place, faults.Counted(at, faults.die)),
        "disk-full": lambda: faults.at_each_step(place, faults.Counted(at, faults.disk_full, on=True)),
        "store-away": lambda: faults.at_each_request(faults.Counted(at, faults.away, on=True)),
        "truncated": lambda: faults.cut_short(at),
        "no-memory": lambda: faults.no_memory(1 + at % 6),
    }.get(fault, nullcontext)()
    past = day < now.date()
    with ExitStack() as stack:
        stack.enter_context(happening)
        leases = stack.enter_context(closing(Leases(step.deployment.store, step.run, patience=timedelta(seconds=90))))
        leases.hold(CITY)
        step = replace(step, deployment=replace(step.deployment, leases=leases))
        night.night(step, {} if past else deliveries(world, day))
    return night.unread(place.open(), day)


def muang(place: Place, registry: Path, now: datetime, command: str) -> tuple[int, str]:
    """Run a command as its user does, with the clock of the trial: exit code and output."""
    from typer.testing import CliRunner

    from pipelines import settings
    from pipelines.cli import app

    known = settings.now
    with ExitStack() as stack:
        for module in list(sys.modules.values()):
            if getattr(module, "now", None) is known:
                stack.enter_context(patch.object(module, "now", lambda: now))
        chosen = {
            "MUANG_HOME": str(place.inbox.parent / "home"),
            "MUANG_STORE": place.uri,
            "MUANG_METER_KEY": KEY.decode(),
        }
        chosen |= {"MUANG_CITIES": str(registry), "MUANG_INBOX": str(place.inbox), "COLUMNS": "300"}
        if place.endpoint:
            chosen |= {"AWS_ENDPOINT_URL": place.endpoint, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
        stack.enter_context(patch.dict(os.environ, chosen))
        result = CliRunner().invoke(app, shlex.split(command)[1:])
    return result.exit_code, result.output


def registry_of(folder: Path) -> Path:
    """The city's registry file."""
    entry = yaml.safe_load(default_path().read_text(encoding="utf-8"))[CITY]
    entry["sources"] = {
        name: {"via": source.via, "reader": source.reader, "options": dict(source.options)}
        for name, source in the_city().sources.items()
    }
    path = folder / "registry.yaml"
    path.write_text(yaml.safe_dump({CITY: entry}, allow_unicode=True), encoding="utf-8")
    return path


class Trial:
    """Nights of one world with a fault each."""

    def __init__(self, place: Place, seed: int, count: int) -> None:
        self.place, self.world, self.count = place, seed % 7, count
        self.chance = Random(f"nights/{seed}")
        self.wrong: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.again: set[date] = set()
        """Days that were run again beside a later one, or that judged other days again."""

    def run(self) -> None:
        """All nights."""
        self.place.inbox.parent.mkdir(parents=True, exist_ok=True)
        self.registry = registry_of(self.place.inbox.parent)
        round_of_faults: list[str] = []
        for day in _days(self.count):
            if not round_of_faults:
                round_of_faults = self.chance.sample(FAULTS, len(FAULTS))
            self.night(day, round_of_faults.pop())

    def night(self, day: date, fault: str) -> None:
        """One night: the fault, then again until it ends well."""
        self.day, self.number, self.commands = day, 0, list[str]()
        lay(self.place, deliveries(self.world, day))
        self.store: Store = self.place.open()
        found = len(self.wrong)
        getattr(self, "_" + fault.replace("-", "_").replace("flip_", "damaged_"), lambda: self._attempt(fault))()
        while self.number < ATTEMPTS and not self._ends_well():
            pass
        if self.number == ATTEMPTS:
            self._note(f"did not end well in {ATTEMPTS} attempts: {self.last.error[:600]}")
        told = {"day": str(day), "fault": fault, "attempts": self.number, "commands": self.commands}
        self.told.append(told | {"wrong": self.wrong[found:]})

    def _note(self, what: str) -> None:
        self.wrong.append(f"{self.day}: {what}")

    @property
    def now(self) -> datetime:
        """Each attempt is a minute after the one before."""
        return clock(self.day, self.number)

    def _attempt(self, fault: str = "") -> processes.Ended:
        at = self.chance.randint(1, 150 if fault in ("truncated", "no-memory") else 400)
        self.last = processes.run(attempt, self.place, self.world, self.day, self.now, fault, at)
        self.number += 1
        return self.last

    def _ends_well(self) -> bool:
        """Another attempt without a fault; damage that its error (or ``verify`` after it) names is mended."""
        ended = self._attempt()
        if ended.error:
            if not self._mend(ended.error):
                self._note(f"without a fault: {ended.error[:600]}")
            return False
        if ended.value:
            return False  # deliveries could not be read for now
        return not sum(self._mend(each) for each in self._verify())

    def _verify(self) -> list[str]:
        return [*upkeep.verify(CityLake(self.store, CITY)), *history.problems(self.store, CITY)]

    def _mend(self, error: str) -> bool:
        """Run the command that an error names."""
        told = COMMAND.search(error)
        if told is None:
            return False
        ended = processes.run(muang, self.place, self.registry, self.now, told[1])
        self.commands.append(told[1])
        if "lake rebuild" in told[1]:  # the night after it judges more days than the quiet one
            self.again.add(self.day)
        if ended.error or ended.value[0] not in (0, 1):
            self._note(f"{told[1]}: {ended.error or ended.value}"[:600])
        return True

    def _kill(self) -> None:
        self._attempt("kill")
        for each in torn(self.store):
            self._note(f"after the kill: {each}")

    def _beside(self) -> None:
        """The night of the day before is run again at the same time."""
        if self.day == FIRST:
            return
        other = replace(self.place, inbox=self.place.inbox.parent / "nothing")
        now, yesterday = self.now, self.day - timedelta(days=1)
        self.again.add(yesterday)
        beside = processes.Running(attempt, other, self.world, yesterday, now + timedelta(seconds=1))
        self._attempt()
        if error := beside.wait().error:
            self._note(f"the writer beside: {error[:600]}")

    def _clock(self) -> None:
        """A clock an hour back, or a year ahead, is refused."""
        if self.day == FIRST:
            return
        yesterday = clock(self.day - timedelta(days=1))
        for now in (yesterday - timedelta(hours=1), clock(self.day) + timedelta(days=365)):
            ended = processes.run(attempt, self.place, self.world, now.date(), now)
            if not ended.error.startswith("NotOurs"):
                self._note(f"the clock {now} was not refused: {ended.error[:200]}")

    def _flip(self, key: str, since: int = 0) -> None:
        self.store.write(key, faults.flip(self.store.read(key), self.chance, since))

    def _damaged_lake(self) -> None:
        tables = [table for table in TABLES.values() if table.name not in OF_THE_DAY]
        keys = [key for table in tables for key in CityLake(self.store, CITY).keys(table)]
        if keys:
            self._flip(self.chance.choice(keys))

    def _damaged_receipts(self) -> None:
        """In the last line: a line that is landed anew gets the next number, and a later one overrules an earlier."""
        self._attempt("kill")
        key = f"{receipts_folder(CITY)}/{self.day}.jsonl"
        data = self.store.fetch(key).data
        if data:
            self._flip(key, data.rindex(b"\n", 0, len(data) - 2) + 1 if data.count(b"\n") > 2 else 0)

    def _damaged_object(self) -> None:
        """Of what came tonight and is still in the inbox."""
        self._attempt("kill")
        brought = step_at(self.place, self.day, self.now).deployment.archive.receipts_of_day(CITY, self.day)
        new = [object_key(receipt.sha256) for receipt in brought if receipt.outcome == "new" and receipt.sha256]
        # What came before and is in a pack is no file of its own.
        if own := [key for key in new if self.store.exists(key)]:
            self._flip(self.chance.choice(own))

    def _damaged_pointer(self) -> None:
        if self.store.exists(history.current_key(CITY)):
            self._flip(history.current_key(CITY))

    def _damaged_history(self) -> None:
        """Any entry but the first, which no other tells of."""
        keys = self.store.list(f"cdp/city={CITY}/history")[1:]
        if keys:
            self._flip(self.chance.choice(keys))


class Nights:
    """Trials of nights on one kind of store."""

    def __init__(self, places: Iterator[Place], count: int = 30) -> None:
        self.places, self.count, self.worker = places, count, processes.Worker()

    def trial(self, seed: int) -> dict[str, Any]:
        """One trial: its nights with a fault each, and as many quiet ones."""
        trial, quiet = Trial(next(self.places), seed, self.count), next(self.places)
        trial.run()
        ended = processes.run(quiet_nights, quiet, trial.world, self.count, trial.again)
        assert ended.value, ended.error
        state, found = ended.value
        store = trial.place.open()
        found = [f"quiet nights: {each}" for each in found] + trial.wrong + wrong(store)
        found += [f"not as the quiet nights: {each}" for each in state.differences(state_of(store, trial.again))]
        for place in (trial.place, quiet):
            discard(place)
        return {"seed": seed, "world": trial.world, "nights": trial.told, "wrong": found}


def summary(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of all trials."""
    nights = [each for trial in trials for each in trial["nights"]]
    return {
        "trials": len(trials),
        "nights": len(nights),
        "attempts": sum(each["attempts"] for each in nights),
        "faults": Counter(each["fault"] for each in nights),
        "commands": Counter(" ".join(command.split()[:3]) for each in nights for command in each["commands"]),
        "equal": sum(not trial["wrong"] for trial in trials),
        "failed_seeds": [trial["seed"] for trial in trials if trial["wrong"]],
    }
