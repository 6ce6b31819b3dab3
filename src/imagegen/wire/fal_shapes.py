"""Puts stored images back where a model's result has them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue

from imagegen.jobs import ImageRole
from imagegen.json_object import JsonObject
from imagegen.registry import Output, OutputKind

_USUAL: Final = (Output(path="images"),)
_SINGLE: Final = frozenset({OutputKind.IMAGE, OutputKind.URL})
_URLS: Final = frozenset({OutputKind.URL, OutputKind.URLS})


@dataclass(frozen=True, slots=True)
class Placed:
    """An image to be put back: its role in the result, and its file object, which has a `url`."""

    role: ImageRole
    file: JsonObject


def with_images(details: JsonObject, outputs: Sequence[Output], images: Sequence[Placed]) -> JsonObject:
    """A result with its images.

    Args:
        details: the members of the result beside its images. What is in them is not replaced, but added to.
        outputs: where the catalog says that the images are; without any, they are a list, `images`.
        images: in the order in which they were found. An output for one image takes the next one of its role, an
            output for several takes all that are left. Images without an output go into `images`.
    """
    left = {role: [each.file for each in images if each.role is role] for role in ImageRole}
    result = cast("dict[str, JsonValue]", _copied(dict(details)))
    for output in outputs or _USUAL:
        of_role = left[output.role]
        count = 1 if output.kind in _SINGLE else len(of_role)
        taken, left[output.role] = of_role[:count], of_role[count:]
        values: list[JsonValue] = [file["url"] if output.kind in _URLS else dict(file) for file in taken]
        if values:
            _put(result, output.path.split("."), values, is_single=output.kind in _SINGLE)
    rest = [dict(file) for files in left.values() for file in files]
    if rest:
        listed = result.get("images")
        result["images"] = [*(listed if isinstance(listed, list) else ()), *rest]
    return result


def _put(result: dict[str, JsonValue], names: Sequence[str], values: list[JsonValue], *, is_single: bool) -> None:
    """Put the values at a path. Of a list on the way, each item gets one value, as it had one."""
    *way, last = names
    here = [result]
    for name in way:
        here = [each for parent in here for each in _objects(parent, name, len(values))]
    if len(here) == 1:
        here[0][last] = values[0] if is_single else values
        return
    for item, value in zip(here, values, strict=False):
        item[last] = value


def _objects(parent: dict[str, JsonValue], name: str, count: int) -> Iterator[dict[str, JsonValue]]:
    """The objects under a member: itself, or the items of its list, as many as there are images at least."""
    found = parent.get(name)
    if isinstance(found, list):
        found.extend({} for _ in range(count - len(found)))
        yield from (item for item in found if isinstance(item, dict))
        return
    if not isinstance(found, dict):
        found = parent[name] = {}
    yield found


def _copied(value: JsonValue) -> JsonValue:
    match value:
        case Mapping():
            return {name: _copied(item) for name, item in value.items()}
        case list():
            return [_copied(item) for item in value]
        case _:
            return value
