"""The paid POST to fal's queue, sent at most once.

The only file that imports fal-client, which builds this request and cannot send it: it would repeat the POST after a
timeout, a 429 or a 503. Every other request is made by `queue_client`, because fal-client's own reads poll ten times a
second, drop the response headers, and give up on responses that mean "ask again".
"""

import json
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import fal_client
import httpx
from fal_client.client import USER_AGENT as FAL_CLIENT_AGENT
from typing_extensions import override
from yarl import URL

from imagegen import __version__
from imagegen.errors import (
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    SubmissionNotSent,
    SubmissionUnknown,
    TooManyOpenFiles,
    is_out_of_files,
)
from imagegen.fal.error_responses import ErrorResponse, read_error_response, with_message
from imagegen.fal.history import without_sync_mode
from imagegen.fal.queue_client import unreadable_response
from imagegen.fal.responses import read_retry_after, read_submit_response
from imagegen.fal.sanitize import LONGEST_LINE, Sanitizer
from imagegen.fal.sender import MALFORMED_RESPONSES, NETWORK_FAILURES, is_certainly_unsent
from imagegen.fal.urls import QueueAddress
from imagegen.jobs import Priority, ProviderRequest
from imagegen.json_object import JsonObject
from imagegen.net.http import MAX_ERROR_BYTES, Request, Response, Sender, client_timeout, fetch

USER_AGENT: Final = f"imagegen/{__version__} {FAL_CLIENT_AGENT}"
_UNBUILDABLE: Final = (TypeError, ValueError, RecursionError)  # what an input raises that cannot become a request
# Once the POST has left, every failure means the same: the outcome is unknown.
_POST_FAILURES: Final = (*NETWORK_FAILURES, *MALFORMED_RESPONSES)
# 4xx statuses that do not prove that fal has no request: timeout, conflict, too early, too many, client closed.
_AMBIGUOUS: Final = frozenset({408, 409, 425, 429, 499})
_NO_ID: Final = "fal.ai's response to the request names no request id"


