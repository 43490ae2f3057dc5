"""What all commands share: the application, its two consoles, options, and how a command ends."""

import contextlib
import json
import math
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec, TextIO, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from typer import rich_utils
from typer.core import TyperGroup

CLOSED_PIPE = 128 + signal.SIGPIPE
"""How a program ends that nobody reads any more, as ``muang status | head``."""

UsageError: type[Exception] = typer.BadParameter.__base__  # type: ignore[assignment]  # Click's, where Typer keeps it


PASSED_ON = (typer.Exit, typer.Abort, UsageError, KeyboardInterrupt, SystemExit)
"""What ends a command as it should."""


class Ended(Exception):
    """A command cannot go on: why, and the exit code that says so to a program."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Commands(TyperGroup):
    """The application's commands. However one ends, it is said in one way, and in JSON where that was asked for."""

    def main(self, *args: Any, **more: Any) -> NoReturn:
        """Run the command that the arguments name, and exit."""
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            # Closed by who called (`>&-`): what is opened next would take its number, and what is printed.
            if getattr(sys, name) is None:
                setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr):
            # Thai names and units on any terminal or pipe; what is no UTF-8, as a file's name, is written as \\udc80.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        for console in (out, err):
            if not console.is_terminal and "COLUMNS" not in os.environ:
                console.width = WIDE
        try:
            code = super().main(*args, **{**more, "standalone_mode": False}) or 0
        except UsageError as error:
            rich_utils.rich_format_error(error)  # type: ignore[arg-type]
            code = 2
            if "--json" in sys.argv:
                print_json({"exit_code": code, "error": error.format_message()})  # type: ignore[attr-defined]
        except typer.Abort:
            code = 128 + signal.SIGINT
        except BrokenPipeError:
            code = CLOSED_PIPE
        sys.exit(_flushed(code))


