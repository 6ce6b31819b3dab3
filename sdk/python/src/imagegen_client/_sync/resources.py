# Made from _async/resources.py by sdk/generate.py; do not edit.
"""What the service answers, with the calls that begin there: images, jobs and batches."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from imagegen_client._errors import ImagegenError, failure_of
from imagegen_client._notebook import figure, inline
from imagegen_client._storing import file_name, write
from imagegen_client._sync.connection import Connection
from imagegen_client._sync.waiting import ENDED
from imagegen_client._types import BatchData, ImageData, JobData, JobEvent

if TYPE_CHECKING:
    from imagegen_client._sync.client import BaseImagegen

OnEvent = Callable[[JobEvent], object]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Image(ImageData):
    """An image, which can be read and saved for as long as its job exists."""

    _connection: Connection = field(compare=False)
    _path: str = field(compare=False)

    def read(self) -> bytes:
        """The bytes of the file, checked against `sha256`."""
        return self._connection.download(self._path, self.sha256)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, and return where it is; in a folder it gets a name of its own."""
        target = Path(path)
        if target.is_dir():
            target /= file_name(self._path, self.content_type)
        write(target, self.read())
        return target

    def __repr__(self) -> str:
        return f"<Image {self.permalink} {self.content_type} {self.width}x{self.height}>"

    def _repr_html_(self) -> str:
        return inline(self, self._shown())

    def _repr_png_(self) -> bytes | None:
        return self._shown() if self.content_type == "image/png" else None

    def _repr_jpeg_(self) -> bytes | None:
        return self._shown() if self.content_type == "image/jpeg" else None

    def _shown(self) -> bytes | None:
        try:
            return self.read()
        except ImagegenError:  # a notebook then shows the link
            return None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Job(JobData):
    """A job as it was when the service answered."""

    images: tuple[Image, ...]  # pyright: ignore[reportIncompatibleVariableOverride] - it cannot be set
    request_id: str | None = field(compare=False)
    raw: Mapping[str, Any] = field(compare=False)
    _client: "BaseImagegen" = field(compare=False)

    @property
    def ended(self) -> bool:
        """Whether it has completed, failed, or was cancelled."""
        return self.status in ENDED

    def raise_if_failed(self) -> Self:
        """Return the job itself, unless it failed or was cancelled."""
        if self.status in {"failed", "cancelled"}:
            raise failure_of(self, self.request_id)
        return self

    def refresh(self) -> "Job":
        """The job as it is now, with fresh links."""
        return self._client.job(self.job_id)

    def wait(self, *, timeout: float | None = None, on_event: OnEvent | None = None) -> "Job":
        """The job once it has ended, however it ended."""
        return self if self.ended else self._client.wait(self, timeout=timeout, on_event=on_event)

    def cancel(self) -> "Job":
        """Ask to cancel it."""
        return self._client.cancel(self.job_id)

    def retry(self) -> "Job":
        """A new job with the same inputs and options."""
        return self._client.retry(self.job_id)

    def __repr__(self) -> str:
        return f"<Job {self.job_id} {self.model} {self.status}, images: {len(self.images)}, ${self.cost.total_cost}>"

    def _repr_html_(self) -> str:
        return figure(self, [image._repr_html_() for image in self.images])


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Batch(BatchData):
    """A batch as it was when the service answered."""

    _client: "BaseImagegen" = field(compare=False)

    @property
    def ended(self) -> bool:
        """Whether all its jobs have ended."""
        return self.status == "ended"

    def wait(self, *, timeout: float | None = None) -> "Batch":
        """The batch once all its jobs have ended."""
        return self if self.ended else self._client.wait_batch(self.batch_id, timeout=timeout)

    def jobs(self) -> Iterator[Job]:
        """Its jobs, newest first."""
        return self._client.jobs(batch=self.batch_id)

    def cancel(self) -> "Batch":
        """Cancel every job that has not ended."""
        return self._client.cancel_batch(self.batch_id)

    def __repr__(self) -> str:
        counts = self.counts
        return f"<Batch {self.batch_id} {self.status}, {counts.completed} of {counts.total} jobs completed>"


def job_of(client: "BaseImagegen", connection: Connection, wire: Mapping[str, Any], request_id: str | None) -> Job:
    """A job, from the JSON object of an answer."""
    data = JobData.from_wire(wire)
    given = {name: getattr(data, name) for name in JobData.__dataclass_fields__ if name != "images"}
    images = tuple(_image_of(connection, data.job_id, image) for image in data.images)
    return Job(**given, images=images, request_id=request_id, raw=wire, _client=client)


def batch_of(client: "BaseImagegen", data: BatchData) -> Batch:
    """A batch with its calls."""
    return Batch(**{name: getattr(data, name) for name in BatchData.__dataclass_fields__}, _client=client)


def id_of(thing: str | JobData | BatchData) -> str:
    """The id of a job or batch, which may be the id itself, as a part of a path.

    Raises:
        ValueError: it is empty, which would be the path of all of them.
    """
    if not isinstance(thing, str):
        return thing.job_id if isinstance(thing, JobData) else thing.batch_id
    if not thing:
        raise ValueError("The id is empty.")
    return quote(thing, safe="")


def _image_of(connection: Connection, job_id: str, image: ImageData) -> Image:
    given = {name: getattr(image, name) for name in ImageData.__dataclass_fields__}
    given["link"] = connection.absolute(image.link)
    path = f"/api/images/{job_id}/{image.permalink.rpartition('/')[2]}"
    return Image(**given, _connection=connection, _path=path)
