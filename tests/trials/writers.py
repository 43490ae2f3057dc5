"""Two to four processes fill one city at once, each on its own delivery day with files for the same reading days.

``lease``: whole nights under the lease of the city; ``swaps``: without it, lake files are compared and swapped alone;
``neither``: the null control, whose lake files are written whatever they hold. In the first two nothing may be lost.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date, timedelta
from multiprocessing.synchronize import Barrier
from random import Random
from typing import Any
from unittest.mock import patch

from assets.lake import accounts, upkeep
from assets.lake.files import CityLake
from assets.landing.lease import Busy, Leases
from assets.landing.s3 import S3Store
from assets.landing.store import LocalStore, Store
from quality.tables import DELIVERIES, METER_INTERVALS, METER_SUPERSEDED, QUARANTINE, WEATHER
from tests.lake.small_city import nem12, weather
from tests.trials import night, processes
from tests.trials.night import Place, clock, discard, lay, step_at
from tests.trials.state import CITY, unlike, wrong

MODES = ("lease", "swaps", "neither")
FIRST = date(2026, 11, 24)
READ = [FIRST - timedelta(days=n) for n in range(1, 4)]
METERS = 6
NIGHT = clock(FIRST + timedelta(days=4))
"""When all of them begin: their days are over, as in a backfill."""

COMPARED = (METER_INTERVALS, METER_SUPERSEDED, WEATHER, DELIVERIES, QUARANTINE)
"""What of a lake does not depend on which of the days came first."""

LOST_AT_LEAST = 0.3
"""Share of the controls that must lose rows: below, the delays would prove nothing of the others."""
CONTROLS = 6
"""Fewer have no share worth the name."""


def files_of(writer: int) -> Mapping[str, Mapping[str, bytes]]:
    """What a writer's inbox holds: meters of its own, and one that all of them tell otherwise."""
    own = [f"W{writer}{number}" for number in range(METERS)]
    found = {f"{writer}-{day}.csv": nem12(day, *own, value=1 + writer) for day in READ}
    found[f"{writer}-all.csv"] = nem12(READ[0], "ALL", value=10 + writer)
    return {"exports": found, "weather": {f"weather-{writer}": weather(READ[0], *[20.0 + writer] * 24)}}


SENT = 96 * (METERS * len(READ) + 1)
"""Rows of a writer."""


def write(place: Place, mode: str, seed: int, writer: int, writers: int, begin: Barrier) -> str:
    """A writer's night in this process: "done", or "busy" and who has the city."""
    night.without_suites()
    step = step_at(place, FIRST + timedelta(days=writer), NIGHT, f"writer-{writer}")
    lay(place, files_of(writer))
    with ExitStack() as stack:
        chance = Random(f"{seed}/{writer}")
        stack.enter_context(_slow(chance))
        if mode == "neither":
            for store in (LocalStore, S3Store):
                stack.enter_context(patch.object(store, "swap", _unconditional(store)))
        begin.wait(processes.SECONDS)
        # The newest day first: it would read what the others have landed before it, and bring their rows itself.
        time.sleep(chance.uniform(0.2, 0.4) * (writers - 1 - writer))
        if mode != "lease":
            night.fill(step, files_of(writer))
            return "done"
        leases = stack.enter_context(closing(Leases(step.deployment.store, step.run, patience=timedelta(seconds=90))))
        leases.hold_all([CITY])
        try:
            leases.hold(CITY)
        except Busy as busy:
            return f"busy: {busy}"
        night.night(replace(step, deployment=replace(step.deployment, leases=leases)), files_of(writer))
        return "done"


def _slow(chance: Random) -> Any:
    """A lake that takes its time between reading a file and putting another in its place."""
    real = CityLake.swap

    def swap(*arguments: Any) -> Any:
        time.sleep(chance.choice((0, 0.1, 0.3)))
        return real(*arguments)

    return patch.object(CityLake, "swap", swap)


def _unconditional(store: Any) -> Any:
    real = store.swap

    def swap(self: Store, key: str, data: bytes, tag: str | None) -> bool:
        if not key.startswith("lake/"):
            return bool(real(self, key, data, tag))
        self.write(key, data)
        return True

    return swap


