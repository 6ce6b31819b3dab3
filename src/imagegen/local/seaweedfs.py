"""The local S3: SeaweedFS with all its parts in one process. Only its S3 port answers, and only callers with a key."""

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import httpx
from botocore.auth import S3SigV4Auth  # noqa: TID251 - probes the server that it starts; no images  # pyright: ignore[reportMissingTypeStubs] - none there
from botocore.awsrequest import AWSRequest  # noqa: TID251 - the same  # pyright: ignore[reportMissingTypeStubs] - the same
from botocore.credentials import Credentials  # noqa: TID251 - the same  # pyright: ignore[reportMissingTypeStubs] - the same
from pydantic import BaseModel

from imagegen.local.binaries import WEED, find
from imagegen.local.credentials import load_or_create
from imagegen.local.seaweedfs_security import secure
from imagegen.local.server import LOOPBACK, LocalServer, loopback_client, poll_until
from imagegen.settings import Settings

BUCKET = "imagegen"
_NO_ORIGIN = "https://none.invalid"  # an empty list would allow every origin
_PROBE, _REGION = "imagegen-local/ready", "us-east-1"
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
"""All options of `weed mini` that name a port. An option left out would use its well-known number."""


class _Credentials(BaseModel):
    accessKey: str  # noqa: N815 - SeaweedFS's names in this class and the two below
    secretKey: str  # noqa: N815


class _Identity(BaseModel):
    name: str = "admin"
    credentials: tuple[_Credentials, ...]
    actions: tuple[str, ...] = ("Admin", "Read", "Write", "List", "Tagging")


class _Config(BaseModel):
    identities: tuple[_Identity, ...]


def server(directory: Path, ports: Mapping[str, int], settings: Settings) -> LocalServer:
    """The SeaweedFS with its data in `directory/s3` and its keys in `directory/s3.json`.

    Raises:
        LocalServerError: there is no weed.
    """
    program, data, config = find(WEED, settings.local.weed), directory / "s3", directory / "s3.json"
    # Without keys, SeaweedFS would accept every caller.
    keys = _Config.model_validate_json(load_or_create(config, _new_config)).identities[0].credentials[0]
    secure(data)
    url = f"http://{LOOPBACK}:{ports['s3.port']}"
    return LocalServer(
        name="s3",
        group="s3",
        address={
            "bucket": BUCKET,
            "endpoint_url": url,
            "access_key_id": keys.accessKey,
            "secret_access_key": keys.secretKey,
        },
        command=(program, *_options(data, config, ports, settings.limits.origins)),
        directory=data,
        ready=partial(_ready, f"{url}/{BUCKET}/{_PROBE}", keys),
        leftover_sockets=_sockets(ports),
    )


def _new_config() -> str:
    keys = _Credentials(accessKey=secrets.token_hex(10), secretKey=secrets.token_hex(20))
    return _Config(identities=(_Identity(credentials=(keys,)),)).model_dump_json(indent=2)


def _options(data: Path, config: Path, ports: Mapping[str, int], origins: Sequence[str]) -> tuple[str, ...]:
    return (
        *("-logtostderr=true", "mini", f"-dir={data}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"),
        *(f"-{name}={ports[name]}" for name in PORTS),
        *(
            f"-s3.config={config}",
            f"-s3.allowedOrigins={','.join(origins) or _NO_ORIGIN}",
            "-disableHttp",  # of the master and the filer; S3 and the volumes have HTTP only
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
        ),
        # With its old election state, the master is sometimes not the leader when the volumes first report to it. They
        # report again 5 s later, and writes hang until then. The master learns all of that state from the volumes.
        "-master.resumeState=false",
        "-volume.preStopSeconds=0",
    )


def _sockets(ports: Mapping[str, int]) -> tuple[Path, ...]:
    """The Unix sockets that SeaweedFS creates beside its ports, always in /tmp, and does not remove."""
    grpc = {name.partition(".")[0]: port for name, port in ports.items() if name.endswith(".grpc")}
    return (
        *(Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock") for part, port in grpc.items()),  # noqa: S108 - chosen by SeaweedFS
        Path(f"/tmp/seaweedfs-s3-{ports['s3.port']}.sock"),  # noqa: S108
        Path(f"/tmp/seaweedfs-filer-{ports['filer.port']}.sock"),  # noqa: S108
    )


async def _ready(probe: str, keys: _Credentials) -> None:
    """Return once a write succeeds: S3 then knows its keys, and the master has a volume for data."""
    async with loopback_client() as client:
        await poll_until(partial(_succeeds, client, "PUT", probe, keys))
        await _succeeds(client, "DELETE", probe, keys)


async def _succeeds(client: httpx.AsyncClient, method: str, url: str, keys: _Credentials) -> bool:
    request = AWSRequest(method=method, url=url)
    S3SigV4Auth(Credentials(keys.accessKey, keys.secretKey), "s3", _REGION).add_auth(request)  # pyright: ignore[reportUnknownMemberType] - no stubs
    headers = {str(name): str(value) for name, value in request.headers.items()}  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType] - no stubs
    try:
        return (await client.request(method, url, headers=headers)).is_success
    except httpx.TransportError:
        return False
