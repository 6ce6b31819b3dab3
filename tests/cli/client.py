"""The client commands, typed in this process against the running service."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Typed:
    """What a command answered: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The data of `--json`."""
        return json.loads(self.out)["data"]

    @property
    def error(self) -> Any:
        """The error of `--json`."""
        return json.loads(self.out)["error"]


@dataclass(frozen=True, slots=True)
class Shell:
    """Types commands; `environ` names the service."""

    environ: Mapping[str, str]

    async def __call__(self, *words: str, stdin: str | None = None, **environ: str) -> Typed:
        """Type a command and wait for its end."""
        from typer.testing import CliRunner  # noqa: PLC0415 - a run of pure tests does not need it

        from imagegen.cli.app import app  # noqa: PLC0415

        made = await asyncio.to_thread(
            CliRunner().invoke, app, [*words], input=stdin, env={**self.environ, **environ}, prog_name="imagegen"
        )
        if made.exception is not None and not isinstance(made.exception, SystemExit):
            raise made.exception
        return Typed(made.exit_code, made.stdout, made.stderr)
