"""Every end of a job is delivered to its webhook at least once, by any process."""

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from aiohttp.web import Response
from dirty_equals import IsPartialDict, IsStr
from pydantic import SecretStr
from pydantic.alias_generators import to_camel

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.jobs import Job
from imagegen.settings import Settings, WebhookSettings
from imagegen.webhooks import RetrySchedule
from imagegen.wire.budget_event_schemas import BudgetEventData
from tests.support.jobs_apart import apart
from tests.support.pages import ROOT, Page
from tests.support.receiver import Received, Receiver, receiving
from tests.support.service import FLUX, Json, Service, running

SECRET, OLD_SECRET = ("whsec_" + base64.b64encode(bytes([byte]) * 32).decode() for byte in (1, 2))
QUICK = RetrySchedule(
    answer_timeout=timedelta(seconds=1),
    lease=timedelta(seconds=2),
    poll_interval=timedelta(seconds=0.1),
    first_pause=timedelta(seconds=0.1),
    longest_pause=timedelta(seconds=0.3),
)
ONE_ATTEMPT = replace(QUICK, horizon=timedelta(0))


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    webhooks = WebhookSettings(secrets=SecretStr(f"{SECRET},{OLD_SECRET}"), allow_private=True)
    return apart(stack).model_copy(update={"webhooks": webhooks})


async def ended_job(service: Service, receiver: Receiver) -> str:
    """The id of a job that has ended; its delivery is recorded."""
    answer = await service.generate({**FLUX, "webhookUrl": receiver.url})
    return answer.json()["jobId"]


async def delivery_log(service: Service, job_id: str) -> Json:
    answer = await service.client.get(f"/api/jobs/{job_id}/deliveries")
    (delivery,) = answer.raise_for_status().json()["deliveries"]
    return delivery


async def settled_delivery(service: Service, job_id: str) -> Json:
    """The log of a job's delivery, once it is no longer pending."""
    async with asyncio.timeout(30):
        while (delivery := await delivery_log(service, job_id))["state"] == "pending":
            await asyncio.sleep(0.05)
    return delivery


def outcomes(delivery: Json) -> list[tuple[str, int | None]]:
    return [(attempt["outcome"], attempt["status"]) for attempt in delivery["attempts"]]


def without_links(job: Json) -> Json:
    return {**job, "images": [{**image, "url": None} for image in job["images"]]}


async def test_completed_job_is_delivered_as_get_returns_it_signed_with_each_secret(
    service: Service, receiver: Receiver
) -> None:
    async with sending_webhooks(service.services, QUICK):
        job_id = await ended_job(service, receiver)
        (received,) = await receiver.times(1)
        delivery = await settled_delivery(service, job_id)
    job = await service.job(job_id)

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


async def test_delivery_is_sent_at_once(service: Service, receiver: Receiver) -> None:
    slow_to_look = replace(QUICK, poll_interval=timedelta(minutes=5))
    async with sending_webhooks(service.services, slow_to_look):
        await asyncio.sleep(0.3)
        job_id = await ended_job(service, receiver)
        await receiver.times(1, within=5)

        assert (await settled_delivery(service, job_id))["state"] == "delivered"


async def test_failed_job_is_delivered_with_its_error(service: Service, receiver: Receiver) -> None:
    await service.sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    try:
        job_id = await ended_job(service, receiver)
    finally:
        await service.sandbox.behaves()
    async with sending_webhooks(service.services, QUICK):
        (received,) = await receiver.times(1)

    assert received.verified(SECRET) == IsPartialDict(
        type="job.failed", data=IsPartialDict(jobId=job_id, error=IsPartialDict(code="input_refused"))
    )


async def test_refused_delivery_is_repeated_with_the_same_id_and_a_new_signature(
    service: Service, receiver: Receiver
) -> None:
    receiver.answers = [Response(status=500, text="x" * 500), Response(status=503)]
    async with sending_webhooks(
        service.services, replace(QUICK, first_pause=timedelta(seconds=0.6), longest_pause=LONG_PAUSE)
    ):
        job_id = await ended_job(service, receiver)
        received = await receiver.times(3)
        delivery = await settled_delivery(service, job_id)

    assert [event["type"] for event in (each.verified(SECRET) for each in received)] == ["job.completed"] * 3
    assert (len({each.id for each in received}), outcomes(delivery)) == (
        1,
        [("refused", 500), ("refused", 503), ("delivered", 204)],
    )
    assert delivery["attempts"][0]["answer"] == "x" * 200
    assert [gap >= least for gap, least in zip(pauses_between(received), (0.4, 1.2), strict=True)] == [True, True]


