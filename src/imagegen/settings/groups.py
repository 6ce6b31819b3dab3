"""Every setting, in groups: its variable, default and bounds. Those that limit callers are in `limits`."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, SecretStr

from imagegen.jobs.link_tokens import read_link_secrets
from imagegen.settings.types import (
    BucketName,
    DatabaseName,
    Duration,
    FalKey,
    HostNames,
    KeyToken,
    LifeOfLinks,
    LinkSecrets,
    ListenAddress,
    MongoUrl,
    NatsUrl,
    StreamName,
    WebhookSecrets,
    WebUrl,
    split_list,
)
from imagegen.webhooks import read_secrets


class Environment(StrEnum):
    """Where the service runs. `production` refuses to start local stand-ins for fal, MongoDB and S3."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Group(BaseModel):
    """A group of settings; frozen."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True)

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """The names of this group's variables, in the order of docs/settings.md."""
        return tuple(str(field.validation_alias) for field in cls.model_fields.values())


class FalSettings(Group):
    """fal.ai. Without a key: the local sandbox."""

    key: FalKey | None = Field(default=None, validation_alias="FAL_KEY")
    """Key of your fal.ai account, `id:secret`. Unset: the sandbox."""
    queue_url: WebUrl = Field(default="https://queue.fal.run", validation_alias="FAL_QUEUE_URL")
    """fal's queue, or a gateway in front of it; plain http is allowed."""
    api_url: WebUrl = Field(default="https://api.fal.ai/v1", validation_alias="FAL_API_URL")
    """fal's platform API: unit prices, and the list of your key's requests, in which lost ones are found. With a
    gateway in `FAL_QUEUE_URL`, prices are read only if this is set too."""
    rest_url: WebUrl = Field(default="https://rest.fal.ai", validation_alias="FAL_REST_URL")
    """fal's storage, for input images in a bucket that fal cannot reach."""
    jwks_url: WebUrl = Field(default="https://rest.fal.ai/.well-known/jwks.json", validation_alias="FAL_JWKS_URL")
    """The public keys that fal signs its webhooks with."""
    concurrency: int | None = Field(default=None, ge=1, le=10_000, validation_alias="FAL_CONCURRENCY")
    """Requests that are open at fal at once, over all processes. Unset: no limit; requests wait in fal's queue."""
    status_horizon: Duration = Field(
        default=timedelta(minutes=10), gt=timedelta(0), validation_alias="FAL_STATUS_HORIZON"
    )
    """How long the status of a request may be unreadable before it is cancelled at fal.ai; the job ends within the
    same time again."""
    result_horizon: Duration = Field(default=timedelta(hours=1), gt=timedelta(0), validation_alias="FAL_RESULT_HORIZON")
    """How long the result of a completed request may be unreadable before its job fails, uncharged."""


class MongoSettings(Group):
    """MongoDB. Without a URL: a local mongod."""

    url: MongoUrl | None = Field(default=None, validation_alias="MONGODB_URL")
    """`mongodb://…` or `mongodb+srv://…`, a replica set (one member is enough); a `w` other than majority is
    refused. Unset: a local mongod."""
    database: DatabaseName = Field(default="imagegen", validation_alias="MONGODB_DATABASE")
    """Name of the database."""


class S3Settings(Group):
    """The S3 bucket. Without one: a local SeaweedFS. Without AWS keys: the default credential chain."""

    bucket: BucketName | None = Field(default=None, validation_alias="S3_BUCKET")
    """The bucket for the images; it must exist. Unset: a local SeaweedFS."""
    endpoint_url: WebUrl | None = Field(default=None, validation_alias="S3_ENDPOINT_URL")
    """An S3 that is not AWS: R2, SeaweedFS, …"""
    public_url: WebUrl | None = Field(default=None, validation_alias="S3_PUBLIC_URL")
    """A public bucket or CDN: links begin with it and are not signed."""
    presign_endpoint_url: WebUrl | None = Field(default=None, validation_alias="S3_PRESIGN_ENDPOINT_URL")
    """The host that links are signed for, as browsers reach it. Unset: `S3_ENDPOINT_URL`."""
    presign_expires: Duration = Field(
        default=timedelta(hours=1),
        gt=timedelta(0),
        le=timedelta(days=7),
        validation_alias="S3_PRESIGN_EXPIRES",
    )
    """How long a signed link works; 7 days at most."""
    publicly_reachable: bool | None = Field(default=None, validation_alias="S3_PUBLICLY_REACHABLE")
    """Whether fal can open links to the bucket. Unset: decided by the host's name; with a private name, inputs go
    through fal's storage."""
    access_key_id: SecretStr | None = Field(default=None, validation_alias="AWS_ACCESS_KEY_ID")
    """Key of the bucket. Unset: AWS's default credential chain."""
    secret_access_key: SecretStr | None = Field(default=None, validation_alias="AWS_SECRET_ACCESS_KEY")
    """Set both or neither."""
    region: str = Field(default="us-east-1", validation_alias="AWS_REGION")
    """The bucket's region."""


