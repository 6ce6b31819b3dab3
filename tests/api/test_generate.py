import asyncio
from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from dirty_equals import IsFloat, IsInt, IsPartialDict, IsPositiveInt, IsStr
from PIL import Image

from imagegen.settings import Settings
from tests.support.service import FLUX, Json, Sandbox, Service, running

IS_ULID = IsStr(regex=r"[0-9A-HJKMNP-TV-Z]{26}")
IS_TIME = IsStr(regex=r"20\d\d-\d\d-\d\dT[\d:.]+Z")
IS_DIGEST = IsStr(regex=r"[0-9a-f]{64}")


async def picture(url: str) -> Image.Image:
    async with httpx.AsyncClient() as client:
        content = (await client.get(url)).raise_for_status().content
    return await asyncio.to_thread(Image.open, BytesIO(content))


async def test_response_is_the_finished_job_with_its_image(service: Service) -> None:
    answer = await service.generate()

    job = answer.json()
    assert (answer.status_code, job) == (
        200,
        {
            "jobId": IS_ULID,
            "type": "image-generation",
            "status": "completed",
            "model": "flux-pro",
            "userId": "user123",
            "inputs": FLUX["inputs"],
            "options": {},
            "images": [
                {
                    "url": IsStr(regex=r"http://127\.0\.0\.1:.*X-Amz-Signature=.*"),
                    "permalink": f"/api/images/{job['jobId']}/0",
                    "link": IsStr(regex=r"/i/[\w-]{52}"),
                    "key": IsStr(regex=rf"images/user123/\d{{4}}/\d\d/{job['jobId']}/1-0\.jpg"),
                    "contentType": "image/jpeg",
                    "width": 1024,
                    "height": 768,
                    "sizeBytes": IsPositiveInt,
                    "sha256": IS_DIGEST,
                    "role": "image",
                    "nsfw": False,
                }
            ],
            "result": IsPartialDict(seed=IsInt()),
            "missingImages": [],
            "cost": {
                "costPerImage": 0.05,
                "numImages": 1,
                "requestCost": 0.0,
                "totalCost": 0.05,
                "maxCost": 0.05,
                "currency": "USD",
                "providerUnits": 1.0,
                "providerCost": 0.04,
                "source": "billed",
                "providerUnit": "megapixels",
                "providerUnitPrice": 0.04,
                "providerNote": None,
            },
            "error": None,
            "attention": None,
            "waitingFor": None,
            "cancelRequestedAt": None,
            "budgets": [],
            "createdAt": IS_TIME,
            "startedAt": IS_TIME,
            "completedAt": IS_TIME,
            "batchId": None,
            "retryOf": None,
        },
    )
    assert (await picture(job["images"][0]["url"])).size == (1024, 768)


async def test_response_equals_the_job_that_is_read_later(service: Service) -> None:
    told = (await service.generate()).json()
    read = (await service.client.get(f"/api/jobs/{told['jobId']}")).json()

    for job in (told, read):
        del job["images"][0]["url"]  # signed anew
    assert told == read


async def test_example_of_every_model_generates_an_image(service: Service) -> None:
    async def generate(name: str) -> str:
        example = (await service.client.get(f"/api/images/models/{name}")).json()["example"]
        return (await service.generate(example)).json()["status"]

    names = list(service.services.registry.models)
    outcomes = await asyncio.gather(*(generate(name) for name in names))

    assert dict(zip(names, outcomes, strict=True)) == dict.fromkeys(names, "completed")


EDIT: Json = {
    "model": "nano-banana-edit",
    "inputs": {"prompt": "Replace the person", "image_urls": ["https://s3.example/a.jpg", "https://s3.example/b.jpg"]},
    "options": {"aspect_ratio": "1:1", "resolution": "2K", "output_format": "png"},
    "userId": "user123",
}
LORA: Json = {
    "model": "flux-lora",
    "inputs": {
        "prompt": "Professional headshot of jf in a suit",
        "loras": [{"path": "https://content.s3.amazonaws.com/loras/user/job/v1/model.safetensors", "scale": 0.8}],
    },
    "options": {"width": 1024, "height": 1024},
    "userId": "user123",
}


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (EDIT, {"endpoint": "fal-ai/nano-banana-pro/edit", "body": {**EDIT["inputs"], **EDIT["options"]}}),
        (
            LORA,
            {
                "endpoint": "fal-ai/flux-lora",
                "body": {**LORA["inputs"], "image_size": {"width": 1024, "height": 1024}},
            },
        ),
        ({**LORA, "model": "flux-dev"}, {"endpoint": "fal-ai/flux-lora"}),
    ],
    ids=["nano-banana-edit", "flux-lora with width and height", "flux-dev with loras"],
)
async def test_fal_gets_its_own_names_at_the_right_endpoint(
    service: Service, sandbox: Sandbox, body: Json, sent: Json
) -> None:
    job = (await service.generate(body)).json()

    latest = (await sandbox.requests())[-1]
    assert job["status"] == "completed"
    assert {name: latest[name] for name in sent} == sent


