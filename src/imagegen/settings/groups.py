"""Every setting, in groups that belong together: its variable, its default and its bounds."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, SecretStr

from imagegen.settings.values import (
    BucketName,
    DatabaseName,
    Duration,
    FalKey,
    HostNames,
    ListenAddress,
    MongoAddress,
    NatsAddress,
    Origins,
    StreamName,
    UrlSchemes,
    WebAddress,
    WebhookSecrets,
    listed,
)
from imagegen.webhooks import read_secrets


class Environment(StrEnum):
    """Where the service runs; `production` refuses to start local stand-ins for fal, MongoDB and S3."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Group(BaseModel):
    """Settings that go together; frozen."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True)

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """The names of this group's variables, in the order of the table in the README."""
        return tuple(str(field.validation_alias) for field in cls.model_fields.values())


class FalSettings(Group):
    """fal.ai. Unset key: the local sandbox."""

    key: FalKey | None = Field(default=None, validation_alias="FAL_KEY")
    queue_url: WebAddress = Field(default="https://queue.fal.run", validation_alias="FAL_QUEUE_URL")
    api_url: WebAddress = Field(default="https://api.fal.ai/v1", validation_alias="FAL_API_URL")
    rest_url: WebAddress = Field(default="https://rest.fal.ai", validation_alias="FAL_REST_URL")
    jwks_url: WebAddress = Field(default="https://rest.fal.ai/.well-known/jwks.json", validation_alias="FAL_JWKS_URL")
    concurrency: int | None = Field(default=None, ge=1, le=10_000, validation_alias="FAL_CONCURRENCY")
    status_horizon: Duration = Field(
        default=timedelta(minutes=10), gt=timedelta(0), validation_alias="FAL_STATUS_HORIZON"
    )
    result_horizon: Duration = Field(default=timedelta(hours=1), gt=timedelta(0), validation_alias="FAL_RESULT_HORIZON")


class MongoSettings(Group):
    """MongoDB. Unset URL: a local mongod."""

    url: MongoAddress | None = Field(default=None, validation_alias="MONGODB_URL")
    database: DatabaseName = Field(default="imagegen", validation_alias="MONGODB_DATABASE")


class S3Settings(Group):
    """The bucket. Unset: a local SeaweedFS. Unset AWS keys: the default credential chain."""

    bucket: BucketName | None = Field(default=None, validation_alias="S3_BUCKET")
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


class NatsSettings(Group):
    """NATS JetStream. Unset URL: a local nats-server."""

    url: NatsAddress | None = Field(default=None, validation_alias="NATS_URL")
    stream: StreamName = Field(default="imagegen", validation_alias="NATS_STREAM")
    replicas: int | None = Field(default=None, ge=1, le=5, validation_alias="NATS_REPLICAS")