class NatsSettings(Group):
    """NATS JetStream. Without a URL: a local nats-server."""

    url: NatsUrl | None = Field(default=None, validation_alias="NATS_URL")
    """`nats://…` or `tls://…`, with JetStream. Unset: a local nats-server."""
    stream: StreamName = Field(default="imagegen", validation_alias="NATS_STREAM")
    """Name of the stream, and the first part of its subjects."""
    replicas: int | None = Field(default=None, ge=1, le=5, validation_alias="NATS_REPLICAS")
    """Copies of the queue in a NATS cluster: 3. Unset: one, or as the stream is configured."""


class ServiceSettings(Group):
    """The service itself and its limits."""

    env: Environment = Field(default=Environment.DEVELOPMENT, validation_alias="IMAGEGEN_ENV")
    """`production` refuses local stand-ins for fal, MongoDB and S3."""
    data_dir: Path = Field(default=Path(".imagegen"), validation_alias="IMAGEGEN_DATA_DIR")
    """Data, logs and credentials of the local servers; one running service for each directory."""
    catalog: str = Field(default="", validation_alias="IMAGEGEN_CATALOG")
    """Your own model files, separated by commas."""
    models: str = Field(default="", validation_alias="IMAGEGEN_MODELS")
    """The models that are offered: names and globs such as `flux-*`, separated by commas. Unset: all that have a
    price."""
    public_url: WebUrl | None = Field(default=None, validation_alias="PUBLIC_URL")
    """The service's address as fal.ai reaches it. If set, fal.ai announces the end of each request by a webhook."""
    default_user: str = Field(default="default", min_length=1, max_length=128, validation_alias="IMAGEGEN_DEFAULT_USER")
    """The user of a request of [fal's clients](guides/fal-clients.md) that names none, by a key of no user of its
    own."""
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="IMAGEGEN_LOG_LEVEL"
    )
    """`debug`, `info`, `warning` or `error`."""
    log_format: Literal["json", "console"] | None = Field(default=None, validation_alias="IMAGEGEN_LOG_FORMAT")
    """`json`: one JSON object per line; `console`: for people. Unset: `json` in production, `console` elsewhere."""
    wait: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0), validation_alias="IMAGEGEN_WAIT")
    """How long `generate` waits for a job before it answers 202."""
    begin_early: bool = Field(default=False, validation_alias="IMAGEGEN_BEGIN_EARLY")
    """`1`: a response of `generate` that takes longer than 25 s begins then, as 200 with blanks before the JSON, so
    that no proxy cuts it off. A failure after that is in the body, with its `status`."""
    concurrency: int = Field(default=64, ge=1, le=10_000, validation_alias="IMAGEGEN_CONCURRENCY")
    """Jobs that one process works on at once; `serve --processes` divides it."""
    lease: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=3), validation_alias="IMAGEGEN_LEASE")
    """If a process shows no sign of life for this long, another one takes over its jobs."""
    job_timeout: Duration = Field(
        default=timedelta(minutes=30), gt=timedelta(0), validation_alias="IMAGEGEN_JOB_TIMEOUT"
    )
    """How long fal.ai may work on a request, from when it begins, before it is cancelled there."""
    queue_timeout: Duration = Field(
        default=timedelta(hours=24), gt=timedelta(0), validation_alias="IMAGEGEN_QUEUE_TIMEOUT"
    )
    """How long a request may wait in fal.ai's queue before it is cancelled there."""
    unknown_horizon: Duration = Field(
        default=timedelta(hours=1), gt=timedelta(0), validation_alias="IMAGEGEN_UNKNOWN_HORIZON"
    )
    """How long to look for a request whose submit got no response, before its job fails, uncharged."""
    store_horizon: Duration = Field(
        default=timedelta(hours=24), gt=timedelta(0), validation_alias="IMAGEGEN_STORE_HORIZON"
    )
    """How long a job waits for S3 to store its images, for S3 to be usable before it is sent, or for fal.ai to
    accept the account, before it fails, uncharged."""
    shutdown_grace: Duration = Field(
        default=timedelta(seconds=20), ge=timedelta(seconds=2), validation_alias="IMAGEGEN_SHUTDOWN_GRACE"
    )
    """Time in which a process that is asked to end hands back its jobs and exits."""
    transfer_memory: ByteSize = Field(
        default=ByteSize(64 * 2**20), ge=16 * 2**20, validation_alias="IMAGEGEN_TRANSFER_MEMORY"
    )
    """Memory for images on their way to S3, for the whole process."""
    max_image_bytes: ByteSize = Field(default=ByteSize(64 * 2**20), ge=1, validation_alias="IMAGEGEN_MAX_IMAGE_BYTES")
    """A larger image is not delivered; without any image, the job fails."""

    @property
    def step_grace(self) -> timedelta:
        """How long a process that is asked to end may finish its current step. The rest of the grace is for closing."""
        return self.shutdown_grace * 0.75

    @property
    def catalog_files(self) -> tuple[Path, ...]:
        """The user's catalog files. Later ones override earlier ones."""
        return tuple(Path(name.strip()) for name in self.catalog.split(",") if name.strip())

    @property
    def offered_models(self) -> tuple[str, ...]:
        """Globs of the names of the models that are offered; empty: all."""
        return tuple(name.strip() for name in self.models.split(",") if name.strip())


