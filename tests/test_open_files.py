"""The limit on open files is raised as far as the user may raise it; what is still missing is said."""

import asyncio
import sys

_CODE = """
import logging, resource, sys
from imagegen.open_files import allow_open_files
logging.basicConfig(format="%(message)s", stream=sys.stdout)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048))
print(allow_open_files({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE))
"""


async def _printed(wanted: int) -> list[str]:
    code = _CODE.format(wanted=wanted)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    return output.decode().splitlines()


async def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    assert await _printed(2048) == ["2048 (2048, 2048)"]


async def test_a_hard_limit_that_is_too_low_is_said() -> None:
    warning, outcome = await _printed(2049)

    assert warning.startswith(
        "IMAGEGEN_CONCURRENCY wants 2049 open files and connections, and this process may have 2048"
    )
    assert outcome == "2048 (2048, 2048)"
