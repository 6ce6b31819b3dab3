"""`imagegen sandbox`: the stand-in for fal.ai alone, for people who test code that calls fal.ai."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import print_message

_LOOPBACK: Final = "127.0.0.1"
_KEY: Final = "sandbox:free"  # any key works; its requests and faults are its own


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")] = 8100,
    data: Annotated[Path, typer.Option(help="Folder for requests and images.")] = Path(".imagegen/sandbox"),
    *,
    https: Annotated[
        bool, typer.Option("--https", help="Serve HTTPS with a certificate of its own, as fal's clients need it.")
    ] = False,
) -> None:
    """Run the fal.ai stand-in alone: it draws images for free.

    The variables that lead programs to it go to stdout.
    """
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, _end)  # uvicorn raises the signal again once it has stopped
    with reporting_errors("The sandbox cannot start"):
        from imagegen.sandbox.tls import make_certificate

        listening = _listen(port)
        try:
            data.mkdir(parents=True, exist_ok=True)
            tls = make_certificate(data) if https else None
        except OSError as error:
            raise InvalidArgument(f"--data {data}: {error.strerror}") from None
        host = f"{_LOOPBACK}:{listening.getsockname()[1]}"
        url = f"{'https' if tls else 'http'}://{host}"
        for name, value in _variables(url, host, tls):
            typer.echo(f"export {name}={value}")
        print_message(f"The sandbox is at {url}. Press Ctrl+C to stop.")
        _serve(data, listening, tls)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_LOOPBACK, port))
    except OSError as error:
        listening.close()
        raise InvalidArgument(f"cannot listen on {_LOOPBACK}:{port}: {error.strerror}") from None
    return listening


def _end(_signal: int, _frame: object) -> None:
    """Stopping is what was asked: the exit code is 0."""
    sys.exit(ExitCode.OK)


def _serve(data: Path, listening: socket.socket, tls: Path | None) -> None:
    """Serve until SIGTERM or Ctrl+C."""
    import uvicorn

    from imagegen.sandbox.asgi import create_app
    from imagegen.sandbox.components import Options
    from imagegen.sandbox.connection import CuttableHttpProtocol

    loopback_only = os.environ.get("IMAGEGEN_SANDBOX_LOOPBACK_ONLY") == "1"
    config = uvicorn.Config(
        create_app(Options(data=data, loopback_only=loopback_only)),
        http=CuttableHttpProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=tls,
        ssl_keyfile=tls,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _variables(url: str, host: str, tls: Path | None) -> Iterator[tuple[str, str]]:
    """What leads programs here: fal's own Python client with HTTPS, else another imagegen."""
    yield "FAL_KEY", _KEY
    if tls is not None:
        yield "FAL_QUEUE_RUN_HOST", host
        yield "SSL_CERT_FILE", str(tls.resolve())
        return
    yield "FAL_QUEUE_URL", url
    yield "FAL_API_URL", f"{url}/v1"
    yield "FAL_REST_URL", url
    yield "FAL_JWKS_URL", f"{url}/.well-known/jwks.json"
