"""The requests, in one SQLite file under the data directory.

Every acknowledged write survives `kill -9` (write-ahead log). All calls run in one worker thread, so each is atomic.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Json, JsonValue

from imagegen.sandbox.outcomes import RequestOutcome, cancelled

State: TypeAlias = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
CancelStatus: TypeAlias = Literal["OK", "CANCELLATION_REQUESTED", "ALREADY_COMPLETED"]
T = TypeVar("T")

_TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    endpoint TEXT NOT NULL, app TEXT NOT NULL, body TEXT NOT NULL, headers TEXT NOT NULL, query TEXT NOT NULL,
    seed INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'IN_QUEUE', cancelling INTEGER NOT NULL DEFAULT 0,
    logs TEXT NOT NULL DEFAULT '[]', outcome TEXT, submitted_at REAL NOT NULL, started_at REAL, completed_at REAL);
CREATE INDEX IF NOT EXISTS by_owner ON requests (owner, place);
CREATE INDEX IF NOT EXISTS waiting ON requests (app, place) WHERE state = 'IN_QUEUE';
CREATE INDEX IF NOT EXISTS unfinished ON requests (place) WHERE state != 'COMPLETED';
CREATE TABLE IF NOT EXISTS refusals (
    place INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, endpoint TEXT NOT NULL, reason TEXT NOT NULL,
    at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submit as received. `owner` is the key's hash, `app` the part of the endpoint that is in request URLs."""

    id: str
    owner: str
    endpoint: str
    app: str
    body: JsonValue
    headers: dict[str, str]
    query: dict[str, str]
    seed: int


class StoredRequest(BaseModel):
    """A request as stored; times are seconds since the Unix epoch."""

    model_config = ConfigDict(frozen=True)

    place: int
    id: str
    owner: str = Field(repr=False)
    endpoint: str
    app: str
    body: Json[JsonValue]
    headers: Json[dict[str, str]]
    query: Json[dict[str, str]]
    seed: int
    state: State
    cancelling: bool
    logs: Json[list[dict[str, str]]]
    outcome: Json[RequestOutcome] | None
    submitted_at: float
    started_at: float | None
    completed_at: float | None


class RefusedSubmit(BaseModel):
    """A submit that was read but not accepted."""

    endpoint: str
    reason: str
    at: float


