"""The local stand-in for fal.ai. Its requests belong to a key, which is created with the data directory."""

import secrets
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx

from imagegen.local.credentials import load_or_create
from imagegen.local.server import LOOPBACK, LocalServer, get_body, loopback_client, poll_until
from imagegen.sandbox.handover import transfer_ownership
from imagegen.settings import Settings

PORTS = ("sandbox",)

_KEY_OF_0_1_0 = "local:sandbox"


def server(directory: Path, ports: Mapping[str, int], _settings: Settings) -> LocalServer:
    """The sandbox with its requests and images in `directory/sandbox`."""
    data, port = directory / "sandbox", ports["sandbox"]
    url = f"http://{LOOPBACK}:{port}"
    key = load_or_create(directory / "sandbox.key", _new_key)
    transfer_ownership(data, _KEY_OF_0_1_0, key)
    return LocalServer(
        name="sandbox",
        group="fal",
        address={
            "key": key,
            "queue_url": url,
            "api_url": f"{url}/v1",
            "rest_url": url,
            "jwks_url": f"{url}/.well-known/jwks.json",
        },
        # -P: the working directory has data, not modules.
        command=(
            *(sys.executable, "-P", "-m", "imagegen.sandbox"),
            *("--host", LOOPBACK, "--port", str(port), "--data", str(data)),
        ),
        directory=data,
        ready=partial(_ready, f"{url}/_sandbox/health"),
    )


def _new_key() -> str:
    return f"local:{secrets.token_hex(32)}"


async def _ready(url: str) -> None:
    async with loopback_client() as client:
        await poll_until(partial(_answers, client, url))


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    return await get_body(client, url) is not None
