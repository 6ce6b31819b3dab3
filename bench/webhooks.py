"""The double's webhooks: signed as fal signs them, a few at a time, again until they are taken."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from imagegen.sandbox.signing import WebhookSigner

_AT_ONCE: Final = 64
_ATTEMPTS: Final = 20
_PAUSE: Final = 0.5
_USER: Final = "bench"


class Webhooks:
    """Tells of requests that have ended."""

    def __init__(self) -> None:
        self._signing = WebhookSigner()
        self._places = asyncio.Semaphore(_AT_ONCE)

    def key_set(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key Set."""
        return self._signing.key_set()

    async def tell(self, url: str, request_id: str, result: Mapping[str, Any]) -> None:
        """Send one until it is taken."""
        told = {"request_id": request_id, "gateway_request_id": request_id, "status": "OK", "payload": result}
        body = json.dumps(told).encode()
        for _ in range(_ATTEMPTS):
            async with self._places:
                if await self._is_taken(url, body, request_id):
                    return
            await asyncio.sleep(_PAUSE)

    async def _is_taken(self, url: str, body: bytes, request_id: str) -> bool:
        headers = self._signing.headers(request_id, _USER, body, forged=False)
        try:
            async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
                return answer.ok
        except (aiohttp.ClientError, TimeoutError):
            return False
