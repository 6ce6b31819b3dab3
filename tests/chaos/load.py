"""Clients as they are: they wait, poll, hang up, time out and repeat, on any of the API processes.

Every job that is asked for has a token of its own in its prompt. By it the ledger knows which job a request at fal
belongs to, and which jobs are one and the same wish.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any, Final, TypeAlias, cast

import httpx
from tally import Tally

_PATH: Final = "/api/images/generate"
_TRIES: Final = 12
_WITH_DEADLINE: Final = 0.1  # of all jobs
_NEVER: Final = frozenset({400, 401, 403, 404, 409, 422})
_REFUSED: Final = frozenset({"input_refused", "output_refused"})
_FINAL: Final = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Wish:
    """One job that a client wants.

    Attributes:
        token: the word in the prompt that no other job has.
        key: the idempotency key, for clients that give one.
        deadline: seconds after which the pictures are not wanted any more.
    """

    token: str
    pictures: int
    user: str
    key: str | None
    deadline: int | None = None

    @property
    def body(self) -> dict[str, object]:
        """What is posted."""
        more: dict[str, object] = {} if self.deadline is None else {"deadlineSeconds": self.deadline}
        return {
            **more,
            "model": "flux-pro",
            "inputs": {"prompt": f"{self.token} a lighthouse"},
            "options": {"width": 256, "height": 256, "num_images": self.pictures},
            "userId": self.user,
        }


@dataclass(slots=True)
class Told:
    """What the clients were told.

    Attributes:
        wishes: every job asked for, by its token.
        accepted: the ids of all jobs that any client heard of, with the token that it was asked with.
        ended: the final status that a client saw, by the job's id, with the code of its error in parentheses.
        surprises: answers that no client should ever get.
    """

    wishes: dict[str, Wish] = field(default_factory=dict[str, Wish])
    accepted: dict[str, str] = field(default_factory=dict[str, str])
    ended: dict[str, str] = field(default_factory=dict[str, str])
    surprises: list[str] = field(default_factory=list[str])

    def hear(self, wish: Wish, answer: httpx.Response) -> str | None:
        """Note an answer; the job's id if it names one that is accepted."""
        body = _json(answer)
        job_id = body.get("jobId")
        refused = body.get("code") in _REFUSED  # by moderation: a job that failed, as with the 5xx that name one
        if (answer.status_code in _NEVER and not refused) or (
            answer.is_server_error and job_id is None and not _is_busy(answer)
        ):
            self.surprises.append(f"{wish.token}: {answer.status_code} {answer.text[:300]}")
        if not isinstance(job_id, str) or _is_busy(answer):
            return None  # 503 may name a job that perhaps exists
        self.accepted[job_id] = wish.token
        status = "failed" if answer.is_server_error or refused else body.get("status")
        if status in _FINAL:
            self.ended[job_id] = f"{status}{_reason(body)}"
        return job_id


@dataclass(frozen=True, slots=True)
class Client:
    """One client with one wish, and what it does by chance."""

    http: httpx.AsyncClient
    ports: Sequence[int]
    wish: Wish
    rng: Random
    told: Told

    def post(self, *, within: float, prefer: str | None = None) -> Coroutine[object, object, httpx.Response]:
        """Ask any API process for the job."""
        headers = {"Idempotency-Key": self.wish.key} if self.wish.key else {}
        if prefer:
            headers["Prefer"] = prefer
        return self.http.post(f"{self.address}{_PATH}", json=self.wish.body, headers=headers, timeout=within)

    async def watch(self, job_id: str, times: int) -> None:
        """Ask for the job until it has ended; a client gives up after a while."""
        for _ in range(times):
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))
            try:
                answer = await self.http.get(f"{self.address}/api/jobs/{job_id}", timeout=10)
            except httpx.TransportError:
                continue
            if answer.is_success:
                self.told.hear(self.wish, answer)
            if job_id in self.told.ended:
                return

    @property
    def address(self) -> str:
        """An API process; the next question may go to another."""
        return f"http://127.0.0.1:{self.rng.choice(self.ports)}"


async def wait_for_it(client: Client) -> None:
    """Wait in one request, and look where `Location` points if it takes long."""
    job_id = await _repeated(client, within=30, prefer="wait=15")
    if job_id is not None and job_id not in client.told.ended:
        await client.watch(job_id, 20)


async def poll_for_it(client: Client) -> None:
    """Ask to be answered at once, then look now and then."""
    job_id = await _repeated(client, within=15, prefer="respond-async")
    if job_id is not None:
        await client.watch(job_id, 20)


