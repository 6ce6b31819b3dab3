"""One job from queued to its end: paid for at most once, its pictures stored.

The whole story is `_run`; everything below it is a step of it, and everything above it decides what an interruption
means: the job ends with its reason, or it is handed back and goes on later from its stored state.
"""

import asyncio
import logging
import random
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Final

from imagegen.errors import (
    ForeignMediaHost,
    InputGone,
    NotAPicture,
    ObjectStoreUnavailable,
    PictureTooLarge,
    ProviderAnswer,
    ProviderError,
    ResultUnavailable,
    StaleJob,
    SubmissionNotSent,
    SubmissionUnknown,
    TransferError,
    Unavailable,
)
from imagegen.fal import Progress
from imagegen.inputs import payload_for_fal
from imagegen.jobs import (
    INPUT_REFUSED,
    OUTPUT_REFUSED,
    Job,
    JobError,
    JsonObject,
    ProviderImage,
    ProviderResult,
    StoredImage,
    SubmissionState,
)
from imagegen.queue import Delivery
from imagegen.storage.images import image_key_stem
from imagegen.turn import Postponed, Turn, take_turn, uptime
from imagegen.wiring import Services, now

MOST_LEASES: Final = 5
UNREADABLE_TRIES: Final = 3
TRANSFER_HORIZON: Final = timedelta(hours=24)
_BUSY_ELSEWHERE: Final = timedelta(seconds=5)
_SERVER_DOWN: Final = timedelta(seconds=5)
_LONGEST_BACKOFF: Final = timedelta(minutes=5)
_UNANSWERED: Final = ProviderAnswer(
    message="The request left for fal.ai and no answer came back, so it may or may not have been accepted. "
    "It was not sent again and you are not charged."
)
_CRASHED: Final = JobError(
    code="runner_crashed",
    message=f"{MOST_LEASES} runners in a row ended while they prepared this job. Nothing was sent to fal.ai.",
    retryable=True,
)
_TRANSFER_CODES: Final = {
    NotAPicture: "not_a_picture",
    PictureTooLarge: "picture_too_large",
    ForeignMediaHost: "foreign_media_host",
}
_log = logging.getLogger("imagegen.runner")


async def work(delivery: Delivery, services: Services) -> None:
    """Bring the delivered job as far as it goes now, and decide the message's fate: acknowledged only at the end."""
    try:
        await _claim_and_run(delivery, services)
    except Postponed as pause:
        _log.info("job %s: %s; again in %s", delivery.job_id, pause, pause.delay)
        await delivery.hand_back(pause.delay)
    except (Unavailable, StaleJob) as error:
        _log.warning("job %s: %s", delivery.job_id, error)
        await delivery.hand_back(_SERVER_DOWN)
    else:
        await delivery.acknowledge()


async def _claim_and_run(delivery: Delivery, services: Services) -> None:
    asked_at = uptime()
    job = await services.jobs.claim(delivery.job_id, services.runner, services.settings.service.lease)
    if job is not None:
        async with take_turn(job, services, delivery, asked_at) as turn:
            await _run_or_fail(turn)
    elif await services.jobs.is_unfinished(delivery.job_id):
        raise Postponed("somebody else is at work", _BUSY_ELSEWHERE)


async def _run_or_fail(turn: Turn) -> None:
    """Run the arrow; an error that ends the job is stored as its outcome."""
    try:
        if turn.job.lease.taken >= MOST_LEASES:
            await _stop_the_crashing(turn)
        else:
            await _run(turn)
    except SubmissionUnknown as error:
        await turn.save(turn.job.failed_as_unknown(_provider_error(error, "submission_unknown"), now()))
    except InputGone as error:
        await turn.save(turn.job.failed(JobError(code="input_gone", message=str(error)), now()))
    except ResultUnavailable as error:
        raise Postponed(str(error), _SERVER_DOWN) from error
    except ProviderError as error:
        await turn.save(turn.job.failed(_provider_error(error, _code(error)), now()))
    except (TransferError, ObjectStoreUnavailable) as error:
        await _after_a_failed_transfer(turn, error)


async def _run(turn: Turn) -> None:
    """Bring one leased job to its end, from wherever an earlier turn left it."""
    if turn.job.result is None:
        await _submit_once(turn)
        result = await _result(turn)
        await turn.save(turn.job.with_result(result, turn.services.prices.of(turn.job.endpoint)))
    images = await _store_images(turn)
    await turn.save(turn.job.completed(images, now()))


async def _submit_once(turn: Turn) -> None:
    """Send the one paid request: its intent is stored before the POST, its id right after."""
    state = turn.job.submission.state
    if state is SubmissionState.SUBMITTED:
        return
    if state is SubmissionState.SUBMITTING:
        raise SubmissionUnknown(_UNANSWERED)
    if not await turn.services.images.available():
        raise Postponed("S3 does not answer, so nothing is submitted", _SERVER_DOWN)
    payload = await payload_for_fal(turn.job, turn.services)
    await _even_if_cancelled(_post(turn, payload), turn.services.settings.service.last_step)


