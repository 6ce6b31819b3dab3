"""Builds a model from a resolved entry: its classes, its routes, and an example that is checked to be valid."""

import re
from collections.abc import Collection, Iterator

from pydantic import JsonValue, TypeAdapter, ValidationError

from imagegen.errors import CatalogError, Fault
from imagegen.registry.annotations import Annotator
from imagegen.registry.catalog import ResolvedEntry
from imagegen.registry.conflicts import NUM_IMAGES, ActiveRoute, Conflicts, NarrowedParameter
from imagegen.registry.documents import Place
from imagegen.registry.entries import Route
from imagegen.registry.fault_collector import FaultCollector, raise_if_any
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.model import Model
from imagegen.registry.pricing_checks import compile_pricing
from imagegen.registry.requests import EstimateRequest, estimate_class, request_class
from imagegen.registry.sample_images import with_drawings

EXAMPLE_USER = "user123"
MOST_PLANNED = 10_000
_PLANNED = ParameterSchema(
    type="integer",
    minimum=1,
    maximum=MOST_PLANNED,
    description="How many images are planned. The estimate warns if that is more than one request may ask for.",
    example=10,
)


def class_stem(model: str) -> str:
    """The first part of the names of a model's classes: `flux-pro` gives `FluxPro`."""
    stem = "".join(part.capitalize() for part in re.split(r"[._-]+", model))
    return stem if stem[:1].isalpha() else f"Model{stem}"


def assemble(
    resolved: ResolvedEntry,
    annotator: Annotator,
    known: Collection[str] = (),
    aliases: tuple[str, ...] = (),
    *,
    is_later_built_in: bool = False,
) -> Model:
    """Build the model.

    Args:
        resolved: its entry.
        annotator: makes its classes.
        known: parameters of fal that other models accept.
        aliases: those of the entry's that are not names of other models.
        is_later_built_in: whether a release after the first brought it.

    Raises:
        CatalogError: a value in the entry is one that the model itself refuses.
    """
    entry, stem = resolved.entry, class_stem(resolved.name)
    schemas = {**resolved.inputs, **resolved.options}
    doc = "{} of " + resolved.name + "."
    inputs = annotator.object_class(f"{stem}Inputs", doc.format("Inputs"), resolved.inputs, entry.required_inputs)
    options = annotator.object_class(f"{stem}Options", doc.format("Options"), resolved.options, ())
    conflicts = Conflicts(
        sized="width" in resolved.options and "height" in resolved.options,
        routes=tuple(_route(resolved, index, annotator) for index in range(len(entry.routes))),
    )
    model = Model(
        name=resolved.name,
        endpoint=entry.fal_endpoint,
        category=entry.category,
        description=entry.description,
        required_inputs=entry.required_inputs,
        optional_inputs=entry.optional_inputs,
        options=tuple(resolved.options),
        default_options=entry.default_options,
        pricing=compile_pricing(entry, schemas),
        conflicts=conflicts,
        inputs_class=inputs,
        options_class=options,
        request_class=request_class(resolved.name, stem, inputs, options, conflicts.faults),
        estimate_class=_estimate_class(resolved, annotator, conflicts),
        known=known,
        output=entry.output,
        aliases=aliases,
        retired=entry.retired,
        verified_at=entry.verified_at,
        source=entry.source,
        is_later_built_in=is_later_built_in,
    )
    faults = FaultCollector()
    faults.add(_faults_of_defaults(resolved, model))
    faults.add(_faults_of_rules(resolved, model))
    with faults.collecting():
        _set_example(resolved, model)
    faults.raise_if_any()
    return model


def _estimate_class(resolved: ResolvedEntry, annotator: Annotator, conflicts: Conflicts) -> type[EstimateRequest]:
    stem = f"{class_stem(resolved.name)}Estimate"
    doc = "{} of " + resolved.name + ", to be priced."
    inputs = annotator.object_class(f"{stem}Inputs", doc.format("Inputs"), resolved.inputs, ())
    planned = {**resolved.options, NUM_IMAGES: _PLANNED}
    options = annotator.object_class(f"{stem}Options", doc.format("Options"), planned, ())
    class_name = annotator.unique(f"{stem}Request")
    return estimate_class(resolved.name, class_name, inputs, options, conflicts.planning_faults)


