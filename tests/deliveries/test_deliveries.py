"""What a job's webhook is sent: every end once at least, by whichever process is there to send it."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from aiohttp.web import Response
from dirty_equals import IsPartialDict, IsStr
from jobs_apart import apart
from pages import ROOT, Page
from pydantic import SecretStr
from receiver import Received, Receiver, receiving
from service import FLUX, Json, Service, running

from imagegen.deliveries import delivering
from imagegen.jobs import Job
from imagegen.settings import Settings, WebhookSettings
from imagegen.storage.deliveries import Deliveries
from imagegen.webhooks import Pace

SECRET, OLD_SECRET = ("whsec_" + base64.b64encode(bytes([byte]) * 32).decode() for byte in (1, 2))
QUICK = Pace(
    answer_within=timedelta(seconds=1),
    lease=timedelta(seconds=2),
    look_again=timedelta(seconds=0.1),
    first_pause=timedelta(seconds=0.1),
    longest_pause=timedelta(seconds=0.3),
)
DEADLY = replace(QUICK, horizon=timedelta(0))


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    webhooks = WebhookSettings(secrets=SecretStr(f"{SECRET},{OLD_SECRET}"), allow_private=True)
    return apart(stack).model_copy(update={"webhooks": webhooks})


@pytest.fixture(scope="module")
async def house(settings: Settings) -> AsyncGenerator[Service]:
    """A service with a runner, where deliveries are sent when a test says so."""
    async with running(settings) as service:
        yield service


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as opened:
        yield opened


async def made(house: Service, receiver: Receiver) -> str:
    """A job that has ended, by its id; its delivery is recorded."""
    answer = await house.generate({**FLUX, "webhookUrl": receiver.url})
    return answer.json()["jobId"]


async def log_of(house: Service, job_id: str) -> Json:
    answer = await house.client.get(f"/api/jobs/{job_id}/deliveries")
    (delivery,) = answer.raise_for_status().json()["deliveries"]
    return delivery


async def settled(house: Service, job_id: str) -> Json:
    """The log of a job's delivery, once nothing more is sent."""
    async with asyncio.timeout(15):
        while (delivery := await log_of(house, job_id))["state"] == "pending":
            await asyncio.sleep(0.05)
    return delivery


def outcomes(delivery: Json) -> list[tuple[str, int | None]]:
    return [(attempt["outcome"], attempt["status"]) for attempt in delivery["attempts"]]


def without_links(job: Json) -> Json:
    return {**job, "images": [{**image, "url": None} for image in job["images"]]}


async def test_a_finished_job_is_delivered_as_get_answers_it_and_each_secret_verifies(
    house: Service, receiver: Receiver
) -> None:
    async with delivering(house.services, QUICK):
        job_id = await made(house, receiver)
        (received,) = await receiver.times(1)
        delivery = await settled(house, job_id)
    job = await house.job(job_id)

    event = received.verified(SECRET)
    assert event == received.verified(OLD_SECRET)
    assert {**event, "data": without_links(event["data"])} == {
        "type": "job.completed",
        "timestamp": job["completedAt"],
        "data": without_links(job),
    }
    assert received.path == "/hook?token=of-the-caller"
    assert delivery == {
        "id": received.id,
        "event": "job.completed",
        "receiver": receiver.url.partition("/hook")[0],
        "state": "delivered",
        "createdAt": IsStr,
        "nextAttemptAt": None,
        "attempts": [{"at": IsStr, "outcome": "delivered", "status": 204, "answer": ""}],
    }


async def test_the_end_of_a_job_is_told_at_once(house: Service, receiver: Receiver) -> None:
    slow_to_look = replace(QUICK, look_again=timedelta(minutes=5))
    async with delivering(house.services, slow_to_look):
        await asyncio.sleep(0.3)
        job_id = await made(house, receiver)
        await receiver.times(1, within=5)

        assert (await settled(house, job_id))["state"] == "delivered"


async def test_a_failed_job_is_told_with_its_error(house: Service, receiver: Receiver) -> None:
    await house.sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    try:
        job_id = await made(house, receiver)
    finally:
        await house.sandbox.behaves()
    async with delivering(house.services, QUICK):
        (received,) = await receiver.times(1)

    assert received.verified(SECRET) == IsPartialDict(
        type="job.failed", data=IsPartialDict(jobId=job_id, error=IsPartialDict(code="input_refused"))
    )


