"""`imagegen models`: a user's catalog, made from the index or from what fal says, without a running service."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from dirty_equals import IsList, IsPartialDict
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen.registry import load_registry
from tests.sandbox.running_sandbox import RunningSandbox

DOCUMENTS: Final = Path(__file__).parent.parent / "model_import/documents"
OWN: Final = """\
# My models.
fox:   # the best one
    falEndpoint: "a/fox"
    category: text-to-image
    requiredInputs: [prompt]
    costPerImage: 0.10
    description: Draws foxes

# It stays as it is.
wolf: {falEndpoint: a/wolf, category: text-to-image, requiredInputs: [prompt], costPerImage: 1, description: Wolves}
"""


class Shell:
    """`imagegen models …`, as typed, with a catalog in this folder."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = {"IMAGEGEN_CATALOG": "models.yaml", "COLUMNS": "80", **environ}

    def run(self, *arguments: str) -> tuple[int, str, str]:
        answer = CliRunner().invoke(app, ["models", *arguments], env={**self.environ})
        return answer.exit_code, answer.stdout, answer.stderr

    def data(self, *arguments: str, status: int = 0) -> Any:
        code, printed, told = self.run(*arguments, "--json")
        assert code == status, printed + told
        return json.loads(printed)["data"]

    def error(self, *arguments: str) -> Any:
        code, printed, told = self.run(*arguments, "--json")
        assert code == 2, printed + told
        return json.loads(printed)["error"]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAL_KEY", raising=False)
    return Shell({})


@pytest.fixture
def online(shell: Shell, fal_sandbox: RunningSandbox) -> Shell:
    """With fal's platform API, which is the sandbox's."""
    urls = {"FAL_QUEUE_URL": fal_sandbox.url, "FAL_API_URL": f"{fal_sandbox.url}/v1"}
    return Shell({**shell.environ, "FAL_KEY": "models:secret", **urls})


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return tmp_path / "models.yaml"


def test_search_shows_endpoints_with_prices(shell: Shell) -> None:
    status, printed, _ = shell.run("search", "flux-2 pro")
    heading, first, *_ = printed.splitlines()

    assert (status, heading.split()) == (0, ["ENDPOINT", "PRICE", "CATEGORY", "NAME"])
    assert first.split()[:4] == ["fal-ai/flux-2-pro", "$0.03", "/", "megapixel"]
    assert shell.run("search", "no such thing at all")[:2] == (0, "")
    assert shell.error("search", " ")["code"] == "invalid_argument"


def test_search_names_the_model_that_there_is(shell: Shell) -> None:
    rows = {row["endpoint"]: row["model"] for row in shell.data("search", "flux dev")["endpoints"]}

    assert (rows["fal-ai/flux/dev"], rows["fal-ai/flux-1/dev"]) == ("flux-dev", None)


def test_show_has_the_parameters_of_an_endpoint(shell: Shell) -> None:
    status, printed, _ = shell.run("show", "https://fal.ai/models/fal-ai/flux-2-pro/edit")

    assert (status, printed.splitlines()[0]) == (0, "fal-ai/flux-2-pro/edit  $0.03 per megapixel  image-to-image")
    assert printed.splitlines()[-1] == "imagegen models add fal-ai/flux-2-pro/edit"
    assert shell.data("show", "fal-ai/flux/dev")["endpoint"]["required"] == ["prompt"]
    assert "fal-ai/flux/schnell" in shell.error("show", "fal-ai/flux/shnell")["details"][0]


def test_endpoint_without_types_is_shown_with_the_commands_that_add_it(shell: Shell) -> None:
    endpoint = "bytedance/seedream/v5/pro/layerize"
    url = f"https://fal.ai/api/openapi/queue/openapi.json?endpoint_id={endpoint}"

    status, printed, _ = shell.run("show", endpoint)
    found = {row["endpoint"]: row["hasParameters"] for row in shell.data("search", "seedream v5")["endpoints"]}
    listed = shell.run("search", "seedream v5")[1]

    assert status == 0
    assert printed.splitlines()[-2:] == [
        f"curl -o document.json '{url}'",
        f"imagegen models add {endpoint} --cost 0.03/image --from-file document.json",
    ]
    assert shell.data("show", endpoint)["endpoint"]["documentUrl"] == url
    assert (found[endpoint], found["bytedance/seedream/v5/lite/edit"]) == (False, True)
    assert f"    not in the index: imagegen models show {endpoint}" in listed.splitlines()
    assert "imagegen models show bytedance/seedream/v5/lite" not in listed
    assert url in shell.error("add", endpoint)["details"][0]


