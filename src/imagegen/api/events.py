"""A job's events for one caller: what it is now, how it goes on, and its end."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from imagegen.api import schemas
from imagegen.api.answers import job_answer
from imagegen.api.waiting import LOOK_AGAIN
from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Job, JobStatus, JsonObject, SubmissionState, waiting_for
from imagegen.turn import either, uptime
from imagegen.wiring import Services

KEEP_ALIVE: Final = timedelta(seconds=15)
_STAGES: Final = {"in_queue": "in_queue", "in_progress": "generating", "storing": "storing"}


class _Heard(BaseModel):
    """What a process announced of a job; it may be of another version than this one."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    version: int
    status: JobStatus
    stage: Literal["in_queue", "in_progress", "storing"]
    queue_position: int | None = None
    logs: tuple[str, ...] = ()
    stored: int | None = None
    images: int | None = None


async def _always() -> bool:
    return True


async def events_of(
    job: Job,
    services: Services,
    keep_alive: timedelta = KEEP_ALIVE,
    is_admitted: Callable[[], Awaitable[bool]] = _always,
) -> AsyncGenerator[bytes]:
    """The job's events as text, from what it is now to its end, or until the service is asked to stop.

    They end without the job's end if the caller is not admitted any more, which is asked with every look at the job.

    Announcements keep no history, so MongoDB is read at the begin, at every move and every few seconds. A comment keeps
    the connection alive where there is nothing to tell for a while.
    """
    with services.queue.news.heard(job.id) as listener:
        told, told_at, looked_at = 0, uptime(), -LOOK_AGAIN.total_seconds()
        while True:
            news = listener.take()
            if _has_moved(news, told) or uptime() - looked_at >= LOOK_AGAIN.total_seconds():
                with suppress(DatabaseUnavailable):
                    job = await services.jobs.get(job.id)
                looked_at = uptime()
                if not await is_admitted():
                    return
            for event in await _events(job, told, news, services):
                yield _text(event)
                told, told_at = job.version, uptime()
            if job.status.is_final or services.stopping.is_set():
                return
            if uptime() - told_at >= keep_alive.total_seconds():
                yield KEEPALIVE_COMMENT
                told_at = uptime()
            await either(listener.woken, services.stopping, at_most=min(LOOK_AGAIN, keep_alive))


def _has_moved(news: Sequence[JsonObject], told: int) -> bool:
    """Whether something of a later version was announced; what cannot be read may be that."""
    versions = (each.get("version") for each in news)
    return any(not isinstance(version, int) or version > told for version in versions)


async def _events(job: Job, told: int, news: Sequence[JsonObject], services: Services) -> Sequence[schemas.JobEvent]:
    """What is to be told: progress within the version that was told, the job if it has moved, progress since."""
    progress = [each for each in _progress(news, job) if told <= each.version <= job.version]
    if job.version <= told:
        return progress
    before = [each for each in progress if told and each.version < job.version]
    since = [each for each in progress if each.version == job.version and not job.status.is_final]
    return [*before, await _state(job, services), *since]


def _progress(news: Sequence[JsonObject], job: Job) -> Iterator[schemas.JobEvent]:
    for each in news:
        with suppress(ValidationError):  # a move that is no progress, or what another version announces
            heard = _Heard.model_validate(each)
            yield schemas.JobEvent(
                job_id=job.id,
                version=heard.version,
                status=heard.status.value,
                stage=_STAGES[heard.stage],
                queue_position=heard.queue_position,
                logs=list(heard.logs),
                images_stored=heard.stored,
                images_total=heard.images,
                waiting_for=None,
                job=None,
            )


async def _state(job: Job, services: Services) -> schemas.JobEvent:
    return schemas.JobEvent(
        job_id=job.id,
        version=job.version,
        status=job.status.value,
        stage=_stage(job),
        queue_position=None,
        logs=[],
        images_stored=None,
        images_total=len(job.result.images) if job.result else None,
        waiting_for=waiting_for(job),
        job=await job_answer(job, services) if job.status.is_final else None,
    )


def _stage(job: Job) -> str | None:
    """Where the stored job is; how far it is inside fal is not stored."""
    if job.status.is_final:
        return None
    if job.result is not None:
        return "storing"
    if job.submission.state is SubmissionState.SUBMITTED:
        return "submitted"
    return "waiting" if job.status is JobStatus.QUEUED else "submitting"


def _text(event: schemas.JobEvent) -> bytes:
    return format_sse_event(data_str=event.model_dump_json(), id=str(event.version))