async def test_a_refused_delivery_comes_again_with_the_same_id_and_a_fresh_signature(
    house: Service, receiver: Receiver
) -> None:
    receiver.answers = [Response(status=500, text="x" * 500), Response(status=503)]
    async with delivering(house.services, replace(QUICK, first_pause=timedelta(seconds=0.6), longest_pause=_LONG)):
        job_id = await made(house, receiver)
        received = await receiver.times(3)
        delivery = await settled(house, job_id)

    assert [event["type"] for event in (each.verified(SECRET) for each in received)] == ["job.completed"] * 3
    assert (len({each.id for each in received}), outcomes(delivery)) == (
        1,
        [("refused", 500), ("refused", 503), ("delivered", 204)],
    )
    assert delivery["attempts"][0]["answer"] == "x" * 200
    assert [gap >= least for gap, least in zip(gaps(received), (0.4, 1.2), strict=True)] == [True, True]


_LONG = timedelta(seconds=10)


def gaps(received: list[Received]) -> list[float]:
    times = [each.at for each in received]
    return [after - before for before, after in pairwise(times)]


async def test_410_ends_it_at_once(house: Service, receiver: Receiver) -> None:
    receiver.answers = [Response(status=410)]
    async with delivering(house.services, QUICK):
        delivery = await settled(house, await made(house, receiver))

    assert (delivery["state"], outcomes(delivery)) == ("failed", [("gone", 410)])


async def test_a_redirect_is_not_followed(house: Service, receiver: Receiver) -> None:
    receiver.answers = [Response(status=307, headers={"Location": "/elsewhere"})]
    async with delivering(house.services, QUICK):
        delivery = await settled(house, await made(house, receiver))

    assert (outcomes(delivery), {each.path for each in receiver.received}) == (
        [("redirected", 307), ("delivered", 204)],
        {"/hook?token=of-the-caller"},
    )


async def test_a_delivery_that_nobody_takes_is_given_up_in_the_end(house: Service, receiver: Receiver) -> None:
    receiver.answers = [Response(status=500)] * 2
    async with delivering(house.services, DEADLY):
        delivery = await settled(house, await made(house, receiver))

    assert (delivery["state"], delivery["nextAttemptAt"], outcomes(delivery)) == ("failed", None, [("refused", 500)])


async def test_a_slow_receiver_is_given_up_and_holds_up_nobody(house: Service, receiver: Receiver) -> None:
    receiver.delay = 3
    slow = await made(house, receiver)
    async with receiving() as quick, delivering(house.services, DEADLY):
        fast = await made(house, quick)
        await quick.times(1, within=1)
        found = [await settled(house, job_id) for job_id in (slow, fast)]

    assert [outcomes(delivery) for delivery in found] == [[("timed_out", None)], [("delivered", 204)]]


async def test_once_there_is_a_status_an_answer_without_end_does_not_matter(house: Service, receiver: Receiver) -> None:
    receiver.endless = True
    async with delivering(house.services, QUICK):
        delivery = await settled(house, await made(house, receiver))

    assert (outcomes(delivery), delivery["attempts"][0]["answer"][:2]) == ([("delivered", 200)], "xx")


async def test_nobody_there_is_told_as_such(house: Service, receiver: Receiver) -> None:
    async with delivering(house.services, DEADLY):
        nowhere = replace(receiver, url="http://127.0.0.1:9/")
        delivery = await settled(house, await made(house, nowhere))

    assert outcomes(delivery) == [("unreachable", None)]


async def test_a_crash_between_the_end_and_the_delivery_loses_nothing(
    house: Service, settings: Settings, receiver: Receiver
) -> None:
    job_id = await made(house, receiver)  # and the process that ended it sends nothing
    async with running(settings, with_runner=False) as another, delivering(another.services, QUICK):
        (received,) = await receiver.times(1)
        delivery = await settled(another, job_id)

    assert (received.verified(SECRET)["data"]["jobId"], delivery["state"]) == (job_id, "delivered")


async def test_an_attempt_that_a_crash_cut_short_is_made_again_under_the_same_id(
    house: Service, receiver: Receiver
) -> None:
    receiver.delay = 30
    await made(house, receiver)
    async with delivering(house.services, QUICK):
        await receiver.times(1)
    receiver.delay = 0
    async with delivering(house.services, QUICK):
        first, second = await receiver.times(2)

    assert (first.id, second.verified(SECRET)["type"]) == (second.id, "job.completed")


async def test_two_processes_do_not_send_the_same_attempt(
    house: Service, settings: Settings, receiver: Receiver
) -> None:
    job_ids = await asyncio.gather(*(made(house, receiver) for _ in range(12)))
    async with (
        running(settings, with_runner=False) as another,
        delivering(house.services, QUICK),
        delivering(another.services, QUICK),
    ):
        states = [(await settled(house, job_id))["state"] for job_id in job_ids]

    assert (states, len(receiver.received), len({each.id for each in receiver.received})) == (
        ["delivered"] * 12,
        12,
        12,
    )


