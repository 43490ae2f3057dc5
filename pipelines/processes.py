"""A run whose cities are shared out among processes of this host, led from one: each does a city at a time.

Dagster's own executors do a step at a time: in one process, where a night of many cities uses one processor, or in a
new process for each step, which imports for longer than most steps take. Here a process imports once, and is given
the steps of a whole city, which it does as Dagster does them in one process. A night of few cities stays in one.

A process that dies fails the step that it was at, and its city; another takes its place. It ends with the process that
leads the run, which alone holds the cities: else the next night could find them free while somebody still writes.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from multiprocessing.connection import wait
from pathlib import Path
from typing import Self

import dagster as dg
import polars as pl
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster._utils.interrupts import pop_captured_interrupt
from dagster_shared.error import SerializableErrorInfo

from assets.cities.registry import City
from assets.lake.feeds import NATIONAL
from pipelines import hand
from pipelines.build import cities_of, fed, lead, settings_of
from pipelines.hand import ENDED
from pipelines.settings import Settings
from pipelines.stopping import NIGHT

CITIES_EACH = 4
"""A process more is worth while for so many cities: it imports for about as long as two small ones take."""

MEMORY_EACH = 3 * 2**30
"""What a process may come to need: a night of 9.6 million readings in 16 buckets peaks at 1.6 GB
(docs/performance.md)."""

MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""What a container may use of its host's memory: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory"""

LOOK_SECONDS = 0.5
"""How often a run that waits for its processes looks whether it is asked to stop."""

GOODBYE_SECONDS = 5.0
"""How long a process may take to end when all is done; it has nothing to do but to give back what Python holds."""


