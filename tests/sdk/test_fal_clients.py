"""fal's JavaScript client, and Vercel's AI SDK, against the service, as the page "Coming from fal" leads them here."""

import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

import pytest
from dirty_equals import Contains, IsPartialDict, IsStr
from pydantic import SecretStr

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.keys import KeyScope
from imagegen.settings import Settings, WebhookSettings
from tests.support.jobs_apart import apart
from tests.support.keys import add_key
from tests.support.pages import ROOT, Page
from tests.support.receiver import Receiver
from tests.support.service import Sandbox, Service, running
from tests.support.specimens import PNG
from tests.support.workspace import NODE, SDK, Workspace, install_tools

pytestmark = pytest.mark.matrix
PAGE: Final = Page(ROOT / "docs/guides/fal-clients.md")
MIDDLEWARE, PROXY, AI_SDK = [block.text for block in PAGE.blocks if block.language == "js"]
HERE: Final = "https://imagegen.example.com"
FLUX_PRO: Final = '"fal-ai/flux-pro/v1.1"'


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    secret = SecretStr("whsec_" + base64.b64encode(bytes(32)).decode())
    return apart(stack).model_copy(update={"webhooks": WebhookSettings(secrets=secret, allow_private=True)})


@pytest.fixture(scope="module")
async def keys(settings: Settings) -> dict[str, str]:
    """The tokens of keys that there are from the start: a new one is known after a moment only."""
    return {
        "all": await add_key(settings, "all", told=False, default_user="user123"),
        "poor": await add_key(settings, "poor", told=False, users=["poor"]),
        "admin": await add_key(settings, "admin", told=False, scopes=[KeyScope.ADMIN]),
    }


@pytest.fixture(scope="module")
def token(keys: dict[str, str]) -> str:
    return keys["all"]


@pytest.fixture(scope="module")
async def service(settings: Settings, token: str) -> AsyncGenerator[Service]:
    await install_tools()
    async with running(settings) as service, sending_webhooks(service.services):
        service.client.headers["Authorization"] = f"Bearer {token}"
        yield service


@pytest.fixture
async def sandbox(service: Service) -> AsyncGenerator[Sandbox]:
    yield service.sandbox
    await service.sandbox.behaves()


class Script:
    """Runs programs that begin with the page's lines."""

    def __init__(self, beginning: str, address: str, key: str) -> None:
        self._beginning, self.key = beginning.replace(HERE, address), key

    async def __call__(self, expression: str, before: str = "") -> Any:
        """The value of an expression, after these statements; or the error that it throws."""
        program = f"""{self._beginning}
        {before}
        const told = (error) => ({{
          name: error.name, message: error.message, status: error.status, body: error.body,
          fields: error.fieldErrors, id: error.requestId, code: error.statusCode,
        }});
        let value;
        try {{ value = await ({expression}); }} catch (error) {{ value = {{ error: told(error) }}; }}
        console.log(JSON.stringify(value ?? null));
        """
        run = Workspace(SDK).run(NODE, "--input-type=module", "--eval", program, environ={"FAL_KEY": self.key})
        finished = await run
        assert finished.status == 0, finished.printed
        return json.loads(finished.printed.splitlines()[-1])


@pytest.fixture(params=["middleware", "proxy"])
def fal(request: pytest.FixtureRequest, service: Service, token: str) -> Script:
    address = str(service.client.base_url).rstrip("/")
    return Script(MIDDLEWARE if request.param == "middleware" else PROXY, address, token)


async def test_subscribe_returns_the_result_with_images_of_the_bucket(fal: Script, service: Service) -> None:
    got = await fal(
        f'fal.subscribe({FLUX_PRO}, {{ input: {{ prompt: "A fox", seed: 7 }}, logs: true, '
        "onQueueUpdate: (update) => updates.push(update.status) })",
        "const updates = [];",
    )

    job = await service.job(got["requestId"])
    assert got["data"] == IsPartialDict(seed=7, imagegen={"jobId": job["jobId"], "cost": 0.05})
    assert got["data"]["images"] == [IsPartialDict(content_type="image/jpeg", url=IsStr())]
    assert (job["userId"], job["status"]) == ("user123", "completed")


async def test_subscribe_by_streaming_returns_the_result(fal: Script, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 0.3, "generation": 0.3})
    got = await fal(f'fal.subscribe({FLUX_PRO}, {{ input: {{ prompt: "A fox" }}, mode: "streaming", logs: true }})')

    assert got["data"] == IsPartialDict(images=[IsPartialDict(url=IsStr())])


async def test_queue_has_logs_and_the_result(fal: Script) -> None:
    got = await fal(
        "(async () => { const { request_id: requestId } = await fal.queue.submit("
        f'{FLUX_PRO}, {{ input: {{ prompt: "A fox", strange: 1 }}, priority: "low" }}); '
        f"let status; do status = await fal.queue.status({FLUX_PRO}, {{ requestId, logs: true }}); "
        'while (status.status !== "COMPLETED"); '
        f"return {{ status, result: await fal.queue.result({FLUX_PRO}, {{ requestId }}) }}; }})()"
    )

    assert got["status"]["logs"] == Contains(IsPartialDict(level="WARN", message="flux-pro has no strange: ignored."))
    assert got["result"]["data"] == IsPartialDict(images=[IsPartialDict(url=IsStr())])


