"""What signs links: made once for all processes, renewed by a command, or set by a variable."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen.clock import now
from imagegen.errors import DatabaseUnavailable, SettingsError
from imagegen.jobs import new_job_id
from imagegen.queue import open_queue
from imagegen.settings import LinkSettings, Settings
from imagegen.storage.image_links import ImageLinks, open_image_links
from imagegen.storage.link_secrets import LinkSecrets
from imagegen.storage.stores import open_stores
from tests.support.processes import environment, serving
from tests.support.service import FLUX, running
from tests.support.several_processes import children, clients, owner, sharing

OLD, NEW = "the-old-secret-of-the-tests-000000", "the-new-secret-of-the-tests-000000"
LEASE: Final = timedelta(seconds=30)


def with_secrets(settings: Settings, *secrets: str) -> Settings:
    return settings.model_copy(update={"links": LinkSettings(secrets=SecretStr(",".join(secrets)))})


class _NoNews:
    """News that never come."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    async def announce(self) -> None:
        raise AssertionError("nobody announces")


async def test_processes_that_start_together_have_one_secret(own: Settings) -> None:
    async with open_stores(own.mongodb) as stores:
        found = await asyncio.gather(*(stores.link_secrets.read() for _ in range(20)))

    assert len(found[0]) == 1
    assert len(found[0][0]) == 32
    assert found == [found[0]] * 20


async def test_rotation_keeps_one_secret_and_ends_older_ones(own: Settings) -> None:
    async with open_stores(own.mongodb) as stores:
        store = stores.link_secrets
        first = await store.rotate()
        second = await store.rotate()
        third = await store.rotate()
        after = await store.read()
        ended = await store.rotate(end_links=True)

    assert [len(each) for each in (first, second, third, ended)] == [1, 2, 2, 1]
    assert (second[1:], third[1:], after) == (first[:1], second[:1], third)
    assert ended[0] not in third


async def test_link_of_a_newer_secret_works_in_a_process_that_heard_nothing(own: Settings) -> None:
    job_id = new_job_id(now())
    async with (
        open_stores(own.mongodb) as stores,
        open_image_links(LinkSettings(), stores.link_secrets, _NoNews()) as deaf,
    ):
        before = deaf.path(job_id, 0)
        await stores.link_secrets.rotate()
        async with open_image_links(LinkSettings(), stores.link_secrets, _NoNews()) as other:
            after = other.path(job_id, 0)
            known = [await each.read(path.rpartition("/")[2]) for each in (deaf, other) for path in (before, after)]

    assert before != after
    assert [link and link.job_id for link in known] == [job_id] * 4


class _Counted(LinkSecrets):
    def __init__(self, stored: LinkSecrets) -> None:
        super().__init__(stored._secrets)
        self.reads, self.is_away = 0, False

    async def read(self) -> Any:
        self.reads += 1
        if self.is_away:
            raise DatabaseUnavailable
        return await super().read()


async def test_unknown_tokens_cost_one_read_a_second(own: Settings) -> None:
    async with open_stores(own.mongodb) as stores:
        counted = _Counted(stores.link_secrets)
        async with open_image_links(LinkSettings(), counted, _NoNews()) as links:
            found = [await links.read("A" * 52) for _ in range(500)]

    assert found == [None] * 500
    assert counted.reads < 20  # on a machine on which 500 tokens take seconds


async def test_links_are_made_and_read_while_mongodb_is_away(own: Settings) -> None:
    async with open_stores(own.mongodb) as stores:
        counted = _Counted(stores.link_secrets)
        async with open_image_links(LinkSettings(), counted, _NoNews()) as links:
            counted.is_away = True
            path = links.path(new_job_id(now()), 2)
            link = await links.read(path.rpartition("/")[2])
            unknown = await links.read("A" * 52)
        unread = ImageLinks(LinkSettings(), counted, _NoNews())
        with pytest.raises(DatabaseUnavailable):
            unread.path(new_job_id(now()), 0)

    assert (link and link.number, unknown) == (2, None)


