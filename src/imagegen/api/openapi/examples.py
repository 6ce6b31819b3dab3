"""Examples of the document's schemas. Tests compare the service's real responses with them."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import JsonValue

from imagegen.api.openapi.running_examples import RUNNING
from imagegen.registry import Model, Registry
from imagegen.wire.model_serializers import model_detail, model_summary

Example = dict[str, JsonValue]
JOB_ID: Final = "01M8232K259GS0AHXP5V3YPEE3"
BATCH_ID: Final = "01M8233T0Q8E6B7Y5D0V9N2KXW"
KEY_ID: Final = "ab12cd34ef"
KEY_CURSOR: Final = f"1795366669381-{KEY_ID}"
BUDGET_ID: Final = "01M8234QW3Q4S6B1JX6Z7T0RND"
LEDGER_CURSOR: Final = f"1795366669381-{BUDGET_ID}/2026-11-01/user123/{JOB_ID}/1/reserve"
_FIRST: Final = ("flux-pro", "flux-dev")
DEFAULT_USER: Final = "With an API key that has a default user it may be left out."

_SHA256: Final = "e7048e0b9d134b6e1a63517ea7e79e2a3cbfde9cf2c3d2c3dfb0a1a7b0f6e1d4"
_IMAGE: Final[Example] = {
    "url": f"https://pictures.example.com/images/user123/2026/11/{JOB_ID}/1-0.jpg",
    "permalink": f"https://imagegen.example.com/api/images/{JOB_ID}/0",
    "link": "https://imagegen.example.com/i/AQGiIU3q…",
    "key": f"images/user123/2026/11/{JOB_ID}/1-0.jpg",
    "contentType": "image/jpeg",
    "width": 1024,
    "height": 768,
    "sizeBytes": 69187,
    "sha256": _SHA256,
    "role": "image",
    "nsfw": False,
}
_COST: Final[Example] = {
    "costPerImage": 0.05,
    "numImages": 1,
    "requestCost": 0.0,
    "totalCost": 0.05,
    "maxCost": 0.05,
    "currency": "USD",
    "providerUnits": 1.0,
    "providerCost": 0.04,
    "source": "billed",
    "providerUnit": "megapixels",
    "providerUnitPrice": 0.04,
    "providerNote": None,
}
_JOB: Final[Example] = {
    "jobId": JOB_ID,
    "status": "completed",
    "images": [dict(_IMAGE)],
    "cost": dict(_COST),
    "error": None,
    "model": "flux-pro",
    "inputs": {"prompt": "A professional headshot of a business consultant"},
    "options": {},
    "userId": "user123",
    "result": {
        "seed": 1844674407,
        "prompt": "A professional headshot of a business consultant",
        "timings": {"inference": 0.8},
        "has_nsfw_concepts": [False],
    },
    "missingImages": [],
    "waitingFor": None,
    "attention": None,
    "createdAt": "2026-11-22T16:57:49.381000Z",
    "startedAt": "2026-11-22T16:57:49.392000Z",
    "completedAt": "2026-11-22T16:57:50.483000Z",
    "cancelRequestedAt": None,
    "budgets": [],
    "batchId": None,
    "retryOf": None,
    "type": "image-generation",
}
_BATCH: Final[Example] = {
    "batchId": BATCH_ID,
    "userId": "user123",
    "status": "running",
    "counts": {"total": 2, "queued": 0, "running": 1, "completed": 1, "failed": 0, "cancelled": 0},
    "cost": {"estimated": 0.1, "charged": 0.05, "currency": "USD"},
    "jobIds": [JOB_ID, "01M8232NZYNNZKQASPQFAWTEJQ"],
    "refused": [],
    "createdAt": "2026-11-22T16:57:49.381000Z",
}
_BILL_UNKNOWN: Final[Example] = {
    "providerUnits": None,
    "providerCost": None,
    "source": "estimated",
    "providerUnit": None,
    "providerUnitPrice": None,
}
# What is accepted and has not ended, by the name of its schema.
UNFINISHED: Final[Mapping[str, Example]] = {
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
CANCELLING: Final[Mapping[str, Example]] = {
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
_FIGURES: Final[Example] = {
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
_KEY: Final[Example] = {
    "id": KEY_ID,
    "name": "Ann's shop",
    "users": ["user123"],
    "models": None,
    "allModels": True,
    "scopes": ["generate", "read"],
    "defaultUser": "user123",
    "allowedTags": None,
    "requiredTags": None,
    "rates": {"requestsPerMinute": 60, "imagesPerMinute": 200, "openJobs": 20},
    "createdAt": "2026-11-22T16:57:49.381000Z",
    "expiresAt": None,
    "revokedAt": None,
    "lastUsedAt": None,
}
_LEFT: Final[Example] = {"limit": 25.0, "used": 24.2, "reserved": 0.05, "remaining": 0.75}
_BUDGET_STATE: Final[Example] = {
    "id": BUDGET_ID,
    "name": "Ann in a month",
    **_LEFT,
    "resetsAt": "2026-12-01T00:00:00Z",
    "hard": True,
}
_BUDGET: Final[Example] = {
    "id": BUDGET_ID,
    "name": "Ann in a month",
    "scope": {"kind": "user", "value": "user123"},
    "amount": 25.0,
    "currency": "USD",
    "counts": "charge",
    "period": "month",
    "timeZone": "UTC",
    "models": None,
    "alerts": [50, 80, 100],
    "hard": True,
    "webhookUrl": None,
    "createdAt": "2026-11-22T16:57:49.381000Z",
    "deletedAt": None,
    "adjustments": [],
    **_LEFT,
    "overBy": 0.0,
    "resetsAt": "2026-12-01T00:00:00Z",
    "holders": [],
}
_SCHEMAS: Final[Mapping[str, Example]] = {
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
    "BudgetEvent": {
        "type": "budget.alert",
        "timestamp": "2026-11-22T16:57:50.483000Z",
        "data": {
            "budgetId": BUDGET_ID,
            "name": "Ann's shop in a month",
            "holder": "user123",
            "percent": 80,
            "limit": 25.0,
            "used": 19.9,
            "reserved": 0.1,
            "resetsAt": "2026-12-01T00:00:00Z",
        },
    },
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
        "requestCost": 0.0,
        "totalCost": 0.5,
        "maxCost": 0.5,
        "exact": True,
        "numImages": 10,
        "currency": "USD",
        "explanation": ["The model costs $0.05 per image.", "10 images.", "Total: $0.50."],
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
        "budgets": [dict(_BUDGET_STATE)],
    },
    "Usage": {
        "userId": "user123",
        "from": "2026-11-01",
        "to": None,
        "groupBy": "model",
        "currency": "USD",
        "total": dict(_FIGURES),
        "rows": [{**_FIGURES, "model": "flux-pro", "day": None, "month": None, "userId": None}],
        "omittedRows": 0,
    },
    "ApiKey": _KEY,
    "IssuedApiKey": {**_KEY, "token": f"ig_{KEY_ID}_{'A1b2C3d4E5' * 4}xyz"},
    "ApiKeyList": {"keys": [dict(_KEY)], "nextCursor": None},
    "CreateKeyRequest": {"name": "Ann's shop", "users": ["user123"], "defaultUser": "user123"},
    "ChangeKeyRequest": {"users": None, "scopes": ["read"]},
    "Budget": _BUDGET,
    "BudgetList": {"budgets": [dict(_BUDGET)], "nextCursor": None},
    "CreateBudgetRequest": {
        "name": "Ann in a month",
        "scope": {"kind": "user", "value": "user123"},
        "amount": 25,
        "period": "month",
    },
    "ChangeBudgetRequest": {"amount": 40, "models": None},
    "AdjustBudgetRequest": {"amount": 10, "reason": "More for the trade fair"},
    "BudgetLedger": {
        "entries": [
            {
                "id": f"{BUDGET_ID}/2026-11-01/user123/{JOB_ID}/1/reserve",
                "at": "2026-11-22T16:57:49.381000Z",
                "kind": "reserve",
                "amount": 0.05,
                "reserved": None,
                "holder": "user123",
                "period": "2026-11-01",
                "jobId": JOB_ID,
                "reason": None,
            }
        ],
        "nextCursor": None,
    },
    "AuditTrail": {
        "entries": [
            {
                "id": JOB_ID,
                "at": "2026-11-22T16:57:49.381000Z",
                "actor": "cd34ef56gh",
                "action": "key.changed",
                "keyId": KEY_ID,
                "budgetId": None,
                "changes": {"name": {"from": "Ann", "to": "Ann's shop"}},
            }
        ],
        "nextCursor": None,
    },
    **RUNNING,
}


def schema_examples(registry: Registry) -> Mapping[str, Example]:
    """An example for each schema that is a whole body, except those of models' requests."""
    models = sorted(registry.models.values(), key=lambda model: simplicity(model.example()))
    first, second = models[0], models[min(1, len(models) - 1)]
    return {
        **_SCHEMAS,
        "BatchRequest": {"requests": [_as_item(first.example()), _as_item(second.example())], "userId": "user123"},
        "ModelList": {"models": [model_summary(first).model_dump(mode="json")], "unpriced": []},
        **_example_of_detail(models),
    }


def _example_of_detail(models: Iterable[Model]) -> Mapping[str, Example]:
    """The first model whose JSON Schemas have no `$ref`: openapi-ts would resolve it even within an example."""
    details = (model_detail(model).model_dump(mode="json") for model in models)
    found = next((detail for detail in details if "$ref" not in str(detail)), None)
    return {"ModelDetail": found} if found else {}


def _as_item(request: Mapping[str, JsonValue]) -> Example:
    """The request in a batch, which has the user once."""
    return {name: value for name, value in request.items() if name != "userId"}


def simplicity(example: Mapping[str, JsonValue]) -> tuple[int, bool, int]:
    """Sorts requests: the models that the guides begin with, what names nothing elsewhere, then the shorter ones."""
    text, model = str(example), str(example.get("model"))
    return _FIRST.index(model) if model in _FIRST else len(_FIRST), "://" in text, len(text)
