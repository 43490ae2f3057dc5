"""``muang ui``: the Dagster UI on this workspace."""

import os
import socket
import sys
from typing import Annotated

import typer

from pipelines.cli.base import app, fail, guarded, out, say
from pipelines.settings import Settings


@app.command()
@guarded
def ui(
    port: Annotated[int, typer.Option(help="Port of the web server.", min=1, max=65535)] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI on this workspace: web server and daemon (the schedule needs the daemon)."""
    settings = Settings()
    _free(host, port)
    from pipelines.home import dagster_home, open_instance
    from pipelines.run import LOCATION

    home = dagster_home(settings, say)
    with open_instance(home, say):
        pass  # its storage is made before web server and daemon both begin to make it
    os.environ |= {"DAGSTER_HOME": str(home), "MUANG_HOME": str(settings.home.absolute())}
    out.print(f"http://{host}:{port} in about 20 seconds; Ctrl-C ends it", highlight=False)
    quiet = "ignore:Function `dev_command` is superseded"  # by a command that loads no module by its name
    command = [sys.executable, "-W", quiet, "-m", "dagster", "dev", "-m", LOCATION, "-p", str(port), "-h", host]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - our own; in this process, so that a signal to it ends all


def _free(host: str, port: int) -> None:
    """Raises ``Ended`` where something listens already: Dagster would take another port and not say so here."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise fail(
                f"{host}:{port} cannot be listened on ({error.strerror}): choose another --port or --host", 2
            ) from None
