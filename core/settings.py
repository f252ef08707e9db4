"""Settings: `HEXIAO_*` environment variables, or the TOML file that `HEXIAO_CONFIG` names."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class Settings(BaseSettings):
    """Every setting of the program. The environment wins over the file."""

    model_config = SettingsConfigDict(env_prefix="HEXIAO_", extra="ignore", frozen=True)

    database_url: str = Field(
        "sqlite://hexiao.sqlite3",
        description="sqlite:///absolute/path, sqlite://relative/path or postgres://user@host:port/db",
    )
    database_pool_size: int = Field(10, ge=1, description="PostgreSQL connections per process")
    secret_key: SecretStr = Field(
        description="32 characters or more; all keys are derived from it", min_length=32
    )
    previous_secret_keys: list[SecretStr] = Field(
        [], description="Older secret keys, still read, never used to write"
    )
    environment: Literal["production", "development", "demo"] = Field(
        "production", description="GraphiQL and fault details only outside production"
    )
    public_url: str | None = Field(
        None, description="The address that clients and platforms reach; makes links absolute"
    )
    allow_private_hosts: bool = Field(
        False, description="Let channels call private and loopback addresses (demo and tests)"
    )

    answer_seconds: float = Field(8.0, gt=0, description="redeemCoupons answers within this time")
    probe_seconds: float = Field(
        3.0, gt=0, description="The deadline for asking the candidate channels of one code"
    )
    channel_timeout_seconds: float = Field(5.0, gt=0, description="How long one call to a platform may take")
    settle_seconds: float | None = Field(
        None, gt=0, description="Overrides how long a lost call may still take effect (drills and tests)"
    )
    lease_seconds: float = Field(
        20.0, gt=0, description="After this time without a sign another process takes a redemption over"
    )
    sweep_seconds: int = Field(1, ge=1, description="How often due work is looked for")
    event_poll_seconds: float = Field(
        0.4, gt=0, description="How often a process looks for events of other processes"
    )

    customer_failures: int = Field(5, ge=1, description="Unknown codes a customer may try in ten minutes")
    staff_failures: int = Field(
        100, ge=1, description="Unknown codes a member of staff or a terminal may try in ten minutes"
    )
    staff_rate: float = Field(
        50, gt=0, description="Requests per second of an owner, manager, staff or pos token"
    )
    staff_burst: int = Field(500, ge=1, description="How many of them may come at once")
    customer_rate: float = Field(10, gt=0, description="Requests per second of a customer token")
    customer_burst: int = Field(50, ge=1, description="How many of them may come at once")
    login_rate: float = Field(
        10, gt=0, description="Logins per second at one channel account, in each process"
    )
    login_burst: int = Field(100, ge=1, description="How many of them may come at once")
    login_minutes: int = Field(120, ge=1, description="How long the access token of a login is good")
    refresh_days: int = Field(30, ge=1, description="How long a login can be renewed without another one")

    max_body_bytes: int = Field(256 * 1024, ge=1024, description="The largest GraphQL request body")
    max_cost: int = Field(5_000, ge=1, description="The dearest GraphQL document, in fields times page sizes")
    max_depth: int = Field(12, ge=1, description="The deepest GraphQL document")
    allowed_origins: list[str] = Field(
        [], description="Origins of browser pages that may open subscriptions, beside our own"
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="One JSON object a line, or lines for people"
    )
    log_level: Literal["info", "warning"] = Field(
        "info", description="info tells of every call to a platform, warning only of those that went wrong"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = os.environ.get("HEXIAO_CONFIG")
        file = (TomlConfigSettingsSource(settings_cls, path),) if path else ()
        return (init_settings, env_settings, *file)


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()  # type: ignore[call-arg]  # the environment fills what has no default
