"""Writes the generated files of the clients: `.venv/bin/python sdk/generate.py`. A test compares them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imagegen.cli.client_types.model_schemas import read_document
from imagegen.cli.client_types.python_models import python_models
from imagegen.cli.client_types.typescript_models import typescript_models, typescript_type

SDK = Path(__file__).parent
PYTHON = SDK / "python/src/imagegen_client"
TYPESCRIPT = SDK / "typescript/src"
ROOTS = (
    "Job",
    "Batch",
    "Estimate",
    "ModelDetail",
    "ModelList",
    "Upload",
    "Usage",
    "JobEvent",
    "WebhookEvent",
    "BudgetEvent",
    "Problem",
)
# What counts for members that services of version 0.1.0 do not send.
ABSENT = {
    ("Cost", "requestCost"): "0.0",
    ("Cost", "maxCost"): 'wire["totalCost"]',
    ("Estimate", "requestCost"): "0.0",
    ("Estimate", "maxCost"): 'wire["totalCost"]',
    ("Estimate", "exact"): "True",
    ("Image", "link"): 'wire["url"]',
    ("Image", "role"): '"image"',
    **{
        (name, member): value
        for name in ("ModelSummary", "ModelDetail")
        for member, value in {
            "aliases": "()",
            "minCostPerImage": 'wire["costPerImage"]',
            "takesImages": "False",
            "takesMask": "False",
            "takesLoras": "False",
            "sizes": '"none"',
            "tags": "()",
        }.items()
    },
}
RENAMED = {"Job": "JobData", "Image": "ImageData", "Batch": "BatchData"}
Schema = Mapping[str, Any]


def generated() -> Mapping[Path, str]:
    """Every generated file and its text."""
    document = json.loads((SDK.parent / "openapi.json").read_text(encoding="utf-8"))
    return {
        PYTHON / "_types.py": formatted(python_types(document["components"]["schemas"])),
        PYTHON / "models.py": python_models(read_document(document)),
        TYPESCRIPT / "types.ts": typescript_types(document["components"]["schemas"]),
        TYPESCRIPT / "models.ts": typescript_models(read_document(document), json_type="unknown"),
        **{PYTHON / "_sync" / path.name: formatted(synchronous(path)) for path in sorted(PYTHON.glob("_async/*.py"))},
    }


def formatted(text: str) -> str:
    """The text as ruff formats it, with its imports in order."""
    ruff = Path(sys.executable).with_name("ruff")
    config = str(SDK.parent / "pyproject.toml")
    for command in (["check", "--fix", "--quiet", "--exit-zero", "--select", "I,F401"], ["format"]):
        arguments = [str(ruff), *command, "--config", config, "--stdin-filename", str(PYTHON / "_made.py"), "-"]
        text = subprocess.run(arguments, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return text


# Python: the shapes of responses.
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
DATES = {"date-time": "datetime", "date": "date"}


def python_types(schemas: Mapping[str, Schema]) -> str:
    """Frozen dataclasses with the service's members under Python's names."""
    heading = (
        '"""What the service answers. Made from openapi.json by sdk/generate.py; do not edit."""\n\n'
        "from collections.abc import Mapping\nfrom dataclasses import dataclass\nfrom datetime import date, datetime\n"
        "from typing import Any, Self\n\n"
        "Wire = Mapping[str, Any]\n"
    )
    return "\n\n".join([heading, *(python_class(name, schemas[name]) for name in reachable(schemas))])


def reachable(schemas: Mapping[str, Schema]) -> list[str]:
    """The objects of responses, each after those that it has."""
    found: list[str] = []

    def visit(name: str) -> None:
        for inner in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schemas[name])):
            if inner != name and inner not in found:
                visit(inner)
        if schemas[name].get("properties") and name != "ResultDetails" and name not in found:
            found.append(name)

    for root in ROOTS:
        visit(root)
    return found


def python_class(name: str, schema: Schema) -> str:
    """A record and how it is read from JSON."""
    members = list(schema["properties"].items())
    lines = ["@dataclass(frozen=True, slots=True, kw_only=True)", f"class {RENAMED.get(name, name)}:"]
    lines += [docstring(schema.get("description", name)), ""]
    optional = {member for member, _ in members if member not in schema.get("required", [])}
    for member, each in members:
        kind, _ = python_type(each, "")
        nullable = member in optional and not kind.endswith("None")
        lines.append(
            f"    {snake(member)}: {kind}{' | None' if nullable else ''}{' = None' if member in optional else ''}"
        )
        if each.get("description"):
            lines.append(docstring(each["description"]))
    lines += ["", "    @classmethod", "    def from_wire(cls, wire: Wire, /) -> Self:"]
    lines += ['        """Read a JSON object; members that are not known are ignored."""', "        return cls("]
    for member, each in members:
        found = f'wire.get("{member}")'
        kind, read = python_type(each, f'wire["{member}"]')
        if (kind.endswith("None") or member in optional) and read != f'wire["{member}"]':
            read = f"None if {found} is None else {read}"
        elif kind.endswith("None") or member in optional:
            read = found
        if (name, member) in ABSENT:
            read = read.replace(f'wire["{member}"]', f'wire.get("{member}", {ABSENT[name, member]})')
        lines.append(f"            {snake(member)}={read},")
    return "\n".join([*lines, "        )", ""])


def python_type(schema: Schema, value: str) -> tuple[str, str]:  # noqa: PLR0911 - a table
    """A type, and the expression that reads it from the wire's value."""
    if "$ref" in schema:
        name: str = schema["$ref"].rpartition("/")[2]
        if name in {"JsonValue", "JobStatus", "Grouping", "ResultDetails"}:
            return {"JsonValue": "Any", "ResultDetails": "Mapping[str, Any]"}.get(name, "str"), value
        return RENAMED.get(name, name), f"{RENAMED.get(name, name)}.from_wire({value})"
    if "anyOf" in schema:
        (inner,) = [each for each in schema["anyOf"] if each.get("type") != "null"]
        kind, read = python_type(inner, value)
        return f"{kind} | None", read
    if schema.get("type") == "array":
        kind, read = python_type(schema["items"], "each")
        return f"tuple[{kind}, ...]", f"tuple({value})" if read == "each" else f"tuple({read} for each in {value})"
    if schema.get("type") == "object":
        return "Mapping[str, Any]", value
    if schema.get("format") in DATES:
        kind = DATES[schema["format"]]
        return kind, f"{kind}.fromisoformat({value})"
    return SIMPLE.get(schema.get("type", ""), "Any"), value


