"""What is asked at the same moment goes in one round, and everyone gets the answer that is for it."""

import asyncio
from collections.abc import Sequence

import pytest

from imagegen.errors import DatabaseUnavailable
from imagegen.storage.rounds import Rounds


class Server:
    """Doubles numbers, one round at a time. `unreadable` numbers make it refuse their whole round."""

    def __init__(self, *unreadable: int) -> None:
        self.rounds: list[list[int]] = []
        self.unreadable = set(unreadable)
        self.is_down = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def double(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.rounds.append(list(numbers))
        await self.answers.wait()
        if self.is_down:
            raise DatabaseUnavailable
        if self.unreadable.intersection(numbers):
            raise ValueError(numbers)
        return [KeyError(number) if number < 0 else 2 * number for number in numbers]


async def busy(rounds: Rounds[int, int], server: Server) -> asyncio.Task[int]:
    """A round that is on its way until the server answers."""
    server.answers.clear()
    first = asyncio.create_task(rounds.ask(0))
    while not server.rounds:
        await asyncio.sleep(0)
    return first


async def test_who_asks_alone_is_asked_for_at_once() -> None:
    server = Server()
    rounds = Rounds(server.double)

    assert [await rounds.ask(1), await rounds.ask(2)] == [2, 4]
    assert server.rounds == [[1], [2]]


async def test_what_is_asked_while_a_round_is_on_its_way_goes_in_the_next() -> None:
    server = Server()
    rounds = Rounds(server.double)
    first = await busy(rounds, server)

    others = [asyncio.create_task(rounds.ask(number)) for number in range(1, 4)]
    await asyncio.sleep(0)
    server.answers.set()

    assert [await task for task in (first, *others)] == [0, 2, 4, 6]
    assert server.rounds == [[0], [1, 2, 3]]


async def test_a_round_has_a_bound() -> None:
    server = Server()
    rounds = Rounds(server.double)

    assert await asyncio.gather(*(rounds.ask(number) for number in range(100))) == [2 * number for number in range(100)]
    assert [len(each) for each in server.rounds] == [64, 36]


async def test_an_error_that_is_for_one_is_raised_for_that_one_alone() -> None:
    rounds = Rounds(Server().double)

    answers = await asyncio.gather(rounds.ask(1), rounds.ask(-2), rounds.ask(3), return_exceptions=True)

    assert [answers[0], type(answers[1]), answers[2]] == [2, KeyError, 6]


async def test_one_that_spoils_its_round_spoils_it_for_nobody_else() -> None:
    server = Server(13)
    rounds = Rounds(server.double)

    answers = await asyncio.gather(rounds.ask(1), rounds.ask(13), rounds.ask(3), return_exceptions=True)

    assert [answers[0], type(answers[1]), answers[2]] == [2, ValueError, 6]


async def test_a_database_that_is_down_is_asked_once_for_all() -> None:
    server = Server()
    server.is_down = True
    rounds = Rounds(server.double)

    answers = await asyncio.gather(*(rounds.ask(number) for number in range(5)), return_exceptions=True)

    assert {type(answer) for answer in answers} == {DatabaseUnavailable}
    assert len(server.rounds) == 1


async def test_a_caller_that_is_cancelled_takes_back_what_was_not_on_its_way() -> None:
    server = Server()
    rounds = Rounds(server.double)
    first = await busy(rounds, server)

    given_up, kept = (asyncio.create_task(rounds.ask(number)) for number in (1, 2))
    await asyncio.sleep(0)
    given_up.cancel()
    server.answers.set()

    assert [await first, await kept] == [0, 4]
    assert server.rounds == [[0], [2]]
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_a_caller_that_is_cancelled_while_its_round_is_on_its_way_hinders_nobody() -> None:
    server = Server()
    rounds = Rounds(server.double)
    first = await busy(rounds, server)

    first.cancel()
    later = asyncio.create_task(rounds.ask(1))
    await asyncio.sleep(0)
    server.answers.set()

    assert await later == 2
