"""The judge of cases finds what it is there to find."""

from dataclasses import replace

import pytest
from answers_drawn import WORDS, Case, Json
from promises import Ended, broken

RESULT: Json = {"on": ["result"], "status": 500, "body": {"detail": WORDS}}
IMAGE: Json = {"url": "/images/x"}
FAILURE: Json = {"code": "provider_unavailable", "message": WORDS, "falDetail": [], "charged": False}
PAID: Json = {"request_id": "r-1"}


def job(status: str, error: Json | None = None, images: int = 0, charged: float = 0) -> Json:
    return {"status": status, "error": error, "images": [IMAGE] * images, "cost": {"totalCost": charged}}


FAILED = Ended(case=Case((RESULT,)), job=job("failed", FAILURE), paid=[PAID], seconds=1)
COMPLETED = replace(FAILED, job=job("completed", images=1, charged=0.05))


REFUSED = replace(FAILED, job={"status": "refused"}, paid=[])


@pytest.mark.parametrize("end", [FAILED, COMPLETED, REFUSED], ids=["failed", "completed", "refused"])
def test_a_true_end_breaks_nothing(end: Ended) -> None:
    assert list(broken(end, longest=5)) == []


@pytest.mark.parametrize(
    ("end", "fault"),
    [
        (replace(FAILED, seconds=6), "has not ended within 5 s"),
        (replace(FAILED, job=job("running")), "has not ended within 5 s"),
        (replace(FAILED, paid=[PAID, PAID]), "2 requests were paid for"),
        (replace(REFUSED, paid=[PAID]), "was refused, and paid for"),
        (replace(COMPLETED, paid=[]), "is completed, and fal has no request of it"),
        (replace(COMPLETED, job=job("completed", images=1)), "is completed with 1 pictures, charged 0"),
        (replace(FAILED, job=job("failed", FAILURE, charged=0.05)), "is failed with 0 pictures, charged 0.05"),
        (replace(FAILED, job=job("cancelled")), "is cancelled, which its caller did not want"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "input_gone"})), "failed with input_gone"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "result_lost"}), paid=[]), "failed with result_lost"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "deadline_exceeded"})), "failed by a deadline"),
        (replace(FAILED, job=job("failed", FAILURE | {"code": "submission_unknown"})), "was not found at fal"),
        (
            replace(FAILED, job=job("failed", FAILURE | {"message": "Something is wrong."})),
            "failed without fal's words",
        ),
        (replace(FAILED, job=job("failed", FAILURE | {"message": ""})), "failed without a message"),
    ],
)
def test_a_broken_promise_is_named(end: Ended, fault: str) -> None:
    assert any(each.startswith(fault) for each in broken(end, longest=5))