async def test_a_deleted_job_is_not_delivered_any_more(house: Service, receiver: Receiver) -> None:
    job_id = await made(house, receiver)
    await house.client.delete(f"/api/jobs/{job_id}")
    other = await made(house, receiver)
    async with delivering(house.services, QUICK):
        await settled(house, other)
    gone = await house.client.get(f"/api/jobs/{job_id}/deliveries")

    assert ([each.verified(SECRET)["data"]["jobId"] for each in receiver.received], gone.status_code) == ([other], 410)
    assert await house.services.jobs.deliveries.of_job(job_id) == []


async def test_a_move_that_comes_too_late_records_no_delivery(house: Service, receiver: Receiver) -> None:
    job_id = await made(house, receiver)
    ended = await house.services.jobs.get(job_id)
    await house.services.jobs.save(replace(ended))  # the same move again

    assert len(await house.services.jobs.deliveries.of_job(job_id)) == 1


@dataclass(frozen=True, slots=True)
class _JobsWith:
    """A store that has one job, as it is after it ran again."""

    job: Job
    deliveries: Deliveries

    async def get(self, _job_id: str) -> Job:
        return self.job


async def test_what_is_not_so_any_more_is_not_told(house: Service, receiver: Receiver) -> None:
    job_id = await made(house, receiver)
    jobs = house.services.jobs
    (delivery,) = await jobs.deliveries.of_job(job_id)
    elsewhen = replace(await jobs.get(job_id), completed_at=delivery.ended_at - timedelta(seconds=1))
    services = replace(house.services, jobs=_JobsWith(elsewhen, jobs.deliveries))  # pyright: ignore[reportArgumentType] - what is used of Jobs
    async with delivering(services, QUICK):
        delivered = await settled(house, job_id)

    assert (delivered["state"], outcomes(delivered), receiver.received) == ("superseded", [], [])


async def test_the_log_says_scheme_and_host_only(
    house: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imagegen")
    receiver.answers = [Response(status=500)]
    async with delivering(house.services, QUICK):
        await settled(house, await made(house, receiver))

    assert receiver.url.partition("/hook")[0] in caplog.text
    assert "of-the-caller" not in caplog.text


async def test_a_repeat_with_another_webhook_is_another_request(house: Service, receiver: Receiver) -> None:
    first = await house.generate({**FLUX, "webhookUrl": receiver.url}, idempotency_key=receiver.url)
    again = await house.generate({**FLUX, "webhookUrl": receiver.url}, idempotency_key=receiver.url)
    other = await house.generate({**FLUX, "webhookUrl": f"{receiver.url}2"}, idempotency_key=receiver.url)

    assert (again.json()["jobId"], other.status_code) == (first.json()["jobId"], 409)


async def test_a_job_without_a_webhook_has_no_deliveries(house: Service) -> None:
    job_id = (await house.generate()).json()["jobId"]

    assert (await house.client.get(f"/api/jobs/{job_id}/deliveries")).json() == {"deliveries": []}


async def test_the_page_shows_what_is_sent_and_logged_and_its_receiver_verifies(
    house: Service, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Page(ROOT / "docs/webhooks.md")
    event, log = (json.loads(block.text) for block in page.blocks if block.language == "json")
    (program,) = (block.text for block in page.blocks if block.language == "python")
    receiver.answers = [Response(status=503, text="Back soon.")]
    async with delivering(
        house.services, replace(QUICK, first_pause=timedelta(hours=1), longest_pause=timedelta(hours=1))
    ):
        job_id = await made(house, receiver)
        (received,) = await receiver.times(1)
        while not (delivery := await log_of(house, job_id))["attempts"]:
            await asyncio.sleep(0.02)
    names: dict[str, Callable[..., None]] = {}
    exec(program.replace("whsec_…", SECRET), names)  # noqa: S102 - the page's own
    names["on_webhook"](received.body, {**received.headers})

    sent = received.verified(SECRET)
    (logged,) = log["deliveries"]
    assert capsys.readouterr().out == f"job.completed {job_id}\n"
    assert (list(event), event["data"].keys() - {"…"} <= sent["data"].keys()) == (list(sent), True)
    assert form(logged) == form(delivery)


def form(delivery: Json) -> Json:
    """The log without what differs from one delivery to the next."""
    attempts = [dict.fromkeys(attempt) | {"outcome": attempt["outcome"]} for attempt in delivery["attempts"]]
    return dict.fromkeys(delivery) | {"state": delivery["state"], "event": delivery["event"], "attempts": attempts}