async def _post(turn: Turn, payload: JsonObject) -> None:
    await turn.save_intent()
    try:
        request = await turn.services.fal.submit(turn.job.endpoint, payload, turn.demand_the_lease)
    except SubmissionNotSent:
        await turn.save(turn.job.not_sent())
        raise
    await turn.save(turn.job.submitted(request))


async def _even_if_cancelled(step: Coroutine[object, object, None], at_most: timedelta) -> None:
    """Finish the step although the process is asked to end: half of it would leave a paid request without its id."""
    task = asyncio.create_task(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=at_most.total_seconds())
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("while ending: %s", error)
        raise


async def _result(turn: Turn) -> ProviderResult:
    """Wait for fal to complete the request and fetch its answer at once: fal forgets it within minutes."""
    request = turn.job.submission.request
    assert request is not None

    async def on_progress(progress: Progress) -> None:
        await turn.announce(stage=progress.state, queuePosition=progress.queue_position, logs=list(progress.logs))

    await turn.services.fal.wait(request, on_progress)
    return await turn.services.fal.result(request)


async def _store_images(turn: Turn) -> tuple[StoredImage, ...]:
    """Move every picture of the result to S3, side by side; if one fails, this epoch's objects go away again."""
    assert turn.job.result is not None
    try:
        async with asyncio.TaskGroup() as group:
            moves = [
                group.create_task(_store_image(turn, number, image))
                for number, image in enumerate(turn.job.result.images)
            ]
    except* (TransferError, ObjectStoreUnavailable) as errors:
        first = _first(errors)
        if isinstance(first, TransferError):
            await turn.services.images.discard(f"{_stem(turn.job)}/{turn.job.lease.epoch}-")
        raise first from None
    return tuple(move.result() for move in moves)


async def _store_image(turn: Turn, number: int, image: ProviderImage) -> StoredImage:
    job = turn.job
    stored = await turn.services.images.transfer(
        image.url,
        f"{_stem(job)}/{job.lease.epoch}-{number}",
        metadata={"jobid": job.id, "model": job.model},
    )
    await turn.announce(stage="storing", image=number)
    return replace(stored, nsfw=image.nsfw)


async def _after_a_failed_transfer(turn: Turn, error: TransferError | ObjectStoreUnavailable) -> None:
    """Try again later, from the recorded result; end the job only where trying again cannot help."""
    if turn.job.result is None:
        raise error
    unreadable = isinstance(error, NotAPicture)
    await turn.save(turn.job.transfer_failed(str(error), now(), unreadable=unreadable))
    code = _hopeless(turn.job, error)
    if code is None:
        raise Postponed(f"the pictures could not be stored: {error}", _backoff(turn.job.transfer.attempts)) from error
    await turn.save(turn.job.failed(JobError(code=code, message=str(error)), now()))


def _hopeless(job: Job, error: TransferError | ObjectStoreUnavailable) -> str | None:
    """The code that the job fails with, or None while another try may succeed."""
    first_failed_at = job.transfer.first_failed_at
    assert first_failed_at is not None
    if now() - first_failed_at > TRANSFER_HORIZON:
        return "transfer_failed"
    if isinstance(error, NotAPicture) and job.transfer.unreadable < UNREADABLE_TRIES:
        return None
    return _TRANSFER_CODES.get(type(error))  # pyright: ignore[reportArgumentType] - a type that is not listed gives None


async def _stop_the_crashing(turn: Turn) -> None:
    """Too many runners died over this job: it ends unpaid, or, once paid for, waits for a person."""
    state = turn.job.submission.state
    if state is SubmissionState.SUBMITTING:
        raise SubmissionUnknown(_UNANSWERED)
    if state is SubmissionState.NONE:
        await turn.save(turn.job.failed(_CRASHED, now()))
        return
    reason = f"{MOST_LEASES} runners in a row ended over it after fal.ai had accepted it"
    _log.error("job %s needs a person: %s", turn.job.id, reason)
    await turn.save(turn.job.stopped(reason))


def _code(error: ProviderError) -> str:
    """The code that the job fails with."""
    if error.answer.refused:
        return INPUT_REFUSED if error.answer.refused == "input" else OUTPUT_REFUSED
    return "provider_unavailable" if error.retryable else "provider_rejected"


def _provider_error(error: ProviderError, code: str) -> JobError:
    answer = error.answer
    return JobError(
        code=code,
        message=answer.message,
        retryable=error.retryable,
        fal_status=answer.status,
        fal_error_type=answer.error_type,
        fal_detail=answer.detail,
    )


def _first(
    errors: BaseExceptionGroup[TransferError | ObjectStoreUnavailable],
) -> TransferError | ObjectStoreUnavailable:
    """The error to act on: one that ends the job before one that may pass."""
    leaves = [error for error in errors.exceptions if isinstance(error, TransferError | ObjectStoreUnavailable)]
    return min(leaves, key=lambda error: type(error) not in _TRANSFER_CODES)


def _stem(job: Job) -> str:
    return image_key_stem(job.user_id, job.created_at, job.id)


def _backoff(attempts: int) -> timedelta:
    seconds = min(2.0 ** min(attempts - 1, 10), _LONGEST_BACKOFF.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
