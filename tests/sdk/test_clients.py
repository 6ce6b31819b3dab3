"""The clients of each generator, made as the guide shows: what compiles, what must not, and a tour of a service."""

from uuid import uuid4

import pytest

from tests.support.service import Service
from tests.support.workspace import Place, Workspace

pytestmark = pytest.mark.matrix

TOUR = {
    "picture": ["completed", "image/png", 0.05],
    "error": [400, "invalid_input", "/options/num_images"],
    "jobs": [True],
    "estimate": 0.5,
    "budget": [402, "budget_exceeded", True],
}


@pytest.fixture(scope="session")
async def refused_by_tsc(workspace: Workspace) -> set[Place]:
    return await workspace.refused_by_tsc()


async def test_pyright_refuses_exactly_the_wrong_requests(
    workspace: Workspace,
) -> None:
    marked = workspace.lines_to_refuse("python/refused.py")

    assert len(marked) == 8
    assert await workspace.refused_by_pyright() == marked


async def test_tsc_refuses_exactly_the_wrong_requests(workspace: Workspace, refused_by_tsc: set[Place]) -> None:
    marked = workspace.lines_to_refuse("typescript/hey_api_refused.ts", "typescript/openapi_fetch_refused.ts")

    assert len(marked) == 16
    assert refused_by_tsc == marked


@pytest.mark.parametrize("program", ["tour", "openapi_generator"])
async def test_python_client_tour_works(program: str, workspace: Workspace, service: Service) -> None:
    assert await workspace.python(f"python/{program}.py", address(service), uuid4().hex) == TOUR


@pytest.mark.usefixtures("refused_by_tsc")
@pytest.mark.parametrize("program", ["hey_api", "openapi_fetch", "openapi_generator"])
async def test_typescript_client_tour_works(program: str, workspace: Workspace, service: Service) -> None:
    assert await workspace.compiled(f"typescript/{program}.js", "tour", address(service), uuid4().hex) == TOUR


def address(service: Service) -> str:
    return str(service.client.base_url).rstrip("/")


LIST_JOBS = {
    "imagegen_client/api/jobs/list_jobs.py": "def sync(",
    "imagegen-client/sdk.gen.ts": "export const listJobs",
    "imagegen-api.ts": "listJobs: {",
    "openapi-generator-python/imagegen_openapi/api/jobs_api.py": "def list_jobs(",
    "openapi-generator-typescript/apis/JobsApi.ts": "async listJobs(",
}


@pytest.mark.parametrize("file", LIST_JOBS)
async def test_every_client_can_list_jobs(file: str, workspace: Workspace) -> None:
    assert LIST_JOBS[file] in (workspace.folder / file).read_text()
