"""What goes over the wire: camelCase envelopes around fal's own names. Answers have no defaults: every key is there."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer
from pydantic.alias_generators import to_camel

from imagegen.jobs import JobStatus

Money = Annotated[
    Decimal,
    PlainSerializer(float, return_type=float, when_used="json"),
    Field(description="US dollars.", examples=[0.05]),
]
Units = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]


class Wire(BaseModel):
    """camelCase on the wire, snake_case in Python."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, frozen=True)


class Image(Wire):
    """A picture in the bucket. Type, size and digest were read from its bytes."""

    url: str = Field(description="Where to get it: presigned afresh at every read, or under S3_PUBLIC_URL.")
    permalink: str = Field(description="Leads to it for ever; a path of this service where PUBLIC_URL is not set.")
    key: str = Field(description="Its key in the bucket; stays the same for ever.")
    content_type: str = Field(
        description="The media type, as its bytes say: `application/octet-stream` if no decoder opens them.",
        examples=["image/png"],
    )
    width: int | None = Field(
        description="Pixels, as displayed; null of an SVG, and of bytes that no decoder opens.", examples=[1024]
    )
    height: int | None = Field(description="Likewise.", examples=[768])
    size_bytes: int = Field(description="Of the stored bytes.")
    sha256: str = Field(description="Of the stored bytes, lower-case hex.")
    nsfw: bool | None = Field(description="fal's safety checker flagged it; null where the model has no checker.")


class MissingImage(Wire):
    """A picture that fal.ai made and that could not be delivered. It is not charged."""

    index: int = Field(description="Its place among fal.ai's pictures, from 0.", examples=[1])
    code: str = Field(
        description="Stable; what a program should look at.",
        examples=["picture_too_large"],
    )
    message: str = Field(
        description="For a person.",
        examples=["the picture has more than 67108864 bytes (IMAGEGEN_MAX_IMAGE_BYTES)"],
    )


class Upload(Wire):
    """A picture of the caller's own. Type, size and digest were read from its bytes."""

    url: str = Field(description="For `image_url`, `image_urls` and the like in the same user's requests.")
    key: str = Field(description="Its key in the bucket; the same picture has the same key.")
    content_type: str = Field(description="Media type.", examples=["image/png"])
    width: int = Field(description="Pixels, as displayed.")
    height: int = Field(description="Pixels, as displayed.")
    size_bytes: int = Field(description="Bytes.")
    sha256: str = Field(description="Of the bytes, lower-case hex.")


class Cost(Wire):
    """What you are charged, and beside it what fal.ai billed."""

    cost_per_image: Money
    num_images: int = Field(description="Pictures delivered; while the job is unfinished, pictures asked for.")
    total_cost: Money
    currency: str = Field(description="Of every amount here.", examples=["USD"])
    provider_units: Units | None = Field(description="fal's billable units, null until fal says.")
    provider_cost: Money | None = Field(
        description="fal's bill: its units times its unit price. Null where that is not known; `providerNote` says why."
    )
    source: str = Field(description="Of fal's figure: `billed` by fal, or `estimated`.", examples=["billed"])
    provider_unit: str | None = Field(description="What fal bills by, in fal's words.", examples=["megapixels"])
    provider_unit_price: Money | None = Field(description="fal's price of one unit when the job was made.")
    provider_note: str | None = Field(description="Why `providerCost` is null, for a person.")


class JobFailure(Wire):
    """Why a job failed."""

    code: str = Field(description="Stable; what a program should look at.", examples=["provider_rejected"])
    message: str = Field(description="For a person; fal's own words where fal failed.")
    retryable: bool = Field(description="Whether the same request may succeed later.")
    fal_status: int | None = Field(description="HTTP status of fal's answer, where there was one.")
    fal_error_type: str | None = Field(description="fal's own error type.", examples=["content_policy_violation"])
    fal_detail: list[str] = Field(description="fal's list of faults, a sentence each.")
    charged: bool = Field(description="Whether you were charged. A failed job is not.")


def _is_none(value: JsonValue) -> bool:
    return value is None


