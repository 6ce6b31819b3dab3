"""`imagegen doctor` finds what is wrong, says what to fix, and shows no secret."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from dirty_equals import IsStr
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from imagegen.api import create_app
from imagegen.cli.app import app
from imagegen.cli.doctor_checks import Finding, Result, run_checks
from imagegen.cli.exit_codes import ExitCode
from imagegen.errors import ObjectStoreRefused
from imagegen.local.binaries import MONGOD, find
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import AuthSettings, Environment, MongoSettings, NatsSettings, ServiceSettings, Settings
from tests.support.bucket import open_bucket
from tests.support.jobs_apart import apart
from tests.support.keys import add_key, revoke_key
from tests.support.processes import environment, free_port

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket


async def finding(settings: Settings, check: str) -> Finding:
    return {found.check: found for found in await run_checks(settings)}[check]


def but(stack: Settings, **groups: object) -> Settings:
    return stack.model_copy(update=groups)


async def test_a_sound_stack_has_no_faults_and_no_leftovers(stack: Settings) -> None:
    found = await run_checks(stack)
    async with open_bucket(stack.s3) as bucket:
        left = await bucket.left_behind("imagegen-doctor/")

    assert [(each.check, each.result) for each in found] == [
        ("MongoDB", "ok"),
        ("S3", "ok"),
        ("NATS", "ok"),
        ("fal.ai", "ok"),
        ("catalog", "ok"),
        ("API keys", "note"),
        ("data directory", "ok"),
    ]
    assert left == []


async def test_each_server_that_is_down_is_named_with_advice(stack: Settings) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    broken = but(
        stack,
        mongodb=MongoSettings(url=SecretStr(f"mongodb://user:hunter2@{nowhere}/")),
        nats=NatsSettings(url=SecretStr(f"nats://user:hunter2@{nowhere}")),
        s3=stack.s3.model_copy(update={"secret_access_key": SecretStr("hunter2")}),
        fal=stack.fal.model_copy(update={"queue_url": f"http://{nowhere}"}),
    )
    found = (await run_checks(broken))[:4]

    assert [each.result for each in found] == ["fault"] * 4
    assert [each.message for each in found] == [
        "MongoDB does not answer: check MONGODB_URL and the server's log",
        IsStr(regex="S3 refuses access to bucket .* check S3_BUCKET, S3_ENDPOINT_URL and AWS_….*"),
        "NATS does not answer: check NATS_URL and the server's log",
        IsStr(regex="fal.ai could not be asked.*[^.]: check this machine's DNS.*FAL_QUEUE_URL"),
    ]
    assert "hunter2" not in str(found)


async def test_a_wrong_password_is_not_a_server_that_is_down(stack: Settings) -> None:
    assert stack.mongodb.url is not None
    url = re.sub(r"//[^@]+@", "//user:hunter2@", stack.mongodb.url.get_secret_value())
    found = await finding(but(stack, mongodb=MongoSettings(url=SecretStr(url))), "MongoDB")

    assert found.message.startswith("MongoDB refuses the user or the password of MONGODB_URL")


async def test_a_host_without_dns_is_not_blamed_on_the_key(stack: Settings) -> None:
    fal = stack.fal.model_copy(update={"queue_url": "http://no-such-host.localhost.invalid"})
    found = await finding(but(stack, fal=fal), "fal.ai")

    assert (found.result, "FAL_KEY" in found.message, "DNS" in found.message) == (Result.FAULT, False, True)


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "check FAL_KEY"), (403, "check the account"), (402, "check the account"), (502, "has trouble")],
)
async def test_advice_follows_the_status_of_fals_answer(stack: Settings, status: int, words: str) -> None:
    async with answering(status) as url:
        found = await finding(but(stack, fal=stack.fal.model_copy(update={"queue_url": url})), "fal.ai")

    assert (found.result, words in found.message) == (Result.FAULT, True), found.message


@pytest.mark.parametrize("options", ["", "?replicaSet=rs0", "?directConnection=true"])
async def test_a_replica_set_that_was_not_initiated(stack: Settings, tmp_path: Path, options: str) -> None:
    async with mongod(tmp_path) as address:
        url = SecretStr(f"mongodb://{address}/{options}")
        found = await finding(but(stack, mongodb=MongoSettings(url=url)), "MongoDB")

    assert (found.result, "rs.initiate()" in found.message) == (Result.FAULT, True), found.message


async def test_another_name_of_the_replica_set(stack: Settings) -> None:
    assert stack.mongodb.url is not None
    url = stack.mongodb.url.get_secret_value().replace("directConnection=true", "replicaSet=other")
    found = await finding(but(stack, mongodb=MongoSettings(url=SecretStr(url))), "MongoDB")

    assert "belongs to the replica set 'other'" in found.message


async def test_an_unknown_variable_is_a_note(stack: Settings) -> None:
    found = await run_checks(Settings.read({**environment(stack), "IMAGEGEN_WAITS": "1s"}, dotenv=None))

    assert [each.message for each in found if each.check == "settings"] == [
        IsStr(regex=".*did you mean IMAGEGEN_WAIT.*")
    ]


BROKEN_S3 = {
    "bucket": "no-such-bucket",
    "access_key_id": SecretStr("stranger"),
    "secret_access_key": SecretStr("hunter2"),
}


@pytest.mark.parametrize("field", BROKEN_S3)
async def test_start_and_readiness_quote_the_doctor_on_a_bucket(
    stack: Settings, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    settings = but(apart(stack), s3=stack.s3.model_copy(update={field: BROKEN_S3[field]}))
    words = (await finding(settings, "S3")).message
    registry = await asyncio.to_thread(load_registry)
    async with open_services(settings, registry) as services:
        state = await readiness(services)
    production = but(settings, service=settings.service.model_copy(update={"env": Environment.PRODUCTION}))
    with pytest.raises(ObjectStoreRefused) as refused:
        async with open_services(production, registry):
            pass

    assert (state["s3"]["status"], state["s3"]["reason"]) == ("down", words)
    assert f"{words}; jobs wait until it is right" in caplog.messages
    assert refused.value.advice == words


async def readiness(services: Services) -> dict[str, dict[str, str]]:
    app = create_app(services.registry, lambda: nullcontext(services))
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get("/health/ready")).json()["servers"]


@asynccontextmanager
async def answering(status: int) -> AsyncGenerator[str]:
    """A server in fal's place that gives every request the same response."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"detail": "No."}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = web.AppRunner(app)
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", port := free_port())
    await site.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.cleanup()


