"""The TypeScript client as it is published: packed, installed into a clean folder, and used against the service."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from imagegen.settings import Settings
from tests.clients.test_webhook_verification import BODY, SECRET
from tests.support.clients import TYPESCRIPT, address, billed, blocks, run
from tests.support.door import door
from tests.support.processes import free_port, serving
from tests.support.service import Service
from tests.support.workspace import NODE, NPM, SDK, install_tools

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NAME: Final = "imagegen-service-client"
RUN: Final = f"""
import {{ Imagegen }} from "{NAME}";
const [url, prompt] = process.argv.slice(2);
const job = await new Imagegen(url, {{ user: "ann" }}).run("flux-pro", {{ prompt, timeout: 100_000 }});
const [image] = job.images;
const linked = await (await fetch(image.link)).arrayBuffer();
const sizes = [(await image.bytes()).length, linked.byteLength];
console.log(JSON.stringify([job.status, sizes.every((each) => each === image.sizeBytes)]));
"""
TYPED: Final = f"""
import {{ Imagegen, type Job }} from "{NAME}";
const client = new Imagegen("http://service", {{ user: "ann" }});
export const job: Job = await client.run("flux-pro", {{ prompt: "x", user: "u", timeout: 3, num_images: 2 }});
await client.run("flux-pro", {{ prompt: 1 }}); // refused
await client.run("flux-pro", {{}}); // refused
await client.run("flux-pro", {{ prompt: "x", no_such: 1 }}); // refused
await client.run("flux-por", {{ prompt: "x" }}); // refused
await client.submit("own", {{ inputs: {{ words: 3 }} }});
await client.subscribe("flux-pro", {{ prompt: "x" }}); // refused
await client.estimate("flux-pro", {{ num_images: 300 }});
await client.batch([{{ model: "flux-pro", prompt: "x" }}, {{ model: "own", inputs: {{}} }}], {{ partial: true }});
await client.batch([{{ model: "own", inputs: {{}} }}], {{ partial: 1 }}); // refused
await client.batch([{{ model: "flux-pro", promt: "x" }}]); // refused
await client.models({{ tags: ["fast"], sizes: "pixels", takesLoras: true }});
await client.models({{ sizes: "inches" }}); // refused
"""
POLICY: Final = f"""
import {{ inspect }} from "node:util";
import * as imagegen from "{NAME}";
const [job, secret, body, headers] = process.argv.slice(2).map((each) => JSON.parse(each));
const key = "ig_a-key-that-nobody-may-see…";
async function tried(answers, call) {{
  const requests = [];
  const send = async (url, init) => {{
    requests.push([String(url), init]);
    const [status, content, more] = answers.shift();
    if (status === 0) throw new TypeError("fetch failed");
    return new Response(content === null ? null : JSON.stringify(content), {{ status, headers: more }});
  }};
  const client = new imagegen.Imagegen("http://service", {{ apiKey: key, user: "ann", fetch: send, retryFor: 3000 }});
  let said;
  try {{ said = await call(client); }} catch (error) {{ said = error; }}
  const shown = inspect([client, said], {{ depth: 9, showHidden: true }});
  return {{
    name: said?.name ?? said?.status ?? said,
    requests: requests.length,
    keys: new Set(requests.map(([, init]) => init.headers["idempotency-key"])).size,
    sent: new TextDecoder().decode(Uint8Array.from(requests[0][1].headers.authorization, (each) => each.charCodeAt(0))),
    shows: shown.includes("nobody-may-see"),
    facts: said instanceof Error ? [said.retryable, said.charged, said.requestId] : null,
  }};
}}
const problem = (status, code, more) => [status, {{ status, code, detail: "No.", title: "", type: "", ...more }}];
const go = (client) => client.run("flux-pro", {{ prompt: "x" }});
const wrong = async (...changed) => {{
  try {{ await imagegen.verifyWebhook(...changed); return "passed"; }} catch (error) {{ return error.name; }}
}};
console.log(JSON.stringify({{
  lost: await tried([[0], [0], [200, job]], go),
  limited: await tried([[...problem(503, "unavailable"), {{ "retry-after": "1" }}], [200, job]], go),
  far: await tried([[...problem(503, "unavailable", {{ retryable: true }}), {{ "retry-after": "600" }}]], go),
  invalid: await tried([problem(400, "invalid_input", {{ requestId: "r", retryable: false }})], go),
  failed: await tried([problem(500, "x", {{ jobId: "1", retryable: true, charged: true, requestId: "r" }})], go),
  away: await tried([[0], [0], [0], [0], [0], [0]], go),
  polled: await tried([[200, {{ ...job, status: "queued" }}], problem(503, "too_many_streams"), [200, job]], go),
  deleted: await tried([[0], problem(410, "job_deleted")], (client) => client.delete("1")),
  webhook: (await imagegen.verifyWebhook(body, headers, [secret])).type,
  wrong: [
    await wrong(body + " ", headers, secret),
    await wrong(body, headers, "whsec_AAAA"),
    await wrong(body, {{}}, secret),
    await wrong(body, {{ ...headers, "webhook-timestamp": "1" }}, secret),
  ],
}}));
"""
PARTIAL: Final = f"""
import {{ Imagegen }} from "{NAME}";
const bodies = [];
const send = async (_url, init) => {{
  bodies.push(JSON.parse(init.body));
  return new Response("{{}}", {{ status: 202 }});
}};
const client = new Imagegen("http://service", {{ user: "ann", fetch: send }});
for (const options of [{{ partial: true }}, {{ partial: false }}, undefined]) await client.batch([], options);
console.log(JSON.stringify(bodies));
"""
FILTERS: Final = f"""
import {{ Imagegen }} from "{NAME}";
const asked = [];
const send = async (url) => {{
  asked.push(String(url).split("/models")[1]);
  return new Response('{{"models": []}}');
}};
const client = new Imagegen("http://service", {{ fetch: send }});
await client.models();
await client.models({{ category: "a b", tags: ["x", "y"], maxCost: 0.05, takesImages: false, search: "z" }});
await client.models({{ tags: [], takesMask: undefined }});
console.log(JSON.stringify(asked));
"""
MISTAKES: Final = f"""
import {{ Imagegen }} from "{NAME}";
const requests = [];
async function tried(call) {{
  requests.length = 0;
  const send = async (url) => {{
    requests.push(String(url));
    if (url.includes("usage")) throw new Error(url);
    throw Object.assign(new TypeError("fetch failed"), {{ cause: {{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }} }});
  }};
  try {{
    await call(new Imagegen("http://service", {{ user: "ann", fetch: send, retryFor: 0 }}));
  }} catch (error) {{
    const shown = requests[0]?.includes("usage") ? requests[0] : String(error);
    return [requests.length, shown + (error.retryable === false && requests.length ? " false" : "")];
  }}
}}
console.log(JSON.stringify({{
  address: await tried(() => new Imagegen("localhost:5000")),
  scheme: await tried(() => new Imagegen("ftp://localhost")),
  empty: await tried((client) => client.cancel("")),
  number: await tried((client) => client.run("flux-pro", {{ prompt: 1n }})),
  path: await tried((client) => client.job("../usage")),
  certificate: await tried((client) => client.run("flux-pro", {{ prompt: "x" }})),
}}));
"""


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of one's own with nothing but the packed client."""
    await install_tools()
    source, clean = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("clean")
    await asyncio.to_thread(shutil.copytree, TYPESCRIPT, source, dirs_exist_ok=True)
    (source / "node_modules").symlink_to(SDK / "node_modules")
    (clean / "package.json").write_text('{"type": "module", "private": true}')
    for where, command in (
        (source, [NODE, "node_modules/typescript/bin/tsc"]),
        (source, [NODE, NPM, "pack", "--ignore-scripts", "--pack-destination", str(clean)]),
        (clean, [NODE, NPM, "install", "--offline", "--no-audit", "--no-fund", f"./{NAME}-0.1.0.tgz"]),
    ):
        status, printed = await run(*command, folder=where)
        assert status == 0, printed
    return clean


