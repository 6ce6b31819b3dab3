"""Jobs to store, in a database and a stream that no other test uses."""

from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Final
from uuid import uuid4

from pydantic import SecretStr
from pymongo import MongoClient

from imagegen.clock import now
from imagegen.jobs import Idempotency, Job, new_job_id
from imagegen.jobs.cost import Cost
from imagegen.settings import MongoSettings, Settings

_LONGEST: Final = 38
_made: list[tuple[MongoSettings, str]] = []


def drop_databases(left: int) -> None:
    """Drop the databases that were made since there were `left`: MongoDB keeps each of their files open."""
    dropped = _made[left:]
    del _made[left:]
    for settings, names in groupby(dropped, itemgetter(0)):
        assert settings.url is not None
        with MongoClient[dict[str, object]](settings.url.get_secret_value()) as client:
            for _, name in names:
                client.drop_database(name)


def count_databases() -> int:
    """How many databases were made and are not dropped."""
    return len(_made)


def apart(stack: Settings, *, lease: timedelta = timedelta(seconds=30)) -> Settings:
    """The running servers, with a database, a stream and a key at fal of its own: no other test shares its jobs."""
    name = f"apart-{uuid4().hex}"
    _made.append((stack.mongodb, name[:_LONGEST]))
    return stack.model_copy(
        update={
            "fal": stack.fal.model_copy(update={"key": SecretStr(f"{name}:secret-of-{name}")}),
            "mongodb": stack.mongodb.model_copy(update={"database": name[:_LONGEST]}),
            "nats": stack.nats.model_copy(update={"stream": name}),
            "service": stack.service.model_copy(update={"lease": lease}),
        }
    )


def a_job(*, key: str | None = None, age: timedelta = timedelta(0), **given: str) -> Job:
    """A queued job; `given` are its user, its model or its type."""
    created_at = now() - age
    return Job(
        id=new_job_id(created_at),
        user_id=given.get("user_id", "user"),
        model=given.get("model", "flux-pro"),
        type=given.get("type", "image-generation"),
        endpoint="fal-ai/flux-pro/v1.1",
        inputs={"prompt": "a hat"},
        options={},
        payload={"prompt": "a hat"},
        cost=Cost(cost_per_image=Decimal("0.05"), num_images=1),
        created_at=created_at,
        idempotency=None if key is None else Idempotency(caller="user", route="POST /", key=key, body_sha256="0"),
    )
