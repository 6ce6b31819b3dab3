"""What is left after a run in MongoDB, the sandbox's ledger, S3 and the receiver, as it is stored.

It is read with the harness's own schemas, because imagegen's code is what is being judged.
"""

import base64
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pymongo import AsyncMongoClient  # noqa: TID251 - looks into MongoDB itself
from pymongo.asynchronous.client_session import AsyncClientSession  # noqa: TID251 - the same
from pymongo.asynchronous.database import AsyncDatabase  # noqa: TID251 - the same
from standardwebhooks import Webhook

from imagegen.settings import Settings
from tests.chaos.faults import Fal
from tests.support.bucket import Bucket
from tests.support.receiver import Received

WEBHOOK_SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()

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


class _Failure(_Read):
    code: str


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
    images: tuple[StoredImage, ...] = ()
    error: _Failure | None = None
    attention: str | None = None
    batch_id: str | None = None
    retry_of: str | None = None
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery to the webhook receiver: the job, the event, and whether the signature is ours."""

    job_id: str
    event: str
    is_signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything that is left. `objects` are the keys in S3; `uploads` those of unfinished uploads."""

    documents: Sequence[Document]
    paid: Sequence[Paid]
    objects: frozenset[str]
    uploads: Sequence[str] = ()
    usage: Sequence[UsageRow] = ()
    receipts: Sequence[Receipt] = ()


async def read_records(settings: Settings, fal: Fal, bucket: Bucket, received: Sequence[Received]) -> Records:
    """Read everything."""
    ledger = await fal.ledger()
    requests: Any = ledger["requests"]
    documents, usage = await _read_documents_and_usage(settings)
    return Records(
        documents=documents,
        paid=[Paid.model_validate(each) for each in requests],
        objects=frozenset(await bucket.keys()),
        uploads=await bucket.unfinished(),
        usage=usage,
        receipts=[receipt_of(each) for each in received],
    )


async def read_documents(settings: Settings) -> Sequence[Document]:
    """Every job, oldest first."""
    async with _database(settings) as database:
        return await _documents(database)


async def left_to_deliver(settings: Settings) -> int:
    """The number of webhook deliveries that are pending."""
    async with _database(settings) as database:
        return await database["deliveries"].count_documents({"state": "pending"})


async def _read_documents_and_usage(settings: Settings) -> tuple[Sequence[Document], Sequence[UsageRow]]:
    """Both as of the same moment, because ended jobs are counted seconds later."""
    async with _database(settings) as database, database.client.start_session(snapshot=True) as session:
        usage = [UsageRow.model_validate(each) async for each in database["usage"].find(session=session)]
        return await _documents(database, session), usage


async def _documents(
    database: AsyncDatabase[dict[str, Any]], session: AsyncClientSession | None = None
) -> Sequence[Document]:
    found = database["jobs"].find(session=session).sort("_id")
    return [Document.model_validate({**each, "raw": each}) async for each in found]


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[AsyncDatabase[dict[str, Any]]]:
    assert settings.mongodb.url is not None
    url = settings.mongodb.url.get_secret_value()
    async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True, timeoutMS=20_000) as client:
        yield client[settings.mongodb.database]


def receipt_of(received: Received) -> Receipt:
    """The signature is computed again and compared, because the library's own check also limits the age."""
    sent_at = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
    signature = Webhook(WEBHOOK_SECRET).sign(received.id, sent_at, received.body.decode())
    told: Any = json.loads(received.body)
    signed = signature in received.headers["webhook-signature"].split()
    return Receipt(job_id=told["data"]["jobId"], event=told["type"], is_signed=signed)
