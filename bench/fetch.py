"""What moving bytes costs at the least: httpx reads pictures and lets go of them. Prints the seconds it took."""

import argparse
import asyncio
import sys
import time
from typing import Final

import httpx
import uvloop

_TIMEOUT: Final = 120


async def fetch(url: str, pictures: int, at_once: int) -> float:
    """Read the picture so many times, and say how many seconds that took."""
    slots = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT) as client:

        async def one() -> None:
            async with slots, client.stream("GET", url) as answer:
                async for _ in answer.aiter_raw():
                    pass

        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(pictures):
                tasks.create_task(one())
        return time.perf_counter() - began


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--pictures", type=int, required=True)
    parser.add_argument("--at-once", type=int, required=True)
    wanted = parser.parse_args()
    sys.stdout.write(f"{uvloop.run(fetch(wanted.url, wanted.pictures, wanted.at_once))}\n")


if __name__ == "__main__":
    main()
