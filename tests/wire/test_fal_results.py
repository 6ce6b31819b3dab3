"""Ended jobs as fal's failures. Pure."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from imagegen.jobs import Job, JobError, JobStatus, new_job_id
from imagegen.jobs.cost import Cost
from imagegen.wire.fal_results import failure_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
JOB = Job(
    id=new_job_id(NOW),
    user_id="ann",
    model="flux-pro",
    endpoint="fal-ai/flux-pro/v1.1",
    inputs={},
    options={},
    payload={},
    cost=Cost(cost_per_image=Decimal("0.05"), num_images=1),
    created_at=NOW,
    status=JobStatus.FAILED,
)


def failed(**members: Any) -> tuple[int, Any, Any]:
    failure = failure_of(replace(JOB, error=JobError(message="It broke.", **members)))
    assert failure is not None
    assert failure.text == "It broke."
    return failure.status, failure.body["detail"], failure.body["error_type"]


def test_refusal_of_the_model_has_its_places() -> None:
    lines = ("body.prompt: Not this one.", "body.loras.0.path: Not found (max_size: 5)", "Something else: it is late")
    expected = [
        {"loc": ["body", "prompt"], "msg": "Not this one.", "type": "content_policy_violation"},
        {"loc": ["body", "loras", 0, "path"], "msg": "Not found (max_size: 5)", "type": "content_policy_violation"},
        {"loc": ["body"], "msg": "Something else: it is late", "type": "content_policy_violation"},
    ]

    assert failed(
        code="input_refused", fal_status=422, fal_error_type="content_policy_violation", fal_detail=lines
    ) == (422, expected, "content_policy_violation")


@pytest.mark.parametrize(
    ("members", "status", "kind"),
    [
        (
            {"code": "provider_unavailable", "fal_status": 503, "fal_error_type": "runner_disconnected"},
            503,
            "runner_disconnected",
        ),
        ({"code": "provider_rejected", "fal_status": 400, "fal_error_type": "bad_request"}, 400, "bad_request"),
        ({"code": "provider_account", "fal_status": 403}, 500, "internal_error"),
        ({"code": "job_timeout"}, 500, "internal_error"),
        ({"code": "provider_rejected", "fal_status": 200}, 500, "internal_error"),
    ],
)
def test_other_failure_is_a_text_with_its_type(members: dict[str, Any], status: int, kind: str) -> None:
    assert failed(**members) == (status, "It broke.", kind)


@pytest.mark.parametrize("code", ["input_refused", "output_refused"])
def test_refusal_without_a_status_is_422(code: str) -> None:
    assert failed(code=code) == (422, [{"loc": ["body"], "msg": "It broke.", "type": code}], code)


def test_cancelled_job_is_499_and_a_completed_one_no_failure() -> None:
    cancelled = failure_of(replace(JOB, status=JobStatus.CANCELLED))

    assert cancelled is not None
    assert (cancelled.status, cancelled.body["error_type"]) == (499, "client_cancelled")
    assert cancelled.headers == {"X-Fal-Error-Type": "client_cancelled"}
    assert failure_of(replace(JOB, status=JobStatus.COMPLETED)) is None