LONG_PAUSE = timedelta(seconds=10)


def pauses_between(received: list[Received]) -> list[float]:
    times = [each.at for each in received]
    return [after - before for before, after in pairwise(times)]


async def test_410_ends_the_delivery(service: Service, receiver: Receiver) -> None:
    receiver.answers = [Response(status=410)]
    async with sending_webhooks(service.services, QUICK):
        delivery = await settled_delivery(service, await ended_job(service, receiver))

    assert (delivery["state"], outcomes(delivery)) == ("failed", [("gone", 410)])


async def test_redirect_is_not_followed(service: Service, receiver: Receiver) -> None:
    receiver.answers = [Response(status=307, headers={"Location": "/elsewhere"})]
    async with sending_webhooks(service.services, QUICK):
        delivery = await settled_delivery(service, await ended_job(service, receiver))

    assert (outcomes(delivery), {each.path for each in receiver.received}) == (
        [("redirected", 307), ("delivered", 204)],
        {"/hook?token=of-the-caller"},
    )


async def test_refused_delivery_is_given_up_at_the_horizon(service: Service, receiver: Receiver) -> None:
    receiver.answers = [Response(status=500)] * 2
    async with sending_webhooks(service.services, ONE_ATTEMPT):
        delivery = await settled_delivery(service, await ended_job(service, receiver))

    assert (delivery["state"], delivery["nextAttemptAt"], outcomes(delivery)) == ("failed", None, [("refused", 500)])


async def test_slow_receiver_times_out_and_delays_no_other(service: Service, receiver: Receiver) -> None:
    receiver.delay = 3
    slow = await ended_job(service, receiver)
    async with receiving() as quick, sending_webhooks(service.services, ONE_ATTEMPT):
        fast = await ended_job(service, quick)
        await quick.times(1, within=1)
        found = [await settled_delivery(service, job_id) for job_id in (slow, fast)]

    assert [outcomes(delivery) for delivery in found] == [[("timed_out", None)], [("delivered", 204)]]


async def test_status_decides_although_the_response_never_ends(service: Service, receiver: Receiver) -> None:
    receiver.endless = True
    async with sending_webhooks(service.services, QUICK):
        delivery = await settled_delivery(service, await ended_job(service, receiver))

    assert (outcomes(delivery), delivery["attempts"][0]["answer"][:2]) == ([("delivered", 200)], "xx")


async def test_closed_port_is_logged_as_unreachable(service: Service, receiver: Receiver) -> None:
    async with sending_webhooks(service.services, ONE_ATTEMPT):
        nowhere = replace(receiver, url="http://127.0.0.1:9/")
        delivery = await settled_delivery(service, await ended_job(service, nowhere))

    assert outcomes(delivery) == [("unreachable", None)]


async def test_crash_between_end_and_delivery_loses_nothing(
    service: Service, settings: Settings, receiver: Receiver
) -> None:
    job_id = await ended_job(service, receiver)  # the process that ended it sends nothing
    async with running(settings, with_runner=False) as another, sending_webhooks(another.services, QUICK):
        (received,) = await receiver.times(1)
        delivery = await settled_delivery(another, job_id)

    assert (received.verified(SECRET)["data"]["jobId"], delivery["state"]) == (job_id, "delivered")


async def test_attempt_cut_short_by_a_crash_is_repeated_with_the_same_id(service: Service, receiver: Receiver) -> None:
    receiver.delay = 30
    await ended_job(service, receiver)
    async with sending_webhooks(service.services, QUICK):
        await receiver.times(1)
    receiver.delay = 0
    async with sending_webhooks(service.services, QUICK):
        first, second = await receiver.times(2)

    assert (first.id, second.verified(SECRET)["type"]) == (second.id, "job.completed")


async def test_two_processes_do_not_send_the_same_attempt(
    service: Service, settings: Settings, receiver: Receiver
) -> None:
    job_ids = await asyncio.gather(*(ended_job(service, receiver) for _ in range(12)))
    async with (
        running(settings, with_runner=False) as another,
        sending_webhooks(service.services, QUICK),
        sending_webhooks(another.services, QUICK),
    ):
        states = [(await settled_delivery(service, job_id))["state"] for job_id in job_ids]

    assert (states, len(receiver.received), len({each.id for each in receiver.received})) == (
        ["delivered"] * 12,
        12,
        12,
    )


