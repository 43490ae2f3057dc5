"""What a step lets go is the system's again: a night does not grow by what each of its steps had at most."""

import subprocess
import sys

import pytest

LET_GO = """
import numpy as np
from pipelines.memory import give_back
{begin}
def held():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * 4096 // 1_000_000
np.ones(3_000_000)  # 24 MB, let go at once: by itself glibc keeps what is smaller from now on
arrays, between = [], []
for _ in range(100):
    arrays.append(np.ones(250_000))
    between.append(np.ones(100))
before = held()
arrays.clear()
print(before - held())
"""


def given_back(begin: str) -> int:
    """MB of 200 that a process gives back once it has let them go, with small ones between that it keeps."""
    told = subprocess.run(
        [sys.executable, "-c", LET_GO.format(begin=begin)], capture_output=True, text=True, check=True
    )
    return int(told.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="tells what it knows of glibc")
def test_memory_that_is_let_go_goes_back_to_the_system() -> None:
    assert given_back("give_back()") >= 190
    assert given_back("") < 100, "the null control: as glibc does by itself"
