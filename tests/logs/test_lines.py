"""What a log line has in it, in each of its forms, and what is redacted."""

import io
import json
import logging
import threading
from collections.abc import Callable

import pytest
from pydantic import BaseModel, ValidationError

from imagegen.errors import ProviderAnswer, ProviderRejected
from imagegen.observability.logs import Events, bind_log_context, without_secret
from imagegen.observability.logs.events import JsonLines, TerminalLines
from imagegen.observability.logs.writer import LineWriter
from imagegen.observability.tracing import NO_TRACER, SpanKind, root_span
from imagegen.operations.adopt_request import WEBHOOKS

PROMPT = "a red fox in the snow"
Log = Callable[[], str]
SECRETS = ("hunter2-the-key",)
EVENTS = Events(SECRETS, verbose=False)


def record(message: str, *arguments: object, name: str = "imagegen.runner", **more: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, None)
    made.__dict__.update(more)
    return made


def line(*given: object, **more: object) -> dict[str, object]:
    made = record(*given, **more)  # pyright: ignore[reportArgumentType] - as `record` takes them
    return json.loads(JsonLines(EVENTS).format(made))


def text(*given: object, **more: object) -> str:
    return TerminalLines(EVENTS, colors=False).format(record(*given, **more))  # pyright: ignore[reportArgumentType]


def failure(raises: Callable[[], object], *, verbose: bool = False) -> str:
    """The log line of an exception."""
    try:
        raises()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is logged
        made = record("unexpected error", exc_info=(type(error), error, error.__traceback__))
        return JsonLines(Events(SECRETS, verbose=verbose)).format(made)
    raise AssertionError("nothing was raised")


async def test_a_line_has_time_level_logger_request_and_job() -> None:
    bind_log_context(request_id="r-1", job_id="j-1")
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    with root_span("job", SpanKind.CONSUMER, tracer=NO_TRACER, parent=traceparent):
        said = line("job %s %s", "j-1", "completed", took=1.5)

    assert said == {
        "timestamp": said["timestamp"],
        "level": "warning",
        "logger": "imagegen.runner",
        "event": "job j-1 completed",
        "took": 1.5,
        "request_id": "r-1",
        "job_id": "j-1",
        "trace_id": "a" * 32,
    }


def test_a_librarys_line_has_the_same_form() -> None:
    said = line("nats: %s", "reconnected", name="nats.aio.client")

    assert (said["logger"], said["event"], said["level"]) == ("nats.aio.client", "nats: reconnected", "warning")


def test_on_a_terminal_no_field_is_empty_or_says_what_the_message_says() -> None:
    shown = text(
        "GET %s 200", "/api/jobs", http_method="GET", http_route="/api/jobs", http_status=200, job_id=None, seconds=1
    )

    assert shown.partition("] ")[2] == "GET /api/jobs 200 [imagegen.runner] seconds=1"


def test_on_a_terminal_a_record_is_always_one_line() -> None:
    shown = text("for %s", "\nERROR forged\x1b[2J", user="a\nb")

    assert (shown.count("\n"), "\x1b" in shown, r"\nERROR forged\x1b[2J" in shown, r"a\nb" in shown) == (
        0,
        False,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the key is hunter2-the-key.", "the key is …."),
        ("GET https://s3.example.com/b/k.png?X-Amz-Signature=abc&x=1 200", "GET https://s3.example.com/b/k.png… 200"),
        ("mongodb://user:pass@db:27017/?w=majority", "mongodb://db:27017/…"),
        ("nats://token@queue:4222", "nats://queue:4222"),
        ("Authorization: Key id:secret", "Authorization: Key …"),
        ("Authorization: Bearer ig_abcdefghij_0123456789", "Authorization: Bearer …"),
        ("the token ig_abcdefghij_0123456789 is wrong", "the token … is wrong"),
        ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "signed with …"),
        (f"POST {WEBHOOKS}/01ARZ3NDEKTSV4RRFFQ69G5FAV/5ecret 204", f"POST {WEBHOOKS}/01ARZ3NDEKTSV4RRFFQ69G5FAV/… 204"),
        ("http://localhost:5000/api-docs is up", "http://localhost:5000/api-docs is up"),
    ],
)
def test_keys_and_signatures_are_redacted_everywhere(said: str, shown: str) -> None:
    event = line(said, where=said)

    assert (event["event"], event["where"]) == (shown, shown)


@pytest.mark.parametrize("tail", ["", "?x=1", "/more"])
def test_a_path_is_shown_without_its_secret(tail: str) -> None:
    assert without_secret(f"{WEBHOOKS}/01ARZ/5ecret{tail}") == f"{WEBHOOKS}/01ARZ/…{tail}"


def test_an_error_of_fals_is_logged_without_its_message() -> None:
    error = ProviderRejected(ProviderAnswer(message=PROMPT, status=422, error_type="content_policy_violation"))

    assert line("refused: %s", error)["event"] == "refused: ProviderRejected, HTTP 422, content_policy_violation"


class Picture(BaseModel):
    width: int


def quoting_pydantic() -> None:
    try:
        Picture.model_validate({"width": PROMPT})
    except ValidationError as error:
        raise KeyError(PROMPT) from error


def quoting_group() -> None:
    raise ExceptionGroup(PROMPT, [ValueError(PROMPT)])


@pytest.mark.parametrize("raises", [quoting_pydantic, quoting_group])
def test_an_exception_is_logged_without_its_message(raises: Callable[[], object]) -> None:
    shown = failure(raises)

    assert (PROMPT in shown, raises.__name__ in shown, "Error" in shown) == (False, True, True)


def test_at_debug_an_exceptions_message_is_shown() -> None:
    assert PROMPT in failure(quoting_pydantic, verbose=True)


def test_asyncios_report_of_a_lost_exception_is_cut_short() -> None:
    said = line(f"Task exception was never retrieved\nfuture: <Task exception=KeyError('{PROMPT}')>", name="asyncio")

    assert said["event"] == "Task exception was never retrieved"


class Stuck(io.StringIO):
    """A pipe without a reader."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines.append(text)
        raise BrokenPipeError


class Counted(io.StringIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


class Slow(io.StringIO):
    """A terminal that accepts nothing until `goes_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        self.goes_on.wait()
        return super().write(text)


def test_a_slow_reader_blocks_nothing_and_drops_are_counted() -> None:
    stream = Slow()
    writer = LineWriter(stream)
    for number in range(12_500):
        writer.handle(record("line %d", number))
    stream.goes_on.set()
    writer.close()

    lines = stream.getvalue().splitlines()
    (said,) = [line for line in lines if "were dropped" in line]
    dropped = int(said.partition(" ")[0])
    assert (len(lines) - 1 + dropped, dropped >= 1000) == (12_500, True)


def test_lines_are_written_in_order_until_close() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream)
    for number in range(1000):
        writer.handle(record("line %d", number))
    writer.close()

    assert stream.getvalue().splitlines() == [f"line {number}" for number in range(1000)]


def test_lines_that_follow_closely_share_a_write() -> None:
    stream = Counted()
    writer = LineWriter(stream)
    for number in range(50):
        writer.handle(record("line %d", number))
        threading.Event().wait(0.001)  # long enough for the thread to take this line alone
    writer.close()

    assert (len(stream.getvalue().splitlines()), stream.writes < 40) == (50, True)


def test_a_line_that_cannot_be_written_breaks_nothing() -> None:
    stream = Stuck()
    writer = LineWriter(stream)
    writer.handle(record("%d", PROMPT))
    writer.close()

    assert (PROMPT in "".join(stream.lines), "could not be formatted" in "".join(stream.lines)) == (False, True)
