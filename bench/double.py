"""fal.ai as lean as can be, so that it is not what is measured.

Every request takes the same time and gives the same picture, and nothing is checked. (The sandbox that `imagegen serve`
starts is the one that behaves like fal.) Raw ASGI: fal's queue (submit, status, status stream, result, cancel), its
synchronous call under `/sync`, the picture, signed webhooks with their key set, and `/_double` to say how long a
request takes and how large a picture is.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs

import uvicorn

from bench.picture import png
from bench.webhooks import Webhooks

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_JSON: Final = [(b"content-type", b"application/json")]
_EVENTS: Final = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
_PART: Final = 1 << 18
JWKS: Final = "/.well-known/jwks.json"


class Double:
    """The ASGI application. `seconds` is what a request takes; `release` ends all that are at work at once."""

    def __init__(self) -> None:
        self.seconds = 0.05
        self.picture = memoryview(png(200_000))
        self._due: dict[str, float] = {}
        self._released = asyncio.Event()
        self._numbers = count(1)
        self._counts = {"submitted": 0, "results": 0, "pictures": 0}
        self._webhooks = Webhooks()
        self._telling: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whichever of the few it is."""
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        path: str = scope["path"]
        if path.startswith("/pictures/"):
            await self._give_picture(send)
        elif path == "/_double":
            await self._control(scope, send)
        elif path == JWKS:
            await _answer(send, 200, self._webhooks.key_set())
        elif "/requests/" in path:
            await self._queue(path, scope, send)
        elif path.startswith("/sync/"):
            await self._wait(self._take())
            await _answer(send, 200, self._result(scope))
        else:
            await self._submit(path, scope, send)

    async def _submit(self, path: str, scope: Scope, send: Send) -> None:
        name = self._take()
        owner, app = path.split("/")[1:3]
        url = f"{_origin(scope)}/{owner}/{app}/requests/{name}"
        accepted = {"status": "IN_QUEUE", "request_id": name, "response_url": url, "status_url": f"{url}/status"}
        if wanted := parse_qs(scope["query_string"].decode()).get("fal_webhook"):
            task = asyncio.create_task(self._tell(name, wanted[0], self._result(scope)))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        await _answer(send, 200, accepted | {"cancel_url": f"{url}/cancel", "logs": None, "queue_position": 0})

    async def _tell(self, name: str, url: str, result: Message) -> None:
        await self._wait(name)
        await self._webhooks.tell(url, name, result)

    async def _queue(self, path: str, scope: Scope, send: Send) -> None:
        name, _, rest = path.partition("/requests/")[2].partition("/")
        if name not in self._due:
            await _answer(send, 404, {"status": "NOT_FOUND", "detail": "Request not found"})
        elif rest == "status":
            await _answer(send, 200 if self._is_done(name) else 202, self._status(name))
        elif rest == "status/stream":
            await self._stream(name, send)
        elif rest == "cancel":
            await _answer(send, 400, {"status": "ALREADY_COMPLETED"})
        elif not self._is_done(name):
            await _answer(send, 400, {"detail": "Request is still in progress"})
        else:
            self._counts["results"] += 1
            await _answer(send, 200, self._result(scope), (b"x-fal-billable-units", b"1"))

    async def _stream(self, name: str, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
        if not self._is_done(name):
            await send({"type": "http.response.body", "body": _event(self._status(name)), "more_body": True})
            await self._wait(name)
        await send({"type": "http.response.body", "body": _event(self._status(name))})

    async def _give_picture(self, send: Send) -> None:
        self._counts["pictures"] += 1
        size = len(self.picture)
        headers = [(b"content-type", b"image/png"), (b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for start in range(0, size, _PART):
            part = bytes(self.picture[start : start + _PART])
            await send({"type": "http.response.body", "body": part, "more_body": start + _PART < size})

    async def _control(self, scope: Scope, send: Send) -> None:
        """Take what the query says (`seconds`, `bytes`, `release`), and tell the counts."""
        said = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
        if "seconds" in said:
            self.seconds = float(said["seconds"])
        if "bytes" in said:
            self.picture = memoryview(png(int(said["bytes"])))
        if "release" in said:
            self._due = dict.fromkeys(self._due, 0.0)
            self._released.set()
            self._released = asyncio.Event()
        await _answer(send, 200, self._counts)

    def _take(self) -> str:
        self._counts["submitted"] += 1
        name = f"00000000-0000-4000-8000-{next(self._numbers):012d}"
        self._due[name] = asyncio.get_running_loop().time() + self.seconds
        return name

    def _is_done(self, name: str) -> bool:
        return asyncio.get_running_loop().time() >= self._due[name]

    async def _wait(self, name: str) -> None:
        """Return when the request is done by the clock, too: a timer fires up to the clock's resolution early."""
        while not self._is_done(name):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._due[name]):
                    await self._released.wait()

    def _status(self, name: str) -> Message:
        status = "COMPLETED" if self._is_done(name) else "IN_PROGRESS"
        return {"status": status, "request_id": name, "logs": [], "metrics": {"inference_time": self.seconds}}

    def _result(self, scope: Scope) -> Message:
        image = {"url": f"{_origin(scope)}/pictures/1.png", "width": 1024, "height": 768, "content_type": "image/png"}
        return {"images": [image], "seed": 1, "has_nsfw_concepts": [False], "prompt": "a red fox"}


async def _answer(send: Send, status: int, body: Message, *headers: tuple[bytes, bytes]) -> None:
    content = json.dumps(body).encode()
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": content})


def _event(status: Message) -> bytes:
    return b"data: " + json.dumps(status).encode() + b"\n\n"


def _origin(scope: Scope) -> str:
    host, port = scope["server"]
    return f"http://{host}:{port}"


def main() -> None:
    """Serve on loopback."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(
        "bench.double:make", factory=True, port=parser.parse_args().port, loop="uvloop", http="httptools",
        log_level="warning", access_log=False, lifespan="off", ws="none", timeout_keep_alive=60,
    )  # fmt: skip


def make() -> Double:
    """The application, made in its own event loop."""
    return Double()


if __name__ == "__main__":
    main()