def one_by_one(place: Place, writers: int) -> dict[str, bytes]:
    """The lake of the same writers one after the other."""
    night.without_suites()
    for writer in range(writers):
        lay(place, files_of(writer))
        night.fill(step_at(place, FIRST + timedelta(days=writer), NIGHT), files_of(writer))
    return _compared(place.open())


def _compared(store: Store) -> dict[str, bytes]:
    lake = CityLake(store, CITY)
    keys = [key for table in COMPARED for key in lake.keys(table)]
    return dict(zip(keys, store.read_all(keys), strict=True))


class Writers:
    """Trials of writers on one kind of store."""

    def __init__(self, places: Iterator[Place]) -> None:
        self.places, self.worker = places, processes.Worker()
        self._right: dict[int, dict[str, bytes]] = {}

    def trial(self, seed: int) -> dict[str, Any]:
        """One trial: the mode by the seed's place among three, how many writers and their delays drawn from it."""
        mode, count = MODES[seed % len(MODES)], Random(f"writers/{seed}").randint(2, 4)
        place = next(self.places)
        begin = processes.barrier(count)
        running = [
            processes.Running(write, replace(place, inbox=place.inbox / str(n)), mode, seed, n, count, begin)
            for n in range(count)
        ]
        ended = [each.wait() for each in running]
        store = place.open()
        lake = CityLake(store, CITY)
        rows = sum(lake.read(table).drop_nulls("_receipt").height for table in (METER_INTERVALS, METER_SUPERSEDED))
        booked = lake.read(DELIVERIES).filter(table=METER_INTERVALS.name)["rows"].sum()
        done = [each.value == "done" for each in ended]
        found = [f"writer {n}: {each.error}" for n, each in enumerate(ended) if each.error]
        if mode != "neither":
            if rows != SENT * sum(done) or booked != rows:
                found.append(f"{SENT * sum(done)} rows sent, {rows} in the lake, {booked} in the ledger")
            found += wrong(store) if mode == "lease" else [*upkeep.verify(lake), *accounts.differences(lake)]
            if all(done):
                right = self._one_by_one(count)
                found += [f"{key} is not as one by one" for key in unlike(right, _compared(store))]
        told = {"seed": seed, "mode": mode, "writers": count, "done": sum(done), "busy": count - sum(done)}
        told |= {"sent": SENT * count, "rows": rows, "booked": booked}
        told["noticed"] = bool(mode == "neither" and (accounts.differences(lake) or any(each.error for each in ended)))
        if mode == "neither":
            found = []
        discard(place)
        return told | {"wrong": found}

    def _one_by_one(self, count: int) -> dict[str, bytes]:
        if count not in self._right:
            place = next(self.places)
            ended = self.worker.run(one_by_one, place, count)
            assert ended.value, ended.error
            self._right[count] = ended.value
            discard(place)
        return self._right[count]


def summary(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of all trials. ``failed`` where the control does not lose rows often enough."""
    by_mode = {mode: [trial for trial in trials if trial["mode"] == mode] for mode in MODES}
    control = by_mode["neither"]
    losing = [trial for trial in control if trial["rows"] < trial["sent"]]
    return {
        "trials": Counter(trial["mode"] for trial in trials),
        "writers": sum(trial["writers"] for trial in trials),
        "busy": sum(trial["busy"] for trial in trials),
        "nothing_lost": {
            mode: sum(not t["wrong"] and t["rows"] == t["sent"] for t in by_mode[mode]) for mode in MODES[:2]
        },
        "control_lost_in": len(losing),
        "control_lost_rows": f"{sum(t['sent'] - t['rows'] for t in control)} of {sum(t['sent'] for t in control)}",
        "control_noticed_in": sum(trial["noticed"] for trial in losing),
        "failed_seeds": [trial["seed"] for trial in trials if trial["wrong"]],
        "failed": len(control) >= CONTROLS and len(losing) < LOST_AT_LEAST * len(control),
    }
