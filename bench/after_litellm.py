"""What a user of LiteLLM still has to do: ask it, fetch the picture, store it in S3, and write down what happened."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import httpx
from fastapi import FastAPI, Request

from bench.connections import Wanted, new_app, open_stores, serve
from bench.litellm import BODY, HEADERS, PATH, URL
from imagegen.settings import Settings

_CONNECTIONS: Final = 1024
_TIMEOUT: Final = 120
_IDLE: Final = 2  # seconds; the proxy closes a connection after five, and a request that meets that fails


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncGenerator[None]:
    limits = httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_IDLE)
    async with (
        open_stores(Settings.read(dotenv=None), "litellm", _CONNECTIONS) as stores,
        httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT, limits=limits) as http,
    ):
        app.state.stores, app.state.http, app.state.url = stores, http, f"{os.environ[URL]}{PATH}"
        yield


app = new_app(_connected)


@app.post("/api/images/generate")
async def generate(wanted: Wanted, request: Request) -> dict[str, str]:
    """One picture, kept."""
    stores, http, url = request.app.state.stores, request.app.state.http, request.app.state.url
    job, key = uuid4().hex, f"litellm/{uuid4().hex}.png"
    await stores.jobs.insert_one({"_id": job, "status": "running", "inputs": wanted.inputs})
    answer = await http.post(url, json={**BODY, **wanted.inputs}, headers=HEADERS)
    result = answer.raise_for_status().json()
    picture = await http.get(result["data"][0]["url"])
    await stores.s3.put_object(Bucket=stores.bucket, Key=key, Body=picture.content, ContentType="image/png")
    await stores.jobs.update_one({"_id": job}, {"$set": {"status": "completed", "key": key, "result": result}})
    return {"job": job, "status": "completed", "key": key}


if __name__ == "__main__":
    serve(app)
