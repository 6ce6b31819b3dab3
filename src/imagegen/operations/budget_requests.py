"""The bodies that create, change and adjust budgets, and everything that can be wrong with them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Final, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    Strict,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from imagegen.budgets import ANY_USER, Budget, BudgetScope, Counts, Period, ScopeKind, time_zone
from imagegen.budgets.periods import UnknownTimeZone
from imagegen.clock import now
from imagegen.errors import Fault, InvalidInput, InvalidRequest
from imagegen.jobs import new_job_id
from imagegen.json_object import JsonObject
from imagegen.operations.admin_requests import (
    Name,
    explainer,
    given_members,
    null_field,
    read_body,
    repeated,
    unknown_models,
)
from imagegen.registry import Registry
from imagegen.registry.annotations import ClosedObject
from imagegen.registry.values import PLAIN_TEXT, check_printable, check_webhook_url, reject_boolean, to_integer
from imagegen.webhooks import LONGEST_URL, URL_PATTERN

MOST_MODELS: Final = 200
MOST_PERIODS: Final = 1000
_MOST_ALERTS: Final = 10
_HIGHEST: Final = 1_000_000_000
_DECIMALS: Final = 6
_LONGEST_REASON: Final = 500
_DEFAULT_ALERTS: Final = (50, 80, 100)
_UNCHANGEABLE: Final = ("scope", "currency", "counts", "period", "timeZone")
_EMPTY: Final = {"/models": "null means all models", "/scope/value": "name a key or a user"}


def _exact(value: object) -> Decimal:
    """The amount of a JSON number, digit for digit; 25 and 25.0 are the same."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("wrong_type", "must be a number")
    amount = Decimal(str(value))
    if not amount.is_finite() or not -_HIGHEST <= amount <= _HIGHEST:
        raise PydanticCustomError("out_of_range", "is too large: the most is {most}", {"most": f"{_HIGHEST:,}"})
    if amount != round(amount, _DECIMALS):
        raise PydanticCustomError("out_of_range", "must have at most {most} decimals", {"most": _DECIMALS})
    return amount.normalize() + 0  # 1E+3 becomes 1000


def _above_zero(amount: Decimal) -> Decimal:
    if amount <= 0:
        raise PydanticCustomError("out_of_range", "must be above 0")
    return amount


def _not_zero(amount: Decimal) -> Decimal:
    if amount == 0:
        raise PydanticCustomError("out_of_range", "must not be 0")
    return amount


BudgetName = Annotated[Name, Field(description="For people.", examples=["Ann's shop in a month"])]
Amount = Annotated[
    Decimal,
    BeforeValidator(_exact),
    AfterValidator(_above_zero),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": _HIGHEST}),
    Field(description="US dollars for each period, with at most six decimals.", examples=[25]),
]
Models = Annotated[
    list[Annotated[str, Strict()]],
    Field(min_length=1, max_length=MOST_MODELS, description="Only jobs of these models count. Default: of all."),
]
_Percentage = Annotated[
    int, Strict(), Field(ge=1, le=100), BeforeValidator(to_integer), BeforeValidator(reject_boolean)
]
Alerts = Annotated[
    list[_Percentage],
    Field(max_length=_MOST_ALERTS, description="Percentages of the limit that are told once in a period."),
]
WebhookUrl = Annotated[
    str,
    Strict(),
    Field(
        max_length=LONGEST_URL,
        description="URL that receives what the budget tells, signed by Standard Webhooks (see `webhooks`).",
        examples=["https://example.com/hooks/budgets"],
        json_schema_extra={"pattern": URL_PATTERN},
    ),
    AfterValidator(check_webhook_url),
]


class ScopeRequest(ClosedObject):
    """Whose jobs count."""

    kind: Literal["key", "user", "all"] = Field(description="Those of one key, of one user, or all.")
    value: Name | None = Field(
        default=None,
        description="The id of the key or of the user. `*`: each user has the amount for itself. Left out for `all`.",
        examples=["user123"],
    )


