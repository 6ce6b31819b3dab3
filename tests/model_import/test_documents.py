"""Entries of the documents that fal serves, and of documents with everything that one may have."""

import copy
import json
from pathlib import Path
from typing import Any, Final

import pytest

from imagegen.errors import CannotImport
from imagegen.model_import.costs import given_cost
from imagegen.model_import.entry_mapping import MappedEntry
from imagegen.model_import.importing import Source, documents_of, import_endpoint, indexed_source
from tests.support.imported import INDEX, registry_of

DOCUMENTS: Final = Path(__file__).parent / "documents"
COST: Final = given_cost("0.03")


def document(name: str) -> Any:
    return json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))


def mapped(name: str) -> MappedEntry:
    (source,) = documents_of(document(name), None)
    return import_endpoint(None, source, cost=COST)


def odd(properties: Any, *, required: Any = (), outputs: Any = None, schemas: Any = None) -> Any:
    """A document with these parameters in place of its own."""
    known = INDEX.find("fal-ai/flux/dev")
    assert known is not None
    made: Any = copy.deepcopy(known.document())
    names: Any = {key.removeprefix("FluxDev"): part for key, part in made["components"]["schemas"].items()}
    names["Input"] |= {"properties": properties, "required": [*required]}
    if outputs is not None:
        names["Output"] |= {"properties": outputs}
    made["components"]["schemas"] |= schemas or {}
    return made


def entry_of(properties: Any, **more: Any) -> MappedEntry:
    return import_endpoint(None, Source(document=odd(properties, **more), origin="here"), name="odd", cost=COST)


def changed(schema: Any, name: str = "thing", **more: Any) -> Any:
    """What an entry says of one parameter with this schema, without its description."""
    change = dict(entry_of({name: schema}, **more).entry["parameters"][name])
    return {key: value for key, value in change.items() if key != "description"}


def test_text_to_image_document() -> None:
    entry = mapped("SeedreamV4")

    assert (entry.name, dict(entry.entry)) == (
        "bytedance-seedream-v4-text-to-image",
        {
            "falEndpoint": "fal-ai/bytedance/seedream/v4/text-to-image",
            "category": "text-to-image",
            "description": "Makes images from a prompt with Bytedance Seedream V4 Text To Image.",
            "requiredInputs": ["prompt"],
            "optionalInputs": ["seed"],
            "options": ["image_size", "width", "height", "num_images", "max_images", "enable_safety_checker"],
            "costPerImage": COST.entry["costPerImage"],
            "pricing": {"maxImages": "max_images"},
            "verifiedAt": entry.entry["verifiedAt"],
            "source": "https://fal.ai/models/fal-ai/bytedance/seedream/v4/text-to-image",
            "parameters": {
                "image_size": {"default": "square_hd"},
                "num_images": {"maximum": 6},
                "max_images": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 6,
                    "default": 1,
                    "description": "The most images that one round may make; each one is charged.",
                },
            },
            "example": {"inputs": {"prompt": "A lighthouse in winter"}},
        },
    )
    assert list(entry.left_out) == ["sync_mode: the result would be inline and lost for the history"]
    assert list(entry.guessed) == ["max_images multiplies the number of images at most"]


def test_editing_document_requires_its_images() -> None:
    entry = mapped("NanoBananaProEdit")

    assert (entry.entry["category"], entry.entry["requiredInputs"]) == ("image-editing", ["prompt", "image_urls"])
    assert entry.entry["parameters"]["image_urls"] == {"maxItems": 10}
    assert "image_urls is required, because the endpoint edits images" in entry.guessed


def test_sizes_that_are_only_names_are_no_width_and_height() -> None:
    entry = mapped("QwenImageEdit").entry

    assert {"width", "height"} & {*entry["options"]} == set()
    assert entry["parameters"]["image_size"]["enum"][0] == "square_hd"
    assert entry["parameters"]["prompt"] == {"minLength": 3, "maxLength": 5000}


def test_objects_in_a_list_have_their_members() -> None:
    colors = mapped("RecraftV3").entry["parameters"]["colors"]

    assert colors["items"]["properties"]["r"] == {"type": "integer", "minimum": 0, "maximum": 255}


def test_video_is_refused_whatever_it_costs() -> None:
    with pytest.raises(CannotImport) as refused:
        mapped("KlingVideoV21MasterImageToVideo")

    assert (refused.value.code, "videos" in refused.value.reason) == ("video", True)


@pytest.mark.parametrize("name", [path.stem for path in DOCUMENTS.iterdir() if "Video" not in path.stem])
def test_entry_loads_and_accepts_its_example(name: str, tmp_path: Path) -> None:
    entry = mapped(name)

    model = registry_of([entry], tmp_path).models[entry.name]

    assert model.endpoint == entry.entry["falEndpoint"]
    assert [*model.required_inputs] == [*entry.entry["example"]["inputs"]]
    assert model.source == entry.entry["source"]