class ServiceSettings(Group):
    """The service itself and its limits."""

    env: Environment = Field(default=Environment.DEVELOPMENT, validation_alias="IMAGEGEN_ENV")
    data_dir: Path = Field(default=Path(".imagegen"), validation_alias="IMAGEGEN_DATA_DIR")
    catalog: str = Field(default="", validation_alias="IMAGEGEN_CATALOG")
    public_url: WebAddress | None = Field(default=None, validation_alias="PUBLIC_URL")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="IMAGEGEN_LOG_LEVEL"
    )
    log_format: Literal["json", "console"] | None = Field(default=None, validation_alias="IMAGEGEN_LOG_FORMAT")
    wait: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0), validation_alias="IMAGEGEN_WAIT")
    concurrency: int = Field(default=64, ge=1, le=10_000, validation_alias="IMAGEGEN_CONCURRENCY")
    lease: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=3), validation_alias="IMAGEGEN_LEASE")
    job_timeout: Duration = Field(
        default=timedelta(minutes=30), gt=timedelta(0), validation_alias="IMAGEGEN_JOB_TIMEOUT"
    )
    queue_timeout: Duration = Field(
        default=timedelta(hours=24), gt=timedelta(0), validation_alias="IMAGEGEN_QUEUE_TIMEOUT"
    )
    unknown_horizon: Duration = Field(
        default=timedelta(hours=1), gt=timedelta(0), validation_alias="IMAGEGEN_UNKNOWN_HORIZON"
    )
    store_horizon: Duration = Field(
        default=timedelta(hours=24), gt=timedelta(0), validation_alias="IMAGEGEN_STORE_HORIZON"
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


class DoorSettings(Group):
    """Who is let in."""

    api_keys_file: Path | None = Field(default=None, validation_alias="IMAGEGEN_API_KEYS_FILE")
    allow_anonymous: bool = Field(default=False, validation_alias="IMAGEGEN_ALLOW_ANONYMOUS")
    allowed_hosts: HostNames = Field(default="", validation_alias="IMAGEGEN_ALLOWED_HOSTS")

    @property
    def host_names(self) -> frozenset[str]:
        """The names that a request may call the service by, in lower case; `*.` in front stands for any subdomain."""
        return frozenset(name.lower() for name in listed(self.allowed_hosts))


class LimitSettings(Group):
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
    max_connections: int = Field(default=4096, ge=1, le=60_000, validation_alias="IMAGEGEN_MAX_CONNECTIONS")
    receive_timeout: Duration = Field(
        default=timedelta(seconds=30), gt=timedelta(0), validation_alias="IMAGEGEN_RECEIVE_TIMEOUT"
    )
    receive_memory: ByteSize = Field(
        default=ByteSize(256 * 2**20), ge=2**20, validation_alias="IMAGEGEN_RECEIVE_MEMORY"
    )
    max_json_values: int = Field(default=10_000, ge=100, le=10_000, validation_alias="IMAGEGEN_MAX_JSON_VALUES")
    max_json_depth: int = Field(default=32, ge=4, le=32, validation_alias="IMAGEGEN_MAX_JSON_DEPTH")
    max_prompt_chars: int = Field(default=50_000, ge=1, validation_alias="IMAGEGEN_MAX_PROMPT_CHARS")
    max_image_urls: int = Field(default=14, ge=1, validation_alias="IMAGEGEN_MAX_IMAGE_URLS")
    url_schemes: UrlSchemes = Field(default="https,http,data", validation_alias="IMAGEGEN_URL_SCHEMES")
    max_waiting: int = Field(default=512, ge=0, validation_alias="IMAGEGEN_MAX_WAITING")
    max_streams: int = Field(default=512, ge=0, validation_alias="IMAGEGEN_MAX_STREAMS")
    cors_origins: Origins = Field(default="", validation_alias="CORS_ORIGINS")

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes that the URL of an input may have."""
        return listed(self.url_schemes)

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may call the service from a browser; none: CORS is off."""
        return listed(self.cors_origins)


class WebhookSettings(Group):
    """Webhooks to callers. Unset secrets: no request may ask for one."""

    secrets: WebhookSecrets | None = Field(default=None, validation_alias="WEBHOOK_SECRETS")
    allow_private: bool = Field(default=False, validation_alias="WEBHOOK_ALLOW_PRIVATE")

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What deliveries are signed with; none: nothing can be delivered."""
        return read_secrets(self.secrets.get_secret_value()) if self.secrets else ()


class TelemetrySettings(Group):
    """OpenTelemetry, by its own variables. The SDK reads the rest of them itself, from the environment."""

    endpoint: WebAddress | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    traces_endpoint: WebAddress | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    logs_endpoint: WebAddress | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
    headers: SecretStr | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_HEADERS")
    protocol: Literal["http/protobuf"] = Field(default="http/protobuf", validation_alias="OTEL_EXPORTER_OTLP_PROTOCOL")
    traces_exporter: Literal["otlp", "none"] = Field(default="otlp", validation_alias="OTEL_TRACES_EXPORTER")
    logs_exporter: Literal["otlp", "none"] = Field(default="otlp", validation_alias="OTEL_LOGS_EXPORTER")
    service_name: str | None = Field(default=None, validation_alias="OTEL_SERVICE_NAME")
    disabled: bool = Field(default=False, validation_alias="OTEL_SDK_DISABLED")

    @property
    def traces_url(self) -> str | None:
        """Where traces are sent; None: nowhere."""
        return self._url(self.traces_exporter, self.traces_endpoint, "v1/traces")

    @property
    def logs_url(self) -> str | None:
        """Where logs are sent; None: nowhere."""
        return self._url(self.logs_exporter, self.logs_endpoint, "v1/logs")

    def _url(self, exporter: str, own: str | None, path: str) -> str | None:
        if self.disabled or exporter == "none":
            return None
        return own or (f"{self.endpoint}/{path}" if self.endpoint else None)


class MetricsSettings(Group):
    """Where Prometheus reads the metrics. Unset port: on the service's own, while there are no API keys."""

    port: int | None = Field(default=None, ge=1, le=65535, validation_alias="IMAGEGEN_METRICS_PORT")
    host: ListenAddress = Field(default="127.0.0.1", validation_alias="IMAGEGEN_METRICS_HOST")


class LocalSettings(Group):
    """The programs of the local servers. Unset: one on PATH, else the one of the extra `local`."""

    mongod: Path | None = Field(default=None, validation_alias="IMAGEGEN_MONGOD")
    weed: Path | None = Field(default=None, validation_alias="IMAGEGEN_WEED")
    nats_server: Path | None = Field(default=None, validation_alias="IMAGEGEN_NATS_SERVER")
