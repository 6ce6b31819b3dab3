"""`imagegen keys`: administers API keys in the database, beside a running service or without one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from imagegen.cli.errors import reporting_errors
from imagegen.cli.key_tables import access_of, print_key, print_keys
from imagegen.cli.output import JsonOption, print_json, print_message

if TYPE_CHECKING:
    from imagegen.keys import ApiKey

app = typer.Typer(
    help="Add, list, revoke, rotate and import API keys.\n\nThey are in MongoDB, as hashes. A running service applies "
    "a change at once; if NATS does not answer, within ten seconds.",
    no_args_is_help=True,
)
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, from `imagegen keys list`.")]


@app.command()
def add(  # noqa: PLR0917 - typer reads options from the signature
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's holder: a person, a program, a customer.")],
    user: Annotated[list[str] | None, typer.Option(help="A userId it may use; repeatable. Default: all.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="A model it may use; repeatable. Default: all.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="generate, read or admin; repeatable. Default: generate and read."),
    ] = None,
    default_user: Annotated[str | None, typer.Option(help="The user of a request that names none.")] = None,
    allowed_tag: Annotated[
        list[str] | None, typer.Option(help="A tag that its jobs may have; repeatable. Default: all.")
    ] = None,
    required_tag: Annotated[
        list[str] | None, typer.Option(help="A tag of which its jobs must have one; repeatable. Default: none needed.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(help="Requests that may generate in a minute. Default: as the service is set.")
    ] = None,
    images_per_minute: Annotated[
        int | None, typer.Option(help="Images that they may ask for in a minute. Default: as the service is set.")
    ] = None,
    open_jobs: Annotated[
        int | None, typer.Option(help="Jobs that may be unfinished at once. Default: as the service is set.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="A date or time, such as 2027-01-31, or from now: 90d, 12h. Default: never.")
    ] = None,
    *,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="It may use every model, which is the default.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a key and print its token, which is shown only once."""
    with reporting_errors("The key cannot be added", as_json=as_json):
        from imagegen.cli.key_administration import add_key, administer, expiry, rates_body, require_one_of

        require_one_of("--model", "--all-models", given=bool(model), all_of_them=all_models)

        body: dict[str, JsonValue] = {
            "name": name,
            "users": [*user] if user else None,
            "models": [*model] if model else None,
            "scopes": [*scope] if scope else None,
            "defaultUser": default_user,
            "allowedTags": [*allowed_tag] if allowed_tag else None,
            "requiredTags": [*required_tag] if required_tag else None,
            "rates": rates_body(requests_per_minute, images_per_minute, open_jobs),
            "expiresAt": expiry(expires) if expires is not None else None,
        }
        issued = administer(add_key(body))
        key, token = issued.key, issued.token
    if as_json:
        print_json({"key": _as_json(key), "token": token})
        return
    print_message(f"Added key {key.id} for {name} ({access_of(key)}). The token is shown only once:")
    typer.echo(token)


@app.command("list")
def show_all(*, as_json: JsonOption = False) -> None:
    """List the keys, newest first, and what they may be used for."""
    with reporting_errors("The keys cannot be listed", as_json=as_json):
        from imagegen.cli.key_administration import administer, all_keys

        keys = administer(all_keys)
    if as_json:
        print_json({"keys": [_as_json(key) for key in keys]})
    elif keys:
        print_keys(keys)
    else:
        print_message("There are no keys: `imagegen keys add NAME` makes one.")


@app.command()
def show(key_id: KeyId, *, as_json: JsonOption = False) -> None:
    """Show a key."""
    with reporting_errors("The key cannot be shown", as_json=as_json):
        from imagegen.cli.key_administration import administer

        key = administer(lambda admin: admin.get(key_id))
    if as_json:
        print_json({"key": _as_json(key)})
    else:
        print_key(key)


@app.command()
def change(  # noqa: PLR0917 - typer reads options from the signature
    key_id: KeyId,
    name: Annotated[str | None, typer.Option(help="Another name of its holder.")] = None,
    user: Annotated[list[str] | None, typer.Option(help="A userId it may use from now on; repeatable.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="A model it may use from now on; repeatable.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="generate, read or admin; repeatable.")] = None,
    expires: Annotated[str | None, typer.Option(help="A date or time, or from now: 90d, 12h.")] = None,
    *,
    all_users: Annotated[bool, typer.Option("--all-users", help="It may use every userId.")] = False,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="It may use every model, also those that later releases bring.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Change a key. What is not named stays; the token, too."""
    with reporting_errors("The key cannot be changed", as_json=as_json):
        from imagegen.cli.key_administration import administer, change_key, expiry, require_one_of

        require_one_of("--user", "--all-users", given=bool(user), all_of_them=all_users)
        require_one_of("--model", "--all-models", given=bool(model), all_of_them=all_models)
        given: dict[str, JsonValue] = {
            "name": name,
            "users": [*user] if user else None,
            "models": [*model] if model else None,
            "scopes": [*scope] if scope else None,
            "expiresAt": expiry(expires) if expires is not None else None,
        }
        body = {member: value for member, value in given.items() if value is not None}
        body |= {"users": None} if all_users else {}
        body |= {"models": None} if all_models else {}
        key = administer(change_key(key_id, body))
    if as_json:
        print_json({"key": _as_json(key)})
    else:
        print_message(f"Changed key {key.id} ({access_of(key)}).")


@app.command()
def revoke(key_id: KeyId, *, as_json: JsonOption = False) -> None:
    """Revoke a key for good. It stays in the list."""
    with reporting_errors("The key cannot be revoked", as_json=as_json):
        from imagegen.cli.key_administration import administer

        administer(lambda admin: admin.revoke(key_id))
    if as_json:
        print_json({"revoked": key_id})
    else:
        print_message(f"Key {key_id} is revoked.")


@app.command()
def rotate(key_id: KeyId, *, as_json: JsonOption = False) -> None:
    """Give a key a new token, which is shown only once. The old one is no longer valid."""
    with reporting_errors("The key cannot be rotated", as_json=as_json):
        from imagegen.cli.key_administration import administer

        issued = administer(lambda admin: admin.rotate(key_id))
    if as_json:
        print_json({"key": _as_json(issued.key), "token": issued.token})
        return
    print_message(f"Key {key_id} has a new token, which is shown only once:")
    typer.echo(issued.token)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What IMAGEGEN_API_KEYS_FILE named.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Import the file of keys of an earlier version. Keys that exist stay as they are."""
    with reporting_errors("The keys cannot be imported", as_json=as_json):
        from imagegen.cli.key_administration import administer, import_keys_of

        report = administer(import_keys_of(file))
    if as_json:
        print_json({"new": [*report.new], "known": [*report.known], "revoked": [*report.revoked]})
        return
    counts = f"{len(report.new)} new, {len(report.known)} known, {len(report.revoked)} revoked"
    print_message(f"{file}: {counts}. Keys that existed before are as they were.")


def _as_json(key: "ApiKey") -> JsonValue:
    from imagegen.wire.key_serializers import serialize_key

    return serialize_key(key).model_dump(mode="json")