def test_entry_has_no_text_of_the_document() -> None:
    text = "A sentence that only fal would write"
    made = document("SeedreamV4")
    for schema in made["components"]["schemas"].values():
        schema["description"] = text
        for part in schema.get("properties", {}).values():
            part |= {"description": text, "title": text, "examples": [text]}

    entry = import_endpoint(None, documents_of(made, None)[0], cost=COST)

    assert text not in json.dumps(dict(entry.entry), default=str)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"allOf": [{"$ref": "#/components/schemas/Level"}], "default": "b"}, {"type": "string", "enum": ["a", "b"]}),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, {"type": "integer", "minimum": 1}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}),
        ({"type": ["number", "null"], "exclusiveMinimum": 0}, {"type": "number", "exclusiveMinimum": 0}),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, {"type": "number", "exclusiveMinimum": 0}),
        ({"type": "integer", "enum": ["1", "2"]}, {"type": "integer", "enum": [1, 2]}),
        ({"type": "string", "enum": [1, "2", None]}, {"type": "string", "enum": ["1", "2"]}),
        ({"enum": [0.5, 1.5]}, {"type": "number", "minimum": 0.5, "maximum": 1.5}),
        ({"const": "x"}, {"type": "string", "enum": ["x"]}),
        ({"enum": [True, False]}, {"type": "boolean"}),
        ({"type": "string", "pattern": "(?=x)y", "maxLength": 9}, {"type": "string", "maxLength": 9}),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "array", "minItems": 1}),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"type": "object"}),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "number"}),
        ({"anyOf": [{"type": "string"}, {"enum": ["a"], "type": "string"}]}, {"type": "string"}),
        ({"$ref": "#/components/schemas/Nowhere"}, {}),
        ({}, {}),
        (True, {}),
    ],
)
def test_schema_is_stated_in_the_catalogs_form(schema: Any, expected: Any) -> None:
    found = changed(schema, schemas={"Level": {"type": "string", "enum": ["a", "b"]}})

    assert {key: found[key] for key in expected} == expected
    assert found.keys() - expected.keys() <= {"default", "items"}


@pytest.mark.parametrize(
    ("schema", "default"),
    [
        ({"type": "string", "enum": ["4", "5"], "default": 4}, "4"),
        ({"type": "integer", "default": "4"}, 4),
        ({"type": "number", "default": 2}, 2),
        ({"type": "string", "enum": ["a"], "default": "z"}, None),
        ({"type": "boolean", "default": "yes"}, None),
        (
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"$ref": "#/components/schemas/ImageSize"}], "default": "a"},
            "a",
        ),
    ],
)
def test_default_has_the_type_of_its_parameter(schema: Any, default: Any) -> None:
    assert changed(schema).get("default") == default


@pytest.mark.parametrize(
    ("name", "schema", "is_image"),
    [
        ("image_url", {"type": "string"}, True),
        ("model_image", {"type": "string"}, True),
        ("reference", {"type": "string", "description": "URL of the image to follow"}, False),
        ("portrait", {"type": "string", "description": "URL of the image to follow"}, True),
        ("lora_url", {"type": "string"}, False),
        ("image_archive_url", {"type": "string"}, False),
        ("video_url", {"type": "string", "format": "uri"}, False),
        ("image_format", {"type": "string"}, False),
        ("face_image_0", {"type": "string"}, True),
    ],
)
def test_texts_that_mean_an_image_are_known(name: str, schema: Any, is_image: bool) -> None:
    if name == "image_url":
        assert entry_of({name: schema}).entry.get("parameters", {}) == {}  # as in the vocabulary
    else:
        assert (changed(schema, name).get("$ref") == "#/definitions/ImageUrl") is is_image


def test_schema_that_leads_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "name": {"type": "string"}}}

    found = entry_of(
        {"prompt": {"type": "string"}, "node": {"$ref": "#/components/schemas/Node"}}, schemas={"Node": node}
    )
    circle = changed({"$ref": "#/components/schemas/A"}, schemas={"A": {"allOf": [{"$ref": "#/components/schemas/A"}]}})

    assert (found.entry["parameters"]["node"]["type"], circle) == ("object", {})
    assert "node is nested too deeply to be typed" in found.guessed


def test_document_with_sixty_parameters_loads(tmp_path: Path) -> None:
    kinds = [
        {"type": "string"},
        {"type": "integer", "default": 3},
        {"type": "boolean"},
        {"type": "number", "maximum": 2},
    ]
    properties = {f"parameter_{number}": kinds[number % 4] for number in range(60)}

    entry = entry_of({"prompt": {"type": "string"}, **properties}, required=["prompt", "parameter_0", "parameter_3"])

    model = registry_of([entry], tmp_path).models["odd"]
    assert len(model.options) + len(model.optional_inputs) == 58
    assert [*model.required_inputs] == ["prompt", "parameter_0", "parameter_3"]


