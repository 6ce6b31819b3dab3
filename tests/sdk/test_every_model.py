"""Every model with every generator, a user's own model included: its example compiles, and faulty requests do not."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path

import pytest

from imagegen.registry import load_registry
from imagegen.settings import Settings
from tests.support.service import Json, Service, running
from tests.support.workspace import ROOT, Workspace, make_workspace

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(300)]
HEY_API = """
import { createClient, createConfig } from "../imagegen-client/client/index.js";
import { generateImage, type GenerateRequest } from "../imagegen-client/index.js";
async function send(baseUrl: string, body: GenerateRequest) {
  return (await generateImage({ client: createClient(createConfig({ baseUrl })), body })).data?.status;
}
"""
OPENAPI_FETCH = """
import createClient from "openapi-fetch";
import type { components, paths } from "../imagegen-api.js";
type GenerateRequest = components["schemas"]["GenerateRequest"];
async function send(baseUrl: string, body: GenerateRequest) {
  return (await createClient<paths>({ baseUrl }).POST("/api/images/generate", { body })).data?.status;
}
"""
# openapi-generator makes no class for an object without members: any object is accepted.
WITHOUT_OPTIONS = {name for name, model in load_registry().models.items() if not model.options}
OPENAPI_GENERATOR = """
import { Configuration, ImagesApi, type GenerateRequest } from "../openapi-generator-typescript/index.js";
async function send(basePath: string, body: GenerateRequest) {
  return (await new ImagesApi(new Configuration({ basePath })).generateImage({ generateRequest: body })).status;
}
"""
PYTHON = """
import json
import sys

from imagegen_client import Client, models
from imagegen_client.api.images import generate_image


def send(body: {union}) -> str | None:
    answer = generate_image.sync(client=Client(sys.argv[1]), body=body)
    return answer.status if isinstance(answer, models.Job) else None


print(json.dumps([{sent}]))
if len(sys.argv) > 2:
{refused}
"""
PYTHON_OF_OPENAPI_GENERATOR = """
import json
import sys

import imagegen_openapi as models

images = models.ImagesApi(models.ApiClient(models.Configuration(host=sys.argv[1])))


def send(body: models.GenerateRequest) -> str:
    return images.generate_image(body).status


