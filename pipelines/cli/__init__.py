"""The command line ``muang``, one module a command or group of commands.

Exit codes: 0 done, 1 something was withheld or rejected, 2 wrong use or settings, 3 infrastructure, 128 and the signal
where a night was stopped.
"""

from pipelines.cli import (  # noqa: F401 - each adds its commands to the app
    erase,
    keys,
    lake,
    landing,
    meters,
    nightly,
    quarantine,
    read,
    snapshots,
    sources,
    sql,
    ui,
    watch,
    worker,
)
from pipelines.cli.base import app as app
