"""Waiting for a job or a batch, with its progress on stderr."""

from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from rich.status import Status

from imagegen.cli.client.service import Json, Service
from imagegen.cli.output import messages, print_message

_UNFINISHED: Final = frozenset({"queued", "running"})
_LONG_POLL: Final = 30  # seconds; the service allows 60


class Progress:
    """One line that changes on a terminal; in a pipe, a line for each change."""

    def __init__(self, status: Status | None) -> None:
        self._status, self._shown = status, ""

    def show(self, text: str) -> None:
        """Show what is going on."""
        if self._status:
            self._status.update(text)
        elif text != self._shown:
            print_message(text)
        self._shown = text


@contextmanager
def showing_progress(text: str) -> Generator[Progress]:
    """Show progress on stderr while the block runs."""
    console = messages()
    if console.is_terminal:
        with console.status(text) as status:
            yield Progress(status)
    else:
        progress = Progress(None)
        progress.show(text)
        yield progress


def has_ended(job: Json) -> bool:
    """Whether a job has completed, failed or was cancelled."""
    return job["status"] not in _UNFINISHED


def wait_for_job(service: Service, job: Json, progress: Progress, timeout: float | None = None) -> Json:
    """Follow a job by its events, and by long polls if its stream cannot be had or ends early.

    Returns:
        The job once it has ended, or as it is after `timeout` seconds.
    """
    deadline = None if timeout is None else monotonic() + timeout
    path = f"/api/jobs/{job['jobId']}"
    if deadline is None and not has_ended(job):
        with service.events(f"{path}/events") as events:
            for event in events:
                if event["job"] is None:
                    progress.show(_stage(event))
                job = event["job"] or job
    while not has_ended(job) and (deadline is None or monotonic() < deadline):
        left = _LONG_POLL if deadline is None else min(_LONG_POLL, deadline - monotonic())
        job = service.get(path, wait=max(1, round(left)))
        progress.show(f"waiting for {job['waitingFor']}" if job["waitingFor"] else job["status"])
    return job


def wait_for_batch(service: Service, batch: Json, progress: Progress) -> Json:
    """Follow a batch by long polls, which the service answers when its counts change."""
    path, tag = f"/api/batches/{batch['batchId']}", ""
    while batch["status"] != "ended":
        headers = {"If-None-Match": tag} if tag else {}
        response = service.send("GET", path, params={"wait": _LONG_POLL}, headers=headers)
        if response.is_success:
            batch, tag = response.json(), response.headers.get("etag", "")
        counts = batch["counts"]
        done = counts["completed"] + counts["failed"] + counts["cancelled"]
        progress.show(f"{done} of {counts['total']} done, {counts['failed']} failed")
    return batch


def _stage(event: Json) -> str:
    """An event in a few words."""
    text = (event["stage"] or event["status"]).replace("_", " ")
    if event["queuePosition"]:
        text += f", {event['queuePosition']} ahead"
    if event["imagesTotal"]:
        text += f", {event['imagesStored'] or 0} of {event['imagesTotal']} images"
    return f"{text} …"
