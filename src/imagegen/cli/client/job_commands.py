"""`imagegen jobs`: the jobs of a running service."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from imagegen.cli.client.desktop import confirm, open_in_browser
from imagegen.cli.client.downloads import prepare
from imagegen.cli.client.generate import IdempotencyKeyOption, NoWaitOption, OutputOption
from imagegen.cli.client.outcome import finish, submit, summary
from imagegen.cli.client.service import Json, Service, job_path, open_service
from imagegen.cli.client.target import TargetOptions, with_target_options
from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.output import JsonOption, dollars, print_json, print_message
from imagegen.cli.tables import Column, Row, print_table

app = typer.Typer(help="Look at jobs, wait for them, cancel, retry and delete them.", no_args_is_help=True)
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
_COLUMNS = (
    Column("JOB"),
    Column("CREATED"),
    Column("STATUS"),
    Column("PRICE", is_number=True),
    Column("MODEL"),
    Column("USER"),
)
_LARGEST_PAGE = 100


@app.command("list")
@with_target_options
def list_jobs(
    *,
    user: Annotated[str | None, typer.Option(help="Jobs of this userId. Default: of all.")] = None,
    status: Annotated[str | None, typer.Option(help="queued, running, completed, failed or cancelled.")] = None,
    model: Annotated[str | None, typer.Option(help="Jobs of this model.")] = None,
    batch: Annotated[str | None, typer.Option(help="Jobs of this batch, by its id.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    with reporting_errors("The jobs cannot be listed", as_json=as_json), open_service(target) as service:
        wanted = {"userId": user, "status": status, "model": model, "batchId": batch}
        jobs = list(_jobs(service, limit, wanted))
    if as_json:
        print_json({"jobs": [*jobs]})
    elif jobs:
        print_table(_COLUMNS, [_row(job) for job in jobs])
    else:
        print_message("There are no such jobs.")


@app.command("show")
@with_target_options
def show_job(job_id: JobArgument, *, target: TargetOptions, as_json: JsonOption = False) -> None:
    """Show a job: what was asked, how it went, what it cost."""
    with reporting_errors("The job cannot be shown", as_json=as_json), open_service(target) as service:
        job = service.get(job_path(job_id))
        if as_json:
            print_json({"job": job})
        else:
            print_table((Column("FIELD"), Column("VALUE")), list(_fields(job, service.url)))


@app.command("wait")
@with_target_options
def wait_for(
    job_id: JobArgument,
    *,
    output: OutputOption = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most.", min=0)] = None,
    show: Annotated[bool, typer.Option(help="Show the image in terminals that can.")] = True,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """Wait until a job has ended, and save its images.

    The exit code is 1 if it failed, was cancelled, or has not ended by the timeout.
    """
    with reporting_errors("The job cannot be waited for", as_json=as_json), open_service(target) as service:
        prepare(output)
        job = service.get(job_path(job_id))
        finish(service, job, output, timeout=timeout, show=show, as_json=as_json)


@app.command("cancel")
@with_target_options
def cancel_job(job_id: JobArgument, *, target: TargetOptions, as_json: JsonOption = False) -> None:
    """Cancel a job. If fal.ai completes it all the same, it is delivered and charged."""
    with reporting_errors("The job cannot be cancelled", as_json=as_json), open_service(target) as service:
        job = service.post(job_path(job_id, "/cancel"))
    if as_json:
        print_json({"job": job})
    elif job["status"] == "cancelled":
        print_message(f"Job {job_id} is cancelled. Nothing is charged.")
    else:
        print_message(f"fal.ai is asked to cancel job {job_id}: `imagegen jobs wait {job_id}` says how it ends.")


@app.command("retry")
@with_target_options
def retry_job(
    job_id: JobArgument,
    *,
    output: OutputOption = None,
    no_wait: NoWaitOption = False,
    show: Annotated[bool, typer.Option(help="Show the image in terminals that can.")] = True,
    idempotency_key: IdempotencyKeyOption = None,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """Try a failed or cancelled job again, as a new job that is paid for like any other."""
    with reporting_errors("The job cannot be retried", as_json=as_json), open_service(target) as service:
        prepare(output)
        job = submit(service, job_path(job_id, "/retry"), None, idempotency_key)
        finish(service, job, output, wait=not no_wait, show=show, as_json=as_json)


@app.command("delete")
@with_target_options
def delete_job(
    job_id: JobArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """Delete an ended job: its images, its inputs and its result. What it cost is kept."""
    with reporting_errors("The job cannot be deleted", as_json=as_json), open_service(target) as service:
        confirm(f"Delete job {job_id} and its images for good?", yes=yes)
        service.delete(job_path(job_id))
    if as_json:
        print_json({"deleted": job_id})
    else:
        print_message(f"Job {job_id} is deleted.")


@app.command("open")
@with_target_options
def open_job(job_id: JobArgument, *, target: TargetOptions) -> None:
    """Open a job's images in the browser. Their links go to stdout."""
    with reporting_errors("The job cannot be opened"), open_service(target) as service:
        job = service.get(job_path(job_id))
        if not job["images"]:
            raise InvalidArgument(summary(job))
        for image in job["images"]:
            link = _absolute(image.get("link", image["url"]), service.url)  # services of 0.1.0 have no `link`
            typer.echo(link)
            open_in_browser(link)


def _jobs(service: Service, limit: int, wanted: dict[str, Any]) -> Iterator[Json]:
    """At most `limit` jobs, page by page."""
    cursor: str | None = None
    while limit > 0:
        page = service.get("/api/jobs", limit=min(limit, _LARGEST_PAGE), cursor=cursor, **wanted)
        yield from page["jobs"]
        limit, cursor = limit - len(page["jobs"]), page["nextCursor"]
        if cursor is None:
            return


def _row(job: Json) -> Row:
    price = dollars(job["cost"]["totalCost"])
    return Row((job["jobId"], _time(job["createdAt"]), job["status"], price, job["model"], job["userId"]))


def _fields(job: Json, url: str) -> Iterator[Row]:
    """What there is to say about a job; nothing for what it does not have."""
    links: Sequence[str] = [image["permalink"] for image in job["images"]]
    values = {
        "job": job["jobId"],
        "status": job["status"],
        "model": job["model"],
        "user": job["userId"],
        "batch": job["batchId"],
        "retry of": job["retryOf"],
        "created": _time(job["createdAt"]),
        "started": job["startedAt"] and _time(job["startedAt"]),
        "ended": job["completedAt"] and _time(job["completedAt"]),
        **job["inputs"],
        **job["options"],
        "price": dollars(job["cost"]["totalCost"]),
        "waiting for": job["waitingFor"],
        "error": job["error"] and job["error"]["message"],
        "attention": job["attention"],
    }
    yield from (Row((name, str(value))) for name, value in values.items() if value is not None)
    yield from (Row(("image", _absolute(link, url))) for link in links)
    yield from (Row(("missing", image["message"])) for image in job["missingImages"])


def _absolute(link: str, url: str) -> str:
    return f"{url}{link}" if link.startswith("/") else link


def _time(stamp: str) -> str:
    """A time in UTC to the minute, which is enough to find a job."""
    return stamp[:16].replace("T", " ")
