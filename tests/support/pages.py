"""The pages of the documentation: their code blocks, and the examples among them that can be run."""

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Final

import httpx

from tests.support.specimens import PNG

ROOT: Final = Path(__file__).parent.parent.parent
ADDRESS: Final = "http://localhost:5000"
LINK: Final = re.compile(r"/i/[\w-]{52}")
JOB_ID: Final = re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
LANGUAGES: Final = ("python", "js")
_ANSWERS: Final = ("json", "http")
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: its place, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page} line {self.line}"

    @property
    def is_script(self) -> bool:
        """A program that uses the service."""
        return self.language in LANGUAGES and ADDRESS in self.text

    @property
    def is_curl(self) -> bool:
        return self.language == "sh" and self.text.startswith("curl ") and ADDRESS in self.text


@dataclass(frozen=True, slots=True)
class Example:
    """A curl command, and the response that the page shows."""

    block: Block
    line: int
    command: str
    shown: Block | None = None

    def __str__(self) -> str:
        return f"{self.block.page} line {self.line}"

    @property
    def request(self) -> "Typed":
        return typed(self.command)


@dataclass(frozen=True, slots=True)
class Script:
    """A program, and its output according to the page."""

    block: Block
    prints: Block | None

    def __str__(self) -> str:
        return str(self.block)


@dataclass(frozen=True, slots=True)
class Typed:
    """The request of a curl command."""

    method: str
    url: str
    headers: dict[str, str]
    data: str | None
    form: dict[str, str]

    @property
    def path(self) -> str:
        return self.url.removeprefix(ADDRESS).partition("?")[0]


@dataclass(frozen=True)
class Page:
    """README.md, or a page under docs/."""

    file: Path

    @property
    def name(self) -> str:
        return self.file.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> Sequence[Block]:
        found = _BLOCK.finditer(self.text)
        return [Block(self.name, self.text[: each.start()].count("\n") + 2, each[1], each[2]) for each in found]

    @property
    def fences(self) -> int:
        """How many lines open or close a code block, however they are written."""
        return len(re.findall(r"^\s*(?:```|~~~)", self.text, re.MULTILINE))

    def examples(self) -> Iterator[Example]:
        for block, following in self._pairs():
            if block.is_curl:
                commands = re.split(r"\n(?=curl )", block.text)
                lines = [block.line + block.text[: block.text.index(command)].count("\n") for command in commands]
                for line, command in zip(lines[:-1], commands[:-1], strict=True):
                    yield Example(block, line, command)
                yield Example(block, lines[-1], commands[-1], _if_in(following, _ANSWERS))

    def scripts(self) -> Iterator[Script]:
        for block, following in self._pairs():
            if block.is_script:
                yield Script(block, _if_in(following, ("text",)))

    def others(self) -> list[Block]:
        """Blocks that are neither examples nor scripts, nor the output of one."""
        run = [(each.block, each.shown) for each in self.examples()]
        run += [(each.block, each.prints) for each in self.scripts()]
        taken = set(chain.from_iterable(run))
        return [block for block in self.blocks if block not in taken]

    def _pairs(self) -> Iterator[tuple[Block, Block | None]]:
        yield from pairwise([*self.blocks, None])  # pyright: ignore[reportReturnType] - only the last one is None


def pages() -> Sequence[Page]:
    """Every page with examples: README.md first."""
    return [Page(ROOT / "README.md"), *(Page(file) for file in sorted(ROOT.glob("docs/**/*.md")))]


def typed(command: str) -> Typed:
    """The request of a curl command. Options of curl that the pages do not use end the test."""
    words = _curl().parse_args(shlex.split(command.replace("\\\n", " "))[1:])
    form = dict(field.split("=", 1) for field in words.form)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if words.data else {}
    headers |= dict(header.split(": ", 1) for header in words.headers)
    method = words.method or ("POST" if words.data or form else "GET")
    return Typed(method, words.url, headers, words.data, form)


async def send(request: Typed, client: httpx.AsyncClient, job_id: str) -> httpx.Response:
    """Send what curl would send to the service, with this job's id and link in place of the page's."""
    url = JOB_ID.sub(job_id, request.url.replace(ADDRESS, ""))
    if LINK.search(url):
        job = (await client.get(f"/api/jobs/{job_id}")).json()
        url = LINK.sub(job["images"][0]["link"], url)
    headers = {name: JOB_ID.sub(job_id, value) for name, value in request.headers.items()}
    if request.form:
        files = {name: (text[1:], PNG) for name, text in request.form.items() if text.startswith("@")}
        texts = {name: text for name, text in request.form.items() if not text.startswith("@")}
        return await client.post(url, data=texts, files=files, headers=headers)
    return await client.request(request.method, url, headers=headers, content=request.data)


def _curl() -> ArgumentParser:
    parser = ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-F", dest="form", action="append", default=[])
    return parser


def _if_in(block: Block | None, languages: Sequence[str]) -> Block | None:
    return block if block is not None and block.language in languages else None
