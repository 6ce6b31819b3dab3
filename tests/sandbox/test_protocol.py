"""Every response of fal's queue protocol."""

import pytest
from dirty_equals import IsFloat, IsInt, IsList, IsPartialDict, IsStr, IsUUID

from tests.sandbox.running_sandbox import FLUX, IN_QUEUE, RUNNING, Caller, parsed_events

HILL = {"prompt": "a hill", "seed": 1, "image_size": {"width": 64, "height": 64}}


async def test_submit_answers_queue_state_and_app_urls(fal: Caller) -> None:
    answer = await fal.submit(HILL, FLUX)

    request_id = answer.headers["x-fal-request-id"]
    base = f"{str(fal.http.base_url).rstrip('/')}/fal-ai/flux/requests/{request_id}"
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "status": "IN_QUEUE",
            "request_id": request_id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
            "logs": None,
            "metrics": {},
            "queue_position": IsInt,
        },
    )
    assert request_id == IsUUID(4)


async def test_namespace_adds_a_segment_to_the_urls(fal: Caller) -> None:
    submitted = (await fal.submit({}, "workflows/owner/app/some/path")).json()

    assert submitted["response_url"].endswith(f"/workflows/owner/app/requests/{submitted['request_id']}")
    assert (await fal.ended(submitted))["status"] == "COMPLETED"


async def test_urls_have_the_clients_host(fal: Caller) -> None:
    submitted = (await fal.submit(HILL, host="fal.localhost:81")).json()

    assert submitted["status_url"].startswith("http://fal.localhost:81/fal-ai/flux/requests/")


async def test_queued_request_has_its_queue_position(fal: Caller) -> None:
    await fal.plan(IN_QUEUE)
    app = f"queue-{fal.key.partition(':')[0]}/app"
    first = (await fal.submit(HILL, app)).json()
    second = (await fal.submit(HILL, app)).json()

    answer = await fal.get(second["status_url"])

    assert (first["queue_position"], second["queue_position"]) == (0, 1)
    assert (answer.status_code, answer.json()) == (
        202,
        {key: second[key] for key in ("request_id", "response_url", "status_url", "cancel_url")}
        | {"status": "IN_QUEUE", "queue_position": 1, "logs": None},
    )


async def test_running_request_answers_202_with_logs_on_request(fal: Caller) -> None:
    await fal.plan({"fault": "latency", "queue": 0, "generation": 60})
    submitted = (await fal.submit(HILL)).json()
    url = submitted["status_url"]
    async with fal.http.stream("GET", f"{url}/stream?logs=1", headers=fal.auth) as stream:
        async for line in stream.aiter_lines():
            if "Running fal-ai/flux/dev" in line:
                break

    silent, told = await fal.get(url), await fal.get(f"{url}?logs=true")

    line = {"message": IsStr(regex=r"Running .*"), "timestamp": IsStr, "level": "INFO", "source": "USER"}
    assert (silent.status_code, silent.json()) == (202, IsPartialDict(status="IN_PROGRESS", logs=None))
    assert told.json() == IsPartialDict(status="IN_PROGRESS", logs=[line])


async def test_completed_request_answers_200_with_inference_time(fal: Caller) -> None:
    submitted = (await fal.submit(HILL)).json()
    await fal.ended(submitted)

    answer = await fal.get(f"{submitted['status_url']}?logs=1")

    assert (answer.status_code, answer.json()) == (
        200,
        {key: submitted[key] for key in ("request_id", "response_url", "status_url", "cancel_url")}
        | {"status": "COMPLETED", "metrics": {"inference_time": IsFloat(gt=0)}, "logs": IsList(length=5)},
    )


