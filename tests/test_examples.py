"""Every example in README.md and under docs/ is true: it runs, and it answers or prints what the page shows."""

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue, SecretStr

from imagegen.registry import load_registry
from imagegen.settings import Settings
from tests.support.door import door
from tests.support.office import about_its_own, is_about_keys, office_of
from tests.support.pages import ADDRESS, JOB_ID, ROOT, Block, Example, Page, Script, Typed, pages, send
from tests.support.service import FLUX, ITEM, Service, running
from tests.support.shown import ELLIPSIS, answer_in, differences, reads_as, untruths
from tests.support.specimens import PNG
from tests.support.workspace import NODE

PAGES: Final = pages()
README: Final = PAGES[0]
API: Final = Page(ROOT / "docs/api.md")
ALL_EXAMPLES: Final = [example for page in PAGES for example in page.examples()]
OF_KEYS: Final = [each for each in ALL_EXAMPLES if is_about_keys(each)]
EXAMPLES: Final = [each for each in ALL_EXAMPLES if not is_about_keys(each)]
SCRIPTS: Final = [script for page in PAGES for script in page.scripts()]
PROGRAMS: Final = [block for page in PAGES for block in page.blocks if block.language in {"python", "js"}]
SHEET: Final = next(block for block in Page(ROOT / "docs/guides/batches.md").blocks if block.language == "csv")
CALLS_FAL: Final = re.compile(r"fal_client|@fal-ai/client")

# Blocks that no test of this file runs, by their page and how they begin, and why.
ELSEWHERE: Final = {
    ("README.md", "make demo"): "test_first_steps.py runs the demo; `make test` is what runs here",
    ("README.md", "make serve"): "test_first_steps.py starts the service; what is asked of it runs here",
    ("README.md", ".venv/bin/imagegen generate"): "test_the_readmes_command_saves_an_image runs it",
    ("README.md", "your-new-model:"): "the catalog of the service here",
    ("docs/guides/adding-a-model.md", "your-sharper-model:"): "the catalog of the service here",
    ("docs/guides/adding-a-model.md", "your-priced-model:"): "the catalog of the service here",
    ("docs/guides/adding-a-model.md", "flux-2-max:"): "the catalog of the service here",
    ("docs/guides/adding-a-model.md", "your-last-model:"): "the catalog of the service here",
    (
        "docs/decisions/0041-catalog-language.md",
        "some-model:",
    ): "every key at once; tests/registry has an entry for each",
    (
        "docs/guides/adding-a-model.md",
        "imagegen models search",
    ): "tests/cli/test_catalog_commands.py types such commands",
    ("docs/cli.md", "imagegen models list"): "tests/cli types such commands; test_readme.py knows each option",
    ("docs/cli.md", "imagegen models search"): "as above; test_readme.py knows each option",
    ("docs/guides/batches.md", "name,prompt"): "the file that the script below it reads",
    ("docs/guides/clients.md", ".venv/bin/imagegen openapi"): "tests/sdk runs it, with the tools pinned",
    ("docs/guides/fal-clients.md", "export FAL_RUN_HOST"): "tests/doors/fal runs fal-client with them",
    ("docs/guides/own-servers.md", "S3_BUCKET="): "test_first_steps.py starts a service with it",
    ("docs/guides/own-servers.md", ".venv/bin/imagegen doctor"): "test_first_steps.py runs it with the block above it",
    ("docs/guides/own-servers.md", "RESULT "): "what the doctor prints: as above",
    ("docs/guides/production.md", ".venv/bin/imagegen keys add"): "test_first_steps.py runs it in a shell",
    ("docs/guides/production.md", 'echo "FAL_KEY='): "there is no container engine; test_docker.py checks the files",
    ("docs/cli.md", "imagegen links rotate"): "tests/links/test_secrets.py types such commands",
    ("docs/cli.md", "imagegen generate"): "tests/cli types such commands; test_readme.py knows each option",
    ("docs/cli.md", "imagegen keys add"): "tests/keys types such commands; test_readme.py knows each option",
    ("docs/cli.md", "imagegen budgets add"): "tests/budgets types such commands; test_readme.py knows each option",
    ("docs/cli.md", "[default]"): "a file of profiles: tests/cli reads one",
    ("docs/cli.md", "model,prompt"): "a table: tests/cli/test_batch.py prices and makes one of the same form",
    ("docs/cli.md", "$ imagegen sandbox"): "tests/cli starts the sandbox by itself, and fal's client uses it",
    ("docs/benchmarks.md", "python3 -m venv litellm"): "a peer to be measured beside, with dependencies of its own",
    ("docs/operations.md", '{"event"'): "a line of the log: tests/logs compares its fields",
    ("docs/operations.md", "POST /api/images/generate"): "a trace: tests/telemetry compares its spans",
    ("docs/operations.md", "scrape_configs:"): "what Prometheus is told; tests/metrics scrapes",
    ("docs/operations.md", "services:\n  prometheus:"): "there is no container engine; test_docker.py compares it",
    ("docs/operations.md", "rule_files:"): "as above",
    ("docs/operations.md", "[Unit]\nDescription=Compare the catalog of imagegen with fal.ai\n"): (
        "a unit of systemd; tests/metrics/test_catalog_check.py types its command"
    ),
    ("docs/operations.md", "[Unit]\nDescription=Compare the catalog of imagegen with fal.ai once"): "its timer",
    ("docs/operations.md", "import os"): "tests/survival restores a backup with it",
    ("docs/webhooks.md", '{"type": "job.completed"'): "tests/deliveries receives one and compares",
    ("docs/webhooks.md", '{"type": "budget.alert"'): "tests/deliveries compares its members",
    ("docs/webhooks.md", '{"deliveries"'): "tests/deliveries compares a log with it",
    ("docs/webhooks.md", 'echo "WEBHOOK_SECRETS='): "tests/webhooks reads what it makes",
    ("docs/webhooks.md", "from standardwebhooks"): "tests/deliveries runs it",
    ("docs/reliability.md", "queued ──▶ running"): "a drawing",
}
_ENTRIES: Final = ("your-", "flux-2-max:")  # a model of the reader's, and the price of a built-in one


