"""What the service answers. Made from openapi.json by sdk/generate.py; do not edit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

Wire = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageData:
    """An image in the bucket. Its type, size and digest were read from its bytes."""

    url: str
    """Download link: signed anew at every read, or below S3_PUBLIC_URL."""
    permalink: str
    """Permanent link; a relative path unless PUBLIC_URL is set."""
    link: str
    """Link for people and programs without an API key, until its job is deleted or IMAGEGEN_LINK_EXPIRES is over; a relative path unless PUBLIC_URL is set."""
    key: str
    """Key in the bucket. It never changes."""
    content_type: str
    """Media type, detected from the bytes; `application/octet-stream` if no decoder opens them."""
    width: int | None
    """Pixels, as displayed; null for an SVG, and for bytes that no decoder opens."""
    height: int | None
    """Pixels, as displayed; null for an SVG, and for bytes that no decoder opens."""
    size_bytes: int
    """Size of the stored file in bytes."""
    sha256: str
    """SHA-256 of the stored file, in lower-case hex."""
    role: str
    """What it is: an `image`, or a `mask` beside images, which is not charged. Currently `image`, `mask`; more may come."""
    nsfw: bool | None
    """Whether fal's safety checker flagged the image; null if the model has no checker."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            url=wire["url"],
            permalink=wire["permalink"],
            link=wire.get("link", wire["url"]),
            key=wire["key"],
            content_type=wire["contentType"],
            width=wire.get("width"),
            height=wire.get("height"),
            size_bytes=wire["sizeBytes"],
            sha256=wire["sha256"],
            role=wire.get("role", "image"),
            nsfw=wire.get("nsfw"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the job costs you, and what fal.ai billed for it."""

    cost_per_image: float
    """US dollars for each image; for the dearest one, if they differ in size. Until the job has ended, for the smallest image, if its size is not known before."""
    num_images: int
    """Images delivered and charged; until the job has ended, images requested."""
    request_cost: float
    """US dollars beside the images, charged once if any image is delivered."""
    total_cost: float
    """US dollars that you are charged: `requestCost`, and `costPerImage` for each image, or less for smaller ones. Until the job has ended, what is expected."""
    max_cost: float
    """US dollars that were reserved of budgets, and the most that you are charged."""
    currency: str
    """Currency of every amount here."""
    provider_units: float | None
    """Units that fal.ai billed; null until fal.ai reports them."""
    provider_cost: float | None
    """fal.ai's bill: its units times its unit price. Null if unknown; `providerNote` says why."""
    source: str
    """Source of fal.ai's figures: `billed`, or `estimated`. Currently `estimated`, `billed`; more may come."""
    provider_unit: str | None
    """What fal.ai bills by, in its own words."""
    provider_unit_price: float | None
    """fal.ai's price of one unit when the job was created."""
    provider_note: str | None
    """Why `providerCost` is null, for people."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            cost_per_image=wire["costPerImage"],
            num_images=wire["numImages"],
            request_cost=wire.get("requestCost", 0.0),
            total_cost=wire["totalCost"],
            max_cost=wire.get("maxCost", wire["totalCost"]),
            currency=wire["currency"],
            provider_units=wire.get("providerUnits"),
            provider_cost=wire.get("providerCost"),
            source=wire["source"],
            provider_unit=wire.get("providerUnit"),
            provider_unit_price=wire.get("providerUnitPrice"),
            provider_note=wire.get("providerNote"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a job failed."""

    code: str
    """Stable code, for programs. Currently `provider_rejected`, `provider_unavailable`, `provider_account`, `input_refused`, `output_refused`, `submission_unknown`, `input_gone`, `result_lost`, `result_unreadable`, `result_too_large`, `cancel_unconfirmed`, `runner_crashed`, `storage_unavailable`, `picture_too_large`, `foreign_media_host`, `image_gone`, `not_a_picture`, `transfer_failed`, `job_timeout`, `queue_timeout`, `deadline_exceeded`, `status_unreadable`; more may come."""
    message: str
    """Explanation, for people; fal.ai's own message if fal.ai failed."""
    retryable: bool
    """Whether the same request may succeed later."""
    fal_status: int | None
    """HTTP status of fal.ai's response, if there was one."""
    fal_error_type: str | None
    """fal.ai's own error type."""
    fal_detail: tuple[str, ...]
    """fal.ai's list of errors, one sentence each."""
    charged: bool
    """Whether you were charged. A failed job is not charged."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            code=wire["code"],
            message=wire["message"],
            retryable=wire["retryable"],
            fal_status=wire.get("falStatus"),
            fal_error_type=wire.get("falErrorType"),
            fal_detail=tuple(wire["falDetail"]),
            charged=wire["charged"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingImage:
    """An image that fal.ai generated and that could not be delivered. It is not charged."""

    index: int
    """Its position among fal.ai's images, from 0."""
    code: str
    """Stable code, for programs. Currently `picture_too_large`, `foreign_media_host`, `image_gone`, `not_a_picture`, `transfer_failed`; more may come."""
    message: str
    """Explanation, for people."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            index=wire["index"],
            code=wire["code"],
            message=wire["message"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A period of a budget, as it is now."""

    id: str
    """The budget's id."""
    name: str
    """The budget's name."""
    limit: float
    """US dollars that may be spent in the period: the amount with its adjustments."""
    used: float
    """US dollars that ended jobs cost."""
    reserved: float
    """US dollars that unfinished jobs can cost at most."""
    remaining: float
    """US dollars that are left; 0 if the budget is used up."""
    resets_at: datetime | None
    """UTC; when the budget begins anew. Null for a prepaid wallet, which never does, and for `rolling-30d`, which does so bit by bit."""
    hard: bool
    """Whether it refuses jobs; if not, it only tells."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            id=wire["id"],
            name=wire["name"],
            limit=wire["limit"],
            used=wire["used"],
            reserved=wire["reserved"],
            remaining=wire["remaining"],
            resets_at=None if wire.get("resetsAt") is None else datetime.fromisoformat(wire["resetsAt"]),
            hard=wire["hard"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobData:
    """One generation, from the accepted request to its images."""

    job_id: str
    """A ULID: 26 characters that sort by time."""
    status: str
    """One of queued, running, completed, failed, cancelled; more may come."""
    images: tuple[ImageData, ...]
    """The images; empty until the job has completed."""
    cost: Cost
    error: JobFailure | None
    """Why it failed; null unless it did."""
    model: str
    """The model's name."""
    inputs: Mapping[str, Any]
    """As given in the request."""
    options: Mapping[str, Any]
    """As given in the request."""
    user_id: str
    """The user that the request names."""
    result: Mapping[str, Any] | None
    """What fal.ai's result holds besides the images; null until fal.ai has responded. A job that failed because the result has no image has it too."""
    missing_images: tuple[MissingImage, ...]
    """Images that fal.ai generated and that could not be delivered, besides those that were. Almost always empty."""
    waiting_for: str | None
    """What an unfinished job waits for and since when, as a sentence for people; null once it has ended."""
    attention: str | None
    """Why an operator must look at this paid job; almost always null."""
    created_at: datetime
    """UTC."""
    started_at: datetime | None
    """UTC; null while the job is queued."""
    completed_at: datetime | None
    """UTC; when the job ended, in any status; null before."""
    cancel_requested_at: datetime | None
    """UTC; when fal.ai was first asked to cancel the job. It may still complete."""
    budgets: tuple[BudgetState, ...]
    """What is left of the budgets that the job counts in; empty in lists and events."""
    batch_id: str | None
    """The batch that the job belongs to, if any."""
    retry_of: str | None
    """The job that this job retries, if any."""
    type: str
    """The kind of job. Currently `image-generation`; more may come."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            job_id=wire["jobId"],
            status=wire["status"],
            images=tuple(ImageData.from_wire(each) for each in wire["images"]),
            cost=Cost.from_wire(wire["cost"]),
            error=None if wire.get("error") is None else JobFailure.from_wire(wire["error"]),
            model=wire["model"],
            inputs=wire["inputs"],
            options=wire["options"],
            user_id=wire["userId"],
            result=wire.get("result"),
            missing_images=tuple(MissingImage.from_wire(each) for each in wire["missingImages"]),
            waiting_for=wire.get("waitingFor"),
            attention=wire.get("attention"),
            created_at=datetime.fromisoformat(wire["createdAt"]),
            started_at=None if wire.get("startedAt") is None else datetime.fromisoformat(wire["startedAt"]),
            completed_at=None if wire.get("completedAt") is None else datetime.fromisoformat(wire["completedAt"]),
            cancel_requested_at=None
            if wire.get("cancelRequestedAt") is None
            else datetime.fromisoformat(wire["cancelRequestedAt"]),
            budgets=tuple(BudgetState.from_wire(each) for each in wire["budgets"]),
            batch_id=wire.get("batchId"),
            retry_of=wire.get("retryOf"),
            type=wire["type"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """The jobs of a batch by status."""

    total: int
    """All jobs."""
    queued: int
    """Not started."""
    running: int
    """In progress."""
    completed: int
    """Ended with images."""
    failed: int
    """Ended without images, and not charged."""
    cancelled: int
    """Cancelled by a caller, and not charged."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            total=wire["total"],
            queued=wire["queued"],
            running=wire["running"],
            completed=wire["completed"],
            failed=wire["failed"],
            cancelled=wire["cancelled"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCost:
    """What a batch costs you."""

    estimated: float
    """US dollars, if every image is delivered."""
    charged: float
    """US dollars, for the jobs completed so far."""
    currency: str
    """Currency of both amounts."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            estimated=wire["estimated"],
            charged=wire["charged"],
            currency=wire["currency"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemBudget:
    """A budget without room for a request."""

    id: str
    """The budget's id."""
    name: str
    """The budget's name."""
    limit: float
    """US dollars that may be spent in the period."""
    used: float
    """US dollars that ended jobs cost."""
    reserved: float
    """US dollars that unfinished jobs can cost at most."""
    remaining: float
    """US dollars that are left."""
    estimate: float
    """US dollars that the request can cost at most."""
    resets_at: datetime | None
    """UTC; when the budget begins anew. Null for a prepaid wallet and for `rolling-30d`."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            id=wire["id"],
            name=wire["name"],
            limit=wire["limit"],
            used=wire["used"],
            reserved=wire["reserved"],
            remaining=wire["remaining"],
            estimate=wire["estimate"],
            resets_at=None if wire.get("resetsAt") is None else datetime.fromisoformat(wire["resetsAt"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A request of a batch that its budgets did not allow. It has no job."""

    index: int
    """Its place among the requests, from 0."""
    budgets: tuple[ProblemBudget, ...]
    """The budgets that refused it."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            index=wire["index"],
            budgets=tuple(ProblemBudget.from_wire(each) for each in wire["budgets"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchData:
    """Jobs that were requested together, and their progress."""

    batch_id: str
    """A ULID. `GET /api/jobs?batchId=` lists the jobs."""
    user_id: str
    """The user that the request names."""
    status: str
    """`running` until every job has ended, then `ended`. Currently `running`, `ended`; more may come."""
    counts: BatchCounts
    cost: BatchCost
    job_ids: tuple[str, ...]
    """In the order of the requests."""
    refused: tuple[RefusedRequest, ...]
    """The requests for which budgets had no room; always empty without `partial`."""
    created_at: datetime
    """UTC."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            batch_id=wire["batchId"],
            user_id=wire["userId"],
            status=wire["status"],
            counts=BatchCounts.from_wire(wire["counts"]),
            cost=BatchCost.from_wire(wire["cost"]),
            job_ids=tuple(wire["jobIds"]),
            refused=tuple(RefusedRequest.from_wire(each) for each in wire["refused"]),
            created_at=datetime.fromisoformat(wire["createdAt"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFactor:
    """One factor of a price. The total is the product of all factors but the additions, which are added to it."""

    kind: str
    """What `value` is: `costPerImage` or `costPerRequest` in US dollars, a `multiplier`, the number of `megapixels` of an image or of `images`, or an `addition` in US dollars. Currently `costPerImage`, `costPerRequest`, `multiplier`, `megapixels`, `images`, `addition`; more may come."""
    value: float
    """The number."""
    parameter: str | None
    """The parameter that determines it; null if the model does."""
    given: Any
    """That parameter's value; null if it was left out."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            kind=wire["kind"],
            value=wire["value"],
            parameter=wire.get("parameter"),
            given=wire["given"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateWarning:
    """One thing that `generate` would refuse if the request were sent as it is."""

    pointer: str
    """JSON Pointer into the body."""
    code: str
    """Stable code, the same as in the error of `generate`. Currently `missing`, `blank`, `unknown_name`, `misplaced_name`, `unknown_model`, `wrong_type`, `not_allowed`, `out_of_range`, `too_short`, `too_long`, `wrong_format`, `unsupported`, `conflict`, `too_large`, `gone`, `too_deep`, `invalid_json`, `malformed_json`, `malformed_form`, `invalid`; more may come."""
    message: str
    """What is wrong and how to fix it, in a sentence or two for people."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            pointer=wire["pointer"],
            code=wire["code"],
            message=wire["message"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What you would be charged for a request if every image is delivered."""

    cost_per_image: float
    """US dollars for each image; for the smallest one, if its size is not known before."""
    request_cost: float
    """US dollars beside the images, charged once if any image is delivered."""
    total_cost: float
    """US dollars: `requestCost`, and `costPerImage` for each image. If `exact`, this is what you would be charged."""
    max_cost: float
    """US dollars that would be reserved of budgets, and the most that you would be charged: for the largest size and number of images, where these are known only once the images are made."""
    exact: bool
    """Whether `totalCost` and `maxCost` are the same."""
    num_images: int
    """Images that the price is for."""
    currency: str
    """Currency of every amount here."""
    explanation: tuple[str, ...]
    """How the price was computed, one sentence per step."""
    factors: tuple[PriceFactor, ...]
    """The same, for programs."""
    warnings: tuple[EstimateWarning, ...]
    """What `generate` would refuse in this request; empty if it would accept it as it is."""
    budgets: tuple[BudgetState, ...]
    """What is left of the budgets that the job would count in."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            cost_per_image=wire["costPerImage"],
            request_cost=wire.get("requestCost", 0.0),
            total_cost=wire["totalCost"],
            max_cost=wire.get("maxCost", wire["totalCost"]),
            exact=wire.get("exact", True),
            num_images=wire["numImages"],
            currency=wire["currency"],
            explanation=tuple(wire["explanation"]),
            factors=tuple(PriceFactor.from_wire(each) for each in wire["factors"]),
            warnings=tuple(EstimateWarning.from_wire(each) for each in wire["warnings"]),
            budgets=tuple(BudgetState.from_wire(each) for each in wire["budgets"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """The end of a model."""

    since: date
    """From this day, in UTC, new requests are refused with 410."""
    successor: str | None
    """The model to use instead, if there is one."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            since=date.fromisoformat(wire["since"]),
            successor=wire.get("successor"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetail:
    """A model with the JSON Schemas of its inputs and options, and a request that works."""

    name: str
    """The value of `model` in requests."""
    fal_endpoint: str
    """The fal.ai endpoint that runs it."""
    category: str
    """What it is for."""
    description: str
    """One sentence, to help people choose."""
    required_inputs: tuple[str, ...]
    """Names of the required inputs."""
    optional_inputs: tuple[str, ...]
    """Names of the optional inputs."""
    options: tuple[str, ...]
    """Names of the options."""
    default_options: Mapping[str, Any]
    """Options that apply if the request does not set them."""
    cost_per_image: float
    """US dollars for one image with the defaults, or for the request, if the number of images does not matter. `estimate-cost` prices a request."""
    min_cost_per_image: float
    """US dollars for the cheapest request for one image."""
    max_cost_per_image: float | None
    """US dollars for the dearest request for one image; null if nothing bounds it."""
    takes_images: bool
    """Whether requests may have images."""
    takes_mask: bool
    """Whether requests may have a mask."""
    takes_loras: bool
    """Whether requests may have LoRA weights."""
    sizes: str
    """How a request says the size of its images: in pixels or by a preset, as a ratio, or not at all. Currently `pixels`, `ratios`, `none`; more may come."""
    max_images: int | None
    """The most images that one request can make; null if nothing bounds it."""
    tags: tuple[str, ...]
    """Short words for what it is good at."""
    aliases: tuple[str, ...]
    """Other names that requests may have in `model`."""
    retired: Retirement | None
    """When it ends; null if that is not planned."""
    verified_at: date | None
    """The day on which the catalog's entry was checked; null if unknown."""
    source: str | None
    """Where its facts and its price are from."""
    inputs_schema: Mapping[str, Any]
    """The JSON Schema of `inputs`."""
    options_schema: Mapping[str, Any]
    """The JSON Schema of `options`."""
    example: Mapping[str, Any]
    """A body for POST /api/images/generate."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            name=wire["name"],
            fal_endpoint=wire["falEndpoint"],
            category=wire["category"],
            description=wire["description"],
            required_inputs=tuple(wire["requiredInputs"]),
            optional_inputs=tuple(wire["optionalInputs"]),
            options=tuple(wire["options"]),
            default_options=wire["defaultOptions"],
            cost_per_image=wire["costPerImage"],
            min_cost_per_image=wire.get("minCostPerImage", wire["costPerImage"]),
            max_cost_per_image=wire.get("maxCostPerImage"),
            takes_images=wire.get("takesImages", False),
            takes_mask=wire.get("takesMask", False),
            takes_loras=wire.get("takesLoras", False),
            sizes=wire.get("sizes", "none"),
            max_images=wire.get("maxImages"),
            tags=tuple(wire.get("tags", ())),
            aliases=tuple(wire.get("aliases", ())),
            retired=None if wire.get("retired") is None else Retirement.from_wire(wire["retired"]),
            verified_at=None if wire.get("verifiedAt") is None else date.fromisoformat(wire["verifiedAt"]),
            source=wire.get("source"),
            inputs_schema=wire["inputsSchema"],
            options_schema=wire["optionsSchema"],
            example=wire["example"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A model of the catalog."""

    name: str
    """The value of `model` in requests."""
    fal_endpoint: str
    """The fal.ai endpoint that runs it."""
    category: str
    """What it is for."""
    description: str
    """One sentence, to help people choose."""
    required_inputs: tuple[str, ...]
    """Names of the required inputs."""
    optional_inputs: tuple[str, ...]
    """Names of the optional inputs."""
    options: tuple[str, ...]
    """Names of the options."""
    default_options: Mapping[str, Any]
    """Options that apply if the request does not set them."""
    cost_per_image: float
    """US dollars for one image with the defaults, or for the request, if the number of images does not matter. `estimate-cost` prices a request."""
    min_cost_per_image: float
    """US dollars for the cheapest request for one image."""
    max_cost_per_image: float | None
    """US dollars for the dearest request for one image; null if nothing bounds it."""
    takes_images: bool
    """Whether requests may have images."""
    takes_mask: bool
    """Whether requests may have a mask."""
    takes_loras: bool
    """Whether requests may have LoRA weights."""
    sizes: str
    """How a request says the size of its images: in pixels or by a preset, as a ratio, or not at all. Currently `pixels`, `ratios`, `none`; more may come."""
    max_images: int | None
    """The most images that one request can make; null if nothing bounds it."""
    tags: tuple[str, ...]
    """Short words for what it is good at."""
    aliases: tuple[str, ...]
    """Other names that requests may have in `model`."""
    retired: Retirement | None
    """When it ends; null if that is not planned."""
    verified_at: date | None
    """The day on which the catalog's entry was checked; null if unknown."""
    source: str | None
    """Where its facts and its price are from."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            name=wire["name"],
            fal_endpoint=wire["falEndpoint"],
            category=wire["category"],
            description=wire["description"],
            required_inputs=tuple(wire["requiredInputs"]),
            optional_inputs=tuple(wire["optionalInputs"]),
            options=tuple(wire["options"]),
            default_options=wire["defaultOptions"],
            cost_per_image=wire["costPerImage"],
            min_cost_per_image=wire.get("minCostPerImage", wire["costPerImage"]),
            max_cost_per_image=wire.get("maxCostPerImage"),
            takes_images=wire.get("takesImages", False),
            takes_mask=wire.get("takesMask", False),
            takes_loras=wire.get("takesLoras", False),
            sizes=wire.get("sizes", "none"),
            max_images=wire.get("maxImages"),
            tags=tuple(wire.get("tags", ())),
            aliases=tuple(wire.get("aliases", ())),
            retired=None if wire.get("retired") is None else Retirement.from_wire(wire["retired"]),
            verified_at=None if wire.get("verifiedAt") is None else date.fromisoformat(wire["verifiedAt"]),
            source=wire.get("source"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpricedModel:
    """A model that takes no requests until the operator gives it a price."""

    name: str
    """Its name in the catalog."""
    fal_endpoint: str
    """The fal.ai endpoint that runs it."""
    category: str
    """What it is for."""
    description: str
    """One sentence, to help people choose."""
    source: str | None
    """Where its facts are from."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            name=wire["name"],
            fal_endpoint=wire["falEndpoint"],
            category=wire["category"],
            description=wire["description"],
            source=wire.get("source"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """The models that `POST /api/images/generate` takes and that match."""

    models: tuple[ModelSummary, ...]
    """In the catalog's order."""
    unpriced: tuple[UnpricedModel, ...]
    """Models that only lack a price, which an entry of the operator's catalog sets; empty with a filter."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            models=tuple(ModelSummary.from_wire(each) for each in wire["models"]),
            unpriced=tuple(UnpricedModel.from_wire(each) for each in wire["unpriced"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An image that the caller uploaded. Its type, size and digest were read from its bytes."""

    url: str
    """Use it as `image_url`, in `image_urls` and the like in requests of the same user."""
    key: str
    """Key in the bucket. The same image gets the same key."""
    content_type: str
    """Media type, detected from the bytes."""
    width: int
    """Pixels, as displayed."""
    height: int
    """Pixels, as displayed."""
    size_bytes: int
    """Size of the file in bytes."""
    sha256: str
    """SHA-256 of the file, in lower-case hex."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            url=wire["url"],
            key=wire["key"],
            content_type=wire["contentType"],
            width=wire["width"],
            height=wire["height"],
            size_bytes=wire["sizeBytes"],
            sha256=wire["sha256"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFigures:
    """The sums of a row over its ended jobs."""

    jobs: int
    """Jobs that ended, in any status."""
    completed: int
    """Jobs that ended with images."""
    failed: int
    """Jobs that ended without."""
    images: int
    """Images delivered."""
    charged: float
    """What you charge."""
    provider_cost: float | None
    """fal.ai's bill; null unless it is known for every job."""
    known_provider_cost: float
    """fal.ai's bill for the jobs for which it is known."""
    margin: float | None
    """`charged` less `providerCost`; null if that is null."""
    unpriced_jobs: int
    """Jobs whose fal.ai bill is unknown; each job's `providerNote` says why."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            jobs=wire["jobs"],
            completed=wire["completed"],
            failed=wire["failed"],
            images=wire["images"],
            charged=wire["charged"],
            provider_cost=wire.get("providerCost"),
            known_provider_cost=wire["knownProviderCost"],
            margin=wire.get("margin"),
            unpriced_jobs=wire["unpricedJobs"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """One row. Only the member that the rows are grouped by is set."""

    jobs: int
    """Jobs that ended, in any status."""
    completed: int
    """Jobs that ended with images."""
    failed: int
    """Jobs that ended without."""
    images: int
    """Images delivered."""
    charged: float
    """What you charge."""
    provider_cost: float | None
    """fal.ai's bill; null unless it is known for every job."""
    known_provider_cost: float
    """fal.ai's bill for the jobs for which it is known."""
    margin: float | None
    """`charged` less `providerCost`; null if that is null."""
    unpriced_jobs: int
    """Jobs whose fal.ai bill is unknown; each job's `providerNote` says why."""
    model: str | None
    """The model, if rows are grouped by model."""
    day: date | None
    """The day in UTC, if rows are grouped by day."""
    month: str | None
    """The month in UTC, if rows are grouped by month."""
    user_id: str | None
    """The user, if rows are grouped by user."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            jobs=wire["jobs"],
            completed=wire["completed"],
            failed=wire["failed"],
            images=wire["images"],
            charged=wire["charged"],
            provider_cost=wire.get("providerCost"),
            known_provider_cost=wire["knownProviderCost"],
            margin=wire.get("margin"),
            unpriced_jobs=wire["unpricedJobs"],
            model=wire.get("model"),
            day=None if wire.get("day") is None else date.fromisoformat(wire["day"]),
            month=wire.get("month"),
            user_id=wire.get("userId"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was spent, in total and by group."""

    user_id: str | None
    """The user; null for every user of the API key."""
    from_: date | None
    """The first day."""
    to: date | None
    """The day after the last."""
    group_by: str
    """What the rows are grouped by."""
    currency: str
    """Currency of every amount here."""
    total: UsageFigures
    """The sums of all jobs, those of omitted rows included."""
    rows: tuple[UsageRow, ...]
    """Sorted by what they are grouped by; users by what they were charged, the most first."""
    omitted_rows: int
    """Users without a row: it has the 1,000 that were charged most."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            user_id=wire.get("userId"),
            from_=None if wire.get("from") is None else date.fromisoformat(wire["from"]),
            to=None if wire.get("to") is None else date.fromisoformat(wire["to"]),
            group_by=wire["groupBy"],
            currency=wire["currency"],
            total=UsageFigures.from_wire(wire["total"]),
            rows=tuple(UsageRow.from_wire(each) for each in wire["rows"]),
            omitted_rows=wire["omittedRows"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """Something that happened to a job; the first event of a stream is the job's current state."""

    job_id: str
    """The job's id."""
    version: int
    """The job's version, and the event's id. Progress within a version repeats it."""
    status: str
    """One of queued, running, completed, failed, cancelled; more may come."""
    stage: str | None
    """waiting for a runner, submitting, submitted, in_queue or generating at fal.ai, or storing; more may come. Null once the job has ended."""
    queue_position: int | None
    """Requests ahead in fal.ai's queue, if fal.ai reports it."""
    logs: tuple[str, ...]
    """Lines that the model logged since the last event; some may be missing."""
    images_stored: int | None
    """Images in the bucket so far, while they are being stored."""
    images_total: int | None
    """Images to store."""
    waiting_for: str | None
    """What the job waits for and since when, as a sentence for people; null on progress and on the last event."""
    job: JobData | None
    """The job with its images or its error; only on the last event."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            job_id=wire["jobId"],
            version=wire["version"],
            status=wire["status"],
            stage=wire.get("stage"),
            queue_position=wire.get("queuePosition"),
            logs=tuple(wire["logs"]),
            images_stored=wire.get("imagesStored"),
            images_total=wire.get("imagesTotal"),
            waiting_for=wire.get("waitingFor"),
            job=None if wire.get("job") is None else JobData.from_wire(wire["job"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A job has ended. All attempts have the same `webhook-id`; another id means another end of the job."""

    type: str
    """`job.completed`, `job.failed` or `job.cancelled`; more may come."""
    timestamp: datetime
    """UTC; when the job ended."""
    data: JobData

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            type=wire["type"],
            timestamp=datetime.fromisoformat(wire["timestamp"]),
            data=JobData.from_wire(wire["data"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEventData:
    """A period of a budget, when the event happened. Money is in US dollars."""

    budget_id: str
    """The budget's id."""
    name: str
    """The budget's name."""
    holder: str
    """Whose period it is: a key's id, a user's, or empty if all jobs count."""
    percent: int | None
    """The percentage of the limit that was reached; null in `budget.refused`."""
    limit: float
    """What may be spent in the period."""
    used: float
    """The cost of jobs that have ended."""
    reserved: float
    """The highest cost of the jobs that have not."""
    resets_at: datetime | None
    """UTC; when the budget begins anew. Null: never."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            budget_id=wire["budgetId"],
            name=wire["name"],
            holder=wire["holder"],
            percent=wire.get("percent"),
            limit=wire["limit"],
            used=wire["used"],
            reserved=wire["reserved"],
            resets_at=None if wire.get("resetsAt") is None else datetime.fromisoformat(wire["resetsAt"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEvent:
    """Something about a budget. All attempts have the same `webhook-id`."""

    type: str
    """`budget.alert` or `budget.refused`; more may come."""
    timestamp: datetime
    """UTC; when it happened."""
    data: BudgetEventData

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            type=wire["type"],
            timestamp=datetime.fromisoformat(wire["timestamp"]),
            data=BudgetEventData.from_wire(wire["data"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFault:
    """One thing wrong with the request."""

    pointer: str
    """JSON Pointer into the body, or the name of a parameter, of a header or of a key in a catalog (`location`)."""
    code: str
    """Stable code, for programs. Currently `missing`, `blank`, `unknown_name`, `misplaced_name`, `unknown_model`, `wrong_type`, `not_allowed`, `out_of_range`, `too_short`, `too_long`, `wrong_format`, `unsupported`, `conflict`, `too_large`, `gone`, `too_deep`, `invalid_json`, `malformed_json`, `malformed_form`, `invalid`; more may come."""
    message: str
    """One sentence, for people."""
    valid: tuple[str, ...] | None = None
    """The valid values."""
    suggestion: str | None = None
    """The closest valid name."""
    location: str | None = None
    """`query`, `path` or `header` if `pointer` is the name of a parameter, `catalog` if it is that of a key in a file of the catalog. Left out for the body."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            pointer=wire["pointer"],
            code=wire["code"],
            message=wire["message"],
            valid=None if wire.get("valid") is None else tuple(wire["valid"]),
            suggestion=wire.get("suggestion"),
            location=wire.get("location"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemLimit:
    """A rate, or a limit on open jobs, that is used up."""

    name: str
    """Whose limit it is, and of what."""
    limit: int
    """How many pass in a minute, and how many may come at once; of `-open-jobs`, how many jobs may be unfinished."""
    remaining: int
    """How many still pass at once; too few for this request."""
    free_at: datetime
    """UTC; when the request would pass this limit, or, of `-open-jobs`, may be worth another try."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            name=wire["name"],
            limit=wire["limit"],
            remaining=wire["remaining"],
            free_at=datetime.fromisoformat(wire["freeAt"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error (RFC 9457). Members that do not apply are left out."""

    type: str
    """The code as a URI."""
    title: str
    """The HTTP status in words."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong, for people; fal.ai's own message if fal.ai failed."""
    code: str
    """Stable code, for programs. Currently `invalid_input`, `invalid_query`, `unknown_model`, `unauthorized`, `insufficient_scope`, `user_not_allowed`, `grant_not_allowed`, `beyond_rate`, `key_not_found`, `key_revoked`, `key_expired`, `key_conflict`, `too_many_keys`, `budget_exceeded`, `catalog_refused`, `budget_not_found`, `budget_deleted`, `budget_conflict`, `too_many_budgets`, `job_not_found`, `batch_not_found`, `image_not_found`, `not_acceptable`, `request_timeout`, `idempotency_mismatch`, `job_finished`, `job_unfinished`, `not_to_be_retried`, `job_deleted`, `model_retired`, `body_too_large`, `unsupported_media_type`, `unsupported_picture`, `input_refused`, `output_refused`, `rate_limited`, `link_not_found`, `link_ended`, `image_gone`, `range_not_satisfiable`, `headers_too_large`, `provider_rejected`, `provider_account`, `internal_error`, `too_many_streams`, `unavailable`, `invalid_request`, `malformed_request`, `model_not_allowed`, `foreign_origin`, `misdirected_request`, `not_found`, `method_not_allowed`, `too_many_bodies`, `too_many_downloads`, `too_many_connections`, `provider_unavailable`, `submission_unknown`, `input_gone`, `result_lost`, `result_unreadable`, `result_too_large`, `cancel_unconfirmed`, `runner_crashed`, `storage_unavailable`, `picture_too_large`, `foreign_media_host`, `not_a_picture`, `transfer_failed`, `job_timeout`, `queue_timeout`, `deadline_exceeded`, `status_unreadable`; more may come."""
    errors: tuple[ProblemFault, ...] | None = None
    """Everything that is wrong with the request."""
    limits: tuple[ProblemLimit, ...] | None = None
    """The rates that are used up."""
    budgets: tuple[ProblemBudget, ...] | None = None
    """The budgets that have no room."""
    missing: tuple[str, ...] | None = None
    """Required inputs that are missing."""
    valid_models: tuple[str, ...] | None = None
    """The valid models."""
    suggestion: str | None = None
    """The closest valid name."""
    request_id: str | None = None
    """Equal to the header X-Request-Id; quote it to support."""
    job_id: str | None = None
    """The job in question; after a 503 it may or may not exist."""
    batch_id: str | None = None
    """The batch in question; after a 503 it may or may not exist."""
    key_id: str | None = None
    """The API key in question."""
    budget_id: str | None = None
    """The budget in question."""
    fal_status: int | None = None
    """HTTP status of fal.ai's response, if there was one."""
    fal_error_type: str | None = None
    """fal.ai's own error type."""
    retryable: bool | None = None
    """Whether the same request may succeed later."""
    charged: bool | None = None
    """For a failed job: whether you were charged."""

    @classmethod
    def from_wire(cls, wire: Wire, /) -> Self:
        """Read a JSON object; members that are not known are ignored."""
        return cls(
            type=wire["type"],
            title=wire["title"],
            status=wire["status"],
            detail=wire["detail"],
            code=wire["code"],
            errors=None
            if wire.get("errors") is None
            else tuple(ProblemFault.from_wire(each) for each in wire["errors"]),
            limits=None
            if wire.get("limits") is None
            else tuple(ProblemLimit.from_wire(each) for each in wire["limits"]),
            budgets=None
            if wire.get("budgets") is None
            else tuple(ProblemBudget.from_wire(each) for each in wire["budgets"]),
            missing=None if wire.get("missing") is None else tuple(wire["missing"]),
            valid_models=None if wire.get("validModels") is None else tuple(wire["validModels"]),
            suggestion=wire.get("suggestion"),
            request_id=wire.get("requestId"),
            job_id=wire.get("jobId"),
            batch_id=wire.get("batchId"),
            key_id=wire.get("keyId"),
            budget_id=wire.get("budgetId"),
            fal_status=wire.get("falStatus"),
            fal_error_type=wire.get("falErrorType"),
            retryable=wire.get("retryable"),
            charged=wire.get("charged"),
        )
