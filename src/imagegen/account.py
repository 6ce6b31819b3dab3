"""Whether fal accepts requests of our account; while it does not, submitting pauses.

All processes share the pause. While it lasts, queued jobs wait and new requests are refused. When its time is over, one
process probes with one submit; if fal refuses that too, the next pause is longer.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from imagegen.errors import (
    AccountRefused,
    DatabaseUnavailable,
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    SubmittingPaused,
)
from imagegen.fal import FalClient
from imagegen.net.single_flight import SingleFlight
from imagegen.settings import FalSettings
from imagegen.storage.account_pauses import AccountPause, AccountPauses

_FRESH: Final = 1.0  # seconds for which a read pause is used; other processes may go on submitting for that long
_READ_WITHIN: Final = 2.0  # seconds in a readiness check; a MongoDB that hangs is not fal's problem
_CHECK_KEPT: Final = timedelta(seconds=1)  # fal's answer about our key is shared by all checks
_PROBE_LEASE: Final = timedelta(seconds=90)  # after which another process probes, if this one died
_WHILE_PROBED: Final = timedelta(seconds=2)
_log = logging.getLogger("imagegen.account")


class Account:
    """fal's account behind FAL_KEY, as all processes have found it."""

    def __init__(self, pauses: AccountPauses, fal: FalClient, settings: FalSettings) -> None:
        assert settings.key is not None
        self._pauses, self._fal = pauses, fal
        self._name = hashlib.sha256(b"account " + settings.key.get_secret_value().encode()).hexdigest()[:32]
        self._known: AccountPause | None = None
        self._read_at = -_FRESH
        self._check = SingleFlight(fal.check, _CHECK_KEPT)

    async def pause(self) -> AccountPause | None:
        """The pause, if fal refuses the account; at most one second old."""
        if time.monotonic() - self._read_at >= _FRESH:
            await self._read()
        return self._known

    async def require(self) -> None:
        """Refuse new requests while submitting has paused.

        Raises:
            SubmittingPaused: it has, and it is not time for a probe.
        """
        pause = await self.pause()
        if pause is not None and pause.remaining:
            raise SubmittingPaused(_WHILE_PROBED if pause.is_probed else pause.remaining)

    async def check(self) -> None:
        """Check, free of charge, whether fal would accept a request.

        Raises:
            ProviderError: it would not, or cannot be reached; the message reveals nothing to callers.
        """
        with _without_mongodb("read"):
            async with asyncio.timeout(_READ_WITHIN):
                pause = await self.pause()
            if pause is not None and pause.remaining:
                words = f"Submitting has paused; it is tried again in {math.ceil(pause.remaining.total_seconds())} s."
                raise ProviderUnavailable(_refused(pause.status, words))
        try:
            await self.answers()
        except (AccountRefused, ProviderRejected) as error:
            raise ProviderUnavailable(_refused(error.answer.status)) from error

    async def answers(self) -> None:
        """Check whether fal answers and accepts our key; asks fal at most once a second for all callers.

        Raises:
            ProviderError: it does not.
        """
        await self._check.get()

    @asynccontextmanager
    async def permitted(self) -> AsyncGenerator["Permit"]:
        """Allow one submit in the body, and learn from its outcome whether fal accepts requests.

        Raises:
            SubmittingPaused: submitting has paused; the body was not run, or its submit was stopped.
        """
        permit = await self._permit()
        try:
            yield permit
        except AccountRefused as error:
            await self._begin_pause(error, was_probe=permit.is_probe)
            raise
        except ProviderError as error:
            permit.accepted = isinstance(error, ProviderRejected | ProviderUnavailable) and _has_answer(error)
            raise
        finally:
            await self._conclude(permit)

    async def _permit(self) -> "Permit":
        if await self.pause() is None:
            return Permit(self, is_probe=False)
        await self.require()
        if not await self._pauses.claim_probe(self._name, _PROBE_LEASE):
            await self._read()
            raise SubmittingPaused(_WHILE_PROBED)
        await self._read()
        permit = Permit(self, is_probe=True)
        await self._check_before_probe(permit)
        return permit

    async def _check_before_probe(self, permit: "Permit") -> None:
        """Ask fal free of charge before the probe risks a job."""
        try:
            await self._fal.check()
        except AccountRefused as error:
            await self._begin_pause(error, was_probe=True)
        except ProviderRejected as error:  # the key
            await self._begin_pause(AccountRefused(error.answer), was_probe=True)
        except ProviderError:
            await self._conclude(permit)
        else:
            return
        pause = await self.pause()
        raise SubmittingPaused(pause.remaining if pause else _WHILE_PROBED)

    async def _begin_pause(self, error: AccountRefused, *, was_probe: bool) -> None:
        with _without_mongodb():
            if await self._pauses.begin(self._name, error.answer.status, was_probe=was_probe):
                words = "fal.ai refuses the account of FAL_KEY (HTTP %s): %s Submitting pauses"
                _log.error(words, error.answer.status, error.answer.message)
            await self._read()

    async def _conclude(self, permit: "Permit") -> None:
        """After a probe: end the pause if fal accepted it; if that is not known, another process probes."""
        if not permit.is_probe or (self._known is not None and not self._known.is_probed):
            return
        with _without_mongodb():
            if permit.accepted:
                await self._pauses.end(self._name)
                _log.warning("fal.ai accepts requests from the account again; submitting continues")
            else:
                await self._pauses.postpone_probe(self._name)
            await self._read()

    async def _read(self) -> None:
        self._read_at = time.monotonic()
        self._known = await self._pauses.find(self._name)


@dataclass(slots=True)
class Permit:
    """The permission for one submit. `accepted`: fal accepted the request, or refused it for its content."""

    _account: Account
    is_probe: bool
    accepted: bool = False

    async def require(self) -> None:
        """Called right before the POST: raise SubmittingPaused if submitting has paused meanwhile."""
        if not self.is_probe:
            await self._account.require()


@contextmanager
def _without_mongodb(verb: str = "stored") -> Generator[None]:
    """Ignore a MongoDB that is down: fal's answer counts, even if the pause cannot be stored or read."""
    try:
        yield
    except (DatabaseUnavailable, TimeoutError) as error:
        _log.warning("the submitting pause cannot be %s: %s", verb, error or "MongoDB does not answer in time")


def _refused(status: int | None, more: str = "") -> ProviderAnswer:
    words = f"fal.ai refuses the account of FAL_KEY (HTTP {status}). {more}".strip()
    return ProviderAnswer(message=f"{words} The log and `imagegen doctor` have fal.ai's reason.", status=status)


def _has_answer(error: ProviderError) -> bool:
    """Whether fal itself answered, and so has checked the account."""
    return error.answer.status is not None
