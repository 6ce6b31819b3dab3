"""The `webhooks` of the OpenAPI document: what receivers are sent, described as an operation of theirs."""

from collections.abc import Mapping
from typing import Any, Final

from imagegen.api.delivery_schemas import WebhookEvent

Node = dict[str, Any]


def _header(name: str, description: str, **schema: str) -> Node:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}


_HEADERS: Final = [
    _header("webhook-id", "The same at every attempt: a repeat is to be ignored.", type="string"),
    _header("webhook-timestamp", "Seconds since 1970; refuse what is 5 minutes off.", type="integer"),
    _header(
        "webhook-signature",
        "`v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`; one for each live secret, parted by spaces.",
        type="string",
    ),
]
_ANSWERS: Final = {
    "2XX": {"description": "Received; within 15 seconds."},
    "410": {"description": "Not wanted any more: this delivery is not tried again."},
    "default": {"description": "Anything else, a redirect too, is tried again for 24 hours."},
}


def webhooks(schemas: dict[str, Node], examples: Mapping[str, Any], references: str) -> Node:
    """Describe the webhooks, and add the schema of their payload.

    `WebhookEvent` is what the service gives, so its schema is that of an answer, although it is a body here.
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
        "description": "Sent to the `webhookUrl` of its request, signed by Standard Webhooks; verify it with one of "
        "its libraries. It may come more than once, with the same `webhook-id`, and in any order.",
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _ANSWERS,
        "security": [],
        # openapi-generator would make a method of it for clients; a receiver serves it, and a client never calls it.
        "x-internal": True,
    }
    return {"jobEnded": {"post": operation}}
