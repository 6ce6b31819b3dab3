"""The client: every verb of the service."""

import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import anyio.to_thread
import httpx

from imagegen_client._async.connection import TRANSFER, AsyncConnection
from imagegen_client._async.resources import AsyncBatch, AsyncJob, OnEvent, batch_of, id_of, job_of
from imagegen_client._async.waiting import follow, long_poll, pace
from imagegen_client._errors import WaitTimeout
from imagegen_client._params import Query, is_flat, request_body
from imagegen_client._responses import read, request_id
from imagegen_client._retries import Deadline
from imagegen_client._types import BatchData, Estimate, JobData, JobEvent, ModelDetail, ModelSummary, Upload, Usage


class AsyncBaseImagegen:
    """All verbs but those whose parameters depend on the catalog; those are in the generated subclass."""

    _model_options: ClassVar[Mapping[str, frozenset[str]]] = {}

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        user: str | None = None,
        retry_for: float = 60.0,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        """Connect to a service; nothing is sent yet.

        Args:
            base_url: of the service; IMAGEGEN_URL or http://localhost:5000 if it is not given.
            api_key: IMAGEGEN_API_KEY if it is not given; none for a service without keys.
            user: of all calls that do not name one.
            retry_for: how many seconds a call is repeated while the service does not answer.
            http_client: for proxies, certificates and tests; yours to close.
        """
        self._connection = AsyncConnection(base_url, api_key, retry_for, http_client)
        self._user = user
        self._learned: dict[str, frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.address!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()

    async def job(self, job_id: str) -> AsyncJob:
        """One job as it is now, with fresh links."""
        return self._as_job(await self._connection.send("GET", f"/api/jobs/{id_of(job_id)}"))

    async def jobs(
        self,
        *,
        user: str | None = None,
        status: str | None = None,
        model: str | None = None,
        batch: str | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[AsyncJob]:
        """The history, newest first; pages are fetched as they are reached."""
        query: dict[str, Query] = {
            "userId": user,
            "status": status,
            "model": model,
            "batchId": batch,
            "createdFrom": created_from.isoformat() if created_from else None,
            "createdTo": created_to.isoformat() if created_to else None,
            "limit": page_size,
        }
        while True:
            response = await self._connection.send("GET", "/api/jobs", params=query)
            jobs, query["cursor"] = read(lambda wire: (wire["jobs"], wire["nextCursor"]), response)
            for wire in jobs:
                yield job_of(self, self._connection, wire, request_id(response))
            if query["cursor"] is None:
                return

    async def wait(
        self, job: str | JobData, *, timeout: float | None = None, on_event: OnEvent | None = None
    ) -> AsyncJob:
        """The job once it has ended, however it ended.

        Args:
            job: the job or its id.
            timeout: in seconds; without one it waits for as long as it takes.
            on_event: called with each event of the job.

        Raises:
            WaitTimeout: it has not ended by then, and goes on.
        """
        job_id, answered = id_of(job), job.request_id if isinstance(job, AsyncJob) else None
        async with aclosing(follow(self._connection, job_id, Deadline(timeout))) as events:
            async for wire in events:
                if on_event is not None:
                    on_event(JobEvent.from_wire(wire))
                if wire.get("job") is not None:
                    return job_of(self, self._connection, wire["job"], answered)
        return await self.job(job_id)

    async def events(self, job: str | JobData, *, timeout: float | None = None) -> AsyncIterator[JobEvent]:
        """What happens to a job, until it has ended; the last event has the `job`."""
        async with aclosing(follow(self._connection, id_of(job), Deadline(timeout))) as events:
            async for wire in events:
                yield JobEvent.from_wire(wire)

    async def cancel(self, job: str | JobData) -> AsyncJob:
        """Cancel a job that is queued; ask fal.ai to cancel one that it has, which may complete all the same."""
        return self._as_job(await self._connection.send("POST", f"/api/jobs/{id_of(job)}/cancel"))

    async def retry(self, job: str | JobData, *, idempotency_key: str | None = None) -> AsyncJob:
        """A new job with the inputs and options of one that failed or was cancelled. It is not waited for."""
        return self._as_job(await self._connection.pay(f"/api/jobs/{id_of(job)}/retry", idempotency_key))

    async def delete(self, job: str | JobData) -> None:
        """Remove an ended job's images and inputs. Its cost stays in the usage."""
        await self._connection.send("DELETE", f"/api/jobs/{id_of(job)}", gone_after_loss=True)

    async def get_batch(self, batch_id: str) -> AsyncBatch:
        """One batch as it is now."""
        return self._as_batch(await self._connection.send("GET", f"/api/batches/{id_of(batch_id)}"))

    async def cancel_batch(self, batch: str | BatchData) -> AsyncBatch:
        """Cancel every job of the batch that has not ended."""
        return self._as_batch(await self._connection.send("POST", f"/api/batches/{id_of(batch)}/cancel"))

    async def wait_batch(self, batch: str | BatchData, *, timeout: float | None = None) -> AsyncBatch:
        """The batch once all its jobs have ended."""
        batch_id, deadline = id_of(batch), Deadline(timeout)
        while True:
            asked = time.monotonic()
            now = self._as_batch(await long_poll(self._connection, f"/api/batches/{batch_id}", deadline))
            if now.ended:
                return now
            if deadline.passed:
                raise WaitTimeout("Batch", batch_id)
            await pace(asked, deadline)

    async def usage(
        self,
        *,
        user: str | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        group_by: Literal["model", "day", "month", "user"] = "model",
    ) -> Usage:
        """What was charged from the day `since` up to, and without, the day `until`."""
        query = {
            "userId": user,
            "from": str(since) if since else None,
            "to": str(until) if until else None,
            "groupBy": group_by,
        }
        return read(Usage.from_wire, await self._connection.send("GET", "/api/usage", params=query))

    async def upload(self, file: str | os.PathLike[str] | bytes, *, user: str | None = None) -> Upload:
        """Keep an image of a user's own; its `url` is for any parameter that takes an image."""
        data = file if isinstance(file, bytes) else await anyio.to_thread.run_sync(Path(file).read_bytes)
        files = {"userId": (None, self._user_of(user).encode()), "file": ("image", data)}
        return read(Upload.from_wire, await self._connection.send("POST", "/api/uploads", files=files, read=TRANSFER))

    async def models(
        self,
        *,
        category: str | None = None,
        tags: Sequence[str] = (),
        max_cost: float | None = None,
        takes_images: bool | None = None,
        takes_mask: bool | None = None,
        takes_loras: bool | None = None,
        sizes: Literal["pixels", "ratios", "none"] | None = None,
        search: str | None = None,
    ) -> tuple[ModelSummary, ...]:
        """The models of the service that match everything that is given.

        `max_cost` is the most that one image with a model's defaults may cost. `search` has words of the name,
        endpoint, description, category or tags.
        """
        query: dict[str, Query] = {
            "category": category,
            "tag": [*tags],
            "maxCost": max_cost,
            "takesImages": takes_images,
            "takesMask": takes_mask,
            "takesLoras": takes_loras,
            "sizes": sizes,
            "q": search,
        }
        response = await self._connection.send("GET", "/api/images/models", params=query)
        return read(lambda wire: tuple(ModelSummary.from_wire(each) for each in wire["models"]), response)

    async def model(self, name: str) -> ModelDetail:
        """One model, with the JSON Schemas of its inputs and options."""
        return read(ModelDetail.from_wire, await self._connection.send("GET", f"/api/images/models/{name}"))

    async def _submit(self, model: str, params: Mapping[str, Any]) -> AsyncJob:
        body = {**await self._body(model, params), "userId": self._user_of(params.get("user"))}
        return self._as_job(await self._connection.pay("/api/images/generate", params.get("idempotency_key"), body))

    async def _run(
        self, model: str, params: Mapping[str, Any], timeout: float | None, on_event: OnEvent | None
    ) -> AsyncJob:
        deadline = Deadline(timeout)
        job = await self._submit(model, params)
        left = None if timeout is None else deadline.left
        try:
            ended = await job.wait(timeout=left, on_event=on_event)
        except BaseException as error:
            error.add_note(f"Job {job.job_id} goes on; wait({job.job_id!r}) waits for it.")
            raise
        return ended.raise_if_failed()

    async def _estimate(self, model: str, params: Mapping[str, Any]) -> Estimate:
        body = await self._body(model, params)
        return read(Estimate.from_wire, await self._connection.send("POST", "/api/images/estimate-cost", json=body))

    async def _batch(
        self, requests: Iterable[Mapping[str, Any]], user: str | None, idempotency_key: str | None, *, partial: bool
    ) -> AsyncBatch:
        items: list[Mapping[str, Any]] = []
        for number, item in enumerate(requests):
            if "model" not in item:
                raise TypeError(f"requests[{number}] has no model.")
            items.append(await self._body(item["model"], item))
        body: dict[str, Any] = {"requests": items, "userId": self._user_of(user)}
        if partial:
            body["partial"] = True
        return self._as_batch(await self._connection.pay("/api/images/batch", idempotency_key, body))

    async def _body(self, model: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The request's body; a model that the types do not have is asked for once."""
        options = self._model_options.get(model, self._learned.get(model))
        if options is None and is_flat(params):
            options = self._learned[model] = frozenset((await self.model(model)).options)
        return request_body(model, params, options or frozenset())

    def _user_of(self, user: str | None) -> str:
        if (found := user or self._user) is None:
            raise TypeError("A user is needed: user=… of the call or of the client.")
        return found

    def _as_job(self, response: httpx.Response) -> AsyncJob:
        return read(lambda wire: job_of(self, self._connection, wire, request_id(response)), response)

    def _as_batch(self, response: httpx.Response) -> AsyncBatch:
        return batch_of(self, read(BatchData.from_wire, response))
