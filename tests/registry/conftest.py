from collections.abc import Callable
from pathlib import Path

import pytest

from imagegen.registry import Registry, load_registry

LoadWith = Callable[[str], Registry]


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def load_with(tmp_path: Path) -> LoadWith:
    """Loads the built-in models and a user's file with this text."""

    def load(text: str) -> Registry:
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return load_registry([path])

    return load
