"""`imagegen serve`: the API and a worker in one process."""

import gc
import logging
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imagegen.cli.errors import reporting_errors
from imagegen.cli.output import messages, print_message
from imagegen.cli.runtime import collector_off, read_settings, run
from imagegen.net.hangups import note_hangups

if TYPE_CHECKING:
    from imagegen.settings import Settings

_log = logging.getLogger("imagegen")
_LOCAL_SERVERS: Final = {"fal": "a fal.ai sandbox", "mongodb": "MongoDB", "s3": "S3", "nats": "NATS"}


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")] = 5000,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the work, one per core.")] = 1,
) -> None:
    """Run the API and process jobs.

    Servers (MongoDB, S3, NATS, a fal.ai sandbox) that no environment variable names start on this machine.
    """
    note_hangups()
    with reporting_errors("imagegen cannot start"):
        with collector_off():
            settings, events = read_settings()
            is_for_people = settings.log_format == "console"
            if is_for_people:
                print_message(_starting(settings))  # before the imports, which take longer than everything before
            from imagegen import server, supervisor

        def ready(url: str) -> None:
            gc.freeze()  # models, clients and the application live as long as the process, like all imports
            if is_for_people:
                text = f"[bold green]imagegen is ready[/] at {url}  (interactive documentation: {url}/api-docs)"
                messages().print(text, soft_wrap=True)
                print_message(f"{_who_draws(settings)} Press Ctrl+C to stop.")
            else:
                _log.info("imagegen is ready at %s", url)

        if processes == 1:
            run(server.serve(settings, host, port, ready=ready, events=events))
        else:
            run(supervisor.serve_in_processes(settings, host, port, processes, ready=ready, events=events))


def _starting(settings: "Settings") -> str:
    names = [name for server, name in _LOCAL_SERVERS.items() if server in settings.unset_servers]
    if not names:
        return "Starting imagegen …"
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"Starting imagegen, and on this machine {listed} …"


def _who_draws(settings: "Settings") -> str:
    if "fal" in settings.unset_servers:
        return "The sandbox draws the images, for free: FAL_KEY is not set."
    return "fal.ai makes the images, and every image costs money."