async def test_run_and_stream_have_the_result(fal: Script) -> None:
    ran = await fal('fal.run("fal-ai/flux/dev", { input: { prompt: "A fox" } })')
    streamed = await fal(
        '(async () => { const stream = await fal.stream("fal-ai/flux/dev", { input: { prompt: "A fox" } }); '
        "const events = []; for await (const event of stream) events.push(event); "
        "return { events, done: await stream.done() }; })()"
    )

    assert ran["data"] == IsPartialDict(images=[IsPartialDict(url=IsStr())])
    assert streamed["events"] == [streamed["done"]]
    assert streamed["done"] == IsPartialDict(images=[IsPartialDict(url=IsStr())])


async def test_file_in_the_input_is_uploaded_and_edited(fal: Script, service: Service, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(PNG)
    got = await fal(
        'fal.subscribe("fal-ai/nano-banana-pro/edit", { input: { prompt: "In winter", image_urls: [photo] } })',
        f'const bytes = await (await import("node:fs/promises")).readFile({json.dumps(str(tmp_path / "photo.png"))});'
        'const photo = new File([bytes], "photo.png", { type: "image/png" });',
    )

    job = await service.job(got["requestId"])
    assert job["inputs"]["image_urls"] == [IsStr(regex=r"http://.+/inputs/user123/[0-9a-f]{64}\.png.*")]


async def test_file_that_is_no_image_is_refused(fal: Script) -> None:
    got = await fal('fal.storage.upload(new File(["text"], "a.png", { type: "image/png" }))')

    assert got["error"] == IsPartialDict(status=415, message=IsStr(regex="The file cannot be used: .+"))


async def test_wrong_values_are_field_errors(fal: Script, sandbox: Sandbox) -> None:
    before = len(await sandbox.requests())
    got = await fal(f"fal.subscribe({FLUX_PRO}, {{ input: {{ num_images: 99 }} }})")

    assert got["error"] == IsPartialDict(
        name="ValidationError", status=422, message=IsStr(regex="prompt is required.+")
    )
    assert [fault["loc"] for fault in got["error"]["body"]["detail"]] == [["body", "prompt"], ["body", "num_images"]]
    assert len(await sandbox.requests()) == before


async def test_moderation_refusal_is_a_validation_error(fal: Script, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    before = len(await sandbox.requests())
    got = await fal(f'fal.subscribe({FLUX_PRO}, {{ input: {{ prompt: "A fox" }} }})')

    assert got["error"] == IsPartialDict(name="ValidationError", status=422, id=IsStr())
    assert got["error"]["body"]["detail"] == [IsPartialDict(loc=["body", "prompt"], type="content_policy_violation")]
    assert len(await sandbox.requests()) == before + 1


async def test_failure_at_fal_is_not_sent_again(fal: Script, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "runner_fails", "status": 503})
    before = len(await sandbox.requests())
    got = await fal(f'fal.run({FLUX_PRO}, {{ input: {{ prompt: "A fox" }} }})')

    assert got["error"]["status"] == 500
    assert len(await sandbox.requests()) == before + 1


async def test_budget_without_room_is_402_with_words(fal: Script, service: Service, keys: dict[str, str]) -> None:
    fal.key = keys["poor"]
    body = {"name": "poor", "scope": {"kind": "user", "value": "poor"}, "amount": 0.01}
    await service.client.post("/api/budgets", json=body, headers={"Authorization": f"Bearer {keys['admin']}"})
    got = await fal(f'fal.subscribe({FLUX_PRO}, {{ input: {{ prompt: "A fox" }} }})')

    assert got["error"] == IsPartialDict(status=402, message=IsStr(regex="The request may cost 0.05 USD.+"))


async def test_cancelled_request_is_told(fal: Script, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 60})
    got = await fal(
        "(async () => { const { request_id: requestId } = await fal.queue.submit("
        f'{FLUX_PRO}, {{ input: {{ prompt: "A fox" }} }}); '
        f"await fal.queue.cancel({FLUX_PRO}, {{ requestId }}); "
        f"let status; do status = await fal.queue.status({FLUX_PRO}, {{ requestId }}); "
        'while (status.status !== "COMPLETED"); return status; })()'
    )

    assert got == IsPartialDict(error_type="client_cancelled", error=IsStr())


async def test_webhook_has_fals_form(fal: Script, receiver: Receiver) -> None:
    got = await fal(
        f'fal.queue.submit({FLUX_PRO}, {{ input: {{ prompt: "A fox" }}, webhookUrl: {json.dumps(receiver.url)} }})'
    )
    (received,) = await receiver.times(1)

    assert json.loads(received.body) == IsPartialDict(request_id=got["request_id"], status="OK")


@pytest.fixture
def ai_sdk(service: Service, token: str) -> Script:
    beginning = f'import {{ generateImage }} from "ai";\n{AI_SDK}'
    return Script(beginning, str(service.client.base_url).rstrip("/"), token)


async def test_ai_sdk_makes_an_image(ai_sdk: Script) -> None:
    got = await ai_sdk(
        'generateImage({ model: fal.image("fal-ai/flux/dev"), prompt: "A fox" })'
        ".then(({ image }) => [image.mediaType, image.uint8Array.length > 100])"
    )

    assert got == ["image/jpeg", True]


async def test_ai_sdk_tells_wrong_values(ai_sdk: Script) -> None:
    got = await ai_sdk(
        'generateImage({ model: fal.image("fal-ai/flux/dev"), prompt: "A fox", '
        'providerOptions: { fal: { loras: "none" } } })'
    )

    assert got["error"] == IsPartialDict(code=422, message=IsStr(regex="body.loras: .+"))
