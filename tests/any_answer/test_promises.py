"""The checks of promises find what they are meant to find."""

from dataclasses import replace

import pytest

from tests.any_answer.promises import CaseEnd, broken_promises
from tests.any_answer.random_responses import WORDS, Case, Json

RESULT: Json = {"on": ["result"], "status": 500, "body": {"detail": WORDS}}
IMAGE: Json = {"url": "/images/x"}
FAILURE: Json = {"code": "provider_unavailable", "message": WORDS, "falDetail": [], "charged": False}
PAID: Json = {"request_id": "r-1"}


def job(status: str, error: Json | None = None, images: int = 0, charged: float = 0) -> Json:
    return {"status": status, "error": error, "images": [IMAGE] * images, "cost": {"totalCost": charged}}


FAILED = CaseEnd(case=Case((RESULT,)), job=job("failed", FAILURE), paid=[PAID], seconds=1)
COMPLETED = replace(FAILED, job=job("completed", images=1, charged=0.05))


REFUSED = replace(FAILED, job={"status": "refused"}, paid=[])


@pytest.mark.parametrize("end", [FAILED, COMPLETED, REFUSED], ids=["failed", "completed", "refused"])
def test_correct_end_breaks_no_promise(end: CaseEnd) -> None:
    assert list(broken_promises(end, longest=5)) == []


@pytest.mark.parametrize(
    ("end", "fault"),
    [
        (replace(FAILED, seconds=6), "has not ended within 5 s"),
        (replace(FAILED, job=job("running")), "has not ended within 5 s"),
        (replace(FAILED, paid=[PAID, PAID]), "2 requests were paid for"),
        (replace(REFUSED, paid=[PAID]), "was refused, and paid for"),
        (replace(COMPLETED, paid=[]), "is completed, but fal has no request for it"),
        (replace(COMPLETED, job=job("completed", images=1)), "is completed with 1 images, charged 0"),
        (replace(FAILED, job=job("failed", FAILURE, charged=0.05)), "is failed with 0 images, charged 0.05"),
        (replace(FAILED, job=job("cancelled")), "is cancelled, which its caller did not request"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "input_gone"})), "failed with input_gone"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "result_lost"}), paid=[]), "failed with result_lost"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "deadline_exceeded"})), "failed by a deadline"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "submission_unknown"})), "was not found at fal"),
        (
            replace(FAILED, job=job("failed", FAILURE | {"message": "Something is wrong."})),
            "failed without fal's message",
        ),
        (replace(FAILED, job=job("failed", FAILURE | {"message": ""})), "failed without a message"),
    ],
)
def test_broken_promise_is_named(end: CaseEnd, fault: str) -> None:
    assert any(each.startswith(fault) for each in broken_promises(end, longest=5))
