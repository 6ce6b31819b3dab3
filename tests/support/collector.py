"""An OpenTelemetry collector on a loopback port, which receives OTLP over HTTP and keeps everything."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class SentSpan:
    """A span as it arrived."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    attributes: Mapping[str, object]
    resource: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SentLine:
    """A log record as it arrived."""

    body: str
    severity: str
    trace_id: str
    attributes: Mapping[str, object]


@dataclass(slots=True)
class Collector:
    """Everything that has arrived, oldest first; `raw` has the whole bodies."""

    url: str
    spans: list[SentSpan] = field(default_factory=list[SentSpan])
    lines: list[SentLine] = field(default_factory=list[SentLine])
    raw: list[bytes] = field(default_factory=list[bytes])
    headers: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])

    async def take_traces(self, request: Request) -> Response:
        export = ExportTraceServiceRequest.FromString(await self._body(request))
        for sent in export.resource_spans:
            resource = _plain(sent.resource.attributes)
            self.spans += [
                SentSpan(
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    failed=span.status.code == 2,
                    attributes=_plain(span.attributes),
                    resource=resource,
                )
                for scope in sent.scope_spans
                for span in scope.spans
            ]
        return Response()

    async def take_logs(self, request: Request) -> Response:
        export = ExportLogsServiceRequest.FromString(await self._body(request))
        self.lines += [
            SentLine(
                body=record.body.string_value,
                severity=record.severity_text,
                trace_id=record.trace_id.hex(),
                attributes=_plain(record.attributes),
            )
            for sent in export.resource_logs
            for scope in sent.scope_logs
            for record in scope.log_records
        ]
        return Response()

    async def _body(self, request: Request) -> bytes:
        body = await request.body()
        self.raw.append(body)
        self.headers.append(dict(request.headers))
        return body

    def trace(self, trace_id: str) -> Sequence[SentSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def tree(self, trace_id: str) -> Sequence[str]:
        """The names of a trace's spans, each with those above it, without repeats, in order."""
        spans = {span.span_id: span for span in self.trace(trace_id)}

        def path(span: SentSpan) -> str:
            above = spans.get(span.parent_id)
            return f"{path(above)} > {span.name}" if above else span.name

        return sorted({path(span) for span in spans.values()})


class Memory:
    """A tracer that records in this process, for tests without a collector. Create it outside of an event loop."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("imagegen")

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The ended spans, in the order of their ends."""
        return self._exporter.get_finished_spans()


def _plain(attributes: Sequence[KeyValue]) -> dict[str, object]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")


@asynccontextmanager
async def collecting() -> AsyncGenerator[Collector]:
    """Run a collector while the block runs."""
    collector = Collector("")
    routes = [
        Route("/v1/traces", collector.take_traces, methods=["POST"]),
        Route("/v1/logs", collector.take_logs, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    collector.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield collector
    server.should_exit = True
    await serving
