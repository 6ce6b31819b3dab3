"""The last step of a job: the images of fal's result move to S3, and the job ends with those that are there.

An image that may still come is waited for; one that cannot come is named in the job, and costs the others nothing.
"""

import asyncio
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from imagegen.errors import (
    ForeignMediaHost,
    MediaGone,
    NotAPicture,
    ObjectStoreUnavailable,
    PictureTooLarge,
    TransferError,
)
from imagegen.holds import JobEnds, end_if_unwanted, jitter
from imagegen.jobs import JobError, MissingImage, ProviderImage, StoredImage, TransferredImage
from imagegen.storage.images import image_key_stem
from imagegen.turn import Postponed, Turn
from imagegen.wiring import now

UNREADABLE_TRIES: Final = 3
GONE_TRIES: Final = 5
_LONGEST_BACKOFF: Final = timedelta(minutes=5)
TRANSFER_FAILED: Final = "transfer_failed"
_CODES: Final = {
    NotAPicture: "not_a_picture",
    PictureTooLarge: "picture_too_large",
    ForeignMediaHost: "foreign_media_host",
    MediaGone: "image_gone",
}
_log = logging.getLogger("imagegen.runner")
Failure = TransferError | ObjectStoreUnavailable


async def deliver_images(turn: Turn) -> None:
    """Move the images that are not in S3 yet, and end the job with those that are there.

    Raises:
        Postponed: some may still come; the job goes on later, from what is stored.
    """
    outcomes = await _store_images(turn)
    stored = {index: each for index, each in outcomes.items() if isinstance(each, StoredImage)}
    failures = {index: each for index, each in outcomes.items() if not isinstance(each, StoredImage)}
    missing = await _after_failures(turn, stored, failures) if failures else ()
    await _end(turn, stored, missing)


async def _store_images(turn: Turn) -> Mapping[int, StoredImage | Failure]:
    """Move them side by side; what became of each, by its place in fal's result."""
    job = turn.job
    assert job.result is not None
    before = {each.index: each.image for each in job.transfer.stored}
    settled = {*before, *(each.index for each in job.transfer.missing)}
    count = itertools.count(len(before) + 1)
    async with asyncio.TaskGroup() as group:
        moves = {
            index: group.create_task(_store_image(turn, index, image, count))
            for index, image in enumerate(job.result.images)
            if index not in settled
        }
    outcomes = before | {index: move.result() for index, move in moves.items()}
    return dict(sorted(outcomes.items()))


async def _store_image(turn: Turn, index: int, image: ProviderImage, count: Iterator[int]) -> StoredImage | Failure:
    job = turn.job
    assert job.result is not None
    try:
        stored = await move_image(turn, index, image, keep_unknown=job.transfer.unreadable >= UNREADABLE_TRIES - 1)
    except (TransferError, ObjectStoreUnavailable) as error:
        return error
    await turn.announce(stage="storing", stored=next(count), images=len(job.result.images))
    return stored


async def move_image(turn: Turn, index: int, image: ProviderImage, *, keep_unknown: bool) -> StoredImage:
    """Move one image of fal's result into the folder of the job, under a name that has the lease's epoch.

    Raises:
        TransferError: it did not come, or is none that can be delivered.
        ObjectStoreUnavailable: S3 did not take it.
    """
    job = turn.job
    stored = await turn.services.images.transfer(
        image.url,
        f"{image_key_stem(job.user_id, job.created_at, job.id)}/{job.lease.epoch}-{index}",
        metadata={"jobid": job.id, "model": job.model},
        keep_unknown=keep_unknown,
    )
    return replace(stored, nsfw=image.nsfw)


async def _end(turn: Turn, stored: Mapping[int, StoredImage], missing: Sequence[MissingImage]) -> None:
    """End the job with what is stored, or as failed where nothing is."""
    missing = sorted((*turn.job.transfer.missing, *missing), key=lambda each: each.index)
    if stored:
        await turn.save(turn.job.completed(tuple(stored.values()), now(), missing=tuple(missing)))
    else:
        await turn.save(turn.job.failed(JobError(code=missing[0].code, message=missing[0].message), now()))


async def _after_failures(
    turn: Turn, stored: Mapping[int, StoredImage], failures: Mapping[int, Failure]
) -> Sequence[MissingImage]:
    """Try again later while one of the images may still come; otherwise say why they never will."""
    await _save_failures(turn, stored, failures)
    codes = {index: _final_code(turn, error) for index, error in failures.items()}
    pending = next((failures[index] for index, code in codes.items() if code is None), None)
    if pending is not None and not await _is_unwanted(turn, stored, pending):
        turn.services.metrics.retried("transfer")
        raise Postponed(f"the images could not be stored: {pending}", _backoff(turn), is_held=True)
    return [
        MissingImage(index=index, code=codes[index] or TRANSFER_FAILED, message=str(error))
        for index, error in failures.items()
    ]


async def _save_failures(turn: Turn, stored: Mapping[int, StoredImage], failures: Mapping[int, Failure]) -> None:
    reason = str(next(iter(failures.values())))
    if turn.job.transfer.last_error != reason:
        _log.warning("job %s: its images could not be stored: %s", turn.job.id, reason)
    failed = turn.job.transfer_failed(
        reason,
        now(),
        unreadable=any(isinstance(error, NotAPicture) for error in failures.values()),
        gone=any(isinstance(error, MediaGone) for error in failures.values()),
        stored=tuple(TransferredImage(index=index, image=image) for index, image in stored.items()),
    )
    await turn.save(failed)


async def _is_unwanted(turn: Turn, stored: Mapping[int, StoredImage], pending: Failure) -> bool:
    """Whether the caller does not wait for the rest; without any image, that ends the job (JobEnds)."""
    if turn.job.transfer.attempts == 1:
        return False
    try:
        await end_if_unwanted(turn, f"fal.ai had made its images, which could not be stored ({pending})")
    except JobEnds:
        if not stored:
            raise
        return True
    return False


def _final_code(turn: Turn, error: Failure) -> str | None:
    """Why an image will never be delivered, or None while another try may succeed."""
    transfer = turn.job.transfer
    assert transfer.first_failed_at is not None
    if now() - transfer.first_failed_at > turn.services.settings.service.store_horizon:
        return TRANSFER_FAILED
    if isinstance(error, NotAPicture) and transfer.unreadable < UNREADABLE_TRIES:
        return None
    if isinstance(error, MediaGone) and (transfer.gone < GONE_TRIES or not transfer.stored):
        return None
    return lasting_code(error)


def lasting_code(error: Failure) -> str | None:
    """Why an image whose bytes will not change is never delivered; None if the failure may pass."""
    return _CODES.get(type(error))  # pyright: ignore[reportArgumentType] - a type that is not listed gives None


def _backoff(turn: Turn) -> timedelta:
    """How long until the images are stored again: ever longer, but when the deadline passes at the latest."""
    seconds = min(2.0 ** min(turn.job.transfer.attempts - 1, 10), _LONGEST_BACKOFF.total_seconds())
    deadline = turn.job.deadline
    left = [deadline - now()] if deadline is not None and deadline > now() else []
    return min([timedelta(seconds=seconds * jitter()), *left])
