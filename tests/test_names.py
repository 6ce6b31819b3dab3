"""Every package that a message, a page or a file tells people to install is ours or a known tool."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest

import imagegen

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS: Final = {"imagegen-service", "imagegen-service-client"}
KNOWN: Final = {
    *("litellm", "openapi-python-client", "pip", "uv"),
    *("@hey-api/openapi-ts", "openapi-typescript", "openapi-fetch", "@redocly/cli", "autocannon"),
    *("libcurl4", "libcurl", "libssl3", "openssl-libs"),  # packages of Debian and Fedora
    *(re.split(r"[=><;\s]", line)[0] for line in PROJECT["optional-dependencies"]["local"] + PROJECT["dependencies"]),
}
COMMAND: Final = re.compile(
    r"(?:(?:\bpip3?|\bpipx|\buv pip|\buv tool|\bapt-get|\bapt|\bdnf|\bbrew|\bnpm|\bpnpm|\byarn|\bconda|\bpoetry|\bpdm)"
    r"[ \t]+(?:install|add|i|run|exec|dlx|create)\b|\buv[ \t]+add|\buvx|\bnpx|\b(?:docker|podman)[ \t]+pull)"
    r"(?P<rest>[^\n`|&;)]*)"
)
REQUIREMENT: Final = re.compile(r"(?P<name>@?[A-Za-z0-9][\w./@-]*)(?::[\w.-]+)?(?:\[[\w,-]*\])?(?:[=<>~!]=?[\w.*]+)?")
VALUED: Final = {
    "--progress-bar",
    "-r",
    "-c",
    "-e",
    "--editable",
    "--python",
    "--input",
    "--output",
    "--only-binary",
    "-o",
    "--from",
}


def sources() -> Iterator[Path]:
    for pattern in (
        "*.md",
        "Makefile",
        "Dockerfile",
        "*.yml",
        ".ci/*",
        ".env.example",
        "pyproject.toml",
        "openapi.json",
    ):
        yield from ROOT.glob(pattern)
    for folder in ("docs", "src", "sdk", "bench", "compose"):
        for path in (ROOT / folder).rglob("*"):
            is_text = path.suffix in {".md", ".py", ".json", ".yaml", ".yml", ".ts", ".mjs", ".js", ".toml", ".sh"}
            if is_text and not {"node_modules", "results"} & set(path.parts) and path.name != "package-lock.json":
                yield path


def installed_by(text: str) -> set[str]:
    """The names that the commands in a text install or run."""
    return {name for found in COMMAND.finditer(text) for name in names_in(found[0], found["rest"])}


def names_in(command: str, rest: str) -> Iterator[str]:
    words = iter(word.strip("'\"") for word in rest.split())
    for word in words:
        if word in VALUED:
            next(words, None)
        elif (found := REQUIREMENT.fullmatch(word)) and not word.startswith("."):
            yield re.sub(r"(?<=.)@[\w.]+$", "", found["name"])
            if re.match(r"(uvx|npx|pipx)", command):
                return  # the following words belong to the tool


def test_distribution_has_our_name() -> None:
    assert PROJECT["name"] in OURS
    installed = distribution(PROJECT["name"])

    assert imagegen.__version__ == installed.version
    assert [(each.name, each.value) for each in installed.entry_points] == [("imagegen", "imagegen.__main__:main")]


@pytest.mark.parametrize("path", list(sources()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_install_instructions_name_known_packages_only(path: Path) -> None:
    assert installed_by(path.read_text(encoding="utf-8")) - KNOWN - OURS == set()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("pip install 'imagegen[local]'", {"imagegen"}),
        ("`pip install --quiet imagegen==0.2`", {"imagegen"}),
        ("uvx imagegen serve", {"imagegen"}),
        ("uv tool install imagegen", {"imagegen"}),
        ("npx imagegen-sdk@1.0 --input openapi.json", {"imagegen-sdk"}),
        ("npm install @imagegen/client", {"@imagegen/client"}),
        ("docker pull imagegen/imagegen:latest && ls", {"imagegen/imagegen"}),
        ("python -m pip install -r requirements/dev.txt", set[str]()),
        ("pip install --no-deps .", set[str]()),
    ],
)
def test_search_finds_names(text: str, names: set[str]) -> None:
    assert installed_by(text) == names