async def test_rotation_is_heard_by_other_processes(own: Settings) -> None:
    job_id = new_job_id(now())
    async with (
        open_stores(own.mongodb) as stores,
        open_queue(own.nats, LEASE) as here,
        open_queue(own.nats, LEASE) as there,
        open_image_links(LinkSettings(), stores.link_secrets, there.link_news) as links,
    ):
        old = links.path(job_id, 0)
        await stores.link_secrets.rotate(end_links=True)
        await here.link_news.announce()
        async with asyncio.timeout(8):  # without news it would take ten seconds
            while links.path(job_id, 0) == old:
                await asyncio.sleep(0.02)
        assert await links.read(old.rpartition("/")[2]) is None


async def test_secrets_of_the_settings_rotate(own: Settings) -> None:
    async with running(with_secrets(own, OLD)) as service:
        link = (await service.generate()).json()["images"][0]["link"]
    statuses = list[int]()
    links = list[str]()
    for secrets in ((NEW, OLD), (OLD, NEW), (NEW,)):
        async with running(with_secrets(own, *secrets), with_runner=False) as service:
            (job,) = (await service.client.get("/api/jobs")).json()["jobs"]
            links.append(job["images"][0]["link"])
            statuses.append((await service.client.get(link)).status_code)

    assert statuses == [200, 200, 404]
    assert (links[1], links[0] == links[2], links[0] == link) == (link, True, False)


async def test_link_works_after_a_restart(own: Settings) -> None:
    async with running(own) as service:
        link = (await service.generate()).json()["images"][0]["link"]
    async with running(own, with_runner=False) as service:
        answer = await service.client.get(link)

    assert answer.status_code == 200


class Shell:
    """`imagegen links …`, as typed."""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        answer = CliRunner().invoke(app, ["links", *arguments])
        return answer.exit_code, answer.stdout, answer.stderr


@pytest.fixture
def shell(own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(own).items():
        monkeypatch.setenv(name, value)
    return Shell()


def test_command_rotates_the_secret(shell: Shell) -> None:
    first = json.loads(shell.run("rotate", "--json")[1])
    status, printed, told = shell.run("rotate")
    ended = json.loads(shell.run("rotate", "--end-links", "--json")[1])
    words = shell.run("rotate", "--end-links")[2]

    assert (first["data"], ended["data"]) == ({"accepted": 1}, {"accepted": 1})
    assert (status, printed, "still work" in told, "have ended" in words) == (0, "", True, True)


def test_command_leaves_secrets_of_the_settings_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEGEN_LINK_SECRETS", OLD)

    status, _, told = shell.run("rotate")

    assert (status, "IMAGEGEN_LINK_SECRETS" in told, OLD in told) == (2, True, False)


@pytest.mark.parametrize("value", ["30", "1s", "12h", "3650d", "never"])
def test_life_of_links_is_a_duration_or_never(value: str) -> None:
    found = Settings.read({"IMAGEGEN_LINK_EXPIRES": value}, dotenv=None).links.expires

    assert (found is None) is (value == "never")


@pytest.mark.parametrize("value", ["0s", "0.5s", "3651d", "Never", "forever", "-1d"])
def test_other_lives_of_links_are_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="never"):
        Settings.read({"IMAGEGEN_LINK_EXPIRES": value}, dotenv=None)


def test_faulty_secret_is_not_shown() -> None:
    with pytest.raises(SettingsError, match="32 to 128") as error:
        Settings.read({"IMAGEGEN_LINK_SECRETS": "too-short-and-secret"}, dotenv=None)
    assert "too-short-and-secret" not in str(error.value)


@pytest.mark.slow
@pytest.mark.usefixtures("service")  # which makes the bucket
async def test_link_of_one_process_works_in_all_others(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with (
        sharing(own, tmp_path) as several,
        serving(own, tmp_path / "other") as other,
        clients(several, 12) as callers,
    ):
        job = (await several.client.post("/api/images/generate", json=FLUX)).json()
        link = job["images"][0]["link"]
        processes = children(several)
        asked = {owner(processes, caller).pid: (await caller.client.get(link)).status_code for caller in callers}
        beside = (await other.client.get(link)).status_code
        read = (await other.client.get(f"/api/jobs/{job['jobId']}")).json()["images"][0]["link"]

    assert asked == dict.fromkeys([process.pid for process in processes], 200)
    assert (beside, read) == (200, link)
