"""Settings: ``MUANG_*`` environment variables, or ``muang.toml`` in the working folder. Each has a default.

Whatever is wrong with them, a value, a name or the file itself, is a ``pydantic.ValidationError`` of ``Settings``.
"""

import json
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from assets.landing.portals import KEY_NAMES, PORTALS, portal

BANGKOK = ZoneInfo("Asia/Bangkok")

ENVIRONMENT_ONLY = ("keys", "proxies", "meter_key_new", "broker")
"""Settings that hold secrets of others, or one for a single command: a file in a working folder gets copied, committed
and backed up."""

FILE, PREFIX = "muang.toml", "MUANG_"

FailOn = Literal["withheld", "rejected", "warn"]
"""What ends a night with 1, each with all before it."""

NOT_SETTINGS = ("MUANG_REAL_DATA",)
"""Variables of this project that only its tests read. Any other that begins like a setting is a misspelt one."""


MOST_DAYS = 36_500
"""A hundred years: more is a slip, and no day of the calendar lies so far back."""


class Settings(BaseSettings):
    """Everything a deployment may choose. Secrets are needed only where used; see ``ENVIRONMENT_ONLY``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, toml_file=FILE, extra="forbid", hide_input_in_errors=True)

    home: Path = Field(
        default=Path(".muang"),
        description="Folder of landing, lake, snapshots and Dagster's own storage on the embedded default.",
    )
    store: str = Field(
        default="",
        validate_default=False,  # one that is given empty is refused
        description="Where landing, lake and snapshots lie, if not in the home: s3://bucket/prefix or a folder.",
    )
    cities: Path | None = Field(default=None, description="Another registry file instead of the built-in 36 cities.")
    profile: Literal["live", "demo"] = Field(
        default="live", description="live: inbox and portals. demo: generated exports and a local portal, synthetic."
    )
    inbox: Path = Field(
        default=Path("inbox"),
        description="Folder of deliveries: <inbox>/<city>/<source>/… One that is named must be there.",
    )
    fail_on: FailOn = Field(
        default="rejected",
        description="What ends a night with 1, each with all before it. withheld: a city or a table was withheld or "
        "a step failed. rejected: deliveries or rows were refused. warn: a check warned.",
    )
    first_day: date = Field(
        default=date(2026, 11, 1),
        ge=date(2000, 1, 1),
        le=date(2100, 1, 1),
        description="First delivery day. An earlier one lets archives be landed by the day they are of.",
    )
    dagster_nights: int = Field(
        default=35,
        ge=1,
        le=MOST_DAYS,
        description="Nights of which Dagster keeps runs and their events; what is older goes at the start of a night.",
    )
    portals: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="Base URLs that differ from the built-in ones, as a JSON object."
    )
    keys: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        description="Secrets that portals want, as a JSON object of key name to secret. From the environment only.",
    )
    proxies: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        description="HTTP proxies for portals that answer Thai addresses only (data.go.th), as a JSON object of portal "
        "to URL. They go before HTTPS_PROXY and NO_PROXY. From the environment only.",
    )
    meter_key: SecretStr | None = Field(
        default=None,
        description="Secret of the deployment that meter ids are hashed with; at least 16 characters. Never stored.",
    )
    meter_key_new: SecretStr | None = Field(
        default=None, description="The next meter key, for `muang keys rotate` only. From the environment only."
    )
    snapshot_days: int = Field(
        default=35,
        ge=0,
        le=MOST_DAYS,
        description="Days that a published snapshot is kept; a night removes older ones, not the current. 0: for ever.",
    )
    reader_hours: int = Field(
        default=24,
        ge=0,
        le=24 * MOST_DAYS,
        description="Hours that a snapshot is kept after the next one, for readers that opened it.",
    )
    executor: Literal["in_process", "celery"] = Field(
        default="in_process",
        description="Where steps run. in_process: where the night does. celery: on hosts where `muang worker` runs.",
    )
    processes: int = Field(
        default=0,
        ge=0,
        description="Processes of this host that share the cities of a night (executor in_process). 0: as many as "
        "there are processors, with 3 GiB of memory and four cities for each.",
    )
    broker: SecretStr = Field(
        default=SecretStr("redis://localhost:6379/0"),
        description="Redis that hands steps to workers, with its password: redis://:password@host:6379/0. From the "
        "environment only.",
    )
    step_seconds: int = Field(
        default=3600,
        ge=10,
        description="Longest that a step takes on a worker; it is ended then. The step of a worker that died goes to "
        "another one after this time.",
    )
    demo_meters: int = Field(default=2000, ge=50, description="Meters a city in the demo profile.")
    demo_faults: Annotated[dict[str, str] | None, NoDecode] = Field(
        default=None,
        description="What goes wrong in the demo profile instead of its own faults, as a JSON object of portal, or "
        'portal/city, to fault: {"traffy": "timeout"}.',
    )
    demo_past: bool = Field(
        default=False,
        description="Whether first nights of the demo ask for the past that the registry wants, as live ones do.",
    )

    @field_validator("dagster_nights", "snapshot_days", "reader_hours", "processes", "step_seconds", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        """Not a switch, which would be 1: ``snapshot_days = true`` is no wish to keep the snapshots of one day."""
        if isinstance(value, bool):
            raise ValueError("is a switch, and must be a number")
        return value

    @field_validator("home", "cities", "inbox", mode="before")
    @classmethod
    def _a_path(cls, value: Any) -> Any:
        """A path of this host; ``~`` is the user's home, as in a shell. An empty one, as a variable that was not set
        leaves it, would be the working folder."""
        if not isinstance(value, str):
            return value
        if not value.strip():
            raise ValueError("is empty: leave it out for the default")
        if re.match(r"[a-z][a-z0-9+.-]*:/", value, re.IGNORECASE):
            raise ValueError("is an address, and must be a path of this host; only the store may lie elsewhere")
        return _at_home(value)

    @field_validator("home")
    @classmethod
    def _a_folder(cls, value: Path) -> Path:
        there = next((path for path in (value, *value.absolute().parents) if path.exists()), value)
        if there.exists() and not there.is_dir():
            raise ValueError(f"{there} is a file, not a folder")
        return value

    @field_validator("store")
    @classmethod
    def _a_place(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("is empty: leave it out for the home")
        scheme = re.match(r"([a-z][a-z0-9+.-]*):/", value, re.IGNORECASE)
        if scheme and not value.startswith("s3://"):
            raise ValueError(f"{scheme[1]}: is no store; it is s3://bucket/prefix or the path of a folder")
        if scheme and not urlsplit(value).netloc:
            raise ValueError("names no bucket; it is s3://bucket/prefix")
        return _at_home(value.strip())

    @field_validator("portals", "keys", "proxies", "demo_faults", mode="before")
    @classmethod
    def _an_object(cls, value: Any) -> Any:
        if value is None:
            return None
        try:
            found = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            found = None
        if not isinstance(found, Mapping):
            # None of the text: it may be a secret.
            raise PydanticCustomError("not_an_object", 'is not a JSON object like {"name": "text"}')
        return found

    @field_validator("portals", "proxies")
    @classmethod
    def _known_portals(cls, value: dict[str, Any]) -> dict[str, Any]:
        if unknown := {name for name in value if not _is_portal(name)}:
            known = f"known are {sorted(PORTALS)} and <node>_gdcatalog"
            raise ValueError(f"unknown portals {sorted(unknown)}; {known}")
        return value

    @field_validator("portals")
    @classmethod
    def _urls(cls, value: dict[str, str]) -> dict[str, str]:
        if wrong := sorted(name for name, url in value.items() if not _is_address(url)):
            raise ValueError(f"the base URL of {wrong} is not an address like https://host")
        return value

    @field_validator("keys")
    @classmethod
    def _known_keys(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if unknown := set(value) - KEY_NAMES:
            raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(KEY_NAMES)}")
        return value

    @field_validator("proxies")
    @classmethod
    def _addresses(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if wrong := sorted(name for name, proxy in value.items() if not _is_address(proxy.get_secret_value())):
            raise ValueError(f"the proxy of {wrong} is not an address like http://host:port")
        return value

    @field_validator("broker")
    @classmethod
    def _a_redis(cls, value: SecretStr) -> SecretStr:
        if not _is_address(value.get_secret_value(), {"redis", "rediss"}):
            raise ValueError("is not an address like redis://host:6379/0")
        return value

    @field_validator("meter_key", "meter_key_new")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().strip()) < 16:
            raise ValueError("must have at least 16 characters")
        return value

    @property
    def store_uri(self) -> str:
        """The store's folder or URL."""
        return self.store or str(self.home.absolute())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over ``muang.toml``, which may hold no key of a portal.

        Raises ``pydantic.ValidationError`` where it does, where it cannot be read, and for names that are no settings.
        """
        names = settings_cls.model_fields
        try:
            file = TomlConfigSettingsSource(settings_cls)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise _wrong(settings_cls, [(FILE, f"is not TOML in UTF-8: {error}")]) from None
        except OSError as error:
            raise _wrong(settings_cls, [(FILE, f"cannot be read: {error.strerror}")]) from None
        variables = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)} - {*NOT_SETTINGS}
        found = [
            (name, f"holds secrets: take it out of {FILE} and set {PREFIX}{name.upper()} in the environment")
            for name in ENVIRONMENT_ONLY
            if name in file.toml_data
        ]
        found += _unknown((name.removeprefix(PREFIX) for name in variables), [name.upper() for name in names], PREFIX)
        found += _unknown(file.toml_data, list(names))
        if found:
            raise _wrong(settings_cls, found)
        return init_settings, env_settings, file


def _unknown(given: Iterable[str], known: Sequence[str], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The names that are no settings, each with what was probably meant."""
    for name in sorted(set(given) - set(known)):
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(prefix + each for each in known)}"
        yield prefix + name, f"is no setting; {hint}"


def _wrong(settings: type[BaseSettings], found: Iterable[tuple[str, str]]) -> ValidationError:
    """The error for what is wrong with names or the file. It never repeats a value, which may be a secret."""
    errors: list[InitErrorDetails] = [
        {"type": PydanticCustomError("wrong_setting", "{reason}", {"reason": reason}), "loc": (name,), "input": None}
        for name, reason in found
    ]
    return ValidationError.from_exception_data(settings.__name__, errors, hide_input=True)


def _at_home(path: str) -> str:
    return str(Path(path).expanduser()) if path == "~" or path.startswith("~/") else path


def _is_portal(name: str) -> bool:
    try:
        portal(name)
    except KeyError:
        return False
    return True


def _is_address(url: str, schemes: Collection[str] = ("http", "https")) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def now() -> datetime:
    """The present moment, with Bangkok's zone."""
    return datetime.now(BANGKOK)
