"""`python -m imagegen.sandbox`: serve the sandbox until SIGTERM."""

import argparse
import os
from pathlib import Path

import uvicorn

from imagegen.sandbox.app import create_app
from imagegen.sandbox.connection import CuttableProtocol
from imagegen.sandbox.faults import Latency
from imagegen.sandbox.parts import Options


def main() -> None:
    """Read the command line and serve."""
    given = _arguments()
    options = Options(
        data=given.data,
        loopback_only=given.loopback_only or os.environ.get("IMAGEGEN_SANDBOX_LOOPBACK_ONLY") == "1",
        keep_alive=given.keep_alive,
        latency=Latency(queue=given.queue_seconds, generation=given.generation_seconds),
    )
    uvicorn.run(
        create_app(options),
        host=given.host,
        port=given.port,
        http=CuttableProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m imagegen.sandbox", description="A fal.ai stand-in.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--data", type=Path, required=True, help="folder of the requests and pictures")
    parser.add_argument("--loopback-only", action="store_true", help="fetch and send on loopback alone")
    parser.add_argument("--keep-alive", type=float, default=15.0, help="seconds between a status stream's comments")
    parser.add_argument("--queue-seconds", type=float, default=0.1, help="seconds that a request waits in the queue")
    parser.add_argument("--generation-seconds", type=float, default=0.5, help="seconds that a generation takes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
