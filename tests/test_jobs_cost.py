"""What fal bills for failed jobs, as far as it is known."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from imagegen.jobs import ImageRole, Job, JobError, JobStatus, ProviderRequest, ProviderResult, StoredImage, new_job_id
from imagegen.jobs.cost import Cost, UnitPrice
from imagegen.jobs.size_tariff import SizeStep, SizeTariff

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


def stored(width: int | None, height: int | None) -> StoredImage:
    return StoredImage(key="k", content_type="image/png", width=width, height=height, size_bytes=1, sha256="0" * 64)


def delivered(tariff: SizeTariff, *images: StoredImage, request_cost: str = "0") -> Cost:
    cost = Cost(cost_per_image=tariff.least, num_images=4, request_cost=Decimal(request_cost), by_size=tariff)
    job = replace(SUBMITTED, images_requested=4, cost=cost)
    result = ProviderResult(images=(), billable_units=None, payload={})
    return job.with_result(result, None).completed(images, NOW).cost


MEGAPIXELS = SizeTariff(first=Decimal("0.03"), further=Decimal("0.015"), most_megapixels=4)
STEPS = SizeTariff(
    steps=(SizeStep(pixels=1536 * 1536, price=Decimal("0.0675")), SizeStep(pixels=2048 * 2048, price=Decimal("0.135")))
)


@pytest.mark.parametrize(
    ("tariff", "size", "price"),
    [
        (MEGAPIXELS, (1024, 1024), "0.03"),
        (MEGAPIXELS, (1024, 1025), "0.045"),
        (MEGAPIXELS, (2048, 2048), "0.075"),
        (MEGAPIXELS, (8192, 8192), "0.075"),
        (MEGAPIXELS, (1, 1), "0.03"),
        (MEGAPIXELS, (None, None), "0.075"),
        (STEPS, (1536, 1536), "0.0675"),
        (STEPS, (1536, 1537), "0.135"),
        (STEPS, (9000, 9000), "0.135"),
        (STEPS, (None, None), "0.135"),
    ],
)
def test_unknown_size_is_charged_by_the_stored_image(
    tariff: SizeTariff, size: tuple[int | None, int | None], price: str
) -> None:
    cost = delivered(tariff, stored(*size))

    assert (cost.cost_per_image, cost.num_images, cost.total_cost) == (Decimal(price), 1, Decimal(price))
    assert cost.total_cost <= tariff.most


def test_images_of_different_sizes_are_each_charged() -> None:
    cost = delivered(MEGAPIXELS, stored(1024, 1024), stored(2048, 1024), request_cost="0.01")

    assert (cost.cost_per_image, cost.num_images, cost.total_cost) == (Decimal("0.045"), 2, Decimal("0.085"))


def test_masks_beside_images_are_not_charged() -> None:
    mask = replace(stored(4096, 4096), role=ImageRole.MASK)

    assert delivered(MEGAPIXELS, mask, stored(1024, 1024), mask).total_cost == Decimal("0.03")
    assert delivered(MEGAPIXELS, mask, mask).total_cost == 2 * Decimal("0.075")


def test_no_image_costs_nothing() -> None:
    cost = Cost(cost_per_image=Decimal("0.05"), num_images=1, request_cost=Decimal("0.5"), max_cost=Decimal(2))
    failed = replace(SUBMITTED, cost=cost).failed(REFUSED, NOW)

    assert (failed.cost.total_cost, failed.max_cost) == (0, 2)


def test_request_is_charged_once_for_fewer_images() -> None:
    cost = Cost(cost_per_image=Decimal(0), num_images=4, request_cost=Decimal("0.5"))
    job = replace(SUBMITTED, images_requested=4, cost=cost)
    result = ProviderResult(images=(), billable_units=None, payload={})

    done = job.with_result(result, None).completed((stored(1, 1),), NOW)

    assert (done.cost.num_images, done.cost.total_cost) == (1, Decimal("0.5"))
