"""The local servers as imagegen 0.1.0 started them: only S3 requires credentials. Their data directory remains."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from pymongo import MongoClient  # noqa: TID251 - administers the server it starts

from imagegen.local import mongod, nats_server, sandbox, seaweedfs
from imagegen.local.binaries import MONGOD, NATS_SERVER, WEED, find
from imagegen.settings import FalSettings, MongoSettings, NatsSettings, S3Settings, ServiceSettings, Settings
from tests.support.processes import free_port

KEYS = {"accessKey": "0123456789abcdef0123", "secretKey": "0123456789abcdef0123456789abcdef01234567"}
S3_CONFIG = {
    "identities": [
        {"name": "admin", "credentials": [KEYS], "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
    ]
}


@asynccontextmanager
async def servers_of_0_1_0(directory: Path) -> AsyncGenerator[Settings]:
    """Start the four servers in a new data directory; yield the settings that point at them."""
    ports = await asyncio.to_thread(_make, directory)
    async with AsyncExitStack() as stack:
        for name, command in (await asyncio.to_thread(_commands, directory, ports)).items():
            await stack.enter_async_context(_running(command, directory / name))
        await _until(partial(_replica_set, ports["mongodb"]))
        for port in (ports["nats"], ports["sandbox"], ports["s3.port"]):
            await _until(partial(_listens, port))
        yield _settings(directory, ports)


def _make(directory: Path) -> Mapping[str, int]:
    names = (*mongod.PORTS, *nats_server.PORTS, *sandbox.PORTS, *seaweedfs.PORTS)
    ports = {name: free_port() for name in names}
    (directory / "ports.json").write_text(json.dumps(ports, indent=2))
    for name in ("mongodb", "s3", "nats", "sandbox"):
        (directory / name).mkdir(mode=0o700)
    (directory / "s3.json").write_text(json.dumps(S3_CONFIG, indent=2))
    (directory / "s3.json").chmod(0o600)
    return ports


def _commands(directory: Path, ports: Mapping[str, int]) -> Mapping[str, tuple[str, ...]]:
    data = {name: str(directory / name) for name in ("mongodb", "s3", "nats", "sandbox")}
    return {
        "mongodb": (
            *(find(MONGOD, None), "--dbpath", data["mongodb"], "--port", str(ports["mongodb"])),
            *("--bind_ip", "127.0.0.1", "--nounixsocket", "--replSet", "rs0"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--networkMessageCompressors", "disabled"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--wiredTigerEngineConfigString", "log=(file_max=16MB)"),
        ),
        "s3": (
            *(find(WEED, None), "-logtostderr=true", "mini", f"-dir={data['s3']}", "-ip=127.0.0.1"),
            *("-ip.bind=127.0.0.1", *(f"-{name}={ports[name]}" for name in seaweedfs.PORTS)),
            *(f"-s3.config={directory / 's3.json'}", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0"),
            *("-s3.port.lance=0", "-master.telemetry=false", "-master.resumeState=false", "-volume.preStopSeconds=0"),
        ),
        "nats": (find(NATS_SERVER, None), "-a", "127.0.0.1", "-p", str(ports["nats"]), "-js", "-sd", data["nats"]),
        "sandbox": (
            *(sys.executable, "-P", "-m", "imagegen.sandbox", "--host", "127.0.0.1"),
            *("--port", str(ports["sandbox"]), "--data", data["sandbox"], "--loopback-only"),
        ),
    }


@asynccontextmanager
async def _running(command: tuple[str, ...], directory: Path) -> AsyncGenerator[None]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _until(probe: "partial[bool]") -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(probe):
            await asyncio.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _replica_set(port: int) -> bool:
    """Create the replica set of one, and return whether it accepts writes."""
    if not _listens(port):
        return False
    url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=5000) as client:
        hello = client.admin.command("hello")
        if hello.get("isreplicaset"):
            members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        return bool(hello.get("isWritablePrimary"))


def _settings(directory: Path, ports: Mapping[str, int]) -> Settings:
    fal = f"http://127.0.0.1:{ports['sandbox']}"
    return Settings(
        fal=FalSettings(
            key=SecretStr("local:sandbox"),
            queue_url=fal,
            api_url=f"{fal}/v1",
            rest_url=fal,
            jwks_url=f"{fal}/.well-known/jwks.json",
        ),
        mongodb=MongoSettings(url=SecretStr(f"mongodb://127.0.0.1:{ports['mongodb']}/?directConnection=true")),
        s3=S3Settings(
            bucket="imagegen",
            endpoint_url=f"http://127.0.0.1:{ports['s3.port']}",
            access_key_id=SecretStr(KEYS["accessKey"]),
            secret_access_key=SecretStr(KEYS["secretKey"]),
        ),
        nats=NatsSettings(url=SecretStr(f"nats://127.0.0.1:{ports['nats']}")),
        service=ServiceSettings(data_dir=directory),
    )
