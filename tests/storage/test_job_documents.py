"""A job read from MongoDB equals the stored one, whatever JSON it carries."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import is_dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

import pytest
from bson import BSON, Decimal128  # noqa: TID251 - reads what is really stored, without our codec
from bson.codec_options import CodecOptions  # noqa: TID251 - encodes as storage/mongodb.py has the driver do it
from motor.motor_asyncio import AsyncIOMotorClient  # noqa: TID251 - reads what is really stored
from pydantic import JsonValue

from imagegen.jobs import IMAGE_GENERATION, Job, Lease, ProviderResult
from imagegen.jobs.cost import Cost
from imagegen.settings import Settings
from imagegen.storage.jobs.documents import DECIMALS, from_document, to_document
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import open_stores
from tests.support.jobs_apart import a_job, apart
from tests.support.properties import given, st

_BSON: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, type_registry=DECIMALS)
_TEXT = st.text(st.characters(codec="utf-8"))
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.sampled_from(
    ["", ".", "a.b", "$set", "$ref", "$id", "_id", "$numberLong", "id", "userId"]
)
_JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner),
    max_leaves=12,
)
_MONEY = st.decimals(min_value=0, max_value=10**6, places=12)
_TIMES = st.integers(0, 10**14).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, 0, 0, milliseconds)
)
_PLAIN: Mapping[type, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    str: _TEXT,
    int: st.integers(0, 2**63 - 1),
    bool: st.booleans(),
    Decimal: _MONEY,
    datetime: _TIMES,
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """A strategy for any value that a field's annotation allows."""
    kinds = get_args(hint)
    if get_origin(hint) is UnionType:
        return st.one_of(*(any_of(kind) for kind in kinds))
    if get_origin(hint) is tuple:
        return st.lists(any_of(kinds[0]), max_size=2).map(tuple)
    if get_origin(hint) is Mapping:
        return st.dictionaries(_NAMES, _JSON, max_size=3)
    if isinstance(hint, type) and is_dataclass(hint):
        return st.builds(hint, **{name: any_of(kind) for name, kind in get_type_hints(hint).items()})
    return _PLAIN[hint] if hint in _PLAIN else st.sampled_from(list(cast("type[StrEnum]", hint)))


def nested(levels: int) -> JsonValue:
    value: JsonValue = 1
    for _ in range(levels):
        value = [{"": value}]
    return value


HOSTILE: Mapping[str, JsonValue] = {
    "": [],
    "a.b": {"$c": {".": None, "$set": {"x": 1}}},
    "$ref": {"$ref": "jobs", "$id": 1},
    "references": [{"$id": {"$oid": "0"}, "$ref": 7, "$db": []}, {"$id": 1}, {"$ref": None, "$id": {}}],
    "large": [2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**33 + 1, 10**50 + 1],
    "small": [0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, 1.0],
    "words": ["", "\0", "\u2028", "\U0001f642", "2020-01-01T00:00:00Z", "NaN"],
    "flags": [True, False, None, 1, 0],
    "lists": [[], [[]], {}, [{}]],
    "deep": nested(150),
}


@given(any_of(Job))
def test_any_job_survives_the_document_round_trip(job: Job) -> None:
    document = BSON.encode(to_document(job), codec_options=_BSON).decode(_BSON)

    assert as_json(from_document(document)) == as_json(job)
    assert from_document(document) == job


def as_json(job: Job) -> str:
    """The job's JSON as text, in which 1, 1.0 and true differ, and so do -0.0 and 0.0."""
    payload = job.result and job.result.payload
    return json.dumps([job.inputs, job.options, job.payload, payload], sort_keys=True)


@pytest.fixture(scope="module")
async def apart_settings(stack: Settings) -> Settings:
    return apart(stack)


@pytest.fixture(scope="module")
async def jobs(apart_settings: Settings) -> AsyncGenerator[Jobs]:
    async with open_stores(apart_settings.mongodb) as stores:
        yield stores.jobs


