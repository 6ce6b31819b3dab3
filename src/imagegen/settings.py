"""Every setting of imagegen: read once from the environment and `.env`, then passed on as frozen groups.

No other module reads the environment. A variable that is set to nothing counts as unset (compose files do that).
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from imagegen.errors import SettingsError
from imagegen.webhooks import read_secrets

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", value.strip())
    if match is None:
        raise ValueError("expected a duration such as 30s, 10m or 24h")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected an address such as https://host or http://127.0.0.1:9000")
    if parts.username or parts.password:
        raise ValueError("expected an address without a user or password in it")
    return value.rstrip("/")


def _durable_mongodb(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in {"mongodb", "mongodb+srv"}:
        raise ValueError("expected mongodb://… or mongodb+srv://…")
    options = {name.lower(): values[-1] for name, values in parse_qs(parts.query).items()}
    if options.get("w", "majority") != "majority":
        raise ValueError("w must be majority or absent: a weaker write concern loses accepted jobs when a server dies")
    if options.get("journal", "true").lower() != "true":
        raise ValueError("journal must not be switched off: accepted jobs would be lost when a server dies")
    return value


def _nats_address(value: SecretStr) -> SecretStr:
    if urlsplit(value.get_secret_value()).scheme not in {"nats", "tls", "ws", "wss"}:
        raise ValueError("expected nats://host:4222 or tls://host:4222")
    return value


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _host_names(value: str) -> str:
    for name in _listed(value):
        if not re.fullmatch(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise ValueError("expected host names without scheme or port, such as api.example.com or *.example.com")
    return value


def _url_schemes(value: str) -> str:
    if not _listed(value) or not set(_listed(value)) <= {"https", "http", "data"}:
        raise ValueError("expected some of https, http, data, separated by commas")
    return value


def _origins(value: str) -> str:
    for origin in _listed(value):
        if origin != "*" and re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin) is None:
            raise ValueError("expected origins such as https://app.example.com, separated by commas, or *")
    return value


def _webhook_secrets(value: SecretStr) -> SecretStr:
    read_secrets(value.get_secret_value())
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class Environment(StrEnum):
    """Where the service runs; `production` refuses to start local stand-ins for fal, MongoDB and S3."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True)

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """The names of this group's variables, in the order of the table in the README."""
        return tuple(str(field.validation_alias) for field in cls.model_fields.values())


class FalSettings(_Group):
    """fal.ai. Unset key: the local sandbox."""

    key: SecretStr | None = Field(default=None, validation_alias="FAL_KEY")
    queue_url: WebAddress = Field(default="https://queue.fal.run", validation_alias="FAL_QUEUE_URL")
    api_url: WebAddress = Field(default="https://api.fal.ai/v1", validation_alias="FAL_API_URL")
    rest_url: WebAddress = Field(default="https://rest.fal.ai", validation_alias="FAL_REST_URL")
    jwks_url: WebAddress = Field(default="https://rest.fal.ai/.well-known/jwks.json", validation_alias="FAL_JWKS_URL")
    concurrency: int | None = Field(default=None, ge=1, le=10_000, validation_alias="FAL_CONCURRENCY")


class MongoSettings(_Group):
    """MongoDB. Unset URL: a local mongod."""

    url: Annotated[SecretStr, AfterValidator(_durable_mongodb)] | None = Field(
        default=None, validation_alias="MONGODB_URL"
    )
    database: str = Field(default="imagegen", pattern=r"^[A-Za-z0-9_-]{1,38}$", validation_alias="MONGODB_DATABASE")


