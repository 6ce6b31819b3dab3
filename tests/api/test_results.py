"""The details of fal's result besides the images, and images under other names, as a caller sees them."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Final

import httpx
import pytest
from dirty_equals import IsPartialDict

from imagegen.jobs import ProviderImage, ProviderResult
from imagegen.storage.jobs.documents import from_document, to_document
from tests.support.service import FLUX, Json, Sandbox, Service

TWO: Final[Json] = {**FLUX, "options": {"num_images": 2}}
SEED: Final[Json] = {**FLUX, "inputs": {**FLUX["inputs"], "seed": 1234}}


def reshaped(body: object) -> Json:
    return {"fault": "result_reshaped", "body": body}


async def test_job_has_the_details_of_fals_result(service: Service) -> None:
    job = (await service.generate(SEED)).json()

    assert job["result"] == IsPartialDict(seed=1234, prompt=FLUX["inputs"]["prompt"], has_nsfw_concepts=[False])
    assert "images" not in job["result"]
    assert (await service.job(job["jobId"]))["result"] == job["result"]


async def test_result_is_null_until_fal_has_answered(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 5})
    job_id = await service.accept()

    assert (await service.job(job_id))["result"] is None
    await service.cancel(job_id)
    await service.ended(job_id)


async def test_last_event_has_the_result(service: Service) -> None:
    job = (await service.generate(SEED)).json()

    events = (await service.client.get(f"/api/jobs/{job['jobId']}/events")).text

    last = json.loads(events.rpartition("data: ")[2].partition("\n")[0])
    assert last["job"]["result"] == job["result"]


@pytest.mark.parametrize(
    "body",
    [
        {"masks": [{"url": "picture 1"}], "images": [{"url": "picture 0"}]},
        {"mask_image": {"url": "picture 1"}, "upscaled": {"url": "picture 0"}},
        {"output": "picture 0", "image_url": "picture 1"},
        {"images": {"front": {"url": "picture 0"}, "back": {"url": "picture 1"}}},
        {"a": {"b": [{"c": {"url": "picture 0", "content_type": "image/jpeg"}}, {"url": "picture 1"}]}},
    ],
)
async def test_images_under_other_names_are_delivered(service: Service, sandbox: Sandbox, body: Json) -> None:
    await sandbox.misbehaves(reshaped({**body, "seed": 3}))

    job = (await service.generate(TWO)).json()

    assert (job["status"], len(job["images"]), job["result"]) == ("completed", 2, {"seed": 3})


async def test_input_that_fal_repeats_is_not_an_image(service: Service, sandbox: Sandbox) -> None:
    url = (await service.generate()).json()["images"][0]["url"]
    body: Json = {
        "model": "flux-dev-image-to-image",
        "inputs": {"prompt": "x", "image_url": f"{sandbox.client.base_url}/sandbox/media/x.png?of={len(url)}"},
        "userId": "user123",
    }
    echoed = {"image_url": body["inputs"]["image_url"], "input": {"image": {"url": body["inputs"]["image_url"]}}}
    await sandbox.misbehaves(reshaped({"images": [{"url": "picture 0"}], **echoed}))

    job = (await service.generate(body)).json()

    assert (len(job["images"]), job["result"]) == (1, {})


async def test_large_result_is_truncated_and_marked(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(reshaped({"image": {"url": "picture 0"}, "seed": 5, "steps": ["x" * 1000] * 1000}))

    answer = await service.generate()

    assert answer.json()["result"] == IsPartialDict(seed=5, truncated=True)
    assert len(json.dumps(answer.json()["result"])) < 70_000


async def test_job_of_the_first_version_shows_its_result(service: Service) -> None:
    """0.1.0 stored fal's complete response."""
    job = await service.services.jobs.get((await service.generate(SEED)).json()["jobId"])
    assert job.result is not None
    url = "https://v3.fal.media/files/a.png"
    whole = {"images": [{"url": url, "width": 8}], "seed": 7, "has_nsfw_concepts": [False], "x": "y" * 10**6}
    old = replace(job, result=replace(job.result, payload=whole, images=(ProviderImage(url=url),)))

    read = from_document(to_document(old))

    assert read.result is not None
    assert read.result.details == IsPartialDict(seed=7, has_nsfw_concepts=[False], truncated=True)
    assert url not in json.dumps(read.result.details)


