"""All settings: read once from the environment and `.env`, then passed on as frozen groups.

No other module reads the environment. A variable with an empty value counts as unset; compose files set such values.
"""

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import unquote, urlsplit

from annotated_types import Ge
from dotenv import dotenv_values
from pydantic import BaseModel, ByteSize, ConfigDict, PrivateAttr, ValidationError

from imagegen.errors import SettingsError
from imagegen.settings.groups import (
    AuthSettings,
    Environment,
    FalSettings,
    Group,
    LinkSettings,
    LocalSettings,
    MetricsSettings,
    MongoSettings,
    NatsSettings,
    S3Settings,
    ServiceSettings,
    TelemetrySettings,
    WebhookSettings,
)
from imagegen.settings.limits import LimitSettings, RateSettings
from imagegen.settings.messages import expected, shown_value, size, unknown_variables


class Settings(BaseModel):
    """All settings. `fal.key`, `mongodb.url`, `s3.bucket` and `nats.url` are None if a local server is used."""

    model_config = ConfigDict(frozen=True)

    fal: FalSettings = FalSettings()
    mongodb: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    nats: NatsSettings = NatsSettings()
    service: ServiceSettings = ServiceSettings()
    auth: AuthSettings = AuthSettings()
    rates: RateSettings = RateSettings()
    limits: LimitSettings = LimitSettings()
    webhooks: WebhookSettings = WebhookSettings()
    links: LinkSettings = LinkSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    metrics: MetricsSettings = MetricsSettings()
    local: LocalSettings = LocalSettings()
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each variable that looks like imagegen's but is not read."""
        return self._warnings

    @property
    def log_format(self) -> Literal["json", "console"]:
        """The format of the log: IMAGEGEN_LOG_FORMAT if set, else `json` in production and `console` elsewhere."""
        if self.service.log_format is not None:
            return self.service.log_format
        return "json" if self.service.env is Environment.PRODUCTION else "console"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must never be shown, including parts of secrets."""
        keys = (self.fal.key, self.s3.secret_access_key, self.webhooks.secrets, self.telemetry.headers)
        more = (self.auth.bootstrap_key, self.links.secrets)
        found = [part for key in (*keys, *more) if key for part in _parts_of(key.get_secret_value())]
        addresses = (self.mongodb.url, self.nats.url)
        found += [secret for address in addresses if address for secret in _credentials_in(address.get_secret_value())]
        return tuple(found)

    @property
    def unset_servers(self) -> tuple[str, ...]:
        """The servers without a variable, of `fal`, `mongodb`, `s3` and `nats`."""
        named = {
            "fal": self.fal.key,
            "mongodb": self.mongodb.url,
            "s3": self.s3.bucket,
            "nats": self.nats.url,
        }
        return tuple(server for server, value in named.items() if value is None)

    def share(self, number: int, count: int) -> Self:
        """The settings of process `number`, from 0, of `count` that are one service: its part of each limit.

        The parts add up to the limit of the service.

        Raises:
            SettingsError: a part is too small to work with.
        """
        faults = [fault for group, name in _SHARED if (fault := self._too_small(group, name, count))]
        if faults:
            raise SettingsError(faults)
        parts: dict[str, dict[str, int]] = defaultdict(dict)
        for group, name in _SHARED:
            limit: int = getattr(getattr(self, group), name)
            parts[group][name] = type(limit)(limit // count + (number < limit % count))
        return self.model_copy(
            update={group: getattr(self, group).model_copy(update=update) for group, update in parts.items()}
        )

    def _too_small(self, group: str, name: str, count: int) -> str | None:
        """A sentence if the smallest part of a limit is less than a process needs."""
        limit: int = getattr(getattr(self, group), name)
        field = _GROUPS[group].model_fields[name]
        least = max(int(bound.ge) for bound in field.metadata if isinstance(bound, Ge))  # pyright: ignore[reportArgumentType] - of an int
        if name == "receive_memory":  # a request that needs more would be refused for ever
            least = max(least, self.limits.largest_body)
        if limit // count >= least:
            return None
        value, need = (size(each) if isinstance(limit, ByteSize) else each for each in (limit, least))
        return f"{field.validation_alias} is {value}: each of {count} processes needs at least {need}"

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Self:
        """Read the environment, which overrides `.env`.

        Raises:
            SettingsError: with a line for every fault: variable, value (hidden for secrets), what was expected.
        """
        values = _merged(os.environ if environ is None else environ, dotenv)
        faults: list[str] = []
        groups = {name: _read_group(kind, values, faults) for name, kind in _GROUPS.items()}
        if not faults:
            known = {variable for kind in _GROUPS.values() for variable in kind.variables()}
            settings = cls.model_validate(groups)
            settings._warnings = unknown_variables(values, known)  # noqa: SLF001 - its own
            faults = [*_contradictions(settings, values), *_missing_in_production(settings)]
            if not faults:
                return settings
        raise SettingsError(faults)


_GROUPS: dict[str, type[Group]] = {
    "fal": FalSettings,
    "mongodb": MongoSettings,
    "s3": S3Settings,
    "nats": NatsSettings,
    "service": ServiceSettings,
    "auth": AuthSettings,
    "limits": LimitSettings,
    "webhooks": WebhookSettings,
    "links": LinkSettings,
    "telemetry": TelemetrySettings,
    "metrics": MetricsSettings,
    "local": LocalSettings,
}
# What the processes of one service divide.
_SHARED: Final = (
    ("service", "concurrency"),
    ("service", "transfer_memory"),
    ("limits", "max_connections"),
    ("limits", "receive_memory"),
    ("limits", "max_waiting"),
    ("limits", "max_streams"),
    ("limits", "max_downloads"),
)
_SECRETS = {
    "FAL_KEY",
    "MONGODB_URL",
    "NATS_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "WEBHOOK_SECRETS",
    "IMAGEGEN_LINK_SECRETS",
    "IMAGEGEN_BOOTSTRAP_KEY",
    "OTEL_EXPORTER_OTLP_HEADERS",
}
_NEEDED_IN_PRODUCTION = {
    "fal": "FAL_KEY is not set: production needs a fal.ai key (id:secret, from your fal.ai dashboard)",
    "mongodb": "MONGODB_URL is not set: production needs a MongoDB (mongodb://user:password@host/?replicaSet=…)",
    "s3": "S3_BUCKET is not set: production needs the name of a bucket",
}


def _parts_of(secret: str) -> list[str]:
    """The secret and its parts: fal's key is `id:secret`, other variables have several values, comma-separated."""
    parts = re.split(r"[,\s]+", secret)
    return [secret, *parts, *(part.partition(sign)[2] for part in parts for sign in ":=")]