async def node(folder: Path, program: str, *arguments: str) -> Any:
    """What a program prints, as JSON."""
    file = folder / f"{uuid4().hex}.js"
    file.write_text(program)
    status, printed = await run(NODE, file.name, *arguments, folder=folder)
    assert status == 0, printed
    return json.loads(printed)


async def test_the_package_has_one_entry_and_no_dependency(folder: Path) -> None:
    package: Mapping[str, Any] = json.loads((folder / "node_modules" / NAME / "package.json").read_text())

    assert "dependencies" not in package
    assert (folder / "node_modules" / NAME / package["exports"]["."]["types"]).exists()


async def test_the_readme_runs_as_it_is_printed(folder: Path, service: Service) -> None:
    for program in blocks(TYPESCRIPT / "README.md", "js"):
        (folder / "page.js").write_text(program.replace("http://localhost:5000", address(service)))
        status, printed = await run(NODE, "page.js", folder=folder)
        assert status == 0, printed
    assert (folder / "lighthouse.jpg").read_bytes()[:2] == b"\xff\xd8"


async def test_tsc_refuses_what_is_wrong_for_a_model(folder: Path) -> None:
    (folder / "typed.ts").write_text(TYPED)
    options = ("--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--pretty", "false")

    _, printed = await run(NODE, str(SDK / "node_modules/typescript/bin/tsc"), *options, "typed.ts", folder=folder)

    refused = {int(line.partition("(")[2].partition(",")[0]) for line in printed.splitlines() if "typed.ts(" in line}
    assert refused == {number for number, line in enumerate(TYPED.splitlines(), 1) if "// refused" in line}, printed


