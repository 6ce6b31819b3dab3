"""The scripts of /api-docs in Node, with the Swagger UI that the service serves."""

import os
import subprocess
from importlib.resources import files
from pathlib import Path

from tests.support.workspace import NODE

BUNDLE = files("fastapi_swagger") / "resources" / "swagger-ui-bundle.js"


def test_scripts_of_the_page() -> None:
    tests = Path(__file__).parent / "plugin.test.mjs"
    environ = {**os.environ, "SWAGGER_UI": str(BUNDLE), "NODE_NO_WARNINGS": "1"}

    finished = subprocess.run(  # noqa: S603 - our own
        [NODE, "--test", "--test-reporter=spec", tests], env=environ, capture_output=True, text=True, check=False
    )

    assert finished.returncode == 0, finished.stdout
    assert "pass 23" in finished.stdout
