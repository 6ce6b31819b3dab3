"""The last step of a job: the images of fal's result are transferred to S3, and the job ends with those stored.

An image that may still come is waited for. One that cannot come is listed in the job, and is not charged.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

from imagegen.clock import backoff, jitter, now
from imagegen.data_uris import is_data_uri
from imagegen.engine.holds import end_if_unwanted
from imagegen.engine.interruptions import JobEnds, Postponed
from imagegen.engine.leased_job import LeasedJob
from imagegen.errors import (
    ForeignMediaHost,
    ImageTooLarge,
    MediaGone,
    NotAnImage,
    ObjectStoreUnavailable,
    TransferError,
)
from imagegen.jobs import (
    Job,
    JobError,
    MissingImage,
    ProviderImage,
    ProviderResult,
    StoredImage,
    Transfer,
    TransferredImage,
)
from imagegen.services import Services
from imagegen.storage.images.store import Images

UNREADABLE_TRIES: Final = 3
GONE_TRIES: Final = 5
TRANSFER_FAILED: Final = "transfer_failed"
_FIRST_BACKOFF: Final = timedelta(seconds=1)
_LONGEST_BACKOFF: Final = timedelta(minutes=5)
_CODES: Final = {
    NotAnImage: "not_a_picture",
    ImageTooLarge: "picture_too_large",
    ForeignMediaHost: "foreign_media_host",
    MediaGone: "image_gone",
}
_log = logging.getLogger("imagegen.runner")
TransferFailure = TransferError | ObjectStoreUnavailable


class EarlyTransfers:
    """Transfers of a result's images that run while the result is recorded, each by its index in the result.

    If the result cannot be recorded, they are stopped, and what they stored belongs to no job.
    """

    def __init__(self, job: Job, result: ProviderResult, images: Images) -> None:
        is_inline = any(is_data_uri(image.url) for image in result.images)
        self._tasks = {
            index: asyncio.create_task(_transfer_outcome(job, index, image, images))
            for index, image in enumerate(() if is_inline else result.images)
        }

    def get(self, index: int) -> asyncio.Task[StoredImage | TransferFailure] | None:
        """The outcome of a transfer; None if it was not started."""
        return self._tasks.get(index)

    async def stop(self) -> None:
        """Stop those that still run."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


@asynccontextmanager
async def transferring_early(job: Job, result: ProviderResult, images: Images) -> AsyncGenerator[EarlyTransfers]:
    """Transfer a result's images while the block records it. Images that stand in the result itself are not started."""
    transfers = EarlyTransfers(job, result, images)
    try:
        yield transfers
    finally:
        await transfers.stop()


async def deliver_images(leased: LeasedJob, services: Services, early: EarlyTransfers | None = None) -> None:
    """Transfer the images that are not in S3 yet, and end the job with those that are.

    Args:
        leased: the job; its result is recorded.
        services: the bucket and the settings.
        early: the transfers that were started while the result was recorded.

    Raises:
        Postponed: some may still come; the job continues later, with what is stored.
    """
    outcomes = await _store_images(leased, services.images, early)
    stored = {index: each for index, each in outcomes.items() if isinstance(each, StoredImage)}
    failures = {index: each for index, each in outcomes.items() if not isinstance(each, StoredImage)}
    missing = await _give_up_or_postpone(leased, stored, failures, services) if failures else ()
    await _end(leased, stored, missing)


async def _store_images(
    leased: LeasedJob, images: Images, early: EarlyTransfers | None
) -> Mapping[int, StoredImage | TransferFailure]:
    """Transfer them concurrently; the outcome of each, by its index in fal's result."""
    job = leased.job
    assert job.result is not None
    before = {each.index: each.image for each in job.transfer.stored}
    settled = {*before, *(each.index for each in job.transfer.missing)}
    count = itertools.count(len(before) + 1)
    async with asyncio.TaskGroup() as group:
        running = {
            index: (early and early.get(index)) or group.create_task(_transfer_outcome(job, index, image, images))
            for index, image in enumerate(job.result.images)
            if index not in settled
        }
        transfers = {index: group.create_task(_announced(leased, each, count)) for index, each in running.items()}
    outcomes = before | {index: transfer.result() for index, transfer in transfers.items()}
    return dict(sorted(outcomes.items()))


async def _announced(
    leased: LeasedJob, transfer: asyncio.Task[StoredImage | TransferFailure], count: Iterator[int]
) -> StoredImage | TransferFailure:
    """Await a transfer, and announce how many images are stored."""
    outcome = await transfer
    if isinstance(outcome, StoredImage):
        assert leased.job.result is not None
        await leased.announce(stage="storing", stored=next(count), images=len(leased.job.result.images))
    return outcome