app = typer.Typer(
    name="muang",
    cls=Commands,
    help="Fill a Thai city's City Data Platform: land, normalise, judge, publish.",
    epilog="Exit codes: 0 done, 1 something was withheld or rejected, 2 wrong use or settings, 3 infrastructure, "
    "130, 143 and 129 stopped by SIGINT, SIGTERM and SIGHUP.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"muang {version('muang')}")
        raise typer.Exit


@app.callback()
def muang(
    version: Annotated[
        bool, typer.Option("--version", help="Tell the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Fill a Thai city's City Data Platform: land, normalise, judge, publish."""


WIDE = 10_000
"""Columns of what is no terminal: a pipe or file gets every value whole, and each on its line."""


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads any more: the output ends the command, what is only said beside it does not."""
        _silence(sys.stderr if self.stderr else sys.stdout)
        if not self.stderr:
            raise typer.Exit(CLOSED_PIPE)


# No markup: what is printed of deliveries, paths and errors may have brackets, and ``energy[kWh]`` would lose its unit.
out = _Terminal(markup=False)
err = _Terminal(markup=False, stderr=True)


def tabular(*headers: str, whole: Collection[str] = (), **style: Any) -> RichTable:
    """A table for people. On a narrow terminal a value goes on in the next line, but in the columns ``whole``; none is
    cut."""
    grid = RichTable(**{"header_style": "bold", **style})
    for header in headers:
        grid.add_column(header, overflow="fold", no_wrap=header in whole)
    return grid


Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of tables.")]
Cities = Annotated[list[str] | None, typer.Option("--city", help="Only this city (slug); may be repeated.")]
P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Say in one line why a command cannot go on, and end with the code that tells a program; see ``ending``."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except PASSED_ON:
            raise
        except BaseException as error:  # also a panic of a library
            if isinstance(error, BrokenPipeError) and _unread(sys.stdout):
                raise typer.Exit(CLOSED_PIPE) from None
            ended = ending(error)
            say(str(ended))
            if kwargs.get("as_json"):
                with contextlib.suppress(OSError):  # the output itself may be what fails
                    print_json({"exit_code": ended.exit_code, "error": str(ended)})
            raise typer.Exit(ended.exit_code) from None

    return run


def ending(error: BaseException) -> Ended:
    """How an error ends a command: 2 for wrong use, settings, registry, suites or store; 1 for a city that another run
    is at or whose file is damaged; 3 for infrastructure, and for what nobody foresaw, whose traceback is printed; 128
    and the signal where stopped."""
    from assets.cities.registry import RegistryError
    from assets.landing.identity import NotOurs
    from assets.landing.lease import Busy
    from assets.landing.store import Damaged
    from pipelines.failures import is_infrastructure
    from pipelines.home import UnusableHome
    from pipelines.settings import Settings
    from pipelines.stopping import Stopped
    from quality.suites.suite import SuiteError

    match error:
        case Ended():
            return error
        case Stopped():
            return Ended(str(error), error.exit_code)
        case ValidationError() if error.title == Settings.__name__:
            wrong = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
            told = "\n".join(f"setting {name}: {why.removeprefix('Value error, ')}" for name, why in wrong)
            return Ended(told, 2)
        case RegistryError():
            return Ended(f"registry: {error}", 2)
        case UnusableHome() | NotOurs() | SuiteError():
            return Ended(str(error), 2)
        case Busy() | Damaged():
            return Ended(str(error), 1)
    told = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if is_infrastructure(error):
        return Ended(f"infrastructure: {told}", 3)
    traceback.print_exception(error)
    return Ended(f"a fault of the program: {told}", 3)


def fail(message: str, code: int) -> Ended:
    """What to raise where a command cannot go on."""
    return Ended(message, code)


def say(message: str) -> None:
    """Tell something on stderr, as it is."""
    err.print(message, style="red", highlight=False, soft_wrap=True)


def print_json(found: Any, indent: int | None = 1) -> None:
    """Print what a script reads. JSON knows no number that is none: NaN and infinity become null."""
    print(in_json(found, indent))


def in_json(found: Any, indent: int | None = None) -> str:
    """The text of what is printed as JSON."""
    return json.dumps(_finite(found), ensure_ascii=False, indent=indent, default=str, allow_nan=False)


def _finite(found: Any) -> Any:
    match found:
        case float():
            return found if math.isfinite(found) else None
        case dict():  # keys may be days
            return {key if isinstance(key, str) else str(key): _finite(value) for key, value in found.items()}
        case list() | tuple():
            return [_finite(value) for value in found]
    return found


def show_problems(found: Mapping[str, Sequence[str]], as_json: bool) -> None:
    """What a check found wrong of each city, or that it is whole."""
    if as_json:
        print_json(found)
        return
    for slug, problems in found.items():
        state = (f"{len(problems)} problems", "red") if problems else ("whole", "green")
        out.print(Text.assemble(f"{slug}: ", state))
        for line in problems:
            out.print(f"  {line}", highlight=False, soft_wrap=True)


LAST_YEAR = 2400
"""Of the common era, for days that are typed: a later one is of the Buddhist era, which is 543 years ahead."""


def as_day(text: str, option: str) -> date:
    """The day that an option names. Raises ``Ended`` where it is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise fail(f"{option} {text!r} is not a date like 2026-11-23", 2) from None
    if day.year > LAST_YEAR:
        raise fail(f"{option} {text!r}: years are of the common era here, {day.year - 543} for {day.year} BE", 2)
    return day


def wanted(cities: dict[str, Any], chosen: list[str] | None) -> list[str]:
    """The chosen cities, or all, in the registry's order. Raises ``Ended`` for one that it does not have."""
    if unknown := sorted(set(chosen or ()) - set(cities)):
        raise fail(f"no such city: {', '.join(unknown)}; `muang status` lists them", 2)
    return [slug for slug in cities if not chosen or slug in chosen]


def begun(store: Any, folder: str) -> Any:
    """The store, if a night ever began in it, or it is a copy of the ``folder``: nothing is whole, or waits, in one
    that a setting misspells. Raises ``Ended``, also of a store of a later version."""
    from assets.landing.identity import identity, too_new

    told = identity(store)
    if told is None and not store.list(folder):
        raise fail(f"no night has begun in the store {store.uri}: is it the one that is meant (`muang doctor`)?", 2)
    if told and (newer := too_new(told)):
        raise fail(f"the store {store.uri} {newer}", 2)
    return store


def asked_point() -> str:
    """A metering point from the keyboard, unseen, or from a pipe."""
    return str(typer.prompt("Metering point", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()).strip()


def end_now(code: int) -> NoReturn:
    """End the process although work goes on in another thread. Nothing is half-written: files become visible whole."""
    os._exit(_flushed(code))


def _flushed(code: int) -> int:
    """The exit code, when all that was printed is written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
        return CLOSED_PIPE
    except OSError as error:
        _silence(sys.stdout)
        say(f"infrastructure: the output cannot be written: {error.strerror}")
        return 3
    return code


def _unread(stream: TextIO) -> bool:
    """Whether a stream is a pipe that nobody reads any more."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def _silence(stream: TextIO) -> None:
    """Let Python's last flush of a stream go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
