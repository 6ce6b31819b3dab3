import json
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from imagegen_client import Imagegen

KEY = "ig_0123456789_a-key-that-nobody-may-see"
JOB: dict[str, Any] = {
    "jobId": "01M8232K259GS0AHXP5V3YPEE3",
    "type": "image-generation",
    "status": "completed",
    "model": "flux-pro",
    "userId": "ann",
    "inputs": {"prompt": "A fox"},
    "options": {},
    "images": [],
    "result": None,
    "missingImages": [],
    "budgets": [],
    "cost": {"costPerImage": 0.05, "numImages": 1, "totalCost": 0.05, "currency": "USD", "source": "billed"},
    "error": None,
    "createdAt": "2026-11-22T16:57:49.381000Z",
}
QUEUED = {**JOB, "status": "queued"}
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Scripted:
    """A service that answers as it is told, and the pauses of the client in between."""

    def __init__(self, pauses: list[float]) -> None:
        self.pauses, self.requests = pauses, list[httpx.Request]()
        self._answers: Iterator[Answer] = iter(())

    def answers(self, *answers: Answer) -> None:
        self._answers = iter(answers)

    def client(self, **options: Any) -> Imagegen:
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        return Imagegen("http://service", api_key=KEY, http_client=http, user="ann", **options)

    def sent(self, header: str) -> Sequence[str | None]:
        return [request.headers.get(header) for request in self.requests]

    def bodies(self) -> Sequence[Any]:
        return [json.loads(request.content) for request in self.requests if request.content]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    pauses = list[float]()
    clock = SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic)  # others sleep too, such as PyMongo
    for module in ("connection", "waiting"):
        monkeypatch.setattr(f"imagegen_client._sync.{module}.time", clock)
    return Scripted(pauses)


def ok(content: object, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=content, headers=headers)


def problem(status: int, code: str, headers: dict[str, str] | None = None, **more: object) -> httpx.Response:
    content = {"type": "about:blank", "title": "A problem", "status": status, "detail": "It went wrong.", "code": code}
    return httpx.Response(status, json={**content, **more}, headers=headers)


def events(*told: dict[str, Any]) -> httpx.Response:
    """A stream of events, the first of which has the id 1."""
    text = "".join(f"data: {json.dumps(each)}\nid: {number}\n\n" for number, each in enumerate(told, start=1))
    return httpx.Response(200, text=f": hello\n\n{text}", headers={"content-type": "text/event-stream"})


def event(status: str, job: dict[str, Any] | None = None) -> dict[str, Any]:
    unknown = dict.fromkeys(("stage", "queuePosition", "imagesStored", "imagesTotal", "waitingFor"))
    return {**unknown, "jobId": JOB["jobId"], "version": 1, "status": status, "logs": [], "job": job}
