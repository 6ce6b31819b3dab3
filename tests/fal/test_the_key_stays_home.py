"""The key goes to our fal's host and nowhere else: not to other hosts, not into errors, logs or reprs."""

import inspect
import logging

import fal_client.client  # noqa: TID251 - the hooks that the service relies on are checked here
import httpx
import pytest
from pydantic import SecretStr

from imagegen.errors import ProviderError, ResultUnavailable, SettingsError
from imagegen.fal import Fal, Progress
from imagegen.fal.addresses import QueueAddress
from imagegen.fal.wording import Wording
from imagegen.jobs import ProviderRequest
from imagegen.settings import FalSettings

KEY = "key-id:0123456789abcdef"


def fal_with(transport: httpx.MockTransport, queue_url: str = "https://queue.fal.run") -> Fal:
    return Fal(FalSettings(key=SecretStr(KEY), queue_url=queue_url), transport)


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
async def test_a_stored_address_on_another_host_is_never_asked(address: str) -> None:
    asked: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200)

    fal, request = fal_with(httpx.MockTransport(serve)), request_at(address)

    async def on_progress(_: Progress) -> None: ...

    for read in (fal.wait(request, on_progress), fal.result(request), fal.cancel(request)):
        with pytest.raises(ResultUnavailable):
            await read
    assert asked == []


@pytest.mark.parametrize("address", FOREIGN)
async def test_an_accepted_request_is_kept_under_our_own_host_whatever_address_fal_gave(address: str) -> None:
    def serve(_: httpx.Request) -> httpx.Response:
        urls = dict.fromkeys(("status_url", "response_url", "cancel_url"), address)
        return httpx.Response(200, json={"request_id": "r-1", **urls})

    request = await fal_with(httpx.MockTransport(serve)).submit("fal-ai/flux/dev", {})

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
def test_the_address_to_store_is_fals_own_where_the_host_allows(queue_url: str, given: str | None, kept: str) -> None:
    address = QueueAddress(queue_url)

    assert address.of_request(given, "xai/grok/quality/edit", "r-1", "/status") == kept


def test_a_namespace_is_part_of_the_app() -> None:
    built = QueueAddress("http://localhost:1").of_request(None, "workflows/me/flow/step", "r-1")

    assert built == "http://localhost:1/workflows/me/flow/requests/r-1"


def test_pictures_are_fetched_from_fal_and_from_a_configured_fals_own_host() -> None:
    fals = {"fal.media", ".fal.media", "storage.googleapis.com"}

    assert QueueAddress("https://queue.fal.run").media_hosts == fals
    assert QueueAddress("http://127.0.0.1:8001").media_hosts == fals | {"http://127.0.0.1:8001"}
    assert QueueAddress("https://fal.example:8443/x").media_hosts == fals | {"fal.example:8443"}


async def test_the_key_is_in_no_error_log_or_repr(caplog: pytest.LogCaptureFixture) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            422, json={"detail": [{"msg": f"{request.headers['authorization']} is odd", "type": KEY}]}
        )

    fal = fal_with(httpx.MockTransport(serve))
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(ProviderError) as refused:
            await fal.submit("fal-ai/flux/dev", {"prompt": "a fox"})
        with pytest.raises(ProviderError) as failed:
            await fal.result(request_at("https://queue.fal.run/fal-ai/flux/requests/r-1"))

    shown = [repr(fal), caplog.text, *(f"{e!s} {e!r} {e.answer!r}" for e in (refused.value, failed.value))]
    assert not any("0123456789abcdef" in text for text in shown)
    assert str(failed.value) == "Key [FAL_KEY] is odd"


def test_words_from_outside_become_one_line_of_bounded_length() -> None:
    clean = Wording(SecretStr(KEY)).clean

    assert clean("\x1b[31mred\r\n\x00\u202eevil \ud800 " + KEY + " 0123456789abcdef\n") == (
        "[31mred evil \ufffd [FAL_KEY] [FAL_KEY]"
    )
    assert len(clean("x" * 9000)) == 2000


@pytest.mark.parametrize("key", [None, "", "  ", "id:sec\nret", "id:s\u00e9cret", "two words"])
def test_a_key_that_fits_no_header_is_a_settings_error_that_does_not_show_it(key: str | None) -> None:
    settings = FalSettings().model_copy(update={"key": SecretStr(key) if key is not None else None})
    with pytest.raises(SettingsError, match=r"^FAL_KEY: expected a key such as id:secret, .*$"):
        Fal(settings, httpx.MockTransport(lambda _: httpx.Response(200)))


def test_fal_client_still_has_the_hooks_that_its_subclass_here_relies_on() -> None:
    submit = inspect.getsource(fal_client.client.AsyncClient.submit)

    assert "_client" in vars(fal_client.client.AsyncClient)
    assert "client = await self._client" in submit
    assert "_async_maybe_retry_request(\n            client," in submit
    assert "timeout=self.default_timeout" in submit
