"""Webhooks as fal sends them: after the end, signed, repeated until they are accepted."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dirty_equals import IsInt, IsPartialDict, IsStr

from tests.sandbox.running_sandbox import FLUX, IN_QUEUE, Caller, Json

HILL = {"prompt": "a hill", "seed": 1, "image_size": {"width": 64, "height": 64}}


@dataclass
class Receiver:
    """Answers webhooks with its statuses in turn, repeating the last, and keeps what was received."""

    statuses: list[int]
    url: str = ""
    received: list[tuple[dict[str, str], bytes, float]] = field(
        default_factory=list[tuple[dict[str, str], bytes, float]]
    )
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        async with self.changed:
            self.received.append((headers, body, time.time()))
            self.changed.notify_all()
        writer.close()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: len(self.received) >= count)


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncGenerator[Receiver]:
    receiver = Receiver(list(statuses or (200,)))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?job=1"
    try:
        yield receiver
    finally:
        server.close()


async def submit(fal: Caller, receiver: Receiver, body: object = HILL) -> Json:
    answer = await fal.http.post(f"/{FLUX}", json=body, params={"fal_webhook": receiver.url}, headers=fal.auth)
    return answer.json()


async def webhooks(fal: Caller) -> dict[str, int]:
    return (await fal.ledger())["requests"][0]["webhooks"]


async def is_signed(fal: Caller, headers: dict[str, str], body: bytes) -> bool:
    (key,) = (await fal.http.get("/.well-known/jwks.json")).json()["keys"]
    names = ("request-id", "user-id", "timestamp")
    signed = [*(headers[f"x-fal-webhook-{name}"] for name in names), hashlib.sha256(body).hexdigest()]
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    try:
        public.verify(bytes.fromhex(headers["x-fal-webhook-signature"]), "\n".join(signed).encode())
    except InvalidSignature:
        return False
    return True


async def test_webhook_has_the_result_and_a_valid_signature(fal: Caller) -> None:
    async with receiving() as receiver:
        submitted = await submit(fal, receiver)
        await receiver.until(1)
        headers, body, at = receiver.received[0]

    request_id = submitted["request_id"]
    assert json.loads(body) == {
        "request_id": request_id,
        "gateway_request_id": request_id,
        "status": "OK",
        "payload": (await fal.result(submitted)).json(),
    }
    assert (await is_signed(fal, headers, body), headers["x-fal-webhook-request-id"]) == (True, request_id)
    assert abs(int(headers["x-fal-webhook-timestamp"]) - at) < 5
    assert (await fal.http.get("/.well-known/jwks.json")).json() == {
        "keys": [IsPartialDict(kty="OKP", crv="Ed25519", x=IsStr(regex=r"[A-Za-z0-9_-]{43}"))]
    }


@pytest.mark.parametrize(
    ("fault", "error", "payload"),
    [
        ({"fault": "model_fails"}, "Invalid status code: 422", IsPartialDict(detail=[IsPartialDict()])),
        ({"fault": "runner_fails"}, "Internal server error", IsPartialDict(error_type="internal_error")),
    ],
)
async def test_webhook_of_a_failure(fal: Caller, fault: Json, error: str, payload: object) -> None:
    await fal.plan(fault)
    async with receiving() as receiver:
        await submit(fal, receiver)
        await receiver.until(1)

    assert json.loads(receiver.received[0][1]) == IsPartialDict(status="ERROR", error=error, payload=payload)


async def test_webhook_of_a_cancelled_request(fal: Caller) -> None:
    await fal.plan(IN_QUEUE)
    async with receiving() as receiver:
        await fal.cancel(await submit(fal, receiver))
        await receiver.until(1)

    assert json.loads(receiver.received[0][1])["status"] == "ERROR"


async def test_webhook_is_repeated_until_accepted(fal: Caller) -> None:
    async with receiving(500, 404, 204) as receiver:
        await submit(fal, receiver)
        await receiver.until(3)
        await asyncio.sleep(0.1)

    assert await webhooks(fal) == {"sent": 3, "taken": 1}


async def test_redirect_ends_the_delivery(fal: Caller) -> None:
    async with receiving(302) as receiver:
        await submit(fal, receiver)
        await receiver.until(1)
        await asyncio.sleep(0.5)

    assert await webhooks(fal) == {"sent": 1, "taken": 0}


async def test_loopback_only_sends_nothing_beyond(fal: Caller) -> None:
    answer = await fal.http.post(
        f"/{FLUX}", json=HILL, params={"fal_webhook": "http://192.0.2.1/hook"}, headers=fal.auth
    )
    await fal.ended(answer.json())

    assert await webhooks(fal) == {"sent": 0, "taken": 0}


async def sent_with(fal: Caller, count: int, *faults: Json) -> Sequence[tuple[dict[str, str], bytes, float]]:
    """The webhooks received until there are `count`, and shortly after."""
    await fal.plan(*faults)
    async with receiving() as receiver:
        await fal.ended(await submit(fal, receiver))
        await receiver.until(count)
        await asyncio.sleep(0.2)
        return receiver.received


async def test_webhook_is_missing_once(fal: Caller) -> None:
    assert await sent_with(fal, 0, {"fault": "webhook_missing", "times": 1}) == []
    async with receiving() as receiver:
        await submit(fal, receiver)
        await receiver.until(1)


async def test_webhook_is_sent_twice(fal: Caller) -> None:
    (_, first, _), (_, second, _) = await sent_with(fal, 2, {"fault": "webhook_doubled"})

    assert first == second


async def test_webhook_is_forged(fal: Caller) -> None:
    ((headers, body, _),) = await sent_with(fal, 1, {"fault": "webhook_forged"})

    assert not await is_signed(fal, headers, body)


async def test_webhook_is_late(fal: Caller) -> None:
    ((_, _, at),) = await sent_with(fal, 1, {"fault": "webhook_late", "seconds": 0.4})

    assert at - (await fal.ledger())["requests"][0]["completed_at"] >= 0.4


async def test_webhook_arrives_before_the_submits_answer(fal: Caller) -> None:
    await fal.plan({"fault": "webhook_before_answer"})
    async with receiving() as receiver:
        submitted = await submit(fal, receiver)
        received = list(receiver.received)

    assert [json.loads(body)["request_id"] for _, body, _ in received] == [submitted["request_id"]]


async def test_webhook_arrives_although_the_answer_is_lost(fal: Caller) -> None:
    await fal.plan({"fault": "submit_drop", "when": "after_accepting"})
    async with receiving() as receiver:
        with pytest.raises(httpx.RemoteProtocolError):
            await submit(fal, receiver)
        await receiver.until(1)

    row: dict[str, Any] = (await fal.ledger())["requests"][0]
    assert (json.loads(receiver.received[0][1])["request_id"], row["webhooks"]["sent"]) == (
        row["request_id"],
        IsInt(ge=1),
    )
