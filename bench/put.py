"""What the store takes at the most: aioboto3 uploads pictures from memory. Prints the seconds it took."""

import argparse
import asyncio
import sys
import time

import uvloop

from bench.connections import s3_client
from bench.picture import png
from imagegen.settings import Settings


async def put(size: int, pictures: int, at_once: int) -> float:
    """Upload a picture of so many bytes so many times, and say how many seconds that took."""
    settings = Settings.read(dotenv=None).s3
    assert settings.bucket is not None
    bucket, slots, picture = settings.bucket, asyncio.Semaphore(at_once), png(size)
    async with s3_client(settings, at_once) as client:

        async def one(number: int) -> None:
            async with slots:
                await client.put_object(Bucket=bucket, Key=f"put/{number}.png", Body=picture)

        await one(0)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(pictures):
                tasks.create_task(one(number))
        return time.perf_counter() - began


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--pictures", type=int, required=True)
    parser.add_argument("--at-once", type=int, required=True)
    wanted = parser.parse_args()
    sys.stdout.write(f"{uvloop.run(put(wanted.bytes, wanted.pictures, wanted.at_once))}\n")


if __name__ == "__main__":
    main()
