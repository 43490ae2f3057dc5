"""``muang worker``: does steps of nights that are led elsewhere."""

import os
from typing import Annotated

import typer

from pipelines.cli.base import app, fail, guarded, say
from pipelines.settings import Settings


@app.command()
@guarded
def worker(
    processes: Annotated[
        int, typer.Option(help="Steps at a time. One takes as many cores as it can use while it works on readings.")
    ] = 1,
) -> None:
    """Do steps of the nights that `muang nightly` leads, here or on another host (setting executor: celery).

    Settings are those of the night: broker, store, meter key, keys, registry. Asked to stop (SIGTERM) it ends the step
    that it is at first. What its registry file and its code are it reads when it starts.
    """
    settings = Settings()
    if settings.executor != "celery":
        raise fail("a worker needs the setting executor: celery (MUANG_EXECUTOR), as the night that it works for", 2)
    from pipelines.broker import celery_app
    from pipelines.home import dagster_home

    os.environ["DAGSTER_HOME"] = str(dagster_home(settings, say))
    quiet = ("--without-gossip", "--without-mingle")  # workers have nothing to tell each other
    named = f"--hostname=muang-{os.getpid()}@%h"  # two on one host are two
    celery_app(settings).worker_main(["worker", named, "--loglevel=WARNING", f"--concurrency={processes}", *quiet])
