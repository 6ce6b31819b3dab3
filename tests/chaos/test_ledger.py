"""The reckoning finds what it is there to find."""

import hashlib
import io
from typing import Any, Final

import pytest
from ledger import Broken, reckon
from load import Told, Wish
from PIL import Image
from records import Document, Paid, Records

KEY: Final = "images/me/2026/11/JOB/1-0.png"


def png(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(file, "PNG")
    return file.getvalue()


PICTURE: Final = png(8)


def completed(**changes: Any) -> dict[str, Any]:
    return {
        "_id": "JOB",
        "status": "completed",
        "inputs": {"prompt": "wish-1 a lighthouse"},
        "cost": {"costPerImage": "0.05", "numImages": 1, "totalCost": "0.05"},
        "submission": {"state": "submitted", "request": {"requestId": "r-1"}},
        "images": [{"key": KEY, "width": 8, "height": 8, "sha256": hashlib.sha256(PICTURE).hexdigest()}],
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


def paid(request_id: str = "r-1", token: str = "wish-1", status: int = 200) -> Paid:  # noqa: S107 - no password
    body = {"prompt": f"{token} a lighthouse", "num_images": 1}
    return Paid(request_id=request_id, body=body, state="COMPLETED", result_status=status)


def records(*documents: dict[str, Any], paid: list[Paid], objects: tuple[str, ...] = ()) -> Records:
    return Records([Document.model_validate({**each, "raw": {}}) for each in documents], paid, frozenset(objects), [])


async def columns(found: Records, told: Told | None = None, content: bytes = PICTURE) -> list[Broken]:
    async def content_of(_: str) -> bytes:
        return content

    told = told or Told()
    told.wishes["wish-1"] = Wish("wish-1", 1, "me", "key")
    return sorted(finding.column for finding in await reckon(found, told, content_of))


async def test_a_job_with_its_picture_and_its_one_request_is_as_promised() -> None:
    assert await columns(records(completed(), paid=[paid()], objects=(KEY,))) == []


@pytest.mark.parametrize("document", [FAILED, UNKNOWN], ids=["refused", "never sent"])
async def test_a_failed_job_that_fal_has_no_pictures_of_is_as_promised(document: dict[str, Any]) -> None:
    paid_for = [] if document is UNKNOWN else [paid(status=422)]

    assert await columns(records(document, paid=paid_for)) == []


@pytest.mark.parametrize(
    ("found", "column"),
    [
        (records(completed(status="running"), paid=[paid()], objects=(KEY,)), "lost"),
        (records(completed(), paid=[paid()]), "lost"),
        (records(FAILED, paid=[paid()]), "lost"),
        (records(completed(), paid=[paid(), paid("r-2")], objects=(KEY,)), "paid twice"),
        (records(completed(cost=FREE), paid=[paid()], objects=(KEY,)), "charged wrongly"),
        (records(completed(), paid=[], objects=(KEY,)), "charged wrongly"),
        (records(completed(), paid=[paid()], objects=(KEY, "images/me/2026/11/NOBODY/1-0.png")), "orphaned"),
        (records(completed(), paid=[paid()], objects=(KEY, "images/me/2026/11/JOB/0-0.png")), "left over"),
        (records(UNKNOWN, paid=[paid()]), "unknown"),
    ],
    ids=[
        "not ended",
        "picture gone",
        "made and not delivered",
        "two requests",
        "not charged",
        "charged and not made",
        "orphaned",
        "left over",
        "unknown",
    ],
)
async def test_a_broken_promise_is_counted_in_its_column(found: Records, column: str) -> None:
    assert column in await columns(found)


async def test_an_accepted_job_that_is_not_there_is_lost() -> None:
    assert await columns(records(paid=[]), Told(accepted={"JOB": "wish-1"})) == ["lost"]


async def test_an_end_that_changed_after_a_client_saw_it_is_lost() -> None:
    told = Told(accepted={"JOB": "wish-1"}, ended={"JOB": "failed (provider_rejected)"})

    assert await columns(records(completed(), paid=[paid()], objects=(KEY,)), told) == ["lost"]


@pytest.mark.parametrize("content", [PICTURE[:-20], png(9)], ids=["cut off", "another"])
async def test_a_picture_that_is_not_whole_is_lost(content: bytes) -> None:
    assert await columns(records(completed(), paid=[paid()], objects=(KEY,)), content=content) == ["lost"]
