"""The `webhooks` of the OpenAPI document: the request that receivers get."""

from collections.abc import Mapping
from typing import Any, Final

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
    """Describe the webhooks, and add the schema of their payload.

    The service sends `WebhookEvent`, so its schema is the serialization schema, although it is a request body here.
    """
    schema = WebhookEvent.model_json_schema(mode="serialization", ref_template=references + "{model}")
    schema.pop("$defs")
    schemas[WebhookEvent.__name__] = schema
    content = {
        "schema": {"$ref": references + WebhookEvent.__name__},
        "examples": {"completed": {"value": examples[WebhookEvent.__name__]}},
    }
    operation = {
        "operationId": "jobEnded",
        "tags": ["webhooks"],
        "summary": "A job has ended",
        "description": "Sent to the `webhookUrl` of the request, signed as Standard Webhooks defines; verify it with "
        "one of its libraries. It may arrive more than once, with the same `webhook-id`, and in any order.",
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _ANSWERS,
        "security": [],
        # openapi-generator would generate a client method for it, but clients never call it.
        "x-internal": True,
    }
    return {"jobEnded": {"post": operation}}
