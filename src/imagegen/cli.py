"""The command line: `imagegen serve`, `worker`, `demo`, `openapi`, `doctor`, `keys`, `usage`."""

import asyncio
import gc
import logging
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from imagegen import key_commands, serving, upkeep
from imagegen.api import openapi_json
from imagegen.demo import demo as run_demo
from imagegen.doctor import Verdict, examine
from imagegen.errors import ImagegenError, SettingsError, Unavailable
from imagegen.logs import Events, start_logging
from imagegen.settings import Settings
from imagegen.storage.usage import Difference

app = typer.Typer(
    help="A self-hosted service in front of fal.ai's image models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(key_commands.app, name="keys")
usage = typer.Typer(help="Who spent what.", no_args_is_help=True)
app.add_typer(usage, name="usage")
T = TypeVar("T")
_MONEY = ("charged", "provider_cost")
_log = logging.getLogger("imagegen")
_console = Console(stderr=True, highlight=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")] = 5000,
) -> None:
    """Run the API and a runner. Every server that no variable names is started locally."""
    settings, events = _settings()

    def ready(url: str) -> None:
        gc.freeze()  # the models, S3's client and the application last as long as the process, like all imports
        if settings.log_format == "json":
            _log.info("imagegen is ready at %s", url)
            return
        _console.print(
            f"[bold green]imagegen is ready[/] at {url}  (interactive documentation: {url}/api-docs)", soft_wrap=True
        )

    _run(serving.serve(settings, host, port, ready=ready, events=events))


@app.command()
def worker() -> None:
    """Run jobs only. Start as many as you like, on any machine that shares MongoDB, S3 and NATS."""
    settings, events = _settings()
    _run(serving.work(settings, ready=gc.freeze, events=events))


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option(help="Stop after the pictures are made.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("demo-output"),
    port: Annotated[int, typer.Option(min=0, max=65535)] = 5000,
) -> None:
    """Make one picture with every model, on the local stack only: it never spends money."""
    start_logging("warning", "console")
    if not _run(run_demo(output, port, once=once)):
        raise typer.Exit(1)


@app.command()
def openapi(
    output: Annotated[Path | None, typer.Option(help="File to write. Without it, the text is printed.")] = None,
) -> None:
    """Write the OpenAPI document of the catalog, to generate clients from. No server is needed."""
    settings, _ = _settings()
    try:
        text = openapi_json(serving.read_catalog(settings))
    except ImagegenError as error:
        _fail("The document cannot be made:", str(error).splitlines())
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        _fail("The document cannot be written:", [f"{output}: {error.strerror}"])


@app.command()
def doctor() -> None:
    """Check every configured server and permission, and say what to mend; status 1 if anything is."""
    try:
        settings = Settings.read()
    except SettingsError as error:
        _fail("The settings are wrong:", error.faults, status=1)
    start_logging("error", "console", settings.secrets)
    findings = _run(examine(settings))
    for finding in findings:
        typer.echo(f"{finding.verdict:<5}  {finding.subject}: {finding.words}")
    raise typer.Exit(int(any(finding.verdict is Verdict.FAULT for finding in findings)))


@usage.command("rebuild")
def rebuild_usage(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Replace what differs by what the jobs come to.")] = False,
) -> None:
    """Sum up all jobs anew and show where the kept usage differs; exits with 1 while it does."""
    settings, _ = _settings()
    differences = _run(upkeep.rebuild_usage(settings, apply=apply))
    if not differences:
        _console.print("The usage is what the jobs come to.")
        return
    _show_differences(differences)
    _console.print(f"{len(differences)} rows differ{'ed, and are mended' if apply else ': mend them with --apply'}.")
    if not apply:
        raise typer.Exit(1)


def _show_differences(differences: Sequence[Difference]) -> None:
    table = Table("day or month", "user", "model", "figure", "kept", "the jobs come to")
    for difference in differences:
        key, kept, made = difference.key, asdict(difference.kept), asdict(difference.recomputed)
        for name in (name for name in kept if kept[name] != made[name]):
            figures = (f"{kept[name]:f}", f"{made[name]:f}") if name in _MONEY else (str(kept[name]), str(made[name]))
            table.add_row(key.period, escape(key.user_id), escape(key.model), name, *figures)
    Console(highlight=False).print(table)


def _settings() -> tuple[Settings, Events]:
    """Read the settings and begin to log as they say."""
    try:
        settings = Settings.read()
    except SettingsError as error:
        _fail("The settings are wrong:", error.faults)
    events = start_logging(settings.service.log_level, settings.log_format, settings.secrets)
    for warning in settings.warnings:
        _log.warning("settings: %s", warning)
    return settings, events


def _run(work: Coroutine[object, object, T]) -> T:
    try:
        if sys.platform == "win32":
            return asyncio.run(work)
        import uvloop  # noqa: PLC0415 - there is none for Windows

        return uvloop.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Unavailable as error:
        _fail("imagegen cannot start:", [error.advice])
    except ImagegenError as error:
        _fail("imagegen cannot start:", str(error).splitlines())


def _fail(heading: str, reasons: Sequence[str], *, status: int = 2) -> NoReturn:
    _console.print(f"[bold red]{heading}[/]")
    for reason in reasons:
        _console.print(f"  {reason}", markup=False, soft_wrap=True)
    raise typer.Exit(status)
