"""What calls take beside a model's own parameters, and how both become a request."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Required, TypeAlias, TypedDict, cast

Query: TypeAlias = str | int | float | Sequence[str] | None
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class ItemOptions(TypedDict, total=False):
    """What every request takes."""

    deadline: float
    """After how many seconds the images are not wanted any more."""
    webhook_url: str
    """Where the service sends the job once it has ended."""


class Call(ItemOptions, total=False):
    """What a call that generates takes."""

    user: str
    """The user of the images, unless the client has one."""
    idempotency_key: str
    """Your own name for the request; the client makes one if you do not."""


class _ByName(TypedDict, total=False):
    inputs: Required[Mapping[str, Json]]
    options: Mapping[str, Json]


class AnyCall(_ByName, Call, total=False):
    """A call of any model, whose parameters are given as they go over the wire."""


class AnyItem(_ByName, ItemOptions, total=False):
    """One request of a batch, of any model."""

    model: Required[str]


class AnyEstimate(TypedDict, total=False):
    """An estimate for any model."""

    inputs: Mapping[str, Json]
    options: Mapping[str, Json]


def request_body(model: str, params: Mapping[str, Any], options: frozenset[str]) -> dict[str, Any]:
    """The body for `generate`: flat parameters are told apart by the names of the model's options."""
    flat = {name: value for name, value in params.items() if name not in _OWN and value is not None}
    for name, value in flat.items():
        _refuse_files(name, value)
    body: dict[str, Any] = {
        "model": model,
        "inputs": {**(params.get("inputs") or {}), **{name: flat[name] for name in flat if name not in options}},
        "options": {**(params.get("options") or {}), **{name: flat[name] for name in flat if name in options}},
    }
    if (deadline := params.get("deadline")) is not None:
        body["deadlineSeconds"] = math.ceil(deadline)
    if (url := params.get("webhook_url")) is not None:
        body["webhookUrl"] = url
    return body


def _refuse_files(name: str, value: Any) -> None:
    """Tell how to send a file, where JSON would only say that it has no such type."""
    for each in cast("list[Any]", value) if isinstance(value, list) else (value,):
        if isinstance(each, (os.PathLike, bytes)):
            raise TypeError(f"{name} takes the URL of an image: client.upload(file).url has one.")


def is_flat(params: Mapping[str, Any]) -> bool:
    """Whether some parameter is to be told apart: an input or an option."""
    return any(name not in _OWN for name in params)


def authorization(api_key: str | None) -> dict[bytes, bytes]:
    """The header with the key; whatever is wrong with it, the message does not show it."""
    if not api_key:
        return {}
    if re.search(r"[\x00-\x20\x7f]", api_key):
        raise ValueError("The API key has a space or a control character in it.")
    return {b"authorization": b"Bearer " + api_key.encode()}


_OWN = frozenset({"inputs", "options", "deadline", "webhook_url", "user", "idempotency_key", "model"})
