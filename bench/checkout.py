"""Another commit of this repository, checked out beside it for as long as it is measured."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench.programs import ROOT, BenchmarkError, output_of, python_module

_WHERE: Final = "import imagegen; print(imagegen.__file__)"


@asynccontextmanager
async def checked_out(ref: str, directory: Path) -> AsyncGenerator[str]:
    """Check a commit out below `directory`, and remove it at the end.

    Yields:
        The `PYTHONPATH` that makes a program use the service of that commit, with the packages and the double of this
        one.

    Raises:
        BenchmarkError: there is no such commit, or Python finds another imagegen.
    """
    tree = directory / "before"
    await output_of("git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", str(tree), ref, environ={})
    try:
        path = os.pathsep.join((str(tree / "src"), str(ROOT)))
        interpreter, *_ = python_module("imagegen")
        found = await output_of(interpreter, "-c", _WHERE, environ={"PYTHONPATH": path})
        if not Path(found.strip()).is_relative_to(tree):
            raise BenchmarkError(f"Python finds imagegen in {found.strip()}, not in the checkout of {ref}")
        yield path
    finally:
        await output_of("git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree), environ={})


async def commit_of(ref: str) -> str:
    """The short id of a commit."""
    return (await output_of("git", "-C", str(ROOT), "rev-parse", "--short", f"{ref}^{{commit}}", environ={})).strip()
