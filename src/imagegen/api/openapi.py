"""The OpenAPI document: what FastAPI derives, made fit for the generators of clients."""

from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from imagegen.api.schemas import Problem, ProblemFault

_DESCRIPTION = """\
Pictures from every fal.ai model in the catalog through one endpoint: inputs typed per model, pictures kept in your own
S3 bucket, every generation a job with its price.
"""


def document(app: FastAPI) -> None:
    """Replace the application's document by ours, made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _made_fit(app)
        return app.openapi_schema

    for route in app.routes:
        if isinstance(route, APIRoute):
            route.operation_id = to_camel(route.name)
    app.openapi = openapi


def _made_fit(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    schemas = cast("dict[str, Any]", made["components"]["schemas"])
    for replaced in ("HTTPValidationError", "ValidationError"):
        schemas.pop(replaced, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    problem.pop("$defs")
    schemas["Problem"] = problem
    schemas["ProblemFault"] = ProblemFault.model_json_schema()
    for operations in cast("dict[str, dict[str, Any]]", made["paths"]).values():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    _strip_titles(schemas)
    return made


def _strip_titles(node: object) -> None:
    """Pydantic titles every property; generators make classes of them, and two of those collide."""
    if isinstance(node, dict):
        members = cast("dict[str, object]", node)
        if isinstance(members.get("title"), str):
            del members["title"]
        for member in members.values():
            _strip_titles(member)
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            _strip_titles(item)
