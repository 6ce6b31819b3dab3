"""Generate a picture, read an error, list jobs and estimate a cost, with openapi-generator's client for Python."""

import json
import sys
from typing import cast

from imagegen_openapi import (
    ApiClient,
    ApiException,
    Configuration,
    EstimateRequest,
    FluxProEstimateOptions,
    FluxProEstimateRequest,
    FluxProInputs,
    FluxProOptions,
    FluxProRequest,
    GenerateRequest,
    ImagesApi,
    JobsApi,
    JobStatus,
)


def tour(base_url: str, user_id: str) -> dict[str, object]:
    """What the service answered."""
    client = ApiClient(Configuration(host=base_url))
    images = ImagesApi(client)

    def request(options: FluxProOptions) -> GenerateRequest:
        inputs = FluxProInputs(prompt="A lighthouse")
        return GenerateRequest(FluxProRequest(model="flux-pro", inputs=inputs, options=options, userId=user_id))

    job = images.generate_image(request(FluxProOptions(output_format="png")))

    too_many = FluxProOptions.model_construct(num_images=9)  # the client's own check would refuse it
    try:
        images.generate_image(request(too_many))
    except ApiException as refusal:
        status, body = cast("tuple[int, str]", (refusal.status, refusal.body))  # pyright: ignore[reportUnknownMemberType] - the client has no types for them
        problem = json.loads(body)
        error = [status, problem["code"], problem["errors"][0]["pointer"]]
    else:
        raise SystemExit("nine pictures are too many")

    page = JobsApi(client).list_jobs(user_id=user_id, status=JobStatus.COMPLETED, limit=5)

    plan = FluxProEstimateRequest(model="flux-pro", options=FluxProEstimateOptions(num_images=10))
    estimate = images.estimate_cost(EstimateRequest(plan))
    return {
        "picture": [job.status, job.images[0].content_type, job.cost.total_cost],
        "error": error,
        "jobs": [listed.job_id == job.job_id for listed in page.jobs],
        "estimate": estimate.total_cost,
    }


if __name__ == "__main__":
    print(json.dumps(tour(*sys.argv[1:])))
