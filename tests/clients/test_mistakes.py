"""What a newcomer gets wrong: the Python client says what to do instead, and at once."""

import logging
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagegen_client import ConnectionFailed, Imagegen, ImagegenError
from imagegen_client._storing import write
from tests.clients.conftest import JOB, QUEUED, Scripted, event, events, ok

LOST = httpx.ConnectError("[Errno 111] Connection refused")


@pytest.mark.parametrize("url", ["localhost:5000", "http://", "http://[::1", "http://localhost:x", "ftp://localhost"])
def test_a_wrong_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ValueError, match="The service's URL is wrong"):
        Imagegen(url)


def no_tls() -> httpx.ConnectError:
    error = httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.__cause__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    return error


@pytest.mark.parametrize("error", [no_tls(), httpx.LocalProtocolError("Illegal header value")])
def test_what_cannot_succeed_is_not_repeated(scripted: Scripted, error: Exception) -> None:
    scripted.answers(error)

    with pytest.raises(ConnectionFailed) as caught:
        scripted.client().run("flux-pro", prompt="A fox")

    assert (len(scripted.requests), caught.value.retryable) == (1, False)


def test_a_service_that_is_not_there_is_told_while_it_is_tried_again(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.answers(LOST, LOST, ok(JOB))

    scripted.client().job("1")

    (record,) = [each for each in caplog.records if each.name == "imagegen_client"]
    assert (record.levelno, record.getMessage()) == (
        logging.WARNING,
        "http://service does not answer: ConnectError: [Errno 111] Connection refused. Trying again for 60 s.",
    )


@pytest.mark.parametrize("image", [Path("photo.png"), b"bytes", [Path("photo.png")]])
def test_a_file_in_place_of_a_url_is_told_to_upload(image: Any) -> None:
    with pytest.raises(TypeError, match=r"image_urls takes the URL of an image: client\.upload\(file\)\.url has one"):
        Imagegen("http://service", user="ann").run("nano-banana-edit", prompt="A fox", image_urls=image)


def test_an_item_of_a_batch_without_a_model_is_named() -> None:
    items: Any = [{"model": "flux-pro", "prompt": "A"}, {"prompt": "B"}]

    with pytest.raises(TypeError, match=r"requests\[1\] has no model"):
        Imagegen("http://service", user="ann").batch(items)


def test_an_empty_id_is_not_the_list_of_all(scripted: Scripted) -> None:
    client = scripted.client()

    for call in (client.job, client.cancel, client.wait, client.get_batch):
        with pytest.raises(ValueError, match="The id is empty"):
            call("")


def test_an_id_stays_within_its_path(scripted: Scripted) -> None:
    scripted.answers(ok(JOB))

    scripted.client().job("../usage?x")

    assert scripted.requests[0].url.raw_path == b"/api/jobs/..%2Fusage%3Fx"


def test_days_may_be_text(scripted: Scripted) -> None:
    scripted.answers(httpx.Response(500))

    with pytest.raises(ImagegenError):
        scripted.client().usage(since="2026-11-01")

    assert scripted.requests[0].url.params["from"] == "2026-11-01"


def test_an_interrupted_call_names_its_job(scripted: Scripted) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    scripted.answers(ok(QUEUED), events(event("running")))

    with pytest.raises(KeyboardInterrupt) as caught:
        scripted.client().subscribe("flux-pro", prompt="A fox", on_event=interrupted)

    assert caught.value.__notes__ == [f"Job {JOB['jobId']} goes on; wait({JOB['jobId']!r}) waits for it."]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:

    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "gone/fox.jpg", b"fox")

    assert caught.value.filename == str(tmp_path / "gone/fox.jpg")


def test_tracebacks_name_what_programs_import() -> None:
    assert {f"{kind.__module__}.{kind.__name__}" for kind in (ConnectionFailed, Imagegen)} == {
        "imagegen_client.ConnectionFailed",
        "imagegen_client.Imagegen",
    }
