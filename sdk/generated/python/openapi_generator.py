"""Generate, read an error, list jobs, estimate a cost, reach a budget, with openapi-generator's client for Python."""

import json
import sys
from typing import Any, cast

from imagegen_openapi import (
    ApiClient,
    ApiException,
    BudgetsApi,
    Configuration,
    CreateBudgetRequest,
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
    ScopeRequest,
)


def tour(base_url: str, user_id: str) -> dict[str, object]:
    """What the service answered."""
    client = ApiClient(Configuration(host=base_url))
    images = ImagesApi(client)

    def request(options: FluxProOptions) -> GenerateRequest:
        inputs = FluxProInputs(prompt="A lighthouse")
        return GenerateRequest(FluxProRequest(model="flux-pro", inputs=inputs, options=options, userId=user_id))

    def refusal_of(options: FluxProOptions) -> tuple[int, dict[str, Any]]:
        try:
            images.generate_image(request(options))
        except ApiException as refusal:
            status, body = cast("tuple[int, str]", (refusal.status, refusal.body))  # pyright: ignore[reportUnknownMemberType] - the client has no types for them
            return status, json.loads(body)
        raise SystemExit("it should be refused")

    job = images.generate_image(request(FluxProOptions(output_format="png")))

    too_many = FluxProOptions.model_construct(num_images=9)  # the client's own check would refuse it
    status, problem = refusal_of(too_many)

    page = JobsApi(client).list_jobs(user_id=user_id, status=JobStatus.COMPLETED, limit=5)

    plan = FluxProEstimateRequest(model="flux-pro", options=FluxProEstimateOptions(num_images=10))
    estimate = images.estimate_cost(EstimateRequest(plan))

    scope, budgets = ScopeRequest(kind="user", value=user_id), BudgetsApi(client)
    budget = budgets.create_budget(CreateBudgetRequest(name="a cent", scope=scope, amount=0.01))
    without_room, spent = refusal_of(FluxProOptions())
    budgets.delete_budget(budget.id)
    return {
        "picture": [job.status, job.images[0].content_type, job.cost.total_cost],
        "error": [status, problem["code"], problem["errors"][0]["pointer"]],
        "jobs": [listed.job_id == job.job_id for listed in page.jobs],
        "estimate": estimate.total_cost,
        "budget": [without_room, spent["code"], spent["budgets"][0]["id"] == budget.id],
    }


if __name__ == "__main__":
    print(json.dumps(tour(*sys.argv[1:])))
