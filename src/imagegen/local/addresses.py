"""Where the servers of a stack are: put into settings, and kept in a file for `imagegen worker` to find."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from imagegen.settings import Settings

Addresses = Mapping[str, Mapping[str, str]]
"""For each group of `Settings` the values of its fields that point at a local server; secrets among them."""

_ADDRESSES = TypeAdapter(dict[str, dict[str, str]])


def point_at(settings: Settings, addresses: Addresses) -> Settings:
    """Give the same settings, with these addresses in their groups."""
    groups = {name: _filled_in(getattr(settings, name), fields) for name, fields in addresses.items()}
    return settings.model_copy(update=groups)


def _filled_in(group: BaseModel, fields: Mapping[str, str]) -> BaseModel:
    return type(group).model_validate({**group.model_dump(), **fields})


def read(file: Path) -> Addresses:
    """Read the addresses of the running stack.

    Raises:
        FileNotFoundError: it is not ready yet, or stops.
    """
    return _ADDRESSES.validate_json(file.read_bytes())


def write(file: Path, addresses: Addresses) -> None:
    """Write the addresses, readable for this user only."""
    write_secret(file, _ADDRESSES.dump_json({group: dict(fields) for group, fields in addresses.items()}, indent=2))


def write_secret(file: Path, content: bytes) -> None:
    """Write a file that only this user may read, whole or not at all."""
    draft = file.with_name(f"{file.name}.draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    draft.replace(file)
