"""From the domain to the wire."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from imagegen.api import schemas
from imagegen.costs import CURRENCY
from imagegen.errors import Fault
from imagegen.inputs import with_links
from imagegen.jobs import Job, JobError, waiting_for
from imagegen.registry import Model, Price
from imagegen.storage.batches import Batch, Tally
from imagegen.wiring import Services


async def job_answer(job: Job, services: Services) -> schemas.Job:
    """The job as callers see it, its pictures' links made afresh."""
    images = services.images
    return schemas.Job(
        job_id=job.id,
        type=job.type,
        status=job.status.value,
        model=job.model,
        user_id=job.user_id,
        inputs=await with_links(job.inputs, job, images),
        options=await with_links(job.options, job, images),
        images=[await _image(job, number, services) for number in range(len(job.images))],
        result=schemas.ResultDetails.model_validate(job.result.details) if job.result else None,
        missing_images=[schemas.MissingImage(**asdict(missing)) for missing in job.missing_images],
        cost=_cost(job),
        error=_failure(job, job.error) if job.error else None,
        attention=job.attention,
        waiting_for=waiting_for(job),
        cancel_requested_at=job.cancel_requested_at,
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        batch_id=job.batch_id,
        retry_of=job.retry_of,
    )


def batch_answer(batch: Batch, tally: Tally) -> schemas.Batch:
    """The batch as callers see it."""
    counts = {status.value: count for status, count in tally.counts.items()}
    return schemas.Batch(
        batch_id=batch.id,
        user_id=batch.user_id,
        status="ended" if tally.is_final else "running",
        counts=schemas.BatchCounts(total=len(batch.job_ids), **counts),
        cost=schemas.BatchCost(estimated=batch.estimated_cost, charged=tally.charged, currency=CURRENCY),
        job_ids=list(batch.job_ids),
        created_at=batch.created_at,
    )


def model_summary(model: Model) -> schemas.ModelSummary:
    """The model as the list shows it."""
    return schemas.ModelSummary.model_validate(_catalog_facts(model))


def model_detail(model: Model) -> schemas.ModelDetail:
    """The model with its schemas and an example."""
    return schemas.ModelDetail.model_validate(
        {
            **_catalog_facts(model),
            "inputs_schema": model.inputs_schema(),
            "options_schema": model.options_schema(),
            "example": model.example(),
        }
    )


def estimate(price: Price, refused: Iterable[Fault]) -> schemas.Estimate:
    """The price as a caller asked for it, with what `generate` would refuse."""
    return schemas.Estimate(
        cost_per_image=price.cost_per_image,
        total_cost=price.total,
        num_images=price.num_images,
        currency=CURRENCY,
        explanation=list(price.explanation),
        factors=[
            schemas.PriceFactor(
                kind=factor.kind.value, value=factor.value, parameter=factor.parameter, given=factor.given
            )
            for factor in price.factors
        ],
        warnings=[
            schemas.EstimateWarning(pointer=fault.pointer, code=fault.code, message=fault.message) for fault in refused
        ],
    )


async def _image(job: Job, number: int, services: Services) -> schemas.Image:
    image, here = job.images[number], services.settings.service.public_url or ""
    permalink = f"{here}/api/images/{job.id}/{number}"
    return schemas.Image(url=await services.images.url(image.key), permalink=permalink, **asdict(image))


def _cost(job: Job) -> schemas.Cost:
    return schemas.Cost(**asdict(job.cost), total_cost=job.cost.total_cost, currency=CURRENCY)


def _failure(job: Job, error: JobError) -> schemas.JobFailure:
    return schemas.JobFailure.model_validate({**asdict(error), "charged": job.cost.total_cost > 0})


def _catalog_facts(model: Model) -> Mapping[str, object]:
    return {
        "name": model.name,
        "fal_endpoint": model.endpoint,
        "category": model.category,
        "description": model.description,
        "required_inputs": list(model.required_inputs),
        "optional_inputs": list(model.optional_inputs),
        "options": list(model.options),
        "default_options": dict(model.default_options),
        "cost_per_image": model.cost_per_image,
    }
