"""fal's official Python client, unmodified except for its host."""

from collections.abc import AsyncGenerator

import pytest
from fal_client import (  # noqa: TID251 - this test is about the official client
    AsyncClient,
    Completed,
    FalClientHTTPError,
    InProgress,
    Queued,
)

from tests.sandbox.running_sandbox import FLUX, Caller, RunningSandbox, decoded

HILL = {"prompt": "a hill", "seed": 1, "num_images": 2, "image_size": "square"}


@pytest.fixture
async def client(sandbox: RunningSandbox, fal: Caller, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[AsyncClient]:
    # The client always uses https; only its global variable can set plain http.
    monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{sandbox.url}/")
    client = AsyncClient(key=fal.key)
    yield client
    await (await client._client).aclose()  # pyright: ignore[reportPrivateUsage] - it has no close method


async def test_client_submits_follows_events_and_gets_images(client: AsyncClient, fal: Caller) -> None:
    await fal.plan({"fault": "latency", "queue": 0.3, "generation": 0.4})

    handle = await client.submit(FLUX, HILL)
    events = [event async for event in handle.iter_events(with_logs=True, interval=0.05)]
    result = await handle.get()

    assert [kind for kind in (Queued, InProgress, Completed) if any(isinstance(event, kind) for event in events)] == [
        Queued,
        InProgress,
        Completed,
    ]
    assert isinstance(events[-1], Completed)
    assert events[-1].logs
    images = [(await fal.http.get(item["url"])).content for item in result["images"]]
    assert [decoded(image).size for image in images] == [(512, 512)] * 2


async def test_client_reads_both_forms_of_errors(client: AsyncClient, fal: Caller) -> None:
    await fal.plan({"fault": "model_fails", "times": 1}, {"fault": "runner_fails"})

    with pytest.raises(FalClientHTTPError) as refused:
        await (await client.submit(FLUX, HILL)).get()
    with pytest.raises(FalClientHTTPError) as failed:
        await (await client.submit(FLUX, HILL)).get()

    assert [(error.value.status_code, error.value.error_type) for error in (refused, failed)] == [
        (422, None),
        (500, "internal_error"),
    ]


async def test_client_cancels(client: AsyncClient, fal: Caller) -> None:
    await fal.plan({"fault": "latency", "queue": 60})
    handle = await client.submit(FLUX, HILL)

    await handle.cancel()

    status = await handle.status()
    assert isinstance(status, Completed)
    assert status.error_type == "client_cancelled"