def _route(resolved: ResolvedEntry, index: int, annotator: Annotator) -> ActiveRoute:
    route: Route = resolved.entry.routes[index]
    stem = f"{class_stem(resolved.name)}Route{index + 1}"
    return ActiveRoute(
        when=route.when,
        endpoint=route.fal_endpoint,
        cost_per_image=route.cost_per_image,
        narrowed={
            name: NarrowedParameter(
                section="inputs" if name in resolved.inputs else "options",
                adapter=TypeAdapter(annotator.annotation(schema, stem + name.title().replace("_", ""))),
            )
            for name, schema in resolved.narrowed[index].items()
        },
    )


def _faults_of_defaults(resolved: ResolvedEntry, model: Model) -> Iterator[CatalogError]:
    defaults = model.default_options
    found = [*model.section_faults("options", defaults), *model.conflicts.faults({}, defaults)]
    for route in model.conflicts.routes:
        found += route.faults(defaults)
    return (_error(resolved, ("defaultOptions",), fault, within="/options") for fault in found)


def _faults_of_rules(resolved: ResolvedEntry, model: Model) -> Iterator[CatalogError]:
    """Values of price rules and add-ons that the parameter does not take."""
    rules = [(("priceRules", index), each.option, each.value) for index, each in enumerate(resolved.entry.price_rules)]
    add_ons = enumerate(resolved.entry.pricing.add_ons)
    rules += [
        (("pricing", "addOns", index), each.option, each.value) for index, each in add_ons if each.value is not None
    ]
    for place, option, value in rules:
        section = "inputs" if option in resolved.inputs else "options"
        for fault in model.section_faults(section, {option: value}):
            yield resolved.error((*place, "value"), fault.message)


def _set_example(resolved: ResolvedEntry, model: Model) -> None:
    body = with_drawings(_example(resolved))
    try:
        model.request_class.model_validate(body)
    except ValidationError as error:
        found = model.invalid_request(error.errors(include_url=False), body).faults
        raise_if_any(_example_error(resolved, fault) for fault in found)
        raise
    model.request_class.example = body
    options = body.get("options", {})
    assert isinstance(options, dict)
    model.estimate_class.example = {"model": resolved.name, "options": {**options, NUM_IMAGES: _PLANNED.example}}


def _example_error(resolved: ResolvedEntry, fault: Fault) -> CatalogError:
    if resolved.entry.example is not None:
        return _error(resolved, ("example",), fault, within="")
    name = fault.pointer.split("/")[-1]
    reason = f"expected an example for each required input: give parameters.{name} one ({fault.message})"
    return resolved.error(("requiredInputs",), reason)


def _error(resolved: ResolvedEntry, place: Place, fault: Fault, within: str) -> CatalogError:
    steps = fault.pointer.removeprefix(within).split("/")[1:]
    return resolved.error((*place, *(int(step) if step.isdecimal() else step for step in steps)), fault.message)


def _example(resolved: ResolvedEntry) -> dict[str, JsonValue]:
    written = resolved.entry.example
    if written is None:
        required = resolved.entry.required_inputs
        inputs = {name: _sample(resolved.inputs[name]) for name in required}
        return {"model": resolved.name, "inputs": inputs, "userId": EXAMPLE_USER}
    parts: dict[str, JsonValue] = {"model": resolved.name, "inputs": dict(written.inputs)}
    options: dict[str, JsonValue] = {"options": dict(written.options)} if written.options else {}
    return {**parts, **options, "userId": EXAMPLE_USER}


def _sample(schema: ParameterSchema) -> JsonValue:
    """A value for a parameter: its example, or one of its type."""
    if schema.example is not None:
        return schema.example
    if schema.enum:
        return schema.enum[0]
    samples: dict[str | None, JsonValue] = {
        "string": "https://example.com/photo.jpg" if schema.format else "text",
        "integer": max(1, int(schema.minimum or 1)),
        "number": schema.minimum or 1,
        "boolean": True,
        "array": [_sample(schema.items)] if schema.items else ["text"],
        "object": {name: _sample(part) for name, part in (schema.properties or {}).items()},
        None: "text",
    }
    return samples[schema.type]
