"""Where a result has its images, and what an endpoint makes if it makes none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from imagegen.model_import.json_schemas import Json, SchemaReader, as_object

_FILE_MEMBERS: Final = frozenset({"url", "content_type", "file_name", "file_size", "file_data"})
_MASK: Final = re.compile(r"mask", re.IGNORECASE)
_IMAGE: Final = re.compile(r"image|mask|map$|picture|output|result|svg|layers?$", re.IGNORECASE)
_OTHER: Final[Mapping[str, re.Pattern[str]]] = {
    "video": re.compile(r"video|animation", re.IGNORECASE),
    "audio": re.compile(r"audio|speech|music|sound|voice", re.IGNORECASE),
    "3d": re.compile(r"mesh|glb|gltf|gaussian|point_cloud|^model_(url|urls|file)$|obj$", re.IGNORECASE),
    "training": re.compile(r"lora_file|config_file|^weights|checkpoint", re.IGNORECASE),
}
# What fal's categories make, as far as it is no image.
_CATEGORIES: Final[Mapping[str, re.Pattern[str]]] = {
    "video": re.compile(r"video"),
    "audio": re.compile(r"audio|speech|music|voice"),
    "3d": re.compile(r"3d"),
    "training": re.compile(r"train"),
    "text": re.compile(r"-to-text$|-to-json$|^llm$|vision$"),
}

PRODUCTS: Final[Mapping[str, str]] = {
    "video": "videos",
    "audio": "sound",
    "3d": "3D models",
    "training": "trained models",
    "text": "text",
    "other": "something else",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A member of a result that has images.

    Attributes:
        kind: `images`, `image`, `urls` or `url`, as in an entry.
        role: `image` or `mask`.
    """

    path: str
    kind: str
    role: str

    @property
    def written(self) -> Json:
        """As an entry has it."""
        return {"path": self.path, "kind": self.kind, **({"role": "mask"} if self.role == "mask" else {})}


def image_places(outputs: Mapping[str, Any], root: Mapping[str, Any]) -> list[Place]:
    """The members of a result that have images: `images` first, then `image`, then the others in their order."""
    reader = SchemaReader(root)
    found: list[Place] = []
    for name in sorted(outputs, key=lambda name: ("images", "image", name).index(name)):
        kind = _kind(name, reader.flat(outputs[name]), reader)
        if kind is not None:
            found.append(Place(name, kind, "mask" if _MASK.search(name) else "image"))
    if found and all(place.role == "mask" for place in found):
        return [Place(place.path, place.kind, "image") for place in found]
    return found


def kind_made(category: str | None, outputs: Mapping[str, Any]) -> str | None:
    """What is made in place of images, by fal's category or by the names of the result's members; None if unknown."""
    if category is not None:
        _, _, made = category.rpartition("-to-")
        named = next((kind for kind, pattern in _CATEGORIES.items() if pattern.search(made or category)), None)
        if named is not None:
            return named
    return next((kind for kind, pattern in _OTHER.items() if any(map(pattern.search, outputs))), None)


def _kind(name: str, flat: Json, reader: SchemaReader) -> str | None:
    if not _IMAGE.search(name) or any(pattern.search(name) for pattern in _OTHER.values()):
        return None
    if flat.get("type") == "array":
        items = reader.flat(flat.get("items"))
        return "images" if _is_file(items) else "urls" if _is_address(name, items) else None
    return "image" if _is_file(flat) else "url" if _is_address(name, flat) else None


def _is_file(flat: Json) -> bool:
    return "url" in as_object(flat.get("properties"))


def _is_address(name: str, flat: Json) -> bool:
    return flat.get("type") == "string" and ("url" in name or name in {"images", "image", "mask", "masks", "output"})
