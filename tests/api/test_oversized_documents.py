"""A request that is too large for MongoDB is refused; the error names what is too large, and nothing is stored."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import ByteSize

from imagegen.errors import DocumentRefused
from imagegen.registry import load_registry
from imagegen.settings import LimitSettings, Settings
from imagegen.storage.batches import Batches
from imagegen.storage.jobs.inserts import Inserts
from tests.support.jobs_apart import apart
from tests.support.service import FLUX, Json, Service, running

MIB = 2**20
PLENTY = ByteSize(64 * MIB)
SAID = IsStr(regex=r".*has 5242880 bytes; the inputs of a job may have 4194304 bytes in total.*")
NAMED = IsPartialDict(code="too_large", message=SAID)
CATALOG = """
wordy:
  falEndpoint: fal-ai/flux/dev
  category: text-to-image
  description: A model whose prompts have no end, as an operator's own entry may say.
  requiredInputs: [prompt]
  optionalInputs: [seed]
  options: [num_images]
  costPerImage: 0.025
  parameters:
    prompt: {maxLength: 60000000}
"""


def wordy(size: int) -> Json:
    return {"model": "wordy", "inputs": {"prompt": "x" * size}}


@pytest.fixture(scope="module")
async def generous(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Service]:
    """A service whose limits are higher than MongoDB's."""
    file = tmp_path_factory.mktemp("catalog") / "own.yaml"
    file.write_text(CATALOG)
    limits = LimitSettings(max_body_bytes=PLENTY, max_batch_bytes=PLENTY, max_prompt_chars=64 * MIB)
    registry = await asyncio.to_thread(load_registry, [file])
    async with running(stack.model_copy(update={"limits": limits}), registry) as service:
        yield service


async def stored(service: Service, user_id: str) -> int:
    return len((await service.client.get("/api/jobs", params={"userId": user_id})).json()["jobs"])


async def test_oversized_inputs_are_named(generous: Service) -> None:
    answer = await generous.generate({**wordy(5 * MIB), "userId": "large"})

    assert (answer.status_code, answer.json()["errors"]) == (400, [NAMED & IsPartialDict(pointer="/inputs/prompt")])
    assert await stored(generous, "large") == 0


async def test_oversized_inputs_of_a_batch_are_named(generous: Service) -> None:
    answer = await generous.batch(wordy(30), wordy(5 * MIB), user_id="large batch")

    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [NAMED & IsPartialDict(pointer="/requests/1/inputs/prompt")],
    )
    assert await stored(generous, "large batch") == 0


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")  # aiohttp's advice
async def test_largest_inputs_are_stored_and_the_job_ends(generous: Service) -> None:
    job_id = await generous.accept({**wordy(4 * MIB), "userId": "just"})

    assert (await generous.ended(job_id, within=60))["status"] in {"completed", "failed"}


async def test_largest_batch_is_stored(stack: Settings) -> None:
    item: Json = {"model": "flux-dev", "inputs": {"prompt": "x" * 4000}, "options": {"num_images": 1}}
    async with running(apart(stack), with_runner=False) as service:
        answer = await service.batch(*[item] * 1000, user_id="largest batch")

    assert answer.status_code == 202, answer.text
    assert answer.json()["counts"]["total"] == 1000


async def test_numbers_outside_of_bson_are_refused_by_name(service: Service) -> None:
    for number in (2**63, 2**64, 2**70, -(2**63) - 1):
        body = json.dumps({**FLUX, "inputs": {"prompt": "x", "seed": number}})
        answer = await service.client.post(
            "/api/images/generate", content=body, headers={"Content-Type": "application/json"}
        )

        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/inputs/seed"), answer.text


async def test_document_that_mongodb_refuses_is_not_a_defect(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise DocumentRefused("MongoDB cannot take the document (DocumentTooLarge).")

    monkeypatch.setattr(Inserts, "insert", refuse)
    monkeypatch.setattr(Batches, "insert", refuse)
    answers = [await service.generate(), await service.batch({**FLUX}, user_id="user123")]

    for answer in answers:
        assert (answer.status_code, answer.json()) == (413, IsPartialDict(code="body_too_large"))
        assert "Nothing was stored or sent" in answer.json()["detail"]
