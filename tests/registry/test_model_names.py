"""A caller that names an endpoint of fal gets its model suggested."""

import pytest

from imagegen.errors import UnknownModel
from imagegen.registry import Registry


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("fal-ai/flux-pro/v1.1", "flux-pro"),
        ("flux-pro/v1.1", "flux-pro"),
        ("FAL-AI/Flux-Pro/V1.1", "flux-pro"),
        (" fal-ai / flux-pro / v1.1 ", "flux-pro"),
        ("fal-ai/flux-pro/v1.1/", "flux-pro"),
        ("/fal-ai/flux-pro/v1.1", "flux-pro"),
        ("https://fal.ai/models/fal-ai/flux-pro/v1.1", "flux-pro"),
        ("https://fal.ai/models/fal-ai/flux-pro/v1.1/api?platform=python#x", "flux-pro"),
        ("https://www.fal.ai/models/fal-ai/flux-pro/v1.1/playground", "flux-pro"),
        ("fal.ai/models/fal-ai/flux-pro/v1.1", "flux-pro"),
        ("//fal.ai/models/fal-ai/flux-pro/v1.1", "flux-pro"),
        ("HTTPS://FAL.RUN/fal-ai/flux-pro/v1.1", "flux-pro"),
        ("https://queue.fal.run/fal-ai/flux-pro/v1.1", "flux-pro"),
        ("queue.fal.run/fal-ai%2Fflux-pro%2Fv1.1", "flux-pro"),
        ("models/fal-ai/flux-pro/v1.1", "flux-pro"),
        ("fal-ai/flux/dev", "flux-dev"),
        ("fal-ai/flux/dev/image-to-image", "flux-dev-image-to-image"),
        ("fal-ai/flux-lora", "flux-lora"),
        ("fal-ai/nano-banana-pro/edit", "nano-banana-edit"),
        ("fal-ai/face-swap", "face-swap"),
        ("fal-ai/flux-pro/v1.0", "flux-pro"),
        ("Flux Pro", "flux-pro"),
        (" flux-pro\n", "flux-pro"),
        ("https://fal.ai", None),
        ("https://", None),
        ("/", None),
        ("%", None),
    ],
)
def test_model_of_an_endpoint_is_suggested(registry: Registry, name: str, model: str | None) -> None:
    with pytest.raises(UnknownModel) as refused:
        registry.model(name)

    assert refused.value.suggestion == model


def test_every_catalog_endpoint_finds_its_model(registry: Registry) -> None:
    for name, model in registry.models.items():
        with pytest.raises(UnknownModel) as refused:
            registry.model(model.endpoint)
        assert refused.value.suggestion == name
