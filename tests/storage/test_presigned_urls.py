"""Signed URLs are identical to those of botocore."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import cast
from urllib.parse import parse_qs, urlsplit

import aioboto3  # noqa: TID251 # pyright: ignore[reportMissingTypeStubs] - only its S3 client has stubs
import pytest
from aiobotocore.config import AioConfig  # pyright: ignore[reportMissingTypeStubs] - as above
from types_aiobotocore_s3 import S3Client

from imagegen.storage.images.presign import UrlSigner

_HOUR = timedelta(hours=1)
_KEYS = ["images/u/2026/11/01J/1-0.png", "images/a=20b/1~.png", "images/ü ß/@+&?#%41/=.png"]


@asynccontextmanager
async def _signing(token: str | None, endpoint: str | None) -> AsyncGenerator[tuple[UrlSigner, S3Client]]:
    session, context = await asyncio.to_thread(_new_client, token, endpoint)
    client = await asyncio.to_thread(asyncio.run, context.__aenter__())
    yield UrlSigner(client, session, "pictures"), client
    await context.__aexit__(None, None, None)


def _new_client(
    token: str | None, endpoint: str | None
) -> tuple[aioboto3.Session, AbstractAsyncContextManager[S3Client]]:
    session = aioboto3.Session("AKIDEXAMPLE", "secret", token, region_name="eu-central-1")
    config = AioConfig(signature_version="s3v4")
    client = session.client("s3", config=config, endpoint_url=endpoint)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    return session, cast("AbstractAsyncContextManager[S3Client]", client)


def _moment(link: str) -> str:
    return parse_qs(urlsplit(link).query)["X-Amz-Date"][0]


@pytest.mark.parametrize("token", [None, "token/of+a=role"])
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9000"])
@pytest.mark.parametrize("disposition", ["", 'attachment; filename="1-0.png"'], ids=["plain", "download"])
async def test_signed_url_equals_botocores(endpoint: str | None, token: str | None, disposition: str) -> None:
    more = {"ResponseContentDisposition": disposition} if disposition else {}
    async with _signing(token, endpoint) as (links, client):
        for key in _KEYS:
            wanted = {"Bucket": "pictures", "Key": key, **more}
            ours, theirs = "", "?X-Amz-Date=other"
            while _moment(ours or "?X-Amz-Date=none") != _moment(theirs):  # both in the same second
                ours = await links.sign(key, _HOUR, disposition)
                theirs = await client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=3600)

            assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)
            assert ours.partition("?")[0] == theirs.partition("?")[0]
