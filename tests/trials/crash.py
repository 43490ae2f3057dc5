"""A night that is killed at any durable step, up to three times, and then left in peace, ends as one that never was."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from assets.landing.identity import KEY
from assets.landing.store import Store
from tests.trials import faults, night, processes
from tests.trials.night import Place, clock, deliveries, discard, lay, step_at
from tests.trials.state import State, state_of, torn, wrong

DAYS = (*(date(2026, 11, 27) + timedelta(days=n) for n in range(4)), date(2026, 12, 8), date(2026, 12, 9))
"""Nights that a crash is tried in: the first of all, some with corrections, and the one that compacts November."""
WORLDS = 3


class Quiet(NamedTuple):
    """A night that nothing disturbs: the files before and after it, what they come to, its number of durable steps."""

    before: dict[str, bytes]
    files: dict[str, bytes]
    after: State
    steps: int


def whole_night(place: Place, world: int, day: date, attempt: int) -> bool:
    """A night in this process."""
    night.without_suites()
    night.night(step_at(place, day, clock(day, attempt)), deliveries(world, day))
    return True


def killed_night(place: Place, world: int, day: date, attempt: int, at: int) -> int:
    """A night in this process, killed before its step ``at`` (0: not at all); returns the number of its steps."""
    counted = faults.Counted(at, faults.die)
    with faults.at_each_step(place, counted):
        whole_night(place, world, day, attempt)
    return counted.steps


def stopped_night(place: Place, world: int, day: date, attempt: int, at: int, harm: Callable[[], None]) -> bool:
    """A night of which nothing reaches the store from its step ``at`` on; whether it came so far."""
    harm()
    with faults.at_each_step(place, faults.Counted(at, faults.stop, on=True)):
        try:
            whole_night(place, world, day, attempt)
        except faults.Stopped:
            return True
    return False


def no_harm() -> None:
    """The store as it is."""


class Crashes:
    """Crash trials on one kind of store. ``places`` gives a new place each time.

    Fewer ``worlds`` and ``days`` need fewer quiet nights to compare with. ``harm`` is done to the process of nights
    first: the null control.
    """

    def __init__(
        self,
        places: Iterator[Place],
        worlds: int = WORLDS,
        days: int = len(DAYS),
        harm: Callable[[], None] = no_harm,
    ) -> None:
        self.places, self.worlds, self.days, self.harm = places, worlds, days, harm
        self.worker = processes.Worker()
        self._cached, self._lock = cache(self._quiet), threading.RLock()

    def quiet(self, world: int, number: int) -> Quiet:
        """A quiet night, run once."""
        with self._lock:
            return self._cached(world, number)

    def _quiet(self, world: int, number: int) -> Quiet:
        """The quiet night ``number`` of a world, on top of the quiet ones before it."""
        before = self.quiet(world, number - 1).files if number else {}
        place = self._laid(before)
        lay(place, deliveries(world, DAYS[number]))
        ended = processes.run(killed_night, place, world, DAYS[number], 0, 0)
        assert ended.value, ended.error
        store = place.open()
        assert not (found := wrong(store)), found
        quiet = Quiet(before, _files(store), state_of(store), ended.value)
        discard(place)
        return quiet

    def _laid(self, files: dict[str, bytes]) -> Place:
        place = next(self.places)
        place.open().ensure(files)
        return place

    def _cut_short(self, place: Place, how: str, world: int, day: date, attempt: int, at: int) -> tuple[bool, str]:
        """A night that ends at a step: whether it came so far, and what else it said."""
        if how == "killed":
            ended = processes.run(killed_night, place, world, day, attempt, at)
            return ended.killed, ended.error
        ended = self.worker.run(stopped_night, place, world, day, attempt, at, self.harm)
        return bool(ended.value), ended.error

    def trial(self, seed: int) -> dict[str, Any]:
        """One trial: which night, how often killed and where is drawn from the seed."""
        chance = Random(f"crash/{seed}")
        world, number = chance.randrange(self.worlds), chance.randrange(self.days)
        quiet, day = self.quiet(world, number), DAYS[number]
        place = self._laid(quiet.before)
        store = place.open()
        # A process takes longer to start than a night to run; most nights are stopped in one that lives on.
        how = "killed" if place.endpoint or seed % 8 == 0 else "stopped"
        told = {"seed": seed, "world": world, "day": str(day), "steps": quiet.steps, "how": how}
        cut_at: list[int] = []
        found: list[str] = []
        wanted = chance.choice((1, 2, 3, 3, 3))
        for attempt in range(wanted):
            at = chance.randint(1, quiet.steps)
            lay(place, deliveries(world, day))
            cut, error = self._cut_short(place, how, world, day, attempt, at)
            if error:
                found.append(f"attempt {attempt}, to end at {at}: {error}")
            if not cut:
                break  # it had less to do than a whole night and was done before
            cut_at.append(at)
            found += [f"after the end at {at}: {each}" for each in torn(store)]
        _age(place)
        lay(place, deliveries(world, day))
        ended = self.worker.run(whole_night, place, world, day, wanted)
        if ended.error:
            found.append(f"the last night: {ended.error}")
        else:
            found += [*wrong(store), *_left(place)]
            found += [f"not as undisturbed: {each}" for each in quiet.after.differences(state_of(store))]
        discard(place)
        return told | {"cut_at": cut_at, "wrong": found}


def _files(store: Store) -> dict[str, bytes]:
    keys = [KEY, *(key for folder in ("landing", "lake", "memory", "cdp", "work") for key in store.list(folder))]
    return dict(zip(keys, store.read_all(keys), strict=True))


def _staged(place: Place) -> list[Path]:
    return [] if place.endpoint else list(Path(place.uri, ".staging").glob("tmp*"))


def _age(place: Place) -> None:
    """Make staged files as old as the sweep of the next night wants them."""
    for path in _staged(place):
        os.utime(path, (1e9, 1e9))


def _left(place: Place) -> list[str]:
    return [f"{path.name} was not swept" for path in _staged(place)]


def summary(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of all trials."""
    return {
        "trials": len(trials),
        "crash_points": sum(len(trial["cut_at"]) for trial in trials),
        "of_them_by_kill": sum(len(trial["cut_at"]) for trial in trials if trial["how"] == "killed"),
        "different_steps": len({(t["world"], t["day"], at) for t in trials for at in t["cut_at"]}),
        "equal": sum(not trial["wrong"] for trial in trials),
        "by_day": dict(Counter(trial["day"] for trial in trials)),
        "failed_seeds": [trial["seed"] for trial in trials if trial["wrong"]],
    }
