"""The request that every model's own request extends, and the class of one model's request."""

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
from imagegen.registry.annotations import ClosedObject, Shown
from imagegen.registry.conflicts import JsonObject
from imagegen.registry.faults import Shape, faults
from imagegen.registry.type_forms import literal
from imagegen.registry.values import PLAIN_TEXT, printable, webhook_address, whole
from imagegen.webhooks import LONGEST_URL, URL_PATTERN

CONFLICT_FOUND = "conflict_found"
MOST_REQUESTS = 1000
FindConflicts = Callable[[JsonObject, JsonObject], list[Fault]]
LONGEST_NAME = 128
PlainText = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(printable), Shown({"pattern": PLAIN_TEXT})]
UserId = Annotated[
    str,
    Strict(),
    Field(
        min_length=1,
        max_length=LONGEST_NAME,
        alias="userId",
        description="Whose request this is: your own id of the user. Printable text without spaces at its ends.",
        examples=["user123"],
        json_schema_extra={"pattern": PLAIN_TEXT},
    ),
    AfterValidator(printable),
]


def _absent() -> Any:
    """What stands for a member that was not given: None, which the schema does not allow, so that nobody sends it."""


DeadlineSeconds = Annotated[
    int,
    Strict(),
    Field(
        ge=1,
        le=7 * 24 * 3600,
        alias="deadlineSeconds",
        description="After this long you do not want the pictures any more: a job that fal.ai has not completed by "
        "then is cancelled there, or never sent. What fal.ai completes all the same is delivered and charged.",
        examples=[600],
    ),
    BeforeValidator(whole),
]
WebhookUrl = Annotated[
    str,
    Strict(),
    Field(
        max_length=LONGEST_URL,
        alias="webhookUrl",
        description="Where to POST the job when it has ended, signed by Standard Webhooks (see `webhooks`).",
        examples=["https://example.com/hooks/imagegen"],
        json_schema_extra={"pattern": URL_PATTERN},
    ),
    AfterValidator(webhook_address),
]


class _Exemplified(ClosedObject):
    example: ClassVar[dict[str, JsonValue] | None] = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add a request that works as it stands."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        return {**schema, "examples": [cls.example]} if cls.example else schema


class ModelRequest(_Exemplified):
    """A request for one model's pictures. Dumped with `exclude_unset`, inputs and options are as they were given."""

    model: str
    inputs: ClosedObject
    options: ClosedObject
    user_id: UserId
    deadline_seconds: DeadlineSeconds = Field(default_factory=_absent)
    webhook_url: WebhookUrl = Field(default_factory=_absent)


class EstimateRequest(_Exemplified):
    """What to price: a request for one model's pictures of which all but the model may be missing."""

    model: str
    inputs: ClosedObject
    options: ClosedObject
    user_id: UserId = Field(default_factory=_absent)
    deadline_seconds: DeadlineSeconds = Field(default_factory=_absent)
    webhook_url: WebhookUrl = Field(default_factory=_absent)


class RequestBatch(ClosedObject):
    """Many requests of one user, each as it was sent: `Registry.parse_item` reads one at a time.

    A thousand requests with a hundred faults each would otherwise be a hundred thousand faults before the first is cut.
    """

    requests: list[JsonValue] = Field(min_length=1, max_length=MOST_REQUESTS)
    user_id: UserId


class Envelope(ClosedObject):
    """What can be said of a request before its model is known."""

    model: Annotated[str, Strict()]
    inputs: dict[str, Any]
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    user_id: UserId
    deadline_seconds: DeadlineSeconds = Field(default_factory=_absent)
    webhook_url: WebhookUrl = Field(default_factory=_absent)


class EstimateEnvelope(Envelope):
    """What can be said of an estimate before its model is known."""

    inputs: dict[str, Any] = Field(default_factory=dict[str, Any])
    user_id: UserId = Field(default_factory=_absent)


class _Whose(ClosedObject):
    user_id: UserId


def user_id_faults(user_id: str) -> list[Fault]:
    """What is wrong with a user's id that comes outside of a request for pictures."""
    try:
        _Whose.model_validate({"userId": user_id})
    except ValidationError as error:
        return faults(error.errors(include_url=False), Shape("A request", _Whose.model_json_schema()))
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
    """Make the class of a model's requests."""
    sections: dict[str, Any] = {
        "model": (literal([model]), Field(description="The model's name.")),
        "inputs": (inputs, Field(description="What the picture is made from.")),
        "options": (options, Field(default_factory=options, description="How the picture is delivered.")),
    }
    return create_model(
        f"{stem}Request",
        __base__=ModelRequest,
        __doc__=f"A request for pictures of {model}.",
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
        "options": (options, Field(default_factory=options, description="Those that decide the price, or all.")),
    }
    return create_model(
        class_name,
        __base__=EstimateRequest,
        __doc__=f"What to price: a request for pictures of {model}, as far as it is known.",
        __validators__=_without_conflicts(find_conflicts),
        **sections,
    )


def _without_conflicts(find_conflicts: FindConflicts) -> dict[str, Any]:
    def no_conflicts(self: ModelRequest | EstimateRequest) -> ModelRequest | EstimateRequest:
        found = find_conflicts(given(self.inputs), given(self.options))
        if found:
            raise PydanticCustomError(CONFLICT_FOUND, "{said}", {"said": " ".join(fault.message for fault in found)})
        return self

    return {"no_conflicts": model_validator(mode="after")(no_conflicts)}


def item_class(request: type[ModelRequest], stem: str) -> type[ModelRequest]:
    """Make the class of a model's requests within a batch: the user may be left out."""
    return create_model(
        f"{stem}BatchItem",
        __base__=request,
        __doc__=f"A request of a batch. {request.__doc__}",
        user_id=cast("Any", (UserId, Field(default_factory=_absent))),
    )


def _unread(value: Any, _read: ValidatorFunctionWrapHandler) -> Any:
    """The requests of a batch as they were sent, if they are a list of a fit length."""
    if not isinstance(value, list):
        raise PydanticKnownError("list_type")
    count = len(cast("list[JsonValue]", value))
    if count == 0:
        raise PydanticKnownError("too_short", {"field_type": "List", "min_length": 1, "actual_length": 0})
    if count > MOST_REQUESTS:
        limit = {"field_type": "List", "max_length": MOST_REQUESTS, "actual_length": count}
        raise PydanticKnownError("too_long", limit)
    return value  # pyright: ignore[reportUnknownVariableType] - nobody has looked into it


def batch_class(item_type: Any) -> type[RequestBatch]:
    """Make the class of batches of such requests, which shows their schema and leaves them unread."""
    limits = Field(min_length=1, max_length=MOST_REQUESTS, description="Each like the body of `generate`.")
    return create_model(
        "BatchRequest",
        __base__=RequestBatch,
        __doc__=f"Up to {MOST_REQUESTS} requests of one user, accepted together or not at all.",
        requests=cast("Any", (Annotated[list[item_type], limits, WrapValidator(_unread)], ...)),
    )
