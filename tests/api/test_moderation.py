import pytest
from dirty_equals import IsPartialDict

from tests.support.service import Json, Sandbox, Service

POLICY: Json = {"fault": "model_fails", "type": "content_policy_violation"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (POLICY, "input_refused"),
        ({**POLICY, "loc": []}, "input_refused"),
        ({**POLICY, "loc": ["response", "images"]}, "output_refused"),
        ({**POLICY, "needs_retry": True}, "input_refused"),
        ({"fault": "model_fails", "type": "no_media_generated"}, "output_refused"),
    ],
    ids=["input", "no place", "output", "fal says retry", "nothing generated"],
)
async def test_moderation_refusal_is_422_and_not_retryable(
    service: Service, sandbox: Sandbox, fault: Json, code: str
) -> None:
    await sandbox.misbehaves(fault)
    before = len(await sandbox.requests())

    answer = await service.generate()

    problem = answer.json()
    assert (answer.status_code, problem) == (
        422,
        IsPartialDict(code=code, retryable=False, charged=False, falStatus=422),
    )
    assert len(await sandbox.requests()) - before == 1
    job = await service.job(problem["jobId"])
    assert (job["status"], job["error"], job["cost"]["totalCost"]) == (
        "failed",
        IsPartialDict(code=code, retryable=False, charged=False, falErrorType=fault["type"]),
        0,
    )


@pytest.mark.parametrize("kind", ["image_load_error", "face_detection_error", "file_too_large", "something_new"])
async def test_fals_other_validation_errors_are_500(service: Service, sandbox: Sandbox, kind: str) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "type": kind})

    answer = await service.generate()

    assert (answer.status_code, answer.json()) == (500, IsPartialDict(code="provider_rejected", charged=False))
