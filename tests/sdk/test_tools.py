"""The linter's opinion of openapi.json, and what is pinned."""

import json

from workspace import ROOT, SDK, Workspace


async def test_redocly_finds_nothing_wrong_with_the_document(workspace: Workspace) -> None:
    finished = await workspace.tool("redocly", "lint", str(ROOT / "openapi.json"), "--format=json")

    assert json.loads(finished.printed)["problems"] == []


async def test_redocly_finds_what_is_wrong(workspace: Workspace) -> None:
    document = json.loads((ROOT / "openapi.json").read_text())
    del document["info"]["license"], document["paths"]["/health/live"]["get"]["responses"]["200"]["description"]
    (workspace.folder / "wrong.json").write_text(json.dumps(document))

    finished = await workspace.tool("redocly", "lint", "wrong.json", "--format=json")

    assert {problem["ruleId"] for problem in json.loads(finished.printed)["problems"]} == {"info-license", "struct"}


def test_every_package_is_pinned_to_a_version_with_its_digest_and_no_address() -> None:
    wanted = json.loads((SDK / "package.json").read_text())["devDependencies"]
    root, *packages = json.loads((SDK / "package-lock.json").read_text())["packages"].items()

    assert root[1]["devDependencies"] == wanted
    assert {version[0].isdecimal() for version in wanted.values()} == {True}
    assert [name for name, package in packages if "resolved" in package or "integrity" not in package] == []
