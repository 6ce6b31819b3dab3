"""Recording fal's result, because fal forgets results within minutes; its images are transferred meanwhile.

Images that stand in the result itself as data URIs go to the bucket first, if they are larger than a job's document
should hold. A crash before the result is recorded costs nothing: the next runner reads it and stores them again.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from imagegen.clock import now
from imagegen.data_uris import is_data_uri
from imagegen.engine.completion import TRANSFER_FAILED, EarlyTransfers, TransferFailure, permanent_code, transfer_image
from imagegen.engine.holds import end_if_unwanted, hold, next_hold, uncharged_error
from imagegen.engine.interruptions import JobEnds
from imagegen.engine.leased_job import LeasedJob
from imagegen.engine.orphans import discard_epoch
from imagegen.errors import DocumentRefused, ObjectStoreUnavailable, TransferError
from imagegen.jobs import (
    HoldKind,
    Job,
    MissingImage,
    ProviderImage,
    ProviderResult,
    StoredImage,
    Transfer,
    TransferredImage,
)
from imagegen.price_book import PriceBook
from imagegen.services import Services
from imagegen.storage.images.bucket import Bucket
from imagegen.storage.images.store import Images

MAX_INLINE: Final = 64 * 1024  # characters of all data URIs that may stay in a job's document
_NO_BYTES: Final = "data:,"  # replaces a data URI whose bytes cannot be delivered
_Outcome = StoredImage | MissingImage | TransferFailure
_log = logging.getLogger("imagegen.runner")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recordable:
    """A result as it is recorded.

    Attributes:
        result: its data URIs are replaced by the keys of the objects that hold their bytes.
        transfer: the outcome of transferring these images; None if there are none.
        failure: why one of them is not in the bucket yet, so that the result still holds its bytes.
    """

    result: ProviderResult
    transfer: Transfer | None = None
    failure: TransferFailure | None = None


async def await_object_store(leased: LeasedJob, bucket: Bucket, horizon: timedelta) -> None:
    """If the last run could not keep the result because of S3, require S3 before the result is read again.

    Raises:
        Postponed: S3 cannot be used yet; the job is held.
        JobEnds: that has lasted too long, or the job is no longer wanted.
    """
    held = leased.job.hold
    if held is not None and held.kind is HoldKind.KEEP_RESULT and not await bucket.is_available():
        await _hold(leased, ObjectStoreUnavailable(bucket.problem), horizon)


async def record_result(leased: LeasedJob, result: ProviderResult, services: Services, early: EarlyTransfers) -> None:
    """Store fal's result with its inline images in the bucket; if MongoDB can never take it, only what is needed of it.

    If S3 cannot take the images now, MongoDB keeps their bytes if it can.

    Args:
        leased: the job.
        result: as fal sent it.
        services: the bucket, the prices and the settings.
        early: stopped if the result can never be recorded.

    Raises:
        Postponed: neither can; the job is held, and the result is read again.
        JobEnds: it can never be stored, or that has lasted too long.
    """
    recordable = await _store_inline_images(leased.job, result, services.images)
    try:
        await _save(leased, recordable, services.prices)
    except DocumentRefused as error:
        if recordable.failure is not None:
            await _hold(leased, recordable.failure, services.settings.service.store_horizon)
        await early.stop()
        await discard_epoch(leased.job, services.jobs, services.images)
        words = "fal.ai completed it, and its result is larger than MongoDB can keep."
        raise JobEnds(leased.job.failed(uncharged_error("result_too_large", words), now())) from error


async def _save(leased: LeasedJob, recordable: _Recordable, prices: PriceBook) -> None:
    job, price, result = leased.job, prices.of(leased.job.endpoint), recordable.result
    try:
        await leased.save(job.with_result(result, price, at=now(), transfer=recordable.transfer))
    except DocumentRefused as error:
        _log.warning("job %s: %s Only its images and its seed are kept of its result", job.id, error)
        seed = result.payload.get("seed")
        needed = replace(result, payload={"seed": seed} if isinstance(seed, int) else {})
        await leased.save(job.with_result(needed, price, at=now(), transfer=recordable.transfer))


async def _store_inline_images(job: Job, result: ProviderResult, images: Images) -> _Recordable:
    """Put the images that stand in the result into the bucket, if they are large."""
    inline = {index: image for index, image in enumerate(result.images) if is_data_uri(image.url)}
    if sum(len(image.url) for image in inline.values()) <= MAX_INLINE:
        return _Recordable(result=result)
    async with asyncio.TaskGroup() as group:
        transfers = {
            index: group.create_task(_store_inline_image(job, index, image, images)) for index, image in inline.items()
        }
    return _recordable(result, {index: transfer.result() for index, transfer in transfers.items()})


async def _store_inline_image(job: Job, index: int, image: ProviderImage, images: Images) -> _Outcome:
    """Put one image into the bucket. Its bytes will not change, so bytes that no decoder opens are kept as well."""
    try:
        return await transfer_image(job, index, image, images, keep_unknown=True)
    except (TransferError, ObjectStoreUnavailable) as error:
        code = permanent_code(error)
        return error if code is None else MissingImage(index=index, code=code, message=str(error))


def _recordable(result: ProviderResult, outcomes: Mapping[int, _Outcome]) -> _Recordable:
    stored = {index: each for index, each in outcomes.items() if isinstance(each, StoredImage)}
    missing = {index: each for index, each in outcomes.items() if isinstance(each, MissingImage)}
    names = {index: image.key for index, image in stored.items()} | dict.fromkeys(missing, _NO_BYTES)
    images = [replace(image, url=names.get(index, image.url)) for index, image in enumerate(result.images)]
    transferred = [TransferredImage(index=index, image=image) for index, image in stored.items()]
    return _Recordable(
        result=replace(result, images=tuple(images)),
        transfer=Transfer(stored=tuple(transferred), missing=tuple(missing.values())),
        failure=next((each for each in outcomes.values() if not isinstance(each, StoredImage | MissingImage)), None),
    )


async def _hold(leased: LeasedJob, failure: TransferFailure, horizon: timedelta) -> None:
    """Hold a job whose result can be kept nowhere now; fal completed it, so it frees its slot there."""
    job, moment = leased.job, now()
    held = next_hold(job, HoldKind.KEEP_RESULT, str(failure))
    what = f"fal.ai had made its images, which could not be stored ({failure})"
    if held.attempts > 1:
        await end_if_unwanted(leased, what)
    ended_at = job.submission.ended_at or moment
    if moment - ended_at > horizon:
        words = f"IMAGEGEN_STORE_HORIZON ({horizon}) has passed: {what}."
        raise JobEnds(job.failed(uncharged_error(TRANSFER_FAILED, words), moment))
    next_job = job.ended_at_fal(held, moment, None, None) if job.submission.ended_at is None else job.held(held)
    await hold(leased, next_job, limits=(ended_at + horizon,))
