"""The site has every page, and its API reference shows requests that do in Python and JavaScript what curl does."""

import json
import re
import tomllib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from imagegen.registry import load_registry
from imagegen.settings import Settings
from tests.support.office import about_its_own, is_about_keys, office_of
from tests.support.pages import JOB_ID, LINK, ROOT, Block, Example, Page
from tests.support.service import Service, running
from tests.support.shown import answer_in, differences
from tests.support.specimens import PNG
from tests.test_examples import here, output, what_it_is_about
from website import curl
from website.scripts import SCRIPTS
from website.site import CONFIG, merged
from website.staging import stage

API: Final = Page(ROOT / "docs/api.md")
EXAMPLES: Final = [example for example in API.examples() if example.shown and not is_about_keys(example)]
OF_KEYS: Final = [example for example in API.examples() if example.shown and is_about_keys(example)]
WRITERS: Final = {"python": curl.python, "js": curl.javascript}
SAMPLE: Final = ("/api/images/batch", "/api/uploads")
ALL: Final = [
    pytest.param(
        example, language, marks=() if example.request.path in SAMPLE else pytest.mark.slow, id=f"{example} {language}"
    )
    for example in EXAMPLES
    for language in WRITERS
]


@pytest.fixture(scope="module")
async def service(stack: Settings) -> AsyncGenerator[Service]:
    name = f"{stack.mongodb.database}-reference"
    own = stack.model_copy(
        update={
            "fal": stack.fal.model_copy(update={"key": SecretStr(f"reference-of-{name}:secret")}),
            "mongodb": stack.mongodb.model_copy(update={"database": name}),
            "nats": stack.nats.model_copy(update={"stream": f"{stack.nats.stream}-reference"}),
        }
    )
    async with running(own, load_registry()) as service:
        yield service


@pytest.mark.parametrize(("example", "language"), ALL)
async def test_python_and_javascript_do_what_curl_does(
    example: Example, language: str, service: Service, tmp_path: Path
) -> None:
    shown = answer_in(example.shown) if example.shown else None
    assert shown is not None
    (tmp_path / "photo.png").write_bytes(PNG)
    about = await what_it_is_about(example.request, service, (await service.generate()).json()["jobId"])
    text = JOB_ID.sub(about, written(example, language))
    if LINK.search(text):
        text = LINK.sub((await service.job(about))["images"][0]["link"], text)
    status, _, body = (await output(Block("api", 1, language, text), here(service), tmp_path)).partition(" ")

    assert int(status) == shown.status, body
    if shown.body.strip().startswith("{"):
        its_id = _id_in(json.loads(body)) or about
        assert list(differences(json.loads(JOB_ID.sub(its_id, shown.body)), json.loads(body))) == []


@pytest.mark.slow
@pytest.mark.parametrize("language", WRITERS)
@pytest.mark.parametrize("example", OF_KEYS, ids=str)
async def test_python_and_javascript_administer_keys_as_curl_does(
    example: Example, language: str, office: Service, tmp_path: Path
) -> None:
    example = await about_its_own(example, office)
    assert example.shown is not None
    shown = answer_in(example.shown)
    assert shown is not None
    program = Block("api", 1, language, written(example, language))
    status, _, body = (await output(program, here(office), tmp_path)).partition(" ")

    assert int(status) == shown.status, body
    if shown.body.strip().startswith("{"):
        assert list(differences(json.loads(shown.body), json.loads(body))) == []


@pytest.fixture(scope="module")
async def office(stack: Settings) -> AsyncGenerator[Service]:
    async with office_of(stack) as office:
        yield office


def written(example: Example, language: str) -> str:
    """The program of an example. Its idempotency key is its own, or the second language gets the first one's answer."""
    return re.sub(r'("Idempotency-Key": "[^"]+)', rf"\1-{language}", WRITERS[language](example.request))


def test_every_page_of_the_repository_is_in_the_navigation(tmp_path: Path) -> None:
    stage(tmp_path)
    staged = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.md")}
    navigation = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["nav"]
    listed = [page for section in navigation for pages in section.values() for page in pages]

    assert len(listed) == len(set(listed))
    assert {page for page in staged - set(listed) if not re.match(r"decisions/\d", page)} == {"reporting.md"}
    assert set(listed) <= staged


def test_no_two_pages_have_the_same_title(tmp_path: Path) -> None:
    stage(tmp_path)
    titles = [
        match[1]
        for file in tmp_path.rglob("*.md")
        if (match := re.search(r"^(?:title: |# )(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE))
    ]

    assert len(titles) == len(set(titles))
    assert "imagegen" not in titles  # every title ends with the site's name


def test_the_search_finds_a_record_as_one_page() -> None:
    found = merged(
        [
            {"location": "api.html", "title": "The API", "text": "all"},
            {"location": "api.html#jobs", "title": "Jobs", "text": "some"},
            {"location": "decisions/0004-once.html", "title": "4. Once", "text": ""},
            {"location": "decisions/0004-once.html#context", "title": "Context", "text": "fal bills"},
            {"location": "decisions/0004-once.html#decision", "title": "Decision", "text": "once"},
        ]
    )

    assert [(item["title"], item["text"]) for item in found] == [
        ("The API", "all"),
        ("Jobs", "some"),
        ("4. Once", " fal bills once"),
    ]


def test_scripts_from_elsewhere_are_pinned() -> None:
    assert [script.package for script in SCRIPTS if not re.search(r"@\d+\.\d+\.\d+$", script.package)] == []
    assert [script.name for script in SCRIPTS if not re.fullmatch("[0-9a-f]{64}", script.sha256)] == []


def _id_in(answer: dict[str, str]) -> str | None:
    return answer.get("jobId") or answer.get("batchId")
