"""The local MongoDB: a replica set of one, as transactions and change streams need."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pymongo import MongoClient  # noqa: TID251 - administers the server it starts; no job data
from pymongo.errors import OperationFailure, PyMongoError  # noqa: TID251 - the same

from imagegen.local.binaries import MONGOD, find
from imagegen.local.server import LOOPBACK, Server, listens, until
from imagegen.settings import LocalSettings

PORTS = ("mongodb",)

_SET = "rs0"
_ALREADY_INITIALIZED = 23  # mongo/base/error_codes.yml

Document = dict[str, object]


def server(directory: Path, ports: Mapping[str, int], programs: LocalSettings) -> Server:
    """Describe the mongod that keeps its data in `directory/mongodb`.

    Raises:
        LocalServerError: there is no mongod.
    """
    data, port = directory / "mongodb", ports["mongodb"]
    url = f"mongodb://{LOOPBACK}:{port}/?directConnection=true"
    return Server(
        name="mongodb",
        group="mongodb",
        address={"url": url},
        command=(find(MONGOD, programs.mongod), *_options(data, port)),
        directory=data,
        ready=partial(_ready, url, port),
        remedy=_remedy,
    )


def _options(data: Path, port: int) -> tuple[str, ...]:
    return (
        *("--dbpath", str(data), "--port", str(port), "--bind_ip", LOOPBACK, "--nounixsocket", "--replSet", _SET),
        *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
        *("--networkMessageCompressors", "disabled"),  # CVE-2025-14847 reads memory through zlib
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--wiredTigerEngineConfigString", "log=(file_max=16MB)"),  # 49 MB for an empty database, not 301
    )


async def _ready(url: str, port: int) -> None:
    """Return when writes are accepted; make the replica set at the first start, move it when its port changed."""
    await until(partial(listens, port))
    client = await asyncio.to_thread(partial(MongoClient[Document], url, serverSelectionTimeoutMS=1000))
    try:
        await until(partial(_accepts_writes, client, f"{LOOPBACK}:{port}"))
    finally:
        await asyncio.to_thread(client.close)


async def _accepts_writes(client: MongoClient[Document], host: str) -> bool:
    return await asyncio.to_thread(_is_primary, client, host)


def _is_primary(client: MongoClient[Document], host: str) -> bool:
    try:
        hello = client.admin.command("hello")
        if hello.get("isreplicaset"):  # started with --replSet, and no member of any set
            _join_set(client, host)
        return bool(hello.get("isWritablePrimary"))
    except PyMongoError:
        return False  # it is still starting; if it stays so, the stack gives up and shows its log


def _join_set(client: MongoClient[Document], host: str) -> None:
    try:
        client.admin.command("replSetInitiate", {"_id": _SET, "members": [{"_id": 0, "host": host}]})
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise
        config = client.admin.command("replSetGetConfig")["config"]
        moved = {**config, "version": config["version"] + 1, "members": [{**config["members"][0], "host": host}]}
        client.admin.command("replSetReconfig", moved, force=True)


def _remedy(log: str) -> str | None:
    """Say what a mongod that cannot even start is missing; the packaged one is built for Ubuntu 22.04."""
    missing = re.search(r"error while loading shared libraries: (\S+?):", log)
    otherwise = "or name another mongod in IMAGEGEN_MONGOD, or set MONGODB_URL to a MongoDB that runs already"
    if missing and missing[1].startswith("libcurl"):
        return f"It needs libcurl4: `apt-get install libcurl4` (Fedora: `dnf install libcurl`), {otherwise}."
    if missing and missing[1].startswith(("libssl", "libcrypto")):
        return f"It needs OpenSSL 3: `apt-get install libssl3` (Fedora: `dnf install openssl-libs`), {otherwise}."
    if missing:
        return f"It needs {missing[1]}: install the system package that has it, {otherwise}."
    if "GLIBC_" in log or "cannot run" in log:
        return f"It needs Linux with glibc 2.34 or newer (Debian 12, Ubuntu 22.04): use such a system, {otherwise}."
    return None
