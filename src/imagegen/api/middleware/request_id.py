"""Gives every request an id: the caller's own if it is valid, otherwise a new one."""

import re
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.types import Scope

from imagegen.api.http.request_ids import HEADER, set_request_id
from imagegen.observability.logs import bind_log_context

# Short, and safe in a header and in a log line: no spaces, no control characters.
_VALID: Final = re.compile(r"[\x21-\x7e]{1,128}")


def begin_request_id(scope: Scope) -> str:
    """Use the header `X-Request-Id` if it is valid, otherwise a new id, and bind it to the log of this request."""
    given = Headers(scope=scope).get(HEADER, "")
    request_id = given if _VALID.fullmatch(given) else uuid4().hex
    set_request_id(request_id)
    bind_log_context(request_id=request_id)
    return request_id