class CreateBudgetRequest(ClosedObject):
    """A budget to be created."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: BudgetName
    scope: ScopeRequest
    amount: Amount
    currency: Annotated[Literal["USD"], WithJsonSchema({"type": "string", "enum": ["USD"]})] = Field(
        default="USD", description="The only currency."
    )
    counts: Literal["charge", "provider"] = Field(
        default="charge",
        description="What counts: what you are charged, or what fal.ai bills. fal.ai's bill is unknown before a job "
        "ends, so `provider` budgets only tell.",
    )
    period: Literal["day", "week", "month", "rolling-30d"] | None = Field(
        default=None,
        description="How often it begins anew. `rolling-30d` is today and the 29 days before. Default: never, as a "
        "prepaid wallet.",
    )
    time_zone: Annotated[str, Strict(), Field(max_length=100)] | None = Field(
        default=None,
        description="IANA name; days begin at its midnight. Only with a period. Default: UTC.",
        examples=["Europe/Berlin"],
    )
    models: Models | None = None
    alerts: Alerts = Field(default=list(_DEFAULT_ALERTS))
    hard: Annotated[bool, Strict()] | None = Field(
        default=None,
        description="Whether it refuses jobs; if not, it only tells. Default: true if it counts `charge`, false if it "
        "counts `provider`.",
    )
    webhook_url: WebhookUrl | None = None

    @property
    def is_hard(self) -> bool:
        """Whether the budget refuses jobs."""
        return self.counts == Counts.CHARGE if self.hard is None else self.hard

    def budget(self) -> Budget:
        """The new budget."""
        moment = now()
        return Budget(
            id=new_job_id(moment),
            name=self.name,
            scope=BudgetScope(ScopeKind(self.scope.kind), self.scope.value),
            amount=self.amount,
            counts=Counts(self.counts),
            period=Period(self.period) if self.period else None,
            time_zone=self.time_zone or "UTC",
            models=tuple(self.models) if self.models else None,
            alerts=tuple(sorted(self.alerts)),
            hard=self.is_hard,
            webhook_url=self.webhook_url,
            created_at=moment,
        )


class ChangeBudgetRequest(BaseModel):
    """A change of a budget. Members that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    name: BudgetName = Field(default_factory=str)
    amount: Amount = Field(default_factory=Decimal)
    models: Models | None = null_field("all models", "Only jobs of these models count")
    alerts: Alerts = Field(default_factory=list[int])
    hard: Annotated[bool, Strict()] = Field(
        default_factory=bool, description="Whether it refuses jobs; if not, it only tells."
    )
    webhook_url: WebhookUrl | None = null_field("none", "URL that receives what the budget tells")

    def applied_to(self, budget: Budget) -> Budget:
        """The budget with the members that are given, as a new version of it."""
        given = given_members(self)
        if "alerts" in given:
            given["alerts"] = tuple(sorted(self.alerts))
        changed = replace(budget, **given)
        return changed if changed == budget else replace(changed, version=budget.version + 1)


class AdjustBudgetRequest(ClosedObject):
    """A change of a budget's amount, for some periods or for good."""

    amount: Annotated[
        Decimal,
        BeforeValidator(_exact),
        AfterValidator(_not_zero),
        WithJsonSchema({"type": "number", "minimum": -_HIGHEST, "maximum": _HIGHEST}),
        Field(description="US dollars, with at most six decimals; negative to take something away.", examples=[10]),
    ]
    reason: Annotated[
        str,
        Strict(),
        Field(
            min_length=1,
            max_length=_LONGEST_REASON,
            description="Why, for the ledger.",
            examples=["More for the trade fair"],
            json_schema_extra={"pattern": PLAIN_TEXT},
        ),
        AfterValidator(check_printable),
    ]
    periods: (
        Annotated[
            int,
            Strict(),
            Field(ge=1, le=MOST_PERIODS),
            BeforeValidator(to_integer),
            BeforeValidator(reject_boolean),
        ]
        | None
    ) = Field(
        default=None,
        description="How many periods have it, this one included. Default: 1. A wallet has no periods: there it stays.",
        examples=[1],
    )


BudgetRequest = CreateBudgetRequest | ChangeBudgetRequest


