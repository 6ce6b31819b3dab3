"""Jobs to store, in a database and on a stream where no runner of another test finds them."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from imagegen.costs import Cost
from imagegen.jobs import Idempotency, Job, new_job_id
from imagegen.settings import Settings
from imagegen.wiring import now


def apart(stack: Settings, *, lease: timedelta = timedelta(seconds=30)) -> Settings:
    """The running servers, with a database and a stream of nobody else's."""
    name = f"apart-{uuid4().hex}"
    return stack.model_copy(
        update={
            "mongodb": stack.mongodb.model_copy(update={"database": name[:38]}),
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
