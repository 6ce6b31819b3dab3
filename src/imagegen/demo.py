"""`make demo`: the main job for real, on one machine, through the HTTP API that everybody uses."""

import asyncio
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

import httpx
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from imagegen.serving import serve
from imagegen.settings import Settings

_STAGES: Final = {"queued": 1, "running": 2, "completed": 3, "failed": 3}
_MOST_SECONDS: Final = 120
_WIDE: Final = 2000
_SERVERS: Final = ("FAL_", "MONGODB_", "S3_", "NATS_", "AWS_", "IMAGEGEN_ENV", "IMAGEGEN_CATALOG", "IMAGEGEN_DATA_DIR")
_DOORS: Final = ("IMAGEGEN_API_KEYS_FILE", "IMAGEGEN_ALLOW", "PUBLIC_URL")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one model did; `file` is None if it failed, and `note` says why."""

    model: str
    job_id: str
    seconds: float
    price: float
    url: str
    file: Path | None
    note: str


async def demo(output: Path, port: int, *, once: bool) -> bool:
    """Start the service with the whole local stack, use every model, show the results.

    Returns:
        Whether every model made its picture.
    """
    console = Console()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stopping = asyncio.Event()
    with console.status("Starting a fal.ai sandbox, MongoDB, S3 and NATS on this machine…"):
        service = asyncio.create_task(
            serve(_local_settings(), "127.0.0.1", _free_or(port), ready=ready.set_result, stopping=stopping)
        )
        await asyncio.wait({service, ready}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        await service
        return False
    outcomes = await _use_every_model(console, ready.result(), output)
    _show(console, outcomes, ready.result())
    if once:
        stopping.set()
    else:
        console.print("Press Ctrl+C to stop.")
    await service
    return all(outcome.file for outcome in outcomes)


def _local_settings() -> Settings:
    """The environment without its servers: a demo must never spend anybody's money or touch anybody's data."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith((*_SERVERS, *_DOORS))}
    return Settings.read({**environ, "IMAGEGEN_DATA_DIR": ".imagegen/demo"}, dotenv=None)


def _free_or(port: int) -> int:
    """The port, or 0 (any free one) when somebody has it already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


async def _use_every_model(console: Console, url: str, output: Path) -> list[Outcome]:
    await asyncio.to_thread(output.mkdir, parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[stage]}"), TimeElapsedColumn())
    outcomes: list[Outcome] = []
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        with Progress(*columns, console=console) as progress:
            models = (await client.get("/api/images/models")).raise_for_status().json()["models"]
            # Text first: the models that need pictures are given those that were just made.
            for model in sorted(models, key=_takes_pictures):
                task = progress.add_task(f"{model['name']:<26}", total=3, stage="asking")
                body = await _request_body(client, model["name"], [outcome.url for outcome in outcomes])
                outcomes.append(await _make(client, body, output, progress, task))
    return outcomes


def _takes_pictures(model: Json) -> bool:
    return any("image_url" in name for name in model["requiredInputs"])


async def _request_body(client: httpx.AsyncClient, model: str, pictures: list[str]) -> Json:
    """The model's own example, its example pictures replaced by ones that were just made."""
    detail = (await client.get(f"/api/images/models/{model}")).raise_for_status().json()
    body: Json = {**detail["example"], "userId": "demo"}
    supply = iter(pictures)
    body["inputs"] = {name: _with_pictures(name, value, supply) for name, value in body["inputs"].items()}
    return body


def _with_pictures(name: str, value: object, supply: Iterator[str]) -> object:
    if "image_url" not in name:
        return value
    if isinstance(value, list):
        return [next(supply, item) for item in cast("list[str]", value)]
    return next(supply, value)


async def _make(
    client: httpx.AsyncClient, body: Mapping[str, Any], output: Path, progress: Progress, task: TaskID
) -> Outcome:
    started = monotonic()
    accepted = await client.post("/api/images/generate", json=body, headers={"Prefer": "respond-async"})
    job: Json = accepted.json()
    if accepted.is_error:
        return _outcome(body["model"], {"jobId": "-"}, monotonic() - started, None, job["detail"])
    while job["status"] in {"queued", "running"} and monotonic() - started < _MOST_SECONDS:
        progress.update(task, completed=_STAGES[job["status"]], stage=job["status"])
        await asyncio.sleep(0.1)
        job = (await client.get(f"/api/jobs/{job['jobId']}")).raise_for_status().json()
    progress.update(task, completed=_STAGES.get(job["status"], 2), stage=job["status"])
    seconds = monotonic() - started
    if job["status"] != "completed":
        reason = job["error"]["message"] if job["error"] else f"still {job['status']} after {_MOST_SECONDS} s"
        return _outcome(body["model"], job, seconds, None, reason)
    return _outcome(body["model"], job, seconds, await _save(client, job, output), "")


async def _save(client: httpx.AsyncClient, job: Json, output: Path) -> Path:
    image = job["images"][0]
    picture = (await client.get(image["url"])).raise_for_status().content
    file = output / f"{job['model']}.{image['contentType'].removeprefix('image/')}"
    await asyncio.to_thread(file.write_bytes, picture)
    return file


def _outcome(model: str, job: Json, seconds: float, file: Path | None, note: str) -> Outcome:
    images = job.get("images") or [{"url": ""}]
    price = job["cost"]["totalCost"] if "cost" in job else 0.0
    return Outcome(
        model=model, job_id=job["jobId"], seconds=seconds, price=price, url=images[0]["url"], file=file, note=note
    )


def _show(console: Console, outcomes: list[Outcome], url: str) -> None:
    """The table; the links come last and are never folded, so that they can be clicked and copied."""
    table = Table(title="One picture with every model", box=box.SIMPLE_HEAD, title_justify="left")
    for heading in ("model", "job", "seconds", "price", "saved as", "URL"):
        table.add_column(heading, no_wrap=True)
    for outcome in outcomes:
        saved = str(outcome.file) if outcome.file else f"[red]failed[/] {escape(outcome.note)}"
        table.add_row(
            outcome.model, outcome.job_id, f"{outcome.seconds:.1f}", f"${outcome.price:.3f}", saved, outcome.url
        )
    Console(width=_WIDE, file=console.file, force_terminal=console.is_terminal).print(table, crop=False)
    console.print(
        f"Open [bold]{url}/api-docs[/] and try it, or see the history: {url}/api/jobs?userId=demo", soft_wrap=True
    )
