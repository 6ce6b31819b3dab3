"""Recording fal's result before an image is fetched: fal forgets results within minutes.

Images whose bytes stand in the result itself go into the bucket first, if they are more than a job's document should
hold. A crash before the result is recorded costs nothing: the next runner reads it again and stores them again.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from imagegen.completion import TRANSFER_FAILED, Failure, lasting_code, move_image
from imagegen.data_uris import is_data_uri
from imagegen.errors import DocumentRefused, ObjectStoreUnavailable, TransferError
from imagegen.holds import JobEnds, end_if_unwanted, hold, next_hold, unpaid
from imagegen.jobs import (
    HoldKind,
    MissingImage,
    ProviderImage,
    ProviderResult,
    StoredImage,
    Transfer,
    TransferredImage,
)
from imagegen.leftovers import discard_epoch
from imagegen.turn import Turn
from imagegen.wiring import now

MOST_INLINE: Final = 64 * 1024  # characters of all data URIs that may stay in a job's document
_NO_BYTES: Final = "data:,"  # in the place of a data URI whose bytes cannot be delivered
_Outcome = StoredImage | MissingImage | Failure
_log = logging.getLogger("imagegen.runner")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A result as it is recorded.

    Attributes:
        result: its data URIs are replaced by the keys of the objects that hold their bytes.
        transfer: what became of these images; None if it has none.
        failure: why one of them is not in the bucket yet, so that the result still holds its bytes.
    """

    result: ProviderResult
    transfer: Transfer | None = None
    failure: Failure | None = None


async def await_object_store(turn: Turn) -> None:
    """Before a result is read again that only S3 can keep: go on if S3 can be used.

    Raises:
        Postponed: it cannot; the job is held.
        JobEnds: that has lasted too long, or the job is not wanted any more.
    """
    held, bucket = turn.job.hold, turn.services.images.bucket
    if held is not None and held.kind is HoldKind.KEEP_RESULT and not await bucket.available():
        await _hold(turn, ObjectStoreUnavailable(bucket.trouble))


async def record(turn: Turn, result: ProviderResult) -> None:
    """Store fal's result, its inline images in the bucket; where MongoDB can never take it, what is needed of it.

    Where S3 cannot take the images, MongoDB keeps their bytes if it can.

    Raises:
        Postponed: neither can; the job is held, and the result is read again.
        JobEnds: it can never be stored, or that has lasted too long.
    """
    kept = await _without_bytes(turn, result)
    try:
        await _save(turn, kept)
    except DocumentRefused as error:
        if kept.failure is not None:
            await _hold(turn, kept.failure)
        await discard_epoch(turn.job, turn.services)
        words = "fal.ai completed it, and its result is larger than MongoDB can keep."
        raise JobEnds(turn.job.failed(unpaid("result_too_large", words), now())) from error


async def _save(turn: Turn, kept: _Kept) -> None:
    price, result = turn.services.prices.of(turn.job.endpoint), kept.result
    try:
        await turn.save(turn.job.with_result(result, price, at=now(), transfer=kept.transfer))
    except DocumentRefused as error:
        _log.warning("job %s: %s Only its images and its seed are kept of its result", turn.job.id, error)
        seed = result.payload.get("seed")
        needed = replace(result, payload={"seed": seed} if isinstance(seed, int) else {})
        await turn.save(turn.job.with_result(needed, price, at=now(), transfer=kept.transfer))


async def _without_bytes(turn: Turn, result: ProviderResult) -> _Kept:
    """Put the images that stand in the result into the bucket, if they are large."""
    inline = {index: image for index, image in enumerate(result.images) if is_data_uri(image.url)}
    if sum(len(image.url) for image in inline.values()) <= MOST_INLINE:
        return _Kept(result=result)
    async with asyncio.TaskGroup() as group:
        moves = {index: group.create_task(_move(turn, index, image)) for index, image in inline.items()}
    return _kept(result, {index: move.result() for index, move in moves.items()})


async def _move(turn: Turn, index: int, image: ProviderImage) -> _Outcome:
    """Put one image into the bucket. Other bytes will not come, so those that no decoder opens are kept as well."""
    try:
        return await move_image(turn, index, image, keep_unknown=True)
    except (TransferError, ObjectStoreUnavailable) as error:
        code = lasting_code(error)
        return error if code is None else MissingImage(index=index, code=code, message=str(error))


def _kept(result: ProviderResult, outcomes: Mapping[int, _Outcome]) -> _Kept:
    stored = {index: each for index, each in outcomes.items() if isinstance(each, StoredImage)}
    missing = {index: each for index, each in outcomes.items() if isinstance(each, MissingImage)}
    names = {index: image.key for index, image in stored.items()} | dict.fromkeys(missing, _NO_BYTES)
    images = [replace(image, url=names.get(index, image.url)) for index, image in enumerate(result.images)]
    transferred = [TransferredImage(index=index, image=image) for index, image in stored.items()]
    return _Kept(
        result=replace(result, images=tuple(images)),
        transfer=Transfer(stored=tuple(transferred), missing=tuple(missing.values())),
        failure=next((each for each in outcomes.values() if not isinstance(each, StoredImage | MissingImage)), None),
    )


async def _hold(turn: Turn, failure: Failure) -> None:
    """Hold a job whose result can be kept nowhere now; fal completed it, so it has no slot there any more."""
    job, moment, horizon = turn.job, now(), turn.services.settings.service.store_horizon
    held = next_hold(job, HoldKind.KEEP_RESULT, str(failure))
    what = f"fal.ai had made its images, which could not be stored ({failure})"
    if held.attempts > 1:
        await end_if_unwanted(turn, what)
    ended_at = job.submission.ended_at or moment
    if moment - ended_at > horizon:
        words = f"IMAGEGEN_STORE_HORIZON ({horizon}) has passed: {what}."
        raise JobEnds(job.failed(unpaid(TRANSFER_FAILED, words), moment))
    was_known = job.submission.ended_at is not None
    await hold(
        turn, job.held(held) if was_known else job.ended_at_fal(held, moment, None, None), limits=(ended_at + horizon,)
    )
