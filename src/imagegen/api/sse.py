"""A job's server-sent events for one caller: its current state, its progress, and its end."""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from imagegen.clock import uptime, wait_any
from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Job, JobStatus, SubmissionState, waiting_for
from imagegen.json_object import JsonObject
from imagegen.operations.wait import RECHECK_EVERY
from imagegen.services import Services
from imagegen.wire.job_schemas import JobEvent
from imagegen.wire.serializers import serialize_job

KEEP_ALIVE: Final = timedelta(seconds=15)
_STAGES: Final = {"in_queue": "in_queue", "in_progress": "generating", "storing": "storing"}


class _Announcement(BaseModel):
    """Progress that another process announced. That process may run another version of imagegen."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    version: int
    status: JobStatus
    stage: Literal["in_queue", "in_progress", "storing"]
    queue_position: int | None = None
    logs: tuple[str, ...] = ()
    stored: int | None = None
    images: int | None = None


def _always() -> bool:
    return True


async def events_of(
    job: Job,
    services: Services,
    keep_alive: timedelta = KEEP_ALIVE,
    is_admitted: Callable[[], bool] = _always,
) -> AsyncGenerator[bytes]:
    """The job's events as text, from its current state to its end, or until the service stops.

    Announcements have no history, so the job is read from MongoDB at the start, at every transition and every few
    seconds. If nothing happens for a while, a comment keeps the connection alive.

    Args:
        job: as it was read.
        services: the open services.
        keep_alive: how long the stream may be silent.
        is_admitted: whether the caller is still admitted, checked at every read of the job. If not, the stream ends.
    """
    with services.queue.subscriptions.subscribe(job.id) as listener:
        sent, sent_at, read_at = 0, uptime(), -RECHECK_EVERY.total_seconds()
        while True:
            announced = listener.take()
            if _has_newer(announced, sent) or uptime() - read_at >= RECHECK_EVERY.total_seconds():
                with suppress(DatabaseUnavailable):
                    job = await services.jobs.get(job.id)
                read_at = uptime()
                if not is_admitted():
                    return
            for event in await _events(job, sent, announced, services):
                yield _text(event)
                sent, sent_at = job.version, uptime()
            if job.status.is_final or services.stopping.is_set():
                return
            if uptime() - sent_at >= keep_alive.total_seconds():
                yield KEEPALIVE_COMMENT
                sent_at = uptime()
            await wait_any(listener.changed, services.stopping, at_most=min(RECHECK_EVERY, keep_alive))


def _has_newer(announced: Sequence[JsonObject], sent: int) -> bool:
    """Whether a later version of the job was announced. An announcement without a readable version may be one."""
    versions = (each.get("version") for each in announced)
    return any(not isinstance(version, int) or version > sent for version in versions)


async def _events(job: Job, sent: int, announced: Sequence[JsonObject], services: Services) -> Sequence[JobEvent]:
    """The events to send: progress in the version that was sent last, the job if it is newer, and progress since."""
    progress = [each for each in _progress(announced, job) if sent <= each.version <= job.version]
    if job.version <= sent:
        return progress
    before = [each for each in progress if sent and each.version < job.version]
    since = [each for each in progress if each.version == job.version and not job.status.is_final]
    return [*before, await _state(job, services), *since]


def _progress(announced: Sequence[JsonObject], job: Job) -> Iterator[JobEvent]:
    for each in announced:
        with suppress(ValidationError):  # a transition, or an announcement of another version of imagegen
            progress = _Announcement.model_validate(each)
            yield JobEvent(
                job_id=job.id,
                version=progress.version,
                status=progress.status.value,
                stage=_STAGES[progress.stage],
                queue_position=progress.queue_position,
                logs=list(progress.logs),
                images_stored=progress.stored,
                images_total=progress.images,
                waiting_for=None,
                job=None,
            )


async def _state(job: Job, services: Services) -> JobEvent:
    return JobEvent(
        job_id=job.id,
        version=job.version,
        status=job.status.value,
        stage=_stage(job),
        queue_position=None,
        logs=[],
        images_stored=None,
        images_total=len(job.result.images) if job.result else None,
        waiting_for=waiting_for(job),
        job=await serialize_job(job, services) if job.status.is_final else None,
    )


def _stage(job: Job) -> str | None:
    """The stage of the stored job. Its progress inside fal is not stored."""
    if job.status.is_final:
        return None
    if job.result is not None:
        return "storing"
    if job.submission.state is SubmissionState.SUBMITTED:
        return "submitted"
    return "waiting" if job.status is JobStatus.QUEUED else "submitting"


def _text(event: JobEvent) -> bytes:
    return format_sse_event(data_str=event.model_dump_json(), id=str(event.version))
