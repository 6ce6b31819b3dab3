"""What people type for a model's parameters, turned into what its schema takes."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from imagegen.cli.client.service import Json
from imagegen.cli.errors import InvalidArgument

_KINDS: Final[Mapping[type, tuple[str, ...]]] = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    dict: ("object",),
    list: ("array",),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a model: where it belongs in a request (`inputs` or `options`), and its JSON Schema."""

    section: str
    name: str
    schema: Json
    root: Json

    @property
    def types(self) -> frozenset[str]:
        """The JSON types that it takes; empty if it takes any."""
        return frozenset(_types(self.schema, self.root))

    @property
    def takes_images(self) -> bool:
        """Whether its value is the URL of an image, or a list of such URLs."""
        item = self.schema.get("items", self.schema)
        return "image_url" in self.name and item.get("format") == "uri"

    def value(self, text: str) -> Any:
        """The value that a text stands for: text where the schema takes text, else JSON."""
        try:
            parsed: object = json.loads(text)
        except ValueError:
            parsed = text
        kinds = _KINDS.get(type(parsed), ())
        if not self.types or self.types.intersection(kinds):
            return parsed
        if "string" in self.types:
            return text
        raise InvalidArgument(f"{self.name} takes {' or '.join(sorted(self.types))}, not {text!r}")


class Parameters(Mapping[str, Parameter]):
    """All parameters of a model, by name, from what `GET /api/images/models/{name}` answers."""

    def __init__(self, model: Json) -> None:
        self.model: str = model["name"]
        self.required: Sequence[str] = model["requiredInputs"]
        self._all = {
            name: Parameter(section, name, schema, model[f"{section}Schema"])
            for section in ("inputs", "options")
            for name, schema in model[f"{section}Schema"]["properties"].items()
        }

    def __getitem__(self, name: str) -> Parameter:
        """The parameter of that name.

        Raises:
            InvalidArgument: the model has none of that name.
        """
        if name in self._all:
            return self._all[name]
        near = difflib.get_close_matches(name, self._all, n=1)
        end = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(self._all)}"
        raise InvalidArgument(f"{self.model} has no parameter {name!r}: {end}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: object) -> bool:
        return name in self._all

    def image_parameters(self) -> list[Parameter]:
        """Those that take images, the required ones first."""
        found = [parameter for parameter in self.values() if parameter.takes_images]
        return sorted(found, key=lambda parameter: parameter.name not in self.required)


def read_settings_of(parameters: Parameters, settings: Iterable[str]) -> Json:
    """The values of `--set name=value`, by name; a name that is given twice gets a list."""
    texts: dict[str, list[str]] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator:
            raise InvalidArgument(f"--set {setting}: expected name=value")
        texts.setdefault(name, []).append(text)
    return {name: _one_or_list(parameters[name], given) for name, given in texts.items()}


def _one_or_list(parameter: Parameter, texts: Sequence[str]) -> Any:
    if len(texts) > 1 and "array" in parameter.types:
        item = Parameter(parameter.section, parameter.name, parameter.schema.get("items", {}), parameter.root)
        return [item.value(text) for text in texts]
    if len(texts) > 1:
        raise InvalidArgument(f"--set {parameter.name} is given {len(texts)} times, and takes one value")
    if parameter.takes_images and "array" in parameter.types and not texts[0].startswith("["):
        return [texts[0]]
    return parameter.value(texts[0])


def assign_images(parameters: Parameters, given: Sequence[str], taken: Iterable[str]) -> dict[str, list[str]]:
    """Which parameter takes which image: `name=image` says it, any other image goes to the next parameter.

    A parameter that takes a list takes all the images that are left.

    Raises:
        InvalidArgument: there are more images than the model takes.
    """
    assigned: dict[str, list[str]] = {}
    unnamed: list[str] = []
    for image in given:
        name, separator, file = image.partition("=")
        if separator and name in parameters and parameters[name].takes_images:
            assigned.setdefault(name, []).append(file)
        else:
            unnamed.append(image)
    occupied = {*assigned, *taken}
    for parameter in parameters.image_parameters():
        if unnamed and parameter.name not in occupied:
            count = len(unnamed) if "array" in parameter.types else 1
            assigned[parameter.name], unnamed = unnamed[:count], unnamed[count:]
    if unnamed:
        names = ", ".join(parameter.name for parameter in parameters.image_parameters())
        takes = f"takes its images as {names}" if names else "takes no image"
        raise InvalidArgument(f"--input {unnamed[0]}: {parameters.model} {takes}, and no more")
    return assigned


def _types(schema: Json, root: Json) -> Iterator[str]:
    if "$ref" in schema:
        yield from _types(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for form in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(form, ()):
            yield from _types(part, root)
    named = schema.get("type", [])
    yield from [named] if isinstance(named, str) else cast("list[str]", named)
