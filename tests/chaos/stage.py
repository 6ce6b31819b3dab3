"""What a run needs around it: servers of its own, the bucket, the sandbox, a receiver of webhooks, and the fleet."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
from bucket import Bucket, open_bucket
from faults import Fal
from fleet import Fleet, fleet
from processes import environment
from receiver import Receiver, receiving
from tally import Tally

from imagegen.local import local_stack
from imagegen.settings import ServiceSettings, Settings

# A connection that the sandbox closes in the moment of a request would end the run.
_FRESH: Final = httpx.Limits(max_keepalive_connections=0)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs, and the settings that point at it."""

    settings: Settings
    fal: Fal
    bucket: Bucket
    receiver: Receiver
    fleet: Fleet
    tally: Tally


@asynccontextmanager
async def open_stage(
    directory: Path, lease: timedelta, more: Mapping[str, str], *, serves: int, workers: int
) -> AsyncGenerator[Stage]:
    """Start it all, the processes of imagegen with more variables; logs, data and events stay in the directory."""
    tally = Tally(directory)
    async with (
        local_stack(Settings(service=ServiceSettings(data_dir=directory / "servers"))) as settings,
        httpx.AsyncClient(base_url=settings.fal.queue_url, trust_env=False, timeout=60, limits=_FRESH) as http,
        open_bucket(settings.s3) as bucket,
        receiving() as receiver,
    ):
        await bucket.make()
        assert settings.fal.key is not None
        fal = Fal(http, settings.fal.key.get_secret_value())
        environ = {**environment(settings, lease), **more}
        async with fleet(environ, directory, tally, serves=serves, workers=workers) as members:
            await members.all_up()
            yield Stage(settings, fal, bucket, receiver, members, tally)
