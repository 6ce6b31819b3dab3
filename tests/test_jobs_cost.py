"""What fal bills for failed jobs, as far as it is known."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from imagegen.jobs import Job, JobError, JobStatus, ProviderRequest, ProviderResult, StoredImage, new_job_id
from imagegen.jobs.cost import Cost, UnitPrice

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
REFUSED = JobError(code="provider_rejected", message="no", fal_status=422)
RUNNING = Job(
    id=new_job_id(NOW),
    user_id="u",
    model="flux-pro",
    endpoint="fal-ai/flux-pro/v1.1",
    inputs={},
    options={},
    payload={},
    cost=Cost(cost_per_image=Decimal("0.05"), num_images=2),
    created_at=NOW,
    status=JobStatus.RUNNING,
)
SUBMITTED = RUNNING.submitting(NOW).submitted(
    ProviderRequest(request_id="r", status_url="s", response_url="u", cancel_url="c")
)


def provider_cost(job: Job) -> tuple[Decimal | None, bool]:
    """fal's bill, and whether the job has a note why it is unknown."""
    return job.cost.provider_cost, job.cost.provider_note is not None


def test_unaccepted_request_costs_nothing() -> None:
    assert provider_cost(RUNNING.failed(REFUSED, NOW)) == (0, False)
    assert provider_cost(RUNNING.submitting(NOW).failed(REFUSED, NOW)) == (0, False)


def test_failure_of_fal_costs_nothing() -> None:
    assert provider_cost(SUBMITTED.failed(replace(REFUSED, fal_status=500), NOW)) == (0, False)


def test_request_refused_by_the_model_may_be_billed() -> None:
    assert provider_cost(SUBMITTED.failed(REFUSED, NOW)) == (None, True)


def test_unconfirmed_request_may_be_billed() -> None:
    assert provider_cost(RUNNING.submitting(NOW).failed_as_unknown(REFUSED, NOW)) == (None, True)


def test_lost_images_are_billed_by_fal() -> None:
    price = UnitPrice(endpoint="e", price=Decimal("0.04"), unit="images", currency="USD", read_at=NOW)
    result = ProviderResult(images=(), billable_units=Decimal(2), payload={})

    failed = SUBMITTED.with_result(result, price).failed(REFUSED, NOW)

    assert (failed.cost.total_cost, *provider_cost(failed)) == (0, Decimal("0.08"), False)


def test_extra_images_are_not_charged() -> None:
    mask = StoredImage(key="k", content_type="image/png", width=1, height=1, size_bytes=1, sha256="0" * 64)
    asked = replace(SUBMITTED, images_requested=2)
    result = ProviderResult(images=(), billable_units=None, payload={})

    done = asked.with_result(result, None).completed((mask,) * 5, NOW)

    assert (len(done.images), done.cost.total_cost) == (5, Decimal("0.10"))
