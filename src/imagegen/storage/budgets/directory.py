"""Every budget, in the memory of a process. The counters of their periods are not: they are read where they count."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final

from imagegen.budgets import Budget
from imagegen.storage.budgets.definitions import Budgets
from imagegen.storage.local_copy import LocalCopy, News

_VALID_FOR: Final = timedelta(seconds=60)
_log = logging.getLogger("imagegen.budgets")


class BudgetDirectory:
    """The undeleted budgets as they were last read.

    Args:
        stored: the budgets in MongoDB.
        news: which every process sends after a change.
        valid_for: how long what was read last is valid while MongoDB does not answer.
    """

    def __init__(self, stored: Budgets, news: News, valid_for: timedelta = _VALID_FOR) -> None:
        self._budgets = LocalCopy[Sequence[Budget]](
            "budgets", stored.undeleted, (), news=news, valid_for=valid_for, log=_log
        )

    def current(self) -> Sequence[Budget]:
        """The undeleted budgets, ordered by id.

        Raises:
            DatabaseUnavailable: MongoDB has not said so lately. No job may pass then: its budget might be unknown.
        """
        return self._budgets.current()

    async def announce_change(self) -> None:
        """After a change by this process: read the budgets, and tell the other processes to do so."""
        await self._budgets.announce_change()

    def kept_current(self) -> AbstractAsyncContextManager[None]:
        """Keep the budgets current beside the body."""
        return self._budgets.kept_current()


@asynccontextmanager
async def open_budget_directory(
    stored: Budgets, news: News, valid_for: timedelta = _VALID_FOR
) -> AsyncGenerator[BudgetDirectory]:
    """A directory that is current while the body runs."""
    directory = BudgetDirectory(stored, news, valid_for)
    async with directory.kept_current():
        yield directory
