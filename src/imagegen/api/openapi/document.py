"""The OpenAPI document: what FastAPI derives from the routes, completed for people and for generators of clients."""

import threading
from collections.abc import Mapping
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from imagegen.api.http.policies import RoutePolicies
from imagegen.api.openapi.examples import DEFAULT_USER, schema_examples
from imagegen.api.openapi.headers import add_headers
from imagegen.api.openapi.json_schema import REFERENCE, UNIONS, simplify
from imagegen.api.openapi.open_enums import open_enums
from imagegen.api.openapi.operations import complete_operations
from imagegen.api.openapi.request_schemas import add_requests
from imagegen.api.openapi.security import declare_security
from imagegen.api.openapi.sharing import share_components
from imagegen.api.openapi.webhooks import webhooks
from imagegen.registry import Registry
from imagegen.wire.job_schemas import JobEvent
from imagegen.wire.problem_schemas import Problem, ProblemBudget, ProblemFault, ProblemLimit

Node = dict[str, Any]
_REPLACED: Final = ("HTTPValidationError", "ValidationError")
# Schemas that have no class whose docstring could describe them.
_NAMELESS: Final = {
    "GenerateRequest": "A request for images. `model` selects the model.",
    "EstimateRequest": "A request for images to price, or the known part of one. `model` selects the model.",
    "JsonValue": "Any JSON value.",
    "BatchItem": "A request of a batch. `model` selects the model.",
}
_DESCRIPTION: Final = """\
Images from every fal.ai model in the catalog through one endpoint. Inputs are typed per model, images are stored in
your own S3 bucket, and every generation is a job with its price.
"""
_TAGS: Final = [
    {"name": "images", "description": "Models, prices, and generating images."},
    {"name": "uploads", "description": "Your own images, as inputs of requests."},
    {"name": "jobs", "description": "Single generations, and their history."},
    {"name": "batches", "description": "Many generations at once."},
    {"name": "usage", "description": "What each user has spent."},
    {"name": "keys", "description": "API keys, and the audit trail; for the scope `admin`."},
    {"name": "budgets", "description": "Limits on what jobs may cost; for the scope `admin`."},
    {"name": "catalog", "description": "The models of a running service; for the scope `admin`."},
    {"name": "webhooks", "description": "Notifications that are sent to your own server."},
    {"name": "health", "description": "Health checks, for load balancers and people."},
]


# FastAPI silences warnings while it makes fields, for a document or an application: in one thread at a time only.
MAKING_FIELDS: Final = threading.Lock()


def build_document(app: FastAPI, registry: Registry, policies: RoutePolicies, *, needs_key: bool) -> Node:
    """Build the document in steps; each step works on what the steps before it have made."""
    document = _derived(app)
    schemas = cast("dict[str, Node]", document["components"]["schemas"])
    add_requests(schemas, registry)
    examples = schema_examples(registry)
    _replace_errors(schemas)
    _add_event(schemas)
    document["webhooks"] = webhooks(schemas, examples, REFERENCE)
    _simplify_all(schemas)
    _describe_default_user(schemas)
    open_enums(schemas)
    _add_examples(schemas, examples)
    complete_operations(document)
    _leave_examples_to_bodies(schemas)
    declare_security(document, policies, needs_key=needs_key)
    add_headers(document)
    share_components(document)
    return document


def _derived(app: FastAPI) -> Node:
    with MAKING_FIELDS:
        return get_openapi(
            title=app.title,
            version=app.version,
            summary="Images from fal.ai's models, stored and accounted for.",
            description=_DESCRIPTION,
            routes=app.routes,
            tags=_TAGS,
            servers=[{"url": "/", "description": "The service that served this document."}],
            contact={"name": "The maintainers of imagegen"},
            license_info={"name": "MIT", "identifier": "MIT"},
        )


def _replace_errors(schemas: dict[str, Node]) -> None:
    for replaced in _REPLACED:
        schemas.pop(replaced, None)
    problem = Problem.model_json_schema(ref_template=REFERENCE + "{model}")
    problem.pop("$defs")
    schemas[Problem.__name__] = problem
    for part in (ProblemFault, ProblemLimit, ProblemBudget):
        schemas[part.__name__] = part.model_json_schema(mode="serialization")


def _add_event(schemas: dict[str, Node]) -> None:
    """Add the schema of an event. No response has it as its body: an event's data is JSON within a text stream."""
    event = JobEvent.model_json_schema(ref_template=REFERENCE + "{model}", mode="serialization")
    event.pop("$defs")
    schemas[JobEvent.__name__] = event


def _simplify_all(schemas: dict[str, Node]) -> None:
    for name, schema in schemas.items():
        simplify(schema)
        if name in _NAMELESS:
            schema.setdefault("description", _NAMELESS[name])


def _leave_examples_to_bodies(schemas: dict[str, Node]) -> None:
    """Remove the examples of requests from their schemas: operations have them, and their images weigh much."""
    for name in _requests(schemas):
        schemas[name].pop("examples", None)


def _requests(schemas: dict[str, Node]) -> list[str]:
    branches = [branch["$ref"] for union in UNIONS for branch in schemas[union].get("oneOf", [])]
    return [branch.removeprefix(REFERENCE) for branch in branches]


def _describe_default_user(schemas: dict[str, Node]) -> None:
    """Requests may leave the user out, if the key has one. The schemas require it all the same.

    Generators order the arguments of a constructor by what is required, and a service without keys does require it.
    """
    for name in (*_requests(schemas), "BatchRequest"):
        schemas[name]["properties"]["userId"]["description"] += f" {DEFAULT_USER}"


def _add_examples(schemas: dict[str, Node], examples: Mapping[str, Node]) -> None:
    for name, example in examples.items():
        if name in schemas:
            schemas[name]["examples"] = [example]
