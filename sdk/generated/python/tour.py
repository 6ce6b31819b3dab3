"""Generate, read an error, list jobs, estimate a cost and reach a budget, with the client of openapi-python-client."""

import json
import sys

import httpx
from imagegen_client.api.budgets import create_budget, delete_budget
from imagegen_client.api.images import estimate_cost, generate_image
from imagegen_client.api.jobs import list_jobs

from imagegen_client import Client
from imagegen_client.models import (
    Budget,
    CreateBudgetRequest,
    Estimate,
    FluxProEstimateOptions,
    FluxProEstimateRequest,
    FluxProInputs,
    FluxProOptions,
    FluxProOptionsOutputFormat,
    FluxProRequest,
    Job,
    JobList,
    JobStatus,
    Problem,
    ScopeRequest,
    ScopeRequestKind,
)


def tour(base_url: str, user_id: str) -> dict[str, object]:
    """What the service answered."""
    client = Client(base_url, timeout=httpx.Timeout(60))

    inputs, png = FluxProInputs(prompt="A lighthouse"), FluxProOptions(output_format=FluxProOptionsOutputFormat.PNG)
    job = generate_image.sync(client=client, body=FluxProRequest("flux-pro", inputs, user_id, options=png))
    if not isinstance(job, Job):
        raise SystemExit(job.detail if job else "an answer that the document does not know")

    too_many = FluxProRequest("flux-pro", inputs, user_id, options=FluxProOptions(num_images=9))
    refusal = generate_image.sync_detailed(client=client, body=too_many)
    assert isinstance(refusal.parsed, Problem)
    assert refusal.parsed.errors

    page = list_jobs.sync(client=client, user_id=user_id, status=JobStatus.COMPLETED, limit=5)
    assert isinstance(page, JobList)

    ten = FluxProEstimateOptions(num_images=10)
    estimate = estimate_cost.sync(client=client, body=FluxProEstimateRequest("flux-pro", options=ten))
    assert isinstance(estimate, Estimate)

    scope = ScopeRequest(ScopeRequestKind.USER, user_id)
    budget = create_budget.sync(client=client, body=CreateBudgetRequest("a cent", scope, 0.01))
    assert isinstance(budget, Budget)
    spent = generate_image.sync_detailed(client=client, body=FluxProRequest("flux-pro", inputs, user_id))
    assert isinstance(spent.parsed, Problem)
    assert spent.parsed.budgets
    delete_budget.sync_detailed(budget.id, client=client)
    return {
        "picture": [job.status, job.images[0].content_type, job.cost.total_cost],
        "error": [refusal.status_code, refusal.parsed.code, refusal.parsed.errors[0].pointer],
        "jobs": [listed.job_id == job.job_id for listed in page.jobs],
        "estimate": estimate.total_cost,
        "budget": [spent.status_code, spent.parsed.code, spent.parsed.budgets[0].id == budget.id],
    }


if __name__ == "__main__":
    print(json.dumps(tour(*sys.argv[1:])))
