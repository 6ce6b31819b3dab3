"""The OpenAPI document of one endpoint, in the form in which fal serves it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

Json = Mapping[str, Any]

_STATUS: Final[Json] = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]},
        "request_id": {"type": "string"},
        "response_url": {"type": "string"},
        "status_url": {"type": "string"},
        "cancel_url": {"type": "string"},
        "logs": {"type": "object", "additionalProperties": True},
        "metrics": {"type": "object", "additionalProperties": True},
        "queue_position": {"type": "integer"},
    },
    "required": ["status", "request_id"],
}


def document(endpoint: str, category: str, inputs: Json, outputs: Json, definitions: Mapping[str, Json]) -> Json:
    """A document whose schemas refer to each other below `#/components/schemas/`.

    Args:
        endpoint: its id.
        category: fal's.
        inputs: `properties` and `required` of a request.
        outputs: `properties` of a result.
        definitions: the types that both name, below `#/definitions/`.
    """
    stem = "".join(part.capitalize() for part in re.split(r"\W+", endpoint.removeprefix("fal-ai/")))
    named = {f"{stem}Input": {"type": "object", **inputs}, f"{stem}Output": {"type": "object", **outputs}}
    schemas = json.loads(json.dumps({**named, **definitions}).replace("#/definitions/", "#/components/schemas/"))
    for schema in schemas.values():
        if "properties" in schema:
            schema["x-fal-order-properties"] = [*schema["properties"]]
    return {
        "openapi": "3.0.4",
        "info": {
            "title": f"Queue OpenAPI for {endpoint}",
            "version": "1.0.0",
            "x-fal-metadata": {
                "endpointId": endpoint,
                "category": category,
                "playgroundUrl": f"https://fal.ai/models/{endpoint}",
                "documentationUrl": f"https://fal.ai/models/{endpoint}/api",
            },
        },
        "components": {
            "securitySchemes": {"apiKeyAuth": {"type": "apiKey", "in": "header", "name": "Authorization"}},
            "schemas": {"QueueStatus": _STATUS, **schemas},
        },
        "paths": _paths(endpoint, stem),
        "servers": [{"url": "https://queue.fal.run"}],
        "security": [{"apiKeyAuth": []}],
    }


def _paths(endpoint: str, stem: str) -> Json:
    of_request = {"name": "request_id", "in": "path", "required": True, "schema": {"type": "string"}}
    requests = f"/{endpoint}/requests/{{request_id}}"
    body = {"required": True, "content": {"application/json": {"schema": _reference(f"{stem}Input")}}}
    done: Json = {"type": "object", "properties": {"success": {"type": "boolean"}}}
    return {
        f"{requests}/status": {"get": {"parameters": [of_request], "responses": _answer(_reference("QueueStatus"))}},
        f"{requests}/cancel": {"put": {"parameters": [of_request], "responses": _answer(done)}},
        f"/{endpoint}": {"post": {"requestBody": body, "responses": _answer(_reference("QueueStatus"))}},
        requests: {"get": {"parameters": [of_request], "responses": _answer(_reference(f"{stem}Output"))}},
    }


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(schema: Json) -> Json:
    return {"200": {"content": {"application/json": {"schema": schema}}}}
