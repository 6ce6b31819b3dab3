# Made from _async/client.py by sdk/generate.py; do not edit.
"""The client: every verb of the service."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import httpx

from imagegen_client._errors import WaitTimeout
from imagegen_client._params import Query, is_flat, request_body
from imagegen_client._responses import read, request_id
from imagegen_client._retries import Deadline
from imagegen_client._sync.connection import TRANSFER, Connection
from imagegen_client._sync.resources import Batch, Job, OnEvent, batch_of, id_of, job_of
from imagegen_client._sync.waiting import follow, long_poll, pace
from imagegen_client._types import BatchData, Estimate, JobData, JobEvent, ModelDetail, ModelSummary, Upload, Usage


class BaseImagegen:
    """All verbs but those whose parameters depend on the catalog; those are in the generated subclass."""

    _model_options: ClassVar[Mapping[str, frozenset[str]]] = {}

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        user: str | None = None,
        retry_for: float = 60.0,
        http_client: httpx.Client | None = None,
    ) -> None:
        """Connect to a service; nothing is sent yet.

        Args:
            base_url: of the service; IMAGEGEN_URL or http://localhost:5000 if it is not given.
            api_key: IMAGEGEN_API_KEY if it is not given; none for a service without keys.
            user: of all calls that do not name one.
            retry_for: how many seconds a call is repeated while the service does not answer.
            http_client: for proxies, certificates and tests; yours to close.
        """
        self._connection = Connection(base_url, api_key, retry_for, http_client)
        self._user = user
        self._learned: dict[str, frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.address!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def job(self, job_id: str) -> Job:
        """One job as it is now, with fresh links."""
        return self._as_job(self._connection.send("GET", f"/api/jobs/{id_of(job_id)}"))

    def jobs(
        self,
        *,
        user: str | None = None,
        status: str | None = None,
        model: str | None = None,
        batch: str | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        page_size: int = 100,
    ) -> Iterator[Job]:
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
            response = self._connection.send("GET", "/api/jobs", params=query)
            jobs, query["cursor"] = read(lambda wire: (wire["jobs"], wire["nextCursor"]), response)
            for wire in jobs:
                yield job_of(self, self._connection, wire, request_id(response))
            if query["cursor"] is None:
                return

    def wait(self, job: str | JobData, *, timeout: float | None = None, on_event: OnEvent | None = None) -> Job:
        """The job once it has ended, however it ended.

        Args:
            job: the job or its id.
            timeout: in seconds; without one it waits for as long as it takes.
            on_event: called with each event of the job.

        Raises:
            WaitTimeout: it has not ended by then, and goes on.
        """
        job_id, answered = id_of(job), job.request_id if isinstance(job, Job) else None
        with closing(follow(self._connection, job_id, Deadline(timeout))) as events:
            for wire in events:
                if on_event is not None:
                    on_event(JobEvent.from_wire(wire))
                if wire.get("job") is not None:
                    return job_of(self, self._connection, wire["job"], answered)
        return self.job(job_id)

    def events(self, job: str | JobData, *, timeout: float | None = None) -> Iterator[JobEvent]:
        """What happens to a job, until it has ended; the last event has the `job`."""
        with closing(follow(self._connection, id_of(job), Deadline(timeout))) as events:
            for wire in events:
                yield JobEvent.from_wire(wire)

    def cancel(self, job: str | JobData) -> Job:
        """Cancel a job that is queued; ask fal.ai to cancel one that it has, which may complete all the same."""
        return self._as_job(self._connection.send("POST", f"/api/jobs/{id_of(job)}/cancel"))

    def retry(self, job: str | JobData, *, idempotency_key: str | None = None) -> Job:
        """A new job with the inputs and options of one that failed or was cancelled. It is not waited for."""
        return self._as_job(self._connection.pay(f"/api/jobs/{id_of(job)}/retry", idempotency_key))

    def delete(self, job: str | JobData) -> None:
        """Remove an ended job's images and inputs. Its cost stays in the usage."""
        self._connection.send("DELETE", f"/api/jobs/{id_of(job)}", gone_after_loss=True)

    def get_batch(self, batch_id: str) -> Batch:
        """One batch as it is now."""
        return self._as_batch(self._connection.send("GET", f"/api/batches/{id_of(batch_id)}"))

    def cancel_batch(self, batch: str | BatchData) -> Batch:
        """Cancel every job of the batch that has not ended."""
        return self._as_batch(self._connection.send("POST", f"/api/batches/{id_of(batch)}/cancel"))

    def wait_batch(self, batch: str | BatchData, *, timeout: float | None = None) -> Batch:
        """The batch once all its jobs have ended."""
        batch_id, deadline = id_of(batch), Deadline(timeout)
        while True:
            asked = time.monotonic()
            now = self._as_batch(long_poll(self._connection, f"/api/batches/{batch_id}", deadline))
            if now.ended:
                return now
            if deadline.passed:
                raise WaitTimeout("Batch", batch_id)
            pace(asked, deadline)

    def usage(
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
        return read(Usage.from_wire, self._connection.send("GET", "/api/usage", params=query))

    def upload(self, file: str | os.PathLike[str] | bytes, *, user: str | None = None) -> Upload:
        """Keep an image of a user's own; its `url` is for any parameter that takes an image."""
        data = file if isinstance(file, bytes) else Path(file).read_bytes()
        files = {"userId": (None, self._user_of(user).encode()), "file": ("image", data)}
        return read(Upload.from_wire, self._connection.send("POST", "/api/uploads", files=files, read=TRANSFER))

    def models(
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
        response = self._connection.send("GET", "/api/images/models", params=query)
        return read(lambda wire: tuple(ModelSummary.from_wire(each) for each in wire["models"]), response)

    def model(self, name: str) -> ModelDetail:
        """One model, with the JSON Schemas of its inputs and options."""
        return read(ModelDetail.from_wire, self._connection.send("GET", f"/api/images/models/{name}"))

    def _submit(self, model: str, params: Mapping[str, Any]) -> Job:
        body = {**self._body(model, params), "userId": self._user_of(params.get("user"))}
        return self._as_job(self._connection.pay("/api/images/generate", params.get("idempotency_key"), body))

    def _run(self, model: str, params: Mapping[str, Any], timeout: float | None, on_event: OnEvent | None) -> Job:
        deadline = Deadline(timeout)
        job = self._submit(model, params)
        left = None if timeout is None else deadline.left
        try:
            ended = job.wait(timeout=left, on_event=on_event)
        except BaseException as error:
            error.add_note(f"Job {job.job_id} goes on; wait({job.job_id!r}) waits for it.")
            raise
        return ended.raise_if_failed()

    def _estimate(self, model: str, params: Mapping[str, Any]) -> Estimate:
        body = self._body(model, params)
        return read(Estimate.from_wire, self._connection.send("POST", "/api/images/estimate-cost", json=body))

    def _batch(
        self, requests: Iterable[Mapping[str, Any]], user: str | None, idempotency_key: str | None, *, partial: bool
    ) -> Batch:
        items: list[Mapping[str, Any]] = []
        for number, item in enumerate(requests):
            if "model" not in item:
                raise TypeError(f"requests[{number}] has no model.")
            items.append(self._body(item["model"], item))
        body: dict[str, Any] = {"requests": items, "userId": self._user_of(user)}
        if partial:
            body["partial"] = True
        return self._as_batch(self._connection.pay("/api/images/batch", idempotency_key, body))

    def _body(self, model: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The request's body; a model that the types do not have is asked for once."""
        options = self._model_options.get(model, self._learned.get(model))
        if options is None and is_flat(params):
            options = self._learned[model] = frozenset((self.model(model)).options)
        return request_body(model, params, options or frozenset())

    def _user_of(self, user: str | None) -> str:
        if (found := user or self._user) is None:
            raise TypeError("A user is needed: user=… of the call or of the client.")
        return found

    def _as_job(self, response: httpx.Response) -> Job:
        return read(lambda wire: job_of(self, self._connection, wire, request_id(response)), response)

    def _as_batch(self, response: httpx.Response) -> Batch:
        return batch_of(self, read(BatchData.from_wire, response))