def _credentials_in(addresses: str) -> list[str]:
    """The passwords in one or more addresses. NATS may have a token in place of the user."""
    parts = [urlsplit(address) for address in addresses.split(",")]
    found = [part.password or (part.username if part.scheme != "mongodb" else None) for part in parts]
    return [form for secret in found if secret for form in {secret, unquote(secret)}]


def child_environment() -> dict[str, str]:
    """The environment for a local server: without imagegen's variables, and so without its secrets.

    SeaweedFS reads `AWS_…`, `S3_…` and `WEED_…`, so variables for another server would change the local one.
    """
    own = {variable for kind in _GROUPS.values() for variable in kind.variables()}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith(("AWS_", "S3_", "WEED_", "IMAGEGEN_API_KEY"))
    }


def _merged(environ: Mapping[str, str], dotenv: Path | None) -> dict[str, str]:
    values = {**(dotenv_values(dotenv) if dotenv else {}), **environ}
    return {name: value for name, value in values.items() if value}


def _read_group(kind: type[Group], values: Mapping[str, str], faults: list[str]) -> Group | None:
    known = {name: values[name] for name in kind.variables() if name in values}
    try:
        return kind.model_validate(known)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            variable = str(fault["loc"][0])
            faults.append(f"{variable} is {shown_value(values, variable, _SECRETS)}: {expected(fault)}")
        return None


def _contradictions(settings: Settings, values: Mapping[str, str]) -> list[str]:
    faults: list[str] = []
    if settings.fal.key is None:
        faults += [
            f"{name} is set but FAL_KEY is not: set both, or neither for the local sandbox"
            for name in ("FAL_QUEUE_URL", "FAL_API_URL", "FAL_REST_URL", "FAL_JWKS_URL")
            if name in values
        ]
    if settings.s3.bucket is None and settings.s3.endpoint_url is not None:
        faults.append("S3_ENDPOINT_URL is set but S3_BUCKET is not: set both, or neither for the local S3")
    if (settings.s3.access_key_id is None) is not (settings.s3.secret_access_key is None):
        faults.append("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: set both, or neither")
    return faults


def _missing_in_production(settings: Settings) -> list[str]:
    if settings.service.env is not Environment.PRODUCTION:
        return []
    return [text for server, text in _NEEDED_IN_PRODUCTION.items() if server in settings.unset_servers]
