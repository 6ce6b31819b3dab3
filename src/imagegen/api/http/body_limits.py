"""How large a request's body may be, and what its JSON may hold."""

from dataclasses import dataclass
from typing import Final

from imagegen.api.http.json_bodies import JsonBounds
from imagegen.api.http.multipart import ENVELOPE, SPOOLED
from imagegen.settings import LimitSettings

# A batch has up to a thousand requests: it may have so many times the text and the values of one request.
_BATCH_TEXT: Final = 4
_BATCH_VALUES: Final = 10


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """The limits of a body.

    Attributes:
        variable: the environment variable that sets `most`.
        most: bytes of the whole body.
        json: what its JSON may hold besides data URIs.
        in_memory: bytes that are held in memory; the rest goes to a file. None if the whole body is held.
    """

    variable: str
    most: int
    json: JsonBounds
    in_memory: int | None = None


def usual_limit(limits: LimitSettings) -> BodyLimit:
    """The limit of a route that declares none."""
    return BodyLimit("IMAGEGEN_MAX_BODY_BYTES", limits.max_body_bytes, _json_bounds(limits))


def data_uri_limit(limits: LimitSettings) -> BodyLimit:
    """The limit of a request that may hold images as data URIs."""
    variable = "IMAGEGEN_MAX_BODY_BYTES + IMAGEGEN_MAX_DATA_URI_BYTES"
    return BodyLimit(variable, limits.max_body_bytes + limits.max_data_uri_bytes, _json_bounds(limits))


def batch_limit(limits: LimitSettings) -> BodyLimit:
    """The limit of a batch."""
    bounds = JsonBounds(
        most_bytes=_BATCH_TEXT * limits.max_body_bytes,
        most_values=_BATCH_VALUES * limits.max_json_values,
        most_levels=limits.max_json_depth,
        bytes_variable=f"{_BATCH_TEXT} times IMAGEGEN_MAX_BODY_BYTES",
        values_variable=f"{_BATCH_VALUES} times IMAGEGEN_MAX_JSON_VALUES",
    )
    return BodyLimit("IMAGEGEN_MAX_BATCH_BYTES", limits.max_batch_bytes, bounds)


def upload_limit(limits: LimitSettings) -> BodyLimit:
    """The limit of an uploaded file, with the form around it."""
    most = limits.max_upload_bytes + ENVELOPE
    return BodyLimit("IMAGEGEN_MAX_UPLOAD_BYTES", most, _json_bounds(limits), SPOOLED)


def _json_bounds(limits: LimitSettings) -> JsonBounds:
    return JsonBounds(
        most_bytes=limits.max_body_bytes,
        most_values=limits.max_json_values,
        most_levels=limits.max_json_depth,
        bytes_variable="IMAGEGEN_MAX_BODY_BYTES",
        values_variable="IMAGEGEN_MAX_JSON_VALUES",
    )
