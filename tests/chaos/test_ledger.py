"""The reckoning finds broken promises."""

import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx
import pytest
from PIL import Image
from standardwebhooks import Webhook

from tests.chaos.findings import Broken
from tests.chaos.ledger import reckon
from tests.chaos.paid import never_sent
from tests.chaos.receipts import WEBHOOK_SECRET, Receipt, receipt_of
from tests.chaos.records import Document, Paid, Records, UsageRow
from tests.chaos.told import BatchEnd, Told, Wish
from tests.support.receiver import Received

KEY: Final = "images/me/2026/11/JOB/1-0.png"
AGAIN_KEY: Final = "images/me/2026/11/AGAIN/1-0.png"


def png(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(file, "PNG")
    return file.getvalue()


IMAGE: Final = png(8)


def image(key: str) -> dict[str, Any]:
    return {"key": key, "width": 8, "height": 8, "sha256": hashlib.sha256(IMAGE).hexdigest()}


def completed(**changes: Any) -> dict[str, Any]:
    return {
        "_id": "JOB",
        "userId": "me",
        "status": "completed",
        "inputs": {"prompt": "wish-1 a lighthouse"},
        "cost": {"costPerImage": "0.05", "numImages": 1, "totalCost": "0.05"},
        "submission": {"state": "submitted", "request": {"requestId": "r-1"}},
        "images": [image(KEY)],
        **changes,
    }


FREE: Final = {"costPerImage": "0.05", "numImages": 0, "totalCost": "0.00"}
FAILED: Final = completed(status="failed", images=[], cost=FREE, error={"code": "provider_rejected"})
UNKNOWN: Final = completed(
    status="failed",
    images=[],
    cost=FREE,
    submission={"state": "unknown", "request": None},
    error={"code": "submission_unknown"},
)
AGAIN: Final = completed(
    _id="AGAIN",
    retryOf="JOB",
    submission={"state": "submitted", "request": {"requestId": "r-2"}},
    images=[image(AGAIN_KEY)],
)


def paid(
    request_id: str = "r-1",
    token: str = "wish-1",  # noqa: S107 - no password
    status: int = 200,
    at: tuple[float, float | None] = (1, 2),
) -> Paid:
    body = {"prompt": f"{token} a lighthouse", "num_images": 1}
    begun, ended = at
    return Paid(
        request_id=request_id,
        body=body,
        state="COMPLETED",
        result_status=status,
        submitted_at=begun,
        completed_at=ended,
    )


def usage(documents: Sequence[Document]) -> list[UsageRow]:
    """Rows for each job that ended, as they should be."""
    return by_day_and_month([row(**sums_of(each)) for each in documents if each.is_final])


def sums_of(document: Document) -> dict[str, Any]:
    is_completed = document.status == "completed"
    return {
        "completed": int(is_completed),
        "failed": int(document.status == "failed"),
        "images": len(document.images),
        "charged": document.cost.total_cost if is_completed else 0,
    }


def row(user: str = "me", jobs: int = 1, **sums: Any) -> UsageRow:
    nothing = {"completed": 0, "failed": 0, "images": 0, "charged": 0}
    return UsageRow.model_validate({"day": "2026-11-22", "userId": user, "jobs": jobs, **nothing, **sums})


def by_day_and_month(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """The rows of a day, and the same rows of its month."""
    return [*rows, *(row.model_copy(update={"day": None, "month": "2026-11"}) for row in rows)]


def records(
    *documents: dict[str, Any],
    paid: Sequence[Paid],
    objects: Sequence[str] = (),
    kept: Sequence[UsageRow] | None = None,
    receipts: Sequence[Receipt] = (),
) -> Records:
    there = [Document.model_validate({**each, "raw": {}}) for each in documents]
    return Records(
        documents=there,
        paid=paid,
        objects=frozenset(objects),
        usage=usage(there) if kept is None else kept,
        receipts=receipts,
    )


async def columns(
    found: Records, told: Told | None = None, content: bytes = IMAGE, bound: int | None = None
) -> list[Broken]:
    async def content_of(_: str) -> bytes:
        return content

    told = told or Told()
    told.wishes.setdefault("wish-1", Wish("wish-1", 1, "me", "key"))
    return sorted(finding.column for finding in await reckon(found, told, content_of, bound=bound))


async def test_completed_job_with_one_request_is_as_promised() -> None:
    assert await columns(records(completed(), paid=[paid()], objects=(KEY,))) == []


@pytest.mark.parametrize("document", [FAILED, UNKNOWN], ids=["refused", "never sent"])
async def test_failed_job_without_images_at_fal_is_as_promised(document: dict[str, Any]) -> None:
    paid_for = [] if document is UNKNOWN else [paid(status=422)]

    assert await columns(records(document, paid=paid_for)) == []


@pytest.mark.parametrize("end", [{"error": {"code": "deadline_exceeded"}}, {"status": "cancelled", "error": None}])
@pytest.mark.parametrize(
    ("attempts", "found"), [(0, ["lost"]), (2, [])], ids=["wanted in time", "not storable in time"]
)
async def test_unwanted_job_without_images_is_as_promised_if_they_could_not_be_stored(
    end: dict[str, Any], attempts: int, found: list[str]
) -> None:
    document = {**FAILED, **end, "transfer": {"attempts": attempts}}

    assert await columns(records(document, paid=[paid()])) == found


@pytest.mark.parametrize(
    ("documents", "at_fal", "count"),
    [
        ([UNKNOWN], [], 1),
        ([UNKNOWN], [paid()], 0),
        ([{**UNKNOWN, "status": "running", "error": None}], [], 0),
        ([FAILED], [], 0),
        ([UNKNOWN, AGAIN], [paid("r-2")], 1),
        ([{**UNKNOWN, "status": "cancelled", "error": None}], [], 1),
    ],
    ids=["never sent", "at fal", "not ended", "refused", "tried again", "cancelled"],
)
def test_unknown_jobs_without_a_request_at_fal_are_never_sent(
    documents: list[dict[str, Any]], at_fal: list[Paid], count: int
) -> None:
    assert never_sent(records(*documents, paid=at_fal)) == count


async def test_retried_job_may_have_two_requests() -> None:
    both = [paid(status=422), paid("r-2")]

    assert await columns(records(FAILED, AGAIN, paid=both, objects=(AGAIN_KEY,))) == []


async def test_lost_request_does_not_spoil_the_retry() -> None:
    """fal never got the first one, and has the second."""
    assert await columns(records(UNKNOWN, AGAIN, paid=[paid("r-2")], objects=(AGAIN_KEY,))) == []


@pytest.mark.parametrize(
    ("found", "column"),
    [
        (records(completed(status="running"), paid=[paid()], objects=(KEY,)), "lost"),
        (records(completed(), paid=[paid()]), "lost"),
        (records(FAILED, paid=[paid()]), "lost"),
        (records(completed(), paid=[paid(), paid("r-2")], objects=(KEY,)), "paid twice"),
        (records(FAILED, AGAIN, paid=[paid(status=422), paid("r-2"), paid("r-3")]), "paid twice"),
        (records(FAILED, AGAIN, {**AGAIN, "_id": "THIRD"}, paid=[paid(status=422), paid("r-2")]), "paid twice"),
        (records(completed(), {**FAILED, "_id": "OTHER"}, paid=[paid()]), "paid twice"),
        (records(completed(), paid=[paid(token="wish-2")], objects=(KEY,)), "lost"),
        (records(completed(cost=FREE), paid=[paid()], objects=(KEY,)), "charged wrongly"),
        (records(completed(), paid=[], objects=(KEY,)), "charged wrongly"),
        (records(completed(), paid=[paid()], objects=(KEY, "images/me/2026/11/NOBODY/1-0.png")), "orphaned"),
        (records(completed(), paid=[paid()], objects=(KEY, "images/me/2026/11/JOB/0-0.png")), "left over"),
        (records(UNKNOWN, paid=[paid()]), "unknown"),
        (records(UNKNOWN, AGAIN, paid=[paid(), paid("r-2")], objects=(AGAIN_KEY,)), "unknown"),
    ],
    ids=[
        "not ended",
        "image gone",
        "made and not delivered",
        "two requests",
        "two requests of one try",
        "tried again twice",
        "one wish two jobs",
        "another's request",
        "not charged",
        "charged and not made",
        "orphaned",
        "left over",
        "unknown",
        "unknown though tried again",
    ],
)
async def test_broken_promise_is_counted_in_its_column(found: Records, column: str) -> None:
    assert column in await columns(found)


async def test_missing_accepted_job_is_lost() -> None:
    assert await columns(records(paid=[]), Told(accepted={"JOB": "wish-1"})) == ["lost"]


async def test_end_that_changed_after_a_client_saw_it_is_lost() -> None:
    told = Told(accepted={"JOB": "wish-1"}, ended={"JOB": "failed (provider_rejected)"})

    assert await columns(records(completed(), paid=[paid()], objects=(KEY,)), told) == ["lost"]


@pytest.mark.parametrize("content", [IMAGE[:-20], png(9)], ids=["cut off", "another"])
async def test_incomplete_image_is_lost(content: bytes) -> None:
    assert await columns(records(completed(), paid=[paid()], objects=(KEY,)), content=content) == ["lost"]


@pytest.mark.parametrize(
    "kept",
    [
        [],
        [row(completed=1, images=1, charged="0.05")] * 2,
        [row(completed=1, images=1, charged="0.10")],
        [row(completed=1, images=2, charged="0.05")],
        [row(failed=1)],
        [row("somebody", completed=1, images=1, charged="0.05")],
    ],
    ids=["not counted", "counted twice", "other money", "other images", "other end", "another's"],
)
async def test_usage_that_differs_from_the_jobs_is_charged_wrongly(kept: list[UsageRow]) -> None:
    found = records(completed(), paid=[paid()], objects=(KEY,), kept=by_day_and_month(kept))

    assert set(await columns(found)) == {"charged wrongly"}


@pytest.mark.parametrize("period", ["day", "month"])
async def test_usage_must_be_right_by_day_and_by_month(period: str) -> None:
    both = by_day_and_month([row(completed=1, images=1, charged="0.05")])
    kept = [row for row in both if getattr(row, period)]

    assert await columns(records(completed(), paid=[paid()], objects=(KEY,), kept=kept)) == ["charged wrongly"]


async def test_usage_is_the_sum_of_its_documents() -> None:
    kept = [row(completed=1, images=1, charged="0.05"), row(failed=1), row(jobs=0)]
    other = {**FAILED, "_id": "OTHER", "inputs": {"prompt": "wish-2 a lighthouse"}, "submission": {"state": "none"}}

    assert await columns(records(completed(), other, paid=[paid()], objects=(KEY,), kept=by_day_and_month(kept))) == []


@pytest.mark.parametrize(
    ("second", "bound", "found"),
    [((2, 3), 1, []), ((1.5, 3), 1, ["over the bound"]), ((1.5, None), 1, ["over the bound"]), ((1.5, 3), 2, [])],
    ids=["one after the other", "two at once", "one is open still", "as many as allowed"],
)
async def test_open_requests_above_the_bound_are_counted(
    second: tuple[float, float | None], bound: int, found: list[str]
) -> None:
    both = [paid(status=422), paid("r-2", at=second)]

    assert await columns(records(FAILED, AGAIN, paid=both, objects=(AGAIN_KEY,)), bound=bound) == found


def wishing_to_be_told() -> Told:
    return Told(wishes={"wish-1": Wish("wish-1", 1, "me", "key", webhook="http://127.0.0.1/hook")})


@pytest.mark.parametrize(
    ("receipts", "found"),
    [
        ([Receipt("JOB", "job.completed", is_signed=True)] * 2, []),
        ([], ["undelivered"]),
        ([Receipt("JOB", "job.failed", is_signed=True)], ["undelivered"]),
        ([Receipt("JOB", "job.completed", is_signed=False)], ["undelivered"] * 2),
    ],
    ids=["told", "not told", "told another end", "not signed"],
)
async def test_end_without_its_webhook_is_undelivered(receipts: list[Receipt], found: list[str]) -> None:
    left = records(completed(), paid=[paid()], objects=(KEY,), receipts=receipts)

    assert await columns(left, wishing_to_be_told()) == found


@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, "whsec_c29tZWJvZHkgZWxzZSdz"], ids=["ours", "another"])
def test_signature_is_verified_with_the_secret(secret: str) -> None:
    body = '{"type": "job.completed", "data": {"jobId": "JOB"}}'
    sent_at = datetime.fromtimestamp(1_800_000_000, UTC)
    headers = {
        "webhook-id": "msg-1",
        "webhook-timestamp": "1800000000",
        "webhook-signature": Webhook(secret).sign("msg-1", sent_at, body),
    }

    receipt = receipt_of(Received("/hook", headers, body.encode()))

    assert receipt == Receipt("JOB", "job.completed", is_signed=secret == WEBHOOK_SECRET)


