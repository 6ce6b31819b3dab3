"""What a line of the log says, in each of its forms, and what it never says."""

import io
import json
import logging
import threading
from collections.abc import Callable

import pytest
from pydantic import BaseModel, ValidationError

from imagegen.errors import ProviderAnswer, ProviderRejected
from imagegen.logs import Events, about, redaction, without_secret
from imagegen.logs.events import JsonLines, TerminalLines
from imagegen.logs.writer import LineWriter
from imagegen.submission import WEBHOOKS
from imagegen.tracing import PASS_ON

PROMPT = "a red fox in the snow"
Log = Callable[[], str]
SECRETS = ("hunter2-the-key",)
EVENTS = Events(redaction(SECRETS), verbose=False)


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
    """A line about an exception, as it is written."""
    try:
        raises()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is logged
        made = record("unexpected error", exc_info=(type(error), error, error.__traceback__))
        return JsonLines(Events(redaction(SECRETS), verbose=verbose)).format(made)
    raise AssertionError("nothing was raised")


async def test_a_line_says_when_how_bad_who_what_and_about_which_request_and_job() -> None:
    about(request_id="r-1", job_id="j-1")
    with PASS_ON.trace("job", "consumer", parent=f"00-{'a' * 32}-{'b' * 16}-01"):
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


def test_on_a_terminal_a_line_is_one_line_whatever_it_is_about() -> None:
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
def test_keys_and_signatures_are_cut_out_wherever_they_come_from(said: str, shown: str) -> None:
    event = line(said, where=said)

    assert (event["event"], event["where"]) == (shown, shown)


@pytest.mark.parametrize("tail", ["", "?x=1", "/more"])
def test_a_path_is_shown_without_its_secret(tail: str) -> None:
    assert without_secret(f"{WEBHOOKS}/01ARZ/5ecret{tail}") == f"{WEBHOOKS}/01ARZ/…{tail}"


def test_an_error_of_fals_is_logged_without_fals_words() -> None:
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
def test_an_exception_is_logged_with_its_place_and_type_and_without_its_words(raises: Callable[[], object]) -> None:
    shown = failure(raises)

    assert (PROMPT in shown, raises.__name__ in shown, "Error" in shown) == (False, True, True)


def test_at_debug_an_exceptions_words_are_shown() -> None:
    assert PROMPT in failure(quoting_pydantic, verbose=True)


def test_what_asyncio_says_of_a_lost_exception_is_cut_to_its_first_line() -> None:
    said = line(f"Task exception was never retrieved\nfuture: <Task exception=KeyError('{PROMPT}')>", name="asyncio")

    assert said["event"] == "Task exception was never retrieved"


class Stuck(io.StringIO):
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines.append(text)
        raise BrokenPipeError


class Slow(io.StringIO):
    """A terminal that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        self.goes_on.wait()
        return super().write(text)


def test_whoever_logs_does_not_wait_for_a_slow_reader_and_dropped_lines_are_counted() -> None:
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


def test_lines_are_written_in_order_until_the_end() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream)
    for number in range(1000):
        writer.handle(record("line %d", number))
    writer.close()

    assert stream.getvalue().splitlines() == [f"line {number}" for number in range(1000)]


def test_a_line_that_cannot_be_made_or_written_stops_nobody() -> None:
    stream = Stuck()
    writer = LineWriter(stream)
    writer.handle(record("%d", PROMPT))
    writer.close()

    assert (PROMPT in "".join(stream.lines), "could not be made" in "".join(stream.lines)) == (False, True)