async def test_hostile_json_survives_mongodb(jobs: Jobs) -> None:
    stored, _ = await jobs.insert(replace(a_job(), inputs=HOSTILE, options=HOSTILE, payload=HOSTILE))
    leased = await jobs.claim(stored.id, "runner", timedelta(seconds=30))
    assert leased is not None
    result = ProviderResult(images=(), billable_units=Decimal("1.50"), payload=HOSTILE)
    moved = await jobs.save(replace(leased, version=leased.version + 1, result=result))

    back = await jobs.get(stored.id)

    assert (back, as_json(back)) == (moved, as_json(moved))


async def test_document_has_decimals_dates_and_no_empty_idempotency(jobs: Jobs, apart_settings: Settings) -> None:
    job = a_job()
    await jobs.insert(job)
    assert apart_settings.mongodb.url is not None
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        apart_settings.mongodb.url.get_secret_value(), tz_aware=True
    )

    document = await client[apart_settings.mongodb.database]["jobs"].find_one({"_id": job.id})
    client.close()

    assert document == {
        "_id": job.id,
        "schema": 1,
        "userId": "user",
        "type": IMAGE_GENERATION,
        "priority": "normal",
        "status": "queued",
        "version": 1,
        "generation": 0,
        "model": "flux-pro",
        "endpoint": "fal-ai/flux-pro/v1.1",
        "inputs": {"prompt": "a hat"},
        "options": {},
        "payload": {"prompt": "a hat"},
        "cost": {
            "costPerImage": Decimal128("0.05"),
            "numImages": 1,
            "totalCost": Decimal128("0.05"),
            "currency": "USD",
            "providerUnits": None,
            "providerCost": None,
            "source": "estimated",
            "providerUnit": None,
            "providerUnitPrice": None,
            "providerNote": None,
            "requestCost": Decimal128("0"),
            "maxCost": None,
            "bySize": None,
            "imagesCost": None,
        },
        "lease": {"runner": None, "epoch": 0, "until": None, "taken": 0},
        "submission": {
            "state": "none",
            "intendedAt": None,
            "request": None,
            "webhookDigest": None,
            "payload": None,
            "counted": True,
            "endedAt": None,
            "failure": None,
            "failureType": None,
        },
        "transfer": {
            "attempts": 0,
            "unreadable": 0,
            "gone": 0,
            "firstFailedAt": None,
            "lastError": None,
            "stored": [],
            "missing": [],
        },
        "result": None,
        "images": [],
        "missingImages": [],
        "error": None,
        "attention": None,
        "deadline": None,
        "picturesAsked": None,
        "cancelRequestedAt": None,
        "stop": None,
        "hold": None,
        "webhookUrl": None,
        "createdAt": job.created_at,
        "startedAt": None,
        "generatingAt": None,
        "resultAt": None,
        "completedAt": None,
        "inputKeys": [],
        "deletion": None,
        "retryOf": None,
        "trace": None,
    }


def test_images_requested_keeps_its_stored_name() -> None:
    job = replace(a_job(), images_requested=2)
    document = to_document(job)

    assert (document["picturesAsked"], from_document(document)) == (2, job)


def test_document_of_another_version_is_read() -> None:
    job = a_job()
    document = {**to_document(job), "later": {"added": 1}, "lease": {"epoch": 3, "colour": "red"}}
    del document["transfer"]

    assert from_document(document) == replace(job, lease=Lease(epoch=3))


def test_job_of_the_last_release_reserves_what_it_did() -> None:
    job = replace(a_job(), images_requested=3, cost=Cost(cost_per_image=Decimal("0.05"), num_images=3))
    document = to_document(job)
    cost = cast("dict[str, object]", document["cost"])
    for name in ("requestCost", "maxCost", "bySize", "imagesCost"):
        del cost[name]
    cost["totalCost"] = Decimal("0.15")

    read = from_document(document)

    assert (read, read.max_cost, read.cost.total_cost) == (job, Decimal("0.15"), Decimal("0.15"))


def test_documents_stay_within_mongodbs_nesting_limit() -> None:
    assert levels(to_document(replace(a_job(), payload=HOSTILE))) <= 100


def levels(value: object) -> int:
    if not isinstance(value, dict | list):
        return 0
    parts = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    return 1 + max((levels(part) for part in parts), default=0)
