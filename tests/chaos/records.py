"""What is left after a run, read as it lies there: MongoDB's documents, the sandbox's ledger, S3's objects.

Read with shapes of the harness's own, never with imagegen's code, which is what is being judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from bucket import Bucket
from faults import Fal
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pymongo import AsyncMongoClient  # noqa: TID251 - looks into MongoDB itself

from imagegen.settings import Settings

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


class Picture(_Read):
    """A picture that a job names."""

    key: str
    width: int
    height: int
    sha256: str


class Document(_Read):
    """A job's document; `raw` is all of it."""

    id: str = Field(alias="_id")
    status: str
    inputs: Mapping[str, Any]
    cost: _Cost
    submission: _Submission
    images: tuple[Picture, ...] = ()
    error: _Failure | None = None
    attention: str | None = None
    raw: Mapping[str, Any]

    @property
    def token(self) -> str:
        """The word in the prompt that tells whose wish the job is."""
        return str(self.inputs["prompt"]).partition(" ")[0]

    @property
    def is_final(self) -> bool:
        return self.status in {"completed", "failed", "cancelled"}

    @property
    def is_unknown(self) -> bool:
        """Whether it ended without anybody knowing what fal made of its request."""
        return self.submission.state == "unknown" or (self.error is not None and "unknown" in self.error.code)

    @property
    def why(self) -> str:
        """Its status, with the code of its error."""
        return f"{self.status} ({self.error.code})" if self.error else self.status


class Paid(BaseModel):
    """One request that the sandbox accepted: what fal would have billed. `result_status` is that of its outcome."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    request_id: str
    body: Mapping[str, Any]
    state: str
    result_status: int | None

    @property
    def token(self) -> str:
        """The word in the prompt that tells whose wish it was."""
        return str(self.body["prompt"]).partition(" ")[0]

    @property
    def pictures(self) -> int:
        """How many were asked for."""
        return int(self.body.get("num_images", 1))


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that is left. `objects` are S3's keys; `uploads` those of uploads that nobody finished."""

    documents: Sequence[Document]
    paid: Sequence[Paid]
    objects: frozenset[str]
    uploads: Sequence[str]


async def read_records(settings: Settings, fal: Fal, bucket: Bucket) -> Records:
    """Read it all."""
    documents = await read_documents(settings)
    ledger = await fal.ledger()
    requests: Any = ledger["requests"]
    return Records(
        documents=documents,
        paid=[Paid.model_validate(each) for each in requests],
        objects=frozenset(await bucket.keys()),
        uploads=await bucket.unfinished(),
    )


async def read_documents(settings: Settings) -> Sequence[Document]:
    """Every job, oldest first."""
    assert settings.mongodb.url is not None
    url = settings.mongodb.url.get_secret_value()
    async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True, timeoutMS=20_000) as client:
        found = client[settings.mongodb.database]["jobs"].find().sort("_id")
        return [Document.model_validate({**each, "raw": each}) async for each in found]
