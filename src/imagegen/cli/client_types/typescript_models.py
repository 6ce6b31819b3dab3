"""The module of model types for the TypeScript client, from the models of a catalog."""

from collections.abc import Iterator, Sequence
from typing import Final

from imagegen.cli.client_types.model_schemas import (
    Document,
    ModelSchema,
    Parameter,
    Schema,
    choices,
    is_identifier,
    literal,
    ref_name,
)

_SIMPLE: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_TAKEN: Final = frozenset(
    {"deadline", "idempotencyKey", "inputs", "model", "onEvent", "options", "signal", "timeout", "user", "webhookUrl"}
)


def typescript_models(document: Document, *, json_type: str = "unknown") -> str:
    """The text of the module.

    Args:
        document: the models.
        json_type: the type of parameters that take any JSON.
    """
    flat = [model for model in document.models if not any(each.name in _TAKEN for each in _required(model))]
    parts = ["/** The models of one catalog. Made by `imagegen client types`; do not edit. */\n"]
    parts += [_interface(name, parameters, json_type) for name, parameters in document.objects.items()]
    parts += [
        _interface(f"{model.stem}Params", [each for each in model.parameters if each.name not in _TAKEN], json_type)
        for model in flat
    ]
    names = [f"  {literal(model.name)}: {model.stem}Params;" for model in flat]
    parts.append("\n".join(["/** What each model takes. */", "export interface Models {", *names, "}"]) + "\n")
    parts.append("\n".join(_table(document.models)) + "\n")
    return "\n".join(parts)


def typescript_type(schema: Schema, json_type: str) -> str:
    """The type of a value."""
    if (name := ref_name(schema)) is not None:
        return json_type if name == "JsonValue" else name
    if "enum" in schema or "const" in schema:
        return " | ".join(literal(each) for each in schema.get("enum", [schema.get("const")]))
    if alternatives := choices(schema):
        return " | ".join(dict.fromkeys(typescript_type(each, json_type) for each in alternatives))
    if schema.get("type") == "array":
        inner = typescript_type(schema.get("items", {}), json_type)
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if schema.get("type") == "object":
        return f"Record<string, {json_type}>"
    return _SIMPLE.get(str(schema.get("type")), json_type)


def _required(model: ModelSchema) -> Iterator[Parameter]:
    return (each for each in model.parameters if each.is_required)


def _interface(name: str, parameters: Sequence[Parameter], json_type: str) -> str:
    lines = [f"export interface {name} {{"]
    for each in parameters:
        if each.description:
            lines.append(f"  /** {each.description.replace('*/', '* /')} */")
        member = each.name if is_identifier(each.name) else literal(each.name)
        lines.append(f"  {member}{'' if each.is_required else '?'}: {typescript_type(each.schema, json_type)};")
    return "\n".join([*lines, "}"]) + "\n"


def _table(models: Sequence[ModelSchema]) -> Iterator[str]:
    yield "/** The names of each model's options: all other parameters are inputs. */"
    yield "export const modelOptions: Record<string, readonly string[]> = {"
    for model in models:
        yield f"  {literal(model.name)}: [{', '.join(literal(each.name) for each in model.options)}],"
    yield "};"
