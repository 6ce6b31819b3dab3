"""What fal says of a cancellation at once."""

from enum import StrEnum
from http import HTTPStatus

import httpx
from pydantic import BaseModel

from imagegen.fal.answers import Lenient, read_json


class Cancelled(StrEnum):
    """Taken from fal's queue; asked for, which may be in vain; or the request had completed before."""

    DONE = "done"
    ASKED = "asked"
    TOO_LATE = "too_late"


class _Answer(BaseModel):
    status: Lenient[str] = None


def read_cancelled(response: httpx.Response) -> Cancelled:
    """What became of a cancellation, as far as the answer to it says."""
    try:
        said = _Answer.model_validate(read_json(response.content)).status
    except ValueError:
        return Cancelled.ASKED
    match response.status_code, said:
        case HTTPStatus.OK, "OK":
            return Cancelled.DONE
        case HTTPStatus.BAD_REQUEST, "ALREADY_COMPLETED":
            return Cancelled.TOO_LATE
        case _:
            return Cancelled.ASKED
