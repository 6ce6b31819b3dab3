"""Entries made from fal's published schemas, which have bounds: fal accepts every request that their models accept."""

import json
import random
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

import imagegen
from imagegen.endpoint_index.openapi_document import document
from imagegen.model_import.costs import given_cost
from imagegen.model_import.importing import Source, import_endpoint
from imagegen.registry import Registry
from tests.support.imported import drawn_request, registry_of

SHEETS: Final[dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(imagegen.__file__).parent / "sandbox/schemas").glob("*.json"))
}
REQUESTS: Final = 30


def name_of(stem: str) -> str:
    return f"own-{[*SHEETS].index(stem)}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    entries = [
        import_endpoint(
            None, Source(document=served(sheet), origin="here"), name=name_of(stem), cost=given_cost("0.03")
        )
        for stem, sheet in SHEETS.items()
    ]
    return registry_of(entries, tmp_path_factory.mktemp("catalog"))


def served(sheet: Any) -> Any:
    """The OpenAPI document that fal would serve of a sheet."""
    types = {name: schema for name, schema in sheet["definitions"].items() if not name.startswith("x-")}
    inputs = {key: sheet["input"][key] for key in ("properties", "required") if key in sheet["input"]}
    outputs = {"properties": sheet["output"]["properties"]}
    return document(sheet["endpoint_id"], "image-to-image", inputs, outputs, types)


@pytest.mark.parametrize("stem", SHEETS)
def test_fal_accepts_what_the_model_accepts(registry: Registry, stem: str) -> None:
    model, sheet = registry.models[name_of(stem)], SHEETS[stem]
    strict: Any = Draft202012Validator(
        {**sheet["input"], "additionalProperties": False, "definitions": sheet["definitions"]}
    )
    chance = random.Random(stem)

    for _ in range(REQUESTS):
        request = registry.parse(drawn_request(model, chance))
        parts = (part.model_dump(mode="json", exclude_unset=True) for part in (request.inputs, request.options))
        sent = model.fal_request(*parts)
        assert [error.message for error in strict.iter_errors(dict(sent.payload))] == []


@pytest.mark.parametrize("stem", SHEETS)
def test_model_has_every_parameter(registry: Registry, stem: str) -> None:
    model = registry.models[name_of(stem)]
    taken = {*model.required_inputs, *model.optional_inputs, *model.options}

    assert set(SHEETS[stem]["input"]["properties"]) - taken <= {"sync_mode", "end_user_id"}
