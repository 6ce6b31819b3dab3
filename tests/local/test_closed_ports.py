"""The local stack accepts neither callers without its credentials nor web pages."""

import asyncio
import json
import re
import ssl
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest
from pymongo import AsyncMongoClient  # noqa: TID251 - asks the MongoDB server itself
from pymongo.errors import OperationFailure  # noqa: TID251 - the same

from imagegen.local import local_stack
from imagegen.settings import LimitSettings
from tests.local.local_servers import Up, documents, eventually, get, link, listening, only_unset, port_of, put

SECRET: Final = b"what-a-stranger-must-not-see"
PAGE: Final = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
PATHS: Final = (
    *("/", "/imagegen", "/imagegen/kept", "/buckets/", "/buckets/imagegen/kept", "/?Action=CreateUser&UserName=a"),
    *("/dir/status", "/dir/assign?count=1", "/dir/lookup?volumeId=1", "/col/delete?collection=imagegen"),
    *(
        "/vol/grow?count=1",
        "/vol/vacuum",
        "/vol/status",
        "/submit",
        "/cluster/status",
        "/cluster/healthz",
        "/ui/index.html",
    ),
    *(
        "/stats/memory",
        "/stats/counter",
        "/status",
        "/healthz",
        "/metrics",
        "/debug/pprof/",
        "/delete?volume=1",
        "/1,01",
    ),
    *(
        "/_sandbox/health",
        "/_sandbox/requests?key=local:sandbox",
        "/_sandbox/faults?key=local:sandbox",
        "/files/a/b.png",
    ),
    *("/fal-ai/flux/dev", "/v1/models", "/varz", "/connz", "/jsz", "/.tus/", "/topics/", "/etc/", "/admin"),
)
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
# What S3 and MongoDB answer every caller: that they run.
HARMLESS: Final = {("s3", "GET", "/status"), ("s3", "GET", "/healthz"), ("s3", "HEAD", "/status")}
MONGODBS_WORDS: Final = b"It looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n"


def servers(up: Up) -> list[psutil.Process]:
    """The processes of this stack, without those of the stack that other tests use."""
    return [it for it in psutil.Process().children(recursive=True) if str(up.directory) in " ".join(it.cmdline())]


def ports(up: Up) -> set[int]:
    return {port for server in servers(up) for _, port in listening(server)}


async def as_a_page(up: Up, port: int, client: httpx.AsyncClient) -> list[tuple[str, str, int, httpx.Headers, bytes]]:
    """The responses to a request as a browser sends it for a web page."""
    answers: list[tuple[str, str, int, httpx.Headers, bytes]] = []
    for scheme, path, method in ((s, p, m) for s in ("http", "https") for p in PATHS for m in METHODS):
        if scheme == "https" and port in {port_of(up.settings, name) for name in ("s3", "mongodb", "nats", "fal")}:
            continue  # they speak no TLS
        with suppress(httpx.TransportError, ssl.SSLError):
            url = f"{scheme}://127.0.0.1:{port}{path}"
            answer = await client.request(
                method, url, headers=PAGE, content=b"x" if method in {"POST", "PUT"} else None
            )
            answers.append((method, path, answer.status_code, answer.headers, answer.content))
    return answers


async def test_every_open_port_is_known(up: Up) -> None:
    known = json.loads(await asyncio.to_thread((up.directory / "ports.json").read_text))

    def found() -> bool:
        return ports(up) == set(known.values())

    await eventually(found)  # a part of SeaweedFS opens its port later


@pytest.mark.slow
async def test_pages_and_strangers_get_no_http_access(up: Up) -> None:
    await put(up.settings, SECRET)
    names = {port_of(up.settings, name): name for name in ("fal", "mongodb", "s3", "nats")}
    let_in: set[tuple[str, str, str]] = set()
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=5) as client:  # noqa: S501 - of the attacker
        for port in await asyncio.to_thread(ports, up):
            for method, path, status, headers, content in await as_a_page(up, port, client):
                assert SECRET not in content
                if status < 400 and content != MONGODBS_WORDS:
                    assert "access-control-allow-origin" not in headers or not content, (port, method, path)
                    let_in.add((names.get(port, "inside"), method, path))

    assert let_in <= HARMLESS
    assert await get(up.settings) == SECRET


