"""Data URIs in a request are stored in the bucket, never in the job, and passed to fal as URLs."""

import asyncio
import base64
import hashlib
import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import ByteSize

from imagegen.operations.bucket_reach import fal_can_fetch
from imagegen.settings import FalSettings, LimitSettings, S3Settings, Settings
from tests.support.corpus import NAMES, specimen
from tests.support.service import Json, Sandbox, Service, running
from tests.support.specimens import picture

PNG = picture("png")
DIGEST = hashlib.sha256(PNG).hexdigest()


def data_uri(content: bytes = PNG, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def edit(user: str, *urls: str, **inputs: object) -> Json:
    given = {"prompt": "Make it blue", "image_urls": list(urls), **inputs}
    return {"model": "nano-banana-edit", "inputs": given, "userId": user}


@pytest.fixture
def user() -> str:
    return f"inputs-{uuid4().hex}"


async def fetched(url: str) -> bytes:
    async with httpx.AsyncClient() as anybody:
        return (await anybody.get(url)).raise_for_status().content


async def test_data_uri_becomes_a_reference_and_fal_gets_a_url(service: Service, sandbox: Sandbox, user: str) -> None:
    answer = (await service.generate(edit(user, data_uri(), data_uri(kind="image/jpg")))).json()

    stored = await service.services.jobs.get(answer["jobId"])
    reference = f"s3:inputs/{user}/{DIGEST}.png"
    assert (answer["status"], stored.inputs["image_urls"], stored.payload["image_urls"]) == (
        "completed",
        [reference, reference],
        [reference, reference],
    )
    sent, shown = (await sandbox.requests())[-1]["body"]["image_urls"], answer["inputs"]["image_urls"]
    assert [await fetched(url) for url in (*sent, *shown)] == [PNG] * 4
    assert "base64" not in json.dumps(answer)


ENCODED = base64.b64encode(PNG).decode()
SPELLINGS = {
    "wrapped": "data:image/png;base64," + "\r\n".join(ENCODED[at : at + 76] for at in range(0, len(ENCODED), 76)),
    "with a line end": f"{data_uri()}\n",
    "with a space after the comma": f"data:image/png;base64, {ENCODED}",
    "percent-encoded": "data:image/png;base64," + quote(ENCODED, safe=""),
    "percent-encoded a little": f"data:image/png;base64,{ENCODED.replace('+', '%2B')}",
    "without padding": f"data:image/png;base64,{ENCODED.rstrip('=')}",
    "in upper case": f"DATA:IMAGE/PNG;BASE64,{ENCODED}",
    "with parameters": f'data:image/png;name="a b.png";charset=utf-8;base64,{ENCODED}',
    "without a type": f"data:;base64,{ENCODED}",
    "with a space before base64": f"data:image/png; base64,{ENCODED}",
    "with spaces around": f"  {data_uri()}  ",
    "with a fragment": f"{data_uri()}#picture",
    "not in base64": "data:image/png," + "".join(f"%{byte:02X}" for byte in PNG),
    "as another type": f"data:text/html;base64,{ENCODED}",
}


@pytest.mark.parametrize("uri", SPELLINGS.values(), ids=SPELLINGS)
async def test_data_uri_is_read_as_browsers_read_it(service: Service, user: str, uri: str) -> None:
    answer = (await service.generate(edit(user, uri))).json()

    stored = await service.services.jobs.get(answer["jobId"])
    assert (answer["status"], stored.inputs["image_urls"]) == ("completed", [f"s3:inputs/{user}/{DIGEST}.png"])


@pytest.mark.parametrize("name", NAMES)
async def test_every_file_of_the_corpus_is_stored(service: Service, user: str, name: str) -> None:
    answer = await service.generate(edit(user, data_uri(specimen(name))), prefer="respond-async")

    digest = hashlib.sha256(specimen(name)).hexdigest()
    stored = await service.services.jobs.get(answer.json()["jobId"])
    assert (answer.status_code, stored.input_keys) == (202, (IsStr(regex=f"inputs/{user}/{digest}\\.[a-z0-9]+"),))


async def test_link_of_a_job_works_in_the_next_request(service: Service, user: str) -> None:
    first = (await service.generate(edit(user, data_uri()))).json()

    again = (await service.generate(edit(user, *first["inputs"]["image_urls"]))).json()

    stored = await service.services.jobs.get(again["jobId"])
    assert (again["status"], stored.input_keys) == ("completed", (f"inputs/{user}/{DIGEST}.png",))


async def test_every_image_parameter_takes_a_data_uri(service: Service, user: str) -> None:
    swap: Json = {"base_image_url": data_uri(), "swap_image_url": data_uri(picture("webp"))}
    single: Json = {"prompt": "x", "image_url": data_uri(picture("jpeg"))}

    answers = [
        await service.generate({"model": model, "inputs": inputs, "userId": user})
        for model, inputs in (("face-swap", swap), ("flux-dev-image-to-image", single))
    ]

    assert [answer.json()["status"] for answer in answers] == ["completed", "completed"]


async def test_text_that_looks_like_a_reference_stays_text(service: Service, sandbox: Sandbox, user: str) -> None:
    prompt = f"s3:inputs/somebody-else/{DIGEST}.png"

    await service.generate(edit(user, data_uri(), prompt=prompt))

    assert (await sandbox.requests())[-1]["body"]["prompt"] == prompt


WRONG: list[tuple[str, str]] = [
    ("data:image/png;base64,%%%", "not valid base64"),
    ("data:image/png;base64,A", "not valid base64"),
    ("data:image/png;base64,AB=C", "not valid base64"),
    ("data:image/png;base64,", "is not a usable image"),
    ("data:,hello", "is not a usable image"),
    (data_uri(b"<svg/>", "image/svg+xml"), "is not a usable image"),
    (data_uri(PNG[: len(PNG) // 2]), "is truncated"),
    (data_uri(PNG[:20]), "is truncated"),
]


@pytest.mark.parametrize(("uri", "said"), WRONG, ids=range(len(WRONG)))
async def test_invalid_image_is_a_fault_and_nothing_is_stored(
    service: Service, sandbox: Sandbox, uri: str, said: str
) -> None:
    before, user = len(await sandbox.requests()), f"wrong-{uuid4().hex}"

    answer = await service.generate(edit(user, data_uri(), uri))

    fault: Any = {"pointer": "/inputs/image_urls/1", "code": "wrong_format", "message": IsStr(regex=f".*{said}.*")}
    assert (answer.status_code, answer.json()["errors"]) == (400, [fault])
    assert not await service.services.images.bucket.exists(f"inputs/{user}/{DIGEST}.png")
    assert len(await sandbox.requests()) == before


async def test_limit_of_all_data_uris_together_is_named(stack: Settings, user: str) -> None:
    limit = ByteSize(2 * len(data_uri()))
    limits = LimitSettings(max_data_uri_bytes=limit)
    async with running(stack.model_copy(update={"limits": limits})) as service:
        answers = [await service.generate(edit(user, *[data_uri()] * count)) for count in (2, 3)]

    assert answers[0].json()["status"] == "completed"
    assert answers[1].json()["errors"] == [
        IsPartialDict(
            pointer="/inputs/image_urls/2",
            code="too_large",
            message=IsStr(regex=rf".* {int(limit)} bytes .*IMAGEGEN_MAX_DATA_URI_BYTES.*"),
        )
    ]


async def test_idempotency_compares_the_request_as_sent(service: Service, user: str) -> None:
    key, other = uuid4().hex, picture("png", (64, 64))
    first, again, different = [
        await service.generate(edit(user, data_uri(content)), idempotency_key=key) for content in (PNG, PNG, other)
    ]

    assert again.json()["jobId"] == first.json()["jobId"]
    assert (different.status_code, different.json()["code"]) == (409, "idempotency_mismatch")
    digest = hashlib.sha256(other).hexdigest()
    assert not await service.services.images.bucket.exists(f"inputs/{user}/{digest}.png")


async def test_missing_input_image_fails_the_job_uncharged(own: Settings, user: str) -> None:
    async with running(own, with_runner=False) as service:
        job_id = await service.accept(edit(user, data_uri()))
        await service.services.images.delete(f"inputs/{user}/{DIGEST}.png")
    async with running(own) as service:
        job = await service.ended(job_id)
        sent = await service.sandbox.requests()

    assert job == IsPartialDict(
        status="failed", error=IsPartialDict(code="input_gone"), cost=IsPartialDict(totalCost=0)
    )
    assert sent == []


async def test_fals_storage_is_used_if_fal_cannot_reach_the_bucket(own: Settings, user: str) -> None:
    hidden = own.model_copy(update={"s3": own.s3.model_copy(update={"publicly_reachable": False})})
    async with running(hidden) as service:
        job = (await service.generate(edit(user, data_uri()))).json()
        (request,) = await service.sandbox.requests()

    (sent,) = request["body"]["image_urls"]
    assert (job["status"], sent) == ("completed", IsStr(regex=rf"{own.fal.queue_url}/files/b/.*\.png"))
    assert await fetched(sent) == PNG


async def test_without_fals_storage_the_job_fails_as_retryable(own: Settings, user: str) -> None:
    hidden = own.model_copy(
        update={
            "s3": own.s3.model_copy(update={"publicly_reachable": False}),
            "fal": own.fal.model_copy(update={"rest_url": "http://127.0.0.1:9"}),
        }
    )
    async with running(hidden) as service:
        answer = await asyncio.wait_for(service.generate(edit(user, data_uri())), 30)
        sent = await service.sandbox.requests()

    assert (answer.status_code, answer.json()) == (500, IsPartialDict(code="provider_unavailable", retryable=True))
    assert sent == []


@pytest.mark.parametrize(
    ("s3", "queue", "reachable"),
    [
        ({}, "https://queue.fal.run", True),
        ({"endpoint_url": "https://abc.r2.example.com"}, "https://queue.fal.run", True),
        ({"endpoint_url": "http://seaweedfs:8333"}, "https://queue.fal.run", False),
        ({"endpoint_url": "http://10.0.0.7:9000"}, "https://queue.fal.run", False),
        ({"endpoint_url": "http://s3.internal"}, "https://queue.fal.run", False),
        ({"endpoint_url": "http://127.0.0.1:9000"}, "https://queue.fal.run", False),
        ({"endpoint_url": "http://127.0.0.1:9000"}, "http://127.0.0.1:8100", True),
        ({"endpoint_url": "http://s3:1", "presign_endpoint_url": "https://s3.example.com"}, "https://x.example", True),
        ({"endpoint_url": "http://s3:1", "public_url": "https://cdn.example.com"}, "https://queue.fal.run", True),
        ({"endpoint_url": "http://s3:1", "publicly_reachable": True}, "https://queue.fal.run", True),
        ({"publicly_reachable": False}, "https://queue.fal.run", False),
    ],
)
def test_reachability_follows_from_the_host_name(s3: Json, queue: str, *, reachable: bool) -> None:
    settings = Settings(s3=S3Settings.model_validate(s3), fal=FalSettings(queue_url=queue))

    assert fal_can_fetch(settings) is reachable
