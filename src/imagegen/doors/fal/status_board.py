"""The statuses that clients poll for, in memory: kept current by the jobs' events, and read again every few seconds.

fal's Python client polls ten times a second. A poll that would be answered like the last one is held for up to a
second, so a hundred waiting scripts are a hundred requests a second, and none of them reads MongoDB.
"""

from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from imagegen.clock import now, uptime, wait_any
from imagegen.errors import DatabaseUnavailable, JobDeleted, JobNotFound
from imagegen.jobs import Job, JobStatus, Submission, is_job_id
from imagegen.json_object import JsonObject
from imagegen.keys import Caller
from imagegen.operations.access import get_visible_job
from imagegen.operations.wait import RECHECK_EVERY
from imagegen.queue.subscriptions import Subscription
from imagegen.services import Services
from imagegen.wire.fal_results import failure_of, inference_seconds

HELD: Final = timedelta(seconds=1)
_MOST_JOBS: Final = 4096
_IDLE: Final = 60.0  # seconds after the last poll
_FINAL_KEPT: Final = 10.0  # seconds; then a poll finds a job that runs again, or was deleted
_MOST_LINES: Final = 100
_LONGEST_LINE: Final = 500
_FINAL: Final = frozenset(status.value for status in JobStatus if status.is_final)


@dataclass(slots=True)
class Line:
    """A line of the model's log, or of ours."""

    message: str
    at: datetime
    level: str = "INFO"

    def as_json(self) -> JsonObject:
        """In fal's form."""
        return {
            "message": self.message,
            "timestamp": self.at.isoformat().replace("+00:00", "Z"),
            "level": self.level,
            "source": "USER",
        }


class JobStatusEntry:
    """What is known of one job. `job` is as it was last read; None before the first read."""

    def __init__(self, job_id: str, services: Services, clock: Callable[[], float]) -> None:
        self.job: Job | None = None
        self.state, self.position = "IN_QUEUE", 0
        self.told: object = None
        self._clock, self._used_at = clock, clock()
        self._job_id, self._read_at = job_id, clock() - RECHECK_EVERY.total_seconds()
        self._lines: deque[Line] = deque(maxlen=_MOST_LINES)
        self._until = ExitStack()
        self._subscription: Subscription = self._until.enter_context(services.queue.subscriptions.subscribe(job_id))

    def close(self) -> None:
        """Stop listening."""
        self._until.close()

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self.job is not None and self.job.status.is_final

    @property
    def mark(self) -> object:
        """Equal as long as a client would be told the same."""
        return (self.state, self.position, len(self._lines))

    @property
    def is_old(self) -> bool:
        """Whether it is no longer worth its memory."""
        return self._clock() - self._used_at > (_FINAL_KEPT if self.is_final else _IDLE)

    def use(self) -> None:
        """Keep it in memory for longer."""
        self._used_at = self._clock()

    async def refresh(self, services: Services) -> None:
        """Take in the events, and read the job if it has ended or was not read for a while.

        Raises:
            JobNotFound: there is no such job.
            JobDeleted: it was deleted.
            DatabaseUnavailable: it was never read, and cannot be now.
        """
        has_ended = False
        for event in self._subscription.take():
            has_ended |= self._take(event)
        ended, self._subscription.ended = self._subscription.ended, None
        if ended is not None:
            self.adopt(ended)
        elif has_ended or (not self.is_final and self._clock() - self._read_at >= RECHECK_EVERY.total_seconds()):
            self._read_at = self._clock()  # before the read, so that other polls do not read too
            await self._read(services)

    async def change(self, services: Services, at_most: timedelta) -> None:
        """Wait for the next event, for the end of the process, or until the time has passed."""
        await wait_any(self._subscription.changed, services.stopping, at_most=at_most)

    def adopt(self, job: Job) -> None:
        """Take what a job says, as it was read."""
        self.job, self._read_at = _without_bodies(job), self._clock()
        if job.status.is_final:
            self.state = "COMPLETED"
        elif job.status is JobStatus.RUNNING and (job.generating_at is not None or job.result is not None):
            self.state = "IN_PROGRESS"
        elif self.state == "COMPLETED":  # it runs again
            self.state = "IN_QUEUE"

    def shape(self, urls: JsonObject, *, with_logs: bool) -> JsonObject:
        """The status in fal's form. `urls` are its three addresses."""
        logs: JsonValue = [dict(line.as_json()) for line in self._all_lines()] if with_logs else None
        common: dict[str, JsonValue] = {"status": self.state, "request_id": self._job_id, **urls}
        if self.state == "IN_QUEUE":
            return {**common, "queue_position": self.position, "logs": logs}
        if self.state == "IN_PROGRESS" or self.job is None:
            return {**common, "logs": logs}
        seconds = inference_seconds(self.job)
        metrics: JsonObject = {} if seconds is None else {"inference_time": seconds}
        failure = failure_of(self.job)
        error: JsonObject = {}
        if failure is not None:
            error = {"error": failure.text, "error_type": failure.body["error_type"]}
        return {**common, "logs": logs, "metrics": dict(metrics), **error}

    async def _read(self, services: Services) -> None:
        try:
            self.adopt(await services.jobs.get(self._job_id))
        except DatabaseUnavailable:
            if self.job is None:
                raise

    def _take(self, event: JsonObject) -> bool:
        """Take what an event says; returns whether the job must be read, because it has ended or cannot be told."""
        status, stage = event.get("status"), event.get("stage")
        if status is None or status in _FINAL:
            return True
        if stage in {"in_progress", "storing"}:
            self.state, self.position = "IN_PROGRESS", 0
        elif stage == "in_queue" and self.state == "IN_QUEUE":
            position = event.get("queuePosition")
            self.position = position if isinstance(position, int) else 0
        lines = event.get("logs")
        for line in lines if isinstance(lines, list) else ():
            self._lines.append(Line(str(line)[:_LONGEST_LINE], now()))
        return False

    def _all_lines(self) -> Sequence[Line]:
        """The lines of the model's log that this process has seen, after ours about names that were dropped."""
        call = self.job.fal_call if self.job else None
        if self.job is None or call is None or not call.ignored:
            return tuple(self._lines)
        words = f"{self.job.model} has no {', '.join(call.ignored)}: ignored."
        return (Line(words, self.job.created_at, "WARN"), *self._lines)


