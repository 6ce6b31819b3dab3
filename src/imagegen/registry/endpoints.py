"""Which model a caller means that names an endpoint of fal.ai instead, in any form in which fal.ai shows one."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote

_LONGEST: Final = 300
_ADDRESS: Final = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^(?=(?:[\w-]+\.)*fal\.(?:ai|run)(?:/|$))")
_HOST: Final = re.compile(r"^[^/]*/?")
_OWNER: Final = "fal-ai/"
# What fal.ai's own pages and its queue put after the endpoint.
_AFTER: Final = re.compile(r"/(?:api|playground|examples|requests(?:/.*)?)$")


def endpoint_named(text: str) -> str:
    """The endpoint's id, without its owner, that a text names: `FAL-AI/flux/dev` and `https://fal.run/fal-ai/flux/dev`."""
    path = unquote(re.sub(r"\s+", "", text[:_LONGEST])).casefold()
    if _ADDRESS.search(path):
        path = _HOST.sub("", _ADDRESS.sub("", path))
    path = re.split("[?#]", path)[0].strip("/").removeprefix("models/")
    return _AFTER.sub("", path).removeprefix(_OWNER)


def models_by_endpoint(endpoints: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The model of each endpoint, of pairs of an endpoint's id and a model's name; the first one has it."""
    return {endpoint_named(endpoint): model for endpoint, model in reversed(endpoints)}
