"""Clients that wait, poll, follow events, hang up, time out, repeat, cancel and retry, on any API process.

Every requested job has a token of its own in its prompt. It tells the ledger which job a request at fal belongs to, and
which jobs are repeats of one request.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, TypeAlias

import httpx

from tests.chaos.clients import TRIES, Client
from tests.chaos.tally import Tally
from tests.chaos.told import Told, Wish

_WITH_DEADLINE: Final = 0.1  # of all jobs
_WITH_WEBHOOK: Final = 0.2
_LARGEST_BATCH: Final = 8


async def wait_for_it(client: Client) -> None:
    """Wait in one request, follow `Location` if it takes long, and retry if the job fails."""
    job_id = await client.repeat(within=30, prefer="wait=15")
    if job_id is None:
        return
    if job_id not in client.told.ended:
        await client.watch(job_id)
    await _try_a_failed_one_again(client, job_id)


async def poll_for_it(client: Client) -> None:
    """Ask for an immediate response, then poll."""
    job_id = await client.repeat(within=15, prefer="respond-async")
    if job_id is not None:
        await client.watch(job_id)


async def wait_long_for_it(client: Client) -> None:
    """Ask for an immediate response, long-poll the end, and retry if the job failed."""
    job_id = await client.repeat(within=15, prefer="respond-async")
    if job_id is not None:
        await client.wait_long(job_id)
        await _try_a_failed_one_again(client, job_id)


async def follow_it(client: Client) -> None:
    """Ask for an immediate response, then follow the events of the job."""
    job_id = await client.repeat(within=15, prefer="respond-async")
    if job_id is not None:
        await client.follow(job_id)


async def hang_up(client: Client) -> None:
    """Disconnect during the request, and do not return."""
    asking = asyncio.create_task(client.post(within=30))
    done, _ = await asyncio.wait({asking}, timeout=client.rng.uniform(0, 2.5))
    asking.cancel()
    if done and asking.exception() is None:
        client.told.hear(client.wish, asking.result())
    await asyncio.wait({asking})


async def lose_patience(client: Client) -> None:
    """Time out too early, and repeat with the same key until there is a response."""
    for _ in range(TRIES):
        job_id = await client.ask(within=client.rng.uniform(0.2, 3), prefer=None)
        if job_id is not None:
            return
        await asyncio.sleep(client.rng.uniform(0, 1))


async def ask_twice_at_once(client: Client) -> None:
    """Send the same key over two connections at the same moment, each to any process."""
    await asyncio.gather(*(client.repeat(within=20, prefer="respond-async") for _ in range(2)))


async def change_its_mind(client: Client) -> None:
    """Request the job, cancel it soon after that, perhaps more than once, then read what became of it."""
    job_id = await client.repeat(within=15, prefer="respond-async")
    if job_id is None:
        return
    for _ in range(client.rng.randint(1, 3)):
        await asyncio.sleep(client.rng.uniform(0, 1.5))
        await client.cancel(job_id)
    await client.watch(job_id)


async def change_it_back(client: Client) -> None:
    """Request the job and cancel it; once it is cancelled, retry it, twice at once under the same key."""
    job_id = await client.repeat(within=15, prefer="respond-async")
    if job_id is None:
        return
    await client.cancel(job_id)
    await client.wait_long(job_id)
    if client.told.ended.get(job_id, "completed") == "completed":
        return
    again, _ = await asyncio.gather(*(client.try_again(job_id) for _ in range(2)))
    if again is not None:
        await client.follow(again)


async def ask_for_many(client: Client) -> None:
    """Request a batch, repeat it under its key until it is accepted, sometimes cancel it, and wait for its end."""
    count = client.rng.randint(2, _LARGEST_BATCH)
    wishes = [replace(client.wish, token=f"{client.wish.token}.{n}", key=None) for n in range(count)]
    client.told.wishes |= {wish.token: wish for wish in wishes}
    client.told.batches[client.wish.token] = [wish.token for wish in wishes]
    batch_id = await client.ask_for_all(wishes)
    if batch_id is None:
        return
    if client.rng.random() < 0.3:
        await asyncio.sleep(client.rng.uniform(0, 2))
        await client.cancel_all(batch_id, wishes)
    await client.wait_for_all(batch_id, wishes)


async def _try_a_failed_one_again(client: Client, job_id: str) -> None:
    if client.told.ended.get(job_id, "").startswith("failed"):
        await client.try_again(job_id)


Behaviour: TypeAlias = Callable[[Client], Coroutine[object, object, None]]
# Each with its weight, and whether such clients give an idempotency key.
BEHAVIOURS: Final[Mapping[Behaviour, tuple[int, bool]]] = {
    wait_for_it: (4, True),
    poll_for_it: (3, False),
    wait_long_for_it: (2, True),
    follow_it: (3, True),
    hang_up: (2, False),
    lose_patience: (3, True),
    ask_twice_at_once: (2, True),
    change_its_mind: (2, True),
    change_it_back: (2, True),
    ask_for_many: (1, False),
}


@dataclass(slots=True)
class Load:
    """Clients that arrive at a steady rate, until there were enough of them.

    Attributes:
        ports: of the API processes.
        seed: of every random choice of a client.
        rate: clients in a second.
        webhook: the URL that some of them give.
        behaviours: what clients do, each with its weight, and whether such clients give an idempotency key.
        callers: the API keys of clients, by id; with none, clients are anonymous.
        came: the number of clients so far.
    """

    ports: Sequence[int]
    seed: str
    rate: float
    webhook: str
    tally: Tally
    behaviours: Mapping[Behaviour, tuple[int, bool]] = field(default_factory=lambda: BEHAVIOURS)
    callers: Mapping[str, str] = field(default_factory=dict[str, str])
    told: Told = field(default_factory=Told)
    came: int = 0

    async def run(self, enough: Callable[[], bool]) -> None:
        """Start clients until it is enough, then let the last ones finish."""
        rng = Random(f"{self.seed}/load")
        async with self._sending() as send:
            while not enough():
                send()
                await asyncio.sleep(rng.expovariate(self.rate))
            self.tally.note(f"{self.came} clients came, and heard of {len(self.told.accepted)} jobs")

    async def burst(self, count: int) -> None:
        """Start so many clients at once, and let them finish."""
        async with self._sending() as send:
            for _ in range(count):
                send()

    @asynccontextmanager
    async def _sending(self) -> AsyncGenerator[Callable[[], None]]:
        """A function that starts the next client. At the end, all have finished and their connections are closed."""
        async with AsyncExitStack() as stack:
            https = {caller: await stack.enter_async_context(_http(token)) for caller, token in self._tokens()}
            clients = await stack.enter_async_context(asyncio.TaskGroup())

            def send() -> None:
                behave, client = self._client(self.came, https)
                clients.create_task(behave(client), name=client.wish.token)
                self.came += 1

            yield send

    def _tokens(self) -> Iterable[tuple[str | None, str | None]]:
        return self.callers.items() or ((None, None),)

    def _client(self, number: int, https: Mapping[str | None, httpx.AsyncClient]) -> tuple[Behaviour, Client]:
        rng = Random(f"{self.seed}/client/{number}")
        behave = rng.choices(list(self.behaviours), [weight for weight, _ in self.behaviours.values()])[0]
        has_key = self.behaviours[behave][1]
        token = f"wish-{self.seed}-{number}"
        wish = Wish(
            token,
            images=rng.choice((1, 1, 1, 2, 3)),
            user=f"user-{rng.randrange(8)}",
            key=token if has_key else None,
            deadline=rng.randint(3, 30) if rng.random() < _WITH_DEADLINE else None,
            webhook=self.webhook if rng.random() < _WITH_WEBHOOK else None,
            caller=rng.choice(list(https)),
        )
        self.told.wishes[token] = wish
        return behave, Client(https[wish.caller], self.ports, wish, rng, self.told)


def _http(token: str | None) -> httpx.AsyncClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(limits=httpx.Limits(max_connections=None), trust_env=False, headers=headers)
