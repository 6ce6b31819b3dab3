"""From models of the catalog to the wire."""

from collections.abc import Mapping
from dataclasses import asdict

from imagegen.registry import UnpricedModel
from imagegen.registry.model import Model
from imagegen.wire import model_schemas


def model_summary(model: Model) -> model_schemas.ModelSummary:
    """The model as in the list of models."""
    return model_schemas.ModelSummary.model_validate(_catalog_facts(model))


def unpriced_model(model: UnpricedModel) -> model_schemas.UnpricedModel:
    """A model that only lacks a price."""
    return model_schemas.UnpricedModel(
        name=model.name,
        fal_endpoint=model.endpoint,
        category=model.category,
        description=model.description,
        source=model.source,
    )


def model_detail(model: Model) -> model_schemas.ModelDetail:
    """The model with its JSON Schemas and an example."""
    return model_schemas.ModelDetail.model_validate(
        {
            **_catalog_facts(model),
            "inputs_schema": model.inputs_schema(),
            "options_schema": model.options_schema(),
            "example": model.example(),
        }
    )


def _catalog_facts(model: Model) -> Mapping[str, object]:
    return {
        "name": model.name,
        "fal_endpoint": model.endpoint,
        "category": model.category,
        "description": model.description,
        "required_inputs": list(model.required_inputs),
        "optional_inputs": list(model.optional_inputs),
        "options": list(model.options),
        "default_options": dict(model.default_options),
        "cost_per_image": model.cost_per_image,
        "min_cost_per_image": model.price_bounds.least,
        "max_cost_per_image": model.price_bounds.most,
        **asdict(model.capabilities),
        "tags": list(model.tags),
        "aliases": list(model.aliases),
        "retired": model.retired.model_dump() if model.retired else None,
        "verified_at": model.verified_at,
        "source": model.source,
    }
