"""Problems of the API in the shape of fal's errors: `detail`, `message` and `error_type`, as `application/json`.

fal's JavaScript client reads no other media type, and shows `message`; the Python client shows `detail`. A status that
the clients answer by repeating the request is used only while nothing is stored.
"""

import json
import re
from collections.abc import Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Final, cast

from pydantic import JsonValue
from starlette.datastructures import MutableHeaders
from starlette.types import Scope, Send

from imagegen.api.http.problems import PROBLEM_JSON
from imagegen.api.http.request_ids import HEADER
from imagegen.doors.fal.key_forms import KeyForm

REQUEST_ID: Final = "x-fal-request-id"
USER_HEADER: Final = "x-imagegen-user-id"
REPEATED: Final = frozenset({408, 409, 425, 429, 502, 503, 504})
"""Statuses after which fal's clients send the same request again."""
_ACCEPTED: Final = "fal_request_id"  # in the state of a request
# Of a wrong body, and of what fal has no status for. Python's client would repeat a 409.
_STATUSES: Final = {"invalid_input": 422, "invalid_query": 422, "idempotency_mismatch": 422}
_CONFLICT: Final = 409
_TYPES: Final = {
    "missing": "missing",
    "wrong_type": "type_error",
    "not_allowed": "literal_error",
    "too_short": "sequence_too_short",
    "too_long": "sequence_too_long",
    "too_large": "file_too_large",
    "malformed_json": "json_invalid",
    "invalid_json": "json_invalid",
}
# Where the members of our own body come from in a request of fal's.
_PLACES: Final = {"webhookUrl": ("query", "fal_webhook"), "userId": ("header", USER_HEADER)}
_SECTIONS: Final = frozenset({"inputs", "options"})
_SECTION: Final = re.compile(r"\b(?:inputs|options)\.(?=\w)")
_KEY_WANTED: Final = (
    "Set FAL_KEY to an API key of this service, ig_…, which its operator makes (`imagegen keys add NAME`)."
)
_UNAUTHORIZED: Final = {
    KeyForm.NONE: f"An API key is required. {_KEY_WANTED}",
    KeyForm.OURS: f"This API key is not valid here. {_KEY_WANTED}",
    KeyForm.FOREIGN: f"This is no key of this service; keys of fal.ai are not used here. {_KEY_WANTED}",
}


def note_accepted(scope: Scope, job_id: str) -> None:
    """Note in a request's state that its job is stored: from now on, its client must not send it again."""
    scope["state"][_ACCEPTED] = job_id


class FalErrors:
    """Sends a response; one that is a problem is held back until it is complete, and sent in fal's shape."""

    def __init__(self, send: Send, form: KeyForm, scope: Scope) -> None:
        self._send, self._form, self._scope = send, form, scope
        self._start: MutableMapping[str, Any] | None = None
        self._body = bytearray()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_translated(self._start)

    async def _send_translated(self, start: MutableMapping[str, Any]) -> None:
        problem = cast("Mapping[str, Any]", json.loads(self._body)) if self._body else {"status": start["status"]}
        status, shape = fal_error(problem, self._form)
        job_id = self._scope.get("state", {}).get(_ACCEPTED) or problem.get("jobId")
        if _ACCEPTED in self._scope.get("state", {}) and status in REPEATED:
            status = int(HTTPStatus.INTERNAL_SERVER_ERROR)
        content = json.dumps(shape).encode() if self._body else b""
        start["status"] = status
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(content))
        headers[REQUEST_ID] = job_id or headers.get(HEADER, "")
        start["headers"] = headers.raw
        await self._send(start)
        await self._send({"type": "http.response.body", "body": content})


def _is_problem(message: MutableMapping[str, Any]) -> bool:
    kinds = (value for name, value in message.get("headers", ()) if name.lower() == b"content-type")
    return any(kind.startswith(PROBLEM_JSON.encode()) for kind in kinds)


def fal_error(problem: Mapping[str, Any], form: KeyForm = KeyForm.NONE) -> tuple[int, Mapping[str, JsonValue]]:
    """The status and the body in fal's shape of a problem. `form` is that of the key that was sent."""
    code = str(problem.get("code", "error"))
    status = _STATUSES.get(code, int(problem["status"]))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if status == _CONFLICT else status
    text = str(problem.get("detail", HTTPStatus(status).phrase))
    if code == "unauthorized":
        text = _UNAUTHORIZED[form]
    text = _SECTION.sub("", text)
    faults = problem.get("errors") or ()
    detail: JsonValue = text
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        detail = [_detail(fault) for fault in faults] or [{"loc": ["body"], "msg": text, "type": code}]
    shape: dict[str, JsonValue] = {"detail": detail, "message": text, "error_type": code}
    if code == "job_not_found":
        shape["status"] = "NOT_FOUND"
    if status == HTTPStatus.PAYMENT_REQUIRED:
        shape["budgets"] = problem.get("budgets")
    return int(status), shape


def _detail(fault: Mapping[str, Any]) -> JsonValue:
    code, pointer = str(fault["code"]), str(fault["pointer"])
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    if fault.get("location"):
        loc: list[JsonValue] = [str(fault["location"]), pointer]
    elif steps and steps[0] in _PLACES:
        loc = [*_PLACES[steps[0]]]
    else:
        below = steps[1:] if steps and steps[0] in _SECTIONS else steps
        loc = ["body", *(int(step) if step.isdecimal() else step for step in below)]
    return {"loc": loc, "msg": _SECTION.sub("", str(fault["message"])), "type": _TYPES.get(code, "value_error")}
