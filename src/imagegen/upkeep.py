"""What an operator does to stored data from the command line."""

from collections.abc import Sequence

from imagegen.local import join_local_stack
from imagegen.settings import Settings
from imagegen.storage.jobs import open_jobs
from imagegen.storage.usage import Difference


async def rebuild_usage(settings: Settings, *, apply: bool) -> Sequence[Difference]:
    """Sum up every job that ended and compare with the usage that was kept; with `apply`, mend what differs.

    Safe while the service runs. A MongoDB that no variable names is that of the running `serve`.

    Returns:
        Every difference that was found, mended or not.
    """
    mongodb = settings.mongodb if settings.mongodb.url else join_local_stack(settings).mongodb
    async with open_jobs(mongodb) as jobs:
        differences = await jobs.usage.differences()
        for difference in differences if apply else ():
            await jobs.usage.mend(difference.key)
    return differences
