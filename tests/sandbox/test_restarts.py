"""What survives the end of the process, and how fast it ends."""

import asyncio
import time
from pathlib import Path

import httpx

from tests.sandbox.running_sandbox import IN_QUEUE, QUICK, RUNNING, Caller, RunningSandbox, decoded, running

HILL = {"prompt": "a hill", "seed": 1, "image_size": {"width": 64, "height": 64}}
SLOW = ("--loopback-only", "--queue-seconds", "0", "--generation-seconds", "60")


def caller_of(sandbox: RunningSandbox) -> Caller:
    return Caller(httpx.AsyncClient(base_url=sandbox.url, trust_env=False, timeout=20), "the:key")


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_accepted_requests_finish_after_kill_and_restart(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as sandbox:
        before = caller_of(sandbox)
        done = (await before.generate(HILL)).json()["images"][0]["url"]
        image = (await before.http.get(done)).content
        await before.plan(IN_QUEUE | {"times": 1}, RUNNING)
        interrupted = [(await before.submit(HILL)).json() for _ in range(2)]
        async with before.http.stream("GET", f"{interrupted[1]['status_url']}/stream", headers=before.auth) as stream:
            async for line in stream.aiter_lines():
                if "IN_PROGRESS" in line:
                    break
        states = [row["state"] for row in (await before.ledger())["requests"]]
        sandbox.process.kill()
        await before.http.aclose()

    async with running(tmp_path, *QUICK) as sandbox:
        after = caller_of(sandbox)
        urls = [sandbox.url + httpx.URL(submitted["response_url"]).path for submitted in interrupted]
        results = [await after.result({"status_url": f"{url}/status", "response_url": url}) for url in urls]
        media = [result.json()["images"][0]["url"] for result in results]
        kept = sandbox.url + httpx.URL(done).path

        assert states == ["COMPLETED", "IN_QUEUE", "IN_PROGRESS"]
        assert [(await after.http.get(url)).content for url in (*media, kept)] == [image] * 3
        assert [row["state"] for row in (await after.ledger())["requests"]] == ["COMPLETED"] * 3
        await after.http.aclose()
    assert decoded(image).size == (64, 64)


async def test_sigterm_ends_it_at_once_despite_open_requests(tmp_path: Path) -> None:
    async with running(tmp_path, *SLOW) as sandbox:
        fal = caller_of(sandbox)
        submitted = (await fal.submit(HILL)).json()
        async with fal.http.stream("GET", f"{submitted['status_url']}/stream", headers=fal.auth) as stream:
            await anext(stream.aiter_lines())
            sandbox.process.terminate()
            started = time.monotonic()
            await asyncio.to_thread(sandbox.process.wait, 5)
        await fal.http.aclose()

    assert time.monotonic() - started < 2


async def test_key_is_not_stored_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as sandbox:
        fal = caller_of(sandbox)
        await fal.generate(HILL)
        await fal.http.aclose()

    kept = await asyncio.to_thread(everything_in, tmp_path)
    assert (b"a hill" in kept, b"the:key" in kept) == (True, False)