class S3Settings(_Group):
    """The bucket. Unset: a local SeaweedFS. Unset AWS keys: the default credential chain."""

    bucket: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", validation_alias="S3_BUCKET"
    )
    endpoint_url: WebAddress | None = Field(default=None, validation_alias="S3_ENDPOINT_URL")
    public_url: WebAddress | None = Field(default=None, validation_alias="S3_PUBLIC_URL")
    presign_endpoint_url: WebAddress | None = Field(default=None, validation_alias="S3_PRESIGN_ENDPOINT_URL")
    presign_expires: Duration = Field(
        default=timedelta(hours=1),
        gt=timedelta(0),
        le=timedelta(days=7),
        validation_alias="S3_PRESIGN_EXPIRES",
    )
    publicly_reachable: bool | None = Field(default=None, validation_alias="S3_PUBLICLY_REACHABLE")
    access_key_id: SecretStr | None = Field(default=None, validation_alias="AWS_ACCESS_KEY_ID")
    secret_access_key: SecretStr | None = Field(default=None, validation_alias="AWS_SECRET_ACCESS_KEY")
    region: str = Field(default="us-east-1", validation_alias="AWS_REGION")


class NatsSettings(_Group):
    """NATS JetStream. Unset URL: a local nats-server."""

    url: Annotated[SecretStr, AfterValidator(_nats_address)] | None = Field(default=None, validation_alias="NATS_URL")
    stream: str = Field(default="imagegen", pattern=r"^[A-Za-z0-9_-]{1,64}$", validation_alias="NATS_STREAM")
    replicas: int | None = Field(default=None, ge=1, le=5, validation_alias="NATS_REPLICAS")


class ServiceSettings(_Group):
    """The service itself and its limits."""

    env: Environment = Field(default=Environment.DEVELOPMENT, validation_alias="IMAGEGEN_ENV")
    data_dir: Path = Field(default=Path(".imagegen"), validation_alias="IMAGEGEN_DATA_DIR")
    catalog: str = Field(default="", validation_alias="IMAGEGEN_CATALOG")
    public_url: WebAddress | None = Field(default=None, validation_alias="PUBLIC_URL")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="IMAGEGEN_LOG_LEVEL"
    )
    wait: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0), validation_alias="IMAGEGEN_WAIT")
    concurrency: int = Field(default=64, ge=1, le=10_000, validation_alias="IMAGEGEN_CONCURRENCY")
    lease: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=3), validation_alias="IMAGEGEN_LEASE")
    job_timeout: Duration = Field(
        default=timedelta(minutes=30), gt=timedelta(0), validation_alias="IMAGEGEN_JOB_TIMEOUT"
    )
    queue_timeout: Duration | None = Field(default=None, gt=timedelta(0), validation_alias="IMAGEGEN_QUEUE_TIMEOUT")
    unknown_horizon: Duration = Field(
        default=timedelta(hours=1), gt=timedelta(0), validation_alias="IMAGEGEN_UNKNOWN_HORIZON"
    )
    shutdown_grace: Duration = Field(
        default=timedelta(seconds=20), ge=timedelta(seconds=2), validation_alias="IMAGEGEN_SHUTDOWN_GRACE"
    )
    transfer_memory: ByteSize = Field(
        default=ByteSize(64 * 2**20), ge=16 * 2**20, validation_alias="IMAGEGEN_TRANSFER_MEMORY"
    )
    max_image_bytes: ByteSize = Field(default=ByteSize(64 * 2**20), ge=1, validation_alias="IMAGEGEN_MAX_IMAGE_BYTES")

    @property
    def last_step(self) -> timedelta:
        """How long a process that is told to end may finish the step that it is in; the rest is for closing."""
        return self.shutdown_grace * 0.75

    @property
    def catalog_files(self) -> tuple[Path, ...]:
        """The user's own catalog files, in the order in which they override each other."""
        return tuple(Path(name.strip()) for name in self.catalog.split(",") if name.strip())


