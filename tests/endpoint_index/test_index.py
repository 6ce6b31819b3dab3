"""The index is small, complete and what its sources say, and it is read only when it is asked for."""

import json
import subprocess
import sys
from typing import Any, Final

import pytest

from facts.index import HERE, PATH, build, render
from imagegen.endpoint_index import IndexedEndpoint, endpoint_index
from tests.support.workspace import install_tools

INDEX: Final = endpoint_index()
LIVE: Final = [
    line.split("\t")
    for line in (HERE / "endpoints.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
ENDPOINTS: Final = [endpoint for name in INDEX.ids if (endpoint := INDEX.find(name))]


@pytest.mark.matrix
async def test_file_is_what_its_sources_give() -> None:
    await install_tools()

    assert render(build()) == PATH.read_text(encoding="utf-8")


def test_file_is_small() -> None:
    assert PATH.stat().st_size <= 400_000


def test_every_live_image_endpoint_is_in_it() -> None:
    assert [[each.id, each.category, each.result, each.title] for each in ENDPOINTS] == LIVE


def test_parameters_of_most_endpoints_are_known() -> None:
    assert sum(each.inputs is not None for each in ENDPOINTS) >= 485


def test_endpoint_has_types_bounds_defaults_and_price() -> None:
    found = INDEX.find("fal-ai/flux-2/lora")

    assert found is not None
    assert found.inputs is not None
    assert (found.required, found.price and found.price.entry) == (
        ["prompt"],
        {"costPerImage": 0.021, "pricing": {"unit": "megapixel"}},
    )
    assert found.inputs["guidance_scale"] == {"type": "number", "default": 2.5, "minimum": 0, "maximum": 20}
    assert found.inputs["loras"]["items"] == {"$ref": "#/definitions/LoRAInput"}
    assert found.definitions["LoRAInput"]["required"] == ["path"]


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.price], ids=lambda each: each.id)
def test_prices_name_parameters_that_the_endpoint_has(endpoint: IndexedEndpoint) -> None:
    assert endpoint.price is not None
    pricing: Any = endpoint.price.entry.get("pricing", {})
    named = {*pricing.get("table", {}).get("options", []), *pricing.get("inputImages", {}).get("inputs", [])}
    named |= {each["option"] for each in pricing.get("addOns", [])} | {*filter(None, [pricing.get("maxImages")])}

    assert endpoint.inputs is None or named - endpoint.inputs.keys() == set()


def test_documents_have_the_form_of_fals() -> None:
    for endpoint in (each for each in ENDPOINTS if each.inputs):
        made: Any = endpoint.document()
        schemas = made["components"]["schemas"]
        body = made["paths"][f"/{endpoint.id}"]["post"]["requestBody"]["content"]["application/json"]["schema"]

        references = {part.partition('"')[0] for part in json.dumps(made).split("#/components/schemas/")[1:]}
        assert schemas[body["$ref"].rpartition("/")[2]]["properties"].keys() == (endpoint.inputs or {}).keys()
        assert (references - schemas.keys(), "#/definitions/" in json.dumps(made)) == (set(), False)


def test_search_takes_words_in_any_order() -> None:
    first, *others = (found.id for found in INDEX.search("schnell FLUX"))

    assert first == "fal-ai/flux/schnell"
    assert all("schnell" in name for name in others)
    assert list(INDEX.search("no such endpoint")) == []


def test_others_are_known_by_what_they_make() -> None:
    names = (
        "fal-ai/veo3",
        "fal-ai/flux-lora-fast-training",
        "fal-ai/triposr",
        "fal-ai/imagen4/preview",
        "fal-ai/flux/dev",
    )

    kinds = [INDEX.kind_of_other(name) for name in names]

    assert kinds == ["video", "training", "3d", "image", None]


def test_nearest_ids_of_a_wrong_one() -> None:
    assert INDEX.nearest("flux/shnell")[0] == "fal-ai/flux/schnell"
    assert list(INDEX.nearest("qqqqqqqqqqqqqqq")) == []


def test_a_start_does_not_read_it() -> None:
    program = (
        "import imagegen.server, imagegen.cli.app, imagegen.endpoint_index as index;"
        "print(index.endpoint_index.cache_info().misses)"
    )

    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603

    assert made.stdout.strip() == "0"