@pytest.mark.parametrize(("origins", "allowed"), [("", None), ("https://app.example", "https://app.example")])
async def test_only_allowed_origins_read_links(tmp_path: Path, origins: str, allowed: str | None) -> None:
    wanted = only_unset(tmp_path, "s3").model_copy(update={"limits": LimitSettings(cors_origins=origins)})
    async with local_stack(wanted) as settings, httpx.AsyncClient(trust_env=False) as client:
        await put(settings, SECRET)
        answer = await client.get(await link(settings), headers={"Origin": "https://app.example"})

    assert (answer.content, answer.headers.get("access-control-allow-origin")) == (SECRET, allowed)


async def test_callers_without_an_origin_need_a_key(up: Up) -> None:
    s3, fal = up.settings.s3.endpoint_url, up.settings.fal.queue_url
    async with httpx.AsyncClient(trust_env=False) as client:
        statuses = {
            "read": (await client.get(f"{s3}/imagegen/kept")).status_code,
            "list": (await client.get(f"{s3}/imagegen")).status_code,
            "write": (await client.put(f"{s3}/imagegen/kept", content=b"x")).status_code,
            "delete": (await client.delete(f"{s3}/imagegen/kept")).status_code,
            "submit": (await client.post(f"{fal}/fal-ai/flux/dev", json={"prompt": "x"})).status_code,
            "ledger": (await client.get(f"{fal}/_sandbox/requests")).status_code,
        }

    assert statuses == {"read": 403, "list": 403, "write": 403, "delete": 403, "submit": 401, "ledger": 422}


async def test_internal_s3_ports_require_the_certificate(up: Up) -> None:
    (weed,) = [it for it in servers(up) if "weed" in it.name()]
    inside = {port for _, port in listening(weed)} - {port_of(up.settings, "s3")}
    outcomes = {port: (await tls_refusal(port), await plain_grpc(port)) for port in inside}

    assert len(inside) == 9
    assert outcomes == dict.fromkeys(inside, ("refused", b""))


async def tls_refusal(port: int) -> str:
    """Whether a TLS client without a certificate is refused after negotiating HTTP/2, as gRPC does."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return "refused" if not await reader.read(9) else "let in"
    except (ssl.SSLError, ConnectionError):
        return "refused"


async def plain_grpc(port: int) -> bytes:
    """The response to HTTP/2 without TLS: its settings, if it is supported."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(5):
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            answer = await reader.read(9)
            return b"" if answer.startswith((b"HTTP/1.0 ", b"\x15\x03")) else answer  # 400, or a TLS alert
    except ConnectionError:
        return b""
    finally:
        writer.close()


