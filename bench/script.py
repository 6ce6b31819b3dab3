"""The script that users have today, behind a route so that the same load meets it.

fal_client.subscribe, a download, an upload with aioboto3, and two writes with Motor; with one client of each kind,
which is more than most scripts do.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import fal_client
import fal_client.client
import httpx
from fastapi import FastAPI, Request

from bench.connections import Wanted, new_app, open_stores, serve
from imagegen.settings import Settings

_DEFAULT_POOL: Final = 10


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncGenerator[None]:
    settings = Settings.read(dotenv=None)
    # fal-client knows fal's own host over TLS only; the double is on loopback without it.
    fal_client.client.QUEUE_URL_FORMAT = f"{settings.fal.queue_url}/"
    async with open_stores(settings, "script", _DEFAULT_POOL) as stores, httpx.AsyncClient(trust_env=False) as http:
        app.state.stores, app.state.http, app.state.fal = stores, http, fal_client.AsyncClient()
        yield


app = new_app(_connected)


@app.post("/api/images/generate")
async def generate(wanted: Wanted, request: Request) -> dict[str, str]:
    """One picture, as a script makes it."""
    stores, http, fal = request.app.state.stores, request.app.state.http, request.app.state.fal
    job, key = uuid4().hex, f"script/{uuid4().hex}.png"
    await stores.jobs.insert_one({"_id": job, "status": "running", "inputs": wanted.inputs})
    result = await fal.subscribe("fal-ai/flux/dev", wanted.inputs)
    picture = await http.get(result["images"][0]["url"])
    await stores.s3.put_object(Bucket=stores.bucket, Key=key, Body=picture.content, ContentType="image/png")
    await stores.jobs.update_one({"_id": job}, {"$set": {"status": "completed", "key": key, "result": result}})
    return {"job": job, "status": "completed", "key": key}


if __name__ == "__main__":
    serve(app)
