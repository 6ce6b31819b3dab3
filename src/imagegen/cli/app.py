"""The command line, put together: each command is in a file of its own.

A command imports what only it needs when it runs, so that the others, `--help` and completion start fast.
"""

from typing import Annotated

import typer

from imagegen import __version__
from imagegen.cli import budgets, catalog_commands, keys, links, usage
from imagegen.cli.client import job_commands, models
from imagegen.cli.client.batch import batch
from imagegen.cli.client.generate import generate
from imagegen.cli.client.open_page import open_page
from imagegen.cli.client_types import command as client_types
from imagegen.cli.demo import demo
from imagegen.cli.doctor import doctor
from imagegen.cli.openapi import openapi
from imagegen.cli.sandbox import sandbox
from imagegen.cli.serve import serve
from imagegen.cli.serve_process import serve_process
from imagegen.cli.worker import worker

app = typer.Typer(
    epilog="Exit codes: 0 done, 1 found something to fix, 2 could not run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (serve, worker, demo, sandbox, generate, batch, openapi, doctor):
    app.command()(command)
app.command("open")(open_page)
app.command("serve-process", hidden=True)(serve_process)
catalog_commands.add_to(models.app)
app.add_typer(models.app, name="models")
app.add_typer(job_commands.app, name="jobs")
app.add_typer(client_types.app, name="client")
app.add_typer(keys.app, name="keys")
app.add_typer(budgets.app, name="budgets")
app.add_typer(links.app, name="links")
app.add_typer(usage.app, name="usage")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imagegen {__version__}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A self-hosted service in front of fal.ai's image models."""
