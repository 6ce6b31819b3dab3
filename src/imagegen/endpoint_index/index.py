"""Reads the index of fal's image endpoints."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

from imagegen.endpoint_index.openapi_document import document
from imagegen.json_object import JsonObject

_REFERENCE: Final = "#/definitions/"
_NEAR: Final = 0.6  # similarity of a name that is suggested
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedPrice:
    """A price in US dollars, with the keys of a catalog entry.

    Attributes:
        entry: `costPerImage` and, if the price has rules, `pricing`. The shortest text of each number is the amount.
        verified_at: the day on which it was read.
        evidence: where it was read, in words.
        note: what an operator should know about it.
    """

    entry: JsonObject
    verified_at: date
    evidence: str
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedEndpoint:
    """An image endpoint that was live on the index's date.

    Attributes:
        title: fal's display name.
        category: fal's, `text-to-image` or `image-to-image`.
        result: what it returns: `images`, `image`, or `json` for something else.
        inputs: the JSON Schema of each parameter; None if they are not known.
        required: the parameters that every request has.
        outputs: the JSON Schema of each member of a result; empty if not known.
        definitions: the types that the schemas name.
        price: None if it is not known.
    """

    id: str
    title: str
    category: str
    result: str
    inputs: Mapping[str, JsonObject] | None
    required: Sequence[str]
    outputs: Mapping[str, JsonObject]
    definitions: Mapping[str, JsonObject]
    price: IndexedPrice | None

    def document(self) -> Json | None:
        """The OpenAPI document of the endpoint in the form of fal's; None if its parameters are not known."""
        if self.inputs is None:
            return None
        return document(
            self.id,
            self.category,
            {"properties": self.inputs, "required": [*self.required]},
            {"properties": self.outputs},
            self.definitions,
        )


class EndpointIndex:
    """Every image endpoint that was live on the index's date, by its id.

    Attributes:
        ids: their ids.
        date: the index's date.
        others: what other endpoints of fal make, by id; see `kind_of_other`.
    """

    def __init__(self, data: Json) -> None:
        self._data = data
        self.ids: Sequence[str] = tuple(data["endpoints"])
        self.date = date.fromisoformat(data["sources"]["endpoints"])
        self.others: Mapping[str, str] = {name: kind for kind, names in data["others"].items() for name in names}

    def find(self, endpoint: str) -> IndexedEndpoint | None:
        """The endpoint of this id."""
        row = self._data["endpoints"].get(endpoint)
        if row is None:
            return None
        inputs, outputs = (self._members(row.get(part)) for part in ("input", "output"))
        return IndexedEndpoint(
            id=endpoint,
            title=row["name"],
            category=row["category"],
            result=row["result"],
            inputs=inputs,
            required=[self._data["parameters"][~number][0] for number in row.get("input", ()) if number < 0],
            outputs=outputs or {},
            definitions={name: self._data["types"][name] for name in self._used([*(inputs or {}).values()], outputs)},
            price=self._price(endpoint),
        )

    def kind_of_other(self, endpoint: str) -> str | None:
        """What an endpoint outside the index makes; None if the endpoint is not known.

        It is `video`, `audio`, `3d`, `training` or `other`; `image`, if it was no longer listed.
        """
        return self.others.get(endpoint)

    def search(self, text: str) -> Sequence[IndexedEndpoint]:
        """The endpoints whose id, name or category have every word of a text; those with it as their name first."""
        words = text.casefold().split()
        rows = self._data["endpoints"].items()
        found = [(name, row) for name, row in rows if all(word in _searched(name, row) for word in words)]
        found.sort(key=lambda each: (not all(word in _tokens(each[0]) for word in words), len(each[0]), each[0]))
        return [endpoint for name, _ in found if (endpoint := self.find(name)) is not None]

    def nearest(self, endpoint: str, most: int = 3) -> Sequence[str]:
        """The ids that are most similar to a wrong one."""
        shapes = {name.removeprefix("fal-ai/"): name for name in self.ids}
        close = difflib.get_close_matches(endpoint.removeprefix("fal-ai/"), shapes, most, _NEAR)
        return [shapes[shape] for shape in close]

    def _members(self, numbers: Sequence[int] | None) -> Mapping[str, JsonObject] | None:
        if numbers is None:
            return None
        return dict(self._data["parameters"][number if number >= 0 else ~number] for number in numbers)

    def _used(self, *schemas: object) -> Iterator[str]:
        """The types that schemas name, and those that these name."""
        text, seen = json.dumps(schemas), set[str]()
        while True:
            named = {part.partition('"')[0] for part in text.split(_REFERENCE)[1:]} - seen
            if not named:
                return
            seen |= named
            yield from sorted(named)
            text = json.dumps([self._data["types"][name] for name in sorted(named)])

    def _price(self, endpoint: str) -> IndexedPrice | None:
        row = self._data["prices"].get(endpoint)
        if row is None:
            return None
        return IndexedPrice(
            entry={key: value for key, value in row.items() if key in {"costPerImage", "pricing"}},
            verified_at=date.fromisoformat(row["verifiedAt"]),
            evidence=row["evidence"],
            note=row.get("note"),
        )


@cache
def endpoint_index() -> EndpointIndex:
    """The index in the package. It is read once, in some ten milliseconds."""
    return EndpointIndex(json.loads((files("imagegen.endpoint_index") / "index.json").read_bytes()))


def _searched(endpoint: str, row: Json) -> str:
    return f"{endpoint} {row['name']} {row['category']}".casefold()


def _tokens(endpoint: str) -> Sequence[str]:
    return endpoint.replace("/", "-").split("-")
