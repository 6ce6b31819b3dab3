"""`imagegen open`: the running service in the browser."""

import typer

from imagegen.cli.client.desktop import open_in_browser
from imagegen.cli.client.service import open_service
from imagegen.cli.client.target import TargetOptions, with_target_options
from imagegen.cli.errors import reporting_errors


@with_target_options
def open_page(*, target: TargetOptions) -> None:
    """Open the running service's page in the browser.

    Its address goes to stdout.
    """
    with reporting_errors("The page cannot be opened"), open_service(target) as service:
        service.get("/health/live")
        typer.echo(service.url)
        open_in_browser(service.url)
