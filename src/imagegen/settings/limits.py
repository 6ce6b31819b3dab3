"""The settings that limit what callers send, and how fast."""

from datetime import timedelta

from pydantic import ByteSize, Field

from imagegen.settings.groups import Group
from imagegen.settings.types import Duration, Origins, UrlSchemes, split_list


class RateSettings(Group):
    """Rates. How many requests (each of a batch counts) and images pass in a minute, and how many jobs may be open."""

    key_requests_per_minute: int | None = Field(
        default=None, ge=1, le=1_000_000, validation_alias="IMAGEGEN_KEY_REQUESTS_PER_MINUTE"
    )
    """Requests of an API key that has no such rate of its own. Unset: no limit."""
    key_images_per_minute: int | None = Field(
        default=None, ge=1, le=1_000_000, validation_alias="IMAGEGEN_KEY_IMAGES_PER_MINUTE"
    )
    """Images of an API key that has no such rate of its own. Unset: no limit."""
    key_open_jobs: int | None = Field(default=None, ge=1, le=1_000_000, validation_alias="IMAGEGEN_KEY_OPEN_JOBS")
    """Unfinished jobs, at once, of an API key that has no such limit of its own. Unset: no limit."""
    user_requests_per_minute: int | None = Field(
        default=None, ge=1, le=1_000_000, validation_alias="IMAGEGEN_USER_REQUESTS_PER_MINUTE"
    )
    """Requests of each `userId`, whichever keys they come with. Unset: no limit."""
    user_images_per_minute: int | None = Field(
        default=None, ge=1, le=1_000_000, validation_alias="IMAGEGEN_USER_IMAGES_PER_MINUTE"
    )
    """Images of each `userId`, likewise. Unset: no limit."""
    user_open_jobs: int | None = Field(default=None, ge=1, le=1_000_000, validation_alias="IMAGEGEN_USER_OPEN_JOBS")
    """Unfinished jobs, at once, of each `userId`, likewise. Unset: no limit."""


class LimitSettings(Group):
    """The limits of callers' requests. Every refusal names its variable."""

    max_body_bytes: ByteSize = Field(default=ByteSize(2**20), ge=1024, validation_alias="IMAGEGEN_MAX_BODY_BYTES")
    """A larger body is refused with 413; data URIs are counted separately. A batch may have four times as much text."""
    max_upload_bytes: ByteSize = Field(default=ByteSize(20 * 2**20), ge=1, validation_alias="IMAGEGEN_MAX_UPLOAD_BYTES")
    """The largest file that `POST /api/uploads` takes."""
    max_data_uri_bytes: ByteSize = Field(
        default=ByteSize(20 * 2**20), ge=1, validation_alias="IMAGEGEN_MAX_DATA_URI_BYTES"
    )
    """Total length of a request's data URIs."""
    max_batch_bytes: ByteSize = Field(
        default=ByteSize(20 * 2**20), ge=1024, validation_alias="IMAGEGEN_MAX_BATCH_BYTES"
    )
    """The largest body of `POST /api/images/batch`, data URIs included."""
    max_header_bytes: ByteSize = Field(
        default=ByteSize(32 * 2**10), ge=1024, le=2**20, validation_alias="IMAGEGEN_MAX_HEADER_BYTES"
    )
    """Size of the request line and the headers together; more is refused with 431."""
    max_connections: int = Field(default=4096, ge=1, le=60_000, validation_alias="IMAGEGEN_MAX_CONNECTIONS")
    """Connections that are open at once; fewer if `ulimit -n` leaves room for fewer. Beyond that, 503."""
    receive_timeout: Duration = Field(
        default=timedelta(seconds=30), gt=timedelta(0), validation_alias="IMAGEGEN_RECEIVE_TIMEOUT"
    )
    """Time for the headers, and again for the body (one more second for each 64 KiB received); then 408."""
    receive_memory: ByteSize = Field(
        default=ByteSize(256 * 2**20), ge=2**20, validation_alias="IMAGEGEN_RECEIVE_MEMORY"
    )
    """Memory for bodies that are being received, for the whole process; beyond it, large bodies are refused with
    503."""
    max_json_values: int = Field(default=10_000, ge=100, le=10_000, validation_alias="IMAGEGEN_MAX_JSON_VALUES")
    """Number of members and items of all objects and lists in a body; a batch may have ten times as many."""
    max_json_depth: int = Field(default=32, ge=4, le=32, validation_alias="IMAGEGEN_MAX_JSON_DEPTH")
    """Nesting depth of a body; 32 at most."""
    max_prompt_chars: int = Field(default=50_000, ge=1, validation_alias="IMAGEGEN_MAX_PROMPT_CHARS")
    """The longest prompt of any model; a model's own limit may be lower."""
    max_image_urls: int = Field(default=14, ge=1, validation_alias="IMAGEGEN_MAX_IMAGE_URLS")
    """Images in one list of inputs; a model's own limit may be lower."""
    url_schemes: UrlSchemes = Field(default="https,http,data", validation_alias="IMAGEGEN_URL_SCHEMES")
    """Allowed schemes of input URLs."""
    max_waiting: int = Field(default=512, ge=0, validation_alias="IMAGEGEN_MAX_WAITING")
    """Requests that wait for a job or a batch at once; beyond that, requests do not wait: `generate` returns 202 at
    once."""
    max_streams: int = Field(default=512, ge=0, validation_alias="IMAGEGEN_MAX_STREAMS")
    """Event streams that are open at once; more are refused with 503."""
    max_downloads: int = Field(default=128, ge=0, validation_alias="IMAGEGEN_MAX_DOWNLOADS")
    """Images that the service sends at once; more are refused with 503. Links that lead to the bucket do not count."""
    cors_origins: Origins = Field(default="", validation_alias="CORS_ORIGINS")
    """Origins whose pages may call the service, separated by commas. Unset: none."""

    @property
    def largest_body(self) -> int:
        """Bytes of the largest body that is held in memory as a whole. A larger upload goes to a file."""
        return max(self.max_batch_bytes, self.max_body_bytes + self.max_data_uri_bytes)

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes that URLs of inputs may have."""
        return split_list(self.url_schemes)

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may call the service from a browser; empty: CORS is off."""
        return split_list(self.cors_origins)
