"""A service whose client administers API keys, and the pages' examples of that."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from imagegen.api.openapi.examples import KEY_ID
from imagegen.keys import KeyScope
from imagegen.settings import Settings
from tests.support.jobs_apart import apart
from tests.support.keys import add_key, bearer
from tests.support.pages import Example
from tests.support.service import Service, running


@asynccontextmanager
async def office_of(stack: Settings) -> AsyncGenerator[Service]:
    """A service with an administrator's key: after the first key, every request needs one."""
    own = apart(stack)
    token = await add_key(own, scopes=list(KeyScope))
    async with running(own, with_runner=False) as office:
        office.client.headers.update(bearer(token))
        yield office


def is_about_keys(example: Example) -> bool:
    """Whether the example needs an administrator."""
    return example.request.path.startswith(("/api/keys", "/api/audit"))


async def about_a_key(example: Example, office: Service) -> Example:
    """The example as its administrator sends it, about a key that exists."""
    members = {"name": "Ann's shop", "users": ["user123"], "defaultUser": "user123"}
    key_id = (await office.client.post("/api/keys", json=members)).json()["id"]
    key = office.client.headers["Authorization"]
    return replace(
        example,
        command=example.command.replace("curl ", f"curl -H 'Authorization: {key}' ", 1).replace(KEY_ID, key_id),
        shown=example.shown and replace(example.shown, text=example.shown.text.replace(KEY_ID, key_id)),
    )
