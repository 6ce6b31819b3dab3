"""Problem details (RFC 9457)."""

from datetime import datetime

from pydantic import Field

from imagegen.wire.base import Money, Wire


class ProblemFault(Wire):
    """One thing wrong with the request."""

    pointer: str = Field(
        description="JSON Pointer into the body, or the name of a parameter, of a header or of a key in a catalog "
        "(`location`)."
    )
    code: str = Field(description="Stable code, for programs.", examples=["unknown_name"])
    message: str = Field(description="One sentence, for people.")
    valid: list[str] | None = Field(default=None, description="The valid values.")
    suggestion: str | None = Field(default=None, description="The closest valid name.")
    location: str | None = Field(
        default=None,
        description="`query`, `path` or `header` if `pointer` is the name of a parameter, `catalog` if it is that of a "
        "key in a file of the catalog. Left out for the body.",
        examples=["query"],
    )


class ProblemLimit(Wire):
    """A rate, or a limit on open jobs, that is used up."""

    name: str = Field(description="Whose limit it is, and of what.", examples=["key-requests", "key-open-jobs"])
    limit: int = Field(
        description="How many pass in a minute, and how many may come at once; of `-open-jobs`, how many jobs may be "
        "unfinished."
    )
    remaining: int = Field(description="How many still pass at once; too few for this request.")
    free_at: datetime = Field(
        description="UTC; when the request would pass this limit, or, of `-open-jobs`, may be worth another try."
    )


class ProblemBudget(Wire):
    """A budget without room for a request."""

    id: str = Field(description="The budget's id.")
    name: str = Field(description="The budget's name.")
    limit: Money = Field(description="US dollars that may be spent in the period.")
    used: Money = Field(description="US dollars that ended jobs cost.")
    reserved: Money = Field(description="US dollars that unfinished jobs can cost at most.")
    remaining: Money = Field(description="US dollars that are left.")
    estimate: Money = Field(description="US dollars that the request can cost at most.")
    resets_at: datetime | None = Field(
        description="UTC; when the budget begins anew. Null for a prepaid wallet and for `rolling-30d`."
    )


class Problem(Wire):
    """An error (RFC 9457). Members that do not apply are left out."""

    type: str = Field(description="The code as a URI.", examples=["urn:imagegen:problem:invalid-input"])
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong, for people; fal.ai's own message if fal.ai failed.")
    code: str = Field(description="Stable code, for programs.")
    errors: list[ProblemFault] | None = Field(default=None, description="Everything that is wrong with the request.")
    limits: list[ProblemLimit] | None = Field(default=None, description="The rates that are used up.")
    budgets: list[ProblemBudget] | None = Field(default=None, description="The budgets that have no room.")
    missing: list[str] | None = Field(default=None, description="Required inputs that are missing.")
    valid_models: list[str] | None = Field(default=None, description="The valid models.")
    suggestion: str | None = Field(default=None, description="The closest valid name.")
    request_id: str | None = Field(default=None, description="Equal to the header X-Request-Id; quote it to support.")
    job_id: str | None = Field(default=None, description="The job in question; after a 503 it may or may not exist.")
    batch_id: str | None = Field(
        default=None, description="The batch in question; after a 503 it may or may not exist."
    )
    key_id: str | None = Field(default=None, description="The API key in question.")
    budget_id: str | None = Field(default=None, description="The budget in question.")
    fal_status: int | None = Field(default=None, description="HTTP status of fal.ai's response, if there was one.")
    fal_error_type: str | None = Field(default=None, description="fal.ai's own error type.")
    retryable: bool | None = Field(default=None, description="Whether the same request may succeed later.")
    charged: bool | None = Field(default=None, description="For a failed job: whether you were charged.")
