"""A client that requests, polls, waits, follows events, cancels and retries. Any API process may respond."""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Any, Final

import httpx

from tests.chaos.told import Told, Wish

TRIES: Final = 12
_GENERATE: Final = "/api/images/generate"
_BATCH: Final = "/api/images/batch"
_SILENCE: Final = 17.0  # seconds without any sign of life on a stream, which has one every 15 s


@dataclass(frozen=True, slots=True)
class Client:
    """A client that wants one job, with the random generator of its choices."""

    http: httpx.AsyncClient
    ports: Sequence[int]
    wish: Wish
    rng: Random
    told: Told

    @property
    def address(self) -> str:
        """The address of any API process; the next request may go to another."""
        return f"http://127.0.0.1:{self.rng.choice(self.ports)}"

    def post(self, *, within: float, prefer: str | None = None) -> Coroutine[object, object, httpx.Response]:
        """Request the job."""
        headers = _headers(self.wish.key, prefer)
        return self.http.post(f"{self.address}{_GENERATE}", json=self.wish.body, headers=headers, timeout=within)

    async def ask(self, *, within: float, prefer: str | None) -> str | None:
        """Request the job once. Returns its id if the response has one."""
        try:
            answer = await self.post(within=within, prefer=prefer)
        except httpx.TransportError:
            return None
        await self._come_back_later(answer)
        return self.told.hear(self.wish, answer)

    async def _come_back_later(self, answer: httpx.Response) -> None:
        """Wait as long as a rate demands, or for somebody to raise a budget."""
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            await asyncio.sleep(float(answer.headers.get("Retry-After", 0)))
        elif answer.status_code == HTTPStatus.PAYMENT_REQUIRED:
            await asyncio.sleep(self.rng.uniform(1, 3))

    async def repeat(self, *, within: float, prefer: str) -> str | None:
        """Request until accepted; without a key only once, because a repeat would create a second job."""
        for _ in range(TRIES if self.wish.key else 1):
            job_id = await self.ask(within=within, prefer=prefer)
            if job_id is not None:
                return job_id
            await asyncio.sleep(self.rng.uniform(0.2, 1.5))
        return None

    async def watch(self, job_id: str, times: int = 20) -> None:
        """Poll the job until it has ended, or the client gives up."""
        for _ in range(times):
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))
            await self._look(job_id, wait=0)
            if job_id in self.told.ended:
                return

    async def wait_long(self, job_id: str, times: int = 5) -> None:
        """Long-poll the end of the job, again if a poll times out or is cut off."""
        for _ in range(times):
            await self._look(job_id, wait=self.rng.randint(2, 8))
            if job_id in self.told.ended:
                return
            await asyncio.sleep(self.rng.uniform(0, 0.5))

    async def _look(self, job_id: str, *, wait: int) -> None:
        with suppress(httpx.TransportError):
            url = f"{self.address}/api/jobs/{job_id}"
            answer = await self.http.get(url, params={"wait": wait}, timeout=10 + wait)
            self.told.hear(self.wish, answer)

    async def follow(self, job_id: str, times: int = 5) -> None:
        """Follow the events of the job. An interrupted stream is resumed after the last event's id, at any process."""
        last: str | None = None
        for _ in range(times):
            try:
                async for event_id, event in self._events(job_id, last):
                    self._demand_order(job_id, last, event_id)
                    last = event_id
                    self.told.hear_of_job(self.wish, event["job"] or {})
            except httpx.TransportError:
                await asyncio.sleep(self.rng.uniform(0, 1))
            if job_id in self.told.ended:
                return
        await self.watch(job_id, 3)

    async def _events(self, job_id: str, last: str | None) -> AsyncGenerator[tuple[str, Mapping[str, Any]]]:
        headers = {"Last-Event-ID": last} if last else {}
        self.told.resumed += last is not None
        url = f"{self.address}/api/jobs/{job_id}/events"
        async with self.http.stream("GET", url, headers=headers, timeout=_SILENCE) as answer:
            if answer.status_code == HTTPStatus.OK:
                async for event in _events_in(answer):
                    yield event
            elif answer.status_code != HTTPStatus.NO_CONTENT:
                await answer.aread()
                self.told.hear(self.wish, answer)

    def _demand_order(self, job_id: str, last: str | None, event_id: str) -> None:
        if last is not None and int(event_id) < int(last):
            self.told.surprises.append(f"{self.wish.token}: {job_id} went back from event {last} to {event_id}")

    async def cancel(self, job_id: str, rightful: int = HTTPStatus.CONFLICT) -> None:
        """Request the cancellation of the job, which may have ended already."""
        with suppress(httpx.TransportError):
            answer = await self.http.post(f"{self.address}/api/jobs/{job_id}/cancel", timeout=10)
            self.told.hear(self.wish, answer, rightful)

    async def try_again(self, job_id: str) -> str | None:
        """Retry a job that ended without images, under one key, until the retry is accepted."""
        late = "failed (submission_unknown)"  # it may run again by itself meanwhile
        rightful = HTTPStatus.CONFLICT if self.told.ended[job_id] == late else None
        for _ in range(TRIES):
            headers = _headers(f"{self.wish.token}-again", "respond-async")
            with suppress(httpx.TransportError):
                url = f"{self.address}/api/jobs/{job_id}/retry"
                answer = await self.http.post(url, headers=headers, timeout=15)
                await self._come_back_later(answer)
                again = self.told.hear(self.wish, answer, rightful)
                if again is not None or answer.status_code == rightful:
                    return again
            await asyncio.sleep(self.rng.uniform(0.2, 1.5))
        return None

    async def ask_for_all(self, wishes: Sequence[Wish]) -> str | None:
        """Request a batch under one key until it is accepted. Returns the batch's id."""
        body = {"requests": [wish.request for wish in wishes], "userId": self.wish.user}
        for _ in range(TRIES):
            with suppress(httpx.TransportError):
                url, headers = f"{self.address}{_BATCH}", _headers(self.wish.token, None)
                answer = await self.http.post(url, json=body, headers=headers, timeout=self.rng.uniform(1, 15))
                await self._come_back_later(answer)
                if (batch_id := self.told.hear_of_batch(wishes, answer)) is not None:
                    return batch_id
            await asyncio.sleep(self.rng.uniform(0.2, 1.5))
        return None

    async def cancel_all(self, batch_id: str, wishes: Sequence[Wish]) -> None:
        """Request the cancellation of every job of a batch that has not ended."""
        with suppress(httpx.TransportError):
            answer = await self.http.post(f"{self.address}/api/batches/{batch_id}/cancel", timeout=10)
            self.told.hear_of_batch(wishes, answer)

    async def wait_for_all(self, batch_id: str, wishes: Sequence[Wish], times: int = 6) -> None:
        """Long-poll the end of the batch."""
        for _ in range(times):
            with suppress(httpx.TransportError):
                wait = self.rng.randint(2, 8)
                url = f"{self.address}/api/batches/{batch_id}"
                answer = await self.http.get(url, params={"wait": wait}, timeout=10 + wait)
                self.told.hear_of_batch(wishes, answer)
            if batch_id in self.told.batch_ends:
                return
            await asyncio.sleep(self.rng.uniform(0, 0.5))


async def _events_in(answer: httpx.Response) -> AsyncGenerator[tuple[str, Mapping[str, Any]]]:
    """The id and data of each complete event; comments only show that the stream is alive."""
    found: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield found["id"], json.loads(found["data"])
            found = {}


def _headers(key: str | None, prefer: str | None) -> dict[str, str]:
    headers = {"Idempotency-Key": key, "Prefer": prefer}
    return {name: value for name, value in headers.items() if value is not None}