class ResultDetails(BaseModel):
    """What fal's result holds beside the images: fal's own names, whichever the model has. At most 64 KiB."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, JsonValue]  # pyright: ignore[reportIncompatibleVariableOverride] - what may be extra

    seed: JsonValue = Field(
        default=None, exclude_if=_is_none, description="What makes the image again, with the same inputs.", examples=[7]
    )
    prompt: JsonValue = Field(
        default=None, exclude_if=_is_none, description="The prompt that was used, after rewriting if there was any."
    )
    description: JsonValue = Field(
        default=None, exclude_if=_is_none, description="What the model said along with the images, or instead."
    )
    timings: JsonValue = Field(default=None, exclude_if=_is_none, description="Seconds, by names of the model's own.")
    truncated: JsonValue = Field(
        default=None,
        exclude_if=_is_none,
        description="true if the result held more than is kept here; a text that was cut ends in `…`.",
    )


class Job(Wire):
    """One generation, from the accepted request to its pictures."""

    job_id: str = Field(description="A ULID: 26 characters that sort by time.")
    type: str = Field(description="The kind of job.", examples=["image-generation"])
    status: str = Field(description=f"One of {', '.join(JobStatus)}; more may come.", examples=["completed"])
    model: str = Field(description="The model's name.")
    user_id: str = Field(description="Whose job it is, as the request said.")
    inputs: Mapping[str, JsonValue] = Field(description="As they were given.")
    options: Mapping[str, JsonValue] = Field(description="As they were given.")
    images: list[Image] = Field(description="The pictures; none before the job is completed.")
    result: ResultDetails | None = Field(
        description="What fal's result holds beside the images; null until it is there. A job that failed because its "
        "result has no image has it too."
    )
    missing_images: list[MissingImage] = Field(
        description="Pictures that fal.ai made and that could not be delivered, beside those that were. Almost always "
        "empty."
    )
    cost: Cost
    error: JobFailure | None = Field(description="Why it failed; null unless it did.")
    attention: str | None = Field(
        description="Why a paid job waits for a person who looks at it; null for all but the rarest."
    )
    waiting_for: str | None = Field(
        description="What an unfinished job waits for and since when, in a sentence for a person; null once it ended.",
        examples=[
            "fal.ai's result, which cannot be read: fal.ai answered with HTTP status 502., since 2026-11-22T16:58:02Z"
        ],
    )
    cancel_requested_at: datetime | None = Field(
        description="UTC; since when fal.ai is asked to cancel it. It may complete all the same."
    )
    created_at: datetime = Field(description="UTC.")
    started_at: datetime | None = Field(description="UTC; null while it is queued.")
    completed_at: datetime | None = Field(description="UTC; when it ended, whichever way; null before.")
    batch_id: str | None = Field(description="The batch that it belongs to, if it does.")
    retry_of: str | None = Field(description="The job that it tries again, if it does.")


class JobEvent(Wire):
    """Something that happened to a job, or on the first event of a stream, how it is."""

    job_id: str = Field(description="The job's id.")
    version: int = Field(description="The job's version, and the event's id; progress within a version repeats it.")
    status: str = Field(description=f"One of {', '.join(JobStatus)}; more may come.", examples=["running"])
    stage: str | None = Field(
        description="waiting for a runner, submitting, submitted, in_queue or generating at fal.ai, or storing; more "
        "may come. Null once the job has ended.",
        examples=["generating"],
    )
    queue_position: int | None = Field(description="Requests ahead in fal.ai's queue, where it says.")
    logs: list[str] = Field(description="Lines that the model wrote since the last event, as far as they were heard.")
    images_stored: int | None = Field(description="Pictures in the bucket so far, while they are being stored.")
    images_total: int | None = Field(description="Of how many.")
    waiting_for: str | None = Field(
        description="What the job waits for and since when, in a sentence for a person; null on progress and at last.",
        examples=["fal.ai to complete its request, since 2026-11-22T16:57:49Z"],
    )
    job: Job | None = Field(description="The job with its pictures or its error: on the last event, and only there.")


class JobList(Wire):
    """A page of jobs, newest first."""

    jobs: list[Job] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Give it as `cursor` to get the next page; null on the last one.")


class BatchCounts(Wire):
    """The jobs of a batch by where they are in their life."""

    total: int = Field(description="All of them.")
    queued: int = Field(description="Not begun.")
    running: int = Field(description="Under way.")
    completed: int = Field(description="With their pictures.")
    failed: int = Field(description="Ended without pictures, and without a charge.")
    cancelled: int = Field(description="Ended by a caller's wish, and without a charge.")


class BatchCost(Wire):
    """What a batch costs you."""

    estimated: Money = Field(description="US dollars: if every picture arrives.", examples=[0.1])
    charged: Money = Field(description="US dollars: for the jobs completed so far.", examples=[0.05])
    currency: str = Field(description="Of both amounts.", examples=["USD"])


class Batch(Wire):
    """Jobs that were asked for together, and how far they are."""

    batch_id: str = Field(description="A ULID. `GET /api/jobs?batchId=` lists the jobs.")
    user_id: str = Field(description="Whose batch it is, as the request said.")
    status: str = Field(description="`running` until every job has ended, then `ended`.", examples=["running"])
    counts: BatchCounts
    cost: BatchCost
    job_ids: list[str] = Field(description="In the order of the requests.")
    created_at: datetime = Field(description="UTC.")


class ModelSummary(Wire):
    """A model, as the catalog has it."""

    name: str = Field(description="What to give as `model`.", examples=["flux-pro"])
    fal_endpoint: str = Field(description="Where at fal.ai its requests go.", examples=["fal-ai/flux-pro/v1.1"])
    category: str = Field(description="What it is for.", examples=["text-to-image"])
    description: str = Field(description="A sentence for a person who chooses.")
    required_inputs: list[str] = Field(description="Names of the inputs that must be given.")
    optional_inputs: list[str] = Field(description="Names of the inputs that may be given.")
    options: list[str] = Field(description="Names of the options that may be given.")
    default_options: Mapping[str, JsonValue] = Field(description="Options that are sent where the request has none.")
    cost_per_image: Money


class ModelList(Wire):
    """Every model that `POST /api/images/generate` takes."""

    models: list[ModelSummary] = Field(description="In the catalog's order.")


class ModelDetail(ModelSummary):
    """A model with the JSON Schemas of what it takes, and a request that works."""

    inputs_schema: Mapping[str, JsonValue] = Field(description="The JSON Schema of `inputs`.")
    options_schema: Mapping[str, JsonValue] = Field(description="The JSON Schema of `options`.")
    example: Mapping[str, JsonValue] = Field(description="A body for POST /api/images/generate.")


class PriceFactor(Wire):
    """One step of a price. The values of all steps, multiplied, are the total."""

    kind: str = Field(
        description="What `value` is: `costPerImage` in US dollars, `multiplier` (times as much), or `images`.",
        examples=["multiplier"],
    )
    value: Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")] = Field(
        description="The number.", examples=[2.0]
    )
    parameter: str | None = Field(
        description="The parameter that decided it; null: the model.", examples=["resolution"]
    )
    given: JsonValue = Field(description="That parameter's value; null where it was left out.", examples=["4K"])


class EstimateWarning(Wire):
    """One thing that `generate` would refuse if the request were sent as it is."""

    pointer: str = Field(description="JSON Pointer into the body.", examples=["/options/num_images"])
    code: str = Field(description="Stable; the same as in the error of `generate`.", examples=["out_of_range"])
    message: str = Field(
        description="One sentence or two for a person: what is wrong, and what to do.",
        examples=["options.num_images must be between 1 and 4. Send 3 requests, or one batch of them."],
    )


class Estimate(Wire):
    """What a request would be charged if every picture arrives."""

    cost_per_image: Money
    total_cost: Money
    num_images: int = Field(description="Pictures that the price is for.")
    currency: str = Field(description="Of every amount here.", examples=["USD"])
    explanation: list[str] = Field(
        description="How it was computed, a sentence for each step.",
        examples=[["The model costs $0.05 per image.", "10 images.", "Together $0.50."]],
    )
    factors: list[PriceFactor] = Field(description="The same for programs.")
    warnings: list[EstimateWarning] = Field(
        description="What `generate` would refuse of this request; empty if it would be accepted as it is."
    )


class UsageFigures(Wire):
    """What the ended jobs of a row came to."""

    jobs: int = Field(description="Ended, whichever way.")
    completed: int = Field(description="Ended with pictures.")
    failed: int = Field(description="Ended without.")
    images: int = Field(description="Pictures delivered.")
    charged: Money = Field(description="What you charge.")
    provider_cost: Money | None = Field(description="fal's bill; null unless it is known of every job.")
    known_provider_cost: Money = Field(description="fal's bill for the jobs of which it is known.")
    margin: Money | None = Field(description="`charged` less `providerCost`; null where that is.")
    unpriced_jobs: int = Field(description="Jobs of which fal's bill is not known; each says why (`providerNote`).")


class UsageRow(UsageFigures):
    """One row; of `model`, `day` and `month`, that which the rows are grouped by is given."""

    model: str | None = Field(description="The model, if the rows are by it.")
    day: date | None = Field(description="The day in UTC, if the rows are by it.")
    month: str | None = Field(description="The month in UTC, if the rows are by it.", examples=["2026-11"])


class Usage(Wire):
    """Who spent what."""

    user_id: str | None = Field(description="Whose; null: everyone whom the API key is for.")
    from_: date | None = Field(alias="from", description="The first day.")
    to: date | None = Field(description="The day after the last.")
    group_by: str = Field(description="What the rows are.", examples=["model"])
    currency: str = Field(description="Of every amount here.", examples=["USD"])
    total: UsageFigures = Field(description="All rows together.")
    rows: list[UsageRow] = Field(description="In their order.")


class ProblemFault(Wire):
    """One thing wrong with the request."""

    pointer: str = Field(description="JSON Pointer into the body, or the name of a parameter or header (`location`).")
    code: str = Field(description="Stable; what a program should look at.", examples=["unknown_name"])
    message: str = Field(description="One sentence for a person.")
    valid: list[str] | None = Field(default=None, description="The values that would be right.")
    suggestion: str | None = Field(default=None, description="The nearest valid name.")
    location: str | None = Field(
        default=None,
        description="`query`, `path` or `header`: where `pointer` is the name of a parameter. Left out for the body.",
        examples=["query"],
    )


class Problem(Wire):
    """An error (RFC 9457). Members that do not apply are left out."""

    type: str = Field(description="The code as a URI.", examples=["urn:imagegen:problem:invalid-input"])
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong, for a person; fal's own words where fal failed.")
    code: str = Field(description="Stable; what a program should look at.")
    errors: list[ProblemFault] | None = Field(default=None, description="Every fault of the request at once.")
    missing: list[str] | None = Field(default=None, description="Required inputs that are not there.")
    valid_models: list[str] | None = Field(default=None, description="The models there are.")
    suggestion: str | None = Field(default=None, description="The nearest valid name.")
    request_id: str | None = Field(default=None, description="The same as in the header X-Request-Id; for support.")
    job_id: str | None = Field(default=None, description="The job that this is about; it may exist where 503 names it.")
    batch_id: str | None = Field(default=None, description="The batch that this is about; likewise.")
    fal_status: int | None = Field(default=None, description="HTTP status of fal's answer, where there was one.")
    fal_error_type: str | None = Field(default=None, description="fal's own error type.")
    retryable: bool | None = Field(default=None, description="Whether the same request may succeed later.")
    charged: bool | None = Field(default=None, description="Of a failed job: whether you were charged.")


class Liveness(Wire):
    """The process answers."""

    status: str = Field(description="`live`.", examples=["live"])


class ServerHealth(Wire):
    """One of the four servers."""

    status: str = Field(description="`up` or `down`.")
    reason: str | None = Field(description="Why it is down.")


class Health(Wire):
    """Whether the service can work."""

    status: str = Field(description="`ready` or `not_ready`.")
    servers: Mapping[str, ServerHealth] = Field(description="By name: mongodb, s3, nats, fal.")