def test_parameter_that_cannot_be_offered_is_left_out_or_refused() -> None:
    wrong = {"type": "string"}

    left = entry_of({"prompt": wrong, "no-name": wrong, "webhook_url": wrong, "end_user_id": wrong})
    with pytest.raises(CannotImport, match="requires no-name") as refused:
        entry_of({"prompt": wrong, "no-name": wrong}, required=["no-name"])

    assert [each.partition(":")[0] for each in left.left_out] == ["no-name", "webhook_url", "end_user_id"]
    assert refused.value.code == "unusable_parameter"


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"images": {"type": "array", "items": {"$ref": "#/components/schemas/Image"}}}, None),
        ({"image": {"$ref": "#/components/schemas/Image"}}, {"path": "image", "kind": "image"}),
        ({"images": {"type": "array", "items": {"type": "string"}}}, {"path": "images", "kind": "urls"}),
        (
            {"image": {"$ref": "#/components/schemas/Image"}, "mask_image": {"$ref": "#/components/schemas/Image"}},
            [{"path": "image", "kind": "image"}, {"path": "mask_image", "kind": "image", "role": "mask"}],
        ),
        ({"depth_map": {"$ref": "#/components/schemas/Image"}}, {"path": "depth_map", "kind": "image"}),
    ],
)
def test_images_are_found_wherever_a_result_has_them(outputs: Any, expected: Any) -> None:
    assert entry_of({"prompt": {"type": "string"}}, outputs=outputs).entry.get("output") == expected


@pytest.mark.parametrize(
    ("outputs", "code"),
    [
        ({"video": {"$ref": "#/components/schemas/Image"}}, "video"),
        ({"audio_url": {"type": "string"}}, "audio"),
        ({"model_mesh": {"$ref": "#/components/schemas/Image"}}, "3d"),
        ({"diffusers_lora_file": {"$ref": "#/components/schemas/Image"}}, "training"),
        ({"text": {"type": "string"}}, "no_images"),
        ({}, "no_images"),
    ],
)
def test_result_without_images_is_refused(outputs: Any, code: str) -> None:
    with pytest.raises(CannotImport) as refused:
        entry_of({"prompt": {"type": "string"}}, outputs=outputs)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({}, "no_schema"),
        ([], "no_schema"),
        (None, "no_schema"),
        ({"models": []}, "no_schema"),
        ({"error": {"code": "expansion_failed", "message": "no"}}, "no_schema"),
        ({"paths": {"/a/b": {"post": {}}}}, "no_schema"),
        ({"models": [{"endpoint_id": "a/b", "metadata": {"category": "text-to-video"}}]}, "video"),
        ({"models": [{"endpoint_id": "a/b", "metadata": {"kind": "training"}}]}, "training"),
    ],
)
def test_what_is_no_document_is_refused(value: Any, code: str) -> None:
    with pytest.raises(CannotImport) as refused:
        import_endpoint(None, documents_of(value, None)[0], cost=COST)

    assert refused.value.code == code


def test_deprecated_endpoint_is_refused() -> None:
    row = {"endpoint_id": "fal-ai/flux/dev", "metadata": {"status": "deprecated"}, "openapi": document("SeedreamV4")}

    with pytest.raises(CannotImport, match="deprecated"):
        import_endpoint(None, documents_of({"models": [row]}, None)[0], cost=COST)


UNTYPED: Final = {found.id: found.price for found in map(INDEX.find, INDEX.ids) if found and found.inputs is None}


@pytest.mark.parametrize("endpoint", UNTYPED)
def test_refusal_of_an_endpoint_without_types_says_what_to_do(endpoint: str) -> None:
    with pytest.raises(CannotImport) as refused:
        import_endpoint(endpoint, indexed_source(endpoint), cost=COST)

    assert refused.value.remedy == (
        "With FAL_KEY, fal is asked. Without it, save "
        f"https://fal.ai/api/openapi/queue/openapi.json?endpoint_id={endpoint} as document.json, "
        "and give it: --from-file document.json."
        + ("" if UNTYPED[endpoint] else " Its price is not known either: --cost gives it.")
    )


@pytest.mark.parametrize(
    ("endpoint", "code", "hint"),
    [
        ("fal-ai/veo3", "video", "images only"),
        ("fal-ai/flux-lora-fast-training", "training", "images only"),
        ("fal-ai/triposr", "3d", "images only"),
        ("fal-ai/imagen4/preview", "not_live", "--from-file"),
        ("fal-ai/flux/shnell", "unknown", "fal-ai/flux/schnell"),
        ("luma/agent/uni-1/v1/edit", "no_schema", "FAL_KEY"),
        ("fal-ai/flux-2", "no_price", "--cost"),
        ("fal-ai/sam-3/image-rle", "no_images", "images only"),
    ],
)
def test_refusal_names_the_reason_and_the_remedy(endpoint: str, code: str, hint: str) -> None:
    with pytest.raises(CannotImport) as refused:
        import_endpoint(endpoint, indexed_source(endpoint))

    assert (refused.value.code, hint in str(refused.value)) == (code, True)
