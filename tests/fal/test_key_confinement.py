"""The key goes to fal's configured host only: to no other host, and into no error, log or repr."""

import inspect
import logging

import fal_client.client  # noqa: TID251 - the hooks that the service relies on are checked here
import httpx
import pytest
from pydantic import SecretStr

from imagegen.errors import ProviderError, ResultUnavailable, SettingsError
from imagegen.fal import FalClient, Progress
from imagegen.fal.sanitize import Sanitizer
from imagegen.fal.urls import QueueAddress
from imagegen.jobs import ProviderRequest
from imagegen.settings import FalSettings
from tests.support.scripted_http import Scripted

KEY = "key-id:0123456789abcdef"


def fal_with(pool: Scripted, queue_url: str = "https://queue.fal.run") -> FalClient:
    return FalClient(FalSettings(key=SecretStr(KEY), queue_url=queue_url), pool)


def request_at(base: str) -> ProviderRequest:
    return ProviderRequest(request_id="r-1", status_url=base, response_url=base, cancel_url=base)


FOREIGN = [
    "https://evil.example/fal-ai/flux/requests/r-1",
    "http://queue.fal.run/fal-ai/flux/requests/r-1",
    "https://queue.fal.run:8443/fal-ai/flux/requests/r-1",
    "https://queue.fal.run.evil.example/x",
    "https://queue.fal.run@evil.example/x",
    "https://queue.fal.run\\@evil.example/x",
    "https://someone@queue.fal.run/x",
    "https://fal.run/x",
    "/fal-ai/flux/requests/r-1",
]


@pytest.mark.parametrize("address", FOREIGN)
async def test_stored_address_on_another_host_is_never_called(address: str) -> None:
    asked: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200)

    fal, request = fal_with(Scripted(serve)), request_at(address)

    async def on_progress(_: Progress) -> None: ...

    for read in (fal.wait(request, on_progress), fal.result(request), fal.cancel(request)):
        with pytest.raises(ResultUnavailable):
            await read
    assert asked == []


@pytest.mark.parametrize("address", FOREIGN)
async def test_accepted_request_is_stored_under_the_configured_host(address: str) -> None:
    def serve(_: httpx.Request) -> httpx.Response:
        urls = dict.fromkeys(("status_url", "response_url", "cancel_url"), address)
        return httpx.Response(200, json={"request_id": "r-1", **urls})

    request = await fal_with(Scripted(serve)).submit("fal-ai/flux/dev", {})

    assert all(
        url.startswith("https://queue.fal.run/fal-ai/flux/requests/r-1")
        for url in (request.status_url, request.response_url, request.cancel_url)
    )


@pytest.mark.parametrize(
    ("queue_url", "given", "kept"),
    [
        (
            "https://queue.fal.run",
            "https://queue.fal.run/xai/grok/quality/requests/r-1/status",
            "https://queue.fal.run/xai/grok/quality/requests/r-1/status",
        ),
        (
            "https://queue.fal.run",
            "https://queue.falrun.com/fal-ai/flux/requests/r-1/status",
            "https://queue.falrun.com/fal-ai/flux/requests/r-1/status",
        ),
        (
            "https://gateway.example/fal",
            "https://queue.fal.run/xai/grok/quality/requests/r-1/status",
            "https://gateway.example/fal/xai/grok/quality/requests/r-1/status",
        ),
        (
            "https://gateway.example/fal",
            "https://gateway.example/fal/fal-ai/flux/requests/r-1/status",
            "https://gateway.example/fal/fal-ai/flux/requests/r-1/status",
        ),
        ("http://127.0.0.1:8001", None, "http://127.0.0.1:8001/xai/grok/requests/r-1/status"),
        ("http://127.0.0.1:8001", "http://[bad", "http://127.0.0.1:8001/xai/grok/requests/r-1/status"),
    ],
)
def test_fals_own_address_is_stored_if_its_host_is_allowed(queue_url: str, given: str | None, kept: str) -> None:
    address = QueueAddress(queue_url)

    assert address.request_url(given, "xai/grok/quality/edit", "r-1", "/status") == kept


def test_namespace_is_part_of_the_app() -> None:
    built = QueueAddress("http://localhost:1").request_url(None, "workflows/me/flow/step", "r-1")

    assert built == "http://localhost:1/workflows/me/flow/requests/r-1"


def test_media_hosts_are_fals_and_the_configured_one() -> None:
    fals = {"fal.media", ".fal.media", "storage.googleapis.com"}

    assert QueueAddress("https://queue.fal.run").media_hosts == fals
    assert QueueAddress("http://127.0.0.1:8001").media_hosts == fals | {"http://127.0.0.1:8001"}
    assert QueueAddress("https://fal.example:8443/x").media_hosts == fals | {"fal.example:8443"}


async def test_key_is_in_no_error_log_or_repr(caplog: pytest.LogCaptureFixture) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            422, json={"detail": [{"msg": f"{request.headers['authorization']} is odd", "type": KEY}]}
        )

    fal = fal_with(Scripted(serve))
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(ProviderError) as refused:
            await fal.submit("fal-ai/flux/dev", {"prompt": "a fox"})
        with pytest.raises(ProviderError) as failed:
            await fal.result(request_at("https://queue.fal.run/fal-ai/flux/requests/r-1"))

    shown = [repr(fal), caplog.text, *(f"{e!s} {e!r} {e.answer!r}" for e in (refused.value, failed.value))]
    assert not any("0123456789abcdef" in text for text in shown)
    assert str(failed.value) == "Key [FAL_KEY] is odd"


def test_text_from_outside_becomes_one_bounded_line() -> None:
    clean = Sanitizer(SecretStr(KEY)).clean

    assert clean("\x1b[31mred\r\n\x00\u202eevil \ud800 " + KEY + " 0123456789abcdef\n") == (
        "[31mred evil \ufffd [FAL_KEY] [FAL_KEY]"
    )
    assert len(clean("x" * 9000)) == 2000


@pytest.mark.parametrize("key", [None, "", "  ", "id:sec\nret", "id:s\u00e9cret", "two words"])
def test_invalid_key_raises_a_settings_error_without_it(key: str | None) -> None:
    settings = FalSettings().model_copy(update={"key": SecretStr(key) if key is not None else None})
    with pytest.raises(SettingsError, match=r"^FAL_KEY: expected a key such as id:secret, .*$"):
        FalClient(settings, Scripted(lambda _: httpx.Response(200)))


def test_fal_client_has_the_hooks_that_its_subclass_needs() -> None:
    submit = inspect.getsource(fal_client.client.AsyncClient.submit)

    assert "_client" in vars(fal_client.client.AsyncClient)
    assert "client = await self._client" in submit
    assert "_async_maybe_retry_request(\n            client," in submit
    assert "timeout=self.default_timeout" in submit
