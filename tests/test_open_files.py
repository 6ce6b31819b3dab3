"""The soft limit on open files is raised to the hard limit, and a limit that is still too low is logged."""

import asyncio
import sys

_CODE = """
import logging, resource, sys
from imagegen.net.file_limits import raise_file_limit
logging.basicConfig(format="%(message)s", stream=sys.stdout)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048))
print(raise_file_limit({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE))
"""


async def _printed(wanted: int) -> list[str]:
    code = _CODE.format(wanted=wanted)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    return output.decode().splitlines()


async def test_soft_limit_is_raised_to_hard_limit() -> None:
    assert await _printed(2048) == ["2048 (2048, 2048)"]


async def test_hard_limit_that_is_too_low_is_logged() -> None:
    warning, limits = await _printed(2049)

    assert warning.startswith(
        "IMAGEGEN_CONCURRENCY needs 2049 open files and connections, and this process may have 2048"
    )
    assert limits == "2048 (2048, 2048)"
