"""The base classes of requests, and the builders of each model's own classes."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    Strict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError

from imagegen.errors import Fault
from imagegen.json_object import JsonObject
from imagegen.registry.annotations import ClosedObject, SchemaKeywords
from imagegen.registry.faults import RequestSchema, faults_from_errors
from imagegen.registry.type_forms import literal
from imagegen.registry.values import PLAIN_TEXT, check_printable, check_webhook_url, to_integer
from imagegen.webhooks import LONGEST_URL, URL_PATTERN

CONFLICT_FOUND = "conflict_found"
MOST_REQUESTS = 1000
FindConflicts = Callable[[JsonObject, JsonObject], list[Fault]]
LONGEST_NAME = 128
PlainText = Annotated[
    str, Field(max_length=LONGEST_NAME), AfterValidator(check_printable), SchemaKeywords({"pattern": PLAIN_TEXT})
]
UserId = Annotated[
    str,
    Strict(),
    Field(
        min_length=1,
        max_length=LONGEST_NAME,
        alias="userId",
        description="Your own id of the user. Printable text without spaces at its ends.",
        examples=["user123"],
        json_schema_extra={"pattern": PLAIN_TEXT},
    ),
    AfterValidator(check_printable),
]


def _absent() -> Any:
    """The value of an absent member: None, which the schema does not allow, so that clients do not send it."""


DeadlineSeconds = Annotated[
    int,
    Strict(),
    Field(
        ge=1,
        le=7 * 24 * 3600,
        alias="deadlineSeconds",
        description="Seconds after which you no longer want the images. A job that fal.ai has not completed by then is "
        "cancelled there, or never sent. What fal.ai completes anyway is delivered and charged.",
        examples=[600],
    ),
    BeforeValidator(to_integer),
]
WebhookUrl = Annotated[
    str,
    Strict(),
    Field(
        max_length=LONGEST_URL,
        alias="webhookUrl",
        description="URL that the job is POSTed to when it has ended, signed by Standard Webhooks (see `webhooks`).",
        examples=["https://example.com/hooks/imagegen"],
        json_schema_extra={"pattern": URL_PATTERN},
    ),
    AfterValidator(check_webhook_url),
]


class _WithExample(ClosedObject):
    example: ClassVar[dict[str, JsonValue] | None] = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add a complete, valid example."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        return {**schema, "examples": [cls.example]} if cls.example else schema


class ModelRequest(_WithExample):
    """A request for images of one model. Dumped with `exclude_unset`, inputs and options are as given."""

    model: str
    inputs: ClosedObject
    options: ClosedObject
    user_id: UserId
    deadline_seconds: DeadlineSeconds = Field(default_factory=_absent)
    webhook_url: WebhookUrl = Field(default_factory=_absent)


class EstimateRequest(_WithExample):
    """A request to be priced. Everything except the model may be missing."""

    model: str
    inputs: ClosedObject
    options: ClosedObject
    user_id: UserId = Field(default_factory=_absent)
    deadline_seconds: DeadlineSeconds = Field(default_factory=_absent)
    webhook_url: WebhookUrl = Field(default_factory=_absent)


class RequestBatch(ClosedObject):
    """Many requests of one user, unparsed. `Registry.parse_item` parses one at a time.

    Otherwise, a thousand requests with a hundred faults each would give a hundred thousand faults before any is cut.
    """

    requests: list[JsonValue] = Field(min_length=1, max_length=MOST_REQUESTS)
    user_id: UserId
    partial: Annotated[bool, Strict()] = Field(
        default=False,
        description="Accept as many requests as budgets have room for, in their order. Default: all or none.",
    )


class Envelope(ClosedObject):
    """A request before its model is known."""

    model: Annotated[str, Strict()]
    inputs: dict[str, Any]
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    user_id: UserId
    deadline_seconds: DeadlineSeconds = Field(default_factory=_absent)
    webhook_url: WebhookUrl = Field(default_factory=_absent)


class EstimateEnvelope(Envelope):
    """An estimate before its model is known."""

    inputs: dict[str, Any] = Field(default_factory=dict[str, Any])
    user_id: UserId = Field(default_factory=_absent)


class _UserScope(ClosedObject):
    user_id: UserId


def user_id_faults(user_id: str) -> list[Fault]:
    """The faults of a user id outside of a request for images."""
    try:
        _UserScope.model_validate({"userId": user_id})
    except ValidationError as error:
        return faults_from_errors(
            error.errors(include_url=False), RequestSchema("A request", _UserScope.model_json_schema())
        )
    return []


def given(part: BaseModel) -> dict[str, JsonValue]:
    """The JSON of inputs or options, exactly as the caller gave it."""
    return part.model_dump(mode="json", exclude_unset=True)


def request_class(
    model: str,
    stem: str,
    inputs: type[ClosedObject],
    options: type[ClosedObject],
    find_conflicts: FindConflicts,
) -> type[ModelRequest]:
    """Build the class of a model's requests."""
    sections: dict[str, Any] = {
        "model": (literal([model]), Field(description="The model's name.")),
        "inputs": (inputs, Field(description="What the image is made from.")),
        "options": (options, Field(default_factory=options, description="How the image is delivered.")),
    }
    return create_model(
        f"{stem}Request",
        __base__=ModelRequest,
        __doc__=f"A request for images of {model}.",
        __validators__=_without_conflicts(find_conflicts),
        **sections,
    )


