"""schemathesis tries every operation of /openapi.json. `make fuzz CASES=50000` tries for longer."""

import asyncio
import base64
import os
import random
import re
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from imagegen.keys import KeyScope
from imagegen.registry.loading import FIRST_MODELS
from imagegen.settings import Settings, WebhookSettings
from tests.support.keys import add_key
from tests.support.service import Service, running

HERE: Final = Path(__file__).parent
CASES: Final = int(os.environ.get("FUZZ_CASES", "10000"))
# Every kind of parameter: with the requests of all models, one run would take ten times as long.
MODELS: Final = ",".join(sorted(FIRST_MODELS))
# Replaced by our own checks, which know fal's errors, what the document cannot express, and what null means.
REPLACED: Final = "not_a_server_error,positive_data_acceptance,negative_data_rejection"
# A test of its own administers keys and budgets: after the first one, every request would need one.
OF_KEYS: Final = "^/api/(keys|budgets|audit)"
OTHERS: Final = ("--exclude-checks", REPLACED, "--exclude-path-regex", OF_KEYS)
# A few images arrive, then fal's runners fail, then its moderation refuses everything: every response, none slow.
FAL: Final = (
    {"fault": "latency", "queue": 0, "generation": 0},
    {"fault": "runner_fails", "after": 4, "times": 3},
    {"fault": "model_fails", "after": 4},
)


@pytest.fixture
async def api(service: Service) -> AsyncGenerator[str]:
    await service.sandbox.misbehaves(*FAL)
    yield str(service.client.base_url)
    await service.sandbox.behaves()


async def schemathesis(
    api: str, directory: Path, *, seed: int, examples: int, phases: str, options: Sequence[str] = OTHERS
) -> tuple[int, str]:
    """Run schemathesis once, with its files in the directory. The number of cases, and any output of a fault."""
    environ = {**os.environ, "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(HERE)}
    options = ["--checks", "all", "--continue-on-failure", "--phases", phases, *options]
    options += ["--seed", str(seed), "--max-examples", str(examples), "--request-timeout", "60"]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{api}/openapi.json?models={MODELS}", *options),
        env=environ,
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed = (await child.communicate())[0].decode()
    tried = re.search(r"(\d+) generated", printed)
    return int(tried[1]) if tried else 0, printed if child.returncode or not tried else ""


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_operation_behaves_as_documented(api: str, tmp_path: Path) -> None:
    phases = "examples,coverage,fuzzing,stateful"

    tried, found = await schemathesis(api, tmp_path, seed=1, examples=10, phases=phases)

    assert not found, found
    assert tried > 500


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_administration_behaves_as_documented(own: Settings, tmp_path: Path) -> None:
    token = await add_key(own, scopes=list(KeyScope))
    # A revoked key and a deleted budget are still there, so they may be read after their DELETE.
    checks = ("--exclude-checks", f"{REPLACED},use_after_free")
    options = (*checks, "--include-path-regex", OF_KEYS, "--header", f"Authorization: Bearer {token}")
    secret = SecretStr("whsec_" + base64.b64encode(bytes(32)).decode())  # without one, no webhookUrl is accepted
    signed = own.model_copy(update={"webhooks": WebhookSettings(secrets=secret)})
    async with running(signed, with_runner=False) as service:
        api = str(service.client.base_url)
        tried, found = await schemathesis(
            api, tmp_path, seed=1, examples=30, phases="examples,coverage,fuzzing", options=options
        )

    assert not found, found
    assert tried > 200


@pytest.mark.drill
@pytest.mark.timeout(0)
async def test_requested_number_of_cases_finds_nothing(api: str, tmp_path: Path) -> None:
    tried, seed = 0, int(os.environ.get("FUZZ_SEED") or random.randrange(2**31))
    phases = "examples,coverage,fuzzing,stateful"  # the first two are the same each time
    while tried < CASES:
        more, found = await schemathesis(api, tmp_path, seed=seed, examples=400, phases=phases)
        tried, seed, phases = tried + more, seed + 1, "fuzzing,stateful"
        print(f"{tried} of {CASES} cases", flush=True)  # noqa: T201 - for the person who waits

        assert not found, found
