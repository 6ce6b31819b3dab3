"""How metrics are scraped: with and without API keys, in each format, and while servers are down."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import ByteSize

import imagegen as product
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.queue.lanes import LANES
from imagegen.settings import LimitSettings, Settings
from tests.support.door import Door, door, through
from tests.support.jobs_apart import a_job
from tests.support.keys import add_key
from tests.support.processes import environment, free_port, imagegen, serving
from tests.support.raw import send
from tests.support.scraped import scrape
from tests.support.service import FLUX, ITEM, Service, running

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


async def test_metrics_are_prometheus_text_or_openmetrics(house: Service) -> None:
    plain = await house.client.get("/metrics")
    negotiated = await house.client.get("/metrics", headers={"Accept": OPENMETRICS})

    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert negotiated.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert negotiated.text.endswith("# EOF\n")


async def test_with_api_keys_the_api_has_no_metrics_path(own: Settings) -> None:
    await add_key(own)
    async with running(own, with_runner=False, access=AccessPolicy(allow_anonymous=True)) as house:
        assert (await house.client.get("/metrics")).status_code == 404


async def test_the_openapi_document_has_no_metrics_path(house: Service) -> None:
    assert "/metrics" not in (await house.client.get("/openapi.json")).json()["paths"]


async def test_requests_are_counted_by_route_and_never_by_path(house: Service) -> None:
    await house.generate()
    await house.job("0" * 26)
    await house.client.head("/health/live")
    await house.client.get("/of/a/callers/own/making")
    await house.client.request("PROPFIND", "/api/jobs")
    await house.client.get("/health/live", headers={"Host": "rebound.example.com"})

    counted = (await scrape(house.client)).series("http_requests_total")
    assert counted == {
        ("POST", "/api/images/generate", "200"): 1,
        ("GET", "/api/jobs/{jobId}", "404"): 1,
        ("HEAD", "/health/live", "200"): 1,
        ("GET", "unknown", "404"): 1,
        ("other", "/api/jobs", "405"): 1,
        ("GET", "unknown", "421"): 1,
    }


async def test_connections_without_a_request_are_counted(own: Settings) -> None:
    narrow = LimitSettings(max_header_bytes=ByteSize(4096), receive_timeout=timedelta(seconds=0.3))
    async with running(own.model_copy(update={"limits": narrow}), with_runner=False) as house:
        await send(house, b"GET / HTTP/1.1\r\nX: " + b"x" * 5000 + b"\r\n\r\n")
        await send(house, b"GET / HTTP/1.1\r\nHost: ", pause=1)
        await send(house, b"\x16\x03\x01 no HTTP\r\n\r\n")

        scraped = await scrape(house.client)
    counted = {("other", "unknown", status): 1 for status in ("400", "408", "431")}
    assert scraped.series("http_requests_total") == counted
    assert scraped.value("http_request_duration_seconds_sum", "other", "unknown") == pytest.approx(0.3, abs=0.2)


async def test_a_request_is_timed_to_the_end_of_its_response(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "latency", "generation": 1})

    await house.generate()

    scraped = await scrape(house.client)
    assert scraped.value("http_request_duration_seconds_count", "POST", "/api/images/generate") == 1
    assert (scraped.value("http_request_duration_seconds_sum", "POST", "/api/images/generate") or 0) >= 1


async def test_a_caller_that_hangs_up_is_counted_by_the_response(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "latency", "generation": 1})
    with pytest.raises(httpx.ReadTimeout):
        await house.client.post("/api/images/generate", json=FLUX, timeout=0.3)

    async with asyncio.timeout(30):
        while (await scrape(house.client)).value("http_requests_total", "POST", "/api/images/generate", "200") != 1:
            await asyncio.sleep(0.1)


async def test_waiting_requests_and_open_streams_are_shown(house: Service) -> None:
    await house.sandbox.misbehaves({"fault": "latency", "generation": 30})
    job_id = await house.accept()
    waiting = asyncio.create_task(house.client.get(f"/api/jobs/{job_id}?wait=20"))
    async with house.client.stream("GET", f"/api/jobs/{job_id}/events") as events:
        lines = events.aiter_lines()
        await anext(lines)
        async with asyncio.timeout(5):
            while not (scraped := await scrape(house.client)).value("http_requests_waiting"):
                await asyncio.sleep(0.05)
    held = [scraped.value(f"http_{name}") for name in ("requests_waiting", "streams_open", "requests_in_flight")]
    await house.cancel(job_id)
    await waiting
    after = await scrape(house.client)
    assert held == [1, 1, 3]  # the third is the scrape
    assert [after.value(f"http_{name}") for name in ("requests_waiting", "streams_open")] == [0, 0]


async def test_the_queue_is_shown_by_lane_and_by_its_oldest_job(own: Settings) -> None:
    async with running(own, with_runner=False) as house:
        idle = await scrape(house.client)
        job, _ = await house.services.jobs.insert(a_job(age=timedelta(minutes=5)))
        await house.services.queue.publish(job)
        for _ in range(5):
            await house.accept({**FLUX, "userId": "eager"})

        scraped = await scrape(house.client)
    lanes = scraped.series("queue_messages")
    assert (lanes["normal",], sum(lanes.values())) == (5, 6)
    assert scraped.value("queue_oldest_seconds") == pytest.approx(300, abs=10)
    assert (idle.value("queue_oldest_seconds"), sum(idle.series("queue_messages").values())) == (0, 0)


async def test_every_lane_of_the_queue_is_shown(own: Settings) -> None:
    async with running(own, with_runner=False) as house:
        await house.batch(ITEM)

        lanes = (await scrape(house.client)).series("queue_messages")
    assert lanes == {(lane.name,): float(lane.name == "low") for lane in LANES}


async def test_all_servers_are_up(house: Service) -> None:
    assert (await scrape(house.client)).series("server_up") == dict.fromkeys(
        [("mongodb",), ("nats",), ("s3",), ("fal",)], 1
    )


@pytest.fixture
async def doors(own: Settings) -> AsyncGenerator[dict[str, Door]]:
    assert own.mongodb.url and own.nats.url  # noqa: PT018 - both set
    addresses = {
        "mongodb": own.mongodb.url.get_secret_value(),
        "nats": own.nats.url.get_secret_value(),
        "s3": str(own.s3.endpoint_url),
        "fal": own.fal.queue_url,
    }
    opened = {server: Door(urlsplit(address).port or 0) for server, address in addresses.items()}
    for each in opened.values():
        await each.open()
    yield opened
    for each in opened.values():
        await each.shut()


@pytest.fixture
async def behind(own: Settings, doors: dict[str, Door]) -> AsyncGenerator[Service]:
    mongodb = through(own.mongodb.url, doors["mongodb"].port)
    changes = {
        "mongodb": own.mongodb.model_copy(update={"url": mongodb}),
        "nats": own.nats.model_copy(update={"url": through(own.nats.url, doors["nats"].port)}),
        "s3": own.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{doors['s3'].port}"}),
        "fal": own.fal.model_copy(update={"queue_url": f"http://127.0.0.1:{doors['fal'].port}"}),
    }
    async with running(own.model_copy(update=changes), with_runner=False) as service:
        yield service


@pytest.mark.parametrize("down", ["mongodb", "nats", "s3", "fal"])
async def test_a_scrape_survives_a_server_that_is_down(behind: Service, doors: dict[str, Door], down: str) -> None:
    await doors[down].shut()

    began = time.monotonic()
    scraped = await scrape(behind.client)
    took = time.monotonic() - began
    await doors[down].open()

    assert scraped.series("server_up") == {
        (server,): float(server != down) for server in ("mongodb", "nats", "s3", "fal")
    }
    assert took < 4
    assert (scraped.series("queue_messages") == {}) is (down == "nats")
    states = [scraped.value(name) for name in ("queue_oldest_seconds", "submissions_unknown", "jobs_needing_attention")]
    assert [state != state for state in states] == [down == "mongodb"] * 3  # noqa: PLR0124 - only NaN is not itself


async def test_a_server_that_is_back_is_shown_again(behind: Service, doors: dict[str, Door]) -> None:
    await doors["nats"].shut()
    await scrape(behind.client)
    await doors["nats"].open()

    async with asyncio.timeout(30):
        while not (scraped := await scrape(behind.client)).series("queue_messages"):
            await asyncio.sleep(0.1)
    assert scraped.value("server_up", "nats") == 1


async def test_process_event_loop_and_version_are_shown(house: Service) -> None:
    async with asyncio.timeout(30):
        while not (scraped := await scrape(house.client)).value("event_loop_lag_seconds_count"):
            await asyncio.sleep(0.1)

    assert scraped.series("build_info") == {(product.__version__,): 1}
    assert (scraped.value("event_loop_tasks") or 0) > 5
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "python_info"):
        assert f"\n{name}" in scraped.text


async def test_a_blocked_event_loop_is_late_by_as_much(house: Service) -> None:
    async with asyncio.timeout(30):
        while not (before := await scrape(house.client)).value("event_loop_lag_seconds_count"):
            await asyncio.sleep(0.1)
    time.sleep(1.2)  # noqa: ASYNC251 - a look falls due meanwhile
    async with asyncio.timeout(30):
        while (after := await scrape(house.client)).value("event_loop_lag_seconds_count") == before.value(
            "event_loop_lag_seconds_count"
        ):
            await asyncio.sleep(0.1)

    lag = [scraped.value("event_loop_lag_seconds_sum") or 0 for scraped in (before, after)]
    assert lag[1] - lag[0] > 0.6


async def test_tasks_are_those_of_the_event_loop(house: Service) -> None:
    before = await scrape(house.client)
    more = [asyncio.create_task(asyncio.sleep(30)) for _ in range(20)]
    after = await scrape(house.client)
    for task in more:
        task.cancel()

    assert (after.value("event_loop_tasks") or 0) - (before.value("event_loop_tasks") or 0) == pytest.approx(20, abs=5)


@pytest.mark.usefixtures("service")  # which makes the bucket
async def test_a_worker_is_scraped_on_its_own_port(own: Settings, tmp_path: Path) -> None:
    port = free_port()
    environ = environment(own) | {"IMAGEGEN_METRICS_PORT": str(port)}
    async with imagegen("worker", environ=environ, directory=tmp_path, port=port) as worker:
        async with asyncio.timeout(30):
            while True:
                try:
                    scraped = await scrape(worker.client)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        others = [(await worker.client.get(path)).status_code for path in ("/", "/api/jobs", "/openapi.json")]
        status = await worker.ask_to_end()

    assert (scraped.value("job_places"), scraped.value("server_up", "nats")) == (64, 1)
    assert (others, status) == ([404] * 3, 0)


@pytest.mark.usefixtures("service")  # which makes the bucket
async def test_serve_with_keys_is_scraped_without_a_key(own: Settings, tmp_path: Path) -> None:
    port = free_port()
    await add_key(own)
    more = {"IMAGEGEN_METRICS_PORT": str(port)}
    async with serving(own, tmp_path, more) as serve, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as scraper:
        refused = await serve.client.get("/metrics")
        scraped = await scrape(scraper)
        status = await serve.ask_to_end()

    assert (refused.status_code, status) == (401, 0)
    assert scraped.value("http_requests_total", "GET", "unknown", "401") == 1


async def test_a_taken_metrics_port_names_its_variable(own: Settings, tmp_path: Path) -> None:
    async with door(1) as taken:
        environ = environment(own) | {"IMAGEGEN_METRICS_PORT": str(taken.port)}
        async with imagegen("worker", environ=environ, directory=tmp_path) as worker:
            status = await asyncio.wait_for(worker.process.wait(), 30)

    assert status == 2
    assert "choose another with IMAGEGEN_METRICS_PORT" in (tmp_path / "worker.log").read_text()