async def hang_up(client: Client) -> None:
    """Go away in the middle of the request and never come back."""
    asking = asyncio.create_task(client.post(within=30))
    done, _ = await asyncio.wait({asking}, timeout=client.rng.uniform(0, 2.5))
    asking.cancel()
    if done and asking.exception() is None:
        client.told.hear(client.wish, asking.result())
    await asyncio.wait({asking})


async def lose_patience(client: Client) -> None:
    """Time out much too early, and repeat with the same key until there is an answer."""
    for _ in range(_TRIES):
        job_id = await _asked(client, within=client.rng.uniform(0.2, 3), prefer=None)
        if job_id is not None:
            return
        await asyncio.sleep(client.rng.uniform(0, 1))


async def ask_twice_at_once(client: Client) -> None:
    """Send the same key over two connections in the same moment, to whichever process."""
    await asyncio.gather(*(_repeated(client, within=20, prefer="respond-async") for _ in range(2)))


async def change_its_mind(client: Client) -> None:
    """Ask for the job, and soon after that it be cancelled, perhaps more than once; then look what came of it."""
    job_id = await _repeated(client, within=15, prefer="respond-async")
    if job_id is None:
        return
    for _ in range(client.rng.randint(1, 3)):
        await asyncio.sleep(client.rng.uniform(0, 1.5))
        with suppress(httpx.TransportError):
            answer = await client.http.post(f"{client.address}/api/jobs/{job_id}/cancel", timeout=10)
            if answer.is_success:
                client.told.hear(client.wish, answer)
    await client.watch(job_id, 20)


async def _repeated(client: Client, *, within: float, prefer: str) -> str | None:
    """Ask until accepted; without a key only once, for a repeat would be a second job."""
    for _ in range(_TRIES if client.wish.key else 1):
        job_id = await _asked(client, within=within, prefer=prefer)
        if job_id is not None:
            return job_id
        await asyncio.sleep(client.rng.uniform(0.2, 1.5))
    return None


async def _asked(client: Client, *, within: float, prefer: str | None) -> str | None:
    try:
        answer = await client.post(within=within, prefer=prefer)
    except httpx.TransportError:
        return None
    return client.told.hear(client.wish, answer)


Behaviour: TypeAlias = Callable[[Client], Coroutine[object, object, None]]
# Each with its weight, and whether such clients give an idempotency key.
BEHAVIOURS: Final[Mapping[Behaviour, tuple[int, bool]]] = {
    wait_for_it: (4, True),
    poll_for_it: (4, False),
    hang_up: (2, False),
    lose_patience: (3, True),
    ask_twice_at_once: (2, True),
    change_its_mind: (2, True),
}


class Load:
    """Clients that come at a steady rate, until there were enough of them."""

    def __init__(
        self,
        ports: Sequence[int],
        seed: str,
        rate: float,
        tally: Tally,
        behaviours: Mapping[Behaviour, tuple[int, bool]] = BEHAVIOURS,
    ) -> None:
        self.told = Told()
        self._behaviours = behaviours
        self._ports, self._seed, self._rate, self._tally = ports, seed, rate, tally
        self._limits = httpx.Limits(max_connections=None)

    async def run(self, enough: Callable[[int], bool]) -> None:
        """Send clients until `enough` of their number says so, then let the last ones finish."""
        rng = Random(f"{self._seed}/load")
        async with httpx.AsyncClient(limits=self._limits, trust_env=False) as http, asyncio.TaskGroup() as clients:
            while not enough(number := len(self.told.wishes)):
                behave, client = self._client(number, http)
                clients.create_task(behave(client), name=client.wish.token)
                await asyncio.sleep(rng.expovariate(self._rate))
        self._tally.note(f"{len(self.told.wishes)} jobs were asked for")

    def _client(self, number: int, http: httpx.AsyncClient) -> tuple[Behaviour, Client]:
        rng = Random(f"{self._seed}/client/{number}")
        behave = rng.choices(list(self._behaviours), [weight for weight, _ in self._behaviours.values()])[0]
        has_key = self._behaviours[behave][1]
        token = f"wish-{self._seed}-{number}"
        wish = Wish(
            token,
            pictures=rng.choice((1, 1, 1, 2, 3)),
            user=f"user-{rng.randrange(8)}",
            key=token if has_key else None,
            deadline=rng.randint(3, 30) if rng.random() < _WITH_DEADLINE else None,
        )
        self.told.wishes[token] = wish
        return behave, Client(http, self._ports, wish, rng, self.told)


def _is_busy(answer: httpx.Response) -> bool:
    return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE


def _reason(body: dict[str, Any]) -> str:
    """The code of a failed job, which is a job's member, or a problem's own."""
    error: dict[str, Any] | None = body.get("error")
    code = error["code"] if error else body.get("code")
    return f" ({code})" if code else ""


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}
