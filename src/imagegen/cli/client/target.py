"""Which service a command talks to, and as which caller: from options, the environment, or a profile."""

import getpass
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from imagegen.cli.errors import InvalidArgument

_LOCAL: Final = "http://localhost:5000"
_MEMBERS: Final = ("url", "key_file", "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """The options of every client command: the service, and the caller."""

    url: Annotated[
        str | None,
        typer.Option("--url", help="The service. Default: IMAGEGEN_URL, the profile, http://localhost:5000."),
    ] = None
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="File with the API key. Default: IMAGEGEN_API_KEY, the profile.")
    ] = None
    profile: Annotated[
        str | None, typer.Option("--profile", help="A profile of ~/.config/imagegen/profiles.toml. Default: `default`.")
    ] = None


def with_target_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command that has the options of `TargetOptions` in place of its parameter `target`, which they become."""
    return with_options("target", TargetOptions)(command)


def with_options(name: str, kind: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options that a class has as members in place of a parameter, which they become."""

    def change(command: Callable[..., None]) -> Callable[..., None]:
        own, options = (signature(each, eval_str=True).parameters.values() for each in (command, kind))
        parameters = [given for each in own for given in (options if each.name == name else (each,))]

        @wraps(command)
        def run(**given: Any) -> None:
            command(**{name: kind(**{each.name: given.pop(each.name) for each in options})}, **given)

        run.__signature__ = Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue] - what typer reads
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return change


@dataclass(frozen=True, slots=True)
class Target:
    """A service, the API key for it (if any), and the user that requests name unless an option does."""

    url: str
    key: str | None
    user: str


def read_target(options: TargetOptions) -> Target:
    """Find the service. An option wins over the environment, and the environment over the profile.

    The key of a profile is sent only to the service of that profile.

    Raises:
        InvalidArgument: there is no such profile, a file cannot be read, or the URL is none.
    """
    key_file, profile = options.key_file, options.profile
    named = _profile(profile)
    chosen = options.url or (None if profile else os.environ.get("IMAGEGEN_URL"))
    address = chosen or named.get("url") or _LOCAL
    if not _is_address(address):
        raise InvalidArgument(f"--url {address}: expected an address such as {_LOCAL}")
    is_of_profile = address == named.get("url")
    if key_file is None and "key_file" in named and is_of_profile and (profile or "IMAGEGEN_API_KEY" not in os.environ):
        key_file = Path(named["key_file"]).expanduser()
    key = _read_key(key_file) if key_file else os.environ.get("IMAGEGEN_API_KEY") or None
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise InvalidArgument(f"{key_file or 'IMAGEGEN_API_KEY'}: expected one API key (ig_…) and nothing else")
    return Target(address.rstrip("/"), key, named.get("user") or _login())


def profiles_file() -> Path:
    """Where the profiles are: below XDG_CONFIG_HOME, or ~/.config."""
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "imagegen/profiles.toml"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        return False


def _profile(name: str | None) -> Mapping[str, str]:
    """The members of a profile; empty if none is named and there is no `default`."""
    file = profiles_file()
    try:
        profiles: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        profiles = {}
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"{file}: {error}") from None
    wanted = name or os.environ.get("IMAGEGEN_PROFILE")
    if wanted is not None and wanted not in profiles:
        known = f"it has {', '.join(profiles)}" if profiles else "it has none"
        raise InvalidArgument(f"there is no profile {wanted!r} in {file}: {known}")
    members: object = profiles.get(wanted or "default", {})
    if not isinstance(members, dict):
        raise InvalidArgument(f"{file}: a profile is a table such as [{wanted or 'default'}]")
    for member, value in members.items():  # pyright: ignore[reportUnknownVariableType] - TOML has any type
        if member not in _MEMBERS or not isinstance(value, str):
            raise InvalidArgument(f"{file}: {member}: a profile has the texts {', '.join(_MEMBERS)}")
    return members  # pyright: ignore[reportUnknownVariableType] - checked just above


def _read_key(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidArgument(f"--key-file {file}: {reason}") from None


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user database
        return "cli"
