"""The keys in a process's memory: how soon a change is known, and what is valid while MongoDB is away."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from imagegen.clock import now
from imagegen.errors import DatabaseUnavailable
from imagegen.keys import ApiKey, key_id_of, new_key
from imagegen.queue import open_queue
from imagegen.settings import Settings
from imagegen.storage.api_keys import ApiKeys
from imagegen.storage.key_directory import KeyDirectory, open_key_directory
from imagegen.storage.stores import open_stores
from tests.support.keys import add_key, revoke_key

LONG = timedelta(minutes=15)
LEASE = timedelta(seconds=30)


class Watched(ApiKeys):
    """The stored keys, with counts of reads and writes; they can be away, or held back."""

    def __init__(self, stored: ApiKeys) -> None:
        super().__init__(stored._keys, stored._audit)
        self.reads, self.writes, self.is_away, self.may_answer = 0, 0, False, asyncio.Event()
        self.may_answer.set()

    async def all(self) -> Sequence[ApiKey]:
        self.reads += 1
        await self.may_answer.wait()
        if self.is_away:
            raise DatabaseUnavailable
        return await super().all()

    async def used(self, at: Mapping[str, datetime]) -> None:
        if self.is_away:
            raise DatabaseUnavailable
        self.writes += 1
        await super().used(at)


@asynccontextmanager
async def stored_keys(own: Settings) -> AsyncGenerator[Watched]:
    async with open_stores(own.mongodb) as stores:
        yield Watched(stores.api_keys)


@asynccontextmanager
async def directory(
    own: Settings, stored: ApiKeys, valid_for: timedelta = LONG, *, hears: bool = True
) -> AsyncGenerator[KeyDirectory]:
    """The directory of a process with a connection to NATS of its own, on which no news comes unless it `hears`."""
    nats = own.nats if hears else own.nats.model_copy(update={"stream": f"{own.nats.stream}-deaf"})
    async with open_queue(nats, LEASE) as queue, open_key_directory(stored, queue.key_news, valid_for) as keys:
        yield keys


async def seconds_until_invalid(keys: KeyDirectory, token: str, *, within: float) -> float:
    began = time.monotonic()
    async with asyncio.timeout(within):
        while await keys.find(token) is not None:
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_change_by_another_process_is_known_within_two_seconds(own: Settings) -> None:
    token = await add_key(own)
    async with stored_keys(own) as stored, directory(own, stored) as keys:
        assert await keys.find(token) is not None
        await revoke_key(own, token)

        assert await seconds_until_invalid(keys, token, within=10) < 2


async def test_own_change_is_known_at_once_and_told(own: Settings) -> None:
    async with stored_keys(own) as stored, directory(own, stored) as one, directory(own, stored) as other:
        token = await add_key(own, told=False)
        await one.announce_change()
        assert one.ever_had_keys
        async with asyncio.timeout(2):
            while not other.ever_had_keys:
                await asyncio.sleep(0.02)

        assert await one.find(token) == await other.find(token)


@pytest.mark.slow
async def test_change_is_known_within_ten_seconds_without_news(own: Settings) -> None:
    token = await add_key(own)
    async with stored_keys(own) as stored, directory(own, stored, hears=False) as keys:
        assert await keys.find(token) is not None
        await revoke_key(own, token)

        assert 1 < await seconds_until_invalid(keys, token, within=20) < 11


async def test_new_key_is_found_at_its_first_use_without_news(own: Settings) -> None:
    async with stored_keys(own) as stored, directory(own, stored, hears=False) as keys:
        assert not keys.ever_had_keys
        token = await add_key(own, told=False)

        assert await keys.find(token) is not None


async def test_unknown_tokens_cost_at_most_one_read_a_second(own: Settings) -> None:
    async with stored_keys(own) as stored, directory(own, stored, hears=False) as keys:
        before, began = stored.reads, time.monotonic()
        while time.monotonic() - began < 2.2:
            tokens = [new_key("unknown", now())[1] for _ in range(20)]
            assert await asyncio.gather(*map(keys.find, tokens)) == [None] * 20

        assert 2 <= stored.reads - before <= 3


async def test_what_cannot_be_a_token_or_has_a_known_id_costs_no_read(own: Settings) -> None:
    token = await add_key(own)
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    async with stored_keys(own) as stored, directory(own, stored, hears=False) as keys:
        before = stored.reads
        found = [await keys.find(text) for text in ("", "ig_", f"{token}x", token.upper(), wrong)]

        assert (found, stored.reads - before) == ([None] * 5, 0)


async def test_read_under_way_holds_up_no_known_key(own: Settings) -> None:
    token = await add_key(own)
    async with stored_keys(own) as stored, directory(own, stored) as keys:
        stored.may_answer.clear()
        unknown = asyncio.create_task(keys.find(new_key("unknown", now())[1]))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(0.5):
            assert await keys.find(token) is not None
        assert not unknown.done()
        stored.may_answer.set()

        assert await unknown is None


async def test_read_keys_stay_valid_for_a_while_without_mongodb(own: Settings) -> None:
    token = await add_key(own)
    async with stored_keys(own) as stored, directory(own, stored, timedelta(seconds=1.5)) as keys:
        stored.is_away = True
        known = await keys.find(token)
        with pytest.raises(DatabaseUnavailable):
            await keys.find(new_key("unknown", now())[1])
        await asyncio.sleep(1.7)
        with pytest.raises(DatabaseUnavailable):
            await keys.find(token)
        with pytest.raises(DatabaseUnavailable):
            _ = keys.ever_had_keys
        stored.is_away = False
        async with asyncio.timeout(3):
            while not await is_valid(keys, token):
                await asyncio.sleep(0.05)

    assert known is not None


async def is_valid(keys: KeyDirectory, token: str) -> bool:
    try:
        return await keys.find(token) is not None
    except DatabaseUnavailable:
        return False


async def test_nothing_is_known_before_the_first_answer(own: Settings) -> None:
    async with stored_keys(own) as stored:
        stored.is_away = True
        async with directory(own, stored) as keys:
            with pytest.raises(DatabaseUnavailable):
                _ = keys.ever_had_keys
            with pytest.raises(DatabaseUnavailable):
                await keys.find(new_key("unknown", now())[1])

            assert await keys.find("no token") is None


async def test_expiry_is_checked_at_each_use(own: Settings) -> None:
    token = await add_key(own, expires_at=now() + timedelta(seconds=1))
    async with stored_keys(own) as stored, directory(own, stored) as keys:
        key = await keys.find(token)
        assert key is not None
        assert keys.still_grants(key)
        await asyncio.sleep(1.1)

        assert (await keys.find(token), keys.still_grants(key), keys.ever_had_keys) == (None, False, True)


async def test_last_use_is_written_in_bulk_and_at_the_end(own: Settings) -> None:
    tokens = [await add_key(own), await add_key(own), await add_key(own)]
    async with stored_keys(own) as stored:
        began = now()
        async with directory(own, stored) as keys:
            for token in (tokens[0], tokens[1], tokens[0], tokens[1]):
                await keys.find(token)
            during = stored.writes
        uses = {key.id: key.last_used_at for key in await stored.all()}

    assert (during, stored.writes) == (0, 1)
    assert [(uses[key_id_of(token)] or datetime.min.replace(tzinfo=began.tzinfo)) >= began for token in tokens] == [
        True,
        True,
        False,
    ]


async def test_last_use_that_mongodb_does_not_take_is_kept(own: Settings) -> None:
    token = await add_key(own)
    async with stored_keys(own) as stored, directory(own, stored) as keys:
        await keys.find(token)
        stored.is_away = True
        await keys.store_uses()
        stored.is_away = False
        await keys.store_uses()
        (key,) = await stored.all()

    assert key.last_used_at is not None
