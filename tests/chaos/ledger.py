"""The reckoning: what was promised, held against what MongoDB, the sandbox and S3 have in the end."""

import asyncio
import hashlib
import io
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from load import Told
from PIL import Image
from records import Document, Paid, Picture, Records

Broken: TypeAlias = Literal["lost", "paid twice", "charged wrongly", "orphaned", "left over", "unknown"]
ContentOf: TypeAlias = Callable[[str], Awaitable[bytes]]
BROKEN: Final[Sequence[Broken]] = ("lost", "paid twice", "charged wrongly", "orphaned", "left over", "unknown")
# Not promised so soon: what a process stored that was stopped over its lease is swept 20 minutes after the job's end.
NOT_YET_PROMISED: Final[frozenset[Broken]] = frozenset({"left over"})
_OK: Final = 200
_HELD_IN_VAIN: Final = "failed (submission_unknown)"  # the one end that a late id may still change
# Ends after which fal may be paid although there is no picture: fal's own word, or bytes that are none.
_RIGHTFUL: Final = frozenset({"not_a_picture"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise, the column that counts it, and the job or token that it is about."""

    column: Broken
    subject: str
    what: str


async def reckon(records: Records, told: Told, content_of: ContentOf) -> Sequence[Finding]:
    """Everything that is not as promised. `content_of` reads an object of S3 by its key."""
    findings = [
        *_lost(records, told),
        *_paid_twice(records),
        *_paid_for_nothing(records),
        *_charged_wrongly(records, told),
        *_orphaned(records),
        *_unknown(records),
    ]
    return [*findings, *[each async for each in _unreadable(records, content_of)]]


def _lost(records: Records, told: Told) -> Iterator[Finding]:
    """Accepted jobs that are not there, or have not ended, or not as a client was told."""
    by_id = {document.id: document for document in records.documents}
    for job_id, token in told.accepted.items():
        if job_id not in by_id:
            yield Finding("lost", job_id, f"{token} was accepted and is not in MongoDB")
        elif by_id[job_id].token != token:
            yield Finding("lost", job_id, f"{token} was answered with the job of {by_id[job_id].token}")
    for document in records.documents:
        if not document.is_final:
            yield Finding("lost", document.id, f"is {document.status} for ever; attention: {document.attention}")
    for job_id, status in told.ended.items():
        if job_id in by_id and by_id[job_id].why != status and status != _HELD_IN_VAIN:
            yield Finding("lost", job_id, f"a client saw {status}, and now it is {by_id[job_id].why}")


def _paid_twice(records: Records) -> Iterator[Finding]:
    """Jobs with two requests at fal, wishes with two jobs, requests with two jobs."""
    for token, paid in _grouped(records.paid).items():
        if len(paid) > 1:
            yield Finding("paid twice", token, f"fal has {[each.request_id for each in paid]}")
    owners: defaultdict[str, list[str]] = defaultdict(list)
    wishes: defaultdict[str, list[str]] = defaultdict(list)
    for document in records.documents:
        wishes[document.token].append(document.id)
        if document.submission.request is not None:
            owners[document.submission.request.request_id].append(document.id)
    for request_id, jobs in owners.items():
        if len(jobs) > 1:
            yield Finding("paid twice", jobs[0], f"shares the request {request_id} with {jobs[1:]}")
    for token, jobs in wishes.items():
        if len(jobs) > 1:
            yield Finding("paid twice", token, f"became the jobs {jobs}")


def _paid_for_nothing(records: Records) -> Iterator[Finding]:
    """Requests at fal that no job knows, and pictures that fal made and the job does not have."""
    by_token = {document.token: document for document in records.documents}
    for paid in records.paid:
        job = by_token.get(paid.token)
        if job is None:
            yield Finding("lost", paid.token, f"fal has {paid.request_id}, and there is no such job")
        elif job.is_unknown:
            continue
        elif job.submission.request is None or job.submission.request.request_id != paid.request_id:
            yield Finding("lost", job.id, f"fal has {paid.request_id}, which the job does not know: {job.why}")
        elif paid.result_status == _OK and job.status in {"failed", "cancelled"} and not _ended_rightfully(job):
            yield Finding("lost", job.id, f"fal made the pictures of {paid.request_id}, and the job is {job.why}")


def _unknown(records: Records) -> Iterator[Finding]:
    """Jobs that ended without their request, though fal has it. One that fal never got ends so by right."""
    paid = {each.token for each in records.paid}
    for job in records.documents:
        if job.is_unknown and job.token in paid:
            yield Finding("unknown", job.id, f"is {job.why}, and fal has its request")


def _ended_rightfully(job: Document) -> bool:
    return job.error is not None and job.error.code in _RIGHTFUL


def _charged_wrongly(records: Records, told: Told) -> Iterator[Finding]:
    """Charges without the pictures, pictures without the charge, charges for what fal never made."""
    paid = {each.request_id: each for each in records.paid}
    for job in records.documents:
        pictures = len(job.images)
        due = job.cost.cost_per_image * pictures if job.status == "completed" else 0
        if job.is_final and job.cost.total_cost != due:
            yield Finding("charged wrongly", job.id, f"{job.why}, {pictures} pictures: {job.cost.total_cost}")
        if job.status != "completed":
            continue
        request = job.submission.request
        if request is None or request.request_id not in paid:
            yield Finding("charged wrongly", job.id, "is completed, and fal knows of no such request")
        elif pictures != paid[request.request_id].pictures or pictures != told.wishes[job.token].pictures:
            yield Finding("charged wrongly", job.id, f"has {pictures} pictures, not as many as were asked for")


def _orphaned(records: Records) -> Iterator[Finding]:
    """Objects that no job names: of no job at all, or left over by a lease that was lost while it stored them."""
    named = {picture.key for job in records.documents for picture in job.images}
    jobs = {job.id for job in records.documents}
    for key in sorted(records.objects - named):
        known = any(part.partition(".")[0] in jobs for part in key.split("/"))
        yield Finding("left over" if known else "orphaned", key, "is an object that no job names")
    for key in records.uploads:
        yield Finding("left over", key, "is an upload that nobody finished")


async def _unreadable(records: Records, content_of: ContentOf) -> AsyncGenerator[Finding]:
    """Pictures that a job names and nobody can look at."""
    for job in records.documents:
        for picture in job.images:
            if fault := await _fault(picture, records, content_of):
                yield Finding("lost", job.id, f"{picture.key}: {fault}")


async def _fault(picture: Picture, records: Records, content_of: ContentOf) -> str | None:
    """What is wrong with a stored picture; None if it is there, whole and what the job says."""
    if picture.key not in records.objects:
        return "is not in S3"
    content = await content_of(picture.key)
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        return "has other bytes than the job says"
    return await asyncio.to_thread(_undecodable, content, (picture.width, picture.height))


def _undecodable(content: bytes, size: tuple[int, int]) -> str | None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return None if image.size == size else f"is {image.size} and not {size}"
    except (OSError, SyntaxError) as error:
        return f"cannot be decoded: {error}"


def _grouped(paid: Iterable[Paid]) -> dict[str, list[Paid]]:
    groups: defaultdict[str, list[Paid]] = defaultdict(list)
    for each in paid:
        groups[each.token].append(each)
    return groups
