"""The file of API keys of earlier versions. It is read to import its keys, and never written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from imagegen.errors import KeysFileError
from imagegen.keys.tokens import KEY_ID_PATTERN, ApiKey

Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class _FileModel(BaseModel):
    """camelCase in the file. An unknown member is an error, because it may be meant as a restriction."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True)


class _FileKey(_FileModel):
    id: str = Field(pattern=f"^{KEY_ID_PATTERN}$")
    name: Name
    sha256: str = Field(pattern="^[0-9a-f]{64}$", repr=False)
    users: Annotated[tuple[Name, ...], Field(min_length=1)] | None
    models: Annotated[tuple[Name, ...], Field(min_length=1)] | None
    created_at: AwareDatetime


class _File(_FileModel):
    keys: tuple[_FileKey, ...] = ()


def read_keys(path: Path) -> Sequence[ApiKey]:
    """Read the keys in the file, with the scopes `generate` and `read`.

    Raises:
        KeysFileError: it does not exist, or is not a file of keys.
    """
    try:
        found = _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise KeysFileError(f"{path} does not exist") from None
    except OSError as error:
        raise KeysFileError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        location = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise KeysFileError(f"{path} is not a list of keys: {location}: {fault['msg']}") from None
    return [ApiKey(**dict(key)) for key in found.keys]
