"""A webhook's URL holds a secret: it goes to fal, and into no log, error or repr."""

import logging
import traceback

import aiohttp
import httpx
import pytest
from pydantic import SecretStr

from imagegen.errors import ProviderError
from imagegen.fal import FalClient
from imagegen.fal.sanitize import Sanitizer
from imagegen.net.http import Sender
from imagegen.settings import FalSettings
from tests.fal.workbench import ENDPOINT, QUICK, SMALL, http, one_after_another, serving
from tests.support.scripted_http import Scripted

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
WEBHOOK = f"https://imagegen.example.com/webhooks/fal/01JOB?secret={SECRET}&x=a%2Fb ü"


def fal_at(url: str, pool: Sender) -> FalClient:
    return FalClient(FalSettings(key=SecretStr("id:secret"), queue_url=url), pool, QUICK)


async def test_webhook_url_is_a_query_parameter_that_is_not_logged(
    pool: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(one_after_another(http("200 OK", '{"request_id": "r-1"}'))) as server:
        fal = fal_at(server.url, pool)
        with caplog.at_level(logging.DEBUG):
            request = await fal.submit(ENDPOINT, SMALL, webhook_url=WEBHOOK)

    (line,) = server.lines
    sent = httpx.URL(line.split()[1])
    assert (line.split()[0], sent.path, dict(sent.params)) == ("POST", f"/{ENDPOINT}", {"fal_webhook": WEBHOOK})
    assert SECRET not in f"{caplog.text} {request!r} {fal!r}"


def echoes(status: int, text: str) -> Scripted:
    def serve(request: httpx.Request) -> httpx.Response:
        words = text.format(url=request.url, webhook=request.url.params["fal_webhook"], secret=SECRET)
        return httpx.Response(status, json={"detail": words})

    return Scripted(serve)


def breaks(request: httpx.Request) -> httpx.Response:
    raise aiohttp.ClientConnectionError(f"407, message='Proxy', url='{request.url}'")


ECHOES = {
    "a refusal with the address": echoes(422, "cannot reach {webhook}"),
    "a refusal with our own request's address": echoes(422, "bad request {url}"),
    "a refusal with the secret alone": echoes(400, "bad secret {secret}"),
    "a gateway": echoes(408, "{url}"),
    "an acceptance without an id": echoes(200, "{url} {webhook}"),
    "a proxy": Scripted(breaks),
}


@pytest.mark.parametrize("echo", ECHOES)
async def test_webhook_url_is_in_no_error(echo: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderError) as caught:
        await fal_at("https://queue.fal.run", ECHOES[echo]).submit(ENDPOINT, SMALL, webhook_url=WEBHOOK)

    error = caught.value
    shown = [caplog.text, str(error), repr(error), repr(error.answer), *traceback.format_exception(error)]
    assert [text for text in shown if SECRET in text] == []


def test_sanitizer_does_not_show_its_secrets() -> None:
    wording = Sanitizer(SecretStr("id:secret")).with_webhook(WEBHOOK)

    assert SECRET not in repr(wording)
    assert wording.clean(f"see {WEBHOOK}, or 01JOB and {SECRET}!") == "see [WEBHOOK], or 01JOB and [WEBHOOK]!"
