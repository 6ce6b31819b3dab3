"""Jobs, their events, and pages of them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from imagegen.jobs import JobStatus
from imagegen.json_object import JsonObject
from imagegen.wire.base import Money, Number, Wire
from imagegen.wire.budget_schemas import BudgetState
from imagegen.wire.image_schemas import Image, MissingImage


class Cost(Wire):
    """What the job costs you, and what fal.ai billed for it."""

    cost_per_image: Money = Field(
        description="US dollars for each image; for the dearest one, if they differ in size. Until the job has ended, "
        "for the smallest image, if its size is not known before.",
        examples=[0.05],
    )
    num_images: int = Field(description="Images delivered and charged; until the job has ended, images requested.")
    request_cost: Money = Field(
        description="US dollars beside the images, charged once if any image is delivered.", examples=[0.0]
    )
    total_cost: Money = Field(
        description="US dollars that you are charged: `requestCost`, and `costPerImage` for each image, or less for "
        "smaller ones. Until the job has ended, what is expected.",
        examples=[0.05],
    )
    max_cost: Money = Field(
        description="US dollars that were reserved of budgets, and the most that you are charged.", examples=[0.05]
    )
    currency: str = Field(description="Currency of every amount here.", examples=["USD"])
    provider_units: Number | None = Field(description="Units that fal.ai billed; null until fal.ai reports them.")
    provider_cost: Money | None = Field(
        description="fal.ai's bill: its units times its unit price. Null if unknown; `providerNote` says why."
    )
    source: str = Field(description="Source of fal.ai's figures: `billed`, or `estimated`.", examples=["billed"])
    provider_unit: str | None = Field(description="What fal.ai bills by, in its own words.", examples=["megapixels"])
    provider_unit_price: Money | None = Field(description="fal.ai's price of one unit when the job was created.")
    provider_note: str | None = Field(description="Why `providerCost` is null, for people.")


class JobFailure(Wire):
    """Why a job failed."""

    code: str = Field(description="Stable code, for programs.", examples=["provider_rejected"])
    message: str = Field(description="Explanation, for people; fal.ai's own message if fal.ai failed.")
    retryable: bool = Field(description="Whether the same request may succeed later.")
    fal_status: int | None = Field(description="HTTP status of fal.ai's response, if there was one.")
    fal_error_type: str | None = Field(description="fal.ai's own error type.", examples=["content_policy_violation"])
    fal_detail: list[str] = Field(description="fal.ai's list of errors, one sentence each.")
    charged: bool = Field(description="Whether you were charged. A failed job is not charged.")


def _is_none(value: JsonValue) -> bool:
    return value is None


class ResultDetails(BaseModel):
    """What fal.ai's result holds besides the images, by fal.ai's own names, which vary by model. At most 64 KiB."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, JsonValue]  # pyright: ignore[reportIncompatibleVariableOverride] - what may be extra

    seed: JsonValue = Field(
        default=None, exclude_if=_is_none, description="Reproduces the image, with the same inputs.", examples=[7]
    )
    prompt: JsonValue = Field(
        default=None, exclude_if=_is_none, description="The prompt that was used, after rewriting if there was any."
    )
    description: JsonValue = Field(
        default=None, exclude_if=_is_none, description="The model's text, besides the images or instead of them."
    )
    timings: JsonValue = Field(default=None, exclude_if=_is_none, description="Seconds, by the model's own names.")
    truncated: JsonValue = Field(
        default=None,
        exclude_if=_is_none,
        description="true if the result held more than is kept here; a text that was cut ends in `…`.",
    )


class Job(Wire):
    """One generation, from the accepted request to its images."""

    job_id: str = Field(description="A ULID: 26 characters that sort by time.")
    status: str = Field(description=f"One of {', '.join(JobStatus)}; more may come.", examples=["completed"])
    images: list[Image] = Field(description="The images; empty until the job has completed.")
    cost: Cost
    error: JobFailure | None = Field(description="Why it failed; null unless it did.")
    model: str = Field(description="The model's name.")
    inputs: JsonObject = Field(description="As given in the request.")
    options: JsonObject = Field(description="As given in the request.")
    user_id: str = Field(description="The user that the request names.")
    result: ResultDetails | None = Field(
        description="What fal.ai's result holds besides the images; null until fal.ai has responded. A job that failed "
        "because the result has no image has it too."
    )
    missing_images: list[MissingImage] = Field(
        description="Images that fal.ai generated and that could not be delivered, besides those that were. Almost "
        "always empty."
    )
    waiting_for: str | None = Field(
        description="What an unfinished job waits for and since when, as a sentence for people; null once it has "
        "ended.",
        examples=[
            "fal.ai's result, which cannot be read: fal.ai answered with HTTP status 502., since 2026-11-22T16:58:02Z"
        ],
    )
    attention: str | None = Field(description="Why an operator must look at this paid job; almost always null.")
    created_at: datetime = Field(description="UTC.")
    started_at: datetime | None = Field(description="UTC; null while the job is queued.")
    completed_at: datetime | None = Field(description="UTC; when the job ended, in any status; null before.")
    cancel_requested_at: datetime | None = Field(
        description="UTC; when fal.ai was first asked to cancel the job. It may still complete."
    )
    budgets: list[BudgetState] = Field(
        description="What is left of the budgets that the job counts in; empty in lists and events."
    )
    batch_id: str | None = Field(description="The batch that the job belongs to, if any.")
    retry_of: str | None = Field(description="The job that this job retries, if any.")
    type: str = Field(description="The kind of job.", examples=["image-generation"])


class JobEvent(Wire):
    """Something that happened to a job; the first event of a stream is the job's current state."""

    job_id: str = Field(description="The job's id.")
    version: int = Field(description="The job's version, and the event's id. Progress within a version repeats it.")
    status: str = Field(description=f"One of {', '.join(JobStatus)}; more may come.", examples=["running"])
    stage: str | None = Field(
        description="waiting for a runner, submitting, submitted, in_queue or generating at fal.ai, or storing; more "
        "may come. Null once the job has ended.",
        examples=["generating"],
    )
    queue_position: int | None = Field(description="Requests ahead in fal.ai's queue, if fal.ai reports it.")
    logs: list[str] = Field(description="Lines that the model logged since the last event; some may be missing.")
    images_stored: int | None = Field(description="Images in the bucket so far, while they are being stored.")
    images_total: int | None = Field(description="Images to store.")
    waiting_for: str | None = Field(
        description="What the job waits for and since when, as a sentence for people; null on progress and on the last "
        "event.",
        examples=["fal.ai to complete its request, since 2026-11-22T16:57:49Z"],
    )
    job: Job | None = Field(description="The job with its images or its error; only on the last event.")


class JobList(Wire):
    """A page of jobs, newest first."""

    jobs: list[Job] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page; null on the last page.")
