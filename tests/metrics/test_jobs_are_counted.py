"""What a job adds to the metrics, for every way in which it can end."""

import asyncio
import base64
from datetime import timedelta

import pytest
from aiohttp.web import Response
from pydantic import SecretStr

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.operations.adopt_request import adopt
from imagegen.settings import Settings, WebhookSettings
from imagegen.webhooks import RetrySchedule
from tests.support.receiver import receiving
from tests.support.scraped import Scraped, scrape
from tests.support.service import FLUX, ITEM, Service, running

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
STAGES = ("queue", "fal_queue", "generate", "transfer", "total")


async def stages(house: Service) -> dict[str, int]:
    counted = (await scrape(house.client)).series("job_stage_seconds_count")
    return {stage: int(count) for (stage,), count in counted.items()}


async def value_of(house: Service, name: str, *labels: str) -> float | None:
    return (await scrape(house.client)).value(name, *labels)


async def until(house: Service, name: str, *labels: str, at_least: float = 1, within: float = 15) -> Scraped:
    """The first scrape in which a series has reached this value."""
    async with asyncio.timeout(within):
        while ((scraped := await scrape(house.client)).value(name, *labels) or 0) < at_least:
            await asyncio.sleep(0.05)
    return scraped


async def test_a_completed_job_counts_money_bytes_and_stages(house: Service) -> None:
    job = (await house.generate({**FLUX, "options": {"num_images": 2}})).json()

    scraped = await scrape(house.client)
    bytes_of_pictures = sum(image["sizeBytes"] for image in job["images"])
    assert scraped.series("jobs_accepted_total") == {("flux-pro",): 1}
    assert scraped.series("jobs_ended_total") == {("flux-pro", "completed", ""): 1}
    assert scraped.series("charged_dollars_total") == {("flux-pro",): job["cost"]["totalCost"]}
    assert scraped.series("provider_cost_dollars_total") == {("flux-pro",): job["cost"]["providerCost"]}
    assert scraped.series("transferred_bytes_total") == {
        ("from_fal",): bytes_of_pictures,
        ("to_s3",): bytes_of_pictures,
    }
    assert await stages(house) == dict.fromkeys(STAGES, 1)


async def test_the_stages_of_a_job_add_up_to_its_total(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "latency", "queue": 0.5, "generation": 1})

    job = await house.services.jobs.get((await house.generate()).json()["jobId"])

    spent = (await scrape(house.client)).series("job_stage_seconds_sum")
    assert job.completed_at is not None
    assert spent["total",] == pytest.approx((job.completed_at - job.created_at).total_seconds())
    assert spent["fal_queue",] >= 0.4
    assert spent["generate",] >= 0.4  # on a busy machine, the start at fal is seen late
    assert spent["fal_queue",] + spent["generate",] >= 1.4
    assert sum(spent[stage,] for stage in STAGES[:-1]) == pytest.approx(spent["total",], abs=0.3)


async def test_a_job_of_two_runners_is_counted_once(own: Settings) -> None:
    async with running(own, with_runner=False) as house:
        await house.sandbox.misbehaves({"fault": "latency", "generation": 0})
        job_id = await house.accept()
        assert await house.services.jobs.claim(job_id, "killed", timedelta(seconds=2))
    async with running(own) as house:
        await house.ended(job_id)

        scraped = await until(house, "jobs_ended_total", "flux-pro", "completed", "")
        assert scraped.series("jobs_ended_total") == {("flux-pro", "completed", ""): 1}
        assert scraped.series("job_stage_seconds_count")["total",] == 1
        assert scraped.series("job_stage_seconds_sum")["total",] >= 2
        assert scraped.series("jobs_accepted_total") == {}


async def test_a_failed_job_is_counted_by_code_and_not_charged(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "runner_fails", "status": 500})

    await house.generate()

    scraped = await scrape(house.client)
    assert scraped.series("jobs_ended_total") == {("flux-pro", "failed", "provider_unavailable"): 1}
    assert scraped.series("charged_dollars_total") == {("flux-pro",): 0}
    assert scraped.series("provider_cost_dollars_total") == {}
    assert ("total",) not in scraped.series("job_stage_seconds_count")


@pytest.mark.parametrize("with_runner", [True, False], ids=["at fal", "before it was sent"])
async def test_a_cancelled_job_is_counted_by_the_process_that_ends_it(own: Settings, *, with_runner: bool) -> None:
    async with running(own, with_runner=with_runner) as house:
        await house.sandbox.misbehaves({"fault": "latency", "generation": 30})
        job_id = await house.accept()
        if with_runner:
            await until(house, "upstream_requests_total", "fal", "submit", "ok")
        await house.cancel(job_id)
        await house.ended(job_id)

        ended = (await scrape(house.client)).series("jobs_ended_total")
    assert ended == {("flux-pro", "cancelled", ""): 1}


async def test_a_repeated_batch_counts_no_further_jobs(house: Service) -> None:
    for _ in range(2):
        await house.batch(ITEM, ITEM, idempotency_key="a-batch")
        await house.generate(idempotency_key="one", prefer="respond-async")

    assert await value_of(house, "jobs_accepted_total", "flux-pro") == 3