async def test_charge_follows_images_and_resolution(service: Service) -> None:
    body: Json = {**EDIT, "options": {"resolution": "4K", "num_images": 2}}

    job = (await service.generate(body)).json()

    assert job["cost"] == {
        "costPerImage": 0.3,
        "numImages": 2,
        "requestCost": 0.0,
        "totalCost": 0.6,
        "maxCost": 0.6,
        "currency": "USD",
        "providerUnits": 4.0,
        "providerCost": 0.6,
        "source": "billed",
        "providerUnit": "images",
        "providerUnitPrice": 0.15,
        "providerNote": None,
    }


async def test_missing_images_are_not_charged(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "fewer_pictures", "count": 1})

    job = (await service.generate({**FLUX, "options": {"num_images": 3}})).json()

    assert (len(job["images"]), job["cost"]["numImages"], job["cost"]["totalCost"]) == (1, 1, 0.05)


async def test_flagged_image_has_the_flag(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "nsfw_flagged"})

    assert (await service.generate()).json()["images"][0]["nsfw"] is True


async def test_respond_async_returns_the_job_at_once(service: Service) -> None:
    answer = await service.generate(prefer="respond-async")

    job = answer.json()
    assert (answer.status_code, answer.headers["Location"], answer.headers["Preference-Applied"], job["images"]) == (
        202,
        f"/api/jobs/{job['jobId']}",
        "respond-async",
        [],
    )
    assert (await service.ended(job["jobId"]))["status"] == "completed"


async def test_expired_wait_returns_the_job_so_far(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.5})

    answer = await service.generate(prefer="wait=1")

    assert (answer.status_code, answer.json()["status"], answer.headers["Preference-Applied"]) == (
        202,
        "running",
        "wait=1",
    )
    assert (await service.ended(answer.json()["jobId"]))["status"] == "completed"


async def test_services_own_wait_limit_returns_202(stack: Settings, sandbox: Sandbox) -> None:
    impatient = stack.model_copy(update={"service": stack.service.model_copy(update={"wait": timedelta(seconds=0.3)})})
    await sandbox.misbehaves({"fault": "latency", "generation": 1.0})
    async with running(impatient) as service:
        answer = await service.generate()

        assert (answer.status_code, answer.json()["status"]) == (202, "running")
        assert (await service.ended(answer.json()["jobId"]))["status"] == "completed"


async def test_disconnect_does_not_stop_the_job(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 1.0})
    user = "hangs-up"
    with pytest.raises(httpx.ReadTimeout):
        await service.client.post("/api/images/generate", json={**FLUX, "userId": user}, timeout=0.4)

    (job,) = (await service.client.get("/api/jobs", params={"userId": user})).json()["jobs"]

    assert (await service.ended(job["jobId"]))["status"] == "completed"


async def test_burst_of_requests_is_served_and_paid_for_once(service: Service, sandbox: Sandbox) -> None:
    before = len(await sandbox.requests())

    answers = await asyncio.gather(*(service.generate() for _ in range(30)))

    assert {answer.json()["status"] for answer in answers} == {"completed"}
    assert len({answer.json()["jobId"] for answer in answers}) == 30
    assert len(await sandbox.requests()) - before == 30


async def test_estimates_are_exact(service: Service) -> None:
    answer = await service.client.post(
        "/api/images/estimate-cost", json={"model": "flux-pro", "options": {"num_images": 10}}
    )

    assert answer.json() == {
        "costPerImage": IsFloat(exactly=0.05),
        "requestCost": 0.0,
        "totalCost": IsFloat(exactly=0.5),
        "maxCost": 0.5,
        "exact": True,
        "numImages": IsInt(exactly=10),
        "currency": "USD",
        "explanation": ["The model costs $0.05 per image.", "10 images.", "Total: $0.50."],
        "factors": [
            {"kind": "costPerImage", "value": 0.05, "parameter": None, "given": None},
            {"kind": "images", "value": 10.0, "parameter": "num_images", "given": 10},
        ],
        "warnings": [
            IsPartialDict(pointer="/inputs/prompt", code="missing"),
            IsPartialDict(pointer="/options/num_images", code="out_of_range"),
        ],
        "budgets": [],
    }
