"""Whether fal takes requests from our account: while it does not, submitting pauses.

The pause is shared by all processes. While it lasts, queued jobs wait and new requests are refused before they are
accepted. When its time is over, one submit of all processes probes; if fal refuses it too, the next pause is longer.
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
from imagegen.fal import Fal
from imagegen.settings import FalSettings
from imagegen.shared_answers import SharedAnswer
from imagegen.storage.account_pauses import AccountPause, AccountPauses

_FRESH: Final = 1.0  # seconds for which what was read holds: so long other processes may go on submitting
_READ_WITHIN: Final = 2.0  # seconds, of a readiness check: a MongoDB that hangs is no trouble of fal's
_KEPT: Final = timedelta(seconds=1)  # what fal said of our key, however many ask
_PROBE_LEASE: Final = timedelta(seconds=90)  # of a probe whose process ends
_WHILE_PROBED: Final = timedelta(seconds=2)
_log = logging.getLogger("imagegen.account")


class Account:
    """fal's account behind FAL_KEY, as this process and the others have found it."""

    def __init__(self, pauses: AccountPauses, fal: Fal, settings: FalSettings) -> None:
        assert settings.key is not None
        self._pauses, self._fal = pauses, fal
        self._name = hashlib.sha256(b"account " + settings.key.get_secret_value().encode()).hexdigest()[:32]
        self._known: AccountPause | None = None
        self._read_at = -_FRESH
        self._answer = SharedAnswer(fal.check, _KEPT)

    async def pause(self) -> AccountPause | None:
        """The pause, if fal refuses the account; at most a second old."""
        if time.monotonic() - self._read_at >= _FRESH:
            await self._read()
        return self._known

    async def require(self) -> None:
        """Let new requests in only while fal takes requests, or may take them again.

        Raises:
            SubmittingPaused: it does not, and the time to try again has not come.
        """
        pause = await self.pause()
        if pause is not None and pause.left:
            raise SubmittingPaused(_WHILE_PROBED if pause.is_probed else pause.left)

    async def check(self) -> None:
        """Ask, free of charge, whether fal would take a request; in words that anyone may read.

        Raises:
            ProviderError: it would not, or cannot be reached.
        """
        with _without_mongodb("read"):
            async with asyncio.timeout(_READ_WITHIN):
                pause = await self.pause()
            if pause is not None and pause.left:
                words = f"Submitting has paused; it is tried again in {math.ceil(pause.left.total_seconds())} s."
                raise ProviderUnavailable(_refused(pause.status, words))
        try:
            await self.answers()
        except (AccountRefused, ProviderRejected) as error:
            raise ProviderUnavailable(_refused(error.answer.status)) from error

    async def answers(self) -> None:
        """Whether fal answers and takes our key, as of a second ago at the most: however many ask, fal is asked once.

        Raises:
            ProviderError: it does not.
        """
        await self._answer.get()

    @asynccontextmanager
    async def permitted(self) -> AsyncGenerator["Permit"]:
        """Submit in the body, and learn from its end whether fal takes requests.

        Raises:
            SubmittingPaused: the body was not run, or its submit was stopped: submitting has paused.
        """
        permit = await self._permit()
        try:
            yield permit
        except AccountRefused as error:
            await self._begin(error, was_probe=permit.is_probe)
            raise
        except ProviderError as error:
            permit.accepted = isinstance(error, ProviderRejected | ProviderUnavailable) and _answered(error)
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
        await self._look_first(permit)
        return permit

    async def _look_first(self, permit: "Permit") -> None:
        """Ask for free before a job is risked."""
        try:
            await self._fal.check()
        except AccountRefused as error:
            await self._begin(error, was_probe=True)
        except ProviderRejected as error:  # the key
            await self._begin(AccountRefused(error.answer), was_probe=True)
        except ProviderError:
            await self._conclude(permit)
        else:
            return
        pause = await self.pause()
        raise SubmittingPaused(pause.left if pause else _WHILE_PROBED)

    async def _begin(self, error: AccountRefused, *, was_probe: bool) -> None:
        with _without_mongodb():
            if await self._pauses.begin(self._name, error.answer.status, was_probe=was_probe):
                words = "fal.ai refuses the account of FAL_KEY (HTTP %s): %s Submitting pauses"
                _log.error(words, error.answer.status, error.answer.message)
            await self._read()

    async def _conclude(self, permit: "Permit") -> None:
        """After a probe: submitting goes on if fal took it; if that is not known, another one probes."""
        if not permit.is_probe or (self._known is not None and not self._known.is_probed):
            return
        with _without_mongodb():
            if permit.accepted:
                await self._pauses.end(self._name)
                _log.warning("fal.ai takes requests from the account again; submitting goes on")
            else:
                await self._pauses.put_off(self._name)
            await self._read()

    async def _read(self) -> None:
        self._read_at = time.monotonic()
        self._known = await self._pauses.find(self._name)


@dataclass(slots=True)
class Permit:
    """To submit once. `accepted`: fal took the request, or refused it for what it is."""

    _account: Account
    is_probe: bool
    accepted: bool = False

    async def require(self) -> None:
        """Right before the POST: raise SubmittingPaused if submitting has paused meanwhile."""
        if not self.is_probe:
            await self._account.require()


@contextmanager
def _without_mongodb(verb: str = "stored") -> Generator[None]:
    """What fal says counts, whether or not the pause can be stored or read."""
    try:
        yield
    except (DatabaseUnavailable, TimeoutError) as error:
        _log.warning("the pause of submitting cannot be %s: %s", verb, error or "MongoDB does not answer in time")


def _refused(status: int | None, more: str = "") -> ProviderAnswer:
    words = f"fal.ai refuses the account of FAL_KEY (HTTP {status}). {more}".strip()
    return ProviderAnswer(message=f"{words} The log and `imagegen doctor` have fal.ai's reason.", status=status)


def _answered(error: ProviderError) -> bool:
    """Whether fal itself answered, so that it has looked at the account."""
    return error.answer.status is not None
