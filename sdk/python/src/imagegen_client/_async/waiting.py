"""Waiting for jobs: by the service's events, else by long polls, never in a busy loop."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import anyio
import httpx

from imagegen_client._async.connection import AsyncConnection
from imagegen_client._errors import WaitTimeout, error_from
from imagegen_client._responses import content
from imagegen_client._retries import Deadline, retry_after
from imagegen_client._sse import EventParser

ENDED = frozenset({"completed", "failed", "cancelled"})
# There are too many streams, or MongoDB is down: a poll can wait for both. After the end there is nothing to stream.
_NO_STREAM = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.SERVICE_UNAVAILABLE})


async def follow(connection: AsyncConnection, job_id: str, deadline: Deadline) -> AsyncGenerator[Mapping[str, Any]]:
    """Events from a stream; from long polls if there is no stream, or little time."""
    async with aclosing(_streamed(connection, job_id, deadline)) as streamed:
        async for wire in streamed:
            yield wire
            if wire.get("job") is not None:
                return
    async with aclosing(_polled(connection, job_id, deadline)) as polled:
        async for wire in polled:
            yield wire


async def long_poll(connection: AsyncConnection, path: str, deadline: Deadline, tag: str = "") -> httpx.Response:
    """What is at a path once it has changed, or after half a minute."""
    seconds = deadline.poll_seconds
    headers = {"if-none-match": tag} if tag else {}
    query = {"wait": seconds}
    return await connection.send("GET", path, params=query, headers=headers, read=seconds + 15, until=deadline)


async def pace(asked: float, deadline: Deadline) -> None:
    """Have at least a second between two polls: a service that is full does not hold them."""
    await anyio.sleep(min(max(0.0, asked + 1.0 - time.monotonic()), deadline.left))


async def _streamed(connection: AsyncConnection, job_id: str, deadline: Deadline) -> AsyncGenerator[Mapping[str, Any]]:
    """The events of a stream, which is resumed where it breaks, for as long as there is one."""
    retries, parser = connection.retries(), EventParser()
    while not deadline.is_near:
        heard = False
        headers = connection.headers({"last-event-id": parser.last_id} if parser.last_id else {})
        try:
            async with connection.stream(f"/api/jobs/{job_id}/events", headers) as response:
                if response.status_code in _NO_STREAM or response.is_redirect:
                    return
                if response.status_code != HTTPStatus.OK:
                    await response.aread()
                    pause = retries.after(response)
                    if pause is None:
                        raise error_from(response, retry_after(response))
                else:
                    async with aclosing(_received(response, parser, deadline)) as received:
                        async for wire in received:
                            heard = True
                            retries.reset()
                            yield wire
                    if not heard:
                        return
                    pause = retries.after_loss()
        except httpx.ReadTimeout:
            return  # something between here and the service keeps the stream back
        except httpx.TransportError as error:
            pause = connection.after_loss(retries, error, headers)
        parser = EventParser(parser.last_id)
        await anyio.sleep(min(pause or 0.0, deadline.left))


async def _received(
    response: httpx.Response, parser: EventParser, deadline: Deadline
) -> AsyncGenerator[Mapping[str, Any]]:
    async for line in response.aiter_lines():
        wire = parser.feed(line)
        if wire is not None:
            yield wire
        if deadline.is_near:
            return


async def _polled(connection: AsyncConnection, job_id: str, deadline: Deadline) -> AsyncGenerator[Mapping[str, Any]]:
    """An event for each version of the job that a long poll finds."""
    tag = ""
    while True:
        asked = time.monotonic()
        response = await long_poll(connection, f"/api/jobs/{job_id}", deadline, tag)
        if response.status_code == HTTPStatus.OK:
            tag, wire = response.headers.get("etag", ""), content(response)
            yield _event(wire, tag)
            if wire["status"] in ENDED:
                return
        if deadline.passed:
            raise WaitTimeout("Job", job_id)
        await pace(asked, deadline)


def _event(job: Mapping[str, Any], tag: str) -> Mapping[str, Any]:
    """What a poll tells, in the form of an event."""
    version = tag.strip('W/"').rpartition("-")[2]
    unknown = dict.fromkeys(("stage", "queuePosition", "imagesStored", "imagesTotal"))
    return {
        **unknown,
        "jobId": job["jobId"],
        "version": int(version) if version.isdecimal() else 0,
        "status": job["status"],
        "logs": [],
        "waitingFor": job.get("waitingFor"),
        "job": job if job["status"] in ENDED else None,
    }
