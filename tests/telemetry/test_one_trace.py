"""One trace leads from the caller's request through the queue to fal and S3, across processes."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen import __version__
from imagegen.settings import Settings
from tests.support.collector import Collector, SentLine, SentSpan, collecting
from tests.support.jobs_apart import apart
from tests.support.messages import messages_ever
from tests.support.processes import Running, environment, imagegen, serving, takes_jobs
from tests.support.receiver import Receiver
from tests.support.service import FLUX, sandbox_of

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
GIVEN_ID, CALLERS_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{GIVEN_ID}-{CALLERS_SPAN}-01"
WEBHOOKS = {
    "WEBHOOK_SECRETS": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    "WEBHOOK_ALLOW_PRIVATE": "1",
}


def exporting_to(collector: Collector, name: str) -> dict[str, str]:
    delays = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BLRP_SCHEDULE_DELAY": "200"}
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": name, **delays}


@dataclass(frozen=True, slots=True)
class Traced:
    """A service that sends its spans and log, and one trace, which a test's requests continue."""

    serve: Running
    settings: Settings
    collector: Collector
    id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.id}-{CALLERS_SPAN}-01"}

    def named(self, name: str) -> list[SentSpan]:
        return [span for span in self.collector.trace(self.id) if span.name == name]

    def lines_about(self, job_id: str) -> list[SentLine]:
        return [line for line in self.collector.lines if line.attributes.get("job_id") == job_id]

    async def arrived(self, *names: str) -> None:
        """Wait for spans of these names; what ended before the last of them has arrived, too."""
        async with asyncio.timeout(30):
            while not all(self.named(name) for name in names):
                await asyncio.sleep(0.05)

    async def told(self, job_id: str, lines: int) -> list[SentLine]:
        """Wait for so many lines about a job."""
        async with asyncio.timeout(30):
            while len(self.lines_about(job_id)) < lines:
                await asyncio.sleep(0.05)
        return self.lines_about(job_id)


@pytest.fixture(scope="module")
def shared(stack: Settings) -> Settings:
    """The servers, with a database, a stream and a key at fal of this module's own."""
    return apart(stack)


