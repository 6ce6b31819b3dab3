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
    key: str = Field(description="Its key in the bucket; stays the same for ever.")
    content_type: str = Field(examples=["image/png"])
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")
    size_bytes: int
    sha256: str = Field(description="Of the stored bytes, lower-case hex.")
    nsfw: bool | None = Field(description="fal's safety checker flagged it; null where the model has no checker.")


class Cost(Wire):
    """What you are charged, and beside it what fal.ai billed."""

    cost_per_image: Money
    num_images: int = Field(description="Pictures delivered; while the job is unfinished, pictures asked for.")
    total_cost: Money
    currency: str = Field(examples=["USD"])
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

    code: str = Field(examples=["provider_rejected"])
    message: str
    retryable: bool = Field(description="Whether the same request may succeed later.")
    fal_status: int | None = Field(description="HTTP status of fal's answer, where there was one.")
    fal_error_type: str | None = Field(description="fal's own error type.", examples=["content_policy_violation"])
    fal_detail: list[str] = Field(description="fal's list of faults, a sentence each.")


class Job(Wire):
    """One generation, from the accepted request to its pictures."""

    job_id: str
    type: str = Field(examples=["image-generation"])
    status: str = Field(description=f"One of {', '.join(JobStatus)}; more may come.", examples=["completed"])
    model: str
    user_id: str
    inputs: Mapping[str, JsonValue]
    options: Mapping[str, JsonValue]
    images: list[Image]
    cost: Cost
    error: JobFailure | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class JobList(Wire):
    """A page of jobs, newest first."""

    jobs: list[Job]
    next_cursor: str | None = Field(description="Give it as `cursor` to get the next page; null on the last one.")


class ModelSummary(Wire):
    """A model, as the catalog has it."""

    name: str
    fal_endpoint: str
    category: str
    description: str
    required_inputs: list[str]
    optional_inputs: list[str]
    options: list[str]
    default_options: Mapping[str, JsonValue]
    cost_per_image: Money


class ModelList(Wire):
    """Every model that `POST /api/images/generate` takes."""

    models: list[ModelSummary]


class ModelDetail(ModelSummary):
    """A model with the JSON Schemas of what it takes, and a request that works."""

    inputs_schema: Mapping[str, JsonValue]
    options_schema: Mapping[str, JsonValue]
    example: Mapping[str, JsonValue] = Field(description="A body for POST /api/images/generate.")


class EstimateRequest(BaseModel):
    """What to price. `inputs` and `options` are those of the model; required inputs may be left out."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(examples=["flux-pro"])
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    options: dict[str, JsonValue] = Field(default_factory=dict, examples=[{"num_images": 10}])


class PriceFactor(Wire):
    """One step of a price. The values of all steps, multiplied, are the total."""

    kind: str = Field(
        description="What `value` is: `costPerImage` in US dollars, `multiplier` (times as much), or `images`.",
        examples=["multiplier"],
    )
    value: Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")] = Field(examples=[2.0])
    parameter: str | None = Field(
        description="The parameter that decided it; null: the model.", examples=["resolution"]
    )
    given: JsonValue = Field(description="That parameter's value; null where it was left out.", examples=["4K"])


class Estimate(Wire):
    """What a request would be charged if every picture arrives."""

    cost_per_image: Money
    total_cost: Money
    num_images: int
    currency: str
    explanation: list[str] = Field(
        description="How it was computed, a sentence for each step.",
        examples=[["The model costs $0.05 per image.", "10 images.", "Together $0.5."]],
    )
    factors: list[PriceFactor] = Field(description="The same for programs.")


class UsageFigures(Wire):
    """What the ended jobs of a row came to."""

    jobs: int = Field(description="Ended, whichever way.")
    completed: int
    failed: int
    images: int = Field(description="Pictures delivered.")
    charged: Money
    provider_cost: Money | None = Field(description="fal's bill; null unless it is known of every job.")
    known_provider_cost: Money = Field(description="fal's bill for the jobs of which it is known.")
    margin: Money | None = Field(description="`charged` less `providerCost`; null where that is.")
    unpriced_jobs: int = Field(description="Jobs of which fal's bill is not known; each says why (`providerNote`).")


class UsageRow(UsageFigures):
    """One row; of `model`, `day` and `month`, that which the rows are grouped by is given."""

    model: str | None
    day: date | None = Field(description="UTC.")
    month: str | None = Field(description="UTC.", examples=["2026-11"])


class Usage(Wire):
    """Who spent what."""

    user_id: str | None
    from_: date | None = Field(alias="from")
    to: date | None = Field(description="Exclusive.")
    group_by: str = Field(examples=["model"])
    currency: str = Field(examples=["USD"])
    total: UsageFigures
    rows: list[UsageRow]


class ProblemFault(Wire):
    """One thing wrong with the request."""

    pointer: str = Field(description="JSON Pointer into the body, or the name of a query parameter or header.")
    code: str = Field(examples=["unknown_name"])
    message: str
    valid: list[str] | None = Field(default=None, description="The values that would be right.")
    suggestion: str | None = Field(default=None, description="The nearest valid name.")


class Problem(Wire):
    """An error (RFC 9457). Members that do not apply are left out."""

    type: str = Field(examples=["urn:imagegen:problem:invalid-input"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; what a program should look at.")
    errors: list[ProblemFault] | None = Field(default=None, description="Every fault of the request at once.")
    missing: list[str] | None = Field(default=None, description="Required inputs that are not there.")
    valid_models: list[str] | None = None
    suggestion: str | None = None
    job_id: str | None = None
    fal_status: int | None = None
    fal_error_type: str | None = None
    retryable: bool | None = None


class ServerHealth(Wire):
    """One of the four servers."""

    status: str = Field(description="`up` or `down`.")
    reason: str | None = Field(description="Why it is down.")


class Health(Wire):
    """Whether the service can work."""

    status: str = Field(description="`ready` or `not_ready`.")
    servers: Mapping[str, ServerHealth]
