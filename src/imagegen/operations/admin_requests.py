"""What the bodies of administrators have in common: their members, and how everything that is wrong with one is told.

In a change, a member that is left out stays as it is, and null has a meaning of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast

from pydantic import AfterValidator, BaseModel, Field, JsonValue, Strict, ValidationError
from pydantic_core import ErrorDetails

from imagegen.errors import Fault, InvalidInput, InvalidRequest, UnknownModel
from imagegen.json_object import JsonObject
from imagegen.registry import Registry
from imagegen.registry.faults import RequestSchema, faults_from_errors
from imagegen.registry.requests import LONGEST_NAME
from imagegen.registry.values import PLAIN_TEXT, check_printable

NULL_MEANS: Final = "x-null"  # a keyword of the JSON Schema: what null means, in a member where it is not an absence
M = TypeVar("M", bound=BaseModel)
Explain: TypeAlias = Callable[[Registry, Sequence[ErrorDetails], JsonValue], InvalidRequest]
Name: TypeAlias = Annotated[
    str,
    Strict(),
    Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra={"pattern": PLAIN_TEXT}),
    AfterValidator(check_printable),
]


def null_field(meaning: str, description: str) -> Any:
    """The field of a member for which null has a meaning of its own."""
    return Field(default=None, description=f"{description}; null: {meaning}.", json_schema_extra={NULL_MEANS: meaning})


def given_members(request: BaseModel) -> dict[str, Any]:
    """The members that a change gives; lists as tuples."""
    return {name: _unchanging(getattr(request, name)) for name in request.model_fields_set}


def explainer(
    kind: type[BaseModel],
    subject: str,
    more_faults: Callable[[JsonObject, Registry], Iterable[Fault]],
    hints: Mapping[str, str],
) -> Explain:
    """A function that turns the errors that pydantic found in a body into a refusal with every fault.

    Args:
        kind: the body's class.
        subject: what the body is about, for messages.
        more_faults: what the types do not say of the members without errors.
        hints: by pointer, the end of the sentence about an empty list.
    """
    shape = RequestSchema(subject, kind.model_json_schema())

    def explain(registry: Registry, errors: Sequence[ErrorDetails], body: JsonValue) -> InvalidRequest:
        if not isinstance(body, dict) or any(error["type"] == "json_invalid" for error in errors):
            return registry.invalid_request(errors, body)
        of_body = [_in_the_body(error) for error in errors]
        faulty = {error["loc"][0] for error in of_body}
        rest = {name: value for name, value in body.items() if name not in faulty and value is not None}
        found = [_with_hint(fault, hints) for fault in faults_from_errors(of_body, shape)]
        return InvalidInput([*found, *more_faults(rest, registry)])

    return explain


def read_body(kind: type[M], body: JsonValue, registry: Registry, explain: Explain) -> M:
    """Read a body. Raises InvalidRequest with every fault."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise explain(registry, error.errors(include_url=False), body) from error


def repeated(member: str, values: Sequence[object]) -> Iterator[Fault]:
    """A fault for each item of a list that is there already."""
    seen = Counter[object]()
    for number, value in enumerate(values):
        if seen[value]:
            message = f"{member}[{number}] repeats {str(value)[:100]!r}; name it once."
            yield Fault(pointer=f"/{member}/{number}", code="conflict", message=message)
        seen[value] += 1


def unknown_models(names: Sequence[str], registry: Registry) -> Iterator[Fault]:
    """A fault for each name in `models` that is no model's. The first one lists the models."""
    has_models = False
    for number, name in enumerate(names):
        try:
            registry.model(name)
        except UnknownModel as error:
            yield Fault(
                pointer=f"/models/{number}",
                code="unknown_model",
                message=f"models[{number}]: {error}",
                valid=() if has_models else error.valid,
                suggestion=error.suggestion,
            )
            has_models = True


def _unchanging(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


def _in_the_body(error: ErrorDetails) -> ErrorDetails:
    place = error["loc"]
    return {**error, "loc": place[1:] if place[:1] == ("body",) else place}


def _with_hint(fault: Fault, hints: Mapping[str, str]) -> Fault:
    """The fault of an empty list, with what to send instead."""
    if fault.code != "too_short" or fault.pointer not in hints:
        return fault
    return replace(fault, message=f"{fault.message.removesuffix('.')}; {hints[fault.pointer]}.")
