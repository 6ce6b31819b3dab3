"""LiteLLM's proxy with its fal provider, in its best case: one worker, no database, no Redis, no callbacks."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from bench.load import Load, send
from bench.programs import Program, free_ports, running
from bench.servers import Servers

URL: Final = "LITELLM_URL"  # the variable in which `bench.after_litellm` finds the proxy
PATH: Final = "/v1/images/generations"
BODY: Final[Mapping[str, JsonValue]] = {"model": "flux-schnell", "prompt": "a red fox", "n": 1, "size": "1024x768"}
_KEY: Final = "sk-bench"
HEADERS: Final[Mapping[str, str]] = {"authorization": f"Bearer {_KEY}"}
_CONFIG: Final = """\
model_list:
  - model_name: flux-schnell
    litellm_params: {{model: fal_ai/fal-ai/flux/schnell, api_base: "{double}/sync", api_key: "bench:double"}}
    model_info: {{mode: image_generation}}
litellm_settings: {{request_timeout: 120, num_retries: 0, telemetry: false, callbacks: []}}
general_settings: {{master_key: {key}}}
"""


async def ask(litellm: Program, *, jobs: int, at_once: int) -> Load:
    """Send so many requests and wait for the addresses of their pictures."""
    return await send(f"{litellm.url}{PATH}", requests=jobs, at_once=at_once, bodies=[dict(BODY)], headers=HEADERS)


@asynccontextmanager
async def litellm(servers: Servers, program: Path) -> AsyncGenerator[Program]:
    """Run the proxy against the double, with the prices from its own package."""
    port = free_ports(servers.directory, "litellm")["litellm"]
    config = servers.directory / "litellm.yaml"
    config.write_text(_CONFIG.format(double=servers.double.program.url, key=_KEY), encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    command = (str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1")
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    async with running(
        *command, environ=environ, directory=servers.directory, ready=f"{url}/health/liveliness", url=url
    ) as it:
        yield it
