"""Scripts that are led here by nothing but the environment: over https, with a certificate of one's own."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from dirty_equals import IsPartialDict, IsStr

from tests.support.https_proxy import https_proxy
from tests.support.pages import ROOT, Page
from tests.support.service import Service

SCRIPTS = {
    "module": """
import fal_client, json
seen = []
result = fal_client.subscribe(
    "fal-ai/flux-pro/v1.1", arguments={"prompt": "A fox"}, with_logs=True,
    on_queue_update=lambda status: seen.append(type(status).__name__),
)
handle = fal_client.submit("fal-ai/flux/dev", arguments={"prompt": "A fox"})
second = fal_client.result("fal-ai/flux/dev", handle.request_id) if handle.get() else None
ran = fal_client.run("fal-ai/flux/dev", arguments={"prompt": "A fox"})
streamed = list(fal_client.stream("fal-ai/flux/dev", arguments={"prompt": "A fox"}))
print(json.dumps([result, second, ran, streamed[-1], seen]))
""",
    "SyncClient": """
import fal_client, json, os
fal = fal_client.SyncClient(key=os.environ["FAL_KEY"])
result = fal.subscribe("fal-ai/flux-pro/v1.1", arguments={"prompt": "A fox"})
handle = fal.submit("fal-ai/flux/dev", arguments={"prompt": "A fox"})
second = fal.result("fal-ai/flux/dev", handle.request_id) if handle.get() else None
ran = fal.run("fal-ai/flux/dev", arguments={"prompt": "A fox"})
streamed = list(fal.stream("fal-ai/flux/dev", arguments={"prompt": "A fox"}))
print(json.dumps([result, second, ran, streamed[-1], ["Completed"]]))
""",
    "AsyncClient": """
import asyncio, fal_client, json, os
async def main():
    fal = fal_client.AsyncClient(key=os.environ["FAL_KEY"])
    result = await fal.subscribe("fal-ai/flux-pro/v1.1", arguments={"prompt": "A fox"})
    handle = await fal.submit("fal-ai/flux/dev", arguments={"prompt": "A fox"})
    second = await fal.result("fal-ai/flux/dev", handle.request_id) if await handle.get() else None
    ran = await fal.run("fal-ai/flux/dev", arguments={"prompt": "A fox"})
    streamed = [event async for event in fal.stream("fal-ai/flux/dev", arguments={"prompt": "A fox"})]
    print(json.dumps([result, second, ran, streamed[-1], ["Completed"]]))
asyncio.run(main())
""",
}
IMAGE = IsPartialDict(images=[IsPartialDict(url=IsStr(), content_type="image/jpeg")])


def environment(host: str, token: str) -> dict[str, str]:
    """What the page tells to export."""
    block = next(block for block in Page(ROOT / "docs/guides/fal-clients.md").blocks if block.language == "sh")
    lines = [line.removeprefix("export ").partition("=") for line in block.text.splitlines()]
    return {name: value.replace("imagegen.example.com", host).replace("ig_…", token) for name, _, value in lines}


@pytest.mark.parametrize("kind", SCRIPTS)
async def test_script_is_led_here_by_two_variables(kind: str, service: Service, token: str, tmp_path: Path) -> None:
    async with https_proxy(str(service.client.base_url).rstrip("/"), tmp_path) as proxy:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SCRIPTS[kind],
            env={
                **os.environ,
                **environment(proxy.host, token),
                "NO_PROXY": "127.0.0.1",
                "SSL_CERT_FILE": str(proxy.certificate),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await child.communicate()

    assert child.returncode == 0
    *results, seen = json.loads(printed)
    assert results == [IMAGE] * 4
    assert seen[-1] == "Completed"


def test_page_sets_both_hosts_and_the_key() -> None:
    found: dict[str, Any] = environment("here:1", "ig_x")

    assert found == {"FAL_RUN_HOST": "here:1/fal/run", "FAL_QUEUE_RUN_HOST": "here:1/fal/queue", "FAL_KEY": "ig_x"}
