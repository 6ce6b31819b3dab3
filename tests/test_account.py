"""A pause of submitting: before a probe risks a job, fal is asked free of charge."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import cast

import pytest

from imagegen.account import Account
from imagegen.errors import (
    AccountRefused,
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    SubmittingPaused,
)
from imagegen.fal import FalClient
from imagegen.settings import Settings
from imagegen.storage.account_pauses import FIRST_PAUSE
from imagegen.storage.stores import open_stores


class Checked:
    """fal, as far as an account asks it: the outcome of the next checks."""

    def __init__(self, outcome: ProviderError | None) -> None:
        self.outcome, self.checks = outcome, 0

    async def check(self) -> None:
        self.checks += 1
        if self.outcome is not None:
            raise self.outcome


LOCKED = AccountRefused(ProviderAnswer(message="User is locked.", status=403))
KEY_REFUSED = ProviderRejected(ProviderAnswer(message="No such key.", status=401))
UNREACHABLE = ProviderUnavailable(ProviderAnswer(message="no response"))


@pytest.fixture
def fal() -> Checked:
    return Checked(None)


@pytest.fixture
async def account(own: Settings, fal: Checked) -> AsyncGenerator[Account]:
    """An account whose submit was refused, and whose first pause is over."""
    async with open_stores(own.mongodb) as stores:
        account = Account(stores.account_pauses, cast("FalClient", fal), own.fal)
        with pytest.raises(AccountRefused):
            async with account.permitted():
                raise LOCKED
        await asyncio.sleep(FIRST_PAUSE.total_seconds() + 0.1)
        yield account


@pytest.mark.parametrize(
    ("outcome", "at_least"),
    [(LOCKED, FIRST_PAUSE), (KEY_REFUSED, FIRST_PAUSE), (UNREACHABLE, FIRST_PAUSE / 2)],
    ids=["still locked", "key refused", "unreachable"],
)
async def test_no_job_probes_while_a_free_check_fails(
    account: Account, fal: Checked, outcome: ProviderError, at_least: timedelta
) -> None:
    fal.outcome = outcome

    with pytest.raises(SubmittingPaused) as paused:
        async with account.permitted():
            raise AssertionError("a submit was sent")

    pause = await account.pause()
    assert (fal.checks, pause is not None and not pause.is_probed) == (1, True)
    assert paused.value.retry_after > at_least


async def test_accepted_probe_ends_the_pause(account: Account) -> None:
    async with account.permitted() as permit:
        permit.accepted = True

    assert await account.pause() is None