@pytest.fixture(scope="module")
async def exporting(
    shared: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[tuple[Running, Settings, Collector]]:
    """A service with one work slot, which sends its spans and log to a collector."""
    async with collecting() as collector:
        more = exporting_to(collector, "imagegen") | WEBHOOKS | {"IMAGEGEN_CONCURRENCY": "1"}
        async with serving(shared, tmp_path_factory.mktemp("traced"), more) as serve:
            yield serve, shared, collector


@pytest.fixture
async def traced(exporting: tuple[Running, Settings, Collector]) -> AsyncGenerator[Traced]:
    traced = Traced(*exporting, id=uuid4().hex)
    yield traced
    async with sandbox_of(traced.settings) as control:
        await control.behaves()


async def generate(running: Running, headers: Mapping[str, str] | None = None, **more: str) -> httpx.Response:
    return await running.client.post("/api/images/generate", json={**FLUX, **more}, headers=headers)


def one(spans: list[SentSpan], name: str) -> SentSpan:
    (found,) = [span for span in spans if span.name == name]
    return found


@pytest.mark.slow
async def test_a_requests_trace_continues_in_the_worker(own: Settings, tmp_path: Path, collector: Collector) -> None:
    """The API has one slot for jobs. Of two at once, the worker runs one."""
    api = exporting_to(collector, "the-api") | {"IMAGEGEN_CONCURRENCY": "1"}
    environ = environment(own) | exporting_to(collector, "the-worker") | {"IMAGEGEN_CONCURRENCY": "1"}
    async with (
        sandbox_of(own) as control,
        serving(own, tmp_path, api) as serve,
        imagegen("worker", environ=environ, directory=tmp_path) as worker,
    ):
        await takes_jobs(tmp_path)
        await control.misbehaves({"fault": "latency", "generation": 1})
        answers = await asyncio.gather(generate(serve), generate(serve))
        ends = [await worker.ask_to_end(), await serve.ask_to_end()]

    traces = [answer.headers["traceparent"].split("-")[1] for answer in answers]
    runners = {span.resource["service.name"]: span for span in collector.spans if span.name.startswith("process ")}
    far = runners["the-worker"]
    stream, request = own.nats.stream, "POST /api/images/generate"
    assert (ends, sorted(traces)) == ([0, 0], sorted(span.trace_id for span in runners.values()))
    assert [path for path in collector.tree(far.trace_id) if "HeadBucket" not in path] == [
        request,
        f"{request} > process {stream}",
        f"{request} > process {stream} > store",
        f"{request} > process {stream} > store > GET",
        f"{request} > process {stream} > store > S3.PutObject",
        f"{request} > process {stream} > submit",
        f"{request} > process {stream} > submit > POST",
        f"{request} > process {stream} > wait",
        f"{request} > process {stream} > wait > GET",
        f"{request} > publish {stream}",
    ]


async def test_spans_have_facts_and_no_content(traced: Traced) -> None:
    """The only work slot is taken, so that the job is queued."""
    async with sandbox_of(traced.settings) as control:
        await control.misbehaves({"fault": "latency", "generation": 2.5, "times": 1})
    await generate(traced.serve, {"Prefer": "respond-async"})
    answer = await generate(traced.serve, {**traced.headers, "X-Request-Id": "r-1"})
    job_id, stream = answer.json()["jobId"], traced.settings.nats.stream
    await traced.arrived("POST /api/images/generate", f"process {stream}")
    said = await traced.told(job_id, lines=2)

    collector, spans = traced.collector, list(traced.collector.trace(traced.id))
    server, publish, process = (
        one(spans, name) for name in ("POST /api/images/generate", f"publish {stream}", f"process {stream}")
    )
    post, put = one(spans, "POST"), one(spans, "S3.PutObject")
    assert server.resource == IsPartialDict(
        {"service.name": "imagegen", "service.version": __version__, "service.instance.id": IsStr(min_length=1)}
    )
    assert (server.parent_id, {span.failed for span in spans}) == (CALLERS_SPAN, {False})
    assert [server.kind, publish.kind, process.kind, post.kind, put.kind, one(spans, "submit").kind] == [
        SERVER,
        PRODUCER,
        CONSUMER,
        CLIENT,
        CLIENT,
        INTERNAL,
    ]
    assert server.attributes == IsPartialDict(
        {"http.request.method": "POST", "http.route": "/api/images/generate", "http.response.status_code": 200}
    )
    message = {"messaging.system": "nats", "messaging.destination.name": stream}
    assert publish.attributes == IsPartialDict({**message, "messaging.operation.type": "send"})
    assert process.attributes == IsPartialDict(
        {
            **message,
            "messaging.operation.type": "process",
            "messaging.message.conversation_id": job_id,
            "imagegen.model": "flux-pro",
            "imagegen.job.status": "completed",
        }
    )
    assert post.attributes == IsPartialDict({"http.request.method": "POST", "http.response.status_code": 200})
    assert put.attributes == IsPartialDict({"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": "PutObject"})
    assert [(line.body, line.severity, line.trace_id) for line in said] == [
        (f"job {job_id} completed", "INFO", traced.id),
        ("POST /api/images/generate 200", "INFO", traced.id),
    ]
    assert (said[1].attributes, "request_id" in said[0].attributes) == (IsPartialDict(request_id="r-1"), False)
    sent = b"".join(collector.raw)
    hidden = (FLUX["inputs"]["prompt"], FLUX["userId"], "Signature", "secret", "/files/")
    assert [text for text in hidden if text.encode() in sent] == []


async def test_a_job_without_a_message_has_no_messaging_span(traced: Traced) -> None:
    while not await starts_without_a_message(traced.serve, traced.settings):
        pass
    answer = await generate(traced.serve, {**traced.headers, "X-Request-Id": "r-1"})

    job_id, request, stream = answer.json()["jobId"], "POST /api/images/generate", traced.settings.nats.stream
    await traced.arrived(request, f"process {stream}")
    said = [line for line in await traced.told(job_id, lines=2) if line.body == f"job {job_id} completed"]
    process = one(traced.named(f"process {stream}"), f"process {stream}")
    assert (process.kind, process.attributes) == (
        INTERNAL,
        {
            "messaging.message.conversation_id": job_id,
            "imagegen.model": "flux-pro",
            "imagegen.job.status": "completed",
        },
    )
    tree = traced.collector.tree(traced.id)
    assert (f"{request} > process {stream} > store" in tree, f"{request} > publish {stream}" in tree) == (True, False)
    assert [(line.trace_id, "request_id" in line.attributes) for line in said] == [(traced.id, False)]


async def starts_without_a_message(serve: Running, own: Settings) -> bool:
    """Whether a job has no message; right after the start, lanes are not known to be empty yet."""
    before = await messages_ever(own)
    await generate(serve)
    return await messages_ever(own) == before


@pytest.mark.slow
async def test_a_job_that_changes_hands_stays_in_its_trace(own: Settings, tmp_path: Path, collector: Collector) -> None:
    async with sandbox_of(own) as control:
        await control.misbehaves({"fault": "latency", "generation": 4})
        async with serving(own, tmp_path, exporting_to(collector, "killed")) as first:
            await generate(first, {"traceparent": GIVEN, "Prefer": "respond-async"})
            async with asyncio.timeout(20):
                while not any(span.name == "submit" for span in collector.trace(GIVEN_ID)):
                    await asyncio.sleep(0.05)
            await first.kill()
        environ = environment(own) | exporting_to(collector, "heir")
        async with imagegen("worker", environ=environ, directory=tmp_path) as heir:
            async with asyncio.timeout(40):
                while not any(span.name == "store" for span in collector.trace(GIVEN_ID)):
                    await asyncio.sleep(0.05)
            await heir.ask_to_end()

    stored = one(list(collector.trace(GIVEN_ID)), "store")
    process = one(list(collector.trace(GIVEN_ID)), f"process {own.nats.stream}")
    assert (stored.resource["service.name"], stored.parent_id) == ("heir", process.span_id)


async def test_a_webhook_is_delivered_in_the_same_trace(traced: Traced, receiver: Receiver) -> None:
    await generate(traced.serve, traced.headers, webhookUrl=receiver.url)
    (received,) = await receiver.times(1)
    await traced.arrived("deliver webhook")

    spans = {span.span_id: span for span in traced.collector.trace(traced.id)}
    _, _, caller, _ = received.headers["traceparent"].split("-")
    assert (spans[caller].name, spans[spans[caller].parent_id].name) == ("POST", "deliver webhook")
    assert b"of-the-caller" not in b"".join(traced.collector.raw)


async def test_a_failed_job_fails_its_span_with_its_code(traced: Traced) -> None:
    body = {"detail": f"'{FLUX['inputs']['prompt']}' is not allowed"}
    async with sandbox_of(traced.settings) as control:
        await control.misbehaves({"fault": "submit_status", "status": 422, "body": body})
    await generate(traced.serve, traced.headers)
    name = f"process {traced.settings.nats.stream}"
    await traced.arrived(name)

    process = one(traced.named(name), name)
    assert (process.failed, process.attributes) == (True, IsPartialDict({"error.type": "provider_rejected"}))
    assert b"headshot" not in b"".join(traced.collector.raw)
