"""`imagegen client types`: a module for a catalog of one's own."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen_client import AsyncBaseImagegen, BaseImagegen
from tests.support.clients import PYTHON, run

OWN: Final = """
own-model:
  falEndpoint: fal-ai/own-endpoint
  category: text-to-image
  description: One of the operator's own.
  requiredInputs: [prompt]
  optionalInputs: [lambda]
  options: [num_images, timeout]
  costPerImage: 0.03
  parameters:
    lambda: {type: number, description: A word of Python.}
    timeout: {type: integer, description: A name that the client has.}
"""
CALLS: Final = """
from my_models import Imagegen
client = Imagegen()
client.run("own-model", prompt="A fox", num_images=2, timeout=1.5)
client.run("own-model", inputs={"prompt": "A fox", "lambda": 0.5}, options={"timeout": 3})
client.run("own-model", prompt=3)  # refused
client.run("own-model", num_images=2)  # refused
"""


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.yaml").write_text(OWN)
    monkeypatch.setenv("IMAGEGEN_CATALOG", "models.yaml")
    return tmp_path


def written() -> str:
    answer = CliRunner().invoke(app, ["client", "types", "--output", "my_models.py"])
    assert (answer.exit_code, answer.stdout) == (0, ""), answer.output
    return Path("my_models.py").read_text(encoding="utf-8")


@pytest.mark.usefixtures("catalog")
def test_the_module_has_clients_that_know_the_catalog() -> None:
    module: dict[str, Any] = {"__name__": "my_models"}
    exec(compile(written(), "my_models.py", "exec"), module)  # noqa: S102

    assert issubclass(module["Imagegen"], BaseImagegen)
    assert issubclass(module["AsyncImagegen"], AsyncBaseImagegen)
    assert module["OwnModelParams"].__annotations__.keys() == {"prompt", "num_images"}
    assert module["_OPTIONS"]["own-model"] == {"num_images", "timeout"}


@pytest.mark.usefixtures("catalog")
def test_typescript_has_the_same_models() -> None:
    answer = CliRunner().invoke(app, ["client", "types", "--language", "typescript"])

    assert '  "own-model": OwnModelParams;\n' in answer.stdout
    assert '  "own-model": ["num_images", "timeout"],\n' in answer.stdout
    assert "  lambda?: number;\n" in answer.stdout
    assert "  timeout?" not in answer.stdout


@pytest.mark.usefixtures("catalog")
def test_without_a_file_it_is_printed() -> None:
    answer = CliRunner().invoke(app, ["client", "types"])

    assert answer.stdout == written()


@pytest.mark.usefixtures("catalog")
def test_a_file_that_cannot_be_written_is_an_error() -> None:
    answer = CliRunner().invoke(app, ["client", "types", "--output", "no/such/folder.py"])

    assert (answer.exit_code, answer.stderr) == (
        2, "The types cannot be written:\n  no/such/folder.py: No such file or directory\n",
    )  # fmt: skip


@pytest.mark.slow
async def test_pyright_holds_calls_against_the_catalog(catalog: Path) -> None:
    await asyncio.to_thread(written)
    (catalog / "calls.py").write_text(CALLS)
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(PYTHON / "src")]}
    (catalog / "pyrightconfig.json").write_text(json.dumps(settings))

    command = (sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable)
    _, printed = await run(*command, folder=catalog)

    told = json.loads(printed)["generalDiagnostics"]
    found = {(Path(each["file"]).name, each["range"]["start"]["line"]) for each in told}
    assert found == {("calls.py", number) for number, line in enumerate(CALLS.splitlines()) if "# refused" in line}
