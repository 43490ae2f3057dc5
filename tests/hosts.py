"""Two hosts of workers beside this one: network namespaces of their own, with host names, on one bridge."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Network(NamedTuple):
    """The address that servers listen on, and what a command begins with that runs on each of the hosts.
    ``apart``: whether these are namespaces, or only this host."""

    address: str
    hosts: Sequence[Sequence[str]]
    apart: bool


@contextlib.contextmanager
def two_hosts() -> Iterator[Network]:
    """Two hosts where namespaces can be had (root, iproute2), else this host twice."""
    tag = f"{os.getpid() % 10_000:04d}"
    bridge, subnet = f"muang{tag}", f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
    names = [f"muang{tag}{letter}" for letter in "ab"]
    made = [f"link add {bridge} type bridge", f"addr add {subnet}.1/24 dev {bridge}", f"link set {bridge} up"]
    for number, name in enumerate(names, start=2):
        made += [f"netns add {name}", f"link add {name} type veth peer name eth0 netns {name}"]
        made += [f"link set {name} master {bridge} up", f"-n {name} addr add {subnet}.{number}/24 dev eth0"]
        made += [f"-n {name} link set eth0 up", f"-n {name} link set lo up"]
    with contextlib.ExitStack() as stack:
        stack.callback(_undo, [f"link del {bridge}", *(f"netns del {name}" for name in names)])
        if shutil.which("ip") and shutil.which("unshare") and all(_ip(command) for command in made):
            named = ["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"']
            yield Network(f"{subnet}.1", [["ip", "netns", "exec", name, *named, name] for name in names], apart=True)
            return
        yield Network("127.0.0.1", [[], []], apart=False)


def _ip(command: str) -> bool:
    return subprocess.run(["ip", *command.split()], capture_output=True).returncode == 0


def _undo(commands: Sequence[str]) -> None:
    if shutil.which("ip"):
        for command in commands:
            _ip(command)