class AuthSettings(Group):
    """Authentication, and the allowed host names."""

    api_keys_file: Path | None = Field(default=None, validation_alias="IMAGEGEN_API_KEYS_FILE")
    """File of API keys of an earlier version. It is imported into MongoDB once, and ignored from then on."""
    bootstrap_key: KeyToken | None = Field(default=None, validation_alias="IMAGEGEN_BOOTSTRAP_KEY")
    """A whole token, `ig_…`: a start makes a key of it with all scopes, unless its id exists, even revoked."""
    keys_cache: Duration = Field(
        default=timedelta(minutes=15), ge=timedelta(seconds=1), validation_alias="IMAGEGEN_KEYS_CACHE"
    )
    """How long API keys stay valid as they were last read while MongoDB does not answer; then 503."""
    allow_anonymous: bool = Field(default=False, validation_alias="IMAGEGEN_ALLOW_ANONYMOUS")
    """`1` lets callers in without a key."""
    allowed_hosts: HostNames = Field(default="", validation_alias="IMAGEGEN_ALLOWED_HOSTS")
    """Host names by which callers may reach the service, besides localhost, IP addresses and `PUBLIC_URL`'s host."""

    @property
    def host_names(self) -> frozenset[str]:
        """The host names that requests may use, in lower case; a leading `*.` matches any subdomain."""
        return frozenset(name.lower() for name in split_list(self.allowed_hosts))


class WebhookSettings(Group):
    """Webhooks to callers. Without secrets, no request may ask for one."""

    secrets: WebhookSecrets | None = Field(default=None, validation_alias="WEBHOOK_SECRETS")
    """Secret that signs [webhooks](webhooks.md): `whsec_…`, or two separated by a comma while you rotate it.
    Unset: requests with `webhookUrl` are refused."""
    allow_private: bool = Field(default=False, validation_alias="WEBHOOK_ALLOW_PRIVATE")
    """`1` allows webhooks to private, loopback and link-local addresses: every caller of the service can then reach
    your network."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys that sign deliveries; empty: nothing can be delivered."""
        return read_secrets(self.secrets.get_secret_value()) if self.secrets else ()