@pytest.mark.slow
async def test_jobs_in_flight_are_those_of_this_process(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "latency", "generation": 30})
    job_ids = [await house.accept() for _ in range(3)]

    scraped = await until(house, "jobs_in_flight", at_least=3)

    assert (scraped.value("jobs_in_flight"), scraped.value("job_places")) == (3, 64)
    for job_id in job_ids:
        await house.cancel(job_id)
        await house.ended(job_id)
    assert await value_of(house, "jobs_in_flight") == 0


async def test_a_jobs_requests_are_counted_by_operation(house: Service) -> None:
    await house.generate()

    scraped = await scrape(house.client)
    counted = set(scraped.series("upstream_requests_total"))
    timed = set(scraped.series("upstream_request_duration_seconds_count"))
    expected = {
        ("fal", "submit", "ok"),
        ("fal", "stream", "ok"),
        ("fal", "result", "ok"),
        ("media", "download", "ok"),
        ("s3", "PutObject", "ok"),
    }
    assert expected <= counted
    assert {labels[:2] for labels in counted} == timed


async def test_a_throttled_submit_is_a_retry(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "submit_status", "status": 429, "body": {"detail": "Slow"}, "times": 2})

    await house.generate()

    scraped = await scrape(house.client)
    assert scraped.series("retries_total") == {("submit",): 2}
    assert scraped.value("upstream_requests_total", "fal", "submit", "throttled") == 2


async def test_an_image_that_is_fetched_again_is_a_retry(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "media_status", "status": 503, "times": 1})

    await house.generate()

    scraped = await scrape(house.client)
    assert scraped.series("retries_total") == {("transfer",): 1}
    assert scraped.value("redeliveries_total") == 1
    assert scraped.value("upstream_requests_total", "media", "download", "failed") == 1


async def test_a_lost_submission_is_unknown_until_it_is_found(house: Service) -> None:
    await house.sandbox.misbehaves(
        {"fault": "submit_drop", "when": "after_accepting"}, {"fault": "history_late", "seconds": 3}
    )
    job_id = await house.accept()

    scraped = await until(house, "submissions_unknown")
    await house.ended(job_id)

    after = await scrape(house.client)
    assert (scraped.value("submissions_unknown"), after.value("submissions_unknown")) == (1, 0)
    assert scraped.value("upstream_requests_total", "fal", "submit", "unanswered") == 1
    assert (after.value("upstream_requests_total", "fal", "history", "ok") or 0) >= 1


async def test_a_revived_job_ends_twice(house: Service) -> None:
    await house.sandbox.misbehaves(
        {"fault": "submit_drop", "when": "after_accepting"}, {"fault": "history_unavailable", "status": 403}
    )
    job_id = (await house.generate()).json()["jobId"]
    (request,) = await house.sandbox.requests()

    late = house.services.fal.request_with_id("fal-ai/flux-pro/v1.1", request["request_id"])
    assert await adopt(job_id, late, house.services)
    await house.ended(job_id)

    scraped = await scrape(house.client)
    assert scraped.value("jobs_revived_total") == 1
    assert scraped.series("jobs_ended_total") == {
        ("flux-pro", "failed", "submission_unknown"): 1,
        ("flux-pro", "completed", ""): 1,
    }


async def test_a_lease_taken_over_is_lost_once(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "latency", "generation": 2})
    job_id = await house.accept()
    await until(house, "upstream_requests_total", "fal", "submit", "ok")

    await house.services.jobs.release_lease(await house.services.jobs.get(job_id))
    assert await house.services.jobs.claim(job_id, "another", timedelta(seconds=2))

    scraped = await until(house, "leases_lost_total")
    await house.ended(job_id)
    assert (scraped.value("leases_lost_total"), await value_of(house, "leases_lost_total")) == (1, 1)


async def test_a_job_that_crashes_runners_needs_attention(own: Settings) -> None:
    async with running(own) as house:
        await house.sandbox.misbehaves({"fault": "latency", "generation": 30})
        job_id = await house.accept()
        await until(house, "upstream_requests_total", "fal", "submit", "ok")
        assert await value_of(house, "jobs_needing_attention") == 0
    async with running(own, with_runner=False) as house:
        for number in range(4):
            assert await house.services.jobs.claim(job_id, f"dead-{number}", timedelta(0))
    async with running(own) as house:
        assert (await until(house, "jobs_needing_attention")).value("jobs_needing_attention") == 1


async def test_a_jobs_webhook_attempts_are_counted_by_outcome(own: Settings) -> None:
    webhooks = WebhookSettings(secrets=SecretStr(SECRET), allow_private=True)
    pace = RetrySchedule(first_pause=timedelta(seconds=0.1), poll_interval=timedelta(seconds=0.1))
    async with (
        receiving() as receiver,
        running(own.model_copy(update={"webhooks": webhooks})) as house,
        sending_webhooks(house.services, pace),
    ):
        receiver.answers += [Response(status=500), Response(status=204), Response(status=410)]
        for received in (2, 3):
            await house.generate({**FLUX, "webhookUrl": receiver.url})
            await receiver.times(received)

        scraped = await until(house, "webhook_deliveries_given_up_total")
    assert scraped.series("webhook_deliveries_total") == {("refused",): 1, ("delivered",): 1, ("gone",): 1}
    assert scraped.series("webhook_deliveries_given_up_total") == {(): 1}
    assert scraped.series("retries_total") == {("webhook",): 1}
