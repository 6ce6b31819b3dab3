"""What is left after a run in MongoDB, the sandbox's ledger, S3 and the receiver, as it is stored.

It is read with the harness's own schemas, because imagegen's code is what is being judged.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pymongo import AsyncMongoClient  # noqa: TID251 - looks into MongoDB itself
from pymongo.asynchronous.client_session import AsyncClientSession  # noqa: TID251 - the same
from pymongo.asynchronous.database import AsyncDatabase  # noqa: TID251 - the same

from imagegen.settings import Settings
from tests.chaos.faults import Fal
from tests.chaos.receipts import BudgetReceipt, Receipt, budget_receipt_of, is_about_a_budget, receipt_of
from tests.support.bucket import Bucket
from tests.support.receiver import Received


def _money_or_none(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


Money = Annotated[Decimal, BeforeValidator(lambda value: Decimal(str(value)))]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Submission(_Read):
    class Request(_Read):
        request_id: str

    state: str
    request: Request | None = None


class _Cost(_Read):
    cost_per_image: Money
    num_images: int
    total_cost: Money
    provider_cost: Annotated[Decimal | None, BeforeValidator(_money_or_none)] = None


class _Held(_Read):
    """What a job holds of a period of a budget, or held before its end."""

    period: str
    amount: Money
    number: int
    state: str


class _Failure(_Read):
    code: str


class _Transfer(_Read):
    """How often storing its images failed."""

    attempts: int = 0


class StoredImage(_Read):
    """An image that a job names."""

    key: str
    width: int
    height: int
    sha256: str


class Document(_Read):
    """A job's document; `raw` is all of it."""

    id: str = Field(alias="_id")
    user_id: str
    status: str
    inputs: Mapping[str, Any]
    cost: _Cost
    submission: _Submission
    transfer: _Transfer = _Transfer()
    images: tuple[StoredImage, ...] = ()
    error: _Failure | None = None
    attention: str | None = None
    batch_id: str | None = None
    retry_of: str | None = None
    reservations: tuple[_Held, ...] = ()
    raw: Mapping[str, Any]

    @property
    def token(self) -> str:
        """The token in the prompt."""
        return str(self.inputs["prompt"]).partition(" ")[0]

    @property
    def is_final(self) -> bool:
        return self.status in {"completed", "failed", "cancelled"}

    @property
    def is_unknown(self) -> bool:
        """Whether it ended without a known outcome at fal."""
        return self.submission.state == "unknown" or (self.error is not None and "unknown" in self.error.code)

    @property
    def why(self) -> str:
        """Its status, with the code of its error."""
        return f"{self.status} ({self.error.code})" if self.error else self.status


class UsageRow(_Read):
    """A document of the usage: the sums of the jobs of a user that ended on a day, or in a month."""

    day: str | None = None
    month: str | None = None
    user_id: str
    jobs: int
    completed: int
    failed: int
    images: int
    charged: Money


class Paid(BaseModel):
    """A request that the sandbox accepted, and that fal would have billed.

    Attributes:
        result_status: of its outcome.
        dictated: how many of its calls, by kind, got a planned response.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    request_id: str
    body: Mapping[str, Any]
    state: str
    result_status: int | None
    submitted_at: float
    completed_at: float | None
    dictated: Mapping[str, int] = {}

    @property
    def was_lied_about(self) -> bool:
        """Whether a response of fal may have called it refused, failed or cancelled although it was not."""
        return any(self.dictated.get(call) for call in ("submit", "result", "cancel"))

    @property
    def token(self) -> str:
        """The token in the prompt."""
        return str(self.body["prompt"]).partition(" ")[0]

    @property
    def images(self) -> int:
        """The number of images that were requested."""
        return int(self.body.get("num_images", 1))


class BudgetRecord(_Read):
    """A budget."""

    class Scope(_Read):
        kind: str
        value: str | None

    id: str = Field(alias="_id")
    name: str
    scope: Scope
    amount: Money
    counts: str
    alerts: tuple[int, ...]
    hard: bool
    webhook_url: str | None


class PeriodRecord(_Read):
    """The counters of a period of a budget for one holder."""

    id: str = Field(alias="_id")
    budget_id: str
    holder: str
    limit: Money
    used: Money
    reserved: Money
    refused_at: datetime | None = None

    def has_reached(self, percent: int) -> bool:
        """Whether so much of the limit is used or reserved."""
        return (self.used + self.reserved) * 100 >= self.limit * percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything that is left.

    Attributes:
        objects: the keys in S3.
        uploads: those of unfinished uploads.
        rounds: the ids of changes of budgets that were not finished.
        corrections: what workers logged when counters of budgets differed from the jobs.
    """

    documents: Sequence[Document]
    paid: Sequence[Paid]
    objects: frozenset[str]
    uploads: Sequence[str] = ()
    usage: Sequence[UsageRow] = ()
    receipts: Sequence[Receipt] = ()
    budgets: Sequence[BudgetRecord] = ()
    periods: Sequence[PeriodRecord] = ()
    rounds: Sequence[str] = ()
    corrections: Sequence[str] = ()
    budget_receipts: Sequence[BudgetReceipt] = ()


