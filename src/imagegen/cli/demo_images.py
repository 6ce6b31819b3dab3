"""What `imagegen demo` does with the running service: an image with each of six models, through the public HTTP API."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_STAGES: Final = {"queued": 1, "running": 2, "completed": 3, "failed": 3}
_TIMEOUT: Final = 120  # seconds for each model
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one model did: an image, or `error`."""

    model: str
    job_id: str | None
    seconds: float
    price: float
    image: "Image | None" = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that was made.

    Attributes:
        file: where it was saved.
        signed_url: its link to S3, long and valid for an hour.
        permalink: its short link, valid as long as the service runs.
    """

    file: Path
    signed_url: str
    permalink: str


async def try_models(console: Console, url: str, output: Path) -> Sequence[Outcome]:
    """Make an image with each model of the first release, at the service at `url`; save it, show the progress."""
    from imagegen.registry.loading import FIRST_MODELS

    await asyncio.to_thread(output.mkdir, parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[stage]}"), TimeElapsedColumn())
    outcomes: list[Outcome] = []
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        with Progress(*columns, console=console) as progress:
            listed = (await client.get("/api/images/models")).raise_for_status().json()["models"]
            models = [model for model in listed if model["name"] in FIRST_MODELS]
            # Text-to-image models first: the others take the images that these have just made.
            for model in sorted(models, key=_takes_images):
                task = progress.add_task(f"{model['name']:<26}", total=3, stage="asking")
                made = [outcome.image.signed_url for outcome in outcomes if outcome.image]
                body = await _request_body(client, model["name"], made)
                outcomes.append(await _make(client, body, output, progress, task))
    return outcomes


def _takes_images(model: Json) -> bool:
    return any("image_url" in name for name in model["requiredInputs"])


async def _request_body(client: httpx.AsyncClient, model: str, urls: Sequence[str]) -> Json:
    """The model's own example, its example images replaced by ones that were just made."""
    detail = (await client.get(f"/api/images/models/{model}")).raise_for_status().json()
    body: Json = {**detail["example"], "userId": "demo"}
    supply = iter(urls)
    body["inputs"] = {name: _with_images(name, value, supply) for name, value in body["inputs"].items()}
    return body


def _with_images(name: str, value: object, supply: Iterator[str]) -> object:
    if "image_url" not in name:
        return value
    if isinstance(value, list):
        return [next(supply, item) for item in cast("list[str]", value)]
    return next(supply, value)


async def _make(
    client: httpx.AsyncClient, body: Mapping[str, Any], output: Path, progress: Progress, task: TaskID
) -> Outcome:
    started, model = monotonic(), body["model"]
    accepted = await client.post("/api/images/generate", json=body, headers={"Prefer": "respond-async"})
    job: Json = accepted.json()
    if accepted.is_error:
        return Outcome(model=model, job_id=None, seconds=monotonic() - started, price=0, error=job["detail"])
    while job["status"] in {"queued", "running"} and monotonic() - started < _TIMEOUT:
        progress.update(task, completed=_STAGES[job["status"]], stage=job["status"])
        await asyncio.sleep(0.1)
        job = (await client.get(f"/api/jobs/{job['jobId']}")).raise_for_status().json()
    progress.update(task, completed=_STAGES.get(job["status"], 2), stage=job["status"])
    return Outcome(
        model=model,
        job_id=job["jobId"],
        seconds=monotonic() - started,
        price=job["cost"]["totalCost"],
        image=await _save(client, job, output) if job["status"] == "completed" else None,
        error=_error(job),
    )


def _error(job: Json) -> str | None:
    if job["status"] == "completed":
        return None
    return job["error"]["message"] if job["error"] else f"still {job['status']} after {_TIMEOUT} s"


async def _save(client: httpx.AsyncClient, job: Json, output: Path) -> Image:
    image = job["images"][0]
    content = (await client.get(image["url"])).raise_for_status().content
    file = output / f"{job['model']}.{image['contentType'].removeprefix('image/')}"
    await asyncio.to_thread(file.write_bytes, content)
    permalink = str(client.base_url.join(image["permalink"]))
    return Image(file=file, signed_url=image["url"], permalink=permalink)
