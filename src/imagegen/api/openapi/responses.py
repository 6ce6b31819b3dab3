"""Responses that operations of the OpenAPI document share: problems under their own media type, and headers."""

from collections.abc import Mapping
from typing import Any, Final

from imagegen.api.openapi.problem_examples import problem_example
from imagegen.wire.problem_schemas import Problem

Responses = dict[int | str, dict[str, Any]]
Headers = Mapping[str, Mapping[str, Any]]

EVENT_STREAM: Final = "text/event-stream"
LOCATION: Final[Headers] = {
    "Location": {
        "description": "The path of the job or the batch, to check on it.",
        "schema": {"type": "string", "examples": ["/api/jobs/01M8232K259GS0AHXP5V3YPEE3"]},
    }
}
KEY_LOCATION: Final[Headers] = {
    "Location": {
        "description": "The path of the key.",
        "schema": {"type": "string", "examples": ["/api/keys/ab12cd34ef"]},
    }
}
BUDGET_LOCATION: Final[Headers] = {
    "Location": {
        "description": "The path of the budget.",
        "schema": {"type": "string", "examples": ["/api/budgets/01M8234QW3Q4S6B1JX6Z7T0RND"]},
    }
}
RETRY_AFTER: Final[Headers] = {
    "Retry-After": {
        "description": "Seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 1, "examples": [5]},
    }
}
CHALLENGE: Final[Headers] = {
    "WWW-Authenticate": {"description": "Always the Bearer scheme.", "schema": {"type": "string"}}
}
REPLAYED: Final[Headers] = {
    "Idempotent-Replayed": {
        "description": "Present if an earlier request with this Idempotency-Key created what is returned.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
OF_ALL_ORIGINS: Final[Headers] = {
    "Access-Control-Allow-Origin": {
        "description": "`*`: pages of any origin may read what a link leads to.",
        "schema": {"type": "string"},
    }
}
_SIZE: Final[Headers] = {
    "Content-Range": {"description": "`bytes */` and the image's size.", "schema": {"type": "string"}}
}
PREFERENCE: Final[Headers] = {
    "Preference-Applied": {
        "description": "The `Prefer` values that were applied.",
        "schema": {"type": "string", "examples": ["respond-async"]},
    }
}


def problems(status: int, description: str, *codes: str, headers: Headers | None = None) -> Responses:
    """An error response, with an example of each code that it may have."""
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
    if codes:
        content["examples"] = {code: {"value": problem_example(code, status)} for code in codes}
    response = {"description": description, "content": {"application/problem+json": content}}
    return {status: response | ({"headers": dict(headers)} if headers else {})}


_WRONG: Final = "The request is invalid; nothing was stored, sent or billed. Every fault is listed."
_DEFECT: Final = "An unexpected error inside imagegen."

BAD_REQUEST: Final = problems(400, _WRONG, "invalid_input", "unknown_model")
INVALID_INPUT: Final = problems(400, _WRONG, "invalid_input")
INVALID_ADJUSTMENT: Final = problems(400, _WRONG, "invalid_input", "invalid_query")
BAD_QUERY: Final = problems(400, _WRONG, "invalid_query")
UNAUTHORIZED: Final = problems(
    401, "An API key is required, or the given one is not valid.", "unauthorized", headers=CHALLENGE
)
INSUFFICIENT_SCOPE: Final = problems(
    403, "The API key lacks the scope that this needs.", "insufficient_scope", headers=CHALLENGE
)
FORBIDDEN: Final = problems(
    403,
    "The API key lacks the scope that this needs, or may not act for this user, or use this model.",
    "insufficient_scope",
    "user_not_allowed",
    headers=CHALLENGE,
)
BEYOND_KEY: Final = problems(
    403,
    "The API key lacks the scope that this needs, or may not act for this user, or use this model. Or the request is "
    "for more at once than the rate of the key or of the user permits in a minute.",
    "insufficient_scope",
    "user_not_allowed",
    "beyond_rate",
    headers=CHALLENGE,
)
TOO_FAST: Final = problems(
    429,
    "The key or the user has used up its rate; `limits` names each. Nothing was accepted. Try again after "
    "`Retry-After`.",
    "rate_limited",
    headers=RETRY_AFTER,
)
NOT_FOUND: Final = problems(404, "No such job.", "job_not_found")
CATALOG_REFUSED: Final = problems(
    422, "The files of the catalog have faults; `errors` lists each. Nothing has changed.", "catalog_refused"
)
KEY_NOT_FOUND: Final = problems(404, "No such key, or your own key could not grant it.", "key_not_found")
BEYOND_OWN_KEY: Final = problems(
    403,
    "Your own key lacks the scope `admin`, or may not grant so much.",
    "insufficient_scope",
    "grant_not_allowed",
    headers=CHALLENGE,
)
KEY_NOT_CREATED: Final = problems(
    409,
    "There are as many keys as there may be, or the Idempotency-Key was used with another body.",
    "too_many_keys",
    "idempotency_mismatch",
)
NOT_TO_BE_CHANGED: Final = problems(
    409, "The key is revoked, or other requests change it at the same time.", "key_revoked", "key_conflict"
)
NOT_TO_BE_ROTATED: Final = problems(
    409,
    "The key is revoked or has expired, or other requests change it at the same time. Or the Idempotency-Key was used "
    "for another request.",
    "key_revoked",
    "key_expired",
    "key_conflict",
    "idempotency_mismatch",
)
BUDGET_EXCEEDED: Final = problems(
    402,
    "Budgets have no room for what the request can cost. Nothing was stored, sent or billed. Do not repeat it before a "
    "budget begins anew (`resetsAt`) or is raised.",
    "budget_exceeded",
)
BUDGET_NOT_FOUND: Final = problems(404, "No such budget, or your own key may not manage it.", "budget_not_found")
BUDGET_NOT_CREATED: Final = problems(
    409,
    "There are as many budgets as there may be, or the Idempotency-Key was used with another body.",
    "too_many_budgets",
    "idempotency_mismatch",
)
BUDGET_CONFLICT: Final = problems(409, "Other requests change the budget at the same time.", "budget_conflict")
BUDGET_NOT_CHANGED: Final = problems(
    409, "The budget is deleted, or other requests change it at the same time.", "budget_deleted", "budget_conflict"
)
BUDGET_NOT_ADJUSTED: Final = problems(
    409,
    "The budget is deleted, or other requests change it at the same time. Or the Idempotency-Key was used for another "
    "request.",
    "budget_deleted",
    "budget_conflict",
    "idempotency_mismatch",
)
BATCH_NOT_FOUND: Final = problems(404, "No such batch.", "batch_not_found")
IMAGE_NOT_FOUND: Final = problems(404, "No such job, or it has no such image.", "job_not_found", "image_not_found")
LINK_NOT_FOUND: Final = problems(404, "No such link.", "link_not_found", headers=OF_ALL_ORIGINS)
MODEL_NOT_FOUND: Final = problems(404, "No such model; the valid names are listed.", "unknown_model")
CONFLICT: Final = problems(409, "The Idempotency-Key was used with another body.", "idempotency_mismatch")
FINISHED: Final = problems(409, "The job has completed or failed; nothing is left to cancel.", "job_finished")
NOT_TO_BE_RETRIED: Final = problems(
    409,
    "The job has not ended, or it has completed. Or the Idempotency-Key was used for another request.",
    "not_to_be_retried",
    "idempotency_mismatch",
)
UNFINISHED: Final = problems(409, "The job has not ended yet.", "job_unfinished", headers=RETRY_AFTER)
GONE: Final = problems(410, "The job was deleted.", "job_deleted")
LINK_ENDED: Final = problems(
    410,
    "The link has expired, its job was deleted, or the image is no longer in the bucket.",
    "link_ended",
    "image_gone",
    headers=OF_ALL_ORIGINS,
)
RETIRED: Final = problems(
    410,
    "The model is retired, and `errors` has its successor; or the Idempotency-Key made a job that was deleted.",
    "model_retired",
    "job_deleted",
)
BATCH_RETIRED: Final = problems(410, "A model is retired; `errors` has its successor.", "model_retired")
NOT_AN_IMAGE: Final = problems(
    415, "Not multipart/form-data, or not an image.", "unsupported_media_type", "unsupported_picture"
)
NO_RANGE: Final = problems(
    416, "No byte of the image is in the range.", "range_not_satisfiable", headers={**_SIZE, **OF_ALL_ORIGINS}
)
UNCHANGED: Final[Responses] = {304: {"description": "Not modified: If-None-Match has the current ETag."}}
REFUSED: Final = problems(
    422,
    "Moderation refused the input or the output. A retry would not help.",
    "input_refused",
    "output_refused",
    headers=LOCATION,
)
INTERNAL_ERROR: Final = problems(500, _DEFECT, "internal_error")
FAL_ERROR: Final = problems(
    500,
    f"fal.ai failed. The job is `failed` with the same error, and not charged. Or: {_DEFECT}",
    "provider_rejected",
    "provider_account",
    "internal_error",
    headers=LOCATION,
)
UNAVAILABLE: Final = problems(
    503,
    "MongoDB does not answer; nothing was accepted. Try again after `Retry-After`.",
    "unavailable",
    headers=RETRY_AFTER,
)
NOT_ACCEPTED: Final = problems(
    503,
    "Nothing was accepted, because MongoDB does not answer or fal.ai refuses this service's account. Try again after "
    "`Retry-After`.",
    "unavailable",
    "provider_account",
    headers=RETRY_AFTER,
)
NO_STREAM: Final = problems(
    503,
    "Too many event streams are open, or MongoDB does not answer. Try again after `Retry-After`.",
    "too_many_streams",
    "unavailable",
    headers=RETRY_AFTER,
)
EDGES: Final = {
    **problems(406, "The Accept header rules out every type of this response.", "not_acceptable"),
    **problems(408, "The request did not arrive in time (IMAGEGEN_RECEIVE_TIMEOUT).", "request_timeout"),
    **problems(431, "The request line and the headers are too large (IMAGEGEN_MAX_HEADER_BYTES).", "headers_too_large"),
}
EDGES_OF_BODIES: Final = {
    **problems(413, "The body is too large (IMAGEGEN_MAX_BODY_BYTES).", "body_too_large"),
    **problems(415, "The body is not declared as JSON, or it is compressed.", "unsupported_media_type"),
}


def inherited_errors(*, has_body: bool, has_query: bool) -> Responses:
    """The errors that every operation has, and those that follow from a body and from a query."""
    of_body = {**BAD_REQUEST, **EDGES_OF_BODIES} if has_body else {}
    of_query = BAD_QUERY if has_query else {}
    return {**INTERNAL_ERROR, **EDGES, **of_query, **of_body}
