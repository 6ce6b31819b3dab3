"""Webhooks: the end of a request with `fal_webhook` is posted to that URL, signed as fal signs it."""

import asyncio
import json
from collections import Counter
from functools import cached_property

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegen.sandbox.endpoint_schemas import JsonObject
from imagegen.sandbox.fault_plans import FaultPlans
from imagegen.sandbox.faults import WebhookDoubled, WebhookForged, WebhookLate, WebhookMissing
from imagegen.sandbox.inputs import is_loopback
from imagegen.sandbox.responses import with_absolute_urls
from imagegen.sandbox.signing import WebhookSigner
from imagegen.sandbox.store import RequestStore, StoredRequest

_SECONDS = 15.0  # fal's timeout of the first attempt
_PAUSES = (0.2, 0.8, 2.0, 5.0)  # fal retries for an hour
_LONGEST_WAIT = 30.0


class WebhookSender:
    """Sends webhooks, with one task for each request that named one.

    Loopback addresses are allowed because they are the user's machine; with `loopback_only` no others are.

    Attributes:
        sent: how many webhooks were sent, by request id, including repeats.
        accepted: how many of them were answered with 2xx.
    """

    def __init__(self, store: RequestStore, plans: FaultPlans, *, loopback_only: bool) -> None:
        self._store, self._plans = store, plans
        self._signing = WebhookSigner()
        self._loopback_only = loopback_only
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.sent: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        """The route of the key set."""
        return [Route("/.well-known/jwks.json", self.keys)]

    async def keys(self, _: Request) -> Response:
        """Answer with the JSON Web Key Set."""
        return JSONResponse(self._signing.key_set())

    def start(self, request: StoredRequest) -> None:
        """Send a webhook when the request ends, if it named one."""
        url = request.query.get("fal_webhook")
        if url and (is_loopback(url) or not self._loopback_only):
            task = asyncio.create_task(self._deliver(request.id, url))
            self._tasks[request.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(request.id, None))

    async def wait_until_delivered(self, request_id: str) -> None:
        """Wait until the request's webhook is delivered or given up, for at most 30 seconds."""
        if task := self._tasks.get(request_id):
            await asyncio.wait({task}, timeout=_LONGEST_WAIT)

    async def close(self) -> None:
        """Stop. Undelivered webhooks are not sent."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if "_http" in self.__dict__:
            await self._http.aclose()

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        # Created at first use, because loading the certificates would slow down the start.
        return httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=_SECONDS)

    async def _deliver(self, request_id: str, url: str) -> None:
        ended = await self._end_of(request_id)
        plan = self._plans.of(ended.owner)
        if plan.take(WebhookMissing):
            return
        if late := plan.take(WebhookLate):
            await asyncio.sleep(late.seconds)
        forged, doubled = plan.take(WebhookForged) is not None, plan.take(WebhookDoubled)
        for _ in range(2 if doubled else 1):
            await self._send_until_accepted(ended, url, forged=forged)

    async def _end_of(self, request_id: str) -> StoredRequest:
        while True:
            change = self._store.watch(request_id)
            now = await self._store.find(request_id)
            assert now is not None, "requests are never deleted"
            if now.state == "COMPLETED":
                return now
            await change.wait()

    async def _send_until_accepted(self, ended: StoredRequest, url: str, *, forged: bool) -> None:
        body = json.dumps(_webhook_body(ended)).encode()
        for pause in (*_PAUSES, None):
            headers = self._signing.headers(ended.id, ended.owner[:16], body, forged=forged)
            self.sent[ended.id] += 1
            if await self._send_once(url, body, headers, ended.id) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _send_once(self, url: str, body: bytes, headers: dict[str, str], request_id: str) -> bool:
        """Send once. True if it was accepted, or redirected, which fal treats as a final refusal."""
        try:
            answer = await self._http.post(url, content=body, headers={**headers, "Content-Type": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        self.accepted[request_id] += answer.is_success
        return answer.is_success or answer.is_redirect


def _webhook_body(ended: StoredRequest) -> JsonObject:
    """The body of a webhook."""
    outcome = ended.outcome
    assert outcome is not None, "it is completed"
    body: JsonObject = {
        "request_id": ended.id,
        "gateway_request_id": ended.id,
        "status": "OK" if outcome.error is None else "ERROR",
        "payload": with_absolute_urls(outcome.body, f"http://{ended.headers.get('host', 'localhost')}"),
    }
    return body if outcome.error is None else {**body, "error": outcome.error}
