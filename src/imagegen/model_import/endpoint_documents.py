"""What the OpenAPI document of an endpoint says: what a request takes, and what a result has.

The schemas of both are those that the paths name; they are not guessed from the names of schemas.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from imagegen.errors import CannotImport
from imagegen.model_import.json_schemas import Json, SchemaReader, as_object

_METHODS: Final = frozenset({"get", "post", "put"})
_OF_A_REQUEST: Final = re.compile(r"/requests(/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDocument:
    """The document of one endpoint.

    Attributes:
        endpoint: its id.
        category: fal's, such as `text-to-image`; None if the document does not say.
        inputs: the schema of each parameter, as in the document.
        required: the parameters that every request has.
        outputs: the schema of each member of a result, as in the document.
        root: the whole document, to which references lead.
    """

    endpoint: str
    category: str | None
    inputs: Mapping[str, Any]
    required: frozenset[str]
    outputs: Mapping[str, Any]
    root: Mapping[str, Any]


def read_endpoint(document: object, endpoint: str | None = None) -> EndpointDocument:
    """Read the document of an endpoint.

    Args:
        document: OpenAPI, as JSON.
        endpoint: whose document it is; None if the document says so.

    Raises:
        CannotImport: it is not the OpenAPI document of an endpoint.
    """
    shown = endpoint or "the document"
    root = as_object(document)
    if code := as_object(root.get("error")).get("code"):
        raise CannotImport(shown, "no_schema", f"fal could not give its document ({code}).", _OTHER_DOCUMENT)
    posts = {path: each["post"] for path, each in _operations(root) if "post" in each}
    about = as_object(as_object(root.get("info")).get("x-fal-metadata"))
    named = endpoint or about.get("endpointId")
    path = f"/{named}" if named and f"/{named}" in posts else min(posts, key=len, default=None)
    if path is None:
        raise CannotImport(shown, "no_schema", "this is no OpenAPI document with a POST operation.", _OTHER_DOCUMENT)
    reader = SchemaReader(root)
    taken = reader.flat(_content(reader, posts[path].get("requestBody")))
    if not taken.get("properties"):
        raise CannotImport(shown, "no_schema", "its document does not say what a request takes.", _OTHER_DOCUMENT)
    category = about.get("category")
    return EndpointDocument(
        endpoint=str(named or path.strip("/")),
        category=category if isinstance(category, str) else None,
        inputs=taken["properties"],
        required=frozenset(name for name in taken.get("required") or () if name in taken["properties"]),
        outputs=_outputs(reader, root, path),
        root=root,
    )


_OTHER_DOCUMENT: Final = "--from-file takes a document of OpenAPI in a file."


def _outputs(reader: SchemaReader, root: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The members of what GET answers for a request; without such a path, of what POST answers."""
    results = [
        each["get"]
        for name, each in _operations(root)
        if "get" in each and name.startswith(f"{path}/requests/{{") and name.endswith("}")
    ]
    for operation in (*results, *(each["post"] for name, each in _operations(root) if name == path)):
        for status, response in as_object(operation.get("responses")).items():
            if str(status).startswith("2"):
                members = as_object(reader.flat(_content(reader, response)).get("properties"))
                if members and "queue_position" not in members:
                    return members
    return {}


def _content(reader: SchemaReader, part: object) -> object:
    """The schema of JSON in a body or an answer."""
    content = as_object(reader.flat(part).get("content"))
    media = content.get("application/json") or next(iter(content.values()), None)
    return as_object(media).get("schema")


def _operations(root: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Json]]]:
    for path, operations in as_object(root.get("paths")).items():
        found = {name: as_object(each) for name, each in as_object(operations).items() if name in _METHODS}
        if not (_OF_A_REQUEST.search(path) and "post" in found):
            yield path, found
