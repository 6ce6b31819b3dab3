"""What is wrong with the pricing of an entry, and the pricing of one without faults."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from imagegen.jobs.size_tariff import SizeStep
from imagegen.json_object import JsonObject
from imagegen.registry.conflicts import IMAGE_SIZE, WIDTH_AND_HEIGHT
from imagegen.registry.documents import Place, did_you_mean
from imagegen.registry.entries import Entry
from imagegen.registry.image_sizes import PRESETS, ImageSizes, parse_size
from imagegen.registry.price_table import compile_table, listed_values, table_faults
from imagegen.registry.pricing_entries import Unit
from imagegen.registry.request_price import Pricing, count_of
from imagegen.registry.vocabulary import ParameterSchemas

_UNBOUNDED: Final = (
    "expected maxMegapixels too, because the size of an image is not known if image_size, or width and height, follow "
    "an input or are left out"
)
_Faults = Iterator[tuple[Place, str]]


def compile_pricing(entry: Entry, schemas: ParameterSchemas) -> Pricing:
    """The pricing of an entry without faults, and with a price. `schemas` are those of its parameters."""
    assert entry.cost_per_image is not None
    written, sizes = entry.pricing, _sizes(entry, schemas)
    counted = written.max_images
    default = 1 if counted is None else _default(counted, entry, schemas)
    return Pricing(
        cost_per_image=entry.cost_per_image,
        rules=entry.price_rules,
        unit=written.unit,
        further=written.further,
        most_megapixels=written.max_megapixels or 1,
        sizes=sizes,
        steps=tuple(SizeStep(pixels=step.up_to, price=step.price) for step in written.steps),
        table=compile_table(written.table, schemas, entry.default_options, sizes) if written.table else None,
        add_ons=written.add_ons,
        input_images=written.input_images,
        most_images=counted,
        default_most_images=count_of(default),
    )


def pricing_faults(entry: Entry, schemas: ParameterSchemas) -> _Faults:
    """What is wrong with the pricing of an entry, with places below `pricing`."""
    unlisted = [*_unlisted(entry, schemas)]
    yield from unlisted
    yield from _misfits(entry)
    yield from _bad_steps(entry)
    if unlisted:
        return
    yield from _bad_sizes(entry, schemas)
    if entry.pricing.table is not None:
        found = table_faults(entry.pricing.table, schemas, entry.default_options, _sizes(entry, schemas))
        yield from ((("table", *place), expected) for place, expected in found)
    counted = entry.pricing.max_images
    if counted is not None and schemas[counted].type not in {"integer", None}:
        yield ("maxImages",), "expected a parameter that is a whole number"
    needs_bound = entry.pricing.unit is Unit.MEGAPIXEL and entry.pricing.max_megapixels is None
    if needs_bound and not _is_size_always_known(entry, schemas):
        yield ("unit",), _UNBOUNDED


def _unlisted(entry: Entry, schemas: ParameterSchemas) -> _Faults:
    """Parameters that the entry does not list."""
    pricing = entry.pricing
    named: list[tuple[Place, str]] = [
        (("addOns", index, "option"), each.option) for index, each in enumerate(pricing.add_ons)
    ]
    if pricing.table is not None:
        named += [(("table", "options", index), name) for index, name in enumerate(pricing.table.options)]
    if pricing.input_images is not None:
        named += [(("inputImages", "inputs", index), name) for index, name in enumerate(pricing.input_images.inputs)]
    if pricing.max_images is not None:
        named.append((("maxImages",), pricing.max_images))
    if pricing.sizes:
        named.append((("sizes",), IMAGE_SIZE))
    for place, parameter in named:
        if parameter not in schemas:
            words = "a parameter that this entry lists" if place != ("sizes",) else f"{IMAGE_SIZE} among the options"
            yield place, f"expected {words}{did_you_mean(parameter, schemas)}"


def _misfits(entry: Entry) -> _Faults:
    """Keys that exclude each other."""
    pricing = entry.pricing
    if pricing.unit is not Unit.MEGAPIXEL:
        for key, value in (("further", pricing.further), ("maxMegapixels", pricing.max_megapixels)):
            if value is not None:
                yield (key,), "expected only with unit: megapixel"
    if pricing.steps and pricing.unit is not Unit.IMAGE:
        yield ("steps",), "expected only with unit: image"
    if pricing.steps and pricing.table is not None:
        yield ("steps",), "expected steps or a table, not both"
    if pricing.max_images is not None and pricing.unit is Unit.REQUEST:
        yield ("maxImages",), "expected another unit than request, whose price does not depend on the number of images"


def _bad_steps(entry: Entry) -> _Faults:
    steps = entry.pricing.steps
    for index, (step, following) in enumerate(itertools.pairwise(steps), 1):
        if following.up_to <= step.up_to:
            yield ("steps", index, "upTo"), "expected a larger size than in the step before"


def _bad_sizes(entry: Entry, schemas: ParameterSchemas) -> _Faults:
    """Names of sizes that the parameter does not take."""
    if not entry.pricing.sizes:
        return
    listed, is_open = listed_values(schemas[IMAGE_SIZE])
    for name in entry.pricing.sizes:
        if name not in listed and (listed or not is_open):
            hint = did_you_mean(name, listed) or f": {', '.join(listed)}"
            yield ("sizes", name), f"expected a value of {IMAGE_SIZE}{hint}"


def _sizes(entry: Entry, schemas: ParameterSchemas) -> ImageSizes:
    default: JsonObject = {
        name: value
        for name in (IMAGE_SIZE, *WIDTH_AND_HEIGHT)
        if name in schemas and (value := _default(name, entry, schemas)) is not None
    }
    return ImageSizes(default, {**PRESETS, **entry.pricing.sizes})


def _default(name: str, entry: Entry, schemas: ParameterSchemas) -> JsonValue:
    """What counts for a parameter that is left out: the entry's default option, or fal's default."""
    return entry.default_options.get(name, schemas[name].default)


def _is_size_always_known(entry: Entry, schemas: ParameterSchemas) -> bool:
    """Whether every valid request tells the size of its images."""
    sizes = _sizes(entry, schemas)
    if IMAGE_SIZE in schemas:
        listed, is_open = listed_values(schemas[IMAGE_SIZE])
        takes_names = not _takes_pixels(schemas) if is_open else False
        if takes_names or not all(name in sizes.named or parse_size(name) for name in listed):
            return False
    required: Sequence[str] = entry.required_inputs
    is_required = IMAGE_SIZE in required or all(name in required for name in WIDTH_AND_HEIGHT)
    return is_required or sizes.of({}) is not None


def _takes_pixels(schemas: ParameterSchemas) -> bool:
    """Whether `image_size` takes nothing but listed names and an object with width and height."""
    schema = schemas[IMAGE_SIZE]
    branches = schema.any_of or (schema,)
    return all(branch.enum or branch.definition == "ImageSize" or branch.type == "object" for branch in branches)
