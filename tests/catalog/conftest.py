"""A catalog of the test's own."""

from pathlib import Path

import pytest

from tests.support.catalogs import entry, write


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A file with the model `poster`."""
    file = tmp_path / "mine.yaml"
    write(file, entry("poster"))
    return file
