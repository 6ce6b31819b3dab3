"""Every span of the service: its parent, its attributes, and how a failure shows."""

import asyncio
import base64
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from aiohttp.web import Response
from dirty_equals import IsPartialDict

from imagegen.net.pool import open_pool
from imagegen.observability.tracing import SpanKind, root_span
from imagegen.settings import Settings
from imagegen.storage.images.store import open_images
from tests.support.collector import Collector, Memory, SentSpan, collecting
from tests.support.jobs_apart import apart
from tests.support.media_host import MediaHost
from tests.support.pages import ROOT
from tests.support.processes import Running, serving
from tests.support.receiver import Receiver
from tests.support.s3_work import every_request, operations_in_the_source
from tests.support.service import FLUX, Json, sandbox_of

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
WEBHOOKS: Final = {
    "WEBHOOK_SECRETS": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    "WEBHOOK_ALLOW_PRIVATE": "1",
}
PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Traced:
    """A service that sends its spans, and one trace, which a test's requests continue."""

    serve: Running
    collector: Collector
    id: str

    @property
    def headers(self) -> Mapping[str, str]:
        return {"traceparent": f"00-{self.id}-00f067aa0ba902b7-01"}

    async def generate(self, **more: str) -> httpx.Response:
        return await self.serve.client.post("/api/images/generate", json={**FLUX, **more}, headers=self.headers)

    async def arrived(self, name: str, count: int = 1) -> None:
        """Wait for so many spans of this name; what ended before them has arrived, too."""
        async with asyncio.timeout(30):
            while len(self.named(name)) < count:
                await asyncio.sleep(0.05)

    def named(self, name: str) -> Sequence[SentSpan]:
        return [span for span in self.collector.trace(self.id) if span.name == name]

    def outcomes(self, name: str) -> list[object]:
        """The `error.type` of each span of this name; None for a span that is not marked as failed."""
        return [span.attributes["error.type"] if span.failed else None for span in self.named(name)]


@pytest.fixture(scope="module")
def shared(stack: Settings) -> Settings:
    """The servers, with a database, a stream and a key at fal of this module's own."""
    return apart(stack)


@pytest.fixture(scope="module")
async def exporting(
    shared: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[tuple[Running, Collector]]:
    """A service that sends its spans to a collector."""
    async with collecting() as collector:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200", **WEBHOOKS}
        async with serving(shared, tmp_path_factory.mktemp("traced"), more) as serve:
            yield serve, collector
            assert await serve.ask_to_end() == 0


@pytest.fixture
async def traced(exporting: tuple[Running, Collector], shared: Settings) -> AsyncGenerator[Traced]:
    yield Traced(*exporting, id=uuid4().hex)
    await plan(shared)


async def plan(shared: Settings, *faults: Json) -> None:
    async with sandbox_of(shared) as sandbox:
        await sandbox.misbehaves(*faults)


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


async def test_a_jobs_trace_is_the_one_that_the_page_draws(
    shared: Settings, traced: Traced, receiver: Receiver
) -> None:
    await traced.generate(webhookUrl=receiver.url)
    for name in ("POST /api/images/generate", f"process {shared.nats.stream}", "deliver webhook"):
        await traced.arrived(name)

    paths = {path for path in traced.collector.tree(traced.id) if "HeadBucket" not in path}
    only_if_queued = f"POST /api/images/generate > publish {shared.nats.stream}"
    assert sorted({*paths, only_if_queued}) == drawn(shared.nats.stream)


def test_the_page_draws_every_span_that_the_code_names() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "src/imagegen").rglob("*.py")))
    literal = re.findall(r"\b(?:root_)?span\(\s*f?\"([^\"{]+)", source)
    shown = {path.rpartition(" > ")[2] for path in drawn("imagegen")}

    assert sorted({*literal}) == ["S3.", "deliver webhook", "process ", "publish ", "store", "submit", "wait"]
    assert [name for name in literal if not any(each.startswith(name) for each in shown)] == []


async def test_client_spans_have_server_and_status(shared: Settings, traced: Traced, receiver: Receiver) -> None:
    await traced.generate(webhookUrl=receiver.url)
    for name in ("POST /api/images/generate", f"process {shared.nats.stream}", "deliver webhook"):
        await traced.arrived(name)
    (deliver,) = traced.named("deliver webhook")
    (told,) = [span for span in traced.named("POST") if span.parent_id == deliver.span_id]
    (submitted,) = [span for span in traced.named("POST") if span.parent_id != deliver.span_id]
    gets = traced.named("GET")
    (server,) = traced.named("POST /api/images/generate")

    def answered(by: str, status: int) -> IsPartialDict:
        port = urlsplit(by).port
        peer = {"server.address": "127.0.0.1", "server.port": port, "url.scheme": "http"}
        return IsPartialDict({**peer, "http.response.status_code": status})

    assert [deliver.kind, told.kind, submitted.kind, *{get.kind for get in gets}] == [PRODUCER, CLIENT, CLIENT, CLIENT]
    assert (deliver.parent_id, deliver.attributes) == (server.span_id, {})
    assert (told.attributes, submitted.attributes) == (answered(receiver.url, 204), answered(shared.fal.queue_url, 200))
    assert [get.attributes for get in gets] == [
        answered(shared.fal.queue_url, 200)
    ] * 3  # the stream, the result, the image
    assert {span.kind for name in ("submit", "wait", "store") for span in traced.named(name)} == {INTERNAL}


@pytest.mark.slow
async def test_a_retry_leaves_a_failed_span_and_a_good_one(
    shared: Settings, traced: Traced, receiver: Receiver
) -> None:
    await plan(
        shared,
        {"fault": "submit_status", "status": 429, "body": {"detail": "Slow"}, "times": 1},
        {"fault": "media_status", "status": 503, "times": 1},
    )
    receiver.answers = [Response(status=500)]
    await traced.generate(webhookUrl=receiver.url)
    await traced.arrived("deliver webhook", 2)
    await traced.arrived(f"process {shared.nats.stream}", 3)

    assert traced.outcomes(f"process {shared.nats.stream}") == ["Postponed", "Postponed", None]
    assert traced.outcomes("store") == ["Postponed", None]
    assert traced.outcomes("submit") == ["Postponed", None]
    assert traced.outcomes("deliver webhook") == ["refused", None]
    assert sorted(map(str, traced.outcomes("POST"))) == ["429", "500", "None", "None"]
    assert sorted(map(str, traced.outcomes("GET"))) == ["503", "None", "None", "None"]


async def test_a_failed_job_fails_the_requests_span(shared: Settings, traced: Traced) -> None:
    await plan(shared, {"fault": "submit_status", "status": 422, "body": {"detail": "No"}})
    answer = await traced.generate()
    refused = await traced.serve.client.post("/api/images/generate", json={}, headers=traced.headers)
    await traced.arrived("POST /api/images/generate", 2)

    assert [answer.status_code, refused.status_code] == [500, 400]
    assert traced.outcomes("POST /api/images/generate") == ["500", None]
    assert traced.outcomes("submit") == ["ProviderRejected"]


async def test_health_checks_have_no_spans_and_paths_are_no_names(traced: Traced) -> None:
    for path in ("/health/live", "/health/ready", "/metrics", "/api-docs", "/a/secret/path"):
        await traced.serve.client.get(path, headers=traced.headers)
    await traced.arrived("GET")

    (unknown,) = [span for span in traced.collector.trace(traced.id) if span.kind == SERVER]
    assert (unknown.name, unknown.attributes["http.response.status_code"]) == ("GET", 404)
    assert b"secret/path" not in b"".join(traced.collector.raw)


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
