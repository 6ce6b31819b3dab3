"""Makes a model of a listing: its classes, its routes, and an example that is proved to be valid."""

import re
from collections.abc import Collection, Iterator

from pydantic import JsonValue, TypeAdapter, ValidationError

from imagegen.errors import CatalogError, Fault
from imagegen.registry.annotations import Annotator
from imagegen.registry.catalog import Listing
from imagegen.registry.conflicts import NUM_IMAGES, ActiveRoute, Conflicts, Narrowed
from imagegen.registry.documents import Place
from imagegen.registry.entries import Route
from imagegen.registry.gathering import Gathering, stop_if_any
from imagegen.registry.model import Model
from imagegen.registry.requests import EstimateRequest, estimate_class, request_class
from imagegen.registry.schemas import ParameterSchema

EXAMPLE_USER = "user123"
MOST_PLANNED = 10_000
_PLANNED = ParameterSchema(
    type="integer",
    minimum=1,
    maximum=MOST_PLANNED,
    description="How many pictures are planned; of more than one request can ask for, the estimate warns.",
    example=10,
)


def class_stem(model: str) -> str:
    """What the names of a model's classes begin with: `flux-pro` gives `FluxPro`."""
    stem = "".join(part.capitalize() for part in re.split(r"[._-]+", model))
    return stem if stem[:1].isalpha() else f"Model{stem}"


def assemble(listing: Listing, annotator: Annotator, known: Collection[str] = ()) -> Model:
    """Make the model. `known` are parameters of fal's that other models take.

    Raises:
        CatalogError: a value in the entry that the model itself would refuse.
    """
    entry, stem = listing.entry, class_stem(listing.name)
    doc = "{} of " + listing.name + "."
    inputs = annotator.object_class(f"{stem}Inputs", doc.format("Inputs"), listing.inputs, entry.required_inputs)
    options = annotator.object_class(f"{stem}Options", doc.format("Options"), listing.options, ())
    conflicts = Conflicts(
        sized="width" in listing.options and "height" in listing.options,
        routes=tuple(_route(listing, index, annotator) for index in range(len(entry.routes))),
    )
    model = Model(
        name=listing.name,
        endpoint=entry.fal_endpoint,
        category=entry.category,
        description=entry.description,
        required_inputs=entry.required_inputs,
        optional_inputs=entry.optional_inputs,
        options=tuple(listing.options),
        default_options=entry.default_options,
        cost_per_image=entry.cost_per_image,
        price_rules=entry.price_rules,
        conflicts=conflicts,
        inputs_class=inputs,
        options_class=options,
        request_class=request_class(listing.name, stem, inputs, options, conflicts.faults),
        estimate_class=_estimate_class(listing, annotator, conflicts),
        known=known,
    )
    faults = Gathering()
    faults.add(_faults_of_defaults(listing, model))
    faults.add(_faults_of_rules(listing, model))
    with faults.going_on():
        _set_example(listing, model)
    faults.stop()
    return model


def _estimate_class(listing: Listing, annotator: Annotator, conflicts: Conflicts) -> type[EstimateRequest]:
    stem = f"{class_stem(listing.name)}Estimate"
    doc = "{} of " + listing.name + ", to be priced."
    inputs = annotator.object_class(f"{stem}Inputs", doc.format("Inputs"), listing.inputs, ())
    planned = {**listing.options, NUM_IMAGES: _PLANNED}
    options = annotator.object_class(f"{stem}Options", doc.format("Options"), planned, ())
    class_name = annotator.unique(f"{stem}Request")
    return estimate_class(listing.name, class_name, inputs, options, conflicts.planning_faults)


def _route(listing: Listing, index: int, annotator: Annotator) -> ActiveRoute:
    written: Route = listing.entry.routes[index]
    stem = f"{class_stem(listing.name)}Route{index + 1}"
    return ActiveRoute(
        when=written.when,
        endpoint=written.fal_endpoint,
        cost_per_image=written.cost_per_image,
        narrowed={
            name: Narrowed(
                section="inputs" if name in listing.inputs else "options",
                adapter=TypeAdapter(annotator.annotation(schema, stem + name.title().replace("_", ""))),
            )
            for name, schema in listing.narrowed[index].items()
        },
    )


def _faults_of_defaults(listing: Listing, model: Model) -> Iterator[CatalogError]:
    defaults = model.default_options
    found = [*model.section_faults("options", defaults), *model.conflicts.faults({}, defaults)]
    for route in model.conflicts.routes:
        found += route.faults(defaults)
    return (_error(listing, ("defaultOptions",), fault, within="/options") for fault in found)


def _faults_of_rules(listing: Listing, model: Model) -> Iterator[CatalogError]:
    for index, rule in enumerate(listing.entry.price_rules):
        section = "inputs" if rule.option in listing.inputs else "options"
        for fault in model.section_faults(section, {rule.option: rule.value}):
            yield listing.error(("priceRules", index, "value"), fault.message)


def _set_example(listing: Listing, model: Model) -> None:
    body = _example(listing)
    try:
        model.request_class.model_validate(body)
    except ValidationError as error:
        found = model.refusal(error.errors(include_url=False), body).faults
        stop_if_any(_example_error(listing, fault) for fault in found)
        raise
    model.request_class.example = body
    options = body.get("options", {})
    assert isinstance(options, dict)
    model.estimate_class.example = {"model": listing.name, "options": {**options, NUM_IMAGES: _PLANNED.example}}


def _example_error(listing: Listing, fault: Fault) -> CatalogError:
    if listing.entry.example is not None:
        return _error(listing, ("example",), fault, within="")
    name = fault.pointer.split("/")[-1]
    reason = f"expected an example for each required input: give parameters.{name} one ({fault.message})"
    return listing.error(("requiredInputs",), reason)


def _error(listing: Listing, place: Place, fault: Fault, within: str) -> CatalogError:
    steps = fault.pointer.removeprefix(within).split("/")[1:]
    return listing.error((*place, *(int(step) if step.isdecimal() else step for step in steps)), fault.message)


def _example(listing: Listing) -> dict[str, JsonValue]:
    written = listing.entry.example
    if written is None:
        required = listing.entry.required_inputs
        inputs = {name: _sample(listing.inputs[name]) for name in required}
        return {"model": listing.name, "inputs": inputs, "userId": EXAMPLE_USER}
    parts: dict[str, JsonValue] = {"model": listing.name, "inputs": dict(written.inputs)}
    options: dict[str, JsonValue] = {"options": dict(written.options)} if written.options else {}
    return {**parts, **options, "userId": EXAMPLE_USER}


def _sample(schema: ParameterSchema) -> JsonValue:
    """A value for a parameter: its example, or what its type suggests."""
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
