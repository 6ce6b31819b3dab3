"""Converting jobs to MongoDB documents and back: camelCase names, Decimal128 money, BSON dates.

A record becomes a document field by field; JSON from outside (`inputs`, `options`, `payload`) is stored unchanged.
JSON that BSON cannot represent is stored as its text in bytes, a type that JSON itself does not have.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bson.codec_options import TypeCodec, TypeRegistry
from bson.decimal128 import Decimal128
from pydantic import JsonValue, alias_generators

from imagegen.jobs import Job, Reservation
from imagegen.jobs.cost import CURRENCY
from imagegen.jobs.record import STORED_AS

SCHEMA_VERSION = 1
to_camel = cache(alias_generators.to_camel)  # called for every field of every document, and implemented with regexes
Document = dict[str, object]
T = TypeVar("T")
_Convert: TypeAlias = Callable[[object], object]
_INT64 = -(2**63), 2**63 - 1
_MAX_DEPTH = 64  # MongoDB stores up to 100 levels, and some of them are the job's own


class _DecimalCodec(TypeCodec):
    """Stores Python's Decimal (money and units) as MongoDB's Decimal128."""

    @property
    def python_type(self) -> type[Decimal]:
        return Decimal

    @property
    def bson_type(self) -> type[Decimal128]:
        return Decimal128

    def transform_python(self, value: Decimal) -> Decimal128:
        return Decimal128(value)

    def transform_bson(self, value: Decimal128) -> Decimal:
        return value.to_decimal()


DECIMALS = TypeRegistry([_DecimalCodec()])


def to_document(job: Job) -> Document:
    """The whole document of a job, as it is inserted."""
    return {"_id": job.id, "schema": SCHEMA_VERSION, **mutable_part(job), **_immutable_part(job)}


def mutable_part(job: Job) -> Document:
    """The fields that a transition can change. The lease and cancel requests are written separately."""
    document = {to_camel(name): _plain(getattr(job, name)) for name in _MUTABLE}
    document["cost"] = {
        **cast("Document", document["cost"]),
        "totalCost": job.cost.total_cost,
        "currency": CURRENCY,
    }
    return document


def tombstone(job: Job) -> Document:
    """The fields that deleting a job changes in its document."""
    document = {**mutable_part(job), **_immutable_part(job)}
    kept = {"lease", "fingerprint", "userId", "createdAt", "model", "endpoint", "type", "generation", "reservations"}
    return {name: value for name, value in document.items() if name not in kept}


def from_document(document: Mapping[str, object]) -> Job:
    """Read a job from its document; fields that a newer version added are ignored."""
    return _record(Job, {**document, "id": document["_id"]})


_MUTABLE = (
    "status",
    "version",
    "submission",
    "result",
    "transfer",
    "images",
    "missing_images",
    "cost",
    "error",
    "attention",
    "stop",
    "hold",
    "started_at",
    "generating_at",
    "result_at",
    "completed_at",
)


_OMITTED_IF_EMPTY = {"idempotency", "fingerprint", "batchId", "reservations", "falCall"}


def _immutable_part(job: Job) -> Document:
    part = {camel: _plain(getattr(job, name)) for name, camel in _names(Job) if name not in {"id", *_MUTABLE}}
    return {name: value for name, value in part.items() if name not in _OMITTED_IF_EMPTY or value not in (None, [])}


def reservation_document(reservation: Reservation) -> object:
    """A reservation, as it is stored in its job."""
    return _plain(reservation)


def _plain(value: object) -> object:
    """A value in the form that a document holds."""
    return _writer(type(value))(value)


@cache
def _writer(kind: type) -> _Convert:
    """The function that converts values of this type for a document; cached, because a job has some sixty values."""
    if names := _names(kind):
        return lambda value: {camel: _plain(getattr(value, name)) for name, camel in names}
    if issubclass(kind, tuple):
        return lambda value: [_plain(item) for item in cast("tuple[object, ...]", value)]
    if issubclass(kind, StrEnum):
        return lambda value: cast("StrEnum", value).value
    if issubclass(kind, Mapping):
        return lambda value: _storable(cast("JsonValue", value))
    return _same


@cache
def _names(kind: type) -> tuple[tuple[str, str], ...]:
    """The fields of a record, each with its name in the document; empty for every other type."""
    record: Any = kind
    members = fields(record) if is_dataclass(record) else ()
    return tuple((member.name, member.metadata.get(STORED_AS) or to_camel(member.name)) for member in members)


def _storable(value: JsonValue, levels: int = _MAX_DEPTH) -> object:
    match value:
        case int() if not _INT64[0] <= value <= _INT64[1]:
            return _text(value)
        case dict() | list() if levels == 0:
            return _text(value)
        case dict() if {"$ref", "$id"} <= value.keys():  # the driver would read this as a reference to a document
            return _text(value)
        case dict():
            return {name: _storable(item, levels - 1) for name, item in value.items()}
        case list():
            return [_storable(item, levels - 1) for item in value]
        case _:
            return value


def _text(value: JsonValue) -> bytes:
    return json.dumps(value).encode()


def _json(value: object) -> object:
    match value:
        case dict():
            return {name: _json(item) for name, item in cast("Document", value).items()}
        case list():
            return [_json(item) for item in cast("list[object]", value)]
        case bytes():
            return json.loads(value)
        case _:
            return value


@cache
def _fields(kind: type) -> tuple[tuple[str, str, _Convert], ...]:
    """The fields of a record: name, name in the document, and the function that reads the value. Cached."""
    hints = get_type_hints(kind)
    return tuple((name, camel, _or_none(_reader(hints[name]))) for name, camel in _names(kind))


def _record(kind: type[T], document: Mapping[str, object]) -> T:
    return kind(**{name: read(document[camel]) for name, camel, read in _fields(kind) if camel in document})


def _reader(hint: object) -> _Convert:
    """The function that reads a value of this type from a document."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _or_none(_reader(next(kind for kind in arguments if kind is not type(None))))
    if origin is tuple:
        read = _reader(arguments[0])
        return lambda value: tuple([read(item) for item in cast("list[object]", value)])
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value: _record(hint, cast("Document", value))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return lambda value: hint(cast("str", value))
    return _json if origin is Mapping else _same


def _or_none(read: _Convert) -> _Convert:
    return lambda value: None if value is None else read(value)


def _same(value: object) -> object:
    return value