async def test_status_stream_ends_after_completed_with_keep_alives(fal: Caller) -> None:
    await fal.plan({"fault": "latency", "queue": 0.35, "generation": 0})
    submitted = (await fal.submit(HILL)).json()

    answer = await fal.get(f"{submitted['status_url']}/stream")

    blocks = answer.text.rstrip("\n").split("\n\n")
    states = [event["status"] for event in parsed_events(blocks)]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (states[0], states[-1], set(states)) == ("IN_QUEUE", "COMPLETED", {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"})
    assert blocks.count(": keep-alive") >= 2


async def test_result_has_request_id_and_billable_units(fal: Caller) -> None:
    submitted = (await fal.submit(HILL)).json()

    answer = await fal.result(submitted)

    assert answer.json() == {
        "images": [{"url": IsStr(regex=r"http://.*\.jpg"), "width": 64, "height": 64, "content_type": "image/jpeg"}],
        "timings": {"inference": 0.0},
        "seed": 1,
        "has_nsfw_concepts": [False],
        "prompt": "a hill",
    }
    assert answer.headers["x-fal-request-id"] == submitted["request_id"]
    assert answer.headers["x-fal-billable-units"] == "1"
    assert (await fal.get(f"{submitted['response_url']}/response")).json() == answer.json()


async def test_result_of_a_running_request_is_refused(fal: Caller) -> None:
    await fal.plan(RUNNING)

    answer = await fal.get((await fal.submit(HILL)).json()["response_url"])

    assert (answer.status_code, answer.json()) == (400, {"detail": "Request is still in progress"})


async def test_cancelled_queued_request_ends_as_client_cancelled(fal: Caller) -> None:
    await fal.plan(IN_QUEUE)
    submitted = (await fal.submit(HILL)).json()

    cancelled = await fal.cancel(submitted)
    status, result = await fal.get(submitted["status_url"]), await fal.get(submitted["response_url"])

    assert (cancelled.status_code, cancelled.json()) == (200, {"status": "OK"})
    assert (status.status_code, status.json()) == (
        200,
        IsPartialDict(status="COMPLETED", error="Request was cancelled by the client", error_type="client_cancelled"),
    )
    assert (result.status_code, result.json()) == (499, IsPartialDict(error_type="client_cancelled"))
    assert result.headers["x-fal-error-type"] == "client_cancelled"


async def test_running_request_is_asked_to_stop(fal: Caller) -> None:
    await fal.plan({"fault": "latency", "queue": 0, "generation": 0.4})
    submitted = (await fal.submit(HILL)).json()
    async with fal.http.stream("GET", f"{submitted['status_url']}/stream", headers=fal.auth) as stream:
        async for line in stream.aiter_lines():
            if "IN_PROGRESS" in line:
                break

    cancelled = await fal.cancel(submitted)

    assert (cancelled.status_code, cancelled.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert (await fal.ended(submitted))["error_type"] == "client_cancelled"


async def test_cancel_of_completed_or_unknown_request(fal: Caller) -> None:
    submitted = (await fal.submit(HILL)).json()
    await fal.ended(submitted)
    unknown = submitted["cancel_url"].replace(submitted["request_id"], "00000000-0000-4000-8000-000000000000")

    late, lost = await fal.cancel(submitted), await fal.cancel({"cancel_url": unknown})

    assert [(answer.status_code, answer.json()) for answer in (late, lost)] == [
        (400, {"status": "ALREADY_COMPLETED"}),
        (404, {"status": "NOT_FOUND"}),
    ]


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Authentication is required to access this application."),
        ("Key nocolon", IsStr(regex=r"Invalid Key Authorization header format.*")),
        ("Key :secret", IsStr(regex=r"Invalid Key Authorization header format.*")),
        ("Bearer a:b", "bearer: unable to decode issuer"),
        ("Basic YTpi", "invalid key credentials"),
    ],
)
async def test_bad_key_is_refused(fal: Caller, header: str | None, detail: str) -> None:
    answer = await fal.http.post(f"/{FLUX}", json=HILL, headers={"authorization": header} if header else {})

    assert (answer.status_code, answer.json()) == (401, {"detail": detail})


async def test_request_of_another_key_or_app_is_not_found(fal: Caller) -> None:
    submitted = (await fal.submit(HILL)).json()
    stranger = Caller(fal.http)

    answers = [
        await stranger.get(submitted["response_url"]),
        await stranger.get(f"{submitted['status_url']}/stream"),
        await stranger.cancel(submitted),
        await fal.get(submitted["status_url"].replace("fal-ai/flux", "fal-ai/other")),
        await fal.get(submitted["status_url"].replace("fal-ai/flux", "fal-ai/flux/dev")),
    ]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, {"status": "NOT_FOUND"})] * 5


@pytest.mark.parametrize("path", ["fal-ai", "fal-ai/flux/requests/x", "a//b"])
async def test_unknown_path_is_not_found(fal: Caller, path: str) -> None:
    answer = await fal.http.post(f"{str(fal.http.base_url).rstrip('/')}/{path}", json=HILL, headers=fal.auth)

    assert (answer.status_code, answer.json()) == (404, {"error": "Error", "message": f"Path /{path} not found"})


async def test_invalid_json_body_is_refused_at_once(fal: Caller) -> None:
    answer = await fal.http.post(f"/{FLUX}", content=b"{oh", headers=fal.auth)

    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")


@pytest.mark.parametrize("header", ["x_fal_request_timeout", "x_fal_request_start_timeout"])
async def test_clients_start_timeout_ends_the_request(fal: Caller, header: str) -> None:
    await fal.plan(IN_QUEUE)

    answer = await fal.result((await fal.submit(HILL, FLUX, **{header: "0.05"})).json())

    assert (answer.status_code, answer.json()["error_type"]) == (504, "request_timeout")
    assert answer.headers["x-fal-request-timeout-type"] == "user"


async def test_ledger_lists_submits_and_reads_of_a_key(fal: Caller) -> None:
    await fal.plan({"fault": "submit_gateway_error", "times": 1})
    await fal.submit(HILL)
    submitted = (await fal.submit(HILL, x_fal_queue_priority="low")).json()
    await fal.get((await fal.result(submitted)).json()["images"][0]["url"])

    assert await fal.ledger() == {
        "submits": 2,
        "accepted": 1,
        "refused": [{"endpoint": FLUX, "reason": "submit_gateway_error", "at": IsFloat}],
        "requests": [
            IsPartialDict(
                request_id=submitted["request_id"],
                endpoint=FLUX,
                body=HILL,
                headers=IsPartialDict({"x-fal-queue-priority": "low"}),
                state="COMPLETED",
                result_status=200,
                billable_units=1,
                reads={"status": 0, "stream": 1, "result": 1, "cancel": 0, "media": 1},
            )
        ],
    }