class Submitter:
    """Submits requests to one fal account's queue.

    Args:
        sender: sends to fal's hosts only.
        address: fal's queue.
        headers: of every request, with the key.
        sanitizer: cleans what error messages repeat.
        limit: for the POST and its whole response.
    """

    def __init__(
        self,
        sender: Sender,
        address: QueueAddress,
        headers: Mapping[str, str],
        sanitizer: Sanitizer,
        limit: timedelta,
    ) -> None:
        self._sender, self._address, self._headers = sender, address, headers
        self._sanitizer, self._limit = sanitizer, limit
        self._builder = _FalClient()

    async def submit(
        self, endpoint: str, payload: JsonObject, webhook_url: str | None, priority: Priority
    ) -> ProviderRequest:
        """Send the POST that fal-client builds, once.

        Raises:
            ProviderError: as `FalClient.submit` describes.
        """
        sanitizer = self._sanitizer.with_webhook(webhook_url)
        try:
            built = await self._builder.build(endpoint, without_sync_mode(payload), webhook_url, priority)
            request = self._request(built)
        except _UNBUILDABLE:
            message = "The input cannot be sent to fal.ai: it is not valid JSON."
            raise ProviderRejected(ProviderAnswer(message=message)) from None
        response = await self._post(request, sanitizer)
        if not response.is_success:
            raise submit_error(response, sanitizer)
        return self._accepted(response, endpoint, sanitizer)

    def _request(self, built: "_Built") -> Request:
        """The request to the host of `FAL_QUEUE_URL`, whichever host fal-client chose."""
        content = json.dumps(built.payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return Request(
            method="POST",
            url=self._address.url_for_path(URL(built.url).raw_path_qs),
            headers={**self._headers, **built.headers, "Content-Type": "application/json"},
            timeout=client_timeout(self._limit),
            content=content,
        )

    async def _post(self, request: Request, sanitizer: Sanitizer) -> Response:
        """Send the POST and read the whole response: one that breaks off in its body counts as none.

        Raises:
            SubmissionNotSent: fal certainly has no request.
            TooManyOpenFiles: the same, because of this process's limit.
            SubmissionUnknown: fal may or may not have the request.
        """
        try:
            return await fetch(self._sender, request, self._limit, MAX_ERROR_BYTES)
        except _POST_FAILURES as error:
            raise _no_response(error, sanitizer) from None  # the cause's text may hold the secrets that ours leaves out

    def _accepted(self, response: Response, endpoint: str, sanitizer: Sanitizer) -> ProviderRequest:
        accepted = read_submit_response(response)
        if accepted is None:
            raise SubmissionUnknown(unreadable_response(_NO_ID, response, sanitizer))
        name, address = accepted.request_id, self._address
        return ProviderRequest(
            request_id=name,
            status_url=address.request_url(accepted.status_url, endpoint, name, "/status"),
            response_url=address.request_url(accepted.response_url, endpoint, name),
            cancel_url=address.request_url(accepted.cancel_url, endpoint, name, "/cancel"),
        )


def _no_response(error: Exception, sanitizer: Sanitizer) -> ProviderError | TooManyOpenFiles:
    reason = sanitizer.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
    if is_certainly_unsent(error):
        if is_out_of_files(error):
            return TooManyOpenFiles()
        return SubmissionNotSent(ProviderAnswer(message=f"fal.ai could not be reached ({reason})."))
    return SubmissionUnknown(ProviderAnswer(message=f"fal.ai's response to the request was lost ({reason})."))


def submit_error(response: Response, sanitizer: Sanitizer) -> ProviderError:
    """What an unsuccessful response to the submit means."""
    error = read_error_response(response, sanitizer)
    if error.is_account_trouble:
        return error.as_submit_error()
    status, request_id = response.status_code, response.headers.get("x-fal-request-id")
    if status == HTTPStatus.TOO_MANY_REQUESTS and request_id is None:
        return SubmissionNotSent(error.answer, read_retry_after(response))
    is_refused = HTTPStatus(400) <= status < HTTPStatus(500) and status not in _AMBIGUOUS
    if is_refused or error.is_from_fal:
        return error.as_error()
    return SubmissionUnknown(_ambiguous(error, response, sanitizer))


def _ambiguous(error: ErrorResponse, response: Response, sanitizer: Sanitizer) -> ProviderAnswer:
    hints = [
        f"{name} {response.headers[name]}" for name in ("location", "x-fal-request-id") if name in response.headers
    ]
    shown = sanitizer.clean(f" ({', '.join(hints)})", LONGEST_LINE) if hints else ""
    words = f"A response with HTTP status {response.status_code} does not say whether fal.ai accepted the request"
    return with_message(error.answer, f"{words} {shown}.".replace(" .", "."))


class _Built(Exception):
    """The request that fal-client built, raised in place of a response: it cannot be sent by fal-client."""

    def __init__(self, url: str, payload: object, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.url, self.payload, self.headers = url, payload, headers


class _Recorder(httpx.AsyncClient):
    """Takes the request from fal-client, which would repeat it up to ten times after a timeout, a 429 or a 503."""

    @override
    async def request(self, method: str, url: httpx.URL | str, **given: Any) -> httpx.Response:  # pyright: ignore[reportIncompatibleMethodOverride] - fal-client passes these by name
        raise _Built(str(url), given["json"], given["headers"])


class _FalClient(fal_client.AsyncClient):
    """fal-client for building submits."""

    def __init__(self) -> None:
        super().__init__(key="")  # never read, and never looked up in the environment
        self._recorder = _Recorder(transport=httpx.MockTransport(_refuse), trust_env=False)

    @property
    def _client(self) -> Awaitable[httpx.AsyncClient]:  # pyright: ignore[reportIncompatibleVariableOverride] - read-only suffices
        return _ready(self._recorder)

    async def build(
        self, endpoint: str, payload: dict[str, Any], webhook_url: str | None, priority: Priority
    ) -> _Built:
        """The request of a submit."""
        lowered = "low" if priority is Priority.LOW else None  # fal's own default is normal
        try:
            await self.submit(endpoint, payload, webhook_url=webhook_url, priority=lowered)
        except _Built as built:
            return built
        raise AssertionError("fal-client has built no request")


async def _ready(http: httpx.AsyncClient) -> httpx.AsyncClient:
    return http


async def _refuse(_: httpx.Request) -> httpx.Response:
    raise RuntimeError("fal-client builds requests and does not send them")
