"""What survives the end of the process, and how quickly it ends."""

import asyncio
import time
from pathlib import Path

import httpx
from stand import IN_QUEUE, QUICK, RUNNING, Caller, Stand, decoded, running

HILL = {"prompt": "a hill", "seed": 1, "image_size": {"width": 64, "height": 64}}
SLOW = ("--loopback-only", "--queue-seconds", "0", "--generation-seconds", "60")


def caller_of(stand: Stand) -> Caller:
    return Caller(httpx.AsyncClient(base_url=stand.url, trust_env=False, timeout=20), "the:key")


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_what_was_accepted_is_finished_after_a_kill_and_a_restart_on_another_port(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as stand:
        before = caller_of(stand)
        done = (await before.generate(HILL)).json()["images"][0]["url"]
        picture = (await before.http.get(done)).content
        await before.plan(IN_QUEUE | {"times": 1}, RUNNING)
        interrupted = [(await before.submit(HILL)).json() for _ in range(2)]
        async with before.http.stream("GET", f"{interrupted[1]['status_url']}/stream", headers=before.auth) as stream:
            async for line in stream.aiter_lines():
                if "IN_PROGRESS" in line:
                    break
        states = [row["state"] for row in (await before.ledger())["requests"]]
        stand.process.kill()
        await before.http.aclose()

    async with running(tmp_path, *QUICK) as stand:
        after = caller_of(stand)
        urls = [stand.url + httpx.URL(submitted["response_url"]).path for submitted in interrupted]
        results = [await after.result({"status_url": f"{url}/status", "response_url": url}) for url in urls]
        media = [result.json()["images"][0]["url"] for result in results]
        kept = stand.url + httpx.URL(done).path

        assert states == ["COMPLETED", "IN_QUEUE", "IN_PROGRESS"]
        assert [(await after.http.get(url)).content for url in (*media, kept)] == [picture] * 3
        assert [row["state"] for row in (await after.ledger())["requests"]] == ["COMPLETED"] * 3
        await after.http.aclose()
    assert decoded(picture).size == (64, 64)


async def test_a_sigterm_ends_it_at_once_with_requests_running_and_a_stream_open(tmp_path: Path) -> None:
    async with running(tmp_path, *SLOW) as stand:
        fal = caller_of(stand)
        submitted = (await fal.submit(HILL)).json()
        async with fal.http.stream("GET", f"{submitted['status_url']}/stream", headers=fal.auth) as stream:
            await anext(stream.aiter_lines())
            stand.process.terminate()
            started = time.monotonic()
            await asyncio.to_thread(stand.process.wait, 5)
        await fal.http.aclose()

    assert time.monotonic() - started < 2


async def test_the_key_is_not_kept_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as stand:
        fal = caller_of(stand)
        await fal.generate(HILL)
        await fal.http.aclose()

    kept = await asyncio.to_thread(everything_in, tmp_path)
    assert (b"a hill" in kept, b"the:key" in kept) == (True, False)
