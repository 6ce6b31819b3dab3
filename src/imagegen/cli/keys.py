"""`imagegen keys`: add, list and revoke API keys, in MongoDB. A running service reads a change within ten seconds."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import JsonValue

from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.output import JsonOption, print_json, print_message
from imagegen.cli.runtime import run
from imagegen.cli.tables import Column, Row, print_table

if TYPE_CHECKING:
    from imagegen.keys import ApiKey
    from imagegen.settings import Settings
    from imagegen.storage.api_keys import ApiKeys

T = TypeVar("T")

app = typer.Typer(
    help="Add, list and revoke API keys.\n\nMongoDB keeps them, as hashes.",
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
    from imagegen.keys import new_key
    from imagegen.settings import Settings
    from imagegen.storage.api_keys import AuditAction, audit_entry

    with reporting_errors("The key cannot be added", as_json=as_json):
        settings = Settings.read()
        _require_printable_names(name, user or ())
        _require_known_models(settings, model or ())
        created_at = datetime.now(UTC).replace(microsecond=0)
        key, token = new_key(name, created_at, users=user or (), models=model or ())
        entry = audit_entry("command", AuditAction.CREATED, None, key, created_at)
        _run(settings, lambda stored: stored.insert(key, entry))
    if as_json:
        print_json({"key": _as_json(key), "token": token})
        return
    print_message(f"Added key {key.id} for {name} ({_scope(key)}). The token is shown only once:")
    typer.echo(token)


@app.command("list")
def show(*, as_json: JsonOption = False) -> None:
    """List the keys, and the users and models they may use."""
    from imagegen.settings import Settings

    with reporting_errors("The keys cannot be listed", as_json=as_json):
        keys = [key for key in _run(Settings.read(), lambda stored: stored.all()) if key.revoked_at is None]
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
    from imagegen.settings import Settings
    from imagegen.storage.api_keys import AuditAction, audit_entry

    async def revoke_it(stored: "ApiKeys") -> None:
        key, at = await stored.find(key_id), datetime.now(UTC)
        if key is None or key.revoked_at is not None:
            raise InvalidArgument(f"there is no key {key_id}: `imagegen keys list` shows the ids")
        await stored.save(key.revoked(at), audit_entry("command", AuditAction.REVOKED, key, key.revoked(at), at))

    with reporting_errors("The key cannot be revoked", as_json=as_json):
        _run(Settings.read(), revoke_it)
    if as_json:
        print_json({"revoked": key_id})
    else:
        print_message(f"Key {key_id} is revoked.")


def _run(settings: "Settings", act: "Callable[[ApiKeys], Awaitable[T]]") -> T:
    """Act on the keys of the running service."""
    from imagegen.local import join_local_stack
    from imagegen.storage.stores import open_stores

    async def open_and_act() -> T:
        async with open_stores(join_local_stack(settings).mongodb) as stores:
            return await act(stores.api_keys)

    return run(open_and_act())


def _require_printable_names(name: str, users: Sequence[str]) -> None:
    """A name must fit on a line. A user must be one that a request can name; any other would never match."""
    from imagegen.registry import user_id_faults

    for what, text in (("NAME", name), *(("--user", user) for user in users)):
        faults = user_id_faults(text)
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
    from imagegen.storage.api_keys import members_of

    return {"id": key.id, "createdAt": key.created_at.isoformat(), **members_of(key)}
