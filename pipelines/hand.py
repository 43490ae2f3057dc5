"""A process that does steps for the one that leads their run (``pipelines.processes``), a city's at a time.

Of the house nothing is imported here that makes frames: how many threads Polars shall have is said before.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.retries import RetryMode
from dagster._core.instance.ref import InstanceRef
from dagster._core.system_config.objects import ResolvedRunConfig
from dagster._utils.error import serializable_error_info_from_exc_info

from pipelines.stopping import SIGNALS

Made = tuple[Mapping[str, str], Path]
"""What the leading process found or, in the demo, made up: portals, and the inbox."""

made: Made | None = None
"""The same, in a process that does steps for another."""

ENDED = {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_SKIPPED}

TOLD = ENDED | {dg.DagsterEventType.STEP_START, dg.DagsterEventType.ASSET_MATERIALIZATION}
"""Events that the leading process is told: what it follows the run by. All are in Dagster's history already."""


class Task(NamedTuple):
    """The run whose steps are to be done. ``known`` is what earlier runs of it have done already."""

    job: ReconstructableJob
    instance: InstanceRef
    run: dg.DagsterRun
    known: KnownExecutionState
    made: Made


def work(orders: Connection, location: ReconstructableRepository, threads: int) -> None:
    """Load a code location, be told a ``Task``, and do orders, each the keys of steps, until one of none, or killed, or
    left alone. Tells events, then None; or an error. ``threads``: of Polars, where the environment does not say."""
    global made
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # sent to all by a terminal or a service manager: who leads decides
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed there is the leading process's
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))
    location.get_definition()
    task: Task | None = orders.recv()
    if not task:
        return
    job, reference, run, known, made = task
    with dg.DagsterInstance.from_ref(reference) as instance:
        definition = job.get_definition()
        plan = create_execution_plan(job, run.run_config, known_state=known)
        config = ResolvedRunConfig.build(definition, run.run_config)
        while order := orders.recv():
            try:
                part = plan.build_subset_plan(order, definition, config)
                for event in execute_plan_iterator(part, job, run, instance, RetryMode.ENABLED, run.run_config):
                    if event.event_type in TOLD:
                        orders.send(event)
                orders.send(None)
            except BaseException:
                orders.send(serializable_error_info_from_exc_info(sys.exc_info()))


def _end_with_parent() -> None:
    """It alone holds the cities: without it another run may be at them at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
