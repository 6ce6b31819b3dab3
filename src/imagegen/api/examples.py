"""Examples of the OpenAPI document, by the code of a problem and by the name of a schema.

They show what the service really answers: tests provoke each problem and each answer and compare.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from pydantic import JsonValue

from imagegen.api.answers import model_detail, model_summary
from imagegen.registry import Registry

JsonObject = dict[str, JsonValue]
JOB_ID: Final = "01M8232K259GS0AHXP5V3YPEE3"
BATCH_ID: Final = "01M8233T0Q8E6B7Y5D0V9N2KXW"
REQUEST_ID: Final = "5f1c3c9d6bd94bd1a6b5c8a3f9d2e4b7"


def _problem(status: int, code: str, detail: str, **members: JsonValue) -> JsonObject:
    slug = code.replace("_", "-")
    head: JsonObject = {
        "type": f"urn:imagegen:problem:{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return {**head, "code": code, "requestId": REQUEST_ID, **members}


_PROMPT_MISSING: Final = "inputs.prompt is required."
_LIMIT_WRONG: Final = "The query parameter limit must be between 1 and 100."
_MODELS: Final[list[JsonValue]] = ["nano-banana-edit", "flux-pro", "flux-dev", "flux-lora"]
_ALL: Final[Sequence[JsonObject]] = (
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
    _problem(401, "unauthorized", "An API key is needed. Send it in the header Authorization: Bearer ig_…"),
    _problem(403, "user_not_allowed", "This API key may not act for user 'user123', only for: ann."),
    _problem(404, "job_not_found", f"There is no job {JOB_ID}.", jobId=JOB_ID),
    _problem(404, "batch_not_found", f"There is no batch {BATCH_ID}.", batchId=BATCH_ID),
    _problem(404, "image_not_found", f"Job {JOB_ID} is completed and has 1 picture, number 0.", jobId=JOB_ID),
    _problem(
        406,
        "not_acceptable",
        "The answer comes as application/json, which the header Accept rules out. Send Accept: application/json.",
    ),
    _problem(408, "request_timeout", "The body did not arrive within 30 s (IMAGEGEN_RECEIVE_TIMEOUT)."),
    _problem(
        409,
        "idempotency_mismatch",
        f"This Idempotency-Key made job {JOB_ID} from another request. Use a new key for a new request.",
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
        f"Job {JOB_ID} is completed; only one that failed or was cancelled can be tried again.",
        jobId=JOB_ID,
    ),
    _problem(410, "job_deleted", f"Job {JOB_ID} was deleted.", jobId=JOB_ID),
    _problem(
        413,
        "body_too_large",
        "The body is larger than 1048576 bytes, the limit here (IMAGEGEN_MAX_BODY_BYTES). Send a smaller one.",
    ),
    _problem(
        415,
        "unsupported_media_type",
        "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    _problem(415, "unsupported_picture", "The file is of no use: it is no PNG, JPEG, WebP, GIF or AVIF."),
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
        "The model made no picture of it.",
        jobId=JOB_ID,
        falStatus=422,
        falErrorType="no_media_generated",
        retryable=False,
        charged=False,
    ),
    _problem(
        431,
        "headers_too_large",
        "The request line and the headers are larger than 32768 bytes (IMAGEGEN_MAX_HEADER_BYTES).",
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
        "fal.ai does not take requests from this service's account at the moment. The request was not accepted and you "
        "are not charged.",
        jobId=JOB_ID,
        falStatus=403,
        retryable=True,
        charged=False,
    ),
    _problem(
        503,
        "provider_account",
        "fal.ai does not take requests from this service's account at the moment, so nothing new is accepted.",
        retryable=True,
    ),
    _problem(
        500,
        "internal_error",
        "Something went wrong inside imagegen. Its log has the reason, under the requestId of this answer.",
    ),
    _problem(
        503,
        "too_many_streams",
        "As many event streams are open as allowed (IMAGEGEN_MAX_STREAMS). Try later, or poll with ?wait=30.",
    ),
    _problem(
        503, "unavailable", "MongoDB does not answer. Try again after the seconds in Retry-After.", retryable=True
    ),
)
PROBLEMS: Final[Mapping[str, JsonObject]] = {str(problem["code"]): problem for problem in _ALL}
_BY_STATUS: Final = {(problem["code"], problem["status"]): problem for problem in _ALL}

_SHA256: Final = "e7048e0b9d134b6e1a63517ea7e79e2a3cbfde9cf2c3d2c3dfb0a1a7b0f6e1d4"
_IMAGE: Final[JsonObject] = {
    "url": f"https://pictures.example.com/images/user123/2026/11/{JOB_ID}/1-0.jpg",
    "permalink": f"https://imagegen.example.com/api/images/{JOB_ID}/0",
    "key": f"images/user123/2026/11/{JOB_ID}/1-0.jpg",
    "contentType": "image/jpeg",
    "width": 1024,
    "height": 768,
    "sizeBytes": 69187,
    "sha256": _SHA256,
    "nsfw": False,
}
_COST: Final[JsonObject] = {
    "costPerImage": 0.05,
    "numImages": 1,
    "totalCost": 0.05,
    "currency": "USD",
    "providerUnits": 1.0,
    "providerCost": 0.04,
    "source": "billed",
    "providerUnit": "megapixels",
    "providerUnitPrice": 0.04,
    "providerNote": None,
}
_JOB: Final[JsonObject] = {
    "jobId": JOB_ID,
    "type": "image-generation",
    "status": "completed",
    "model": "flux-pro",
    "userId": "user123",
    "inputs": {"prompt": "A professional headshot of a business consultant"},
    "options": {},
    "images": [dict(_IMAGE)],
    "result": {
        "seed": 1844674407,
        "prompt": "A professional headshot of a business consultant",
        "timings": {"inference": 0.8},
        "has_nsfw_concepts": [False],
    },
    "missingImages": [],
    "cost": dict(_COST),
    "error": None,
    "attention": None,
    "waitingFor": None,
    "cancelRequestedAt": None,
    "createdAt": "2026-11-22T16:57:49.381000Z",
    "startedAt": "2026-11-22T16:57:49.392000Z",
    "completedAt": "2026-11-22T16:57:50.483000Z",
    "batchId": None,
    "retryOf": None,
}
_BATCH: Final[JsonObject] = {
    "batchId": BATCH_ID,
    "userId": "user123",
    "status": "running",
    "counts": {"total": 2, "queued": 0, "running": 1, "completed": 1, "failed": 0, "cancelled": 0},
    "cost": {"estimated": 0.1, "charged": 0.05, "currency": "USD"},
    "jobIds": [JOB_ID, "01M8232NZYNNZKQASPQFAWTEJQ"],
    "createdAt": "2026-11-22T16:57:49.381000Z",
}
_BILL_UNKNOWN: Final[JsonObject] = {
    "providerUnits": None,
    "providerCost": None,
    "source": "estimated",
    "providerUnit": None,
    "providerUnitPrice": None,
}
# What is accepted and has not ended, by the name of its schema.
UNFINISHED: Final[Mapping[str, JsonObject]] = {
    "Job": {
        **_JOB,
        "status": "queued",
        "images": [],
        "result": None,
        "cost": {**_COST, **_BILL_UNKNOWN},
        "startedAt": None,
        "completedAt": None,
    },
    "Batch": {
        **_BATCH,
        "counts": {"total": 2, "queued": 2, "running": 0, "completed": 0, "failed": 0, "cancelled": 0},
        "cost": {"estimated": 0.1, "charged": 0.0, "currency": "USD"},
    },
}
CANCELLING: Final[Mapping[str, JsonObject]] = {
    "Job": {
        **UNFINISHED["Job"],
        "status": "running",
        "startedAt": "2026-11-22T16:57:49.392000Z",
        "cancelRequestedAt": "2026-11-22T16:57:50.112000Z",
    },
    "Batch": {
        **UNFINISHED["Batch"],
        "counts": {"total": 2, "queued": 0, "running": 1, "completed": 0, "failed": 0, "cancelled": 1},
    },
}
_FIGURES: Final[JsonObject] = {
    "jobs": 21,
    "completed": 20,
    "failed": 1,
    "images": 24,
    "charged": 1.2,
    "providerCost": 0.96,
    "knownProviderCost": 0.96,
    "margin": 0.24,
    "unpricedJobs": 0,
}
_UP: Final[JsonObject] = {"status": "up", "reason": None}
_SCHEMAS: Final[Mapping[str, JsonObject]] = {
    "Job": _JOB,
    "JobEvent": {
        "jobId": JOB_ID,
        "version": 4,
        "status": "running",
        "stage": "generating",
        "queuePosition": None,
        "logs": ["10 of 28 steps"],
        "imagesStored": None,
        "imagesTotal": None,
        "waitingFor": None,
        "job": None,
    },
    "Batch": _BATCH,
    "JobList": {"jobs": [dict(_JOB)], "nextCursor": None},
    "WebhookEvent": {"type": "job.completed", "timestamp": "2026-11-22T16:57:50.483000Z", "data": dict(_JOB)},
    "DeliveryList": {
        "deliveries": [
            {
                "id": f"msg_{JOB_ID}_7",
                "event": "job.completed",
                "receiver": "https://example.com",
                "state": "pending",
                "createdAt": "2026-11-22T16:57:50.483000Z",
                "nextAttemptAt": "2026-11-22T16:57:55.912000Z",
                "attempts": [
                    {
                        "at": "2026-11-22T16:57:50.514000Z",
                        "outcome": "refused",
                        "status": 503,
                        "answer": "Back in a minute.",
                    }
                ],
            }
        ]
    },
    "Upload": {
        "url": f"https://pictures.example.com/inputs/user123/{_SHA256}.png",
        "key": f"inputs/user123/{_SHA256}.png",
        "contentType": "image/png",
        "width": 320,
        "height": 200,
        "sizeBytes": 41234,
        "sha256": _SHA256,
    },
    "Estimate": {
        "costPerImage": 0.05,
        "totalCost": 0.5,
        "numImages": 10,
        "currency": "USD",
        "explanation": ["The model costs $0.05 per image.", "10 images.", "Together $0.50."],
        "factors": [
            {"kind": "costPerImage", "value": 0.05, "parameter": None, "given": None},
            {"kind": "images", "value": 10.0, "parameter": "num_images", "given": 10},
        ],
        "warnings": [
            {"pointer": "/inputs/prompt", "code": "missing", "message": "inputs.prompt is required."},
            {
                "pointer": "/options/num_images",
                "code": "out_of_range",
                "message": "options.num_images must be between 1 and 4. Send 3 requests, or one batch of them.",
            },
        ],
    },
    "Usage": {
        "userId": "user123",
        "from": "2026-11-01",
        "to": None,
        "groupBy": "model",
        "currency": "USD",
        "total": dict(_FIGURES),
        "rows": [{**_FIGURES, "model": "flux-pro", "day": None, "month": None}],
    },
    "Liveness": {"status": "live"},
    "Health": {"status": "ready", "servers": {name: dict(_UP) for name in ("mongodb", "s3", "nats", "fal")}},
}


def problem_example(code: str, status: int) -> JsonObject:
    """The problem of this code, as it is answered under this status."""
    return _BY_STATUS.get((code, status), PROBLEMS[code]) | {"status": status, "title": HTTPStatus(status).phrase}


def schema_examples(registry: Registry) -> Mapping[str, JsonObject]:
    """An example for each schema that is a whole body; those of models are the catalog's own."""
    model = next(iter(registry.models.values()))
    summary = model_summary(model).model_dump(mode="json")
    request = {name: value for name, value in model.example().items() if name != "userId"}
    return {
        **_SCHEMAS,
        "BatchRequest": {"requests": [request, dict(request)], "userId": "user123"},
        "ModelList": {"models": [summary]},
        "ModelDetail": model_detail(model).model_dump(mode="json"),
    }