def snake(name: str) -> str:
    """A member's name in Python."""
    made = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)
    return f"{made}_" if made == "from" else made


def docstring(text: str) -> str:
    """A description in a class."""
    return '    """' + " ".join(text.split()).replace("\\", "\\\\") + '"""'


# TypeScript: the shapes of responses.
def typescript_types(schemas: Mapping[str, Schema]) -> str:
    """Interfaces with the service's own names."""
    parts = [
        "/** What the service answers. Made from openapi.json by sdk/generate.py; do not edit. */\n",
        "export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };\n",
        "export type JobStatus = string;\nexport type ResultDetails = Record<string, unknown>;\n",
    ]
    for name in reachable(schemas):
        schema = schemas[name]
        lines = [comment(schema.get("description", name), ""), f"export interface {RENAMED.get(name, name)} {{"]
        for member, each in schema["properties"].items():
            if each.get("description"):
                lines.append(comment(each["description"], "  "))
            kind = re.sub(r"\b(Job|Image|Batch)\b", lambda found: RENAMED[found[1]], typescript_type(each, "unknown"))
            lines.append(f"  {member}{'' if member in schema.get('required', []) else '?'}: {kind};")
        parts.append("\n".join([*lines, "}", ""]))
    return "\n".join(parts)


def comment(text: str, indent: str) -> str:
    """A description in TypeScript."""
    return f"{indent}/** {' '.join(text.split()).replace('*/', '*')} */"


# Python: the synchronous client.
WORDS = {
    "async def": "def",
    "async with": "with",
    "async for": "for",
    "await ": "",
    "anyio.to_thread.run_sync(target.is_dir)": "target.is_dir()",
    "anyio.to_thread.run_sync(write, target, self.read())": "write(target, self.read())",
    "anyio.to_thread.run_sync(Path(file).read_bytes)": "Path(file).read_bytes()",
    "import anyio.to_thread\n": "",
    "import anyio\n": "",
    "anyio.sleep": "time.sleep",
    "aclosing": "closing",
    "AsyncGenerator[Mapping[str, Any]]": "Generator[Mapping[str, Any]]",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aread": "read",
    "aiter_lines": "iter_lines",
    "httpx.AsyncClient": "httpx.Client",
    "AbstractAsyncContextManager": "AbstractContextManager",
    "imagegen_client._async": "imagegen_client._sync",
    "AsyncConnection": "Connection",
    "AsyncBaseImagegen": "BaseImagegen",
    "AsyncImage": "Image",
    "AsyncJob": "Job",
    "AsyncBatch": "Batch",
    "The asynchronous client. The synchronous one is made from these modules by": "The synchronous client, made by",
}


def synchronous(path: Path) -> str:
    """A module of the asynchronous client, without what makes it so."""
    made = f"# Made from _async/{path.name} by sdk/generate.py; do not edit.\n"
    return made + "".join(_lines(path.read_text(encoding="utf-8")))


def _lines(text: str) -> Iterator[str]:
    for old, new in WORDS.items():
        text = text.replace(old, new)
    for line in text.splitlines(keepends=True):
        if "# sync:" in line:
            yield line.replace("# sync: ", "").replace("# sync:", "")
        elif not line.rstrip().endswith("# async only"):
            yield line


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
