"""What fal bills for a job that failed, as far as that is known."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from imagegen.costs import Cost, UnitPrice
from imagegen.jobs import Job, JobError, JobStatus, ProviderRequest, ProviderResult, StoredImage, new_job_id

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
    """fal's bill, and whether the job says why it is not known."""
    return job.cost.provider_cost, job.cost.provider_note is not None


def test_what_fal_never_accepted_costs_nothing() -> None:
    assert provider_cost(RUNNING.failed(REFUSED, NOW)) == (0, False)
    assert provider_cost(RUNNING.submitting(NOW).failed(REFUSED, NOW)) == (0, False)


def test_fals_own_failure_costs_nothing() -> None:
    assert provider_cost(SUBMITTED.failed(replace(REFUSED, fal_status=500), NOW)) == (0, False)


def test_what_a_model_refused_may_have_been_billed() -> None:
    assert provider_cost(SUBMITTED.failed(REFUSED, NOW)) == (None, True)


def test_what_nobody_knows_to_be_accepted_may_have_been_billed() -> None:
    assert provider_cost(RUNNING.submitting(NOW).failed_as_unknown(REFUSED, NOW)) == (None, True)


def test_pictures_that_were_made_and_lost_are_billed_all_the_same() -> None:
    price = UnitPrice(endpoint="e", price=Decimal("0.04"), unit="images", currency="USD", read_at=NOW)
    result = ProviderResult(images=(), billable_units=Decimal(2), payload={})

    failed = SUBMITTED.with_result(result, price).failed(REFUSED, NOW)

    assert (failed.cost.total_cost, *provider_cost(failed)) == (0, Decimal("0.08"), False)


def test_images_beyond_those_asked_for_are_not_charged() -> None:
    mask = StoredImage(key="k", content_type="image/png", width=1, height=1, size_bytes=1, sha256="0" * 64)
    asked = replace(SUBMITTED, pictures_asked=2)
    result = ProviderResult(images=(), billable_units=None, payload={})

    done = asked.with_result(result, None).completed((mask,) * 5, NOW)

    assert (len(done.images), done.cost.total_cost) == (5, Decimal("0.10"))
