"""Batches."""

from datetime import datetime

from pydantic import Field

from imagegen.wire.base import Money, Wire
from imagegen.wire.budget_schemas import RefusedRequest


class BatchCounts(Wire):
    """The jobs of a batch by status."""

    total: int = Field(description="All jobs.")
    queued: int = Field(description="Not started.")
    running: int = Field(description="In progress.")
    completed: int = Field(description="Ended with images.")
    failed: int = Field(description="Ended without images, and not charged.")
    cancelled: int = Field(description="Cancelled by a caller, and not charged.")


class BatchCost(Wire):
    """What a batch costs you."""

    estimated: Money = Field(description="US dollars, if every image is delivered.", examples=[0.1])
    charged: Money = Field(description="US dollars, for the jobs completed so far.", examples=[0.05])
    currency: str = Field(description="Currency of both amounts.", examples=["USD"])


class Batch(Wire):
    """Jobs that were requested together, and their progress."""

    batch_id: str = Field(description="A ULID. `GET /api/jobs?batchId=` lists the jobs.")
    user_id: str = Field(description="The user that the request names.")
    status: str = Field(description="`running` until every job has ended, then `ended`.", examples=["running"])
    counts: BatchCounts
    cost: BatchCost
    job_ids: list[str] = Field(description="In the order of the requests.")
    refused: list[RefusedRequest] = Field(
        description="The requests for which budgets had no room; always empty without `partial`."
    )
    created_at: datetime = Field(description="UTC.")
