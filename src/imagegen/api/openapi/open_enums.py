"""Strings whose values may grow: the document lists the known values, but the type stays a plain string.

A closed `enum` would make generated clients fail on the first value that a later version adds. `x-extensible-enum`
(Zalando's API guidelines, rule 112) lists the values for programs.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from imagegen.api.openapi.problem_examples import PROBLEMS
from imagegen.budgets import Counts, Period, ScopeKind
from imagegen.jobs import ImageRole, JobStatus, StopReason
from imagegen.registry.capabilities import SizeForm
from imagegen.registry.price import FactorKind
from imagegen.storage.audit_trail import AuditAction
from imagegen.storage.budgets.ledger import LedgerKind
from imagegen.webhooks import AttemptOutcome, DeliveryState

_MORE_MAY_COME: Final = "more may come."
_MISSING: Final = ("picture_too_large", "foreign_media_host", "image_gone", "not_a_picture", "transfer_failed")
_FAILURES: Final = (
    "provider_rejected",
    "provider_unavailable",
    "provider_account",
    "input_refused",
    "output_refused",
    "submission_unknown",
    "input_gone",
    "result_lost",
    "result_unreadable",
    "result_too_large",
    "cancel_unconfirmed",
    "runner_crashed",
    "storage_unavailable",
    *_MISSING,
    *(reason.value for reason in StopReason if reason is not StopReason.CANCELLED),
)
_EDGE_PROBLEMS: Final = (
    "invalid_request",
    "malformed_request",
    "model_not_allowed",
    "foreign_origin",
    "misdirected_request",
    "not_found",
    "method_not_allowed",
    "too_many_bodies",
    "too_many_downloads",
    "too_many_connections",
)
_FAULTS: Final = (
    "missing",
    "blank",
    "unknown_name",
    "misplaced_name",
    "unknown_model",
    "wrong_type",
    "not_allowed",
    "out_of_range",
    "too_short",
    "too_long",
    "wrong_format",
    "unsupported",
    "conflict",
    "too_large",
    "gone",
    "too_deep",
    "invalid_json",
    "malformed_json",
    "malformed_form",
    "invalid",
)
VALUES: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("Job", "type"): ("image-generation",),
    ("Job", "status"): tuple(JobStatus),
    ("JobEvent", "status"): tuple(JobStatus),
    ("JobEvent", "stage"): ("waiting", "submitting", "submitted", "in_queue", "generating", "storing"),
    ("JobFailure", "code"): _FAILURES,
    ("Image", "role"): tuple(ImageRole),
    ("MissingImage", "code"): _MISSING,
    ("Cost", "source"): ("estimated", "billed"),
    ("Batch", "status"): ("running", "ended"),
    ("Delivery", "state"): tuple(DeliveryState),
    ("DeliveryAttempt", "outcome"): tuple(AttemptOutcome),
    ("WebhookEvent", "type"): ("job.completed", "job.failed", "job.cancelled"),
    ("BudgetEvent", "type"): ("budget.alert", "budget.refused"),
    ("PriceFactor", "kind"): tuple(FactorKind),
    ("ModelSummary", "sizes"): tuple(SizeForm),
    ("ModelDetail", "sizes"): tuple(SizeForm),
    ("AuditEntry", "action"): tuple(AuditAction),
    ("BudgetScope", "kind"): tuple(ScopeKind),
    ("Budget", "counts"): tuple(Counts),
    ("Budget", "period"): tuple(Period),
    ("LedgerEntry", "kind"): tuple(LedgerKind),
    ("EstimateWarning", "code"): _FAULTS,
    ("Problem", "code"): tuple(dict.fromkeys((*PROBLEMS, *_EDGE_PROBLEMS, *_FAILURES))),
    ("ProblemFault", "code"): _FAULTS,
    ("ServerHealth", "status"): ("up", "down"),
    ("Health", "status"): ("ready", "not_ready"),
}


def open_enums(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Add the known values to the schemas of their members, in place."""
    for (name, member), values in VALUES.items():
        schema = schemas[name]["properties"][member]
        schema["x-extensible-enum"] = [str(value) for value in values]
        if _MORE_MAY_COME not in schema["description"]:
            listed = ", ".join(f"`{value}`" for value in values)
            schema["description"] += f" Currently {listed}; {_MORE_MAY_COME}"