def request_faults(request: BudgetRequest, registry: Registry, stored: Budget | None = None) -> Iterator[Fault]:
    """What the types of a request do not say.

    Args:
        request: to create a budget, or to change one.
        registry: the models.
        stored: the budget to be changed.
    """
    yield from _list_faults(request, registry)
    match request:
        case CreateBudgetRequest():
            yield from _scope_faults(request.scope)
            yield from _period_faults(request.period, request.time_zone)
            yield from _hard_faults(request.counts, hard=request.hard)
        case ChangeBudgetRequest():
            yield from _hard_faults(stored and stored.counts, hard=request.hard)


def read_create_request(body: JsonValue, registry: Registry) -> CreateBudgetRequest:
    """Read a body that creates a budget. Raises InvalidRequest with the faults of its members."""
    return read_body(CreateBudgetRequest, body, registry, explain_create)


def read_change_request(body: JsonValue, registry: Registry) -> ChangeBudgetRequest:
    """Read a body that changes a budget. Raises InvalidRequest with the faults of its members."""
    return read_body(ChangeBudgetRequest, body, registry, explain_change)


def read_adjust_request(body: JsonValue, registry: Registry) -> AdjustBudgetRequest:
    """Read a body that adjusts a budget. Raises InvalidRequest with the faults of its members."""
    return read_body(AdjustBudgetRequest, body, registry, explain_adjust)


def explain_change(registry: Registry, errors: Sequence[ErrorDetails], body: JsonValue) -> InvalidRequest:
    """Explain a change with faults; of what cannot be changed, say so."""
    refusal = _explain_change(registry, errors, body)
    if not isinstance(refusal, InvalidInput):
        return refusal
    return InvalidInput([_unchangeable(fault) for fault in refusal.faults])


def _unchangeable(fault: Fault) -> Fault:
    name = fault.pointer.removeprefix("/")
    if fault.code != "unknown_name" or name not in _UNCHANGEABLE:
        return fault
    message = f"{name} cannot be changed: create another budget, then delete this one."
    return Fault(pointer=fault.pointer, code="not_allowed", message=message)


def _scope_faults(scope: ScopeRequest) -> Iterator[Fault]:
    if scope.kind == ScopeKind.ALL and scope.value is not None:
        yield Fault(pointer="/scope/value", code="conflict", message="scope.value must be left out if kind is all.")
    if scope.kind != ScopeKind.ALL and scope.value is None:
        what = f"the id of the {scope.kind}" + (f", or {ANY_USER!r}" if scope.kind == ScopeKind.USER else "")
        yield Fault(pointer="/scope/value", code="missing", message=f"scope.value is required: {what}.")


def _period_faults(period: str | None, zone: str | None) -> Iterator[Fault]:
    if zone is None:
        return
    if period is None:
        message = "timeZone must be left out without a period: a wallet has no days."
        yield Fault(pointer="/timeZone", code="conflict", message=message)
    try:
        time_zone(zone)
    except UnknownTimeZone as error:
        yield Fault(pointer="/timeZone", code="not_allowed", message=f"timeZone: {error}")


def _hard_faults(counts: str | None, *, hard: object) -> Iterator[Fault]:
    if hard is True and counts == Counts.PROVIDER:
        message = "hard must be false: fal.ai's bill is unknown before a job ends, so the budget can only tell."
        yield Fault(pointer="/hard", code="not_allowed", message=message)


def _list_faults(request: BudgetRequest, registry: Registry) -> Iterator[Fault]:
    yield from repeated("models", request.models or ())
    yield from repeated("alerts", request.alerts)
    yield from unknown_models(request.models or (), registry)


def _more_faults(members: JsonObject, registry: Registry) -> Iterator[Fault]:
    """What else is wrong with members whose types are right, beside others whose types are not."""
    lists = {name: value for name, value in members.items() if name in {"models", "alerts"}}
    yield from _list_faults(ChangeBudgetRequest.model_validate(lists), registry)
    if "scope" in members:
        yield from _scope_faults(ScopeRequest.model_validate(members["scope"]))
    yield from _hard_faults(cast("str | None", members.get("counts")), hard=members.get("hard"))


explain_create: Final = explainer(CreateBudgetRequest, "A budget", _more_faults, _EMPTY)
_explain_change: Final = explainer(ChangeBudgetRequest, "A change of a budget", _more_faults, _EMPTY)
explain_adjust: Final = explainer(AdjustBudgetRequest, "An adjustment", lambda _members, _registry: (), {})