def estimate_class(
    model: str,
    class_name: str,
    inputs: type[ClosedObject],
    options: type[ClosedObject],
    find_conflicts: FindConflicts,
) -> type[EstimateRequest]:
    """Make the class of what can be priced for a model."""
    sections: dict[str, Any] = {
        "model": (literal([model]), Field(description="The model's name.")),
        "inputs": (inputs, Field(default_factory=inputs, description="Some or all of the inputs.")),
        "options": (
            options,
            Field(default_factory=options, description="The options that affect the price, or all."),
        ),
    }
    return create_model(
        class_name,
        __base__=EstimateRequest,
        __doc__=f"A request for images of {model} to be priced, as far as it is known.",
        __validators__=_without_conflicts(find_conflicts),
        **sections,
    )


def _without_conflicts(find_conflicts: FindConflicts) -> dict[str, Any]:
    def no_conflicts(self: ModelRequest | EstimateRequest) -> ModelRequest | EstimateRequest:
        found = find_conflicts(given(self.inputs), given(self.options))
        if found:
            raise PydanticCustomError(CONFLICT_FOUND, "{text}", {"text": " ".join(fault.message for fault in found)})
        return self

    return {"no_conflicts": model_validator(mode="after")(no_conflicts)}


def item_class(request: type[ModelRequest], stem: str) -> type[ModelRequest]:
    """Build the class of a model's requests in a batch, whose user may be absent."""
    return create_model(
        f"{stem}BatchItem",
        __base__=request,
        __doc__=f"A request in a batch. {request.__doc__}",
        user_id=cast("Any", (UserId, Field(default_factory=_absent))),
    )


def _leave_unparsed(value: Any, _parse: ValidatorFunctionWrapHandler) -> Any:
    """The requests of a batch unparsed, if they are a list of valid length."""
    if not isinstance(value, list):
        raise PydanticKnownError("list_type")
    count = len(cast("list[JsonValue]", value))
    if count == 0:
        raise PydanticKnownError("too_short", {"field_type": "List", "min_length": 1, "actual_length": 0})
    if count > MOST_REQUESTS:
        limit = {"field_type": "List", "max_length": MOST_REQUESTS, "actual_length": count}
        raise PydanticKnownError("too_long", limit)
    return value  # pyright: ignore[reportUnknownVariableType] - its items are not parsed


def batch_class(item_type: Any) -> type[RequestBatch]:
    """Build the class of batches, which shows the schema of the requests and leaves them unparsed."""
    limits = Field(min_length=1, max_length=MOST_REQUESTS, description="Each as in the body of `generate`.")
    return create_model(
        "BatchRequest",
        __base__=RequestBatch,
        __doc__=f"Up to {MOST_REQUESTS} requests of one user, accepted all or none.",
        requests=cast("Any", (Annotated[list[item_type], limits, WrapValidator(_leave_unparsed)], ...)),
    )
