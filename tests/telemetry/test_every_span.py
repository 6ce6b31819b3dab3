"""Every span of the service: its parent, its attributes, and how a failure shows."""

import base64
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp.web import Response
from dirty_equals import IsPartialDict

from imagegen.net.pool import open_pool
from imagegen.observability.tracing import SpanKind, root_span
from imagegen.settings import Settings
from imagegen.storage.images.store import open_images
from tests.support.collector import Collector, Memory, SentSpan
from tests.support.media_host import MediaHost
from tests.support.pages import ROOT
from tests.support.processes import Running, serving
from tests.support.receiver import receiving
from tests.support.s3_work import every_request, operations_in_the_source
from tests.support.service import FLUX, Json, Sandbox

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN: Final = f"00-{ID}-00f067aa0ba902b7-01"
WEBHOOKS: Final = {
    "WEBHOOK_SECRETS": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    "WEBHOOK_ALLOW_PRIVATE": "1",
}
PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


@asynccontextmanager
async def traced(own: Settings, directory: Path, collector: Collector) -> AsyncGenerator[Running]:
    """A service that sends its spans; they have all arrived when the block has ended."""
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200", **WEBHOOKS}
    async with serving(own, directory, more) as serve:
        yield serve
        assert await serve.ask_to_end() == 0


async def plan(own: Settings, *faults: Json) -> None:
    assert own.fal.key is not None
    async with httpx.AsyncClient(base_url=own.fal.queue_url) as control:
        await Sandbox(control, own.fal.key.get_secret_value()).misbehaves(*faults)


async def generate(serve: Running, **more: str) -> httpx.Response:
    return await serve.client.post("/api/images/generate", json={**FLUX, **more}, headers={"traceparent": GIVEN})


def named(collector: Collector, name: str) -> Sequence[SentSpan]:
    return [span for span in collector.trace(ID) if span.name == name]


def outcomes(collector: Collector, name: str) -> list[object]:
    """The `error.type` of each span of this name; None for a span that is not marked as failed."""
    return [span.attributes["error.type"] if span.failed else None for span in named(collector, name)]


def drawn(stream: str) -> list[str]:
    """The tree that the page draws, in the form of `Collector.tree`, with this stream's name."""
    picture = re.search(r"```text\n(POST /api/images/generate .*?)```", PAGE, re.DOTALL)
    assert picture is not None
    above: list[str] = []
    paths: list[str] = []
    for line in picture[1].splitlines():
        indent, name = re.fullmatch(r"([ │├└─]*)(\S+(?: \S+)*?)(?:\s{2,}.*)?", line.rstrip()).groups()  # pyright: ignore[reportOptionalMemberAccess] - every line has a name
        depth = len(indent) // 3
        above = [*above[:depth], re.sub(r" imagegen$", f" {stream}", name)]
        paths.append(" > ".join(above))
    return sorted(paths)


async def test_a_jobs_trace_is_the_one_that_the_page_draws(own: Settings, tmp_path: Path, collector: Collector) -> None:
    async with receiving() as receiver, traced(own, tmp_path, collector) as serve:
        await generate(serve, webhookUrl=receiver.url)
        await receiver.times(1)

    paths = {path for path in collector.tree(ID) if "HeadBucket" not in path}
    only_if_queued = f"POST /api/images/generate > publish {own.nats.stream}"
    assert sorted({*paths, only_if_queued}) == drawn(own.nats.stream)


def test_the_page_draws_every_span_that_the_code_names() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "src/imagegen").rglob("*.py")))
    literal = re.findall(r"\b(?:root_)?span\(\s*f?\"([^\"{]+)", source)
    shown = {path.rpartition(" > ")[2] for path in drawn("imagegen")}

    assert sorted({*literal}) == ["S3.", "deliver webhook", "process ", "publish ", "store", "submit", "wait"]
    assert [name for name in literal if not any(each.startswith(name) for each in shown)] == []