def test_result_of_the_first_version_is_read_as_stored() -> None:
    result = ProviderResult(images=(ProviderImage(url="u:x"),), billable_units=Decimal(1), payload={"image": "u:x"})

    assert result.details == {}


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"images": [], "description": "I cannot create that."}, "output_refused", "I cannot create that."),
        ({"images": []}, "output_refused", "fal.ai completed the request without an image."),
        ({"detail": [{"type": "no_media_generated", "msg": "Nothing."}]}, "output_refused", "Nothing."),
        ({"detail": [{"type": "content_policy_violation", "msg": "No."}]}, "output_refused", "No."),
        ({"error": "Face not found."}, "provider_rejected", "Face not found."),
    ],
)
async def test_result_without_an_image_has_reason_and_bill(
    service: Service, sandbox: Sandbox, body: Json, code: str, words: str
) -> None:
    headers = {"x-fal-billable-units": "1"}
    await sandbox.misbehaves(
        {"fault": "any_answer", "on": ["result"], "body": {**body, "seed": 3}, "headers": headers, "request_id": True}
    )

    answer = await service.generate()

    problem = answer.json()
    assert (answer.status_code, problem) == (
        422 if code == "output_refused" else 500,
        IsPartialDict(code=code, detail=words, retryable=False, charged=False),
    )
    job = await service.job(problem["jobId"])
    assert (job["status"], job["error"], job["result"], job["cost"]) == (
        "failed",
        IsPartialDict(code=code, message=words),
        IsPartialDict(seed=3),
        IsPartialDict(providerUnits=1, totalCost=0, numImages=0, source="billed"),
    )
    (request,) = [row for row in await sandbox.requests() if row["request_id"] in await _request_ids(service, job)]
    # A second time if it was read before the status said that it is there, as for an endpoint known as quick.
    assert request["reads"]["result"] <= 2


async def _request_ids(service: Service, job: Json) -> set[str]:
    stored = await service.services.jobs.get(job["jobId"])
    assert stored.submission.request is not None
    return {stored.submission.request.request_id}


async def test_units_billed_for_a_refusal_are_recorded(service: Service, sandbox: Sandbox) -> None:
    fault = {"loc": ["body", "image_url"], "msg": "too small", "type": "image_too_small", "ctx": {"min_width": 256}}
    await sandbox.misbehaves(
        {
            "fault": "any_answer",
            "on": ["result"],
            "status": 422,
            "body": {"detail": [fault]},
            "headers": {"x-fal-billable-units": "2"},
            "request_id": True,
        }
    )

    problem = (await service.generate()).json()

    job = await service.job(problem["jobId"])
    assert (problem["detail"], job["error"]["falDetail"], job["cost"]) == (
        "body.image_url: too small (min_width: 256)",
        ["body.image_url: too small (min_width: 256)"],
        IsPartialDict(providerUnits=2, totalCost=0),
    )


async def test_no_response_contains_the_key(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(reshaped({"image": {"url": "picture 0"}, "env": {"FAL_KEY": sandbox.key}}))

    job = (await service.generate()).json()

    assert job["result"] == {"env": {"FAL_KEY": "[FAL_KEY]"}}


async def test_pages_of_jobs_have_results(service: Service) -> None:
    await asyncio.gather(service.generate(SEED), service.generate(SEED))

    answer: httpx.Response = await service.client.get("/api/jobs", params={"limit": 2, "status": "completed"})

    assert [job["result"]["seed"] for job in answer.json()["jobs"]] == [1234, 1234]
