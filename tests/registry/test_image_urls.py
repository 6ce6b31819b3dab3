"""Image URLs are found in parameters with the format `uri`, and in those that accept any JSON."""

from typing import Any, Final

import pytest

from imagegen.registry import Registry, load_registry

URI: Final = "data:image/png;base64,AAAA"
CATALOG: Final = """
collage:
  falEndpoint: fal-ai/collage
  category: image-editing
  requiredInputs: [prompt]
  optionalInputs: [mask, layers]
  costPerImage: 0.01
  description: For this test.
  parameters:
    layers:
      type: array
      items: {type: object, properties: {picture: {type: string, format: uri}, note: {type: string}}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("catalog") / "models.yaml"
    file.write_text(CATALOG)
    return load_registry((file,))


@pytest.mark.parametrize(
    ("model", "inputs", "places"),
    [
        ("flux-pro", {"prompt": URI}, []),
        ("nano-banana-edit", {"prompt": "x", "image_urls": [URI, "https://a.example/b.png"]}, [0, 1]),
        ("face-swap", {"base_image_url": URI, "swap_image_url": URI}, ["base_image_url", "swap_image_url"]),
        ("collage", {"prompt": "https://a.example", "mask": {"deep": [URI, "https://a.example", "data:,x"]}}, [0]),
        ("collage", {"prompt": "x", "layers": [{"picture": URI, "note": URI}]}, ["picture"]),
    ],
    ids=["a prompt is text", "a list", "two parameters", "any JSON", "inside an object"],
)
def test_image_urls_are_found_by_the_schema(
    registry: Registry, model: str, inputs: dict[str, Any], places: list[str | int]
) -> None:
    registry.parse({"model": model, "inputs": inputs, "userId": "u"})

    assert [place[-1] for place, _ in registry.models[model].image_urls(inputs, {})] == places