def processes_for(settings: Settings, cities: int) -> int:
    """How many processes share so many cities."""
    if settings.processes:
        return min(settings.processes, cities)
    # Polars counts the processors that this process may use, whatever the host has.
    return min(pl.thread_pool_size(), _memory() // MEMORY_EACH, cities // CITIES_EACH)


def _memory() -> int:
    bytes_ = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        bytes_ = min(bytes_, int(MEMORY_LIMIT.read_text()))
    return bytes_


class InProcesses(InProcessExecutor):
    """Dagster's executor in one process; of many cities, in several."""

    def __init__(self) -> None:
        super().__init__(RetryMode.ENABLED)

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Do a run. Raises ``NotOurs``."""
        run = plan_context.dagster_run
        settings = settings_of(run)
        cities = cities_of(settings)
        orders = _orders(execution_plan, cities)
        national = orders.pop(NATIONAL, [])
        count = processes_for(settings, len(orders)) if isinstance(plan_context.job, ReconstructableJob) else 1
        if count < 2:
            yield from super().execute(plan_context, execution_plan)
            return
        told = EngineEventData.multiprocess(os.getpid(), execution_plan.step_keys_to_execute)
        yield DagsterEvent.engine_event(plan_context, f"{count} processes do the steps, a city each at a time", told)
        with (
            lead(run, cities, plan_context.log.info) as led,
            fed(led, run, settings.home) as deployment,
            # Last: they end before the cities are given back.
            READY.get() or Hands(count, plan_context.reconstructable_job.repository) as hands,
        ):
            hands.begin(plan_context, execution_plan, (deployment.portals, deployment.inbox))
            missing = set(national)
            for event in hands.do([national] if national else []):
                yield event
                if event.is_step_success:
                    missing.discard(str(event.step_key))
            yield from hands.do([_possible(order, missing, plan_context, execution_plan) for order in orders.values()])


def _orders(plan: ExecutionPlan, cities: Mapping[str, City]) -> dict[str, list[str]]:
    """The steps of each city, and of the country, in an order in which they can be done. Cities with the most meters
    come first, so that none is left for last."""
    found: dict[str, list[str]] = {}
    for step in plan.get_steps_to_execute_in_topo_order():
        found.setdefault(step.key.split("__")[0], []).append(step.key)
    return dict(sorted(found.items(), key=lambda item: -cities[item[0]].meter_buckets if item[0] in cities else 0))


def _possible(
    order: Sequence[str], missing: set[str], context: PlanOrchestrationContext, plan: ExecutionPlan
) -> list[str]:
    """The steps of an order without those that need one of ``missing``, which is said of each as Dagster does."""
    lost, possible = set(missing), list[str]()
    needs = plan.get_all_step_deps()
    for key in order:
        if because := sorted(needs[key] & lost):
            lost.add(key)
            context.log.error(f"Dependencies for step {key} failed: {because}. Not executing.")
        else:
            possible.append(key)
    return possible


class Hands:
    """The processes of a run. They begin to load the code ``location`` at once, and end with the context."""

    def __init__(self, count: int, location: ReconstructableRepository) -> None:
        self.location = location
        self.threads = max(1, pl.thread_pool_size() // count)
        self.task: hand.Task | None = None
        self.hands = [Hand(location, self.threads) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        for each in self.hands:
            each.end(0 if failed else GOODBYE_SECONDS)

    def begin(self, context: PlanOrchestrationContext, plan: ExecutionPlan, made: hand.Made) -> None:
        """Tell them which run it is."""
        self.context, self.plan = context, plan
        reference = context.instance.get_ref()
        self.task = hand.Task(context.reconstructable_job, reference, context.dagster_run, plan.known_state, made)
        for each in self.hands:
            each.send(self.task)

    def _another(self) -> "Hand":
        made = Hand(self.location, self.threads)
        made.send(self.task)
        return made

    def do(self, orders: Iterable[Sequence[str]]) -> Iterator[DagsterEvent]:
        """Have the steps of each order done by one process, and tell of them. Raises
        ``DagsterExecutionInterruptedError`` where the run is asked to stop."""
        waiting = deque(order for order in orders if order)
        while waiting or any(each.at for each in self.hands):
            self._look()
            for number, each in enumerate(self.hands):
                if not each.at and not each.process.is_alive():
                    each.end()
                    self.hands[number] = self._another()
                if waiting and not each.at:
                    self.hands[number].begin(waiting.popleft())
            at_work = {each.connection: each for each in self.hands if each.at}
            for ready in wait(list(at_work), LOOK_SECONDS):
                yield from self._told(at_work[ready])  # type: ignore[index]

    def _told(self, one: "Hand") -> Iterator[DagsterEvent]:
        told = one.told()
        if isinstance(told, DagsterEvent):
            yield told
        elif told:
            # The step that it was at fails, with what befell it; those that need it are not begun.
            failure = StepFailureData(error=told, user_failure_data=None)  # type: ignore[no-untyped-call]
            step = self.context.for_step(self.plan.get_step_by_key(one.at))  # type: ignore[arg-type]
            one.at = ""
            yield DagsterEvent.step_failure_event(step, failure)

    def _look(self) -> None:
        night = NIGHT.get()
        if night and night.requested:
            self.context.instance.report_run_canceling(self.context.dagster_run)
        if pop_captured_interrupt() or (night and night.requested):
            raise DagsterExecutionInterruptedError


class Hand:
    """A process that does orders, as the one that leads it sees it."""

    def __init__(self, location: ReconstructableRepository, threads: int) -> None:
        spawn = multiprocessing.get_context("spawn")  # the threads of Polars do not outlive a fork
        self.connection, theirs = spawn.Pipe()
        self.process = spawn.Process(target=hand.work, args=(theirs, location, threads), daemon=True)
        self.process.start()
        theirs.close()
        self.left: list[str] = []
        """The steps it has been given and not ended, in an order in which they can be done."""
        self.at = ""
        """The step it is at, or the one that it ended last; none where it waits for an order."""

    def send(self, told: object) -> None:
        """Tell it something. One that has died is found out when it is to answer."""
        with contextlib.suppress(OSError):
            self.connection.send(told)

    def begin(self, order: Sequence[str]) -> None:
        """Have these steps done."""
        self.left, self.at = list(order), order[0]
        self.send(self.left)

    def told(self) -> DagsterEvent | SerializableErrorInfo | None:
        """What it tells next: an event, what befell it, or that the order is done."""
        try:
            told: DagsterEvent | SerializableErrorInfo | None = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return _gone(self.process.exitcode)
        if isinstance(told, DagsterEvent):
            self.at = str(told.step_key)
            if told.event_type in ENDED:
                self.left.remove(self.at)
                self.at = self.left[0] if self.left else self.at
        elif told is None:
            self.at = ""
        return told

    def end(self, patience: float = 0) -> None:
        """End it, whatever it is at: what it wrote whole is there, the rest is as if it had not begun. One that waits
        for orders ends by itself, if it is given the seconds."""
        self.send(None)
        self.process.join(patience)
        self.process.kill()
        self.process.join()
        self.connection.close()


READY: ContextVar[Hands | None] = ContextVar("READY", default=None)
"""Processes for the night of this thread that load its code already, while Dagster makes and writes down its run."""


def _gone(code: int | None) -> SerializableErrorInfo:
    by = f"by {signal.Signals(-code).name}" if code and code < 0 else f"with exit code {code}"
    try:
        raise ChildProcessError(f"the process that did this step ended {by}, as for want of memory; run it again")
    except ChildProcessError:
        return serializable_error_info_from_exc_info(sys.exc_info())


@dg.executor(name="in_process")
def in_processes(_: dg.InitExecutorContext) -> InProcesses:
    """The executor of the setting ``executor: in_process``."""
    return InProcesses()
