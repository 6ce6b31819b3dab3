"""A service whose client administers API keys and budgets, and the pages' examples of that."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final
from uuid import uuid4

from imagegen.api.openapi.examples import BUDGET_ID, KEY_ID
from imagegen.keys import KeyScope
from imagegen.settings import Settings
from tests.support.jobs_apart import apart
from tests.support.keys import add_key, bearer
from tests.support.pages import Example
from tests.support.service import Service, running

_KEY: Final[dict[str, object]] = {"name": "Ann's shop", "users": ["user123"], "defaultUser": "user123"}
_BUDGET: Final[dict[str, object]] = {
    "name": "Ann in a month",
    "scope": {"kind": "user", "value": "user123"},
    "amount": 25,
    "period": "month",
}


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
    return example.request.path.startswith(("/api/keys", "/api/budgets", "/api/audit"))


async def about_its_own(example: Example, office: Service) -> Example:
    """The example as its administrator sends it, about a new key and a new budget, and not a repeat."""
    ids = {KEY_ID: await _made(office, "/api/keys", _KEY), BUDGET_ID: await _made(office, "/api/budgets", _BUDGET)}
    key = office.client.headers["Authorization"]
    command = example.command.replace("curl ", f"curl -H 'Authorization: {key}' ", 1)
    return replace(
        example,
        command=_with(ids, command.replace("Idempotency-Key: ", f"Idempotency-Key: {uuid4().hex}-")),
        shown=example.shown and replace(example.shown, text=_with(ids, example.shown.text)),
    )


async def _made(office: Service, path: str, members: dict[str, object]) -> str:
    return (await office.client.post(path, json=members)).json()["id"]


def _with(ids: Mapping[str, str], text: str) -> str:
    for shown, made in ids.items():
        text = text.replace(shown, made)
    return text
