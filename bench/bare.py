"""The ceiling: a bare route that does only what cannot be avoided, with the same libraries as imagegen.

One submit, one wait, one result, one picture, one upload and three writes; nothing is checked, leased or announced.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import aiohttp
import httpx
from fastapi import FastAPI, Request
from httpx_aiohttp import AiohttpTransport

from bench.connections import Wanted, new_app, open_stores, serve
from imagegen.settings import Settings

_CONNECTIONS: Final = 1024


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncGenerator[None]:
    settings = Settings.read(dotenv=None)
    async with (
        open_stores(settings, "bare", _CONNECTIONS) as stores,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS)) as session,
        httpx.AsyncClient(transport=AiohttpTransport(client=session), trust_env=False, timeout=120) as http,
    ):
        app.state.stores, app.state.http, app.state.fal = stores, http, settings.fal.queue_url
        yield


app = new_app(_connected)


@app.post("/api/images/generate")
async def generate(wanted: Wanted, request: Request) -> dict[str, str]:
    """One picture by the shortest way."""
    stores, http, fal = request.app.state.stores, request.app.state.http, request.app.state.fal
    job, key = uuid4().hex, f"bare/{uuid4().hex}.png"
    await stores.jobs.insert_one({"_id": job, "status": "queued", "inputs": wanted.inputs})
    accepted = (await http.post(f"{fal}/fal-ai/flux/dev", json=wanted.inputs)).json()
    await stores.jobs.update_one({"_id": job}, {"$set": {"status": "running", "request": accepted}})
    await http.get(f"{accepted['status_url']}/stream")  # the stream ends when the request does
    result = (await http.get(accepted["response_url"])).json()
    picture = await http.get(result["images"][0]["url"])
    await stores.s3.put_object(Bucket=stores.bucket, Key=key, Body=picture.content, ContentType="image/png")
    await stores.jobs.update_one({"_id": job}, {"$set": {"status": "completed", "key": key, "result": result}})
    return {"job": job, "status": "completed", "key": key}


if __name__ == "__main__":
    serve(app)
