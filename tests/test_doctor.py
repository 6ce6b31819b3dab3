"""`imagegen doctor` finds what is wrong, says what to mend, and shows no secret."""

import asyncio
import re
from pathlib import Path

import pytest
from bucket import open_bucket
from dirty_equals import IsStr
from processes import environment, free_port
from pydantic import SecretStr
from typer.testing import CliRunner

from imagegen.cli import app
from imagegen.doctor import Finding, Verdict, examine
from imagegen.keys import KeyRing, changing
from imagegen.settings import DoorSettings, MongoSettings, NatsSettings, ServiceSettings, Settings

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket


async def finding(settings: Settings, subject: str) -> Finding:
    return {found.subject: found for found in await examine(settings)}[subject]


def but(stack: Settings, **groups: object) -> Settings:
    return stack.model_copy(update=groups)


async def test_all_is_well_where_all_is_well_and_nothing_is_left_behind(stack: Settings) -> None:
    found = await examine(stack)
    async with open_bucket(stack.s3) as bucket:
        left = await bucket.left_behind("imagegen-doctor/")

    assert [(each.subject, each.verdict) for each in found] == [
        ("MongoDB", "ok"),
        ("S3", "ok"),
        ("NATS", "ok"),
        ("fal.ai", "ok"),
        ("catalog", "ok"),
        ("API keys", "note"),
        ("data directory", "ok"),
    ]
    assert left == []


async def test_each_server_that_is_down_or_closed_is_named_with_what_to_mend(stack: Settings) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    broken = but(
        stack,
        mongodb=MongoSettings(url=SecretStr(f"mongodb://user:hunter2@{nowhere}/")),
        nats=NatsSettings(url=SecretStr(f"nats://user:hunter2@{nowhere}")),
        s3=stack.s3.model_copy(update={"secret_access_key": SecretStr("hunter2")}),
        fal=stack.fal.model_copy(update={"queue_url": f"http://{nowhere}"}),
    )
    found = (await examine(broken))[:4]

    assert [each.verdict for each in found] == ["fault"] * 4
    assert [each.words for each in found] == [
        "MongoDB does not answer: look at MONGODB_URL, and at the server's log",
        IsStr(regex="S3 refuses access to bucket .* look at S3_BUCKET, S3_ENDPOINT_URL and AWS_….*"),
        "NATS does not answer: look at NATS_URL, and at the server's log",
        IsStr(regex="fal.ai could not be asked.*look at FAL_KEY.*"),
    ]
    assert "hunter2" not in str(found)


async def test_a_wrong_password_is_told_from_a_server_that_is_down(stack: Settings) -> None:
    assert stack.mongodb.url is not None
    url = re.sub(r"//[^@]+@", "//user:hunter2@", stack.mongodb.url.get_secret_value())
    found = await finding(but(stack, mongodb=MongoSettings(url=SecretStr(url))), "MongoDB")

    assert found.words.startswith("MongoDB refuses the user or the password of MONGODB_URL")


async def test_a_bucket_that_does_not_exist_is_named_and_not_made(stack: Settings) -> None:
    missing = but(stack, s3=stack.s3.model_copy(update={"bucket": "no-such-bucket"}))
    words = [(await finding(missing, "S3")).words for _ in range(2)]

    assert words == [IsStr(regex="S3 has no bucket 'no-such-bucket'.*")] * 2


async def test_a_link_host_that_only_browsers_reach_is_a_note(stack: Settings) -> None:
    s3 = stack.s3.model_copy(update={"presign_endpoint_url": f"http://127.0.0.1:{free_port()}"})
    found = await finding(but(stack, s3=s3), "S3")

    assert (found.verdict, "S3_PRESIGN_ENDPOINT_URL" in found.words) == (Verdict.NOTE, True)


async def test_keys_that_others_may_read_are_a_fault(stack: Settings, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    await asyncio.to_thread(changing, path, lambda ring: KeyRing(keys=ring.keys))
    settings = but(stack, doors=DoorSettings(api_keys_file=path))
    empty = await finding(settings, "API keys")
    await asyncio.to_thread(path.chmod, 0o644)
    open_ = await finding(settings, "API keys")

    assert ("has none" in empty.words, f"chmod 600 {path}" in open_.words) == (True, True)


async def test_servers_that_nothing_names_are_a_note_and_their_directory_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = await examine(Settings(service=ServiceSettings(data_dir=tmp_path / "file" / "data")))

    assert [each.verdict for each in found] == ["note", "note", "note", "note", "ok", "note", "fault"]


def test_the_command_prints_a_line_each_and_its_status_tells(
    stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(stack).items():
        monkeypatch.setenv(name, value)
    well = CliRunner().invoke(app, ["doctor"])
    monkeypatch.setenv("S3_BUCKET", "no-such-bucket")
    ill = CliRunner().invoke(app, ["doctor"])
    monkeypatch.setenv("MONGODB_URL", "postgres://")
    wrong = CliRunner().invoke(app, ["doctor"])

    assert (well.exit_code, ill.exit_code, wrong.exit_code) == (0, 1, 1), well.output
    assert len(well.stdout.splitlines()) == 7
    assert "fault  S3: S3 has no bucket 'no-such-bucket'" in ill.stdout
    assert "MONGODB_URL" in wrong.output