Query = Callable[[AsyncMongoClient[dict[str, object]]], Awaitable[object]]
QUERIES: Final[dict[str, Query]] = {
    "read": lambda client: client.tests.kept.find_one({}),
    "list": lambda client: client.list_database_names(),
    "write": lambda client: client.tests.kept.insert_one({}),
    "delete": lambda client: client.tests.kept.delete_many({}),
    "drop": lambda client: client.drop_database("tests"),
    "make a user": lambda client: client.admin.command({"createUser": "a", "pwd": "b", "roles": ["root"]}),
    "reconfigure": lambda client: client.admin.command("replSetGetConfig"),
    "shut down": lambda client: client.admin.command("shutdown"),
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("user", ["", "imagegen:imagegen@", "root:root@", "__system:x@"])
async def test_mongodb_refuses_missing_and_wrong_passwords(up: Up, user: str, query: str) -> None:
    before = await documents(up.settings, add=1)
    url = f"mongodb://{user}127.0.0.1:{port_of(up.settings, 'mongodb')}/?directConnection=true"
    async with AsyncMongoClient[dict[str, object]](url) as client:
        with pytest.raises(OperationFailure) as refused:
            await QUERIES[query](client)

    assert refused.value.code in {13, 18}  # Unauthorized, AuthenticationFailed
    assert await documents(up.settings) == before


@pytest.mark.parametrize("more", ["", ',"user":"imagegen","pass":"imagegen"', ',"auth_token":"imagegen"'])
async def test_nats_refuses_missing_and_wrong_passwords(up: Up, more: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(up.settings, "nats"))
    try:
        await reader.readline()  # INFO: the version, and that credentials are required
        writer.write(
            f'CONNECT {{"verbose":false{more}}}\r\nSUB > 1\r\nPUB $JS.API.STREAM.LIST r 0\r\n\r\nPING\r\n'.encode()
        )
        async with asyncio.timeout(5):
            answer = await reader.readline()
    finally:
        writer.close()

    assert answer == b"-ERR 'Authorization Violation'\r\n"


async def test_sandbox_refuses_dns_rebinding(up: Up) -> None:
    url, key = up.settings.fal.queue_url, up.settings.fal.key
    assert key
    rebound = {"Host": f"evil.example:{port_of(up.settings, 'fal')}", "Authorization": f"Key {key.get_secret_value()}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [
            await client.get(f"{url}/_sandbox/health", headers=rebound),
            await client.put(f"{url}/_sandbox/faults", headers={"Origin": "http://localhost:5000"}, json={}),
            await client.get(f"{url}/_sandbox/health", headers={"Host": "localhost"}),
        ]

    assert [answer.status_code for answer in answers] == [403, 403, 200]


def secrets_of(up: Up) -> set[str]:
    """Every credential of the stack, from its files."""
    texts = [(up.directory / name).read_text() for name in ("mongodb.key", "nats.conf", "sandbox.key", "s3.json")]
    texts += [(up.directory / "s3" / "security.toml").read_text()]
    found = {secret for text in texts for secret in re.findall(r"\b[0-9a-f]{20,}\b", text)}
    return found | {secret for secret in up.settings.secrets if len(secret) > 8}


def files_of(up: Up) -> Iterator[Path]:
    data = {"mongodb", "nats", "sandbox"}
    for path in up.directory.rglob("*"):
        inside = path.relative_to(up.directory).parts
        if path.is_file() and inside[0] not in data and path.suffix not in {".dat", ".idx", ".ldb", ".vif"}:
            yield path


async def test_credentials_are_not_leaked(up: Up) -> None:
    secrets = await asyncio.to_thread(secrets_of, up)
    commands = [" ".join(server.cmdline()) for server in servers(up)]
    environments = [str(server.environ()) for server in servers(up)]
    logs = [log.read_text(errors="replace") for log in (up.directory / "logs").iterdir()]
    shown = [*commands, *environments, *logs, repr(up.settings), str(up.settings)]

    assert len(secrets) >= 9
    assert [secret for secret in secrets for text in shown if secret in text] == []


async def test_credential_files_are_private(up: Up) -> None:
    secrets = await asyncio.to_thread(secrets_of, up)
    holding = {
        path.relative_to(up.directory).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in files_of(up)
        if any(secret.encode() in path.read_bytes() for secret in secrets) or path.suffix == ".key"
    }

    assert holding == dict.fromkeys(
        ("mongodb.key", "nats.conf", "s3.json", "s3/security.key", "s3/security.toml", "sandbox.key", "stack.json"),
        0o600,
    )


def test_unix_sockets_are_private(up: Up) -> None:
    known = json.loads((up.directory / "ports.json").read_text())
    sockets = [path for port in known.values() for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]  # noqa: S108

    assert sockets
    assert [path for path in sockets if stat.S_IMODE(path.stat().st_mode) & 0o022] == []
