"""``muang ui``: the Dagster UI on this workspace."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from pipelines.cli.base import app, guarded
from pipelines.settings import Settings


@app.command()
@guarded
def ui(
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI on this workspace: web server and daemon (the schedule needs the daemon)."""
    from pipelines.run import LOCATION, dagster_home

    settings = Settings()
    environment = os.environ | {
        "DAGSTER_HOME": str(dagster_home(settings)),
        "MUANG_HOME": str(settings.home.absolute()),
    }
    command = [sys.executable, "-m", "dagster", "dev", "-m", LOCATION, "-p", str(port), "-h", host]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - our own command
