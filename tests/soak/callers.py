"""What callers do beside asking for one picture: batches, events, uploads, the history, deleting, webhooks.

They go with the clients of the chaos run, on any of the API processes.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, Final

import httpx
from load import BEHAVIOURS, Behaviour, Client
from specimens import PNG

_LONGEST: Final = 30.0  # seconds for one answer
_AT_ONCE: Final = {"Prefer": "respond-async"}
_LEFT: Final = frozenset({204, 202, 404, 409, 410, 502, 503})  # of a delete, or of a picture that is not there


def behaviours(webhook_url: str) -> Mapping[Behaviour, tuple[int, bool]]:
    """Every way in which callers behave, with its weight, and whether it goes with an idempotency key."""

    async def be_told(client: Client) -> None:
        """Ask for the job with a webhook, and never look."""
        await _ask(client, {**client.wish.body, "webhookUrl": webhook_url})

    own: Mapping[Behaviour, tuple[int, bool]] = {
        follow: (3, False),
        wait_in_turns: (2, False),
        send_a_batch: (1, False),
        edit_an_upload: (2, False),
        look_back: (4, False),
        take_and_delete: (2, True),
        be_told: (2, False),
    }
    return {**BEHAVIOURS, **{_patient(behave): weight for behave, weight in own.items()}}


async def follow(client: Client) -> None:
    """Follow a job's events to its end, or go away in the middle."""
    job_id = await _ask(client, client.wish.body)
    if job_id is None:
        return
    most = client.rng.choice((1, 3, 1000))
    async with client.http.stream("GET", f"{client.address}/api/jobs/{job_id}/events", timeout=_LONGEST) as answer:
        lines = 0
        async for line in answer.aiter_lines():
            lines += line.startswith("data:")
            if lines >= most:
                return


async def wait_in_turns(client: Client) -> None:
    """Wait for a job in long polls, each at another process."""
    job_id = await _ask(client, client.wish.body)
    for _ in range(4 if job_id else 0):
        answer = await _get(client, f"/api/jobs/{job_id}?wait=5")
        if answer.is_success and answer.json()["completedAt"]:
            return


async def send_a_batch(client: Client) -> None:
    """Send a few requests at once, and wait for all of them."""
    single = {key: value for key, value in client.wish.body.items() if key != "userId"}
    body = {"userId": client.wish.user, "requests": [single] * client.rng.randint(2, 5)}
    answer = await client.http.post(f"{client.address}/api/images/batch", json=body, timeout=_LONGEST)
    if _expected(client, answer, 202):
        await _get(client, f"/api/batches/{answer.json()['batchId']}?wait=15")


async def edit_an_upload(client: Client) -> None:
    """Upload a picture and have it edited."""
    form = {"userId": client.wish.user}
    answer = await client.http.post(
        f"{client.address}/api/uploads", data=form, files={"file": ("photo.png", PNG)}, timeout=_LONGEST
    )
    if _expected(client, answer, 201):
        inputs = {"prompt": f"{client.wish.token} at night", "image_urls": [answer.json()["url"]]}
        await _ask(client, {"model": "nano-banana-edit", "inputs": inputs, "userId": client.wish.user})


async def look_back(client: Client) -> None:
    """Page through the history, and sum it up."""
    page = await _get(client, f"/api/jobs?userId={client.wish.user}&limit=5")
    if page.is_success and (cursor := page.json()["nextCursor"]):
        await _get(client, f"/api/jobs?userId={client.wish.user}&limit=5&cursor={cursor}")
    await _get(client, f"/api/usage?userId={client.wish.user}&groupBy=model")
    await _get(client, "/api/images/models")


async def take_and_delete(client: Client) -> None:
    """Wait for a job, fetch its picture, and delete it."""
    headers = {"Idempotency-Key": client.wish.token, "Prefer": "wait=15"}
    answer = await client.http.post(
        f"{client.address}/api/images/generate", json=client.wish.body, headers=headers, timeout=_LONGEST
    )
    job_id = client.told.hear(client.wish, answer)
    if job_id is None:
        return
    taken = await client.http.get(f"{client.address}/api/images/{job_id}/0", follow_redirects=True, timeout=_LONGEST)
    _expected(client, taken, 200, *_LEFT)
    gone = await client.http.delete(f"{client.address}/api/jobs/{job_id}", timeout=_LONGEST)
    _expected(client, gone, *_LEFT)


async def _ask(client: Client, body: Mapping[str, Any]) -> str | None:
    answer = await client.http.post(
        f"{client.address}/api/images/generate", json=body, headers=_AT_ONCE, timeout=_LONGEST
    )
    return client.told.hear(client.wish, answer)


async def _get(client: Client, path: str) -> httpx.Response:
    answer = await client.http.get(f"{client.address}{path}", timeout=_LONGEST)
    _expected(client, answer, 200)
    return answer


def _expected(client: Client, answer: httpx.Response, *statuses: int) -> bool:
    """Whether it is one of these; anything else but 503 (a server is down) is noted as a surprise."""
    if answer.status_code not in {*statuses, 503}:
        request = answer.request
        client.told.surprises.append(f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer.status_code in statuses


def _patient(behave: Behaviour) -> Behaviour:
    """A caller that goes away when an answer does not come, as while a server hangs."""

    @wraps(behave)
    async def patiently(client: Client) -> None:
        with suppress(httpx.TransportError):
            await behave(client)

    return patiently
