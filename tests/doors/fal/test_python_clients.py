"""fal's Python client against the service: its functions, its SyncClient and its AsyncClient."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import fal_client
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dirty_equals import Contains, IsApprox, IsInt, IsPartialDict, IsStr

from tests.doors.fal.conftest import FalUser, lead_here
from tests.support.receiver import Receiver
from tests.support.service import Sandbox, Service
from tests.support.specimens import PNG

FLUX_PRO = "fal-ai/flux-pro/v1.1"
EDIT = "fal-ai/nano-banana-pro/edit"
PROMPT = {"prompt": "A fox"}
INLINE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


async def opened(url: str) -> httpx.Response:
    """What a browser gets at a link, without any key."""
    async with httpx.AsyncClient() as browser:
        return (await browser.get(url, follow_redirects=True)).raise_for_status()


async def test_subscribe_returns_fals_result_with_images_of_the_bucket(fal: FalUser, service: Service) -> None:
    result = await fal("subscribe", FLUX_PRO, arguments={**PROMPT, "seed": 7})

    job = await service.job(result["imagegen"]["jobId"])
    (image,) = result["images"]
    assert result == IsPartialDict(seed=7, prompt="A fox", imagegen={"jobId": job["jobId"], "cost": 0.05})
    assert image == {
        "url": IsStr(regex=rf"{str(service.client.base_url).rstrip('/')}/i/.+"),
        "content_type": "image/jpeg",
        "file_name": IsStr(regex=r".+\.jpg"),
        "file_size": job["images"][0]["sizeBytes"],
        "width": job["images"][0]["width"],
        "height": job["images"][0]["height"],
    }
    assert hashlib.sha256((await opened(image["url"])).content).hexdigest() == job["images"][0]["sha256"]
    assert (job["userId"], job["model"]) == ("user123", "flux-pro")


async def test_submit_status_and_result_are_those_of_the_queue(fal: FalUser, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 0.5, "generation": 0.5})
    handle = await fal("submit", FLUX_PRO, arguments={**PROMPT, "strange": 1})
    seen = [await fal.of(handle, "status", with_logs=True)]
    while not isinstance(seen[-1], fal_client.Completed):
        seen.append(await fal.of(handle, "status", with_logs=True))

    kinds = [type(status).__name__ for status in seen]
    assert set(kinds) <= {"Queued", "InProgress", "Completed"}
    assert seen[-1].logs == Contains(IsPartialDict(level="WARN", message="flux-pro has no strange: ignored."))
    assert len(seen) < 12  # a poll that would say the same is held
    by_id = await fal("result", FLUX_PRO, handle.request_id)
    assert by_id["seed"] == (await fal.of(handle, "get"))["seed"]
    assert isinstance(await fal("status", FLUX_PRO, handle.request_id), fal_client.Completed)


async def test_run_answers_with_the_result(fal: FalUser) -> None:
    result = await fal("run", "fal-ai/flux/dev", arguments={**PROMPT, "num_images": 2})

    assert result == IsPartialDict(images=[IsPartialDict(width=IsInt())] * 2, imagegen=IsPartialDict(cost=0.05))


async def test_stream_has_the_result_as_its_only_event(fal: FalUser) -> None:
    assert await fal.stream("fal-ai/flux/dev", arguments=PROMPT) == [
        IsPartialDict(images=[IsPartialDict(url=IsStr())], imagegen=IsPartialDict(cost=0.025))
    ]


async def test_uploaded_image_is_edited(fal: FalUser, service: Service) -> None:
    url = await fal("upload", PNG, "image/png", file_name="photo.png")
    assert (await opened(url)).content == PNG

    result = await fal("subscribe", EDIT, arguments={"prompt": "In winter", "image_urls": [url]})

    job = await service.job(result["imagegen"]["jobId"])
    assert job["inputs"]["image_urls"] == [IsStr(regex=r"http://.+/inputs/user123/[0-9a-f]{64}\.png.*")]


async def test_inline_image_is_edited_and_sync_mode_answers_inline(fal: FalUser, service: Service) -> None:
    arguments = {"prompt": "In winter", "image_urls": [INLINE], "sync_mode": True}
    result = await fal("subscribe", EDIT, arguments=arguments)

    kind, _, encoded = result["images"][0]["url"].partition(";base64,")
    job = await service.job(result["imagegen"]["jobId"])
    assert kind == f"data:{job['images'][0]['contentType']}"
    assert hashlib.sha256(base64.b64decode(encoded)).hexdigest() == job["images"][0]["sha256"]


@pytest.mark.parametrize("endpoint", ["fal-ai/flux-lora", "fal-ai/flux/dev", "flux-lora"])
async def test_loras_go_to_the_endpoint_that_takes_them(fal: FalUser, service: Service, endpoint: str) -> None:
    loras = [{"path": "https://huggingface.co/XLabs-AI/flux-RealismLora/resolve/main/lora.safetensors", "scale": 0.8}]
    result = await fal("subscribe", endpoint, arguments={**PROMPT, "loras": loras, "image_size": "square"})

    job = await service.services.jobs.get(result["imagegen"]["jobId"])
    assert (job.endpoint, job.payload["loras"]) == ("fal-ai/flux-lora", loras)


async def test_face_swap_has_a_single_image(fal: FalUser) -> None:
    result = await fal("subscribe", "fal-ai/face-swap", arguments={"base_image_url": INLINE, "swap_image_url": INLINE})

    assert (result["image"], "images" in result) == (IsPartialDict(url=IsStr(), width=IsInt()), False)


async def test_wrong_values_are_named_before_anything_is_paid(fal: FalUser, sandbox: Sandbox) -> None:
    before = len(await sandbox.requests())
    error = await fal.refused(fal("subscribe", FLUX_PRO, arguments={"num_images": 99, "seed": "x"}))

    assert error.status_code == 422
    assert error.message == [
        {"loc": ["body", "prompt"], "msg": "prompt is required.", "type": "missing"},
        {"loc": ["body", "seed"], "msg": "seed must be a whole number.", "type": "type_error"},
        {"loc": ["body", "num_images"], "msg": IsStr(regex="num_images must be .+"), "type": "value_error"},
    ]
    assert len(await sandbox.requests()) == before


async def test_moderation_refusal_is_fals(fal: FalUser, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    before = len(await sandbox.requests())
    error = await fal.refused(fal("subscribe", FLUX_PRO, arguments=PROMPT))

    assert (error.status_code, error.error_type) == (422, "content_policy_violation")
    assert error.message == [{"loc": ["body", "prompt"], "msg": IsStr(), "type": "content_policy_violation"}]
    assert len(await sandbox.requests()) == before + 1


@pytest.mark.parametrize(("name", "status"), [("subscribe", 503), ("run", 500)])
async def test_failure_at_fal_keeps_its_status_where_no_client_pays_for_it_again(
    fal: FalUser, sandbox: Sandbox, name: str, status: int
) -> None:
    await sandbox.misbehaves({"fault": "runner_fails", "status": 503, "error_type": "runner_disconnected"})
    before = len(await sandbox.requests())
    error = await fal.refused(fal(name, FLUX_PRO, arguments=PROMPT))

    assert (error.status_code, error.error_type) == (status, "runner_disconnected")
    assert len(await sandbox.requests()) == before + 1


async def test_cancel_has_fals_four_answers(fal: FalUser, service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 60})
    handle = await fal("submit", FLUX_PRO, arguments=PROMPT)
    while not (await service.services.jobs.get(handle.request_id)).submission.request:
        await asyncio.sleep(0.02)
    await fal.of(handle, "cancel")
    await service.ended(handle.request_id)

    status = await fal.of(handle, "status")
    assert (status.error_type, status.error) == ("client_cancelled", IsStr())
    again = await fal.refused(fal.of(handle, "cancel"))
    assert (again.status_code, again.response.json()["status"]) == (400, "ALREADY_COMPLETED")
    error = await fal.refused(fal("result", FLUX_PRO, handle.request_id))
    assert (error.status_code, error.error_type) == (499, "client_cancelled")
    unknown = await fal.refused(fal("cancel", FLUX_PRO, "0" * 26))
    assert (unknown.status_code, unknown.response.json()["status"]) == (404, "NOT_FOUND")


async def test_result_of_an_unfinished_request_is_400(fal: FalUser, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 60})
    handle = await fal("submit", FLUX_PRO, arguments=PROMPT)
    answer = await asyncio.to_thread(
        httpx.get, handle.response_url, headers={"Authorization": f"Key {fal.key}"}, timeout=10
    )

    assert (answer.status_code, answer.json()["detail"]) == (400, "Request is still in progress")
    await fal.of(handle, "cancel")


async def test_webhook_has_fals_form_and_the_signature_of_our_key_set(
    fal: FalUser, service: Service, receiver: Receiver
) -> None:
    handle = await fal("submit", FLUX_PRO, arguments=PROMPT, webhook_url=receiver.url)
    (got,) = await receiver.times(1)

    result = await fal.of(handle, "get")
    body: Any = httpx.Response(200, content=got.body).json()
    payload = body.pop("payload")
    assert body == {"request_id": handle.request_id, "gateway_request_id": handle.request_id, "status": "OK"}
    assert (payload["seed"], payload["imagegen"]) == (result["seed"], result["imagegen"])
    (key,) = (await service.client.get("/fal/.well-known/jwks.json", headers={"Authorization": ""})).json()["keys"]
    names = ("request-id", "user-id", "timestamp")
    lines = [{name.lower(): value for name, value in got.headers.items()}[f"x-fal-webhook-{name}"] for name in names]
    signature = {name.lower(): value for name, value in got.headers.items()}["x-fal-webhook-signature"]
    signed = "\n".join([*lines, hashlib.sha256(got.body).hexdigest()])
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    public.verify(bytes.fromhex(signature), signed.encode())
    assert lines[:2] == [handle.request_id, "user123"]


async def test_failed_request_is_told_to_its_webhook(fal: FalUser, sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    handle = await fal("submit", FLUX_PRO, arguments=PROMPT, webhook_url=receiver.url)
    (got,) = await receiver.times(1)

    assert httpx.Response(200, content=got.body).json() == {
        "request_id": handle.request_id,
        "gateway_request_id": handle.request_id,
        "status": "ERROR",
        "error": "Invalid status code: 422",
        "payload": IsPartialDict(detail=[IsPartialDict(loc=["body", "prompt"], type="content_policy_violation")]),
    }


async def test_idempotency_key_finds_the_same_request(fal: FalUser, sandbox: Sandbox) -> None:
    before = len(await sandbox.requests())
    headers = {"Idempotency-Key": f"once-{fal.kind}"}
    first, second = [await fal("subscribe", FLUX_PRO, arguments=PROMPT, headers=headers) for _ in range(2)]

    assert first["imagegen"] == second["imagegen"]
    assert len(await sandbox.requests()) == before + 1
    other = await fal.refused(fal("subscribe", FLUX_PRO, arguments={"prompt": "A hare"}, headers=headers))
    assert other.status_code == 422


async def test_three_requests_at_once_are_three(fal: FalUser, sandbox: Sandbox) -> None:
    before = len(await sandbox.requests())
    results = await asyncio.gather(*(fal("subscribe", FLUX_PRO, arguments=PROMPT) for _ in range(3)))

    assert len({result["imagegen"]["jobId"] for result in results}) == 3
    assert len(await sandbox.requests()) == before + 3


async def test_unknown_endpoint_names_the_nearest_and_how_to_add_it(fal: FalUser) -> None:
    error = await fal.refused(fal("subscribe", "fal-ai/flux-pro/v1.2", arguments=PROMPT))

    assert error.status_code == 404
    assert "The nearest is 'fal-ai/flux-pro/v1.1'." in error.message
    assert "`imagegen models add fal-ai/flux-pro/v1.2`" in error.message


async def test_key_of_fal_is_refused_with_words(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    key = "0f1e2d3c-aaaa-bbbb-cccc-000000000000:6b1f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
    lead_here(monkeypatch, service, key)
    fal = FalUser("SyncClient", key)
    error = await fal.refused(fal("submit", FLUX_PRO, arguments=PROMPT))
    await fal.close()

    assert error.status_code == 401
    assert "Set FAL_KEY to an API key of this service" in error.message
    assert "6b1f0f0f" not in caplog.text


async def test_budget_without_room_is_402(
    service: Service, keys: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    scope = {"kind": "user", "value": "poor"}
    made = await service.client.post(
        "/api/budgets",
        json={"name": "poor", "scope": scope, "amount": 0.01},
        headers={"Authorization": f"Bearer {keys['admin']}"},
    )
    assert made.status_code == 201, made.text
    lead_here(monkeypatch, service, keys["poor"])
    fal, before = FalUser("AsyncClient", keys["poor"]), len(await sandbox.requests())
    error = await fal.refused(fal("submit", FLUX_PRO, arguments=PROMPT))
    await fal.close()

    assert error.status_code == 402
    assert error.message == IsStr(regex="The request may cost 0.05 USD, .+")
    assert error.response.json()["budgets"] == [IsPartialDict(remaining=IsApprox(0.01))]
    assert len(await sandbox.requests()) == before
