"""Bounds every request's body by the limit that its route declares.

Starlette's own limit of the body's size is not used: it responds in plain text, whatever the error handlers say.
"""

from collections.abc import MutableMapping
from functools import cache
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.api.http.body_limits import BodyLimit, usual_limit
from imagegen.api.http.intake import INTAKE, Intake, ReceiveMemory
from imagegen.api.http.policies import BodyPolicy, policy_of
from imagegen.settings import LimitSettings


class BodyLimitMiddleware:
    """Refuses a body that is too large (413), too slow (408), compressed (415), or too much for the memory (503)."""

    def __init__(self, app: ASGIApp, limits: LimitSettings) -> None:
        self._app, self._limits, self._memory = app, limits, ReceiveMemory(limits.receive_memory)
        self._limit_of = cache(self._computed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = self._limit_of(policy_of(scope).body)
        intake = scope[INTAKE] = Intake(scope, receive, limit, self._limits.receive_timeout, self._memory)

        async def send_and_note(message: MutableMapping[str, Any]) -> None:
            intake.is_answered = True
            await send(message)

        try:
            return await self._app(scope, intake.receive, send_and_note)
        finally:
            intake.release()

    def _computed(self, body: BodyPolicy | None) -> BodyLimit:
        return (body.limit if body else usual_limit)(self._limits)