def test_list_offline_has_the_models_of_the_catalog(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN)

    assert [model["name"] for model in shell.data("list", "--offline")["models"]][-2:] == ["fox", "wolf"]
    rows = [line.split() for line in shell.run("list", "--offline")[1].splitlines()]
    assert [row[:2] for row in rows if row[0] == "wolf"] == [["wolf", "$1.00"]]


def test_list_offline_is_filtered(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN.replace("wolf: {", "wolf: {tags: [wild], "))
    names = [model["name"] for model in shell.data("list", "--offline", "--tag", "wild", "--no-images")["models"]]

    assert names == ["wolf"]
    assert [model["name"] for model in shell.data("list", "--offline", "--search", "SWAP face")["models"]] == [
        "face-swap"
    ]
    refused = shell.error("list", "--offline", "--category", "text-to-imge")
    assert refused["code"] == "invalid_argument"
    assert "--category text-to-imge must be one of image-editing, " in refused["details"][0]
    assert "did you mean 'text-to-image'?" in refused["details"][0]


def test_list_offline_has_no_model_that_is_over(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN.replace("wolf: {", "wolf: {retired: {since: 2026-01-01}, "))

    assert "wolf" not in [model["name"] for model in shell.data("list", "--offline")["models"]]


def test_added_models_are_at_the_end_of_the_catalog(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN)
    catalog.chmod(0o640)

    status, _, told = shell.run("add", "fal-ai/omnigen-v2", "fal-ai/gemini-25-flash-image", "--cost", "0.039/image")

    models = load_registry([catalog]).models
    assert (status, [*models][-2:]) == (0, ["omnigen-v2", "gemini-25-flash-image"])
    assert catalog.read_text().startswith(OWN)
    assert stat.S_IMODE(catalog.stat().st_mode) == 0o640
    assert "sync_mode: the result would be inline" in told
    assert "num_images is an option" in told


def test_added_model_takes_the_place_of_a_built_in_one(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN)

    assert shell.run("add", "fal-ai/flux-2-pro", "--cost", "0.05/image")[0] == 0
    assert shell.error("add", "fal-ai/nano-banana/edit")["code"] == "invalid_argument"  # another endpoint has its name

    model = load_registry([catalog]).models["flux-2-pro"]
    assert (str(model.cost_per_image), model.is_later_built_in) == ("0.05", False)


def test_dry_run_prints_what_would_be_written(shell: Shell, catalog: Path) -> None:
    status, printed, _ = shell.run("add", "fal-ai/flux-2-pro", "--dry-run")

    assert (status, catalog.exists(), "\nflux-2-pro:\n  falEndpoint: fal-ai/flux-2-pro\n" in printed) == (
        0,
        False,
        True,
    )


def test_add_takes_a_name_a_price_and_a_file(shell: Shell, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    file = str(DOCUMENTS / "RecraftV3.json")

    added = shell.data("add", "--from-file", file, "--name", "recraft", "--cost", "0.04/image", "--catalog", str(own))

    assert added == {
        "models": [IsPartialDict(name="recraft", falEndpoint="fal-ai/recraft-v3", notes=IsList(length=...))],
        "catalog": str(own),
        "written": True,
    }
    assert str(load_registry([own]).models["recraft"].cost_per_image) == "0.04"


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["fal-ai/veo3"], "refused_endpoint", "videos"),
        (["fal-ai/flux-2"], "refused_endpoint", "--cost"),
        (["fal-ai/flux/shnell"], "refused_endpoint", "fal-ai/flux/schnell"),
        (["fal-ai/flux-lora"], "invalid_argument", "--name"),
        (["fal-ai/flux-2", "--cost", "cheap"], "invalid_argument", "0.03/image"),
        (["fal-ai/flux-2", "--cost", "0.01", "--name", "Not A Name"], "invalid_catalog", "a model's name"),
        (["fal-ai/flux-2-pro", "fal-ai/flux-2-flex", "--name", "x"], "invalid_argument", "--name"),
        ([], "invalid_argument", "ENDPOINT"),
        (["--from-file", "nowhere.json"], "invalid_argument", "nowhere.json"),
        (["fal-ai/flux-2-pro", "fal-ai/veo3"], "refused_endpoint", "videos"),
    ],
)
def test_refused_addition_writes_nothing(
    shell: Shell, catalog: Path, arguments: list[str], code: str, hint: str
) -> None:
    catalog.write_text(OWN)

    error = shell.error("add", *arguments)

    assert (error["code"], hint in " ".join(error["details"])) == (code, True), error
    assert catalog.read_text() == OWN


def test_a_catalog_must_be_named(shell: Shell) -> None:
    shell.environ["IMAGEGEN_CATALOG"] = ""

    assert "--catalog" in shell.error("add", "fal-ai/flux-2-pro")["details"][0]


