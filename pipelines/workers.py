"""A run whose steps are done by workers on several hosts: Dagster's Celery executor, led from one process.

What is added to it: the run's cities are held for as long as it lasts; a step whose worker died fails alone, and not
the whole run with it; a run whose workers are all gone ends; and a night that is asked to stop does.
"""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import dagster as dg
from celery import Celery
from celery.exceptions import TaskRevokedError, TimeLimitExceeded
from celery.result import AsyncResult
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value, serialize_value
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME
from dagster_celery.core_execution_loop import core_celery_execution_loop
from dagster_celery.defaults import task_default_queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from pipelines.broker import celery_app
from pipelines.build import cities_of, lead
from pipelines.settings import Settings
from pipelines.stopping import NIGHT

PING_SECONDS = 15
"""How often workers are asked whether they are there. They answer while they work."""

PINGS = 5
"""How often they are asked before a run begins, 3 s each: one that starts, or is busy, takes some seconds to answer."""

DESERTED_SECONDS = 600
"""How long a run waits for a worker to come back: a host starts anew in less."""


class NoWorker(ConnectionError):
    """No worker answers."""


class BrokerAway(ConnectionError):
    """Redis does not answer."""


class StepTooLong(TimeoutError):
    """A step took longer than the setting ``step_seconds``, and was ended."""


class Workers:
    """The workers of a broker, as a run sees them."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._asked = self._seen = time.monotonic()
        if not any(self._answer() for _ in range(PINGS)):
            raise NoWorker("no worker answers at the broker: start `muang worker` on at least one host")

    def look(self) -> None:
        """Called about every second. Raises ``DagsterExecutionInterruptedError`` where the night is asked to stop."""
        if (night := NIGHT.get()) and night.requested:
            raise DagsterExecutionInterruptedError
        now = time.monotonic()
        if now - self._asked > PING_SECONDS:
            self._asked = now
            if self._answer():
                self._seen = now

    @property
    def gone(self) -> bool:
        """Whether none has answered for so long that none is waited for."""
        return time.monotonic() - self._seen > DESERTED_SECONDS

    def _answer(self) -> bool:
        return bool(self.app.control.ping(timeout=3, limit=1))


class Sent:
    """A step on its way, as Dagster's loop looks at it. What befalls its worker fails the step, not the run."""

    def __init__(self, result: AsyncResult, context: Any, workers: Workers) -> None:
        self.result, self.context, self.workers = result, context, workers
        self.over = False

    def ready(self) -> bool:
        """Whether nothing more is to be waited for."""
        self.workers.look()
        return self.result.ready() or self.workers.gone

    def get(self) -> Sequence[str]:
        """The step's events. Raises ``TaskRevokedError``."""
        try:
            return self._events()
        except TaskRevokedError:
            raise
        except Exception:
            error = serializable_error_info_from_exc_info(sys.exc_info())
            failure = StepFailureData(error=error, user_failure_data=None)  # type: ignore[no-untyped-call]
            return [serialize_value(DagsterEvent.step_failure_event(self.context, failure))]

    def _events(self) -> Sequence[str]:
        if not self.result.ready():
            raise NoWorker(f"no worker has answered for {DESERTED_SECONDS} s")
        try:
            events: Sequence[str] = self.result.get()
        except TimeLimitExceeded:
            raise StepTooLong("the step took longer than the setting step_seconds allows, and was ended") from None
        finally:
            self.over = True
            self.result.forget()
        return events

    def revoke(self) -> None:
        """Take the step back; a worker that is at it ends its process."""
        self.result.revoke(terminate=True)


class OnWorkers(Executor):
    """Dagster's Celery executor for a deployment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def retries(self) -> RetryMode:
        """None of Dagster's: see ``pipelines.broker.TRIES``."""
        return RetryMode.DISABLED

    def app_args(self) -> dict[str, Any]:
        """What Dagster's loop looks up the queue with; steps are sent by ``Workers``."""
        return {"config_source": {"task_default_queue": task_default_queue}}

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Lead a run. Raises ``NotOurs``, ``NoWorker`` and ``BrokerAway``."""
        sent: list[Sent] = []
        run, tell = plan_context.dagster_run, plan_context.log.info
        try:
            workers = Workers(celery_app(self.settings))
            with lead(run, cities_of(self.settings), tell, shared=True):
                send = partial(_send, workers, sent)
                try:
                    yield from core_celery_execution_loop(plan_context, execution_plan, step_execution_fn=send)
                finally:  # before the cities are given back
                    for step in sent:
                        with contextlib.suppress(Exception):  # what ends the run is told, not this
                            if not step.over:
                                step.revoke()
        except (KombuError, RedisError) as error:
            raise BrokerAway(f"the broker: {error}") from None


def _send(
    workers: Workers,
    sent: list[Sent],
    _: Celery,
    context: PlanOrchestrationContext,
    step: ExecutionStep,
    queue: str,
    priority: int,
    known_state: KnownExecutionState,
) -> Sent:
    """As ``dagster_celery.executor``, which makes the task anew for every step."""
    job = context.reconstructable_job
    order = ExecuteStepArgs(
        job_origin=job.get_python_origin(),
        run_id=context.run_id,
        step_keys_to_execute=[step.key],
        instance_ref=context.instance.get_ref(),
        retry_mode=context.executor.retries.for_inner_plan(),
        known_state=known_state,
    )
    result = workers.app.send_task(
        TASK_EXECUTE_PLAN_NAME,
        kwargs={"execute_step_args_packed": pack_value(order), "executable_dict": job.to_dict()},
        priority=priority,
        queue=queue,
        routing_key=f"{queue}.execute_plan",
    )
    sent.append(Sent(result, context.for_step(step), workers))
    return sent[-1]


@dg.executor(
    name="celery",
    requirements=multiple_process_executor_requirements(),
)
def on_workers(_: dg.InitExecutorContext) -> Executor:
    """The executor of the setting ``executor: celery``."""
    return OnWorkers(Settings())
