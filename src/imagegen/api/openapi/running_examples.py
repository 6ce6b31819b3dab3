"""Examples of what a running process says of itself."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

_CATALOG: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_LOADED_AT: Final = "2026-11-22T16:57:49.381000Z"
_UP: Final[dict[str, JsonValue]] = {"status": "up", "reason": None}
RUNNING: Final[Mapping[str, dict[str, JsonValue]]] = {
    "Liveness": {"status": "live"},
    "Health": {
        "status": "ready",
        "servers": {name: dict(_UP) for name in ("mongodb", "s3", "nats", "fal")},
        "catalog": {"sha256": _CATALOG, "loadedAt": _LOADED_AT, "models": 6, "warning": None},
    },
    "CatalogReload": {
        "sha256": _CATALOG,
        "previousSha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        "changed": True,
        "loadedAt": _LOADED_AT,
        "added": ["poster"],
        "removed": [],
        "modified": [],
        "warnings": [],
    },
}
