"""`imagegen links`: administers what signs links to images, beside a running service or without one."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.output import JsonOption, print_json, print_message

app = typer.Typer(
    help="Administer links to images.\n\nWhat signs them is in MongoDB, unless IMAGEGEN_LINK_SECRETS has it. A running "
    "service applies a change at once; if NATS does not answer, within ten seconds.",
    no_args_is_help=True,
)


@app.command()
def rotate(
    *,
    end_links: Annotated[bool, typer.Option("--end-links", help="End all links that were made before.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign links with a new secret. Those of the last one still work, until the next rotation."""
    with reporting_errors("The secret cannot be rotated", as_json=as_json):
        accepted = _rotate(end_links=end_links)
    if as_json:
        print_json({"accepted": accepted})
    elif end_links:
        print_message("Links have a new secret. Those that were made before have ended.")
    else:
        print_message("Links have a new secret. Those that were made with the last one still work.")


def _rotate(*, end_links: bool) -> int:
    """Rotate; returns how many secrets are accepted from now on."""
    from imagegen.cli.administration import Announce, administer
    from imagegen.queue import Changed
    from imagegen.registry import Registry
    from imagegen.settings import Settings
    from imagegen.storage.stores import Stores

    def administration(
        stores: Stores, _registry: Registry, settings: Settings, announce: Announce
    ) -> Callable[[], Awaitable[int]]:
        async def act() -> int:
            if settings.links.keys:
                raise InvalidArgument(
                    "IMAGEGEN_LINK_SECRETS has the secrets: add a new one there, and restart every process"
                )
            secrets = await stores.link_secrets.rotate(end_links=end_links)
            await announce()
            return len(secrets)

        return act

    return administer(Changed.LINKS, administration, lambda act: act())