class StatusBoard:
    """The jobs that were requested or polled for in this process lately."""

    def __init__(self, clock: Callable[[], float] = uptime) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, JobStatusEntry] = OrderedDict()

    def begin(self, job: Job, services: Services, *, is_current: bool) -> None:
        """Listen to a job that was accepted, because its client will poll. It was told that the job is queued.

        Args:
            job: as it was stored.
            services: its events, and where it is read.
            is_current: whether it has not ended since. If that is unknown, it is read at the first poll.
        """
        entry = self._entry(job.id, services)
        if is_current and entry.job is None:
            entry.adopt(job)
            entry.told = entry.mark

    async def poll(self, job_id: str, caller: Caller, services: Services, held: timedelta = HELD) -> JobStatusEntry:
        """The status of a job. One that was told before is held until it changes, for `held` at most.

        Raises:
            JobNotFound: there is none that the caller may see.
            JobDeleted: the caller could see it before it was deleted.
            DatabaseUnavailable: it was never read, and cannot be now.
        """
        entry = await self._visible(job_id, caller, services)
        until = uptime() + held.total_seconds()
        while entry.mark == entry.told and not entry.is_final and not services.stopping.is_set():
            if (left := until - uptime()) <= 0:
                break
            await entry.change(services, timedelta(seconds=left))
            await self._refresh(entry, job_id, services)
        entry.told = entry.mark
        entry.use()
        return entry

    async def changes(
        self, job_id: str, caller: Caller, services: Services, keep_alive: timedelta
    ) -> AsyncGenerator[JobStatusEntry | None]:
        """The status at first and after each change, to the job's end; None if nothing happened for a while."""
        entry, told, told_at = await self._visible(job_id, caller, services), None, uptime()
        while True:
            if entry.mark != told:
                told, told_at = entry.mark, uptime()
                yield entry
            if entry.is_final or services.stopping.is_set():
                return
            if uptime() - told_at >= keep_alive.total_seconds():
                told_at = uptime()
                yield None
            await entry.change(services, min(keep_alive, RECHECK_EVERY))
            entry.use()
            try:
                await self._refresh(entry, job_id, services)
            except (JobNotFound, JobDeleted):
                return

    async def _visible(self, job_id: str, caller: Caller, services: Services) -> JobStatusEntry:
        if not is_job_id(job_id):
            raise JobNotFound(job_id[:64])
        entry = self._entry(job_id, services)
        try:
            await self._refresh(entry, job_id, services)
        except JobDeleted as error:
            if caller.can_access(error.user_id):
                raise
            raise JobNotFound(job_id) from None
        if entry.job is None:  # another poll of the same job reads it at this moment
            entry.adopt(await get_visible_job(job_id, services.jobs, caller))
        if entry.job is None or not caller.can_access(entry.job.user_id):
            raise JobNotFound(job_id)
        return entry

    async def _refresh(self, entry: JobStatusEntry, job_id: str, services: Services) -> None:
        try:
            await entry.refresh(services)
        except (JobNotFound, JobDeleted):
            self._drop(job_id)
            raise

    def _entry(self, job_id: str, services: Services) -> JobStatusEntry:
        self._sweep()
        entry = self._entries.get(job_id)
        if entry is None:
            entry = self._entries[job_id] = JobStatusEntry(job_id, services, self._clock)
        entry.use()
        self._entries.move_to_end(job_id)
        return entry

    def _sweep(self) -> None:
        """Drop the entries that were used least recently, if they are old or too many."""
        while self._entries:
            oldest = next(iter(self._entries))
            if not self._entries[oldest].is_old and len(self._entries) < _MOST_JOBS:
                return
            self._drop(oldest)

    def _drop(self, job_id: str) -> None:
        entry = self._entries.pop(job_id, None)
        if entry is not None:
            entry.close()


def _without_bodies(job: Job) -> Job:
    """The job without what a status does not tell, and what may be megabytes."""
    result = job.result
    if result is not None:
        timings = {"timings": result.payload["timings"]} if "timings" in result.payload else {}
        result = replace(result, images=(), payload=timings)
    return replace(job, inputs={}, options={}, payload={}, submission=Submission(), images=(), result=result)
