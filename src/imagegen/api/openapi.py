"""The OpenAPI document: what FastAPI derives from the routes, made fit for the generators of clients."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from imagegen.api.documents import EVENT_STREAM, inherited_errors
from imagegen.api.doors import Doors
from imagegen.api.examples import CANCELLING, UNFINISHED, schema_examples
from imagegen.api.json_schemas import leave_out_null, made_plain
from imagegen.api.open_enums import open_enums
from imagegen.api.schemas import JobEvent, Problem, ProblemFault
from imagegen.api.security import declare_security
from imagegen.api.webhook_documents import webhooks
from imagegen.registry import Registry

Node = dict[str, Any]
_REFERENCE: Final = "#/components/schemas/"
_REPLACED: Final = ("HTTPValidationError", "ValidationError")
# Schemas that have no class whose docstring could describe them.
_NAMELESS: Final = {
    "GenerateRequest": "A request for pictures; `model` says which one.",
    "EstimateRequest": "What to price: a request for pictures, or as much of it as is known; `model` says which one.",
    "JsonValue": "Any JSON.",
    "BatchItem": "A request of a batch; `model` says which one.",
}
_UNDESCRIBED: Final = "Successful Response"
_DESCRIPTION: Final = """\
Pictures from every fal.ai model in the catalog through one endpoint: inputs typed per model, pictures kept in your own
S3 bucket, every generation a job with its price.
"""
_TAGS: Final = [
    {"name": "images", "description": "What can be generated, what it costs, and generating it."},
    {"name": "uploads", "description": "Pictures of your own, for the inputs of requests."},
    {"name": "jobs", "description": "One generation, and the history of all."},
    {"name": "batches", "description": "Many generations at once."},
    {"name": "usage", "description": "Who spent what."},
    {"name": "webhooks", "description": "What is sent to your own server."},
    {"name": "health", "description": "Whether the service works, for load balancers and people."},
]


def operation_id(route: APIRoute) -> str:
    """The operation's id, a good name for a client's method: the handler's own name, in camelCase."""
    return to_camel(route.name)


def document(app: FastAPI, registry: Registry, doors: Doors) -> None:
    """Replace the application's document by ours, made once."""

    def openapi() -> Node:
        if app.openapi_schema is None:
            app.openapi_schema = declare_security(_made_fit(app, registry), doors)
        return app.openapi_schema

    app.openapi = openapi


def _made_fit(app: FastAPI, registry: Registry) -> Node:
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary="Pictures from fal.ai's models, kept and accounted for.",
        description=_DESCRIPTION,
        routes=app.routes,
        tags=_TAGS,
        servers=[{"url": "/", "description": "The service that this document was read from."}],
        contact={"name": "The maintainers of imagegen"},
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    schemas = cast("dict[str, Node]", made["components"]["schemas"])
    _replace_errors(schemas)
    _add_event(schemas)
    made["webhooks"] = webhooks(schemas, schema_examples(registry), _REFERENCE)
    for name, schema in schemas.items():
        made_plain(schema)
        if name in _NAMELESS:
            schema.setdefault("description", _NAMELESS[name])
    open_enums(schemas)
    for name, example in schema_examples(registry).items():
        if name in schemas:
            schemas[name]["examples"] = [example]
    for operation in _operations(made):
        _complete(operation, schemas)
    return made


def _operations(made: Node) -> Iterator[Node]:
    for path in cast("dict[str, dict[str, Node]]", made["paths"]).values():
        yield from path.values()


def _replace_errors(schemas: dict[str, Node]) -> None:
    for replaced in _REPLACED:
        schemas.pop(replaced, None)
    problem = Problem.model_json_schema(ref_template=_REFERENCE + "{model}")
    problem.pop("$defs")
    schemas[Problem.__name__] = problem
    schemas[ProblemFault.__name__] = ProblemFault.model_json_schema()


def _add_event(schemas: dict[str, Node]) -> None:
    """An event's data is JSON within text, so that no answer has it as its body."""
    event = JobEvent.model_json_schema(ref_template=_REFERENCE + "{model}", mode="serialization")
    event.pop("$defs")
    schemas[JobEvent.__name__] = event


def _complete(operation: Node, schemas: dict[str, Node]) -> None:
    """Add what follows from the rest: the summary, the errors that any such operation has, the body's examples."""
    first, _, rest = operation["description"].partition("\n")
    operation |= {"summary": first.rstrip("."), "description": rest.strip() or first}
    parameters = cast("list[Node]", operation.get("parameters", []))
    for parameter in parameters:
        _complete_parameter(parameter)
    responses = cast("dict[str, Node]", operation["responses"])
    if _REFERENCE + _REPLACED[0] in str(responses.get("422")):
        del responses["422"]
    has_query = any(parameter["in"] != "path" for parameter in parameters)
    for status, answer in inherited_errors(has_body="requestBody" in operation, has_query=has_query).items():
        responses.setdefault(str(status), answer)
    operation["responses"] = dict(sorted(responses.items()))
    for answer in responses.values():
        _describe(answer, schemas)
    _exemplify_unfinished(responses.get("202", {}), CANCELLING if "cancel" in operation["operationId"] else UNFINISHED)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if examples := _body_examples(content["schema"], schemas):
            content["examples"] = examples


def _describe(answer: Node, schemas: dict[str, Node]) -> None:
    """Say what is in an answer for which nobody wrote it; and not that a stream is one text, as FastAPI has it."""
    answer.get("content", {}).get(EVENT_STREAM, {}).get("schema", {}).pop("type", None)
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if answer["description"] == _UNDESCRIBED and "$ref" in schema:
        answer["description"] = schemas[schema["$ref"].removeprefix(_REFERENCE)]["description"]


def _exemplify_unfinished(accepted: Node, examples: Mapping[str, Node]) -> None:
    """Show what is under way: the example of the schema has ended."""
    content = accepted.get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").removeprefix(_REFERENCE)
    if name in examples:
        content["examples"] = {"unfinished": {"value": examples[name]}}


def _complete_parameter(parameter: Node) -> None:
    made_plain(parameter["schema"])
    if not parameter["required"]:
        leave_out_null(parameter["schema"])
    if "description" in parameter["schema"]:
        parameter["description"] = parameter["schema"].pop("description")
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()


def _body_examples(schema: Node, schemas: dict[str, Node]) -> Node:
    """The examples of a body: those of its schema, or of each kind that a discriminator tells apart.

    First come those that work anywhere, as they name no picture or weights that must exist, and of those the shortest.
    """
    named = schemas.get(schema.get("$ref", "").removeprefix(_REFERENCE), schema)
    references = [branch["$ref"] for branch in named.get("oneOf", [schema] if "$ref" in schema else [])]
    found = [schemas.get(reference.removeprefix(_REFERENCE), {}).get("examples", []) for reference in references]
    values = sorted(
        (examples[0] for examples in found if examples), key=lambda value: ("://" in str(value), len(str(value)))
    )
    return {value.get("model", "example"): {"value": value} for value in values}
