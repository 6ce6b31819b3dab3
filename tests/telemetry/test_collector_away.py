"""Without a collector, the SDK is not imported; a collector that is down changes nothing but the log."""

import asyncio
import socket
import sys
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from imagegen.settings import Settings, TelemetrySettings
from tests.support.collector import Collector
from tests.support.jobs_apart import apart
from tests.support.processes import environment, free_port, serving
from tests.support.receiver import receiving
from tests.support.service import FLUX, running

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket
GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
# Starts and ends the whole service, then prints the modules of OpenTelemetry's SDK that it imported.
SERVED = """
import asyncio, sys
from pathlib import Path
from imagegen.server import serve
from imagegen.settings import Settings

async def once():
    stopping = asyncio.Event()
    await serve(Settings.read(dotenv=None), "127.0.0.1", 0, ready=lambda url: stopping.set(), stopping=stopping)

asyncio.run(once())
parts = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "google", "requests")
print([name for name in sys.modules if name.startswith(parts)])
"""


async def test_without_a_collector_the_sdk_is_not_imported(own: Settings, tmp_path: Path) -> None:
    environ = environment(own) | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVED, env=environ, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    assert (process.returncode, output.decode().strip()) == (0, "[]")


async def test_without_a_collector_a_trace_is_kept_and_returned(stack: Settings) -> None:
    async with running(apart(stack)) as service:
        traced = await service.generate(traceparent=GIVEN)
        untraced = await service.generate(traceparent="no trace")
        jobs = [await service.services.jobs.get(answer.json()["jobId"]) for answer in (traced, untraced)]

    assert [answer.headers.get("traceparent") for answer in (traced, untraced)] == [GIVEN, None]
    assert [job.trace for job in jobs] == [GIVEN, None]


async def test_without_a_collector_a_trace_reaches_the_webhook(own: Settings, tmp_path: Path) -> None:
    webhooks = {"WEBHOOK_SECRETS": f"whsec_{'a' * 32}", "WEBHOOK_ALLOW_PRIVATE": "1"}
    async with receiving() as receiver, serving(own, tmp_path, webhooks) as serve:
        body = {**FLUX, "webhookUrl": receiver.url}
        await serve.client.post("/api/images/generate", json=body, headers={"traceparent": GIVEN})
        (received,) = await receiver.times(1)

    assert received.headers["traceparent"] == GIVEN


@pytest.fixture
def silent() -> Generator[str]:
    """The URL of a collector that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def timed(own: Settings, directory: Path, collector: str) -> tuple[list[httpx.Response], int, float]:
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_BSP_SCHEDULE_DELAY": "50", "IMAGEGEN_SHUTDOWN_GRACE": "8s"}
    async with serving(own, directory, more) as serve:
        answers = [await serve.client.post("/api/images/generate", json=FLUX) for _ in range(5)]
        began = time.monotonic()
        status = await serve.ask_to_end()
    return answers, status, time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("how", ["refuses", "is silent"])
async def test_a_collector_that_is_down_changes_nothing_but_the_log(
    own: Settings, tmp_path: Path, how: str, silent: str
) -> None:
    address = f"http://127.0.0.1:{free_port()}" if how == "refuses" else silent
    answers, status, took = await timed(own, tmp_path, address)

    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)
    assert ([answer.json()["status"] for answer in answers], status) == (["completed"] * 5, 0)
    assert took < 8, "the grace is the whole time"
    assert log.count("do not reach the collector") <= 1
    assert "Traceback" not in log


async def test_the_collectors_headers_are_sent_and_not_logged(
    own: Settings, tmp_path: Path, collector: Collector
) -> None:
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=of-the-collector"}
    async with serving(own, tmp_path, more) as serve:
        await serve.client.post("/api/images/generate", json=FLUX)
        await serve.ask_to_end()

    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)
    assert {headers["x-api-key"] for headers in collector.headers} == {"of-the-collector"}
    assert "of-the-collector" not in log


@pytest.mark.parametrize(
    ("given", "traces", "logs"),
    [
        ({}, None, None),
        ({"endpoint": "http://c:4318/"}, "http://c:4318/v1/traces", "http://c:4318/v1/logs"),
        ({"traces_endpoint": "http://c/traces"}, "http://c/traces", None),
        ({"endpoint": "http://c:4318", "logs_endpoint": "http://l/logs"}, "http://c:4318/v1/traces", "http://l/logs"),
        ({"endpoint": "http://c:4318", "logs_exporter": "none"}, "http://c:4318/v1/traces", None),
        ({"endpoint": "http://c:4318", "disabled": True}, None, None),
    ],
)
def test_the_standards_variables_select_the_endpoints(
    given: dict[str, object], traces: str | None, logs: str | None
) -> None:
    settings = TelemetrySettings.model_validate(given)

    assert (settings.traces_url, settings.logs_url) == (traces, logs)