class LinkSettings(Group):
    """Links to images that need no API key. Whoever has the `link` of an image can see it, until its job is deleted."""

    expires: LifeOfLinks = Field(default=timedelta(days=30), validation_alias="IMAGEGEN_LINK_EXPIRES")
    """How long a link works from when it is read, or up to an eighth longer; `never`: until its job is deleted, or the
    secret is no longer accepted."""
    delivery: Literal["redirect", "stream"] | None = Field(default=None, validation_alias="IMAGEGEN_LINK_DELIVERY")
    """`redirect`: a link leads to the bucket; `stream`: the service sends the image itself. Unset: by
    `S3_PUBLICLY_REACHABLE`, else by the bucket's host name: with a private one, the image is sent."""
    secrets: LinkSecrets | None = Field(default=None, validation_alias="IMAGEGEN_LINK_SECRETS")
    """Secret that signs links, of 32 to 128 characters; further ones, separated by commas, are still accepted. Unset:
    one that is made once, in MongoDB (`imagegen links rotate`)."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The secret that signs, then those that are accepted too; empty: they are in MongoDB."""
        return tuple(read_link_secrets(self.secrets.get_secret_value())) if self.secrets else ()


class TelemetrySettings(Group):
    """OpenTelemetry, with its standard variables. Its SDK reads the others from the environment itself."""

    endpoint: WebUrl | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """An OpenTelemetry collector for [traces and logs](operations.md#traces), `http://host:4318`. Unset: none,
    and OpenTelemetry's SDK is not loaded."""
    traces_endpoint: WebUrl | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    """The full address for traces, if it differs."""
    logs_endpoint: WebUrl | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
    """The full address for logs, if it differs."""
    headers: SecretStr | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_HEADERS")
    """Headers for the collector: `name=value`, separated by commas."""
    protocol: Literal["http/protobuf"] = Field(default="http/protobuf", validation_alias="OTEL_EXPORTER_OTLP_PROTOCOL")
    """The only supported protocol."""
    traces_exporter: Literal["otlp", "none"] = Field(default="otlp", validation_alias="OTEL_TRACES_EXPORTER")
    """`none` sends no traces."""
    logs_exporter: Literal["otlp", "none"] = Field(default="otlp", validation_alias="OTEL_LOGS_EXPORTER")
    """`none` sends no logs."""
    service_name: str | None = Field(default=None, validation_alias="OTEL_SERVICE_NAME")
    """The service's name at the collector. Unset: `imagegen`."""
    disabled: bool = Field(default=False, validation_alias="OTEL_SDK_DISABLED")
    """`true` switches traces and logs off."""

    @property
    def traces_url(self) -> str | None:
        """The URL for traces; None: none are sent."""
        return self._url(self.traces_exporter, self.traces_endpoint, "v1/traces")

    @property
    def logs_url(self) -> str | None:
        """The URL for logs; None: none are sent."""
        return self._url(self.logs_exporter, self.logs_endpoint, "v1/logs")

    def _url(self, exporter: str, own: str | None, path: str) -> str | None:
        if self.disabled or exporter == "none":
            return None
        return own or (f"{self.endpoint}/{path}" if self.endpoint else None)


class MetricsSettings(Group):
    """The port of the metrics. Without one: the service's own port, as long as there are no API keys."""

    port: int | None = Field(default=None, ge=1, le=65535, validation_alias="IMAGEGEN_METRICS_PORT")
    """Port at which `serve` and `worker` answer Prometheus at `/metrics`, without a key
    ([operations](operations.md)). Unset: none."""
    host: ListenAddress = Field(default="127.0.0.1", validation_alias="IMAGEGEN_METRICS_HOST")
    """The address of that port; everyone who can reach it can read the metrics."""


class LocalSettings(Group):
    """The programs of the local servers. Unset: the one on PATH, else that of the extra `local`."""

    mongod: Path | None = Field(default=None, validation_alias="IMAGEGEN_MONGOD")
    """A `mongod` for the local MongoDB. Unset: one on PATH, else the installed package's."""
    weed: Path | None = Field(default=None, validation_alias="IMAGEGEN_WEED")
    """A `weed` (SeaweedFS), likewise."""
    nats_server: Path | None = Field(default=None, validation_alias="IMAGEGEN_NATS_SERVER")
    """A `nats-server`, likewise."""