print(json.dumps([{sent}]))
if len(sys.argv) > 2:
{refused}
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of README.md."""
    path = tmp_path_factory.mktemp("catalog") / "models.yaml"
    path.write_text((ROOT / "README.md").read_text().partition("```yaml\n")[2].partition("```")[0])
    return path


@pytest.fixture(scope="module")
async def service(stack: Settings, catalog: Path) -> AsyncGenerator[Service]:
    async with running(stack, await asyncio.to_thread(load_registry, (catalog,))) as service:
        yield service


@pytest.fixture(scope="module")
async def every_workspace(tmp_path_factory: pytest.TempPathFactory, catalog: Path) -> Workspace:
    return await make_workspace(tmp_path_factory.mktemp("every"), {"IMAGEGEN_CATALOG": str(catalog)})


@pytest.fixture(scope="module")
def examples(service: Service) -> Mapping[str, Json]:
    return {name: model.example() for name, model in service.services.registry.models.items()}


def wrong(example: Json) -> Iterator[Json]:
    """Requests with one fault each."""
    inputs = example["inputs"]
    yield {**example, "model": "no-such-model"}
    yield {**example, "inputs": {**inputs, "no_such_input": 1}}
    yield {**example, "options": {"no_such_option": 1}}
    yield {name: value for name, value in example.items() if name != "userId"}
    for name in inputs:
        yield {**example, "inputs": {**inputs, name: True}}


def typescript(head: str, examples: Mapping[str, Json]) -> str:
    sent = [f"  await send(baseUrl, {json.dumps(example)})," for example in examples.values()]
    bodies = [body for example in examples.values() for body in wrong(example) if not passes_by(head, body)]
    refused = [f"  {json.dumps(body)}, // refused" for body in bodies]
    function = ["export async function all(baseUrl: string) {", "  return [", *sent, "  ];", "}"]
    return "\n".join([head, *function, "export const refused: GenerateRequest[] = [", *refused, "];"])


def passes_by(head: str, body: Json) -> bool:
    """Whether a compiler accepts a faulty request."""
    is_option = "no_such_option" in body.get("options", {})
    return head is OPENAPI_GENERATOR and body["model"] in WITHOUT_OPTIONS and is_option


async def test_every_model_in_typescript(
    every_workspace: Workspace, service: Service, examples: Mapping[str, Json]
) -> None:
    programs = {
        "typescript/every_hey_api.ts": HEY_API,
        "typescript/every_openapi_fetch.ts": OPENAPI_FETCH,
        "typescript/every_openapi_generator.ts": OPENAPI_GENERATOR,
    }
    for program, head in programs.items():
        (every_workspace.folder / program).write_text(typescript(head, examples))

    refused = await every_workspace.refused_by_tsc()
    assert {place for place in refused if place[0].startswith("every_")} == every_workspace.lines_to_refuse(*programs)
    for program in programs:
        sent = await every_workspace.compiled(program.replace(".ts", ".js"), "all", address(service))
        assert dict(zip(examples, sent, strict=True)) == dict.fromkeys(examples, "completed")


def python(examples: Mapping[str, Json], stems: Mapping[str, str]) -> str:
    requests = [f"models.{stem}Request" for stem in stems.values()]
    sent = [f"send({kind}.from_dict({example!r}))" for kind, example in zip(requests, examples.values(), strict=True)]
    refused = [
        f"    models.{stem}{line}  # refused"
        for stem in stems.values()
        for line in ("Inputs(no_such_input=1)", "Inputs(True)", "Options(no_such_option=1)", "Request('no-such-model')")
    ]
    return PYTHON.format(union=" | ".join(requests), sent=", ".join(sent), refused="\n".join(refused))


def python_of_openapi_generator(examples: Mapping[str, Json], stems: Mapping[str, str]) -> str:
    sent = [
        f"send(models.GenerateRequest(models.{stems[name]}Request.from_dict({example!r})))"
        for name, example in examples.items()
    ]
    calls = [call for name, example in examples.items() for call in wrong_calls(stems[name], example)]
    refused = [f"    models.{call}  # refused" for call in calls]
    return PYTHON_OF_OPENAPI_GENERATOR.format(sent=", ".join(sent), refused="\n".join(refused))


def wrong_calls(stem: str, example: Json) -> Iterator[str]:
    """Calls of the constructors of a model's classes, with one fault each."""
    inputs = example["inputs"]
    for name in inputs:
        others = "".join(f", {other}={value!r}" for other, value in inputs.items() if other != name)
        yield f"{stem}Inputs({name}=True{others})"
    given = ", ".join(f"{name}={value!r}" for name, value in inputs.items())
    yield f"{stem}Inputs({given}, no_such_input=1)"
    if example["model"] not in WITHOUT_OPTIONS:
        yield f"{stem}Options(no_such_option=1)"
    yield f"{stem}Request(model={example['model']!r}, inputs={stem}Inputs({given}))"


PROGRAMS = {"every": python, "every_openapi_generator": python_of_openapi_generator}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_every_model_in_python(
    name: str, every_workspace: Workspace, service: Service, examples: Mapping[str, Json]
) -> None:
    stems = {
        name: model.request_class.__name__.removesuffix("Request")
        for name, model in service.services.registry.models.items()
    }
    program = f"python/{name}.py"
    (every_workspace.folder / program).write_text(PROGRAMS[name](examples, stems))

    refused = await every_workspace.refused_by_pyright()
    assert {place for place in refused if place[0] == f"{name}.py"} == every_workspace.lines_to_refuse(program)
    sent = await every_workspace.python(program, address(service))
    assert dict(zip(examples, sent, strict=True)) == dict.fromkeys(examples, "completed")


def address(service: Service) -> str:
    return str(service.client.base_url).rstrip("/")
