"""A night's time by stage: named functions of the product are timed, each without those within it.

``STEPS`` are a night's steps, ``PARTS`` what they do; a row is a part within a step. What is in no step is
orchestration. A function is replaced wherever a loaded module has it, so that who imported it by name calls the timed
one too.
"""

import functools
import importlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from bench.measure import Cost, forget_peak, peak, used

STEPS = {
    "assets.sources.fetch:land_inboxes": "land",
    "assets.sources.fetch:land_portal": "land",
    "assets.lake.ingest:ingest": "tables",
    "assets.lake.ingest:ingest_meters": "intervals",
    "assets.lake.meter_final:make": "final values",
    "assets.lake.load_profile:make": "load profile",
    "assets.lake.derive:derive": "derived",
    "assets.indicators.make:make": "indicators",
    "assets.lake.answers:give": "snapshot",
    "assets.snapshots.publish:publish": "snapshot",
    "assets.lake.upkeep:tidy": "snapshot",
}

PARTS = {
    "assets.lake.ledger:read": "read",
    "assets.lake.delivered:to_delivered": "meter ids",
    "assets.lake.overlap:shared_ids": "meter ids",
    "quality.contracts:Table.arrived": "contract",
    "assets.lake.meter_intervals:_apply_bucket": "array",
    "assets.lake.meter_intervals:_by_rows": "row by row",
    "quality.meter_array:DayArray.complete": "complete",
    "quality.vee.validate:judge": "rules",
    "quality.vee.estimate:estimate": "estimates",
    "quality.vee.kept:Kept.rows": "rows",
    "assets.lake.load_profile:contributions": "contributions",
    "quality.privacy:release": "privacy",
    "quality.privacy:cells": "privacy",
    "quality.privacy:recheck": "privacy",
    "assets.lake.files:CityLake.swap": "sort, write",
    "assets.lake.encoding:decode": "read lake",
    "quality.gate:judge": "gate",
    "quality.expectations:judge": "gate, suites",
    "assets.lake.ledger:record": "ledger",
}

OUTSIDE, REST = "orchestration", "rest"


class Stages:
    """Costs by step and part, of the calls of the thread that runs the steps and whatever threads work for them."""

    def __init__(self) -> None:
        self.costs: dict[tuple[str, str], Cost] = {}
        self._thread = threading.get_ident()
        self._inside: list[tuple[str, str]] = [(OUTSIDE, "")]
        self._mark = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return used(), time.perf_counter()

    def _settle(self) -> None:
        """Put what was spent since the last change of stage to the one that it was spent in."""
        cpu, wall = self._now()
        cost = self.costs.setdefault(self._inside[-1], {"cpu": 0.0, "wall": 0.0, "peak": 0.0})
        cost["cpu"] += cpu - self._mark[0]
        cost["wall"] += wall - self._mark[1]
        cost["peak"] = max(cost["peak"], peak())
        forget_peak()
        self._mark = self._now()

    def timed(self, work: Callable[..., Any], step: str | None, part: str) -> Callable[..., Any]:
        """``work``, of which each call is a stage: of ``step``, or a part of the step that it is called in."""

        @functools.wraps(work)
        def staged(*arguments: Any, **named: Any) -> Any:
            if step and len(self._inside) == 1:
                self._thread = threading.get_ident()  # the night's own thread is not always the main one
            if threading.get_ident() != self._thread:
                return work(*arguments, **named)
            self._settle()
            here = step or self._inside[-1][0]
            self._inside.append((here, "" if here == OUTSIDE else part))
            try:
                return work(*arguments, **named)
            finally:
                self._settle()
                self._inside.pop()

        return staged

    def install(self) -> None:
        """Time all named functions of this process from now on. Raises ``AttributeError`` for a name that is gone."""
        for name, step in STEPS.items():
            self._replace(name, step, REST)
        for name, part in PARTS.items():
            self._replace(name, None, part)

    def _replace(self, name: str, step: str | None, part: str) -> None:
        owner, attribute, work = named(name)
        staged = self.timed(work, step, part)
        for place in [owner, *sys.modules.values()]:
            if getattr(place, "__dict__", {}).get(attribute) is work:
                setattr(place, attribute, staged)

    def restart(self) -> None:
        """Charge nobody with what was spent so far."""
        self.costs.clear()
        forget_peak()
        self._mark = self._now()

    def rows(self) -> list[tuple[str, str, Cost]]:
        """Step, part and cost; steps in the order of the night, the parts of each together."""
        self._settle()
        order = list(dict.fromkeys(step for step, _ in self.costs))
        found = sorted(self.costs, key=lambda stage: order.index(stage[0]))
        return [(*stage, self.costs[stage]) for stage in found]


def named(name: str) -> tuple[Any, str, Callable[..., Any]]:
    """The module or class that has a function named here, the function's own name, and itself."""
    module, _, path = name.partition(":")
    *owners, attribute = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    return owner, attribute, owner.__dict__[attribute]
