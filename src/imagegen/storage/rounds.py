"""What many ask of MongoDB at the same moment goes there in rounds: one command for all of them, one acknowledgement.

Databases call it group commit. A job makes some ten commands, and each costs the driver, the server and the journal the
same whether it is about one job or about thirty. Who asks while nobody else does waits for nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Final, Generic, TypeVar

from imagegen.errors import DatabaseUnavailable

_MOST: Final = 64
T = TypeVar("T")
R = TypeVar("R")


class Rounds(Generic[T, R]):
    """Questions of one kind. While a round of them is on its way, others wait for the next.

    Args:
        ask: asks all at once, and gives each one's answer, or the error that is for it alone, in the same order.
    """

    def __init__(self, ask: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._going: asyncio.Task[None] | None = None

    async def ask(self, question: T) -> R:
        """Ask with the next round; raises what that raises for this question.

        A caller that is cancelled takes back a question that is still waiting; one that is on its way takes effect.
        """
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._going is None or self._going.done():
            # In a context of its own: a round belongs to no single job's trace, log or time limit.
            self._going = asyncio.create_task(self._go(), name="rounds", context=Context())
        return await answer

    async def _go(self) -> None:
        while self._waiting:
            asked = [(question, answer) for question, answer in self._waiting[:_MOST] if not answer.done()]
            del self._waiting[:_MOST]
            if not asked:
                continue
            answers = await self._answers([question for question, _ in asked])
            for (_, future), answer in zip(asked, answers, strict=True):
                _tell(future, answer)

    async def _answers(self, questions: Sequence[T]) -> Sequence[R | Exception]:
        """The answers of one round. Where all fail for a reason that may be one's own, each is asked alone."""
        try:
            return await self._ask(questions)
        except DatabaseUnavailable as error:
            return [error] * len(questions)
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            if len(questions) == 1:
                return [error]
        return [answer for question in questions for answer in await self._answers([question])]


def _tell(future: asyncio.Future[R], answer: R | Exception) -> None:
    with suppress(asyncio.InvalidStateError):  # who asked was cancelled meanwhile
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
