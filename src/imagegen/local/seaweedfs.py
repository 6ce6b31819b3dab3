"""The local S3: SeaweedFS with all its parts in one process."""

import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx
from pydantic import BaseModel

from imagegen.local.addresses import write_secret
from imagegen.local.binaries import WEED, find
from imagegen.local.server import LOOPBACK, Server, get, loopback_client, until
from imagegen.settings import LocalSettings

BUCKET = "imagegen"
PORTS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
"""The options of `weed mini` that name a port, all of them: one left out would take its well-known number."""


class _Credentials(BaseModel):
    accessKey: str  # noqa: N815 - SeaweedFS's own names in this class and the two below
    secretKey: str  # noqa: N815


class _Identity(BaseModel):
    name: str = "admin"
    credentials: tuple[_Credentials, ...]
    actions: tuple[str, ...] = ("Admin", "Read", "Write", "List", "Tagging")


class _Config(BaseModel):
    identities: tuple[_Identity, ...]


def server(directory: Path, ports: Mapping[str, int], programs: LocalSettings) -> Server:
    """Describe the SeaweedFS that keeps its data in `directory/s3` and its keys in `directory/s3.json`.

    Raises:
        LocalServerError: there is no weed.
    """
    program, data, config = find(WEED, programs.weed), directory / "s3", directory / "s3.json"
    keys = _keys(config)
    return Server(
        name="s3",
        group="s3",
        address={
            "bucket": BUCKET,
            "endpoint_url": f"http://{LOOPBACK}:{ports['s3.port']}",
            "access_key_id": keys.accessKey,
            "secret_access_key": keys.secretKey,
        },
        command=(program, *_options(data, config, ports)),
        directory=data,
        ready=partial(_ready, ports["s3.port"], ports["master.port"]),
        litter=_sockets(ports),
    )


def _keys(config: Path) -> _Credentials:
    """Read the keys, or make them at the first start; without any, SeaweedFS would let everybody in."""
    if config.exists():
        return _Config.model_validate_json(config.read_bytes()).identities[0].credentials[0]
    keys = _Credentials(accessKey=secrets.token_hex(10), secretKey=secrets.token_hex(20))
    content = _Config(identities=(_Identity(credentials=(keys,)),))
    write_secret(config, content.model_dump_json(indent=2).encode())
    return keys


def _options(data: Path, config: Path, ports: Mapping[str, int]) -> tuple[str, ...]:
    return (
        *("-logtostderr=true", "mini", f"-dir={data}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"),
        *(f"-{name}={ports[name]}" for name in PORTS),
        *(
            f"-s3.config={config}",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
        ),
        # With its old election state the master is sometimes not the leader when the volumes first report to it, and
        # they report again 5 s later; till then a write hangs. Everything in that state is learnt from the volumes.
        "-master.resumeState=false",
        "-volume.preStopSeconds=0",
    )


def _sockets(ports: Mapping[str, int]) -> tuple[Path, ...]:
    """Name the Unix sockets that SeaweedFS makes beside its ports, always in /tmp, and leaves there."""
    grpc = {name.partition(".")[0]: port for name, port in ports.items() if name.endswith(".grpc")}
    return (
        *(Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock") for part, port in grpc.items()),  # noqa: S108 - its choice
        Path(f"/tmp/seaweedfs-s3-{ports['s3.port']}.sock"),  # noqa: S108
        Path(f"/tmp/seaweedfs-filer-{ports['filer.port']}.sock"),  # noqa: S108
    )


async def _ready(s3: int, master: int) -> None:
    """Return when a write would go through: S3 knows its keys, and the master knows a place to put data."""
    async with loopback_client() as client:
        await until(partial(_says, client, f"http://{LOOPBACK}:{s3}/", b"<Code>AccessDenied</Code>"))
        await until(partial(_says, client, f"http://{LOOPBACK}:{master}/dir/status", b'"DataNodes":[{'))


async def _says(client: httpx.AsyncClient, url: str, words: bytes) -> bool:
    return words in (await get(client, url) or b"")
