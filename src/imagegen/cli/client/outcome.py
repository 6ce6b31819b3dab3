"""A job from its submit to its end: send it, wait for it, save its images, say how it went."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import typer

from imagegen.cli.client.downloads import save_images
from imagegen.cli.client.service import Json, Service
from imagegen.cli.client.terminal_images import show_image
from imagegen.cli.client.waiting import has_ended, showing_progress, wait_for_job
from imagegen.cli.errors import LocalFileError, Refused, ServiceUnreachable
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import dollars, print_json, print_message


def submit(service: Service, path: str, body: Json | None, idempotency_key: str | None) -> Json:
    """The job that a POST creates, or that an earlier one with this key has created, however it ended."""
    key = idempotency_key or str(uuid.uuid4())
    hint = f"If it was accepted, the same command with `--idempotency-key {key}` finds it and pays nothing again."
    try:
        with showing_progress("sending …"):
            return service.post(path, body, prefer="respond-async", idempotency_key=key)
    except Refused as error:
        if error.failed_job is None:
            raise
        return service.get(f"/api/jobs/{error.failed_job}")
    except KeyboardInterrupt:
        print_message(hint)
        raise
    except ServiceUnreachable as error:
        raise ServiceUnreachable(f"{error}\n{hint}") from None


def finish(
    service: Service,
    job: Json,
    output: Path | None,
    *,
    wait: bool = True,
    timeout: float | None = None,
    show: bool = False,
    as_json: bool = False,
) -> None:
    """Wait for a job, save its images, print their files.

    The exit code is 1 if the job ended without an image, or has not ended although it was waited for.
    """
    files: Sequence[Path] = ()
    if wait:
        job, files = _wait(service, job, output, timeout)
    _print(job, files, as_json=as_json)
    if show and not as_json:
        for file in files:
            show_image(file)
    if job["status"] != "completed" and (wait or has_ended(job)):
        raise typer.Exit(ExitCode.FOUND_FAULTS)


def _wait(service: Service, job: Json, output: Path | None, timeout: float | None) -> tuple[Json, Sequence[Path]]:
    try:
        with showing_progress(job["status"]) as progress:
            job = wait_for_job(service, job, progress, timeout)
            return job, save_images(service, job, output)
    except KeyboardInterrupt:
        print_message(f"The job goes on: `imagegen jobs wait {job['jobId']}`, or `imagegen jobs cancel {job['jobId']}`")
        raise
    except (ServiceUnreachable, LocalFileError) as error:
        raise type(error)(f"{error}\nThe job is {job['jobId']}: `imagegen jobs wait {job['jobId']}`") from None


def _print(job: Json, files: Sequence[Path], *, as_json: bool) -> None:
    if as_json:
        print_json({"estimate": None, "job": job, "files": [str(file) for file in files]})
        return
    for file in files:
        typer.echo(file)
    print_message(summary(job))
    if not has_ended(job):
        typer.echo(job["jobId"])


def summary(job: Json) -> str:
    """How a job is or went, in a line."""
    name = f"Job {job['jobId']}"
    if job["status"] == "completed":
        count = len(job["images"])
        lost = "".join(f" Missing: {image['message']}." for image in job["missingImages"])
        return f"{name}: {count} image{'' if count == 1 else 's'}, {dollars(job['cost']['totalCost'])}.{lost}"
    if job["error"]:
        again = f" Try again: `imagegen jobs retry {job['jobId']}`" if job["error"]["retryable"] else ""
        charged = "charged" if job["error"]["charged"] else "not charged"
        return f"{name} {job['status']} ({job['error']['code']}, {charged}): {job['error']['message']}{again}"
    return f"{name} is {job['status']}."
