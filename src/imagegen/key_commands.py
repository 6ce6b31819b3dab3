"""`imagegen keys`: make, list and revoke API keys. A running service takes a change in within a second."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from imagegen.errors import ImagegenError, StartupError
from imagegen.keys import ApiKey, KeyRing, changing, new_key, read_keys
from imagegen.registry import load_registry, user_id_faults
from imagegen.settings import Settings

app = typer.Typer(help="API keys, kept as hashes in the file that IMAGEGEN_API_KEYS_FILE names.", no_args_is_help=True)
_console = Console(stderr=True, highlight=False)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is: a person, a program, a customer.")],
    user: Annotated[list[str] | None, typer.Option(help="A userId it may act for; repeatable. None: all.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="A model it may use; repeatable. None: all.")] = None,
) -> None:
    """Make a key and print it: the only time that it is shown."""
    try:
        settings = Settings.read()
        _demand_names(name, user or ())
        _demand_models(settings, model or ())
        key, token = new_key(name, user or (), model or (), datetime.now(UTC).replace(microsecond=0))
        changing(_file(settings), lambda ring: ring.with_key(key))
    except ValidationError as error:
        _fail(f"{error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}")
    except ImagegenError as error:
        _fail(str(error))
    _console.print(f"Key {key.id} of {name}, {_for(key)}. It is not shown again:", markup=False, soft_wrap=True)
    typer.echo(token)


@app.command("list")
def show() -> None:
    """List the keys: id, day of making, name, what they are for."""
    try:
        keys = read_keys(_file(Settings.read())).keys
    except ImagegenError as error:
        _fail(str(error))
    for key in keys:
        typer.echo(f"{key.id}  {key.created_at:%Y-%m-%d}  {key.name}  ({_for(key)})")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="As `imagegen keys list` shows it.")]) -> None:
    """Make a key invalid, for good."""

    def without(ring: KeyRing) -> KeyRing:
        try:
            return ring.without(key_id)
        except KeyError:
            raise StartupError(f"there is no key {key_id}: `imagegen keys list` shows the ids") from None

    try:
        changing(_file(Settings.read()), without)
    except ImagegenError as error:
        _fail(str(error))
    _console.print(f"Key {key_id} is revoked.", markup=False)


def _file(settings: Settings) -> Path:
    if settings.doors.api_keys_file is None:
        raise StartupError("IMAGEGEN_API_KEYS_FILE is not set: name the file that keeps the keys")
    return settings.doors.api_keys_file


def _demand_names(name: str, users: Sequence[str]) -> None:
    """A name is printable text, and a user is one that a request can name: any other would never match."""
    for what, text in (("NAME", name), *(("--user", user) for user in users)):
        faults = user_id_faults(text) if text else []  # an empty one is refused by the key itself
        if faults:
            raise StartupError(f"{what} {text[:100]!r}: {faults[0].message.removeprefix('userId ')}")


def _demand_models(settings: Settings, names: Sequence[str]) -> None:
    """A misspelt model would be a key that is refused everywhere."""
    if names:
        registry = load_registry(settings.service.catalog_files)
        for name in names:
            registry.model(name)


def _for(key: ApiKey) -> str:
    users = "all users" if key.users is None else f"users {', '.join(key.users)}"
    models = "all models" if key.models is None else f"models {', '.join(key.models)}"
    return f"{users}, {models}"


def _fail(reason: str) -> NoReturn:
    _console.print(reason, markup=False, soft_wrap=True, style="red")
    raise typer.Exit(2)
