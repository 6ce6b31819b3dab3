"""`imagegen models check --metrics-file` writes what a timer's result is alerted on."""

import re
import shlex
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from imagegen.cli.app import app
from tests.support.pages import ROOT

SAME = """
pro:
  falEndpoint: fal-ai/flux-pro/v1.1-ultra
  category: text-to-image
  requiredInputs: [prompt]
  costPerImage: 0.06
  description: A model
"""
OTHER = SAME.replace("pro:", "other:").replace("0.06", "0.01")
ENVIRON = {"IMAGEGEN_CATALOG": "models.yaml", "COLUMNS": "80"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAL_KEY", raising=False)
    return tmp_path


def check(*options: str) -> int:
    return CliRunner().invoke(app, ["models", "check", *options], env=ENVIRON).exit_code


def figures(file: Path) -> dict[str, float]:
    """The figures of a file, each of which is of the catalog."""
    families = [*text_string_to_metric_families(file.read_text(encoding="utf-8"))]
    assert {family.type for family in families} == {"gauge"}
    samples = [sample for family in families for sample in family.samples]
    assert {sample.labels["catalog"] for sample in samples} == {"models.yaml"}
    return {sample.name.removeprefix("imagegen_catalog_check_"): sample.value for sample in samples}


def test_result_is_written_as_metrics(folder: Path) -> None:
    (folder / "models.yaml").write_text(SAME + OTHER, encoding="utf-8")
    file, began = folder / "imagegen.prom", time.time()

    status = check("--metrics-file", str(file))

    found = figures(file)
    assert (status, found["models"], found["faults"]) == (1, 2, 1)
    assert found["notes"] >= 1
    assert began <= found["timestamp_seconds"] <= time.time()


def test_file_is_replaced_as_a_whole(folder: Path) -> None:
    file = folder / "imagegen.prom"
    for text in (SAME + OTHER, SAME):
        (folder / "models.yaml").write_text(text, encoding="utf-8")
        check("--metrics-file", str(file))

    assert (figures(file)["models"], figures(file)["faults"]) == (1, 0)
    assert sorted(each.name for each in folder.iterdir()) == ["imagegen.prom", "models.yaml"]


def test_check_that_cannot_run_leaves_the_file(folder: Path) -> None:
    file = folder / "imagegen.prom"
    file.write_text("as it was", encoding="utf-8")
    (folder / "models.yaml").write_text("[]", encoding="utf-8")

    assert (check("--metrics-file", str(file)), file.read_text(encoding="utf-8")) == (2, "as it was")


def test_file_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "models.yaml").write_text(SAME, encoding="utf-8")

    answer = CliRunner().invoke(app, ["models", "check", "--metrics-file", "no/such.prom"], env=ENVIRON)

    assert answer.exit_code == 2
    assert "--metrics-file no/such.prom: it cannot be written: No such file or directory" in answer.stderr


def test_units_command_runs(folder: Path) -> None:
    (folder / "models.yaml").write_text(SAME, encoding="utf-8")
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    command = re.findall(r"^ExecStart=\S+/imagegen models check (.+)$", page, re.MULTILINE)

    words = [word.replace("/var/lib/node_exporter/textfile", str(folder)) for word in shlex.split(command[0])]
    assert check(*words) == 0
    assert figures(folder / "imagegen.prom")["models"] == 1