async def test_client_spans_have_server_and_status(own: Settings, tmp_path: Path, collector: Collector) -> None:
    async with receiving() as receiver, traced(own, tmp_path, collector) as serve:
        await generate(serve, webhookUrl=receiver.url)
        await receiver.times(1)
    (deliver,) = named(collector, "deliver webhook")
    (told,) = [span for span in named(collector, "POST") if span.parent_id == deliver.span_id]
    (submitted,) = [span for span in named(collector, "POST") if span.parent_id != deliver.span_id]
    gets = named(collector, "GET")
    (server,) = named(collector, "POST /api/images/generate")

    def answered(by: str, status: int) -> IsPartialDict:
        port = urlsplit(by).port
        peer = {"server.address": "127.0.0.1", "server.port": port, "url.scheme": "http"}
        return IsPartialDict({**peer, "http.response.status_code": status})

    assert [deliver.kind, told.kind, submitted.kind, *{get.kind for get in gets}] == [PRODUCER, CLIENT, CLIENT, CLIENT]
    assert (deliver.parent_id, deliver.attributes) == (server.span_id, {})
    assert (told.attributes, submitted.attributes) == (answered(receiver.url, 204), answered(own.fal.queue_url, 200))
    assert [get.attributes for get in gets] == [
        answered(own.fal.queue_url, 200)
    ] * 3  # the stream, the result, the image
    assert {span.kind for name in ("submit", "wait", "store") for span in named(collector, name)} == {INTERNAL}


@pytest.mark.slow
async def test_a_retry_leaves_a_failed_span_and_a_good_one(own: Settings, tmp_path: Path, collector: Collector) -> None:
    await plan(
        own,
        {"fault": "submit_status", "status": 429, "body": {"detail": "Slow"}, "times": 1},
        {"fault": "media_status", "status": 503, "times": 1},
    )
    async with receiving() as receiver, traced(own, tmp_path, collector) as serve:
        receiver.answers = [Response(status=500)]
        await generate(serve, webhookUrl=receiver.url)
        await receiver.times(2)

    assert outcomes(collector, f"process {own.nats.stream}") == ["Postponed", "Postponed", None]
    assert outcomes(collector, "store") == ["Postponed", None]
    assert outcomes(collector, "submit") == ["Postponed", None]
    assert outcomes(collector, "deliver webhook") == ["refused", None]
    assert sorted(map(str, outcomes(collector, "POST"))) == ["429", "500", "None", "None"]
    assert sorted(map(str, outcomes(collector, "GET"))) == ["503", "None", "None", "None"]


async def test_a_failed_job_fails_the_requests_span(own: Settings, tmp_path: Path, collector: Collector) -> None:
    await plan(own, {"fault": "submit_status", "status": 422, "body": {"detail": "No"}})
    async with traced(own, tmp_path, collector) as serve:
        answer = await generate(serve)
        refused = await serve.client.post("/api/images/generate", json={}, headers={"traceparent": GIVEN})

    assert [answer.status_code, refused.status_code] == [500, 400]
    assert outcomes(collector, "POST /api/images/generate") == ["500", None]
    assert outcomes(collector, "submit") == ["ProviderRejected"]


async def test_health_checks_have_no_spans_and_paths_are_no_names(
    own: Settings, tmp_path: Path, collector: Collector
) -> None:
    async with traced(own, tmp_path, collector) as serve:
        for path in ("/health/live", "/health/ready", "/metrics", "/api-docs", "/a/secret/path"):
            await serve.client.get(path, headers={"traceparent": GIVEN})

    (unknown,) = [span for span in collector.trace(ID) if span.kind == SERVER]
    assert (unknown.name, unknown.attributes["http.response.status_code"]) == ("GET", 404)
    assert b"secret/path" not in b"".join(collector.raw)


@pytest.fixture
def memory() -> Memory:
    return Memory()


async def test_every_request_to_s3_is_a_span_of_its_work(stack: Settings, memory: Memory) -> None:
    async with (
        MediaHost() as media,
        open_pool(16) as pool,
        open_images(stack.s3, stack.service, pool, frozenset({media.address})) as images,
    ):
        with root_span("work", SpanKind.INTERNAL, tracer=memory.tracer):
            await every_request(images, media)

    *spans, work = memory.spans
    requests = [span for span in spans if span.name.startswith("S3.")]
    assert {span.name for span in requests} == {f"S3.{operation}" for operation in operations_in_the_source()}
    assert {(span.parent and span.parent.span_id, span.kind.name) for span in requests} == {
        (work.context and work.context.span_id, "CLIENT")
    }
    for span in requests:
        bucket = {"aws.s3.bucket": stack.s3.bucket, "rpc.system": "aws-api", "rpc.service": "S3"}
        assert dict(span.attributes or {}) == IsPartialDict({**bucket, "rpc.method": span.name.removeprefix("S3.")})
