"""From the domain to the wire."""

from collections.abc import Mapping
from dataclasses import asdict

from imagegen.api import schemas
from imagegen.costs import CURRENCY
from imagegen.jobs import Job, JobError, StoredImage
from imagegen.registry import Model, Price
from imagegen.storage.images import Images


async def job_answer(job: Job, images: Images) -> schemas.Job:
    """The job as callers see it, its pictures' links made afresh."""
    return schemas.Job(
        job_id=job.id,
        type=job.type,
        status=job.status.value,
        model=job.model,
        user_id=job.user_id,
        inputs=dict(job.inputs),
        options=dict(job.options),
        images=[await _image(image, images) for image in job.images],
        cost=_cost(job),
        error=_failure(job.error) if job.error else None,
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
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


def estimate(price: Price) -> schemas.Estimate:
    """The price as a caller asked for it."""
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
    )


async def _image(image: StoredImage, images: Images) -> schemas.Image:
    return schemas.Image(url=await images.url(image.key), **asdict(image))


def _cost(job: Job) -> schemas.Cost:
    return schemas.Cost(**asdict(job.cost), total_cost=job.cost.total_cost, currency=CURRENCY)


def _failure(error: JobError) -> schemas.JobFailure:
    return schemas.JobFailure.model_validate(asdict(error))


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
