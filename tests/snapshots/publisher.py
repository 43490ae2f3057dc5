"""Publish once and die at the n-th step: ``publisher.py <store> <before|after|fsync> <n>``.

It prints the number of steps it took if it lives to the end.
"""

import os
import signal
import sys

import made_up

from assets.landing.s3 import S3Store
from assets.landing.store import open_store


def main(uri: str, moment: str, last: int) -> None:
    store = S3Store(uri, key="any", secret="any", endpoint_url=os.environ["S3"]) if uri[:2] == "s3" else open_store(uri)
    steps = 0

    def step(at: str) -> None:
        nonlocal steps
        if at == moment:
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)

    def dying(do):
        def call(*arguments):
            step("before")
            result = do(*arguments)
            step("after")
            return result

        return call

    class Dying:
        def __getattr__(self, name: str):
            method = getattr(store, name)
            return dying(method) if name in ("write", "create", "swap") else method

    sync = os.fsync

    def fsync(handle: int) -> None:
        step("fsync")
        sync(handle)

    os.fsync = fsync
    made_up.published(Dying(), run="doomed")
    print(steps)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
