from collections.abc import Sequence

import pytest
from dirty_equals import Contains, IsPartialDict, IsStr

from tests.support.service import FLUX, Json, Sandbox, Service

PROBLEM = "application/problem+json"


async def refused(service: Service, body: object) -> Json:
    """The problem for an invalid request, after a check that nothing was stored or sent."""
    jobs, requests = await _stored(service), len(await service.sandbox.requests())
    answer = await service.client.post("/api/images/generate", json=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, PROBLEM)
    assert (await _stored(service), len(await service.sandbox.requests())) == (jobs, requests)
    return answer.json()


async def _stored(service: Service) -> Sequence[str]:
    """The newest job, by its id: its links are signed anew at every second."""
    return [job["jobId"] for job in (await service.client.get("/api/jobs", params={"limit": 1})).json()["jobs"]]


async def test_unknown_model_error_lists_the_valid_ones(service: Service) -> None:
    problem = await refused(service, {**FLUX, "model": "flux-prp"})

    assert problem == IsPartialDict(
        code="unknown_model",
        status=400,
        suggestion="flux-pro",
        validModels=list(service.services.registry.models),
    )


async def test_other_faults_are_reported_with_an_unknown_model(service: Service) -> None:
    body = {"model": "flux-prp", "inputs": {"userId": "u"}, "options": 7, "webhookUrl": "http://999.1.1.1", "uid": "u"}

    problem = await refused(service, body)

    assert problem == IsPartialDict(code="unknown_model", suggestion="flux-pro")
    assert {(fault["pointer"], fault["code"]) for fault in problem["errors"]} == {
        ("/model", "unknown_model"),
        ("/inputs/userId", "misplaced_name"),
        ("/options", "wrong_type"),
        ("/userId", "missing"),
        ("/webhookUrl", "wrong_format"),
        ("/uid", "unknown_name"),
    }


async def test_missing_inputs_are_named(service: Service) -> None:
    problem = await refused(service, {"model": "nano-banana-edit", "inputs": {}, "userId": "u"})

    assert problem == IsPartialDict(code="invalid_input", missing=Contains("prompt", "image_urls"))


async def test_every_fault_is_reported_with_the_closest_name(service: Service) -> None:
    body = {
        "model": "flux-pro",
        "inputs": {"promt": "x", "seed": "seven"},
        "options": {"num_images": 9, "output_format": "bmp"},
        "userId": "u",
    }

    problem = await refused(service, body)

    assert {error["pointer"]: (error["code"], error.get("suggestion")) for error in problem["errors"]} == {
        "/inputs/prompt": ("missing", None),
        "/inputs/promt": ("unknown_name", "prompt"),
        "/inputs/seed": ("wrong_type", None),
        "/options/num_images": ("out_of_range", None),
        "/options/output_format": ("not_allowed", None),
    }
    (formats,) = (error["valid"] for error in problem["errors"] if error["pointer"] == "/options/output_format")
    assert formats == ["jpeg", "png"]


@pytest.mark.parametrize("content", ["", "{", "null", "[]", '"text"', "\xff", '{"model": NaN}'])
async def test_invalid_body_is_refused(service: Service, content: str) -> None:
    answer = await service.client.post(
        "/api/images/generate", content=content.encode("latin-1"), headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.headers["Content-Type"], answer.json()) == (
        400,
        PROBLEM,
        IsPartialDict(code="invalid_input", errors=Contains(IsPartialDict(message=IsStr(min_length=10)))),
    )


async def test_undeclared_json_is_refused_with_the_header_to_send(service: Service) -> None:
    answer = await service.client.post("/api/images/generate", data={"model": "flux-pro"})

    assert (answer.status_code, answer.json()) == (
        415,
        IsPartialDict(code="unsupported_media_type", detail=IsStr(regex=".*Content-Type: application/json.*")),
    )


@pytest.mark.parametrize("user_id", ["", " ", "a\nb", "x" * 129, 7, None, {"$ne": ""}])
async def test_invalid_user_id_is_refused(service: Service, user_id: object) -> None:
    problem = await refused(service, {**FLUX, "userId": user_id})

    assert [error["pointer"] for error in problem["errors"]] == ["/userId"]


async def test_sync_mode_is_refused_with_the_reason(service: Service) -> None:
    problem = await refused(service, {**FLUX, "options": {"sync_mode": True}})

    assert "history" in problem["detail"]


async def test_data_uri_without_an_image_is_refused(service: Service) -> None:
    inputs = {"prompt": "x", "image_url": "data:image/png;base64,AAAA"}

    problem = await refused(service, {"model": "flux-dev-image-to-image", "inputs": inputs, "userId": "u"})

    assert problem["errors"] == [IsPartialDict(pointer="/inputs/image_url", message=IsStr(regex=".*PNG, JPEG.*"))]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "nothing"},
        {"model": "flux-pro", "options": {"num_images": 0}},
        {"model": "flux-pro", "options": {"num_images": 10_001}},
        {"model": "flux-pro", "options": {"nonsense": 1}},
        {"model": "flux-pro", "unknown": 1},
        {},
    ],
)
async def test_impossible_estimate_is_refused(service: Service, body: Json) -> None:
    answer = await service.client.post("/api/images/estimate-cost", json=body)

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, PROBLEM)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"status": "done"}, "status"),
        ({"createdFrom": "yesterday"}, "createdFrom"),
        ({"cursor": "!!"}, "cursor"),
        ({"user": "u"}, "user"),
    ],
)
async def test_invalid_query_is_refused(service: Service, query: dict[str, str], name: str) -> None:
    answer = await service.client.get("/api/jobs", params=query)

    assert (answer.status_code, answer.json()) == (
        400,
        IsPartialDict(code="invalid_query", errors=[IsPartialDict(pointer=name)]),
    )


@pytest.mark.parametrize("job_id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense", "%00", "..%2F..%2Fetc"])
async def test_unknown_job_is_404(service: Service, job_id: str) -> None:
    answer = await service.client.get(f"/api/jobs/{job_id}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/api/images/generate", 405), ("GET", "/api/images/models/nothing", 404)],
)
async def test_errors_of_the_router_are_problems(service: Service, method: str, path: str, status: int) -> None:
    answer = await service.client.request(method, path)

    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["status"]) == (status, PROBLEM, status)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            {"fault": "model_fails", "status": 422, "type": "image_load_error", "message": "No such picture."},
            {"code": "provider_rejected", "falStatus": 422, "falErrorType": "image_load_error"},
        ),
        (
            {"fault": "runner_fails", "status": 503, "error_type": "runner_disconnected", "message": "Gone."},
            {"code": "provider_unavailable", "falStatus": 503, "falErrorType": "runner_disconnected"},
        ),
    ],
    ids=["input picture", "runner"],
)
async def test_fals_error_is_500_with_fals_message(
    service: Service, sandbox: Sandbox, fault: Json, expected: Json
) -> None:
    await sandbox.misbehaves(fault)

    answer = await service.generate()

    problem = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"], problem) == (500, PROBLEM, IsPartialDict(expected))
    job = await service.job(problem["jobId"])
    assert (job["status"], job["error"], job["cost"]["totalCost"]) == (
        "failed",
        IsPartialDict(code=problem["code"], message=problem["detail"], falStatus=problem["falStatus"]),
        0,
    )
