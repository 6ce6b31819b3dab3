"""What the webhook receiver was told, of jobs and of budgets."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from standardwebhooks import Webhook

from tests.support.receiver import Received

WEBHOOK_SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReceipt:
    """A delivery about a budget. All deliveries of one event have the same id."""

    id: str
    event: str
    at: datetime
    budget: str
    holder: str
    percent: int | None
    is_signed: bool

    def is_about(self, budget: str, holder: str) -> bool:
        """Whether it is about the period of this holder."""
        return (self.budget, self.holder) == (budget, holder)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery to the webhook receiver: the job, the event, and whether the signature is ours."""

    job_id: str
    event: str
    is_signed: bool


def receipt_of(received: Received) -> Receipt:
    """What was told about a job."""
    told: Any = json.loads(received.body)
    return Receipt(job_id=told["data"]["jobId"], event=told["type"], is_signed=_is_signed(received))


def budget_receipt_of(received: Received) -> BudgetReceipt:
    """What was told about a budget."""
    told: Any = json.loads(received.body)
    data = told["data"]
    return BudgetReceipt(
        id=received.id,
        event=told["type"],
        at=datetime.fromisoformat(told["timestamp"]),
        budget=data["budgetId"],
        holder=data["holder"],
        percent=data["percent"],
        is_signed=_is_signed(received),
    )


def is_about_a_budget(received: Received) -> bool:
    """Whether it is about a budget; all others are about jobs."""
    told: Any = json.loads(received.body)
    return str(told["type"]).startswith("budget.")


def _is_signed(received: Received) -> bool:
    """The signature is computed again and compared, because the library's own check also limits the age."""
    sent_at = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
    signature = Webhook(WEBHOOK_SECRET).sign(received.id, sent_at, received.body.decode())
    return signature in received.headers["webhook-signature"].split()