async def test_retries_errors_and_webhooks(folder: Path) -> None:
    cost = {"costPerImage": 0.05, "numImages": 1, "totalCost": 0.05, "currency": "USD"}
    job: dict[str, Any] = {"jobId": "1", "status": "completed", "images": [], "error": None, "cost": cost}
    now = datetime.now(UTC)
    signed = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("m", now, BODY),
    }

    told = await node(folder, POLICY, *map(json.dumps, (job, SECRET, BODY, signed)))

    tries: dict[str, Any] = {name: each for name, each in told.items() if name not in {"webhook", "wrong"}}
    assert {each["sent"] for each in tries.values()} == {"Bearer ig_a-key-that-nobody-may-see…"}
    assert {each["shows"] for each in tries.values()} == {False}
    assert {
        name: (each.get("name"), each["requests"], each["keys"]) for name, each in tries.items() if name != "away"
    } == {
        "lost": ("completed", 3, 1),
        "limited": ("completed", 2, 1),
        "far": ("ServiceUnavailable", 1, 1),
        "invalid": ("InvalidRequest", 1, 1),
        "failed": ("JobFailed", 1, 1),
        "polled": ("completed", 3, 2),
        "deleted": (None, 2, 1),
    }
    assert (tries["away"]["name"], tries["away"]["keys"]) == ("ConnectionFailed", 1)
    assert (tries["invalid"]["facts"], tries["failed"]["facts"]) == ([False, None, "r"], [True, True, "r"])
    assert (told["webhook"], told["wrong"]) == ("job.completed", ["InvalidWebhook"] * 4)


async def test_a_batch_is_partial_only_if_it_is_asked_to_be(folder: Path) -> None:
    whole: dict[str, Any] = {"requests": [], "userId": "ann"}

    assert await node(folder, PARTIAL) == [{**whole, "partial": True}, whole, whole]


async def test_models_are_asked_for_by_what_they_can_do(folder: Path) -> None:
    assert await node(folder, FILTERS) == [
        "",
        "?category=a+b&maxCost=0.05&takesImages=false&tag=x&tag=y&q=z",
        "",
    ]


async def test_mistakes_are_told_at_once(folder: Path) -> None:
    told = await node(folder, MISTAKES)

    wrong = "TypeError: The service's URL is wrong: it has to be one such as http://localhost:5000."
    assert told == {
        "address": [0, wrong],
        "scheme": [0, wrong],
        "empty": [0, "TypeError: The id is empty."],
        "number": [0, "TypeError: Do not know how to serialize a BigInt"],
        "path": [1, "http://service/api/jobs/..%2Fusage"],
        "certificate": [1, "ConnectionFailed: http://service does not answer: DEPTH_ZERO_SELF_SIGNED_CERT. false"],
    }


async def test_a_lost_answer_of_run_is_not_paid_twice(folder: Path, service: Service) -> None:
    prompt = uuid4().hex
    assert service.client.base_url.port is not None
    async with door(service.client.base_url.port) as entrance:
        with entrance.holding('"jobId"') as held:
            running = asyncio.create_task(node(folder, RUN, f"http://127.0.0.1:{entrance.port}", prompt))
            await held.came.wait()
            await entrance.shut()
        await entrance.open()
        ended = await running

    assert ended == ["completed", True]
    assert len(await billed(service, prompt)) == 1


async def test_a_service_that_is_killed_meanwhile_is_paid_once(
    folder: Path, stack: Settings, service: Service, tmp_path: Path
) -> None:
    prompt, port = uuid4().hex, free_port()
    mongodb = stack.mongodb.model_copy(update={"database": f"killed-{port}"})
    nats = stack.nats.model_copy(update={"stream": f"killed-{port}"})
    settings = stack.model_copy(update={"mongodb": mongodb, "nats": nats})
    await service.sandbox.misbehaves({"fault": "latency", "generation": 4})
    try:
        async with serving(settings, tmp_path, port=port) as first:
            running = asyncio.create_task(node(folder, RUN, f"http://127.0.0.1:{port}", prompt))
            async with asyncio.timeout(30):
                while not await billed(service, prompt):
                    await asyncio.sleep(0.05)
            await first.kill()
        async with serving(settings, tmp_path, port=port):
            ended = await running
    finally:
        await service.sandbox.behaves()

    assert ended == ["completed", True]
    assert len(await billed(service, prompt)) == 1
