"""The JSON Schemas of the requests of all models, for the OpenAPI document."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from imagegen.registry.model import Model
from imagegen.registry.request_union import TAG


def request_schemas(models: Iterable[Model], references: str) -> dict[str, dict[str, Any]]:
    """Every schema by its name: the three unions of requests, their branches, and what these refer to.

    It makes the classes of all models.

    Args:
        models: in the order of the branches.
        references: what a `$ref` has before the name.
    """
    kinds: dict[str, dict[str, type[BaseModel]]] = {"GenerateRequest": {}, "EstimateRequest": {}, "BatchItem": {}}
    for model in models:
        kinds["GenerateRequest"][model.name] = model.request_class
        kinds["EstimateRequest"][model.name] = model.estimate_class
        kinds["BatchItem"][model.name] = model.item_class
    classes = [(each, "validation") for classes in kinds.values() for each in classes.values()]
    of_classes, definitions = models_json_schema(classes, ref_template=references + "{model}")  # pyright: ignore[reportArgumentType]
    unions: dict[str, dict[str, Any]] = {}
    for union, branches in kinds.items():
        mapping = {name: of_classes[each, "validation"]["$ref"] for name, each in branches.items()}
        unions[union] = {
            "oneOf": [{"$ref": reference} for reference in mapping.values()],
            "discriminator": {"propertyName": TAG, "mapping": mapping},
        }
    return {**definitions["$defs"], **unions}
