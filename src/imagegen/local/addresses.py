"""The addresses of a stack's servers: put into settings, and kept in a file for `imagegen worker`."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from imagegen.local.credentials import write_secret
from imagegen.settings import Settings

Addresses = Mapping[str, Mapping[str, str]]
"""For each group of `Settings`, the values of the fields that point at a local server. They include secrets."""

_ADDRESSES = TypeAdapter(dict[str, dict[str, str]])


def point_at(settings: Settings, addresses: Addresses) -> Settings:
    """The same settings with these addresses in their groups."""
    groups = {name: _with_fields(getattr(settings, name), fields) for name, fields in addresses.items()}
    return settings.model_copy(update=groups)


def _with_fields(group: BaseModel, fields: Mapping[str, str]) -> BaseModel:
    return type(group).model_validate({**group.model_dump(), **fields})


def read(file: Path) -> Addresses:
    """Read the addresses of the running stack.

    Raises:
        FileNotFoundError: the stack is not ready yet, or is stopping.
    """
    return _ADDRESSES.validate_json(file.read_bytes())


def write(file: Path, addresses: Addresses) -> None:
    """Write the addresses, readable by this user only."""
    write_secret(file, _ADDRESSES.dump_json({group: dict(fields) for group, fields in addresses.items()}, indent=2))