async def test_deleted_job_is_not_delivered(service: Service, receiver: Receiver) -> None:
    job_id = await ended_job(service, receiver)
    await service.client.delete(f"/api/jobs/{job_id}")
    other = await ended_job(service, receiver)
    async with sending_webhooks(service.services, QUICK):
        await settled_delivery(service, other)
    gone = await service.client.get(f"/api/jobs/{job_id}/deliveries")

    assert ([each.verified(SECRET)["data"]["jobId"] for each in receiver.received], gone.status_code) == ([other], 410)
    assert await service.services.webhook_deliveries.find_by_job(job_id) == []


async def test_repeated_end_records_no_second_delivery(service: Service, receiver: Receiver) -> None:
    job_id = await ended_job(service, receiver)
    ended = await service.services.jobs.get(job_id)
    await service.services.jobs.save(replace(ended))  # the same transition again

    assert len(await service.services.webhook_deliveries.find_by_job(job_id)) == 1


@dataclass(frozen=True, slots=True)
class _OneJob:
    """A store with one job, as it is after it ran again."""

    job: Job

    async def get(self, _job_id: str) -> Job:
        return self.job


async def test_delivery_of_a_revived_job_is_superseded(service: Service, receiver: Receiver) -> None:
    job_id = await ended_job(service, receiver)
    (delivery,) = await service.services.webhook_deliveries.find_by_job(job_id)
    elsewhen = replace(await service.services.jobs.get(job_id), completed_at=delivery.ended_at - timedelta(seconds=1))
    services = replace(service.services, jobs=_OneJob(elsewhen))  # pyright: ignore[reportArgumentType] - what is used of Jobs
    async with sending_webhooks(services, QUICK):
        delivered = await settled_delivery(service, job_id)

    assert (delivered["state"], outcomes(delivered), receiver.received) == ("superseded", [], [])


async def test_log_has_only_scheme_and_host_of_the_url(
    service: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imagegen")
    receiver.answers = [Response(status=500)]
    async with sending_webhooks(service.services, QUICK):
        await settled_delivery(service, await ended_job(service, receiver))
        while receiver.url.partition("/hook")[0] not in caplog.text:  # logged right after it is stored
            await asyncio.sleep(0.01)

    assert "of-the-caller" not in caplog.text


async def test_repeat_with_another_webhook_is_another_request(service: Service, receiver: Receiver) -> None:
    first = await service.generate({**FLUX, "webhookUrl": receiver.url}, idempotency_key=receiver.url)
    again = await service.generate({**FLUX, "webhookUrl": receiver.url}, idempotency_key=receiver.url)
    other = await service.generate({**FLUX, "webhookUrl": f"{receiver.url}2"}, idempotency_key=receiver.url)

    assert (again.json()["jobId"], other.status_code) == (first.json()["jobId"], 409)


async def test_job_without_webhook_has_no_deliveries(service: Service) -> None:
    job_id = (await service.generate()).json()["jobId"]

    assert (await service.client.get(f"/api/jobs/{job_id}/deliveries")).json() == {"deliveries": []}


async def test_documented_event_log_and_receiver_match_the_service(
    service: Service, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Page(ROOT / "docs/webhooks.md")
    event, alert, log = (json.loads(block.text) for block in page.blocks if block.language == "json")
    (program,) = (block.text for block in page.blocks if block.language == "python")
    receiver.answers = [Response(status=503, text="Back soon.")]
    async with sending_webhooks(
        service.services, replace(QUICK, first_pause=timedelta(hours=1), longest_pause=timedelta(hours=1))
    ):
        job_id = await ended_job(service, receiver)
        (received,) = await receiver.times(1)
        while not (delivery := await delivery_log(service, job_id))["attempts"]:
            await asyncio.sleep(0.02)
    names: dict[str, Callable[..., None]] = {}
    exec(program.replace("whsec_…", SECRET), names)  # noqa: S102 - the page's own
    names["on_webhook"](received.body, {**received.headers})

    sent = received.verified(SECRET)
    (logged,) = log["deliveries"]
    assert capsys.readouterr().out == f"job.completed {job_id}\n"
    assert (list(event), event["data"].keys() - {"…"} <= sent["data"].keys()) == (list(sent), True)
    assert shape_of(logged) == shape_of(delivery)
    assert set(alert["data"]) == {to_camel(name) for name in BudgetEventData.model_fields}


def shape_of(delivery: Json) -> Json:
    """The log without the values that differ between deliveries."""
    attempts = [dict.fromkeys(attempt) | {"outcome": attempt["outcome"]} for attempt in delivery["attempts"]]
    return dict.fromkeys(delivery) | {"state": delivery["state"], "event": delivery["event"], "attempts": attempts}