def test_broken_catalog_stays_as_it_is(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN + "cat: {falEndpoint: a/cat}\n")

    assert shell.error("add", "fal-ai/flux-2-pro")["code"] == "invalid_catalog"
    assert catalog.read_text().endswith("cat: {falEndpoint: a/cat}\n")


def test_removal_leaves_every_other_line(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN)
    shell.data("add", "fal-ai/flux-2-pro")

    assert shell.data("remove", "flux-2-pro") == {"removed": "flux-2-pro", "catalog": "models.yaml", "written": True}
    assert catalog.read_text() == OWN
    assert shell.data("remove", "fox")["written"] is True
    assert catalog.read_text() == OWN[OWN.index("# It stays") :]
    assert shell.data("remove", "wolf")["written"] is True
    assert shell.error("remove", "wolf")["code"] == "invalid_argument"


def test_fal_is_asked_where_a_key_is_set(online: Shell) -> None:
    added = online.data("add", "fal-ai/flux-2-pro", "fal-ai/bria/background/remove", "--dry-run")["models"]

    assert "The parameters are from fal's platform API." in added[0]["notes"]
    assert "from fal's price list" in added[1]["notes"][1]
    assert "compute seconds" in online.error("add", "fal-ai/bagel")["details"][0]
    assert online.error("add", "fal-ai/veo3")["code"] == "refused_endpoint"
    assert "deprecated" in online.error("add", "fal-ai/imagen4/preview", "--cost", "0.04")["details"][0]


def test_check_finds_what_differs(online: Shell, catalog: Path) -> None:
    online.data("add", "fal-ai/flux-2-pro")
    assert online.data("check") == {"models": ["flux-2-pro"], "differences": []}
    text = catalog.read_text()
    catalog.write_text(
        text.replace("costPerImage: 0.03", "costPerImage: 0.02")
        .replace(", output_format", "")
        .replace("seed", "old_seed")
    )

    found = online.data("check", status=1)["differences"]

    assert [(each["code"], each["isFault"]) for each in found] == [
        ("parameter_gone", True),
        ("parameter_new", False),
        ("parameter_new", False),
        ("price_changed", True),
    ]
    assert online.run("check")[1].splitlines()[1].split()[:2] == ["flux-2-pro", "fault"]


def test_check_tells_wider_from_narrower(online: Shell, catalog: Path) -> None:
    online.data("add", "fal-ai/bytedance/seedream/v4.5/text-to-image")
    text = catalog.read_text()

    catalog.write_text(text.replace("num_images: {maximum: 6}", "num_images: {maximum: 9}"))
    wider = online.data("check", status=1)["differences"]
    catalog.write_text(text.replace("num_images: {maximum: 6}", "num_images: {maximum: 2}"))
    narrower = online.data("check")["differences"]

    assert [each["code"] for each in (*wider, *narrower)] == ["parameter_changed", "parameter_narrower"]
    assert "maximum" in wider[0]["message"]


def test_update_keeps_the_price_unless_it_is_asked_for(online: Shell, catalog: Path) -> None:
    online.data("add", "fal-ai/flux-2-pro")
    text = catalog.read_text()
    changed = text.replace("costPerImage: 0.03", "costPerImage: 0.02").replace(", output_format", "")
    catalog.write_text(changed)

    shown = online.data("update")
    assert (shown["changed"], shown["written"], catalog.read_text()) == (["flux-2-pro"], False, changed)
    assert "+  options: [enable_safety_checker" in shown["diff"]

    assert online.data("update", "--apply")["written"] is True
    assert "costPerImage: 0.02" in catalog.read_text()
    assert online.data("update", "flux-2-pro", "--apply", "--prices")["written"] is True
    assert "costPerImage: 0.03" in catalog.read_text()
    assert online.data("update") == {"changed": [], "diff": "", "written": False}
    assert online.error("update", "no-model")["code"] == "invalid_argument"


def test_retired_model_may_be_gone(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN.replace("fox:   # the best one", "fox:\n    retired: {since: 2026-01-01}"))

    found = shell.data("check", status=1)["differences"]

    assert [(each["model"], each["isFault"]) for each in found] == [("fox", False), ("wolf", True)]


def test_gone_endpoint_is_reported_and_never_changed(shell: Shell, catalog: Path) -> None:
    catalog.write_text(OWN)

    found = shell.data("check", status=1)["differences"]

    assert [(each["model"], each["code"]) for each in found] == [("fox", "unknown"), ("wolf", "unknown")]
    assert shell.data("update")["changed"] == []