async def _transfer_outcome(
    job: Job, index: int, image: ProviderImage, images: Images
) -> StoredImage | TransferFailure:
    keep_unknown = job.transfer.unreadable >= UNREADABLE_TRIES - 1
    try:
        return await transfer_image(job, index, image, images, keep_unknown=keep_unknown)
    except (TransferError, ObjectStoreUnavailable) as error:
        return error


async def transfer_image(
    job: Job, index: int, image: ProviderImage, images: Images, *, keep_unknown: bool
) -> StoredImage:
    """Transfer one image of fal's result to the job's prefix in the bucket, under a name with the lease's epoch.

    Raises:
        TransferError: it did not arrive, or cannot be delivered.
        ObjectStoreUnavailable: S3 did not take it.
    """
    stored = await images.transfer(
        image.url,
        f"{job.image_prefix}{job.lease.epoch}-{index}",
        metadata={"jobid": job.id, "model": job.model},
        keep_unknown=keep_unknown,
    )
    return replace(stored, nsfw=image.nsfw, role=image.role)


async def _end(leased: LeasedJob, stored: Mapping[int, StoredImage], missing: Sequence[MissingImage]) -> None:
    """Complete the job with the stored images, or fail it if there are none."""
    job = leased.job
    missing = sorted((*job.transfer.missing, *missing), key=lambda each: each.index)
    if stored:
        await leased.save(job.completed(tuple(stored.values()), now(), missing=tuple(missing)))
    else:
        await leased.save(job.failed(JobError(code=missing[0].code, message=missing[0].message), now()))


async def _give_up_or_postpone(
    leased: LeasedJob, stored: Mapping[int, StoredImage], failures: Mapping[int, TransferFailure], services: Services
) -> Sequence[MissingImage]:
    """Try again later while one of the images may still come; otherwise say why they never will."""
    await _save_failures(leased, stored, failures)
    horizon = services.settings.service.store_horizon
    codes = {index: _final_code(leased.job.transfer, error, horizon) for index, error in failures.items()}
    pending = next((failures[index] for index, code in codes.items() if code is None), None)
    if pending is not None and not await _is_unwanted(leased, stored, pending):
        services.metrics.step_retried("transfer")
        raise Postponed(f"the images could not be stored: {pending}", _pause(leased.job), is_held=True)
    return [
        MissingImage(index=index, code=codes[index] or TRANSFER_FAILED, message=str(error))
        for index, error in failures.items()
    ]


async def _save_failures(
    leased: LeasedJob, stored: Mapping[int, StoredImage], failures: Mapping[int, TransferFailure]
) -> None:
    reason = str(next(iter(failures.values())))
    if leased.job.transfer.last_error != reason:
        _log.warning("job %s: its images could not be stored: %s", leased.job.id, reason)
    failed = leased.job.transfer_failed(
        reason,
        now(),
        unreadable=any(isinstance(error, NotAnImage) for error in failures.values()),
        gone=any(isinstance(error, MediaGone) for error in failures.values()),
        stored=tuple(TransferredImage(index=index, image=image) for index, image in stored.items()),
    )
    await leased.save(failed)


async def _is_unwanted(leased: LeasedJob, stored: Mapping[int, StoredImage], pending: TransferFailure) -> bool:
    """Whether the caller does not wait for the remaining images; if none is stored, that ends the job (JobEnds)."""
    if leased.job.transfer.attempts == 1:
        return False
    try:
        await end_if_unwanted(leased, f"fal.ai had made its images, which could not be stored ({pending})")
    except JobEnds:
        if not stored:
            raise
        return True
    return False


def _final_code(transfer: Transfer, error: TransferFailure, horizon: timedelta) -> str | None:
    """Why an image will never be delivered, or None while another try may succeed."""
    assert transfer.first_failed_at is not None
    if now() - transfer.first_failed_at > horizon:
        return TRANSFER_FAILED
    if isinstance(error, NotAnImage) and transfer.unreadable < UNREADABLE_TRIES:
        return None
    if isinstance(error, MediaGone) and (transfer.gone < GONE_TRIES or not transfer.stored):
        return None
    return permanent_code(error)


def permanent_code(error: TransferFailure) -> str | None:
    """Why an image whose bytes will not change is never delivered; None if the failure is temporary."""
    return _CODES.get(type(error))  # pyright: ignore[reportArgumentType] - a type that is not listed gives None


def _pause(job: Job) -> timedelta:
    """The pause before the images are stored again: longer each time, but no longer than until the deadline."""
    pause = backoff(job.transfer.attempts, _FIRST_BACKOFF, _LONGEST_BACKOFF) * jitter()
    left = [job.deadline - now()] if job.deadline is not None and job.deadline > now() else []
    return min([pause, *left])
