"""From jobs, batches and prices to the wire."""

from collections.abc import Iterable
from dataclasses import asdict

from imagegen.errors import BudgetState, Fault
from imagegen.jobs import Job, JobError, waiting_for
from imagegen.jobs.cost import CURRENCY
from imagegen.operations.input_images import with_links
from imagegen.registry import Price
from imagegen.services import Services
from imagegen.storage.batches import Batch, BatchProgress, BatchRefusal
from imagegen.wire import batch_schemas, budget_schemas, image_schemas, job_schemas, model_schemas
from imagegen.wire.budget_serializers import budget_state, refusing_budgets


async def serialize_job(job: Job, services: Services, budgets: Iterable[BudgetState] = ()) -> job_schemas.Job:
    """The job as callers see it, with new links to its images, and what is left of its budgets."""
    images = services.images
    return job_schemas.Job(
        job_id=job.id,
        status=job.status.value,
        images=[await _image(job, number, services) for number in range(len(job.images))],
        cost=_cost(job),
        error=_failure(job, job.error) if job.error else None,
        model=job.model,
        inputs=await with_links(job.inputs, job, images),
        options=await with_links(job.options, job, images),
        user_id=job.user_id,
        result=job_schemas.ResultDetails.model_validate(job.result.details) if job.result else None,
        missing_images=[image_schemas.MissingImage(**asdict(missing)) for missing in job.missing_images],
        waiting_for=waiting_for(job),
        attention=job.attention,
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        cancel_requested_at=job.cancel_requested_at,
        budgets=[budget_state(each) for each in budgets],
        batch_id=job.batch_id,
        retry_of=job.retry_of,
        type=job.type,
    )


def serialize_batch(batch: Batch, tally: BatchProgress) -> batch_schemas.Batch:
    """The batch as callers see it."""
    counts = {status.value: count for status, count in tally.counts.items()}
    return batch_schemas.Batch(
        batch_id=batch.id,
        user_id=batch.user_id,
        status="ended" if tally.is_final else "running",
        counts=batch_schemas.BatchCounts(total=len(batch.job_ids), **counts),
        cost=batch_schemas.BatchCost(estimated=batch.estimated_cost, charged=tally.charged, currency=CURRENCY),
        job_ids=list(batch.job_ids),
        refused=_refused(batch.refusal),
        created_at=batch.created_at,
    )


def estimate(price: Price, refused: Iterable[Fault], budgets: Iterable[BudgetState] = ()) -> model_schemas.Estimate:
    """The price of a request, with what `generate` would refuse in it, and what is left of its budgets."""
    return model_schemas.Estimate(
        cost_per_image=price.cost_per_image,
        request_cost=price.request_cost,
        total_cost=price.total,
        max_cost=price.most,
        exact=price.is_exact,
        num_images=price.num_images,
        currency=CURRENCY,
        explanation=list(price.explanation),
        factors=[
            model_schemas.PriceFactor(
                kind=factor.kind.value, value=factor.value, parameter=factor.parameter, given=factor.given
            )
            for factor in price.factors
        ],
        warnings=[
            model_schemas.EstimateWarning(pointer=fault.pointer, code=fault.code, message=fault.message)
            for fault in refused
        ],
        budgets=[budget_state(each) for each in budgets],
    )


def _refused(refusal: BatchRefusal | None) -> list[budget_schemas.RefusedRequest]:
    if refusal is None:
        return []
    return [
        budget_schemas.RefusedRequest(index=index, budgets=refusing_budgets(refusal.budgets, estimate))
        for index, estimate in enumerate(refusal.estimates, refusal.first)
    ]


async def _image(job: Job, number: int, services: Services) -> image_schemas.Image:
    image, here = job.images[number], services.settings.service.public_url or ""
    permalink = f"{here}/api/images/{job.id}/{number}"
    return image_schemas.Image(
        url=await services.images.url(image.key),
        permalink=permalink,
        link=here + services.links.path(job.id, number),
        key=image.key,
        content_type=image.content_type,
        width=image.width,
        height=image.height,
        size_bytes=image.size_bytes,
        sha256=image.sha256,
        role=image.role.value,
        nsfw=image.nsfw,
    )


def _cost(job: Job) -> job_schemas.Cost:
    cost = job.cost
    return job_schemas.Cost(
        cost_per_image=cost.cost_per_image,
        num_images=cost.num_images,
        request_cost=cost.request_cost,
        total_cost=cost.total_cost,
        max_cost=job.max_cost,
        currency=CURRENCY,
        provider_units=cost.provider_units,
        provider_cost=cost.provider_cost,
        source=cost.source,
        provider_unit=cost.provider_unit,
        provider_unit_price=cost.provider_unit_price,
        provider_note=cost.provider_note,
    )


def _failure(job: Job, error: JobError) -> job_schemas.JobFailure:
    return job_schemas.JobFailure.model_validate({**asdict(error), "charged": job.cost.total_cost > 0})
