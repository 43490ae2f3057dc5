"""Which failures are the infrastructure's: disk, network, object store, memory, or Dagster's own databases.

They pass, so the same night may be run again; what fails otherwise is the data, or the program.
"""

import gzip
import sqlite3
from collections.abc import Iterable, Iterator

import sqlalchemy.exc

from assets.landing.store import Damaged

INFRASTRUCTURE: tuple[type[BaseException], ...] = (
    OSError,
    MemoryError,
    sqlite3.DatabaseError,  # Dagster's storage
    sqlalchemy.exc.DBAPIError,  # the same, as Dagster sees it, and Postgres
    sqlalchemy.exc.TimeoutError,
)
"""Classes of such failures, every class under them included."""

OF_CONTENT: tuple[type[BaseException], ...] = (Damaged, gzip.BadGzipFile)
"""Classes that tell of bytes, whatever they are raised from: a damaged file withholds its city and no other."""

PANIC = "PanicException"
"""What a library written in Rust raises when it is out of memory or files. Each has a class of its own of this name."""


def is_infrastructure(error: BaseException) -> bool:
    """Whether the infrastructure is to blame for an error, or for what it was raised from."""
    return are_infrastructure(_name(type(each)) for each in _chain(error))


def are_infrastructure(names: Iterable[str]) -> bool:
    """The same of the names of an error's classes with their modules, all that is kept of an error of a step."""
    found = set(names)
    if found & _names(OF_CONTENT):
        return False
    return bool(found & _names(INFRASTRUCTURE)) or any(name.split(".")[-1] == PANIC for name in found)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _names(roots: tuple[type[BaseException], ...]) -> set[str]:
    """Names of these classes and of every class under them that some library has brought by now."""
    found, left = set(), list(roots)
    while left:
        one = left.pop()
        found.add(_name(one))
        left += one.__subclasses__()
    return found


def _name(one: type[BaseException]) -> str:
    """As a traceback calls it: Dagster keeps no more of an error than that. The bare name would not do: ``requests``
    has a ``JSONDecodeError`` that is an ``OSError``, and ``shutil`` and ``csv`` have an ``Error`` each."""
    return one.__qualname__ if one.__module__ == "builtins" else f"{one.__module__}.{one.__qualname__}"
