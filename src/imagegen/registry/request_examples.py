"""An example of a request for a model: the one that its entry gives, or one made of its parameters' examples."""

from pydantic import JsonValue

from imagegen.registry.catalog import ResolvedEntry
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.sample_images import with_drawings

EXAMPLE_USER = "user123"


def request_example(resolved: ResolvedEntry) -> dict[str, JsonValue]:
    """A complete request. It is valid if the entry is."""
    return with_drawings(_example(resolved))


def _example(resolved: ResolvedEntry) -> dict[str, JsonValue]:
    written = resolved.entry.example
    if written is None:
        required = resolved.entry.required_inputs
        inputs = {name: _sample(resolved.inputs[name]) for name in required}
        return {"model": resolved.name, "inputs": inputs, "userId": EXAMPLE_USER}
    parts: dict[str, JsonValue] = {"model": resolved.name, "inputs": dict(written.inputs)}
    options: dict[str, JsonValue] = {"options": dict(written.options)} if written.options else {}
    return {**parts, **options, "userId": EXAMPLE_USER}


def _sample(schema: ParameterSchema) -> JsonValue:
    """A value for a parameter: its example, or one of its type."""
    if schema.example is not None:
        return schema.example
    if schema.enum:
        return schema.enum[0]
    samples: dict[str | None, JsonValue] = {
        "string": "https://example.com/photo.jpg" if schema.format else "text",
        "integer": max(1, int(schema.minimum or 1)),
        "number": schema.minimum or 1,
        "boolean": True,
        "array": [_sample(schema.items)] if schema.items else ["text"],
        "object": {name: _sample(part) for name, part in (schema.properties or {}).items()},
        None: "text",
    }
    return samples[schema.type]
