"""What a channel account is set up with, and what an adapter may use while it works for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from core.channels.contract.network import AccessTokens, ChannelHttp
from core.clock import Clock


class ChannelModel(BaseModel):
    """Base of a channel's credentials and settings: camelCase keys outside, unknown keys refused, never altered.

    Secrets are `pydantic.SecretStr`, so that they show in no log.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )


class NoCredentials(ChannelModel):
    """A channel that needs none."""


class NoSettings(ChannelModel):
    """A channel that has none."""


CredentialsT = TypeVar("CredentialsT", bound=ChannelModel)
SettingsT = TypeVar("SettingsT", bound=ChannelModel)


@dataclass(frozen=True, slots=True)
class ChannelSession(Generic[CredentialsT, SettingsT]):
    """Everything an adapter may use during one piece of work for one account.

    `external_store_id` is the platform's id of the store at hand, None where the work belongs to no store.
    """

    tenant_id: UUID
    account_id: UUID
    credentials: CredentialsT
    settings: SettingsT
    http: ChannelHttp
    tokens: AccessTokens
    clock: Clock
    external_store_id: str | None = None
