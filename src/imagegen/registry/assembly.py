"""Builds a model from a resolved entry, and checks the values that the entry gives."""

from collections.abc import Collection, Iterable, Iterator

from pydantic import TypeAdapter, ValidationError

from imagegen.errors import CatalogError, Fault
from imagegen.registry.annotations import Annotator
from imagegen.registry.catalog import ResolvedEntry
from imagegen.registry.conflicts import ActiveRoute, Conflicts, NarrowedParameter
from imagegen.registry.documents import Place
from imagegen.registry.entries import Route
from imagegen.registry.fault_collector import FaultCollector
from imagegen.registry.model import Model
from imagegen.registry.model_classes import ModelClasses, class_stem
from imagegen.registry.model_parameters import ModelParameters
from imagegen.registry.pricing_checks import compile_pricing


def assemble(
    resolved: ResolvedEntry,
    annotator: Annotator,
    known: Collection[str] = (),
    aliases: tuple[str, ...] = (),
    *,
    is_later_built_in: bool = False,
) -> Model:
    """Build the model. Its classes are made later.

    Args:
        resolved: its entry.
        annotator: makes its classes.
        known: parameters of fal that other models accept.
        aliases: those of the entry's that are not names of other models.
        is_later_built_in: whether a release after the first brought it.
    """
    entry, parameters = resolved.entry, _parameters(resolved, annotator)
    conflicts = Conflicts(
        sized="width" in resolved.options and "height" in resolved.options,
        routes=tuple(_route(resolved, index, annotator) for index in range(len(entry.routes))),
    )
    return Model(
        name=resolved.name,
        endpoint=entry.fal_endpoint,
        category=entry.category,
        description=entry.description,
        required_inputs=entry.required_inputs,
        optional_inputs=entry.optional_inputs,
        options=tuple(resolved.options),
        default_options=entry.default_options,
        pricing=compile_pricing(entry, parameters.schemas),
        conflicts=conflicts,
        classes=ModelClasses(resolved, annotator, conflicts),
        known=known,
        output=entry.output,
        aliases=aliases,
        retired=entry.retired,
        verified_at=entry.verified_at,
        source=entry.source,
        is_later_built_in=is_later_built_in,
        tags=entry.tags,
        parameters=parameters,
    )


def check(resolved: ResolvedEntry, model: Model) -> None:
    """Check the values that an entry gives with the classes of its model, which are made for it.

    Raises:
        CatalogError: a value in the entry is one that the model itself refuses.
    """
    faults = FaultCollector()
    faults.add(_faults_of_defaults(resolved, model))
    faults.add(_faults_of_rules(resolved, model))
    faults.add(_faults_of_example(resolved, model))
    faults.raise_if_any()


def _parameters(resolved: ResolvedEntry, annotator: Annotator) -> ModelParameters:
    return ModelParameters(
        required=resolved.entry.required_inputs,
        schemas={**resolved.inputs, **resolved.options},
        narrowed=resolved.narrowed,
        definitions=annotator.definitions,
    )


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


def _faults_of_example(resolved: ResolvedEntry, model: Model) -> Iterable[CatalogError]:
    body = model.example()
    try:
        model.request_class.model_validate(body)
    except ValidationError as error:
        found = model.invalid_request(error.errors(include_url=False), body).faults
        assert found
        return [_example_error(resolved, fault) for fault in found]
    return ()


def _example_error(resolved: ResolvedEntry, fault: Fault) -> CatalogError:
    if resolved.entry.example is not None:
        return _error(resolved, ("example",), fault, within="")
    name = fault.pointer.split("/")[-1]
    reason = f"expected an example for each required input: give parameters.{name} one ({fault.message})"
    return resolved.error(("requiredInputs",), reason)


def _error(resolved: ResolvedEntry, place: Place, fault: Fault, within: str) -> CatalogError:
    steps = fault.pointer.removeprefix(within).split("/")[1:]
    return resolved.error((*place, *(int(step) if step.isdecimal() else step for step in steps)), fault.message)
