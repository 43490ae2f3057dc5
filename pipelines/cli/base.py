"""What all commands share: the application, its two consoles, options, and how an error ends a command."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

app = typer.Typer(
    name="muang",
    help="Fill a Thai city's City Data Platform: land, normalise, judge, publish.",
    epilog="Exit codes: 0 done, 1 something was withheld or rejected, 2 wrong use or settings, 3 infrastructure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of tables.")]
Cities = Annotated[list[str] | None, typer.Option("--city", help="Only this city (slug); may be repeated.")]
P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user can mend into one line: wrong settings end with 2, unreachable infrastructure with 3."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from assets.cities.registry import RegistryError
        from assets.landing.identity import NotOurs
        from assets.landing.lease import Busy
        from assets.landing.store import Damaged

        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            for wrong in error.errors():
                err.print(f"[red]setting {'.'.join(str(part) for part in wrong['loc'])}[/]: {wrong['msg']}")
            raise typer.Exit(2) from None
        except RegistryError as error:
            err.print(f"[red]registry[/]: {error}", highlight=False)
            raise typer.Exit(2) from None
        except NotOurs as error:
            raise fail(str(error), 2) from None
        except (Busy, Damaged) as error:
            raise fail(str(error), 1) from None
        except OSError as error:
            err.print(f"[red]infrastructure[/]: {type(error).__name__}: {error}", highlight=False)
            raise typer.Exit(3) from None

    return run


def fail(message: str, code: int) -> typer.Exit:
    """Say what is wrong; raise what it returns."""
    err.print(f"[red]{message}[/]", highlight=False)
    return typer.Exit(code)


def as_day(text: str, option: str) -> date:
    """The day that an option names. Raises ``typer.Exit`` where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fail(f"{option} {text!r} is not a date like 2026-11-23", 2) from None


def wanted(cities: dict[str, Any], chosen: list[str] | None) -> list[str]:
    """The chosen cities, or all, in the registry's order. Raises ``typer.Exit`` for one that it does not have."""
    if unknown := sorted(set(chosen or ()) - set(cities)):
        raise fail(f"no such city: {', '.join(unknown)}; `muang status` lists them", 2)
    return [slug for slug in cities if not chosen or slug in chosen]
