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
UNCHANGED: Final[Responses] = {304: {"description": "What you have is up to date: its ETag came in If-None-Match."}}
REFUSED: Final = _problems(
    422, "Moderation refused the input or the output (`input_refused`, `output_refused`). A retry would not help."
)
FAL_ERROR: Final = _problems(500, "fal.ai failed; the job is `failed` with the same error, and not charged.")
UNAVAILABLE: Final = _problems(503, "MongoDB does not answer; nothing was accepted. Try again after `Retry-After`.")
EDGES: Final = {
    **_problems(406, "The header Accept rules out every type that this answer has."),
    **_problems(408, "The request did not arrive in time (IMAGEGEN_RECEIVE_TIMEOUT)."),
    **_problems(431, "The request line and the headers are too large (IMAGEGEN_MAX_HEADER_BYTES)."),
}
EDGES_OF_BODIES: Final = {
    **_problems(413, "The body is too large (IMAGEGEN_MAX_BODY_BYTES)."),
    **_problems(415, "The body is not declared as application/json, or it is compressed."),
}
