"""The keys and the budgets of a run, whoever raises the budget that is used up, and a look at all of them meanwhile."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

import httpx
from pymongo.errors import PyMongoError  # noqa: TID251 - looks into MongoDB itself

from tests.chaos.budgets import below_its_jobs, over_its_limit
from tests.chaos.findings import Finding
from tests.chaos.records import Document, open_database, read_budgets
from tests.chaos.stage import Stage
from tests.chaos.told import Told

ADMINISTRATOR: Final = f"ig_chaosadmin_{'c' * 43}"
_IMAGE: Final = Decimal("0.05")  # US dollars for an image of flux-pro
_JOB: Final = Decimal("1.2") * _IMAGE  # what a job costs on average: not every one is completed
_ROOM: Final = Decimal("0.8")  # of the cost that is expected
_TOP_UP: Final = Decimal("0.1")  # of the first amount
_REFUSALS: Final = 10  # until somebody raises the budget
_ROLLING: Final = "rolling-30d"
_ESTIMATED: Final[Mapping[str, object]] = {"model": "flux-pro", "inputs": {"prompt": "a lighthouse"}}


@dataclass(slots=True)
class Treasury:
    """The keys and the budgets.

    Attributes:
        callers: the tokens of the callers' keys, by id.
        wallet: the id of the budget that all jobs count in, and that is used up again and again.
        amount: what it had at first, in US dollars.
        raised: what was added to it.
        findings: what was wrong at some moment of the run.
        looks: the number of moments.
    """

    stage: Stage
    callers: Mapping[str, str]
    wallet: str
    amount: Decimal
    raised: Decimal = Decimal(0)
    findings: list[Finding] = field(default_factory=list[Finding])
    looks: int = 0

    async def keep_filled(self, told: Told, enough: asyncio.Event) -> None:
        """Raise the wallet whenever it has refused a number of requests, until `enough` is set."""
        heard = number = 0
        while not enough.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), 1)
            if (refused := told.refused[HTTPStatus.PAYMENT_REQUIRED]) - heard < _REFUSALS:
                continue
            number += 1
            more = (self.amount * _TOP_UP).quantize(_IMAGE)
            body = {"amount": float(more), "reason": f"top-up {number}"}
            await _administer(self.stage, f"/api/budgets/{self.wallet}/adjust", body, f"top-up-{number}")
            self.raised, heard = self.raised + more, refused
            self.stage.tally.note(f"the wallet was raised by {more}, after {refused} refusals")

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        """Look at all counters about once a second while the body runs."""
        watching = asyncio.create_task(self._watch(), name="budgets are watched")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            self.stage.tally.note(f"looked at the budgets {self.looks} times")
        if not watching.cancelled():
            watching.result()

    async def _watch(self) -> None:
        while True:
            with suppress(PyMongoError):  # MongoDB is down
                await self._look()
            await asyncio.sleep(1)

    async def _look(self) -> None:
        """Compare the counters with the reservations of the jobs, as both are at one moment."""
        async with open_database(self.stage.settings) as database, database.client.start_session(snapshot=True) as at:
            budgets, periods = await read_budgets(database, at)
            shown = {"raw": 0, "payload": 0, "images": 0, "transfer": 0}
            found = database["jobs"].find({"reservations": {"$exists": True}}, shown, session=at)
            jobs = [Document.model_validate({**each, "raw": {}}) async for each in found]
        self.looks += 1
        booked, accepted = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal)
        for job in jobs:
            latest = max((held.number for held in job.reservations), default=0)
            for held in job.reservations:
                booked[held.period] += held.amount if held.number > 1 else 0
                accepted[held.period] += _least(job, held.state, held.amount) if held.number == latest else 0
        by_id = {budget.id: budget for budget in budgets}
        for period in periods:
            budget = by_id[period.budget_id]
            self.findings += over_its_limit(budget, period, booked[period.id])
            if budget.counts == "charge":
                self.findings += below_its_jobs(period, accepted[period.id])


def _least(job: Document, state: str, amount: Decimal) -> Decimal:
    """What a period shows of a job at least. Which of both amounts is there is open while it is being settled."""
    charged = job.cost.total_cost if job.status == "completed" else Decimal(0)
    return {"held": amount, "settling": charged, "settled": charged}.get(state, Decimal(0))


async def open_treasury(stage: Stage, jobs: float, rate: float) -> Treasury:
    """Make the keys and the budgets, and wait until every API process has them.

    Args:
        stage: what runs.
        jobs: how many are expected.
        rate: clients per second.
    """
    tight = {"requestsPerMinute": max(30, round(rate * 60 / 2 * 0.8))}
    made = [
        await _administer(
            stage, "/api/keys", {"name": f"caller {name}", "scopes": ["generate", "read"], "rates": rates}
        )
        for name, rates in (("within a tight rate", tight), ("within a wide rate", {"requestsPerMinute": 100_000}))
    ]
    callers = {each["id"]: each["token"] for each in made}
    expected = (_JOB * round(jobs)).quantize(_IMAGE)
    amount = (expected * _ROOM).quantize(_IMAGE)
    ids = [
        (await _administer(stage, "/api/budgets", body))["id"]
        for body in _budgets(made[0]["id"], expected, amount, stage.receiver.url)
    ]
    await _known_everywhere(stage, made[0]["token"], ids)
    return Treasury(stage, callers, wallet=ids[-1], amount=amount)


def _budgets(key_id: str, expected: Decimal, amount: Decimal, webhook: str) -> Sequence[Mapping[str, object]]:
    """The budgets. The last is asked last, so whenever it refuses, the others take back what they have reserved."""
    everybody, wide = {"kind": "all"}, float(expected)
    a_key, a_third = {"kind": "key", "value": key_id}, float((expected / 3).quantize(_IMAGE))
    return (
        {"name": "of each user", "scope": {"kind": "user", "value": "*"}, "period": "month", "amount": wide},
        {"name": "of a key, soft", "scope": a_key, "amount": a_third, "hard": False, "webhookUrl": webhook},
        {"name": "of fal", "scope": everybody, "amount": wide, "counts": "provider", "hard": False, "period": _ROLLING},
        {"name": "of all", "scope": everybody, "amount": float(amount), "webhookUrl": webhook},
    )


async def _administer(stage: Stage, path: str, body: Mapping[str, object], key: str | None = None) -> Any:
    """Send it to any API process until it is accepted; what changes during the run needs an idempotency key."""
    headers = {"Authorization": f"Bearer {ADMINISTRATOR}"} | ({} if key is None else {"Idempotency-Key": key})
    async with httpx.AsyncClient(trust_env=False, timeout=10, headers=headers) as http:
        for number in range(1_000):
            port = stage.fleet.ports[number % len(stage.fleet.ports)]
            with suppress(httpx.TransportError):
                answer = await http.post(f"http://127.0.0.1:{port}{path}", json=body)
                if answer.is_success:
                    return answer.json()
                assert answer.is_server_error, answer.text
            await asyncio.sleep(0.5)
    raise AssertionError(f"nobody accepts {path}")


async def _known_everywhere(stage: Stage, token: str, ids: Sequence[str]) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=10, headers={"Authorization": f"Bearer {token}"}) as http:
        for port in stage.fleet.ports:
            async with asyncio.timeout(60):
                url, body = f"http://127.0.0.1:{port}/api/images/estimate-cost", {**_ESTIMATED, "userId": "user-1"}
                while {each["id"] for each in (await http.post(url, json=body)).json().get("budgets", ())} != {*ids}:
                    await asyncio.sleep(0.2)
