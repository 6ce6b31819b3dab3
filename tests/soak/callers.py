"""What callers do besides requesting images: uploads, the history, deletion, leaving a stream early.

They run beside the clients of the chaos run, on any of the API processes.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import wraps
from typing import Final

import httpx

from tests.chaos import load
from tests.chaos.load import Behaviour, Client
from tests.support.specimens import PNG

_LONGEST: Final = 30.0  # seconds for a response
_AT_ONCE: Final = "respond-async"
_LEFT: Final = frozenset({204, 202, 404, 409, 410, 502, 503})  # of a deletion, or of an image that is gone


async def leave_in_the_middle(client: Client) -> None:
    """Follow the events of a job, and disconnect after the first few."""
    job_id = await client.ask(within=_LONGEST, prefer=_AT_ONCE)
    if job_id is None:
        return
    most = client.rng.choice((1, 3))
    async with client.http.stream("GET", f"{client.address}/api/jobs/{job_id}/events", timeout=_LONGEST) as answer:
        lines = 0
        async for line in answer.aiter_lines():
            lines += line.startswith("data:")
            if lines >= most:
                return


async def edit_an_upload(client: Client) -> None:
    """Upload an image, and request an edit of it."""
    form = {"userId": client.wish.user}
    answer = await client.http.post(
        f"{client.address}/api/uploads", data=form, files={"file": ("photo.png", PNG)}, timeout=_LONGEST
    )
    if not _expected(client, answer, 201):
        return
    inputs = {"prompt": f"{client.wish.token} at night", "image_urls": [answer.json()["url"]]}
    body = {"model": "nano-banana-edit", "inputs": inputs, "userId": client.wish.user}
    url, headers = f"{client.address}/api/images/generate", {"Prefer": _AT_ONCE}
    client.told.hear(client.wish, await client.http.post(url, json=body, headers=headers, timeout=_LONGEST))


async def look_back(client: Client) -> None:
    """Page through the history, and read the usage."""
    page = await _get(client, f"/api/jobs?userId={client.wish.user}&limit=5")
    if page.is_success and (cursor := page.json()["nextCursor"]):
        await _get(client, f"/api/jobs?userId={client.wish.user}&limit=5&cursor={cursor}")
    await _get(client, f"/api/usage?userId={client.wish.user}&groupBy=model")
    await _get(client, "/api/images/models")


async def take_and_delete(client: Client) -> None:
    """Wait for a job, download its image, and delete the job."""
    job_id = await client.ask(within=_LONGEST, prefer="wait=15")
    if job_id is None:
        return
    taken = await client.http.get(f"{client.address}/api/images/{job_id}/0", follow_redirects=True, timeout=_LONGEST)
    _expected(client, taken, 200, *_LEFT)
    gone = await client.http.delete(f"{client.address}/api/jobs/{job_id}", timeout=_LONGEST)
    _expected(client, gone, *_LEFT)


async def _get(client: Client, path: str) -> httpx.Response:
    answer = await client.http.get(f"{client.address}{path}", timeout=_LONGEST)
    _expected(client, answer, 200)
    return answer


def _expected(client: Client, answer: httpx.Response, *statuses: int) -> bool:
    """Whether the status is one of these. Any other but 503 (a server is down) is recorded as a surprise."""
    if answer.status_code not in {*statuses, 503}:
        request = answer.request
        client.told.surprises.append(f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer.status_code in statuses


def _patient(behave: Behaviour) -> Behaviour:
    """A caller that disconnects when a response does not come, as while a server hangs."""

    @wraps(behave)
    async def patiently(client: Client) -> None:
        with suppress(httpx.TransportError):
            await behave(client)

    return patiently


# Each with its weight, and whether such clients give an idempotency key.
BEHAVIOURS: Final[Mapping[Behaviour, tuple[int, bool]]] = {
    **load.BEHAVIOURS,
    _patient(leave_in_the_middle): (3, False),
    _patient(edit_an_upload): (2, False),
    _patient(look_back): (4, False),
    _patient(take_and_delete): (2, True),
}