class RequestStore:
    """Requests by id, with a method for each transition. Close it to end its thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-store")
        self._watched: dict[str, asyncio.Event] = {}

    async def open(self) -> None:
        """Open the file; create it if it does not exist."""
        self._database = await self._run(self._connect)

    async def close(self) -> None:
        """Close the file. No method may be called afterwards."""
        await self._run(self._database.close)
        self._thread.shutdown()

    async def add(self, new: Submission) -> tuple[StoredRequest, int]:
        """Store a new request. Returns it, and how many requests for the same app are ahead of it."""
        values = (new.id, new.owner, new.endpoint, new.app, json.dumps(new.body), json.dumps(new.headers))
        values = (*values, json.dumps(new.query), new.seed, time.time())
        rows = await self._read(
            "INSERT INTO requests (id, owner, endpoint, app, body, headers, query, seed, submitted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            values,
        )
        stored = StoredRequest.model_validate(dict(rows[0]))
        return stored, await self.ahead_of(stored)

    async def add_refusal(self, owner: str, endpoint: str, reason: str) -> None:
        """Store a submit that was read but not accepted."""
        await self._write(
            "INSERT INTO refusals (owner, endpoint, reason, at) VALUES (?, ?, ?, ?)",
            (owner, endpoint, reason, time.time()),
        )

    async def find(self, request_id: str) -> StoredRequest | None:
        """The request; None if there is none."""
        rows = await self._read("SELECT * FROM requests WHERE id = ?", (request_id,))
        return StoredRequest.model_validate(dict(rows[0])) if rows else None

    async def requests_of(self, owner: str) -> list[StoredRequest]:
        """The requests of a key, oldest first."""
        rows = await self._read("SELECT * FROM requests WHERE owner = ? ORDER BY place", (owner,))
        return [StoredRequest.model_validate(dict(row)) for row in rows]

    async def refusals(self, owner: str) -> list[RefusedSubmit]:
        """The refused submits of a key, oldest first."""
        rows = await self._read("SELECT * FROM refusals WHERE owner = ? ORDER BY place", (owner,))
        return [RefusedSubmit.model_validate(dict(row)) for row in rows]

    async def unfinished(self) -> list[StoredRequest]:
        """Every request that is not COMPLETED, oldest first."""
        rows = await self._read("SELECT * FROM requests WHERE state != 'COMPLETED' ORDER BY place")
        return [StoredRequest.model_validate(dict(row)) for row in rows]

    async def ahead_of(self, request: StoredRequest) -> int:
        """How many queued requests for the same app are ahead of this one. Low priority comes after all others."""
        low = """(json_extract(headers, '$."x-fal-queue-priority"') IS 'low')"""
        mine = request.headers.get("x-fal-queue-priority") == "low"
        rows = await self._read(
            "SELECT count(*) AS n FROM requests WHERE state = 'IN_QUEUE' AND app = ?"  # noqa: S608  # `low` is a literal
            f" AND ({low} < ? OR ({low} = ? AND place < ?))",
            (request.app, mine, mine, request.place),
        )
        return int(rows[0]["n"])

    async def begin(self, request_id: str) -> bool:
        """From IN_QUEUE to IN_PROGRESS; False if it is no longer in the queue."""
        return await self._transition(
            request_id,
            "state = 'IN_PROGRESS', started_at = ? WHERE id = ? AND state = 'IN_QUEUE'",
            (time.time(), request_id),
        )

    async def log(self, request_id: str, message: str) -> bool:
        """Append a log line; True if a cancel has been requested."""
        now = datetime.now(UTC).isoformat()
        line = json.dumps({"message": message, "timestamp": now, "level": "INFO", "source": "USER"})
        rows = await self._read(
            "UPDATE requests SET logs = json_insert(logs, '$[#]', json(?)) WHERE id = ? RETURNING cancelling",
            (line, request_id),
        )
        self._announce(request_id)
        return bool(rows[0]["cancelling"])

    async def finish(self, request_id: str, outcome: RequestOutcome) -> bool:
        """To COMPLETED; False if it was already."""
        return await self._transition(
            request_id,
            "state = 'COMPLETED', outcome = ?, completed_at = ? WHERE id = ? AND state != 'COMPLETED'",
            (outcome.model_dump_json(), time.time(), request_id),
        )

    async def cancel(self, request_id: str) -> CancelStatus:
        """Remove the request from the queue, or ask its generation to stop."""
        was_queued = await self._transition(
            request_id,
            "state = 'COMPLETED', outcome = ?, completed_at = ? WHERE id = ? AND state = 'IN_QUEUE'",
            (cancelled().model_dump_json(), time.time(), request_id),
        )
        if was_queued:
            return "OK"
        asked = await self._transition(
            request_id, "cancelling = 1 WHERE id = ? AND state = 'IN_PROGRESS'", (request_id,)
        )
        return "CANCELLATION_REQUESTED" if asked else "ALREADY_COMPLETED"

    def watch(self, request_id: str) -> asyncio.Event:
        """An event that is set at the request's next change. Call this before reading the request, to miss none."""
        return self._watched.setdefault(request_id, asyncio.Event())

    async def _transition(self, request_id: str, change: str, values: tuple[object, ...]) -> bool:
        changed = await self._write(f"UPDATE requests SET {change}", values) == 1  # noqa: S608  # `change` is a literal above
        if changed:
            self._announce(request_id)
        return changed

    def _announce(self, request_id: str) -> None:
        if event := self._watched.pop(request_id, None):
            event.set()

    async def _write(self, statement: str, values: tuple[object, ...]) -> int:
        return await self._run(lambda: self._database.execute(statement, values).rowcount)

    async def _read(self, statement: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        return await self._run(lambda: self._database.execute(statement, values).fetchall())

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _connect(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._file, isolation_level=None)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_TABLES)
        return database