@pytest.fixture(scope="module")
async def service(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Service]:
    async with of_the_pages(stack, tmp_path_factory.mktemp("catalog"), "pages") as service:
        yield service


@pytest.fixture(scope="module")
async def unlucky(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Service]:
    """Where requests of the page's user fail: nobody knows what fal bills for them, so no sums are shown of it."""
    async with of_the_pages(stack, tmp_path_factory.mktemp("catalog"), "unlucky") as service:
        yield service


@asynccontextmanager
async def of_the_pages(stack: Settings, directory: Path, name: str) -> AsyncGenerator[Service]:
    """A service of its own, with the pages' models in its catalog: nobody else pays under its key."""
    catalog = directory / "models.yaml"
    entries = [block.text for page in PAGES for block in page.blocks if block.text.startswith(_ENTRIES)]
    catalog.write_text("\n".join(entries))
    registry = await asyncio.to_thread(load_registry, (catalog,))
    own = stack.model_copy(
        update={
            "fal": stack.fal.model_copy(update={"key": SecretStr(f"{name}-of-{stack.mongodb.database}:secret")}),
            "mongodb": stack.mongodb.model_copy(update={"database": f"{stack.mongodb.database}-{name}"}),
            "nats": stack.nats.model_copy(update={"stream": f"{stack.nats.stream}-{name}"}),
        }
    )
    async with running(own, registry) as service:
        yield service


@pytest.fixture(scope="module")
async def job_id(service: Service) -> str:
    return (await service.generate()).json()["jobId"]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
async def test_a_curl_example_is_answered_as_shown(example: Example, service: Service, job_id: str) -> None:
    request = example.request
    about = await what_it_is_about(request, service, job_id)
    answer = await send(request, service.client, about)

    if example.shown is None:
        assert answer.is_success, answer.text
    else:
        assert list(untruths(answer_in(example.shown), answer, about)) == []


@pytest.mark.parametrize("example", OF_KEYS, ids=str)
async def test_a_curl_example_about_keys_is_answered_as_shown(example: Example, office: Service) -> None:
    example = await about_its_own(example, office)
    budget = JOB_ID.search(example.request.path)
    about = budget[0] if budget else ""
    answer = await send(example.request, office.client, about)

    assert example.shown is not None
    assert list(untruths(answer_in(example.shown), answer, about)) == []


