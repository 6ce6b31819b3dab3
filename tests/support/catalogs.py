"""Catalogs of a user's own, beside the built-in one."""

import tempfile
from pathlib import Path
from typing import Final

from imagegen.registry import Registry, load_registry

OVER: Final = "retired: {since: 2026-01-01, successor: flux-pro}"
PLANNED: Final = "retired: {since: 2999-12-01, successor: flux-pro}"


def entry(name: str, *more: str) -> str:
    """An entry for flux-pro's endpoint, at 0.1 dollars an image, with further lines."""
    lines = (f"{name}:", "falEndpoint: fal-ai/flux-pro/v1.1", "category: text-to-image", "requiredInputs: [prompt]")
    return "\n  ".join((*lines, "costPerImage: 0.1", "description: Mine", *more)) + "\n"


def write(file: Path, text: str) -> None:
    """Write a catalog."""
    file.write_text(text, encoding="utf-8")


def registry_with(text: str) -> Registry:
    """The built-in models and those of this text."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mine.yaml"
        file.write_text(text, encoding="utf-8")
        return load_registry([file])