class DoorSettings(_Group):
    """Who is let in."""

    api_keys_file: Path | None = Field(default=None, validation_alias="IMAGEGEN_API_KEYS_FILE")
    allow_anonymous: bool = Field(default=False, validation_alias="IMAGEGEN_ALLOW_ANONYMOUS")
    allowed_hosts: Annotated[str, AfterValidator(_host_names)] = Field(
        default="", validation_alias="IMAGEGEN_ALLOWED_HOSTS"
    )

    @property
    def host_names(self) -> frozenset[str]:
        """The names that a request may call the service by, in lower case; `*.` in front stands for any subdomain."""
        return frozenset(name.lower() for name in _listed(self.allowed_hosts))


class LimitSettings(_Group):
    """What is taken from a caller. Every refusal names its variable."""

    max_body_bytes: ByteSize = Field(default=ByteSize(2**20), ge=1024, validation_alias="IMAGEGEN_MAX_BODY_BYTES")
    max_upload_bytes: ByteSize = Field(default=ByteSize(20 * 2**20), ge=1, validation_alias="IMAGEGEN_MAX_UPLOAD_BYTES")
    max_data_uri_bytes: ByteSize = Field(
        default=ByteSize(20 * 2**20), ge=1, validation_alias="IMAGEGEN_MAX_DATA_URI_BYTES"
    )
    max_batch_bytes: ByteSize = Field(
        default=ByteSize(20 * 2**20), ge=1024, validation_alias="IMAGEGEN_MAX_BATCH_BYTES"
    )
    max_header_bytes: ByteSize = Field(
        default=ByteSize(32 * 2**10), ge=1024, le=2**20, validation_alias="IMAGEGEN_MAX_HEADER_BYTES"
    )
    receive_timeout: Duration = Field(
        default=timedelta(seconds=30), gt=timedelta(0), validation_alias="IMAGEGEN_RECEIVE_TIMEOUT"
    )
    max_json_depth: int = Field(default=32, ge=4, le=32, validation_alias="IMAGEGEN_MAX_JSON_DEPTH")
    max_prompt_chars: int = Field(default=50_000, ge=1, validation_alias="IMAGEGEN_MAX_PROMPT_CHARS")
    max_image_urls: int = Field(default=14, ge=1, validation_alias="IMAGEGEN_MAX_IMAGE_URLS")
    url_schemes: Annotated[str, AfterValidator(_url_schemes)] = Field(
        default="https,http,data", validation_alias="IMAGEGEN_URL_SCHEMES"
    )
    max_waiting: int = Field(default=512, ge=0, validation_alias="IMAGEGEN_MAX_WAITING")
    max_streams: int = Field(default=512, ge=0, validation_alias="IMAGEGEN_MAX_STREAMS")
    cors_origins: Annotated[str, AfterValidator(_origins)] = Field(default="", validation_alias="CORS_ORIGINS")

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes that the URL of an input may have."""
        return _listed(self.url_schemes)

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may call the service from a browser; none: CORS is off."""
        return _listed(self.cors_origins)


class WebhookSettings(_Group):
    """Webhooks to callers. Unset secrets: no request may ask for one."""

    secrets: Annotated[SecretStr, AfterValidator(_webhook_secrets)] | None = Field(
        default=None, validation_alias="WEBHOOK_SECRETS"
    )
    allow_private: bool = Field(default=False, validation_alias="WEBHOOK_ALLOW_PRIVATE")

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What deliveries are signed with; none: nothing can be delivered."""
        return read_secrets(self.secrets.get_secret_value()) if self.secrets else ()


class MetricsSettings(_Group):
    """Where Prometheus reads the metrics. Unset port: on the service's own, while there are no API keys."""

    port: int | None = Field(default=None, ge=1, le=65535, validation_alias="IMAGEGEN_METRICS_PORT")
    host: str = Field(default="127.0.0.1", pattern=r"^[0-9A-Za-z.:-]+$", validation_alias="IMAGEGEN_METRICS_HOST")


