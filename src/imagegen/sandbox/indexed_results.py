"""The result of an endpoint of the index: a value for each member that its schema has, with drawn images in it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Json = Mapping[str, Any]
_IMAGE: Final = re.compile(r"image|mask|map$|picture|output|svg|layer", re.IGNORECASE)
_DEEPEST: Final = 5


class ResultSchema:
    """The members of an endpoint's result.

    Attributes:
        members: the schema of each.
        definitions: the types that they name.
    """

    def __init__(self, members: Mapping[str, Json], definitions: Mapping[str, Json]) -> None:
        self.members, self._definitions = members, definitions

    def further_images(self) -> int:
        """How many images a result has beside those of its main member: masks, maps."""
        return max(0, len([*self._places()]) - 1)

    def result(self, items: Sequence[Json], facts: Json, further: int) -> Json:
        """The result.

        Args:
            items: the drawn images, those of the main member first.
            facts: values of members that say something of the request, such as `seed`.
            further: how many of the images are not of the main member.
        """
        places = [*self._places()]
        main = list(items[: len(items) - further])
        pools = {name: [item] for name, item in zip(places[1:], items[len(items) - further :], strict=False)}
        pools |= dict.fromkeys(places[:1], main)
        if {"images", "image"} <= {*places}:
            pools["image"] = pools["images"] = main
        made = {
            name: self._value(name, schema, pools.get(name, main), facts, 0) for name, schema in self.members.items()
        }
        return {name: value for name, value in made.items() if value is not None}

    def _places(self) -> Iterator[str]:
        """The members that hold images, the main one first."""
        names = sorted(self.members, key=lambda name: (name != "images", name != "image"))
        found = [name for name in names if _IMAGE.search(name) and self._is_image(self.members[name])]
        yield from found

    def _is_image(self, schema: Json) -> bool:
        flat = self._flat(schema)
        if flat.get("type") == "array":
            return self._is_image(flat.get("items", {}))
        return "url" in flat.get("properties", {})

    def _flat(self, schema: Json) -> Json:
        while reference := schema.get("$ref"):
            schema = self._definitions[reference.rpartition("/")[2]]
        return self._flat(schema["anyOf"][0]) if schema.get("anyOf") else schema

    def _value(self, name: str, schema: Json, items: Sequence[Json], facts: Json, depth: int) -> Any:  # noqa: PLR0911
        flat = self._flat(schema)
        if depth == 0 and name in facts:
            return facts[name]
        if "url" in flat.get("properties", {}):
            return (items[0] if items else None) if _IMAGE.search(name) else None
        if depth > _DEEPEST:
            return None
        match flat.get("type"):
            case "array" if self._is_image(flat):
                return [*items] if _IMAGE.search(name) else []
            case "array":
                part = self._value(name, flat.get("items", {}), items, facts, depth + 1)
                return [] if part is None else [part]
            case "object":
                members = flat.get("properties", {})
                return {each: self._value(each, members[each], items, facts, depth + 1) for each in members}
            case "boolean":
                return False
            case "integer" | "number":
                return 0
            case "string":
                return flat["enum"][0] if flat.get("enum") else ""
            case _:
                return {} if name == "timings" else None
