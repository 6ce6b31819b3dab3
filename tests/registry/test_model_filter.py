"""The list of models has those that match everything that is asked for."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from imagegen.registry import Registry
from imagegen.registry.capabilities import SizeForm
from imagegen.registry.model_filter import ModelFilter

LoadWith = Callable[[str], Registry]
CATALOG = """
inpainter:
  falEndpoint: fal-ai/inpainter
  category: inpainting
  requiredInputs: [prompt, image_url, mask_url]
  options: [num_images]
  costPerImage: 0.2
  description: Fills a hole in a picture
  tags: [fast, fill]
  aliases: [hole-filler]
  parameters: {mask_url: {$ref: "#/definitions/ImageUrl"}}
quick:
  falEndpoint: fal-ai/quick
  category: text-to-image
  requiredInputs: [prompt]
  options: [aspect_ratio]
  costPerImage: 0.01
  description: Quick
  tags: [fast]
"""
BUILT_IN = ["nano-banana-edit", "flux-pro", "flux-dev", "flux-lora", "flux-dev-image-to-image", "face-swap"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ModelFilter(), [*BUILT_IN, "inpainter", "quick"]),
        (ModelFilter(category="inpainting"), ["inpainter"]),
        (ModelFilter(tags=("fast",)), ["inpainter", "quick"]),
        (ModelFilter(tags=("google",)), ["nano-banana-edit"]),
        (ModelFilter(tags=("fast", "fill")), ["inpainter"]),
        (ModelFilter(max_cost=Decimal("0.025")), ["flux-dev", "face-swap", "quick"]),
        (ModelFilter(max_cost=Decimal(0)), []),
        (
            ModelFilter(takes_images=True),
            ["nano-banana-edit", "flux-dev-image-to-image", "face-swap", "inpainter"],
        ),
        (ModelFilter(takes_images=False), ["flux-pro", "flux-dev", "flux-lora", "quick"]),
        (ModelFilter(takes_mask=True), ["inpainter"]),
        (ModelFilter(takes_loras=True), ["flux-dev", "flux-lora"]),
        (ModelFilter(takes_loras=True, max_cost=Decimal("0.03")), ["flux-dev"]),
        (ModelFilter(sizes=SizeForm.RATIOS), ["nano-banana-edit", "quick"]),
        (ModelFilter(sizes=SizeForm.NONE), ["flux-dev-image-to-image", "face-swap", "inpainter"]),
        (ModelFilter(text="FLUX dev"), ["flux-dev", "flux-dev-image-to-image"]),
        (ModelFilter(text="hole-filler"), ["inpainter"]),
        (ModelFilter(text="fal-ai/quick"), ["quick"]),
        (ModelFilter(text="nothing like it"), []),
    ],
)
def test_models_that_match_everything_are_found(load_with: LoadWith, wanted: ModelFilter, expected: list[str]) -> None:
    models = [*load_with(CATALOG).models.values()]

    known = {*BUILT_IN, "inpainter", "quick"}  # of the built-in models, those of the first release
    assert [model.name for model in models if model.name in known and wanted.matches(model)] == expected
    assert [*wanted.unknown(models)] == []


def test_values_that_no_model_has_come_with_the_valid_ones(load_with: LoadWith) -> None:
    models = [*load_with(CATALOG).models.values()]
    unknown = [*ModelFilter(category="text-to-imge", tags=("fast", "fats", "zzz", "zzz")).unknown(models)]

    categories = dict.fromkeys(model.category for model in models)
    assert [(each.member, each.given, each.suggestion) for each in unknown] == [
        ("category", "text-to-imge", "text-to-image"),
        ("tags", "fats", "fast"),
        ("tags", "zzz", None),
    ]
    assert unknown[0].expected == f"must be one of {', '.join(categories)}; did you mean 'text-to-image'?"
    assert {"fast", "fill"} <= {*unknown[2].valid}
    assert unknown[2].expected == f"must be one of {', '.join(unknown[2].valid)}"


def test_tag_is_refused_if_no_model_has_one(load_with: LoadWith) -> None:
    model = load_with(CATALOG.replace("  tags: [fast]\n", "")).model("quick")
    (unknown,) = ModelFilter(tags=("fast",)).unknown([model])

    assert unknown.expected == "must be left out, because no model has one"
