"""The linter accepts openapi.json, tsc the TypeScript client, and every tool is pinned."""

import json

import pytest

from tests.support.clients import TYPESCRIPT
from tests.support.workspace import ROOT, SDK, Workspace, install_tools


@pytest.mark.matrix
async def test_redocly_accepts_the_document(workspace: Workspace) -> None:
    finished = await workspace.tool("redocly", "lint", str(ROOT / "openapi.json"), "--format=json")

    assert json.loads(finished.printed)["problems"] == []


@pytest.mark.matrix
async def test_redocly_detects_a_fault(workspace: Workspace) -> None:
    document = json.loads((ROOT / "openapi.json").read_text())
    del document["info"]["license"], document["paths"]["/health/live"]["get"]["responses"]["200"]["description"]
    (workspace.folder / "wrong.json").write_text(json.dumps(document))

    finished = await workspace.tool("redocly", "lint", "wrong.json", "--format=json")

    assert {problem["ruleId"] for problem in json.loads(finished.printed)["problems"]} == {"info-license", "struct"}


@pytest.mark.matrix
async def test_tsc_accepts_the_typescript_client() -> None:
    await install_tools()

    options = ("--noEmit", "--noUnusedLocals", "--noUnusedParameters")
    finished = await Workspace(SDK).tool("tsc", "--project", str(TYPESCRIPT), *options)

    assert (finished.status, finished.printed) == (0, "")


def test_every_package_is_pinned_with_a_digest() -> None:
    wanted = json.loads((SDK / "package.json").read_text())["devDependencies"]
    root, *packages = json.loads((SDK / "package-lock.json").read_text())["packages"].items()

    assert root[1]["devDependencies"] == wanted
    assert {version[0].isdecimal() for version in wanted.values()} == {True}
    assert [name for name, package in packages if "resolved" in package or "integrity" not in package] == []
