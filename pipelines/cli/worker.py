"""``muang worker``: does steps of nights that are led elsewhere."""

import os
import sys
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
    from pipelines.home import dagster_home

    os.environ["DAGSTER_HOME"] = str(dagster_home(settings, say))
    # In an interpreter of its own that has imported no more than ``pipelines.broker`` when it forks.
    command = [sys.executable, "-c", "from pipelines.broker import work; work()", str(processes)]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - our own; in this process, so that a signal to it ends all
