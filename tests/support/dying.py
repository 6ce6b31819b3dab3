"""`imagegen` that is killed right after a step: `python -m tests.support.dying MODULE CLASS.METHOD CALLS …`.

It is killed as `kill -9` does it, when that method has returned so many times. What follows is for `imagegen`.
"""

import functools
import importlib
import os
import signal
import sys
from typing import Any

from imagegen.__main__ import main


def _kill_after(module: str, method: str, calls: int) -> None:
    owner, _, name = method.partition(".")
    found = getattr(importlib.import_module(module), owner)
    real, left = getattr(found, name), iter(range(calls - 1, -1, -1))

    @functools.wraps(real)
    async def killing(*args: Any, **kwargs: Any) -> Any:
        outcome = await real(*args, **kwargs)
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    setattr(found, name, killing)


if __name__ == "__main__":
    _, module, method, calls, *arguments = sys.argv
    _kill_after(module, method, int(calls))
    sys.argv = ["imagegen", *arguments]
    main()
