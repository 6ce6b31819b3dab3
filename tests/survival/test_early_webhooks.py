"""A webhook arrives while the response to the submit is being stored: two processes write to one job at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from dirty_equals import IsPartialDict

from imagegen.fal import WebhookHint
from imagegen.jobs import SubmissionState
from imagegen.operations.adopt_request import take_webhook
from imagegen.services import Services, open_services
from imagegen.settings import Settings
from tests.support.door import Door, door, through
from tests.support.service import Json, Sandbox, Service, running


@asynccontextmanager
async def runner_behind(fals_door: Door, own: Settings) -> AsyncGenerator[Service]:
    """A process that has fal call a closed port, so that the test can deliver the webhook to another process."""
    fal = own.fal.model_copy(update={"queue_url": f"http://127.0.0.1:{fals_door.port}"})
    service = own.service.model_copy(update={"public_url": "http://127.0.0.1:9"})
    async with running(own.model_copy(update={"fal": fal, "service": service})) as opened:
        yield opened


@asynccontextmanager
async def another_process(mongodbs_door: Door, own: Settings, first: Service) -> AsyncGenerator[Services]:
    url = through(own.mongodb.url, mongodbs_door.port)
    behind = own.model_copy(update={"mongodb": own.mongodb.model_copy(update={"url": url})})
    async with open_services(behind, first.services.registry) as services:
        yield services


async def test_webhook_during_the_store_of_the_request_id_wakes_the_runner(own: Settings, sandbox: Sandbox) -> None:
    """The process with the webhook reads the job without its id, and finds the id when it wants to store it."""
    assert own.mongodb.url is not None
    database = urlsplit(own.mongodb.url.get_secret_value()).port or 0
    await sandbox.misbehaves({"fault": "latency", "generation": 0})
    async with (
        door(urlsplit(own.fal.queue_url).port or 0) as fals_door,
        door(database) as mongodbs_door,
        runner_behind(fals_door, own) as house,
        another_process(mongodbs_door, own, house) as distant,
    ):
        with fals_door.holding("request_id") as submits_answer:
            job_id = await house.accept()
            await submits_answer.came.wait()
            (request,) = await sandbox.requests()
            with mongodbs_door.holding(job_id) as read:
                webhook = asyncio.create_task(take_webhook(job_id, secret_in(request), hint_of(request), distant))
                await read.came.wait()
                as_read = (await house.services.jobs.get(job_id)).submission.state
                submits_answer.let_go.set()
                await until_submitted(house, job_id)
        job = await house.ended(job_id, within=20)  # the safety poll comes after a minute

    assert (as_read, await webhook, job) == (SubmissionState.SUBMITTING, True, IsPartialDict(status="completed"))


async def until_submitted(house: Service, job_id: str) -> None:
    async with asyncio.timeout(30):
        while (await house.services.jobs.get(job_id)).submission.state is not SubmissionState.SUBMITTED:
            await asyncio.sleep(0.02)


def secret_in(request: Json) -> str:
    return request["query"]["fal_webhook"].rpartition("/")[2]


def hint_of(request: Json) -> WebhookHint:
    return WebhookHint(request_id=request["request_id"], gateway_request_id=request["request_id"], ok=True)