async def read_records(
    settings: Settings, fal: Fal, bucket: Bucket, received: Sequence[Received], corrections: Sequence[str] = ()
) -> Records:
    """Read everything."""
    ledger = await fal.ledger()
    requests: Any = ledger["requests"]
    documents, usage = await _read_documents_and_usage(settings)
    async with open_database(settings) as database:
        budgets, periods = await read_budgets(database)
        rounds = [each["_id"] async for each in database["budgetRounds"].find()]
    return Records(
        documents=documents,
        paid=[Paid.model_validate(each) for each in requests],
        objects=frozenset(await bucket.keys()),
        uploads=await bucket.unfinished(),
        usage=usage,
        receipts=[receipt_of(each) for each in received if not is_about_a_budget(each)],
        budgets=budgets,
        periods=periods,
        rounds=rounds,
        corrections=corrections,
        budget_receipts=[budget_receipt_of(each) for each in received if is_about_a_budget(each)],
    )


async def read_documents(settings: Settings) -> Sequence[Document]:
    """Every job, oldest first."""
    async with open_database(settings) as database:
        return await _documents(database)


async def read_budgets(
    database: AsyncDatabase[dict[str, Any]], session: AsyncClientSession | None = None
) -> tuple[Sequence[BudgetRecord], Sequence[PeriodRecord]]:
    """Every budget, and the counters of all periods."""
    budgets = [BudgetRecord.model_validate(each) async for each in database["budgets"].find(session=session)]
    found = database["budgetPeriods"].find(session=session).sort("_id")
    return budgets, [PeriodRecord.model_validate(each) async for each in found]


async def left_to_settle(settings: Settings) -> int:
    """The number of jobs and of rounds whose amounts are still to be settled in their budgets."""
    async with open_database(settings) as database:
        jobs = await database["jobs"].count_documents({"reservationsDue": True})
        return jobs + await database["budgetRounds"].count_documents({})


async def left_to_deliver(settings: Settings) -> int:
    """The number of webhook deliveries that are pending."""
    async with open_database(settings) as database:
        return await database["deliveries"].count_documents({"state": "pending"})


async def _read_documents_and_usage(settings: Settings) -> tuple[Sequence[Document], Sequence[UsageRow]]:
    """Both as of the same moment, because ended jobs are counted seconds later."""
    async with open_database(settings) as database, database.client.start_session(snapshot=True) as session:
        usage = [UsageRow.model_validate(each) async for each in database["usage"].find(session=session)]
        return await _documents(database, session), usage


async def _documents(
    database: AsyncDatabase[dict[str, Any]], session: AsyncClientSession | None = None
) -> Sequence[Document]:
    found = database["jobs"].find(session=session).sort("_id")
    return [Document.model_validate({**each, "raw": each}) async for each in found]


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator[AsyncDatabase[dict[str, Any]]]:
    """The database of the jobs, read past imagegen."""
    assert settings.mongodb.url is not None
    url = settings.mongodb.url.get_secret_value()
    async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True, timeoutMS=20_000) as client:
        yield client[settings.mongodb.database]
