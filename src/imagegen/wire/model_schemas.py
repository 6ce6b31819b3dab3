"""Models, and what a request to one of them would cost."""

from datetime import date

from pydantic import Field, JsonValue

from imagegen.json_object import JsonObject
from imagegen.wire.base import Money, Number, Wire
from imagegen.wire.budget_schemas import BudgetState


class Retirement(Wire):
    """The end of a model."""

    since: date = Field(description="From this day, in UTC, new requests are refused with 410.")
    successor: str | None = Field(description="The model to use instead, if there is one.", examples=["flux-pro"])


class ModelSummary(Wire):
    """A model of the catalog."""

    name: str = Field(description="The value of `model` in requests.", examples=["flux-pro"])
    fal_endpoint: str = Field(description="The fal.ai endpoint that runs it.", examples=["fal-ai/flux-pro/v1.1"])
    category: str = Field(description="What it is for.", examples=["text-to-image"])
    description: str = Field(description="One sentence, to help people choose.")
    required_inputs: list[str] = Field(description="Names of the required inputs.")
    optional_inputs: list[str] = Field(description="Names of the optional inputs.")
    options: list[str] = Field(description="Names of the options.")
    default_options: JsonObject = Field(description="Options that apply if the request does not set them.")
    cost_per_image: Money = Field(
        description="US dollars for one image with the defaults, or for the request, if the number of images does not "
        "matter. `estimate-cost` prices a request.",
        examples=[0.05],
    )
    min_cost_per_image: Money = Field(description="US dollars for the cheapest request for one image.", examples=[0.05])
    max_cost_per_image: Money | None = Field(
        description="US dollars for the dearest request for one image; null if nothing bounds it.", examples=[9.55]
    )
    takes_images: bool = Field(description="Whether requests may have images.")
    takes_mask: bool = Field(description="Whether requests may have a mask.")
    takes_loras: bool = Field(description="Whether requests may have LoRA weights.")
    sizes: str = Field(
        description="How a request says the size of its images: in pixels or by a preset, as a ratio, or not at all.",
        examples=["pixels"],
    )
    max_images: int | None = Field(
        description="The most images that one request can make; null if nothing bounds it.", examples=[4]
    )
    tags: list[str] = Field(description="Short words for what it is good at.")
    aliases: list[str] = Field(description="Other names that requests may have in `model`.")
    retired: Retirement | None = Field(description="When it ends; null if that is not planned.")
    verified_at: date | None = Field(description="The day on which the catalog's entry was checked; null if unknown.")
    source: str | None = Field(
        description="Where its facts and its price are from.", examples=["https://fal.ai/models/fal-ai/flux-pro/v1.1"]
    )


class UnpricedModel(Wire):
    """A model that takes no requests until the operator gives it a price."""

    name: str = Field(description="Its name in the catalog.", examples=["flux-2-max"])
    fal_endpoint: str = Field(description="The fal.ai endpoint that runs it.")
    category: str = Field(description="What it is for.")
    description: str = Field(description="One sentence, to help people choose.")
    source: str | None = Field(description="Where its facts are from.")


class ModelList(Wire):
    """The models that `POST /api/images/generate` takes and that match."""

    models: list[ModelSummary] = Field(description="In the catalog's order.")
    unpriced: list[UnpricedModel] = Field(
        description="Models that only lack a price, which an entry of the operator's catalog sets; empty with a filter."
    )


class ModelDetail(ModelSummary):
    """A model with the JSON Schemas of its inputs and options, and a request that works."""

    inputs_schema: JsonObject = Field(description="The JSON Schema of `inputs`.")
    options_schema: JsonObject = Field(description="The JSON Schema of `options`.")
    example: JsonObject = Field(description="A body for POST /api/images/generate.")


class PriceFactor(Wire):
    """One factor of a price. The total is the product of all factors but the additions, which are added to it."""

    kind: str = Field(
        description="What `value` is: `costPerImage` or `costPerRequest` in US dollars, a `multiplier`, the number of "
        "`megapixels` of an image or of `images`, or an `addition` in US dollars.",
        examples=["multiplier"],
    )
    value: Number = Field(description="The number.", examples=[2.0])
    parameter: str | None = Field(
        description="The parameter that determines it; null if the model does.", examples=["resolution"]
    )
    given: JsonValue = Field(description="That parameter's value; null if it was left out.", examples=["4K"])


class EstimateWarning(Wire):
    """One thing that `generate` would refuse if the request were sent as it is."""

    pointer: str = Field(description="JSON Pointer into the body.", examples=["/options/num_images"])
    code: str = Field(description="Stable code, the same as in the error of `generate`.", examples=["out_of_range"])
    message: str = Field(
        description="What is wrong and how to fix it, in a sentence or two for people.",
        examples=["options.num_images must be between 1 and 4. Send 3 requests, or one batch of them."],
    )


class Estimate(Wire):
    """What you would be charged for a request if every image is delivered."""

    cost_per_image: Money = Field(
        description="US dollars for each image; for the smallest one, if its size is not known before.",
        examples=[0.05],
    )
    request_cost: Money = Field(
        description="US dollars beside the images, charged once if any image is delivered.", examples=[0.0]
    )
    total_cost: Money = Field(
        description="US dollars: `requestCost`, and `costPerImage` for each image. If `exact`, this is what you would "
        "be charged.",
        examples=[0.5],
    )
    max_cost: Money = Field(
        description="US dollars that would be reserved of budgets, and the most that you would be charged: for the "
        "largest size and number of images, where these are known only once the images are made.",
        examples=[0.5],
    )
    exact: bool = Field(description="Whether `totalCost` and `maxCost` are the same.")
    num_images: int = Field(description="Images that the price is for.")
    currency: str = Field(description="Currency of every amount here.", examples=["USD"])
    explanation: list[str] = Field(
        description="How the price was computed, one sentence per step.",
        examples=[["The model costs $0.05 per image.", "10 images.", "Total: $0.50."]],
    )
    factors: list[PriceFactor] = Field(description="The same, for programs.")
    warnings: list[EstimateWarning] = Field(
        description="What `generate` would refuse in this request; empty if it would accept it as it is."
    )
    budgets: list[BudgetState] = Field(description="What is left of the budgets that the job would count in.")
