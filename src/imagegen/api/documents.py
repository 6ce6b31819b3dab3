"""The error answers of the OpenAPI document, each under application/problem+json."""

from typing import Any, Final

from imagegen.api.schemas import Problem

Responses = dict[int | str, dict[str, Any]]


def _problems(status: int, description: str) -> Responses:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {status: {"description": description, "content": {"application/problem+json": {"schema": schema}}}}


BAD_REQUEST: Final = _problems(400, "The request is wrong; nothing was stored, sent or billed. Every fault is named.")
NOT_FOUND: Final = _problems(404, "There is no such thing.")
CONFLICT: Final = _problems(409, "The Idempotency-Key was used with another body.")
FAL_ERROR: Final = _problems(500, "fal.ai failed; the job is `failed` with the same error, and not charged.")
UNFINISHED: Final = _problems(409, "The job has not ended yet.")
GONE: Final = _problems(410, "The job was deleted.")
TOO_LARGE: Final = _problems(413, "The file is larger than IMAGEGEN_MAX_UPLOAD_BYTES.")
UNSUPPORTED: Final = _problems(415, "Not multipart/form-data, or not a picture.")
UNAVAILABLE: Final = _problems(503, "MongoDB does not answer; nothing was accepted. Try again after `Retry-After`.")
