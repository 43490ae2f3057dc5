"""Settings: ``MUANG_*`` environment variables, or ``muang.toml`` in the working folder. Each has a default."""

from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from assets.landing.portals import PORTALS

BANGKOK = ZoneInfo("Asia/Bangkok")


class Settings(BaseSettings):
    """Everything a deployment may choose. Secrets come from the environment only and are needed only where used."""

    model_config = SettingsConfigDict(env_prefix="MUANG_", toml_file="muang.toml", extra="forbid")

    home: Path = Field(
        default=Path(".muang"),
        description="Folder of landing, lake, snapshots and Dagster's own storage on the embedded default.",
    )
    store: str = Field(
        default="",
        description="Where landing, lake and snapshots lie, if not in the home: s3://bucket/prefix or a folder.",
    )
    cities: Path | None = Field(default=None, description="Another registry file instead of the built-in 36 cities.")
    profile: Literal["live", "demo"] = Field(
        default="live", description="live: inbox and portals. demo: generated exports and a local portal, synthetic."
    )
    inbox: Path = Field(default=Path("inbox"), description="Folder of deliveries: <inbox>/<city>/<source>/…")
    portals: dict[str, str] = Field(
        default_factory=dict, description="Base URLs that differ from the built-in ones, as a JSON object."
    )
    meter_key: SecretStr | None = Field(
        default=None,
        description="Secret of the deployment that meter ids are hashed with; at least 16 characters. Never stored.",
    )
    demo_meters: int = Field(default=2000, ge=50, description="Meters a city in the demo profile.")

    @field_validator("portals")
    @classmethod
    def _known_portals(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := set(value) - set(PORTALS):
            raise ValueError(f"unknown portals {sorted(unknown)}; known are {sorted(PORTALS)}")
        return value

    @field_validator("meter_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
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
        """Arguments win over the environment, the environment over ``muang.toml``."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def now() -> datetime:
    """The present moment, with Bangkok's zone."""
    return datetime.now(BANGKOK)
