"""What hands a run's steps to workers on other hosts: Dagster's Celery task, with Redis as broker and for results.

Of the house only settings are imported here: a worker forks the processes that do the steps, and the threads of Polars
do not outlive a fork.
"""

import os
import sys
from typing import Any

from celery import Celery, Task
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from pipelines.settings import Settings

TRIES = 2
"""How often a step is begun. One that ended two workers, as for want of memory, would end the next as well."""

CLEANUP_SECONDS = 15
"""From when a step is ended until it may be given to another worker."""


class WorkerDied(ConnectionError):
    """The workers that a step was given to died over it."""


class Step(Task):  # type: ignore[misc]  # Celery has no types
    """Dagster's task, begun at most ``TRIES`` times."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Called by the process that is about to do the step. Raises ``WorkerDied``."""
        begun, key = self.backend.client, f"muang-begun-{task_id}"
        tries = begun.incr(key)
        begun.expire(key, int(self.app.conf.result_expires.total_seconds()))
        if tries > TRIES:
            raise WorkerDied(f"{TRIES} workers that began this step ended before it did: killed, or out of memory")


def celery_app(settings: Settings) -> Celery:
    """The Celery application of a deployment, for workers and for who gives them work. Opens no connection."""
    url = settings.broker.get_secret_value()
    app = make_app({"broker": url, "backend": url})
    app.conf.update(
        # Taken off the queue when it is done, so that the step of a worker that died goes to another: at once where
        # only the process died, after the visibility timeout where its host did. Steps may be done twice.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=settings.step_seconds,
        broker_transport_options={"visibility_timeout": settings.step_seconds + CLEANUP_SECONDS},
        worker_prefetch_multiplier=1,  # a step waits for whoever is free first
        broker_connection_retry_on_startup=True,
    )
    create_task(app, base=Step)
    return app


def work() -> None:
    """Do steps until asked to end; the argument of the process says how many at a time."""
    quiet = ("--without-gossip", "--without-mingle")  # workers have nothing to tell each other
    named = f"--hostname=muang-{os.getpid()}@%h"  # two on one host are two
    celery_app(Settings()).worker_main(["worker", named, "--loglevel=WARNING", f"--concurrency={sys.argv[1]}", *quiet])
