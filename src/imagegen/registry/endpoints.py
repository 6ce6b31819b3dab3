"""Finds the model of a fal.ai endpoint that a caller names instead of a model, in any form that fal.ai shows."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote

_LONGEST: Final = 300
_ADDRESS: Final = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^(?=(?:[\w-]+\.)*fal\.(?:ai|run)(?:/|$))")
_HOST: Final = re.compile(r"^[^/]*/?")
_OWNER: Final = "fal-ai/"
# What fal.ai's pages and queue append to an endpoint.
_AFTER: Final = re.compile(r"/(?:api|playground|examples|requests(?:/.*)?)$")


def normalize_endpoint(text: str) -> str:
    """The endpoint id without its owner: `flux/dev` for `FAL-AI/flux/dev` and `https://fal.run/fal-ai/flux/dev`."""
    path = unquote(re.sub(r"\s+", "", text[:_LONGEST])).casefold()
    if _ADDRESS.search(path):
        path = _HOST.sub("", _ADDRESS.sub("", path))
    path = re.split("[?#]", path)[0].strip("/").removeprefix("models/")
    return _AFTER.sub("", path).removeprefix(_OWNER)


def models_by_endpoint(endpoints: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The model of each endpoint, from pairs of endpoint id and model name. The first model of an endpoint wins."""
    return {normalize_endpoint(endpoint): model for endpoint, model in reversed(endpoints)}
