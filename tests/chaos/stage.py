"""The surroundings of a run: servers of its own, the bucket, the sandbox, a webhook receiver, and the fleet."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from imagegen.local import local_stack
from imagegen.settings import ServiceSettings, Settings
from tests.chaos.faults import Fal
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.tally import Tally
from tests.support.bucket import Bucket, open_bucket
from tests.support.processes import environment
from tests.support.receiver import Receiver, receiving

# A connection that the sandbox closes at the moment of a request would end the run.
_FRESH: Final = httpx.Limits(max_keepalive_connections=0)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that is running, and the settings with its addresses."""

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
    """Start everything, imagegen with more variables. Logs, data and events stay in the directory."""
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
