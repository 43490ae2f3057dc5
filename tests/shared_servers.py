"""Real Redis and Postgres on ports of their own, for a deployment of several hosts."""

import contextlib
import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import redis

from tests.s3_server import NotInstalled

WAIT_SECONDS = 30


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def redis_serving(folder: Path, address: str = "127.0.0.1") -> Iterator[str]:
    """A Redis without persistence; its URL. Raises ``NotInstalled`` and ``TimeoutError``."""
    program = shutil.which("redis-server")
    if program is None:
        raise NotInstalled("no redis-server (Debian: redis-server)")
    port, password = free_port(address), "of-the-tests"
    command = [program, "--bind", address, "--port", str(port), "--save", "", "--requirepass", password]
    url = f"redis://:{password}@{address}:{port}/0"
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _until(lambda: redis.Redis.from_url(url).ping(), folder / "redis.log")
        yield url
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def postgres_serving(address: str = "127.0.0.1") -> Iterator[dict[str, str]]:
    """A Postgres with a fresh database, as the variables that ``deploy/dagster.yaml`` asks for. It does not run as
    root: then the account ``postgres`` does. Raises ``NotInstalled`` and ``TimeoutError``."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = binaries[-1].parent if binaries else Path(shutil.which("initdb") or "").parent
    if not (found / "initdb").exists():
        raise NotInstalled("no Postgres server (Debian: postgresql)")
    account = "postgres" if os.geteuid() == 0 else getpass.getuser()
    ids = pwd.getpwnam(account)
    who = {"user": ids.pw_uid, "group": ids.pw_gid} if os.geteuid() == 0 else {}
    port, password = free_port(address), "of-the-tests"
    with tempfile.TemporaryDirectory(prefix="postgres") as name:
        folder = Path(name)
        (folder / "password").write_text(password)
        for path in (folder, folder / "password"):
            os.chown(path, ids.pw_uid, ids.pw_gid)
        made = [
            found / "initdb",
            "-D",
            folder / "data",
            "-U",
            "muang",
            "-A",
            "scram-sha-256",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        subprocess.run([*made, f"--pwfile={folder / 'password'}"], cwd=folder, check=True, capture_output=True, **who)
        log = folder / "log"
        command = [found / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-h", address, "-F"]
        (folder / "data" / "pg_hba.conf").write_text("host all all 0.0.0.0/0 scram-sha-256\n")
        with log.open("wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, **who)
        access = {"host": address, "port": port, "user": "muang", "password": password, "dbname": "postgres"}
        try:
            _until(lambda: psycopg2.connect(**access).close(), log)
            yield {f"PG{name}": str(access[key]) for name, key in _VARIABLES.items()}
        finally:
            server.kill()
            server.wait()


_VARIABLES = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "DATABASE": "dbname"}


def _until(answers: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            answers()
            return
        except (OSError, psycopg2.OperationalError, redis.exceptions.RedisError):
            if time.monotonic() > deadline:
                raise TimeoutError(f"a server did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
