"""Entries of endpoints of the index load, and what their models accept is accepted by fal's own types."""

import json
import random
import re
from pathlib import Path
from typing import Any, Final, cast

import pytest
from ruamel.yaml import YAML

from facts.index import HERE
from imagegen.registry import Registry
from imagegen.sandbox.endpoint_schemas import find_endpoint
from tests.support.imported import Json, drawn_request, registry_of, requests_of, sent, some_entries
from tests.support.workspace import SDK, Workspace, install_tools

SEED: Final = 20261128
REQUESTS: Final = 5  # of each model
# Not in the package of types, with those of another endpoint there, or with fewer parameters than fal takes.
UNTYPED: Final = frozenset(cast("Any", YAML(typ="safe")).load(HERE / "added.yaml")) | {
    "fal-ai/face-swap",
    "fal-ai/nano-banana-pro/edit",
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return registry_of(some_entries(40, SEED), tmp_path_factory.mktemp("catalog"))


def payloads(registry: Registry, requests: int) -> list[tuple[str, Json]]:
    """What fal is sent for requests to the imported models, each with its endpoint."""
    chance = random.Random(SEED)
    models = [model for name, model in registry.models.items() if name.startswith("own-")]
    return [sent(registry, model, drawn_request(model, chance)) for model in models for _ in range(requests)]


def built_in_payloads(registry: Registry) -> list[tuple[str, Json]]:
    """What fal is sent for the generated requests to the built-in models, each with its endpoint."""
    models = [model for name, model in registry.models.items() if not name.startswith("own-")]
    return [sent(registry, model, body) for model in models for body in requests_of(model)]


def test_entries_load_without_a_warning(registry: Registry) -> None:
    assert (len([name for name in registry.models if name.startswith("own-")]), registry.warnings) == (40, ())


def test_drawn_requests_are_valid_and_use_optional_parameters(registry: Registry) -> None:
    made = payloads(registry, REQUESTS)

    assert len(made) == 40 * REQUESTS
    assert sum(len(payload) for _, payload in made) > 4 * len(made)


def test_the_sandbox_accepts_every_request_strictly(registry: Registry) -> None:
    for endpoint, payload in payloads(registry, REQUESTS):
        known = find_endpoint(endpoint)

        assert known is not None
        assert (endpoint, known.violations(payload)) == (endpoint, [])


@pytest.mark.slow
def test_every_endpoint_of_the_index_loads(tmp_path: Path) -> None:
    entries = some_entries(1000, SEED)

    registry = registry_of(entries, tmp_path)

    assert len(entries) >= 480
    assert {*registry.models} >= {entry.name for entry in entries}


@pytest.fixture
def program(tmp_path: Path) -> tuple[Path, int]:
    """A program in TypeScript with requests to a hundred models and the built-in ones; its last line is wrong."""
    registry = registry_of(some_entries(100, SEED + 1), tmp_path)
    made = [*payloads(registry, REQUESTS), *built_in_payloads(registry)]
    made = [(endpoint, payload) for endpoint, payload in made if endpoint not in UNTYPED]
    assert len(made) > 130 * REQUESTS
    lines = ['import type { EndpointTypeMap } from "@fal-ai/client/endpoints";']
    for number, (endpoint, payload) in enumerate(made):
        lines.append(f'export const r{number}: EndpointTypeMap["{endpoint}"]["input"] = {json.dumps(payload)};')
    lines.append('export const wrong: EndpointTypeMap["fal-ai/flux/dev"]["input"] = {"seed": "x"};')
    file = tmp_path / "requests.ts"
    file.write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(SDK / "node_modules")
    return file, len(lines)


@pytest.mark.matrix
async def test_typescript_accepts_every_request(program: tuple[Path, int]) -> None:
    await install_tools()
    file, last = program
    options = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext")

    finished = await Workspace(SDK).tool("tsc", *options, "--pretty", "false", str(file))

    refused = re.findall(r"requests\.ts\((\d+),\d+\): error (.*)", finished.printed)
    assert [(int(line), error) for line, error in refused if int(line) != last] == []
    assert [int(line) for line, _ in refused] == [last], finished.printed
