"""Uploads to fal's storage: what is repeated, what is refused, and where the bytes may go."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr

from imagegen.errors import AccountRefused, ProviderError, ProviderRejected, SubmissionNotSent
from imagegen.fal import FalTimeouts
from imagegen.fal.uploads import FalStorage
from tests.support.scripted_http import Scripted

HOME = "https://rest.fal.example"
TOKEN = {"token": "of-one-upload", "token_type": "Bearer", "base_url": "https://v3.fal.media"}
QUICK = FalTimeouts(submit_attempts=3, first_submit_pause=timedelta(0), submit_retry_window=timedelta(seconds=5))


def token(**changes: str) -> httpx.Response:
    return httpx.Response(200, json={**TOKEN, **changes})


UPLOADED = httpx.Response(200, json={"access_url": "https://v3.fal.media/files/a.png"})
LOCKED = httpx.Response(403, json={"detail": "User is locked. Reason: Exhausted balance."})


class Fal:
    """fal's storage: the given responses, in order."""

    def __init__(self, *responses: httpx.Response) -> None:
        self.responses, self.requests = list(responses), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.responses.pop(0)

    async def upload(self) -> str:
        storage = FalStorage(HOME, SecretStr("key:secret"), Scripted(self), QUICK)
        return await storage.upload(b"bytes", "image/png", "a.png")


async def test_key_stays_with_fal_and_the_token_goes_to_the_media_host() -> None:
    fal = Fal(token(), UPLOADED)

    assert await fal.upload() == "https://v3.fal.media/files/a.png"
    assert [(str(request.url), request.headers["Authorization"]) for request in fal.requests] == [
        (f"{HOME}/storage/auth/token?storage_type=fal-cdn-v3", "Key key:secret"),
        ("https://v3.fal.media/files/upload", "Bearer of-one-upload"),
    ]


@pytest.mark.parametrize(
    "trouble",
    [httpx.Response(503), httpx.Response(429), httpx.Response(200, text="<html>"), httpx.Response(200, json={})],
    ids=["unavailable", "too many requests", "a page", "no token"],
)
async def test_upload_is_repeated_after_a_passing_trouble(trouble: httpx.Response) -> None:
    fal = Fal(trouble, token(), httpx.Response(502), token(), UPLOADED)

    assert await fal.upload() == "https://v3.fal.media/files/a.png"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (lambda: LOCKED, AccountRefused),
        (lambda: httpx.Response(413, json={"detail": "too large"}), ProviderRejected),
        (lambda: httpx.Response(422, json={"detail": "no such type"}), ProviderRejected),
    ],
    ids=["locked account", "too large", "unknown type"],
)
@pytest.mark.parametrize("has_token", [False, True], ids=["for the token", "for the file"])
async def test_refusal_is_not_repeated(
    response: Callable[[], httpx.Response], error: type[ProviderError], *, has_token: bool
) -> None:
    fal = Fal(*([token()] if has_token else []), response())

    with pytest.raises(error):
        await fal.upload()

    assert fal.responses == []


async def test_upload_is_given_up_after_all_attempts() -> None:
    fal = Fal(*[httpx.Response(503)] * QUICK.submit_attempts)

    with pytest.raises(SubmissionNotSent):
        await fal.upload()

    assert fal.responses == []


@pytest.mark.parametrize(
    "base_url",
    [
        "https://evil.example",
        "http://v3.fal.media",
        "https://user@v3.fal.media",
        "https://fal.media.evil.example",
        "//[",
    ],
)
async def test_no_image_goes_to_a_foreign_host(base_url: str) -> None:
    fal = Fal(*[token(base_url=base_url)] * QUICK.submit_attempts)

    with pytest.raises(SubmissionNotSent, match="foreign host"):
        await fal.upload()

    assert {request.url.host for request in fal.requests} == {"rest.fal.example"}
