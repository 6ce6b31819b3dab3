"""`imagegen demo`: the whole service on one machine, tried with six models."""

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import JsonValue

from imagegen.cli.errors import reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import JsonOption, messages, print_json, print_message
from imagegen.cli.runtime import run
from imagegen.cli.tables import Column, Row, print_table
from imagegen.net.hangups import note_hangups

if TYPE_CHECKING:
    from imagegen.cli.demo_images import Outcome
    from imagegen.settings import Settings

# What would lead the demo to other servers than the local ones, or close its API.
_SERVERS: Final = ("FAL_", "MONGODB_", "S3_", "NATS_", "AWS_", "IMAGEGEN_ENV", "IMAGEGEN_CATALOG", "IMAGEGEN_DATA_DIR")
_ACCESS: Final = ("IMAGEGEN_API_KEYS_FILE", "IMAGEGEN_BOOTSTRAP_KEY", "IMAGEGEN_ALLOW", "PUBLIC_URL")
_COLUMNS: Final = (Column("MODEL"), Column("JOB"), Column("SECONDS", is_number=True), Column("PRICE", is_number=True))


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as the images are made.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the images.")] = Path("demo-output"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the API; if taken, a free one.")] = 5000,
    as_json: JsonOption = False,
) -> None:
    """Make one image with each of six models on a local stack, for free.

    Settings that name real servers are ignored: the demo spends no money and touches no data of yours.
    """
    note_hangups()
    from imagegen.observability.logs import start_logging

    start_logging("warning", "console")
    with reporting_errors("The demo cannot start", as_json=as_json):
        is_complete = run(_demo(output, port, once=once, as_json=as_json))
    if not is_complete:
        raise typer.Exit(ExitCode.FOUND_FAULTS)


async def _demo(output: Path, port: int, *, once: bool, as_json: bool) -> bool:
    """Start the service with the whole local stack, try six models, show the results.

    Returns:
        Whether each of them made its image.
    """
    from imagegen.cli.demo_images import try_models
    from imagegen.server import serve

    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stopping = asyncio.Event()
    with messages().status("Starting a fal.ai sandbox, MongoDB, S3 and NATS on this machine…"):
        service = asyncio.create_task(
            serve(_local_settings(), "127.0.0.1", _free_port(port), ready=ready.set_result, stopping=stopping)
        )
        await asyncio.wait({service, ready}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        await service
        return False
    url = ready.result()
    outcomes = await try_models(messages(), url, output)
    if as_json:
        print_json({"url": url, "outcomes": [_as_json(outcome) for outcome in outcomes]})
    else:
        print_table(_COLUMNS, [_row(outcome) for outcome in outcomes])
    if once:
        stopping.set()
    else:
        print_message(f"Try more at {url}/api-docs, or see the history: {url}/api/jobs?userId=demo")
        print_message("Press Ctrl+C to stop.")
        asked = asyncio.create_task(stopping.wait())
        await asyncio.wait({service, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        print_message("Stopping …")
    await service
    return all(outcome.image for outcome in outcomes)


def _local_settings() -> "Settings":
    """The settings from the environment, without servers and keys."""
    from imagegen.settings import Settings

    environ = {name: value for name, value in os.environ.items() if not name.startswith((*_SERVERS, *_ACCESS))}
    return Settings.read({**environ, "IMAGEGEN_DATA_DIR": ".imagegen/demo"}, dotenv=None)


def _free_port(wanted: int) -> int:
    """The wanted port, or 0 (any free one) if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def _row(outcome: "Outcome") -> Row:
    """File and link have lines of their own: there they fit 80 columns, and the link can be copied whole."""
    cells = (outcome.model, outcome.job_id or "-", f"{outcome.seconds:.1f}", f"${outcome.price:.3f}")
    if outcome.image is None:
        return Row(cells, (f"failed: {outcome.error}",))
    return Row(cells, (str(outcome.image.file), outcome.image.permalink))


def _as_json(outcome: "Outcome") -> JsonValue:
    image = outcome.image
    return {
        "model": outcome.model,
        "jobId": outcome.job_id,
        "seconds": round(outcome.seconds, 3),
        "price": outcome.price,
        "file": str(image.file) if image else None,
        "permalink": image.permalink if image else None,
        "error": outcome.error,
    }
