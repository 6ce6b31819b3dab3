"""The error answers of the OpenAPI document, each under application/problem+json."""

from typing import Any, Final

from imagegen.api.schemas import Problem

Responses = dict[int | str, dict[str, Any]]


def _problems(status: int, description: str) -> Responses:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {status: {"description": description, "content": {"application/problem+json": {"schema": schema}}}}


BAD_REQUEST: Final = _problems(400, "The request is wrong; nothing was stored, sent or billed. Every fault is named.")
UNAUTHORIZED: Final = _problems(401, "An API key is needed, or the one given is not valid.")
FORBIDDEN: Final = _problems(403, "The API key may not act for this user, or not use this model.")
NOT_FOUND: Final = _problems(404, "There is no such thing.")
CONFLICT: Final = _problems(409, "The Idempotency-Key was used with another body.")
FAL_ERROR: Final = _problems(500, "fal.ai failed; the job is `failed` with the same error, and not charged.")
UNAVAILABLE: Final = _problems(503, "MongoDB does not answer; nothing was accepted. Try again after `Retry-After`.")
