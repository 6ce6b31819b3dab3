"""The token of a link is in no log line, trace or metric, whatever is done with it."""

import asyncio
import re
from pathlib import Path
from typing import Final

import httpx
import pytest

from imagegen.observability.logs import redaction
from imagegen.settings import Settings
from tests.support.collector import collecting
from tests.support.processes import free_port, serving
from tests.support.service import FLUX

TOKEN: Final = "AQGiIU3qcY4v8e5wl_oBTR8AA2szTGCYfSkhvTKOlk6D3WBQBeAc"


async def use(client: httpx.AsyncClient, link: str, permalink: str) -> list[int]:
    """Do with a link what callers do, and what they should not."""
    token = link.removeprefix("/i/")
    answers = [
        await client.get(link),
        await client.head(link),
        await client.options(link),
        await client.post(link),
        await client.get(f"{link}/"),
        await client.get(f"{link}/{token}"),
        await client.get(f"/{token}"),
        await client.get(link, headers={"Range": "bytes=999999999-"}),
        await client.get(link, headers={"Referer": f"https://a.example{link}", "X-Request-Id": "r-1"}),
        await client.get(link, headers={"Host": "evil.example"}),
        await client.get(link, params={"token": token}),
        await client.get("/i/" + token[:-1] + ("A" if token[-1] != "A" else "B")),
    ]
    await client.delete(permalink.replace("/api/images/", "/api/jobs/").rpartition("/")[0])
    return [answer.status_code for answer in (*answers, await client.get(link))]


@pytest.mark.slow
@pytest.mark.usefixtures("service")  # which makes the bucket
@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_no_use_of_a_link_shows_its_token(own: Settings, tmp_path: Path, log_format: str) -> None:
    port = free_port()
    async with collecting() as collector:
        more = {
            "IMAGEGEN_LOG_LEVEL": "debug",
            "IMAGEGEN_LOG_FORMAT": log_format,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        async with serving(own, tmp_path, more, port=port) as serve:
            image = (await serve.client.post("/api/images/generate", json=FLUX)).json()["images"][0]
            statuses = await use(serve.client, image["link"], image["permalink"])
            metrics = (await serve.client.get("/metrics")).text
            await serve.ask_to_end()

    token = image["link"].removeprefix("/i/")
    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)
    exported = b"".join(collector.raw)
    assert statuses == [200, 200, 204, 405, 200, 404, 404, 416, 200, 421, 200, 404, 410]
    assert log.count("/i/{token}") >= 8
    assert b"/i/{token}" in exported
    assert 'route="/i/{token}"' in metrics
    for text in (log, metrics, exported.decode("latin-1")):
        assert [part for part in (token, token[:20], token[20:]) if part in text] == []


@pytest.mark.parametrize(
    "text",
    [
        f"GET /i/{TOKEN} failed",
        f"see https://images.example.com/i/{TOKEN}?x=1",
        f'{{"path": "/i/{TOKEN}"}}',
        f"'/i/{TOKEN}/'",
    ],
)
def test_log_cuts_the_token_out_of_every_text(text: str) -> None:
    redacted = redaction([])(text)

    assert re.search(r"/i/…", redacted)
    assert TOKEN not in redacted
