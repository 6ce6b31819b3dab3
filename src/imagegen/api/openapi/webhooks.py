"""The `webhooks` of the OpenAPI document: the requests that receivers get."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from imagegen.wire.budget_event_schemas import BudgetEvent
from imagegen.wire.webhook_schemas import WebhookEvent

Node = dict[str, Any]


def _header(name: str, description: str, **schema: str) -> Node:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}


_HEADERS: Final = [
    _header("webhook-id", "The same at every attempt: ignore a repeat.", type="string"),
    _header("webhook-timestamp", "Seconds since 1970; refuse it if it is more than 5 minutes off.", type="integer"),
    _header(
        "webhook-signature",
        "`v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`; one per live secret, separated by spaces.",
        type="string",
    ),
]
_ANSWERS: Final = {
    "2XX": {"description": "Received. Respond within 15 seconds."},
    "410": {"description": "No longer wanted: this delivery is not retried."},
    "default": {"description": "Any other status, redirects included, is retried for 24 hours."},
}


def webhooks(schemas: dict[str, Node], examples: Mapping[str, Any], references: str) -> Node:
    """Describe the webhooks, and add the schemas of their payloads."""
    return {
        "jobEnded": _webhook(
            "jobEnded",
            "A job has ended",
            "Sent to the `webhookUrl` of the request, signed as Standard Webhooks defines; verify it with "
            "one of its libraries. It may arrive more than once, with the same `webhook-id`, and in any order.",
            _payload(WebhookEvent, schemas, examples, references),
        ),
        "budgetReached": _webhook(
            "budgetReached",
            "A budget has reached a percentage, or has refused a request",
            "Sent to the `webhookUrl` of the budget, signed as those of jobs: `budget.alert` once in a period for each "
            "of its `alerts`, and `budget.refused` at most hourly.",
            _payload(BudgetEvent, schemas, examples, references),
        ),
    }


def _payload(kind: type[BaseModel], schemas: dict[str, Node], examples: Mapping[str, Any], references: str) -> Node:
    """The content of a request that sends such an event.

    The service sends it, so its schema is the serialization schema, although it is a request body here.
    """
    schema = kind.model_json_schema(mode="serialization", ref_template=references + "{model}")
    parts = schema.pop("$defs")
    schemas[kind.__name__] = schema
    for name, part in parts.items():
        schemas.setdefault(name, part)
    return {
        "schema": {"$ref": references + kind.__name__},
        "examples": {"event": {"value": examples[kind.__name__]}},
    }


def _webhook(operation_id: str, summary: str, description: str, content: Node) -> Node:
    operation = {
        "operationId": operation_id,
        "tags": ["webhooks"],
        "summary": summary,
        "description": description,
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _ANSWERS,
        "security": [],
        # openapi-generator would generate a client method for it, but clients never call it.
        "x-internal": True,
    }
    return {"post": operation}
