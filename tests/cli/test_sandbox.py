"""`imagegen sandbox` serves code that calls fal.ai, fal's own client included."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagegen.cli.exit_codes import ExitCode
from tests.support.processes import inherited

CODE = """
import fal_client
result = fal_client.subscribe("fal-ai/flux-pro/v1.1", arguments={"prompt": "A lighthouse"})
print(result["images"][0]["url"])
"""


def variables() -> dict[str, str]:
    """An environment that names no server."""
    return inherited() | {"PATH": os.environ["PATH"], "IMAGEGEN_SANDBOX_LOOPBACK_ONLY": "1"}


@pytest.mark.parametrize("https", [True, False])
def test_programs_are_led_to_it_by_the_variables_it_prints(tmp_path: Path, https: bool) -> None:
    count = 3 if https else 5
    command = [sys.executable, "-u", "-m", "imagegen", "sandbox", "--port", "0", "--data", str(tmp_path)]
    command += ["--https"] if https else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables()) as running:  # noqa: S603
        try:
            assert running.stdout is not None
            lines = [running.stdout.readline().removeprefix("export ").strip() for _ in range(count)]
            named = dict(line.split("=", 1) for line in lines)
            if https:
                script = [sys.executable, "-c", CODE]
                made = subprocess.check_output(script, text=True, timeout=60, env=variables() | named)  # noqa: S603
                assert made.startswith(f"https://{named['FAL_QUEUE_RUN_HOST']}/")
            else:
                assert named.keys() == {"FAL_KEY", "FAL_QUEUE_URL", "FAL_API_URL", "FAL_REST_URL", "FAL_JWKS_URL"}
        finally:
            running.terminate()
        assert running.wait(10) == ExitCode.OK
