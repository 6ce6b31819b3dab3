"""Requests that a model's own JSON Schemas allow, for property-based tests."""

import math
from collections.abc import Callable
from typing import Any

from imagegen.registry import load_registry
from tests.support.properties import st

Json = dict[str, Any]
MODELS = tuple(load_registry().models.values())
SIZES = {"width", "height", "image_size"}


def values(schema: Json, root: Json) -> st.SearchStrategy[Any]:
    """Values that match a schema: every form that it allows, and often its bounds, as hypothesis draws them."""
    if "$ref" in schema:
        return members(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return st.one_of([values(branch, root) for branch in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if schema["type"] == "array":
        most = min(14, schema.get("maxItems", 14))
        return st.lists(values(schema["items"], root), min_size=schema.get("minItems", 0), max_size=most)
    if schema["type"] == "object":
        return members(schema, root)
    return SCALARS[schema["type"]](schema)


# As `from_regex` would make them, in half the time: the letters of a part are drawn at once.
ADDRESSES = st.builds(
    "{}://{}{}{}/{}".format,
    st.sampled_from(["https", "http", "HTTPS", "Http"]),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12),
    st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=5), max_size=3).map(
        lambda labels: "".join(f".{label}" for label in labels)
    ),
    st.just("") | st.integers(1, 9999).map(":{}".format),
    st.text(st.characters(min_codepoint=ord("!"), max_codepoint=ord("~")), max_size=40),
)


def texts(schema: Json) -> st.SearchStrategy[str]:
    if schema.get("format") == "uri":
        return ADDRESSES
    visible = st.characters(codec="utf-8", exclude_categories=["Z", "C"])
    alphabet = visible if "pattern" in schema else st.characters(codec="utf-8")
    return st.text(alphabet, min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 40), 40))


def integers(schema: Json) -> st.SearchStrategy[int | float]:
    """Whole numbers, written as 3 or as 3.0."""
    whole = st.integers(schema["minimum"], schema["maximum"])
    return whole | whole.filter(lambda value: value < 2**53).map(float)


def numbers(schema: Json) -> st.SearchStrategy[int | float]:
    low, high = schema["minimum"], schema["maximum"]
    return st.floats(low, high) | st.integers(math.ceil(low), math.floor(high))


SCALARS: dict[str, Callable[[Json], st.SearchStrategy[Any]]] = {
    "string": texts,
    "integer": integers,
    "number": numbers,
    "boolean": lambda _: st.booleans(),
}


def members(schema: Json, root: Json) -> st.SearchStrategy[dict[str, Any]]:
    strategies = {name: values(member, root) for name, member in schema.get("properties", {}).items()}
    required = {name: strategies.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=strategies)


SECTIONS = {
    model.name: tuple(members(schema, schema) for schema in (model.inputs_schema(), model.options_schema()))
    for model in MODELS
}


@st.composite
def requests(draw: st.DrawFn) -> Json:
    """A body from the model's own JSON Schemas, and from the rules that only their descriptions have."""
    model = draw(st.sampled_from(MODELS))
    inputs, options = (draw(strategy) for strategy in SECTIONS[model.name])
    sizes = draw(st.sampled_from([{"width", "height"}, {"image_size"}])) & options.keys()
    unwanted = SIZES if sizes in ({"width"}, {"height"}) else SIZES - sizes
    if model.name == "flux-dev" and inputs.get("loras") and options.get("acceleration") == "high":
        unwanted = {*unwanted, "acceleration"}
    kept = {name: value for name, value in options.items() if name not in unwanted}
    return {"model": model.name, "inputs": inputs, "options": kept, "userId": "user123"}
