"""Every request to another server is timed, and counted by operation and outcome."""

import asyncio
import base64
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

import pytest
from dirty_equals import IsFloat

from imagegen.fal.metric_labels import Operation
from imagegen.net.http import Sender
from imagegen.net.pool import open_pool
from imagegen.observability.metrics import Metrics, UpstreamOutcome, exposition
from imagegen.registry import load_registry
from imagegen.settings import Settings
from imagegen.storage.images.store import open_images
from tests.support.media_host import MediaHost
from tests.support.processes import free_port
from tests.support.s3_work import every_request, operations_in_the_source
from tests.support.scraped import Scraped, scrape
from tests.support.service import Json, Service, running
from tests.support.specimens import PNG

LOST: Final = {"fault": "submit_drop", "when": "after_accepting"}
EDIT: Final[Json] = {
    "model": "nano-banana-edit",
    "inputs": {"prompt": "Make it blue", "image_urls": [f"data:image/png;base64,{base64.b64encode(PNG).decode()}"]},
    "userId": "user123",
}
PRICED: Final = math.ceil(len(load_registry().endpoints) / 50)  # fal prices at most 50 endpoints at once
A_JOB: Final[Mapping[tuple[str, str], object]] = {
    ("submit", "ok"): 1,
    ("stream", "ok"): 1,
    ("result", "ok"): 1,
    ("pricing", "ok"): PRICED,
}


async def generate(house: Service) -> None:
    await house.generate()


async def edit(house: Service) -> None:
    await house.generate(EDIT)


async def cancel(house: Service) -> None:
    job_id = await house.accept()
    while not (await house.sandbox.requests()):
        await asyncio.sleep(0.02)
    await house.cancel(job_id)
    await house.ended(job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The faults of fal, the caller's action, and the requests to fal that are then counted."""

    faults: Sequence[Mapping[str, object]] = ()
    act: Callable[[Service], Awaitable[None]] = generate
    is_called_back: bool = False
    bucket_is_hidden: bool = False
    counted: Mapping[tuple[str, str], object] = field(default_factory=lambda: A_JOB)


CASES: Final[Mapping[str, Case]] = {
    "over a stream": Case(),
    "by webhook": Case(
        is_called_back=True,
        counted={
            ("submit", "ok"): 1,
            ("keys", "ok"): 1,
            ("status", "ok"): 1,
            ("result", "ok"): 1,
            ("pricing", "ok"): PRICED,
        },
    ),
    "cancelled": Case(
        faults=[{"fault": "latency", "generation": 30}],
        act=cancel,
        counted={
            ("submit", "ok"): 1,
            ("stream", "ok"): 1,
            ("cancel", "ok"): 1,
            ("result", "refused"): 1,
            ("pricing", "ok"): PRICED,
        },
    ),
    "looked for": Case(
        faults=[LOST],
        counted={
            ("submit", "unanswered"): 1,
            ("history", "ok"): IsFloat(ge=1),
            ("stream", "ok"): 1,
            ("result", "ok"): 1,
            ("pricing", "ok"): PRICED,
        },
    ),
    "a picture of the caller's": Case(bucket_is_hidden=True, act=edit, counted={**A_JOB, ("upload", "ok"): 2}),
    "not now": Case(
        faults=[{"fault": "submit_status", "status": 429, "body": {"detail": "Slow"}, "times": 2}],
        counted={**A_JOB, ("submit", "throttled"): 2},
    ),
    "not at all": Case(
        faults=[{"fault": "submit_status", "status": 422, "body": {"detail": "No"}}],
        counted={("submit", "refused"): 1, ("pricing", "ok"): PRICED},
    ),
    "a fault of fal's": Case(
        faults=[{"fault": "read_status", "on": ["result"], "status": 503, "times": 1}],
        counted={**A_JOB, ("result", "failed"): 1},
    ),
}


def of_fal(scraped: Scraped) -> dict[tuple[str, str], float]:
    """The requests of jobs to fal, without the read of a missing request with which a scrape checks fal."""
    counted = scraped.series("upstream_requests_total")
    found = {(operation, outcome): n for (server, operation, outcome), n in counted.items() if server == "fal"}
    return {labels: number for labels, number in found.items() if labels != ("status", "refused")}


@pytest.mark.parametrize("name", CASES)
async def test_requests_to_fal_are_counted_by_operation_and_outcome(own: Settings, name: str) -> None:
    case, port = CASES[name], free_port()
    public = f"http://127.0.0.1:{port}" if case.is_called_back else None
    changes = {
        "service": own.service.model_copy(update={"public_url": public}),
        "s3": own.s3.model_copy(update={"publicly_reachable": not case.bucket_is_hidden}),
    }
    async with running(own.model_copy(update=changes), port=port) as house:
        await house.sandbox.misbehaves(*case.faults)
        await case.act(house)

        assert of_fal(await scrape(house.client)) == case.counted


def test_the_cases_have_every_operation_and_every_outcome() -> None:
    seen = [labels for case in CASES.values() for labels in case.counted]

    assert {operation for operation, _ in seen} == set(get_args(Operation))
    assert {outcome for _, outcome in seen} == set(get_args(UpstreamOutcome))


async def test_a_scrape_asks_fal_for_a_missing_request(house: Service) -> None:
    assert (await scrape(house.client)).value("upstream_requests_total", "fal", "status", "refused") == 1


async def test_scrapes_and_health_checks_share_fals_response(house: Service) -> None:
    began = time.monotonic()
    for _ in range(3):
        await asyncio.gather(
            *(scrape(house.client) for _ in range(10)), *(house.client.get("/health/ready") for _ in range(10))
        )
    seconds = time.monotonic() - began
    told = (await scrape(house.client)).value("upstream_requests_total", "fal", "status", "refused")

    assert told is not None
    assert 1 <= told <= seconds + 2


async def test_every_request_is_timed(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "submit_delay", "seconds": 0.5, "times": 1})
    await house.generate()

    scraped = await scrape(house.client)
    counted: dict[tuple[str, ...], float] = {}
    for (server, operation, _), number in scraped.series("upstream_requests_total").items():
        counted[server, operation] = counted.get((server, operation), 0) + number
    assert scraped.series("upstream_request_duration_seconds_count") == counted
    assert (scraped.value("upstream_request_duration_seconds_sum", "fal", "submit") or 0) == pytest.approx(0.6, abs=0.2)


@pytest.fixture
async def pool() -> AsyncGenerator[Sender]:
    async with open_pool(16) as opened:
        yield opened


async def test_every_request_to_s3_is_counted_under_s3s_own_name(stack: Settings, pool: Sender) -> None:
    metrics = Metrics()
    async with MediaHost() as media:
        hosts = frozenset({media.address})
        async with open_images(stack.s3, stack.service, pool, hosts, metrics) as images:
            await every_request(images, media)

    counted = Scraped((await asyncio.to_thread(exposition, metrics, ""))[0].decode()).series("upstream_requests_total")
    assert {operation for _, operation, _ in counted} == operations_in_the_source()
    assert {labels for labels in counted if labels[2] != "ok"} <= {
        ("s3", "CreateBucket", "refused")
    }  # it exists already
    assert {server for server, _, _ in counted} == {"s3"}
    assert counted["s3", "PutObject", "ok"] == 2
    assert counted["s3", "UploadPart", "ok"] == 3