@pytest.fixture(scope="module")
async def office(stack: Settings) -> AsyncGenerator[Service]:
    async with office_of(stack) as office:
        yield office


async def what_it_is_about(request: Typed, service: Service, job_id: str) -> str:
    """The id that the request needs: of a job to delete, to cancel or to try again, of a batch, or of the page."""
    if request.path.startswith("/api/batches/"):
        batch = (await service.batch(ITEM, ITEM)).json()
        await service.client.get(f"/api/batches/{batch['batchId']}", params={"wait": 30})
        return batch["batchId"]
    if request.path.endswith("/retry"):
        await service.sandbox.misbehaves({"fault": "model_fails"})
        # Another user's: nobody knows what fal bills for it, and the page's user has sums in which all is known.
        failed = (await service.generate({**FLUX, "userId": "unlucky"})).json()["jobId"]
        await service.sandbox.behaves()
        return failed
    if request.path.endswith("/cancel"):
        return await job_at_fal(service)
    return (await service.generate()).json()["jobId"] if request.method == "DELETE" else job_id


async def job_at_fal(service: Service) -> str:
    """A job whose request fal has, and is not at work on yet."""
    await service.sandbox.misbehaves({"fault": "latency", "queue": 60})
    job_id = await service.accept({**FLUX, "userId": "nobody of the pages"})
    while not (await service.services.jobs.get(job_id)).submission.request:
        await asyncio.sleep(0.02)
    await service.sandbox.behaves()
    return job_id


