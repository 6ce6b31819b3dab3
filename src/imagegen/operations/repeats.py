"""Requests that clients repeat without a mark: a repeat whose first outcome was lost gets the job that it paid for.

A request attaches to an earlier, equal one only if that one's outcome was not delivered and no request waits for it.
So equal requests at the same moment, and one after the other, are jobs of their own.
"""

import asyncio
import hmac
import logging
from contextvars import Context
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Final

from pydantic import JsonValue

from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Fingerprint, Job
from imagegen.keys import Caller
from imagegen.operations.body_hash import hash_body
from imagegen.operations.generate import Accepted, accept, find_or_accept
from imagegen.operations.rates import read_rates
from imagegen.services import Services

KNOWN_FOR: Final = timedelta(hours=1)
_PAUSE: Final = timedelta(seconds=2)
_log = logging.getLogger("imagegen.api")


def fingerprint_digest(secret: bytes, caller: Caller, user_id: str, route: str, body: JsonValue) -> str:
    """The digest of a request, the same for equal ones.

    It is keyed: without the secret, what is stored does not tell whether a prompt was sent.

    Args:
        secret: the same in every process.
        caller: who sends it; requests of different keys are never the same.
        user_id: the user.
        route: the operation.
        body: as parsed; the order of its members does not matter.
    """
    parts = (caller.idempotency_scope(user_id), route, hash_body(body).sha256)
    return hmac.new(secret, "\n".join(parts).encode(), sha256).hexdigest()


class Wait:
    """A request that waits for its outcome, from before it is accepted.

    Args:
        digest: of the request.
        services: where it is accepted.
    """

    def __init__(self, digest: str, services: Services) -> None:
        self._services = services
        self.fingerprint = Fingerprint(digest=digest, waiter=services.queue.waiters.begin())
        self.has_job = False

    def lost(self) -> None:
        """The outcome was not delivered: a repeat of the request attaches to its job."""
        self._services.queue.waiters.end(self.fingerprint.waiter)

    def delivered(self) -> None:
        """The outcome was delivered: an equal request is another one."""
        if not self.has_job:
            self._services.queue.waiters.end(self.fingerprint.waiter)
            return
        task = asyncio.get_running_loop().create_task(self._forget(), name="delivered", context=Context())
        _FORGETTING.add(task)
        task.add_done_callback(_FORGETTING.discard)

    async def _forget(self) -> None:
        """Erase the fingerprint. Until then the wait goes on, so that no equal request takes the job for lost."""
        try:
            while not self._services.stopping.is_set():
                try:
                    return await self._services.fingerprints.erase(self.fingerprint)
                except DatabaseUnavailable as error:
                    _log.warning("a delivered request is marked later: %s", error)
                    await asyncio.sleep(_PAUSE.total_seconds())
        finally:
            self._services.queue.waiters.end(self.fingerprint.waiter)


_FORGETTING: Final[set[asyncio.Task[None]]] = set()


async def attach_or_accept(new: Job, caller: Caller, services: Services, wait: Wait) -> Accepted:
    """The job of an earlier, equal request whose outcome was lost; otherwise the new one, accepted.

    A request with an idempotency key is known by that alone, as in `find_or_accept`.

    Args:
        new: it has passed `admission.check`.
        caller: who sends it.
        services: where it is accepted.
        wait: for its outcome.

    Raises:
        ImagegenError: as `find_or_accept` does.
    """
    if new.idempotency is not None:
        return await find_or_accept(new, caller, services)
    waiters, own = services.queue.waiters, wait.fingerprint
    await waiters.lost_are_accepted(own.digest)
    with waiters.accepting(own):
        for earlier in await services.fingerprints.find(own.digest, new.created_at - KNOWN_FOR):
            if await waiters.is_waiting(earlier.waiter):
                continue
            if (job := await services.fingerprints.attach(earlier, own)) is not None:
                wait.has_job = True
                return Accepted(job=job, replayed=True, rates=await read_rates(caller, job.user_id, services))
        accepted = await accept(replace(new, fingerprint=own), caller, services)
        wait.has_job = True
        return accepted
