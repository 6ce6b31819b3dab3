"""Our own checks for schemathesis: server errors that come from fal, and faults that the document cannot express."""

import json
import re
from typing import Any, Final, cast

import schemathesis
from jsonschema import Draft202012Validator
from schemathesis import Case, CheckContext, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection  # pyright: ignore[reportUnknownVariableType] - half typed

PROVIDERS: Final = {"provider_rejected", "provider_unavailable", "provider_account", "submission_unknown"}
REFUSED: Final = {"input_refused", "output_refused"}
# A retry passes the same admission, but its job may have been accepted under other settings.
GENERATE: Final = (
    "/api/images/generate",
    "/api/images/batch",
    "/api/images/estimate-cost",
    "/api/jobs/{jobId}/retry",
)
# What a short pattern cannot express: that text is printable, and has visible characters.
TEXT: Final = {("wrong_format", name) for name in ("/userId", "userId", "model", "type")}
# Of the list of models: printable words, a category and tags that some model has.
UNSAID_OF_MODELS: Final = {"wrong_format", "not_allowed"}
NO_DEFAULT_USER: Final = ("missing", "/userId")  # the caller has no key, so no default user
# Of keys and budgets: printable names, models of the catalog, no repetition, a default user among the users, the
# future, six decimals, whose jobs count.
UNSAID_OF_KEYS: Final = {"wrong_format", "unknown_model", "conflict", "not_allowed", "out_of_range"}
UNSAID: Final = {
    ("not_allowed", "/userId"),
    ("missing", "/options/width"),
    ("missing", "/options/height"),
    ("out_of_range", "/inputs/seed"),
}


@schemathesis.check
def a_server_error_is_the_providers(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:  # noqa: ARG001 - its form
    """5xx is a defect, except for a 500 with a code of the provider."""
    if response.status_code >= 500:
        assert (response.status_code, problem_of(response)["code"]) in {(500, code) for code in PROVIDERS}


@schemathesis.check
def valid_data_is_accepted(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:  # noqa: ARG001 - its form
    """A 400 for valid data names only faults that the document cannot express; a 422 comes from moderation."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code == 400:
        known = {*TEXT, NO_DEFAULT_USER}
        faults = [fault for fault in problem_of(response)["errors"] if (fault["code"], place_of(fault)) not in known]
        if case.path == "/api/images/models":
            faults = [fault for fault in faults if fault["code"] not in UNSAID_OF_MODELS]
        if case.path.startswith(("/api/keys", "/api/budgets")):
            faults = [
                each for each in faults if each["code"] not in UNSAID_OF_KEYS and place_of(each) != "/scope/value"
            ]
        assert [fault for fault in faults if case.path not in GENERATE or not is_unsaid(fault)] == []
    assert response.status_code != 422 or problem_of(response)["code"] in REFUSED


@schemathesis.check
def invalid_data_is_refused(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:
    """Invalid data is refused, unless its only fault is null for an optional member."""
    if not is_valid_without_null(case):
        negative_data_rejection(ctx, response, case)


def is_valid_without_null(case: "Case[Any]") -> bool:
    """Whether the only fault is null in the body."""
    if case.meta is None or not isinstance(case.body, dict):
        return False
    others = (part.mode for place, part in case.meta.components.items() if place is not ParameterLocation.BODY)
    if any(mode.is_negative for mode in others):
        return False
    document = case.operation.schema.raw_schema
    body = document["paths"][case.path].get(case.method.lower(), {}).get("requestBody", {"content": {}})
    if "application/json" not in body["content"]:
        return False
    schema = {**body["content"]["application/json"]["schema"], "components": document["components"]}
    return Draft202012Validator(schema).is_valid(without_null(case.body))  # pyright: ignore[reportUnknownMemberType] - half typed


def without_null(value: Any) -> Any:
    if isinstance(value, list):
        return [without_null(part) for part in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    return {name: without_null(part) for name, part in members.items() if part is not None}


@schemathesis.check
def every_answer_has_its_id(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:  # noqa: ARG001 - its form
    """X-Request-Id is on every response, and in every problem as requestId."""
    (request_id,) = response.headers["x-request-id"]
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        assert not response.content or problem_of(response)["requestId"] == request_id


def problem_of(response: Response) -> dict[str, Any]:
    return json.loads(response.content)


def place_of(fault: dict[str, Any]) -> str:
    """The place of a fault in a request, which may be one of a batch."""
    return re.sub("^/requests/[0-9]+", "", fault["pointer"])


def is_unsaid(fault: dict[str, Any]) -> bool:
    """What a member is only beside another, or what is in a data URI; a seed whose bound schemathesis rounds; webhooks.

    Those are refused where no secret is set, and by where they lead.
    """
    beside_another = fault["code"] == "conflict" or "With loras," in fault["message"]
    words = fault["message"]
    pointer = place_of(fault)
    inside_a_data_uri = fault["code"] == "wrong_format" and (" base64" in words or "no picture" in words)
    return (
        beside_another
        or inside_a_data_uri
        or fault["code"] == "blank"
        or pointer == "/webhookUrl"
        or (fault["code"], pointer) in UNSAID
    )
