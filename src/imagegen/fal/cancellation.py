"""fal's response to a cancellation."""

from enum import StrEnum
from http import HTTPStatus

from pydantic import BaseModel

from imagegen.fal.responses import Lenient, read_json
from imagegen.net.http import Response


class CancelResult(StrEnum):
    """What fal reports at once: removed from its queue, requested (the request may complete all the same), or ended."""

    CANCELLED = "cancelled"
    REQUESTED = "requested"
    ALREADY_COMPLETED = "already_completed"


class _CancelBody(BaseModel):
    status: Lenient[str] = None


def read_cancel_result(response: Response) -> CancelResult:
    """The result of a cancellation; REQUESTED if the response does not state one."""
    try:
        status = _CancelBody.model_validate(read_json(response.content)).status
    except ValueError:
        return CancelResult.REQUESTED
    match response.status_code, status:
        case HTTPStatus.OK, "OK":
            return CancelResult.CANCELLED
        case HTTPStatus.BAD_REQUEST, "ALREADY_COMPLETED":
            return CancelResult.ALREADY_COMPLETED
        case _:
            return CancelResult.REQUESTED