IN_A_BATCH: Final = completed(batchId="BATCH")
ALL_COMPLETED: Final = {"total": 1, "completed": 1, "failed": 0, "cancelled": 0}


@pytest.mark.parametrize(
    ("document", "counts", "charged", "found"),
    [
        (IN_A_BATCH, ALL_COMPLETED, "0.05", []),
        (IN_A_BATCH, {**ALL_COMPLETED, "completed": 0, "failed": 1}, "0", []),
        (IN_A_BATCH, {**ALL_COMPLETED, "completed": 0, "cancelled": 1}, "0", ["lost"]),
        (IN_A_BATCH, {**ALL_COMPLETED, "total": 2, "completed": 2}, "0.10", ["lost"]),
        (IN_A_BATCH, ALL_COMPLETED, "0.10", ["charged wrongly"]),
    ],
    ids=["as told", "ran again after all", "not as told", "one is gone", "other money"],
)
async def test_batch_ends_as_its_client_was_told(
    document: dict[str, Any], counts: dict[str, int], charged: str, found: list[str]
) -> None:
    told = Told(batch_ends={"BATCH": BatchEnd(counts, Decimal(charged))})

    assert await columns(records(document, paid=[paid()], objects=(KEY,)), told) == found


async def test_batch_accepted_in_part_is_lost() -> None:
    told = Told(batches={"wish-1": ["wish-1", "wish-2"]})

    assert await columns(records(IN_A_BATCH, paid=[paid()], objects=(KEY,)), told) == ["lost"]


async def test_refused_batch_is_no_finding() -> None:
    told = Told(batches={"wish-8": ["wish-8.0", "wish-8.1"]})

    assert await columns(records(completed(), paid=[paid()], objects=(KEY,)), told) == []


@pytest.mark.parametrize(
    ("status", "body", "surprises"),
    [
        (200, {"jobId": "JOB", "status": "completed"}, 0),
        (422, {"jobId": "JOB", "code": "input_refused"}, 0),
        (500, {"jobId": "JOB", "code": "provider_rejected"}, 0),
        (503, {"code": "unavailable"}, 0),
        (500, {"code": "internal_error"}, 1),
        (404, {"jobId": "JOB", "code": "job_not_found"}, 1),
        (409, {"jobId": "JOB", "code": "idempotency_mismatch"}, 1),
    ],
)
def test_unexpected_response_is_a_surprise(status: int, body: dict[str, str], surprises: int) -> None:
    told = Told()

    told.hear(Wish("wish-1", 1, "me", "key"), httpx.Response(status, json=body))

    assert len(told.surprises) == surprises