class LocalSettings(_Group):
    """The programs of the local servers. Unset: one on PATH, else the one of the extra `imagegen[local]`."""

    mongod: Path | None = Field(default=None, validation_alias="IMAGEGEN_MONGOD")
    weed: Path | None = Field(default=None, validation_alias="IMAGEGEN_WEED")
    nats_server: Path | None = Field(default=None, validation_alias="IMAGEGEN_NATS_SERVER")


class Settings(BaseModel):
    """All settings. `fal.key`, `mongodb.url`, `s3.bucket` and `nats.url` are None where a local server is wanted."""

    model_config = ConfigDict(frozen=True)

    fal: FalSettings = FalSettings()
    mongodb: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    nats: NatsSettings = NatsSettings()
    service: ServiceSettings = ServiceSettings()
    doors: DoorSettings = DoorSettings()
    limits: LimitSettings = LimitSettings()
    webhooks: WebhookSettings = WebhookSettings()
    metrics: MetricsSettings = MetricsSettings()
    local: LocalSettings = LocalSettings()

    @property
    def unset_servers(self) -> tuple[str, ...]:
        """The servers that no variable names: `fal`, `mongodb`, `s3`, `nats`."""
        named = {
            "fal": self.fal.key,
            "mongodb": self.mongodb.url,
            "s3": self.s3.bucket,
            "nats": self.nats.url,
        }
        return tuple(server for server, value in named.items() if value is None)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Self:
        """Read the environment over `.env`.

        Raises:
            SettingsError: with a line for every fault: variable, value (never a secret's), what was expected.
        """
        values = _merged(os.environ if environ is None else environ, dotenv)
        faults: list[str] = []
        groups = {name: _read_group(kind, values, faults) for name, kind in _GROUPS.items()}
        if not faults:
            settings = cls.model_validate(groups)
            faults = [*_contradictions(settings, values), *_missing_in_production(settings)]
            if not faults:
                return settings
        raise SettingsError(faults)


_GROUPS: dict[str, type[_Group]] = {
    "fal": FalSettings,
    "mongodb": MongoSettings,
    "s3": S3Settings,
    "nats": NatsSettings,
    "service": ServiceSettings,
    "doors": DoorSettings,
    "limits": LimitSettings,
    "webhooks": WebhookSettings,
    "metrics": MetricsSettings,
    "local": LocalSettings,
}
_SECRETS = {"FAL_KEY", "MONGODB_URL", "NATS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "WEBHOOK_SECRETS"}
_NEEDED_IN_PRODUCTION = {
    "fal": "FAL_KEY is not set: production needs a fal.ai key (id:secret, from your fal.ai dashboard)",
    "mongodb": "MONGODB_URL is not set: production needs a MongoDB (mongodb://user:password@host/?replicaSet=…)",
    "s3": "S3_BUCKET is not set: production needs the name of a bucket",
}


def child_environment() -> dict[str, str]:
    """Give the environment for a server that imagegen starts: without imagegen's variables, so without its secrets.

    SeaweedFS reads `AWS_…` and `S3_…` by itself: those that are meant for another S3 would change the local one.
    """
    own = {variable for kind in _GROUPS.values() for variable in kind.variables()}
    return {
        name: value for name, value in os.environ.items() if name not in own and not name.startswith(("AWS_", "S3_"))
    }


def _merged(environ: Mapping[str, str], dotenv: Path | None) -> dict[str, str]:
    values = {**(dotenv_values(dotenv) if dotenv else {}), **environ}
    return {name: value for name, value in values.items() if value}


def _read_group(kind: type[_Group], values: Mapping[str, str], faults: list[str]) -> _Group | None:
    known = {name: values[name] for name in kind.variables() if name in values}
    try:
        return kind.model_validate(known)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            variable = str(fault["loc"][0])
            shown = "(hidden)" if variable in _SECRETS else repr(values.get(variable))
            expected = fault["msg"].removeprefix("Value error, ")
            faults.append(f"{variable} is {shown}: {expected}")
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
