"""The reckoning: compares what was promised with what MongoDB, the sandbox, S3 and the receiver have in the end."""

import asyncio
import hashlib
import io
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from PIL import Image

from tests.chaos.budgets import drifted, untold
from tests.chaos.charges import charged_wrongly, summed_up_wrongly
from tests.chaos.findings import Finding
from tests.chaos.paid import over_the_bound, paid_for_nothing, paid_twice, unknown
from tests.chaos.records import Document, Records, StoredImage
from tests.chaos.told import Told

ContentOf: TypeAlias = Callable[[str], Awaitable[bytes]]
_HELD_IN_VAIN: Final = "failed (submission_unknown)"  # the only end that a late id may change
_FINAL: Final = ("completed", "failed", "cancelled")


async def reckon(records: Records, told: Told, content_of: ContentOf, *, bound: int | None = None) -> Sequence[Finding]:
    """Find everything that is not as promised.

    Args:
        records: what is left after the run.
        told: what was requested, and what the responses said.
        content_of: reads an object of S3 by its key.
        bound: FAL_CONCURRENCY.
    """
    findings = [
        *_lost(records, told),
        *_broken_batches(records, told),
        *paid_twice(records),
        *paid_for_nothing(records),
        *charged_wrongly(records, told),
        *summed_up_wrongly(records),
        *drifted(records, told),
        *over_the_bound(records, bound),
        *_undelivered(records, told),
        *untold(records),
        *_orphaned(records),
        *unknown(records),
    ]
    return [*findings, *[each async for each in _unreadable(records, content_of)]]


def _lost(records: Records, told: Told) -> Iterator[Finding]:
    """Accepted jobs that are missing, have not ended, or ended in another way than a client was told."""
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


def _broken_batches(records: Records, told: Told) -> Iterator[Finding]:
    """Batches that were accepted in part, or ended in another way than a client was told."""
    there = {document.token for document in records.documents}
    for key, tokens in told.batches.items():
        missing = sorted({*tokens} - there)
        if missing and len(missing) < len(tokens):
            yield Finding("lost", key, f"was accepted in part: {missing} are not there")
    for batch_id, end in told.batch_ends.items():
        jobs = [document for document in records.documents if document.batch_id == batch_id]
        counts = Counter(job.status for job in jobs)
        if not _may_have_become(counts, end.counts):
            yield Finding("lost", batch_id, f"a client saw {dict(end.counts)}, and now it is {dict(counts)}")
        charged = sum(job.cost.total_cost for job in jobs if job.status == "completed")
        if charged != end.charged and counts["completed"] == end.counts["completed"]:
            yield Finding("charged wrongly", batch_id, f"a client saw {end.charged}, and now it is {charged}")


def _may_have_become(now: Counter[str], then: Mapping[str, int]) -> bool:
    """A failed job may have been continued; any other end is final."""
    whole = sum(now[status] for status in _FINAL) == then["total"]
    return (
        whole
        and now["failed"] <= then["failed"]
        and all(now[each] >= then[each] for each in _FINAL if each != "failed")
    )


def _undelivered(records: Records, told: Told) -> Iterator[Finding]:
    """Ended jobs whose webhook was not delivered, or not with our signature."""
    heard = {(receipt.job_id, receipt.event) for receipt in records.receipts if receipt.is_signed}
    for receipt in records.receipts:
        if not receipt.is_signed:
            yield Finding("undelivered", receipt.job_id, f"{receipt.event} was told with a wrong signature")
    for job in records.documents:
        event = f"job.{job.status}"
        if job.is_final and _is_to_be_told(job, told) and (job.id, event) not in heard:
            yield Finding("undelivered", job.id, f"{event} was never told to its webhook")


def _is_to_be_told(job: Document, told: Told) -> bool:
    """A retry has no webhook."""
    wish = told.wishes.get(job.token)
    return wish is not None and wish.webhook is not None and job.retry_of is None


def _orphaned(records: Records) -> Iterator[Finding]:
    """Objects that no job names: of no job at all, or stored by a runner that lost its lease meanwhile."""
    named = {image.key for job in records.documents for image in job.images}
    jobs = {job.id for job in records.documents}
    for key in sorted(records.objects - named):
        known = any(part.partition(".")[0] in jobs for part in key.split("/"))
        yield Finding("left over" if known else "orphaned", key, "is an object that no job names")
    for key in records.uploads:
        yield Finding("left over", key, "is an upload that was not finished")


async def _unreadable(records: Records, content_of: ContentOf) -> AsyncGenerator[Finding]:
    """Images that a job names and that cannot be decoded."""
    for job in records.documents:
        for image in job.images:
            if fault := await _fault(image, records, content_of):
                yield Finding("lost", job.id, f"{image.key}: {fault}")


async def _fault(image: StoredImage, records: Records, content_of: ContentOf) -> str | None:
    """What is wrong with a stored image; None if it is complete and what the job says."""
    if image.key not in records.objects:
        return "is not in S3"
    content = await content_of(image.key)
    if hashlib.sha256(content).hexdigest() != image.sha256:
        return "has other bytes than the job says"
    return await asyncio.to_thread(_undecodable, content, (image.width, image.height))


def _undecodable(content: bytes, size: tuple[int, int]) -> str | None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return None if image.size == size else f"is {image.size} and not {size}"
    except (OSError, SyntaxError) as error:
        return f"cannot be decoded: {error}"
