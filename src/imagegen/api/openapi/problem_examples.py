"""Examples of problems, one for each code. Tests provoke each problem and compare it with its example."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from pydantic import JsonValue

from imagegen.api.openapi.examples import BATCH_ID, BUDGET_ID, JOB_ID, KEY_ID, Example

_REQUEST_ID: Final = "5f1c3c9d6bd94bd1a6b5c8a3f9d2e4b7"


def _problem(status: int, code: str, detail: str, **members: JsonValue) -> Example:
    slug = code.replace("_", "-")
    head: Example = {
        "type": f"urn:imagegen:problem:{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return {**head, "code": code, "requestId": _REQUEST_ID, **members}


_PROMPT_MISSING: Final = "inputs.prompt is required."
_LIMIT_WRONG: Final = "The query parameter limit must be between 1 and 100."
_GRANT_WRONG: Final = "users must be given: your own key is not for all users."
_RETIRED: Final = "The model 'flux-old' is retired since 2026-11-01. Use 'flux-pro' instead."
_ENTRY_WRONG: Final = "models.yaml:3: poster.costPerImage: expected a positive number"
_MODELS: Final[list[JsonValue]] = ["nano-banana-edit", "flux-pro", "flux-dev", "flux-lora"]
_ALL: Final[Sequence[Example]] = (
    _problem(
        400,
        "invalid_input",
        _PROMPT_MISSING,
        errors=[{"pointer": "/inputs/prompt", "code": "missing", "message": _PROMPT_MISSING}],
        missing=["prompt"],
    ),
    _problem(
        400,
        "invalid_query",
        _LIMIT_WRONG,
        errors=[{"pointer": "limit", "code": "out_of_range", "message": _LIMIT_WRONG, "location": "query"}],
    ),
    _problem(
        400,
        "unknown_model",
        f"There is no model 'flux-prp'. Did you mean 'flux-pro'? Valid models: {', '.join(map(str, _MODELS))}.",
        validModels=_MODELS,
        suggestion="flux-pro",
    ),
    _problem(401, "unauthorized", "An API key is required. Send it in the header Authorization: Bearer ig_…"),
    _problem(403, "insufficient_scope", "This needs the scope 'generate'; the caller has: read."),
    _problem(403, "user_not_allowed", "This API key may not act for user 'user123', only for: ann."),
    _problem(
        403,
        "grant_not_allowed",
        _GRANT_WRONG,
        errors=[{"pointer": "/users", "code": "not_allowed", "message": _GRANT_WRONG, "valid": ["ann"]}],
    ),
    _problem(
        403,
        "beyond_rate",
        "This asks for 4 images at once, but key-images permits 3 a minute, so it can never pass. Ask for fewer at "
        "once.",
        retryable=False,
    ),
    _problem(404, "key_not_found", f"There is no API key {KEY_ID}.", keyId=KEY_ID),
    _problem(409, "key_revoked", f"API key {KEY_ID} is revoked for good. Create another one.", keyId=KEY_ID),
    _problem(409, "key_expired", f"API key {KEY_ID} has expired. Change its expiresAt first.", keyId=KEY_ID),
    _problem(
        409,
        "key_conflict",
        f"API key {KEY_ID} is being changed by other requests. Nothing was changed; try again.",
        keyId=KEY_ID,
        retryable=True,
    ),
    _problem(
        409,
        "too_many_keys",
        "There are 10000 API keys already, and no more are possible. Revoke one first.",
    ),
    _problem(
        402,
        "budget_exceeded",
        "The request may cost 0.05 USD, and its budget does not allow that: 'Ann in a month' has 0.02 USD left.",
        budgets=[
            {
                "id": BUDGET_ID,
                "name": "Ann in a month",
                "limit": 25.0,
                "used": 24.93,
                "reserved": 0.05,
                "remaining": 0.02,
                "estimate": 0.05,
                "resetsAt": "2026-12-01T00:00:00Z",
            }
        ],
    ),
    _problem(
        422,
        "catalog_refused",
        f"The catalog stays as it is, because its files cannot be used:\n{_ENTRY_WRONG}",
        errors=[{"pointer": "poster.costPerImage", "code": "invalid", "message": _ENTRY_WRONG, "location": "catalog"}],
    ),
    _problem(404, "budget_not_found", f"There is no budget {BUDGET_ID}.", budgetId=BUDGET_ID),
    _problem(409, "budget_deleted", f"Budget {BUDGET_ID} is deleted for good. Create another one.", budgetId=BUDGET_ID),
    _problem(
        409,
        "budget_conflict",
        f"Budget {BUDGET_ID} is being changed by other requests. Nothing was changed; try again.",
        budgetId=BUDGET_ID,
        retryable=True,
    ),
    _problem(
        409,
        "too_many_budgets",
        "There are 1000 budgets already, and no more are possible. Delete one first.",
    ),
    _problem(404, "job_not_found", f"There is no job {JOB_ID}.", jobId=JOB_ID),
    _problem(404, "batch_not_found", f"There is no batch {BATCH_ID}.", batchId=BATCH_ID),
    _problem(404, "image_not_found", f"Job {JOB_ID} is completed and has 1 image, number 0.", jobId=JOB_ID),
    _problem(
        406,
        "not_acceptable",
        "The response is application/json, which the Accept header rules out. Send Accept: application/json.",
    ),
    _problem(408, "request_timeout", "The body did not arrive within 30 s (IMAGEGEN_RECEIVE_TIMEOUT)."),
    _problem(
        409,
        "idempotency_mismatch",
        f"This Idempotency-Key was used for job {JOB_ID} with a different request. Use a new key.",
        jobId=JOB_ID,
    ),
    _problem(409, "job_finished", f"Job {JOB_ID} has already completed; nothing is left to cancel.", jobId=JOB_ID),
    _problem(
        409,
        "job_unfinished",
        f"Job {JOB_ID} has not ended yet. Wait for its end, or cancel it first.",
        jobId=JOB_ID,
        retryable=True,
    ),
    _problem(
        409,
        "not_to_be_retried",
        f"Job {JOB_ID} is completed; only a failed or cancelled job can be retried.",
        jobId=JOB_ID,
    ),
    _problem(410, "job_deleted", f"Job {JOB_ID} was deleted.", jobId=JOB_ID),
    _problem(
        410,
        "model_retired",
        _RETIRED,
        retryable=False,
        errors=[
            {"pointer": "/model", "code": "gone", "message": _RETIRED, "valid": ["flux-pro"], "suggestion": "flux-pro"}
        ],
    ),
    _problem(
        413,
        "body_too_large",
        "The body is larger than 1048576 bytes, the limit for this path (IMAGEGEN_MAX_BODY_BYTES). Send a smaller one.",
    ),
    _problem(
        415,
        "unsupported_media_type",
        "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    _problem(
        415,
        "unsupported_picture",
        "The file cannot be used: its bytes are not an image; send a PNG, JPEG, WebP, GIF or AVIF image.",
    ),
    _problem(
        422,
        "input_refused",
        "The content could not be processed because it was flagged by a content checker.",
        jobId=JOB_ID,
        falStatus=422,
        falErrorType="content_policy_violation",
        retryable=False,
        charged=False,
    ),
    _problem(
        422,
        "output_refused",
        "The model generated no image.",
        jobId=JOB_ID,
        falStatus=422,
        falErrorType="no_media_generated",
        retryable=False,
        charged=False,
    ),
    _problem(
        429,
        "rate_limited",
        "Too many requests or images in a minute: key-requests (60 a minute). Try again after the number of seconds in "
        "Retry-After.",
        limits=[{"name": "key-requests", "limit": 60, "remaining": 0, "freeAt": "2026-11-22T16:57:50Z"}],
        retryable=True,
    ),
    _problem(404, "link_not_found", "There is no such link. Copy it whole, or read the job again for a new one."),
    _problem(410, "link_ended", "This link has ended: it has expired, or its image was deleted."),
    _problem(410, "image_gone", "The image is no longer in the bucket."),
    _problem(416, "range_not_satisfiable", "The image has 69187 bytes, and none of them is in the range."),
    _problem(
        431,
        "headers_too_large",
        "The request line and the headers have more than 32768 bytes, the limit of this service "
        "(IMAGEGEN_MAX_HEADER_BYTES), or more than 256 lines.",
    ),
    _problem(
        500,
        "provider_rejected",
        "body.image_url: Failed to load the image.",
        jobId=JOB_ID,
        falStatus=422,
        falErrorType="image_load_error",
        retryable=False,
        charged=False,
    ),
    _problem(
        500,
        "provider_account",
        "fal.ai currently refuses requests from this service's account. The request was not accepted, and you are not "
        "charged.",
        jobId=JOB_ID,
        falStatus=403,
        retryable=True,
        charged=False,
    ),
    _problem(
        503,
        "provider_account",
        "fal.ai currently refuses requests from this service's account, so nothing new is accepted.",
        retryable=True,
    ),
    _problem(
        500,
        "internal_error",
        "An unexpected error inside imagegen. Its log has the cause, under the requestId of this response.",
    ),
    _problem(
        503,
        "too_many_streams",
        "Too many event streams are open (IMAGEGEN_MAX_STREAMS), or too many of yours: some are kept for other "
        "callers. Try again later, or poll with ?wait=30.",
    ),
    _problem(
        503,
        "unavailable",
        "MongoDB does not answer. Try again after the number of seconds in Retry-After.",
        retryable=True,
    ),
)
PROBLEMS: Final[Mapping[str, Example]] = {str(problem["code"]): problem for problem in _ALL}
_BY_STATUS: Final = {(problem["code"], problem["status"]): problem for problem in _ALL}


def problem_example(code: str, status: int) -> Example:
    """The problem with this code, as a response with this status."""
    return _BY_STATUS.get((code, status), PROBLEMS[code]) | {"status": status, "title": HTTPStatus(status).phrase}
