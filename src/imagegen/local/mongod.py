"""The local MongoDB: a replica set of one, which transactions and change streams need, with a password.

A replica set with passwords needs a key file. Its key authenticates MongoDB's internal user `__system`, which is not
stored in the database. So a database without users, created by imagegen 0.1.0, is opened in the same way as a new one.
The password of imagegen's user is derived from the key.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pymongo import MongoClient  # noqa: TID251 - administers the server that it starts; no job data
from pymongo.errors import OperationFailure, PyMongoError  # noqa: TID251 - the same

from imagegen.local.binaries import MONGOD, find
from imagegen.local.credentials import USER, load_or_create
from imagegen.local.server import LOOPBACK, LocalServer, is_listening, poll_until
from imagegen.settings import Settings

PORTS = ("mongodb",)

_SET = "rs0"
_ALREADY_INITIALIZED, _WRONG_PASSWORD, _USER_EXISTS = 23, 18, 51003  # mongo/base/error_codes.yml
_FEWEST_ROUNDS = 5000  # of SCRAM-SHA-256; few, because the password is random and each new connection computes them

Document = dict[str, object]


def server(directory: Path, ports: Mapping[str, int], settings: Settings) -> LocalServer:
    """The mongod with its data in `directory/mongodb`.

    Raises:
        LocalServerError: there is no mongod.
    """
    data, port, key_file = directory / "mongodb", ports["mongodb"], directory / "mongodb.key"
    key = load_or_create(key_file, partial(secrets.token_hex, 32))
    url = f"mongodb://{USER}:{_password(key)}@{LOOPBACK}:{port}/?directConnection=true&authSource=admin"
    return LocalServer(
        name="mongodb",
        group="mongodb",
        address={"url": url},
        command=(find(MONGOD, settings.local.mongod), *_options(data, port, key_file)),
        directory=data,
        ready=partial(_ready, url, port, key),
        remedy=_remedy,
    )


def _password(key: str) -> str:
    return hmac.digest(key.encode(), USER.encode(), hashlib.sha256).hex()


def _options(data: Path, port: int, key_file: Path) -> tuple[str, ...]:
    return (
        *("--dbpath", str(data), "--port", str(port), "--bind_ip", LOOPBACK, "--nounixsocket", "--replSet", _SET),
        *("--keyFile", str(key_file), "--setParameter", f"scramSHA256IterationCount={_FEWEST_ROUNDS}"),
        *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
        *("--networkMessageCompressors", "disabled"),  # CVE-2025-14847 reads memory through zlib
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # Files of dropped collections stay open for so many seconds: by default 300.
        *("--setParameter", "minSnapshotHistoryWindowInSeconds=30"),
        *("--wiredTigerEngineConfigString", "log=(file_max=16MB)"),  # 49 MB for an empty database instead of 301 MB
    )


async def _ready(url: str, port: int, key: str) -> None:
    """Return once imagegen's user may write. Creates the replica set and the user at the first start.

    If the port has changed, the replica set is reconfigured.
    """
    await poll_until(partial(is_listening, port))
    client = await asyncio.to_thread(_system_client, port, key)
    try:
        await poll_until(partial(_accepts_writes, client, f"{LOOPBACK}:{port}"))
        await asyncio.to_thread(_ensure_user, client, url, _password(key))
    finally:
        await asyncio.to_thread(client.close)


def _system_client(port: int, key: str) -> MongoClient[Document]:
    url = f"mongodb://__system:{key}@{LOOPBACK}:{port}/?directConnection=true&authSource=local"
    return MongoClient(f"{url}&authMechanism=SCRAM-SHA-256", serverSelectionTimeoutMS=1000)


def _ensure_user(client: MongoClient[Document], url: str, password: str) -> None:
    """Create imagegen's user, or set its password, unless it can already log in."""
    with MongoClient[Document](url, serverSelectionTimeoutMS=1000) as own:
        try:
            own.admin.command("ping")
        except OperationFailure as error:
            if error.code != _WRONG_PASSWORD:
                raise
            _create_user(client, password)


def _create_user(client: MongoClient[Document], password: str) -> None:
    rights = {"pwd": password, "roles": ["root"], "mechanisms": ["SCRAM-SHA-256"]}
    try:
        client.admin.command({"createUser": USER, **rights})
    except OperationFailure as error:
        if error.code != _USER_EXISTS:
            raise
        client.admin.command({"updateUser": USER, **rights})


async def _accepts_writes(client: MongoClient[Document], host: str) -> bool:
    return await asyncio.to_thread(_is_primary, client, host)


def _is_primary(client: MongoClient[Document], host: str) -> bool:
    try:
        hello = client.admin.command("hello")
        if hello.get("isreplicaset"):  # started with --replSet, but not a member of a set
            _join_replica_set(client, host)
        return bool(hello.get("isWritablePrimary"))
    except PyMongoError:
        return False  # it is starting; if that does not end, the stack gives up and shows the log


def _join_replica_set(client: MongoClient[Document], host: str) -> None:
    try:
        client.admin.command("replSetInitiate", {"_id": _SET, "members": [{"_id": 0, "host": host}]})
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise
        config = client.admin.command("replSetGetConfig")["config"]
        changed = {**config, "version": config["version"] + 1, "members": [{**config["members"][0], "host": host}]}
        client.admin.command("replSetReconfig", changed, force=True)


def _remedy(log: str) -> str | None:
    """What a mongod that cannot start is missing. The packaged one is built for Ubuntu 22.04."""
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
