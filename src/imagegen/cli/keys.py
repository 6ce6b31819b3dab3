"""`imagegen keys`: add, list and revoke API keys. A running service reads a change within a second."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.output import JsonOption, print_json, print_message
from imagegen.cli.tables import Column, Row, print_table
from imagegen.errors import StartupError

if TYPE_CHECKING:
    from imagegen.keys import ApiKey, KeyRing
    from imagegen.settings import Settings

app = typer.Typer(
    help="Add, list and revoke API keys.\n\nThe file that IMAGEGEN_API_KEYS_FILE names keeps them, as hashes.",
    no_args_is_help=True,
)
_COLUMNS = (Column("ID"), Column("CREATED"), Column("NAME"), Column("ACCESS"))


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's holder: a person, a program, a customer.")],
    user: Annotated[list[str] | None, typer.Option(help="A userId it may use; repeatable. Default: all.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="A model it may use; repeatable. Default: all.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Add a key and print its token, which is shown only once."""
    from imagegen.keys import change_keys
    from imagegen.settings import Settings

    with reporting_errors("The key cannot be added", as_json=as_json):
        settings = Settings.read()
        _require_printable_names(name, user or ())
        _require_known_models(settings, model or ())
        key, token = _new_key(name, user or (), model or ())
        change_keys(_file(settings), lambda ring: ring.with_key(key))
    if as_json:
        print_json({"key": _as_json(key), "token": token})
        return
    print_message(f"Added key {key.id} for {name} ({_scope(key)}). The token is shown only once:")
    typer.echo(token)


@app.command("list")
def show(*, as_json: JsonOption = False) -> None:
    """List the keys, and the users and models they may use."""
    from imagegen.keys import read_keys
    from imagegen.settings import Settings

    with reporting_errors("The keys cannot be listed", as_json=as_json):
        keys = read_keys(_file(Settings.read())).keys
    if as_json:
        print_json({"keys": [_as_json(key) for key in keys]})
    elif keys:
        print_table(_COLUMNS, [Row((key.id, f"{key.created_at:%Y-%m-%d}", key.name, _scope(key))) for key in keys])
    else:
        print_message("There are no keys: `imagegen keys add NAME` makes one.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, from `imagegen keys list`.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key for good."""
    from imagegen.keys import change_keys
    from imagegen.settings import Settings

    def without(ring: "KeyRing") -> "KeyRing":
        try:
            return ring.without(key_id)
        except KeyError:
            raise InvalidArgument(f"there is no key {key_id}: `imagegen keys list` shows the ids") from None

    with reporting_errors("The key cannot be revoked", as_json=as_json):
        change_keys(_file(Settings.read()), without)
    if as_json:
        print_json({"revoked": key_id})
    else:
        print_message(f"Key {key_id} is revoked.")


def _file(settings: "Settings") -> Path:
    if settings.auth.api_keys_file is None:
        raise StartupError("IMAGEGEN_API_KEYS_FILE is not set: name the file that keeps the keys")
    return settings.auth.api_keys_file


def _new_key(name: str, users: Sequence[str], models: Sequence[str]) -> "tuple[ApiKey, str]":
    from pydantic import ValidationError

    from imagegen.keys import new_key

    try:
        return new_key(name, users, models, datetime.now(UTC).replace(microsecond=0))
    except ValidationError as error:
        fault = error.errors()[0]
        raise InvalidArgument(f"{fault['loc'][0]}: {fault['msg']}") from None


def _require_printable_names(name: str, users: Sequence[str]) -> None:
    """A name must fit on a line. A user must be one that a request can name; any other would never match."""
    from imagegen.registry import user_id_faults

    for what, text in (("NAME", name), *(("--user", user) for user in users)):
        faults = user_id_faults(text) if text else []  # the key itself refuses an empty one
        if faults:
            raise InvalidArgument(f"{what} {text[:100]!r}: {faults[0].message.removeprefix('userId ')}")


def _require_known_models(settings: "Settings", names: Sequence[str]) -> None:
    """A key for a misspelled model would be refused everywhere."""
    if names:
        from imagegen.registry import load_registry

        registry = load_registry(settings.service.catalog_files)
        for name in names:
            registry.model(name)


def _scope(key: "ApiKey") -> str:
    users = "all users" if key.users is None else f"users {', '.join(key.users)}"
    models = "all models" if key.models is None else f"models {', '.join(key.models)}"
    return f"{users}, {models}"


def _as_json(key: "ApiKey") -> JsonValue:
    return key.model_dump(mode="json", by_alias=True, exclude={"sha256"})