@asynccontextmanager
async def mongod(directory: Path) -> AsyncGenerator[str]:
    """A mongod that was only started with --replSet."""
    port, program = free_port(), await asyncio.to_thread(find, MONGOD, None)
    options = ("--dbpath", str(directory), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket")
    process = await asyncio.create_subprocess_exec(
        *(program, *options, "--replSet", "rs0"), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def test_a_missing_bucket_is_named_and_not_created(stack: Settings) -> None:
    missing = but(stack, s3=stack.s3.model_copy(update={"bucket": "no-such-bucket"}))
    words = [(await finding(missing, "S3")).message for _ in range(2)]

    assert words == [IsStr(regex="S3 has no bucket 'no-such-bucket'.*")] * 2


async def test_a_link_host_that_only_browsers_reach_is_a_note(stack: Settings) -> None:
    s3 = stack.s3.model_copy(update={"presign_endpoint_url": f"http://127.0.0.1:{free_port()}"})
    found = await finding(but(stack, s3=s3), "S3")

    assert (found.result, "S3_PRESIGN_ENDPOINT_URL" in found.message) == (Result.NOTE, True)


async def test_keys_that_others_may_read_are_a_fault(own: Settings, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    await asyncio.to_thread(path.write_text, '{"keys": []}')
    await asyncio.to_thread(path.chmod, 0o644)
    settings = but(own, auth=AuthSettings(api_keys_file=path))
    open_ = await finding(settings, "API keys")
    await asyncio.to_thread(path.chmod, 0o600)
    closed = await finding(settings, "API keys")

    assert (open_.result, f"chmod 600 {path}" in open_.message) == (Result.FAULT, True)
    assert (closed.result, "the next start imports the 0 of" in closed.message) == (Result.NOTE, True)


async def test_keys_of_which_none_is_valid_are_a_fault(own: Settings) -> None:
    production = but(own, service=own.service.model_copy(update={"env": Environment.PRODUCTION}))
    absent = [await finding(settings, "API keys") for settings in (own, production)]
    token = await add_key(own)
    valid = await finding(own, "API keys")
    await revoke_key(own, token)
    revoked = await finding(own, "API keys")

    assert [found.result for found in (*absent, valid, revoked)] == ["note", "fault", "ok", "fault"]
    assert "`imagegen keys add NAME`" in revoked.message


async def test_unset_servers_are_notes_and_need_a_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = await run_checks(Settings(service=ServiceSettings(data_dir=tmp_path / "file" / "data")))

    assert [each.result for each in found] == ["note", "note", "note", "note", "ok", "note", "fault"]


def test_the_command_prints_a_line_for_each_check(
    stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(stack).items():
        monkeypatch.setenv(name, value)
    sound = CliRunner().invoke(app, ["doctor"])
    monkeypatch.setenv("S3_BUCKET", "no-such-bucket")
    faulty = CliRunner().invoke(app, ["doctor", "--json"])
    monkeypatch.setenv("MONGODB_URL", "postgres://")
    wrong = CliRunner().invoke(app, ["doctor"])

    assert [sound.exit_code, faulty.exit_code, wrong.exit_code] == [
        ExitCode.OK,
        ExitCode.FOUND_FAULTS,
        ExitCode.FOUND_FAULTS,
    ], sound.output
    assert [line.split()[0] for line in sound.stdout.splitlines()] == ["RESULT", *["ok"] * 5, "note", "ok"]
    bucket = {"result": "fault", "check": "S3", "message": IsStr(regex="S3 has no bucket 'no-such-bucket'.*")}
    assert bucket in json.loads(faulty.stdout)["data"]["findings"]
    assert re.search("^fault +settings +MONGODB_URL is ", wrong.stdout, re.MULTILINE)
