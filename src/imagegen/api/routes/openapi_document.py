"""/openapi.json: the whole document, or with `models` the part that is about some models."""

from typing import Final

from fastapi import FastAPI, Request, Response

from imagegen.api.document_response import document_response, documents_of
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.errors import Fault, InvalidQuery, UnknownModel
from imagegen.registry import Registry

MOST_MODELS: Final = 20
_PARAMETER: Final = "models"
_POLICY: Final = RoutePolicy(access=Access.OPEN, produces=(), caching=Caching.AS_SET)


def serve_document(app: FastAPI, registry: Registry) -> None:
    """Add the route."""

    @app.get("/openapi.json", include_in_schema=False)
    @policy(_POLICY)
    async def openapi_document(request: Request) -> Response:
        documents, models = documents_of(request), _models(request, registry)
        if models is None or len(models) == len(registry.models):
            return await document_response(request, await documents.whole())
        return await document_response(request, await documents.of_models(models))


def _models(request: Request, registry: Registry) -> frozenset[str] | None:
    """The models that the query names, by their own names; None if it names none at all.

    Raises:
        InvalidQuery: the parameter is empty, given twice, or has an unknown name or too many.
    """
    given = request.query_params.getlist(_PARAMETER)
    if not given:
        return None
    if len(given) > 1:
        raise _invalid("conflict", f"is given {len(given)} times; give it once, with commas between the names")
    names = dict.fromkeys(name.strip() for name in given[0].split(",") if name.strip())
    if not names:
        raise _invalid("missing", "must name at least one model")
    if len(names) > MOST_MODELS:
        raise _invalid("too_long", f"must name at most {MOST_MODELS} models; without it, all are there")
    faults: list[Fault] = []
    own: set[str] = set()
    for name in names:
        try:
            own.add(registry.model(name).name)
        except UnknownModel as unknown:
            unknown.valid = () if faults else unknown.valid  # the first fault lists them
            faults.append(_unknown(unknown))
    if faults:
        raise InvalidQuery(faults)
    return frozenset(own)


def _invalid(code: str, words: str) -> InvalidQuery:
    message = f"The query parameter {_PARAMETER} {words}."
    return InvalidQuery([Fault(pointer=_PARAMETER, code=code, message=message, location="query")])


def _unknown(error: UnknownModel) -> Fault:
    return Fault(
        pointer=_PARAMETER,
        code="unknown_model",
        message=f"In the query parameter {_PARAMETER}: {error.faults[0].message}",
        valid=error.valid,
        suggestion=error.suggestion,
        location="query",
    )
