"""An OpenAPI document as a contract: checks whether a response is one that its operation promises."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from imagegen.api.middleware.security_headers import SAFE_HEADERS

Json = dict[str, Any]
_OF_THE_TRANSPORT = {"date", "server", "content-length", "content-type", "content-encoding", "connection", "vary"}
_SAID_BY_EVERY_SERVER = _OF_THE_TRANSPORT | {"cache-control"} | {name.lower() for name in SAFE_HEADERS}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    node: Json

    @property
    def id(self) -> str:
        return self.node["operationId"]


@dataclass(frozen=True, slots=True)
class Contract:
    """The document."""

    document: Json

    @property
    def schemas(self) -> Mapping[str, Json]:
        return self.document["components"]["schemas"]

    def operations(self) -> Iterator[Operation]:
        """Every operation, with its responses and their headers in full."""
        for path, nodes in self.document["paths"].items():
            for method, node in nodes.items():
                responses = {status: self.response(each) for status, each in node["responses"].items()}
                yield Operation(method.upper(), path, {**node, "responses": responses})

    def response(self, node: Json) -> Json:
        """A response of the document without references, except those of its content."""
        found = self.resolved(node)
        headers = {name: self.resolved(each) for name, each in found.get("headers", {}).items()}
        return {**found, "headers": headers} if headers else found

    def resolved(self, node: Json) -> Json:
        """What a node refers to, or the node itself."""
        if "$ref" not in node:
            return node
        _, _, kind, name = node["$ref"].split("/")
        return self.document["components"][kind][name]

    def operation(self, request: httpx.Request) -> Operation:
        """The operation of a request; a literal path comes before one with parameters."""
        fitting = [found for found in self.operations() if found.method == request.method and _fits(found, request)]
        assert fitting, f"no operation for {request.method} {request.url.path}"
        return min(fitting, key=lambda found: found.path.count("{"))

    def breaches(self, answer: httpx.Response) -> list[str]:
        """What a response has that its operation does not promise: status, media type, headers, or members."""
        promised = self.operation(answer.request).node["responses"].get(str(answer.status_code))
        if promised is None:
            return [f"status {answer.status_code} is not in the document"]
        headers = {name.lower() for name in promised.get("headers", {})} | _SAID_BY_EVERY_SERVER
        found = [f"header {name} is not in the document" for name in answer.headers if name not in headers]
        if not answer.content and "content" not in promised:
            return found
        content = promised["content"].get(answer.headers["Content-Type"])
        if content is None:
            return [*found, f"media type {answer.headers['Content-Type']} is not in the document"]
        return [*found, *self.faults(answer.json(), content["schema"])]

    def faults(self, value: Any, schema: Json) -> list[str]:
        """What is wrong with a value; undescribed members are wrong too."""
        whole = {**schema, "components": {"schemas": {name: _closed(node) for name, node in self.schemas.items()}}}
        return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]  # pyright: ignore[reportUnknownMemberType] - half typed


def _fits(operation: Operation, request: httpx.Request) -> bool:
    pattern = "".join(
        "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", operation.path)
    )
    return re.fullmatch(pattern, request.url.path) is not None


def _closed(schema: Json) -> Json:
    """The schema, with undescribed members forbidden."""
    return {"additionalProperties": False, **schema} if "properties" in schema else schema
