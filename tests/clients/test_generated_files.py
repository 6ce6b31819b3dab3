"""The generated files of the clients are what sdk/generate.py writes now."""

from pathlib import Path

import pytest

from sdk.generate import generated

FILES = generated()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path], "run `make openapi`"


def test_the_synchronous_client_has_no_other_modules() -> None:
    made = {path for path in FILES if path.parent.name == "_sync"}

    assert {path for folder in {path.parent for path in made} for path in folder.glob("*.py")} == made
