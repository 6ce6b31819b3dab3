"""`python -m imagegen.sandbox`: serves the sandbox until SIGTERM."""

import argparse
import os
from pathlib import Path

import uvicorn

from imagegen.sandbox.asgi import create_app
from imagegen.sandbox.backgrounds import DETAIL
from imagegen.sandbox.components import Options
from imagegen.sandbox.connection import CuttableHttpProtocol
from imagegen.sandbox.faults import Latency


def main() -> None:
    """Parse the command line and serve."""
    given = _arguments()
    options = Options(
        data=given.data,
        loopback_only=given.loopback_only or os.environ.get("IMAGEGEN_SANDBOX_LOOPBACK_ONLY") == "1",
        keep_alive=given.keep_alive,
        latency=Latency(queue=given.queue_seconds, generation=given.generation_seconds),
        detail=given.detail,
    )
    uvicorn.run(
        create_app(options),
        host=given.host,
        port=given.port,
        http=CuttableHttpProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m imagegen.sandbox", description="A stand-in for fal.ai.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--data", type=Path, required=True, help="directory of the requests and images")
    parser.add_argument(
        "--loopback-only", action="store_true", help="fetch inputs from loopback and send webhooks to loopback only"
    )
    parser.add_argument("--keep-alive", type=float, default=15.0, help="seconds between comments of a status stream")
    queue, generation = (os.environ.get(f"IMAGEGEN_SANDBOX_{part}_SECONDS") for part in ("QUEUE", "GENERATION"))
    parser.add_argument("--queue-seconds", type=float, default=queue or 0.1, help="seconds in the queue")
    parser.add_argument("--generation-seconds", type=float, default=generation or 0.5, help="seconds of generation")
    detail = os.environ.get("IMAGEGEN_SANDBOX_DETAIL") or DETAIL
    parser.add_argument("--detail", type=int, default=detail, help="pixels on the long side of what is drawn")
    return parser.parse_args()


if __name__ == "__main__":
    main()
