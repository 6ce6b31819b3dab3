"""Checks of schemathesis of our own: which server errors are none of ours, and what the document cannot say."""

import json
import re
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, Response

PROVIDERS: Final = {"provider_rejected", "provider_unavailable", "submission_unknown"}
REFUSED: Final = {"input_refused", "output_refused"}
GENERATE: Final = ("/api/images/generate", "/api/images/batch")
UNSAID: Final = {
    ("not_allowed", "/userId"),
    ("missing", "/options/width"),
    ("missing", "/options/height"),
    ("out_of_range", "/inputs/seed"),
}
ESTIMATE: Final = "/api/images/estimate-cost"  # what its model takes is not in the document


@schemathesis.check
def a_server_error_is_the_providers(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:  # noqa: ARG001 - its form
    """5xx is a defect, but for a 500 whose problem has a provider's code."""
    if response.status_code >= 500:
        assert (response.status_code, problem_of(response)["code"]) in {(500, code) for code in PROVIDERS}


@schemathesis.check
def valid_data_is_accepted(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:  # noqa: ARG001 - its form
    """A 400 to valid data names only faults that the document cannot speak of; a 422 is moderation's."""
    if case.meta is None or not case.meta.generation.mode.is_positive or case.path == ESTIMATE:
        return
    if response.status_code == 400:
        faults = problem_of(response)["errors"]
        assert [fault for fault in faults if case.path not in GENERATE or not is_unsaid(fault)] == []
    assert response.status_code != 422 or problem_of(response)["code"] in REFUSED


@schemathesis.check
def every_answer_has_its_id(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:  # noqa: ARG001 - its form
    """X-Request-Id is on every answer, and in every problem as requestId."""
    (request_id,) = response.headers["x-request-id"]
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        assert not response.content or problem_of(response)["requestId"] == request_id


def problem_of(response: Response) -> dict[str, Any]:
    return json.loads(response.content)


def is_unsaid(fault: dict[str, Any]) -> bool:
    """What a member is only beside another, or what is in a data URI; a seed whose bound schemathesis rounds; webhooks.

    Those are refused where no secret is set, and by where they lead.
    """
    beside_another = fault["code"] == "conflict" or "With loras," in fault["message"]
    words = fault["message"]
    pointer = re.sub("^/requests/[0-9]+", "", fault["pointer"])
    inside_a_data_uri = fault["code"] == "wrong_format" and (" base64" in words or "no picture" in words)
    return beside_another or inside_a_data_uri or pointer == "/webhookUrl" or (fault["code"], pointer) in UNSAID