def test_an_example_that_is_not_true_is_noticed() -> None:
    shown: JsonValue = {"a": 1, "b": ["x", ELLIPSIS], "c": f"{ELLIPSIS}end", "gone": 1, "url": "http://…", "d": [1]}
    real: JsonValue = {"a": 2, "b": ["y", "z"], "c": "the end", "more": 1, "url": 5, "d": [1, 2]}

    assert sorted(differences(shown, real)) == [
        "/a: 1 shown, 2 real",
        "/b/0: 'x' shown, 'y' real",
        "/d: 1 shown, 2 real",
        "/url: 'http://…' shown, 5 real",
        ": ['gone', 'more'] on one side only",
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
async def test_a_script_prints_what_is_shown_and_run_again_pays_nothing(
    script: Script, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(PNG)
    (tmp_path / "prompts.csv").write_text(SHEET.text)
    assert script.prints is not None, "the page does not show what it prints"
    first = await output(script.block, here(service), tmp_path)
    await all_ended(service)
    paid = await service.sandbox.requests()
    again = await output(script.block, here(service), tmp_path)
    await all_ended(service)

    assert [text for text in (first, again) if not reads_as(script.prints.text, text)] == []
    assert await service.sandbox.requests() == paid


async def test_a_retry_loop_makes_a_failed_picture_once_more_and_pays_once(unlucky: Service, tmp_path: Path) -> None:
    for loop in loops("at noon"):
        before = len(await unlucky.sandbox.requests())
        await unlucky.sandbox.misbehaves({"fault": "runner_fails", "status": 503, "times": 1})
        printed = await output(loop, here(unlucky), tmp_path)
        await unlucky.sandbox.behaves()

        assert printed.startswith("completed ")
        assert len(await unlucky.sandbox.requests()) == before + 2  # fal bills no request that failed


async def test_a_retry_loop_that_is_cut_off_finds_its_job_again(unlucky: Service, tmp_path: Path) -> None:
    port = unlucky.client.base_url.port
    assert port is not None
    for loop in loops("at night"):
        before = len(await unlucky.sandbox.requests())
        await unlucky.sandbox.misbehaves({"fault": "latency", "generation": 1.5})
        async with door(port) as way:
            running = asyncio.create_task(output(loop, f"http://127.0.0.1:{way.port}", tmp_path))
            while len(await unlucky.sandbox.requests()) == before:
                await asyncio.sleep(0.05)
            await way.shut()
            await way.open()
            printed = await running
        await unlucky.sandbox.behaves()

        assert printed.startswith("completed ")
        assert len(await unlucky.sandbox.requests()) == before + 1


async def test_the_readmes_command_saves_an_image(service: Service, tmp_path: Path) -> None:
    (block,) = [block for block in README.blocks if block.text.startswith(".venv/bin/imagegen generate")]
    _, *arguments = shlex.split(block.text)
    environ = {**os.environ, "NO_PROXY": "127.0.0.1", "IMAGEGEN_URL": here(service)}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "imagegen", *arguments, cwd=tmp_path, env=environ, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await child.communicate()

    assert (child.returncode, printed.decode()) == (0, "lighthouse.jpg\n")
    assert (tmp_path / "lighthouse.jpg").stat().st_size > 0


def loops(when: str) -> list[Block]:
    """The retry loops, about another picture than the page's, so that no earlier key answers for it."""
    found = [script.block for script in SCRIPTS if "retryable" in script.block.text]
    assert [loop.language for loop in found] == ["python", "js"]
    changes = {
        "at dawn": when,
        "tower-": f"tower {when}-".replace(" ", "-"),
        "mill-": f"mill {when}-".replace(" ", "-"),
    }
    return [replace(loop, text=_replaced(loop.text, changes)) for loop in found]


def _replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


async def output(program: Block, address: str, folder: Path) -> str:
    """What a program prints in this folder; it must succeed."""
    text = program.text.replace(ADDRESS, address)
    start = (NODE, "--input-type=module", "--eval") if program.language == "js" else (sys.executable, "-c")
    environ = {**os.environ, "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT / "sdk/python/src")}
    child = await asyncio.create_subprocess_exec(
        *start, text, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, told = await child.communicate()
    assert (child.returncode, told.decode()) == (0, "")
    return printed.decode()


def here(service: Service) -> str:
    return str(service.client.base_url).rstrip("/")


async def all_ended(service: Service) -> None:
    for status in ("queued", "running"):
        while (await service.client.get("/api/jobs", params={"status": status})).json()["jobs"]:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
async def test_every_program_is_of_its_language(program: Block, tmp_path: Path) -> None:
    if program.language == "python":
        compile(program.text, str(program), "exec")
        return
    file = tmp_path / "program.mjs"
    file.write_text(program.text)
    check = await asyncio.create_subprocess_exec(NODE, "--check", str(file), stderr=asyncio.subprocess.PIPE)
    _, told = await check.communicate()
    assert (check.returncode, told.decode()) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_is_seen(page: Page) -> None:
    assert page.fences == 2 * len(page.blocks)


def test_every_block_that_is_not_run_here_has_its_reason() -> None:
    """A program that calls fal.ai itself is shown to be replaced: it is only read."""
    others = [block for page in PAGES for block in page.others() if not CALLS_FAL.search(block.text)]
    others = [block for block in others if block.language != "mermaid"]  # drawings: test_docs.py reads their names
    known = {
        (page, start): [block for block in others if block.page == page and block.text.startswith(start)]
        for page, start in ELSEWHERE
    }

    assert [str(block) for block in others if block not in chain.from_iterable(known.values())] == []
    assert [key for key, blocks in known.items() if len(blocks) != 1] == []


def operations() -> list[str]:
    document = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]


def test_every_operation_has_one_section_and_every_section_its_operation() -> None:
    assert sorted(re.findall("^### `(.+)`$", API.text, re.MULTILINE)) == sorted(operations())


@pytest.mark.parametrize("operation", operations())
def test_every_operation_has_its_worked_example(operation: str) -> None:
    start = API.text.index(f"### `{operation}`\n")
    end = API.text.find("\n##", start)
    first, last = (API.text[:place].count("\n") for place in (start, end if end > 0 else len(API.text)))
    method, path = operation.split(" ")
    pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
    worked = [
        example
        for example in API.examples()
        if first < example.line <= last and example.shown is not None
        if example.request.method == method and pattern.fullmatch(example.request.path)
    ]

    assert worked


async def test_the_readmes_model_is_in_the_list_and_in_the_openapi_document(service: Service) -> None:
    models = (await service.client.get("/api/images/models")).json()["models"]
    schemas = (await service.client.get("/openapi.json")).json()["components"]["schemas"]

    assert "your-new-model" in [model["name"] for model in models]
    assert {"YourNewModelInputs", "YourNewModelOptions", "YourNewModelRequest"} <= schemas.keys()


async def test_the_readmes_model_generates_a_picture(service: Service) -> None:
    body: dict[str, JsonValue] = {"model": "your-new-model", "inputs": {"prompt": "A lighthouse"}, "userId": "user123"}

    assert (await service.generate(body)).json()["status"] == "completed"
