"""The module of typed verbs for the Python client, from the models of a catalog."""

import keyword
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

_TAKEN: Final = frozenset(
    {"deadline", "idempotency_key", "inputs", "model", "on_event", "options", "self", "timeout", "user", "webhook_url"}
)
_WIDTH: Final = 112
_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_HEAD: Final = '''\
"""Imagegen and AsyncImagegen, typed for the models of one catalog. Made by `imagegen client types`; do not edit."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, Required, TypeAlias, TypedDict, Unpack, overload

from imagegen_client import (
    AnyCall,
    AnyEstimate,
    AnyItem,
    AsyncBaseImagegen,
    AsyncBatch,
    AsyncJob,
    BaseImagegen,
    Batch,
    Call,
    Estimate,
    ItemOptions,
    Job,
    JobEvent,
    Json,
)

_Progress: TypeAlias = Callable[[JobEvent], object]
__all__ = ["AsyncImagegen", "BatchItem", "Imagegen", "Json", "Literal", "Required"]
'''


def python_models(document: Document) -> str:
    """The text of the module."""
    flat = [model for model in document.models if _is_flat(model)]
    parts = [
        _HEAD,
        *(_typed_dict(name, parameters) for name, parameters in document.objects.items()),
        *("\n\n".join(_model_types(model)) for model in flat),
        _items(flat),
        _table(document.models),
        _client("Imagegen", "BaseImagegen", flat, is_async=False),
        _client("AsyncImagegen", "AsyncBaseImagegen", flat, is_async=True),
    ]
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def _is_flat(model: ModelSchema) -> bool:
    """Whether all that the model requires can be a keyword argument; otherwise it is called with `inputs=`."""
    return all(_is_keyword(each) for each in model.parameters if each.is_required)


def _is_keyword(parameter: Parameter) -> bool:
    name = parameter.name
    return is_identifier(name) and not keyword.iskeyword(name) and name not in _TAKEN


def _model_types(model: ModelSchema) -> Iterator[str]:
    known = [each for each in model.parameters if _is_keyword(each)]
    yield _typed_dict(f"{model.stem}Params", known)
    yield f'class {model.stem}Call({model.stem}Params, Call, total=False):\n    """A call of {model.name}."""\n'
    yield (
        f'class {model.stem}Item({model.stem}Params, ItemOptions, total=False):\n    """{model.name} in a batch."""\n\n'
        f"    model: Required[Literal[{literal(model.name)}]]\n"
    )
    loose = [Parameter(each.name, each.schema, is_required=False) for each in known]
    yield _typed_dict(f"{model.stem}Estimate", loose)


def _typed_dict(name: str, parameters: Sequence[Parameter]) -> str:
    lines = [f"class {name}(TypedDict, total=False):", f'    """Parameters: {name}."""', ""]
    for parameter in parameters:
        kind = _type(parameter.schema)
        lines.append(f"    {parameter.name}: {f'Required[{kind}]' if parameter.is_required else kind}")
        if parameter.description:
            lines += _docstring(parameter.description)
    return "\n".join(lines).rstrip() + "\n"


def _docstring(text: str) -> Sequence[str]:
    """A docstring below a member, over as many lines as it needs."""
    quoted = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines, line = list[str](), ""
    for word in quoted.split(" "):
        if line and len(line) + len(word) >= _WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    lines.append(line)
    if len(lines) == 1 and not line.endswith('"'):
        return [f'    """{line}"""']
    return [f'    """{lines[0]}', *(f"    {each}" for each in lines[1:]), '    """']


def _type(schema: Schema) -> str:
    if (name := ref_name(schema)) is not None:
        return "Json" if name == "JsonValue" else name
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(literal(each) for each in schema.get('enum', [schema.get('const')]))}]"
    if alternatives := choices(schema):
        return " | ".join(dict.fromkeys(_type(each) for each in alternatives))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"list[{inner}] | tuple[{inner}, ...]"  # no Sequence: a text is one
    if kind == "object":
        return "Mapping[str, Json]"
    return "None" if kind == "null" else _SIMPLE.get(str(kind), "Json")


def _items(models: Sequence[ModelSchema]) -> str:
    names = [*(f"{model.stem}Item" for model in models), "AnyItem"]
    return f"BatchItem: TypeAlias = {' | '.join(names)}\n"


def _table(models: Sequence[ModelSchema]) -> str:
    """The names of each model's options: all other parameters are inputs."""
    lines = ["_OPTIONS: Mapping[str, frozenset[str]] = {"]
    for model in models:
        names = ", ".join(literal(each.name) for each in model.options)
        lines.append(
            f"    {literal(model.name)}: frozenset({{{names}}}),"
            if names
            else f"    {literal(model.name)}: frozenset(),"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _client(name: str, base: str, models: Sequence[ModelSchema], *, is_async: bool) -> str:
    prefix = "Async" if is_async else ""
    define, wait = ("async def", "await ") if is_async else ("def", "")
    job = f"{prefix}Job"
    timeout, progress = "timeout: float | None = None", "on_event: _Progress"
    verbs = [
        (
            "run",
            "Call",
            job,
            f"*, {timeout}, ",
            "_run(model, params, timeout, None)",
            "The completed job.\n\n        Raises:\n            JobFailed: it ended without images.\n        ",
        ),
        ("submit", "Call", job, "", "_submit(model, params)", "The accepted job, without waiting for it."),
        (
            "subscribe",
            "Call",
            job,
            f"*, {progress}, {timeout}, ",
            "_run(model, params, timeout, on_event)",
            "As `run`, with each of the job's events on the way.",
        ),
        (
            "estimate",
            "Estimate",
            "Estimate",
            "",
            "_estimate(model, params)",
            "What a call would be charged. Free; nothing is generated.",
        ),
    ]
    lines = [
        f"class {name}({base}):",
        f'    """The {"asynchronous " if is_async else ""}client, with a signature for each model."""',
        "",
        "    _model_options: ClassVar[Mapping[str, frozenset[str]]] = _OPTIONS",
    ]
    for verb, kind, answer, more, call, told in verbs:
        signatures = [(f"Literal[{literal(model.name)}]", f"{model.stem}{kind}") for model in models]
        for model, params in [*signatures, ("str", f"Any{kind}")] if signatures else []:
            signature = f"{define} {verb}(self, model: {model}, /, {more}**params: Unpack[{params}]) -> {answer}: ..."
            lines += ["", "    @overload", f"    {signature}"]
        params = "Any" if signatures else f"Unpack[Any{kind}]"
        lines += ["", f"    {define} {verb}(self, model: str, /, {more}**params: {params}) -> {answer}:"]
        lines += [f'        """{told}"""', f"        return {wait}self.{call}"]
    lines += _batch(f"{prefix}Batch", define, wait)
    return "\n".join(lines) + "\n"


def _batch(answer: str, define: str, wait: str) -> list[str]:
    names = "user: str | None = None, idempotency_key: str | None = None, partial: bool = False"
    return [
        "",
        f"    {define} batch(",
        f"        self, requests: Iterable[BatchItem], /, *, {names}",
        f"    ) -> {answer}:",
        '        """Up to 1,000 requests at once; they are checked together, and none is waited for.',
        "",
        "        If budgets have no room for all of them, none is accepted; with `partial`, as many of the first as",
        "        fit, and `refused` of the batch has the others.",
        "",
        "        Raises:",
        "            BudgetExceeded: nothing was accepted.",
        '        """',
        f"        return {wait}self._batch(requests, user, idempotency_key, partial=partial)",
    ]
