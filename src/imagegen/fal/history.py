"""fal's own list of the requests that it received, to find one whose submit got no response."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from pydantic import AwareDatetime, BaseModel, JsonValue, ValidationError
from yarl import URL

from imagegen.errors import HistoryUnavailable, ProviderAnswer
from imagegen.fal.error_responses import read_error_response
from imagegen.fal.responses import Lenient, RequestId, read_json
from imagegen.fal.sanitize import LONGEST_LINE, Sanitizer
from imagegen.fal.sender import NETWORK_FAILURES
from imagegen.json_object import JsonObject
from imagegen.net.http import Request, Response, Sender, client_timeout, fetch

# fal's clock and ours may differ by this much. Earlier requests are then listed too; the caller tells whose they are.
CLOCK_SKEW: Final = timedelta(seconds=30)
_PATH: Final = "/models/requests/by-endpoint"
_PAGE: Final = 100  # the most that fal returns at once
_MOST_PAGES: Final = 50
_MOST_BYTES: Final = 2**28  # of a page, which repeats every input and result
_LASTING_STATUSES: Final = frozenset({401, 403, 404})
_NOT_COMPARED: Final = "sync_mode"


class _Item(BaseModel):
    """A request in the list. Times are fal's; `sent_at` is the earliest that it keeps."""

    request_id: RequestId
    endpoint_id: str
    sent_at: Lenient[AwareDatetime] = None
    started_at: Lenient[AwareDatetime] = None
    json_input: JsonValue = None


class _Page(BaseModel):
    items: list[Lenient[_Item]]
    next_cursor: Lenient[str] = None
    has_more: Lenient[bool] = None


class History:
    """Reads `GET {FAL_API_URL}/models/requests/by-endpoint` (fal's platform API, v1).

    Args:
        sender: sends the requests.
        headers: of every request, with the key. The address is made from the setting only, so the key goes nowhere
            else.
        api_url: `FAL_API_URL`.
        sanitizer: cleans what errors repeat.
        limit: of time, for each page.
        is_enabled: whether the address may be called at all (`may_call_platform_api`).
    """

    def __init__(
        self,
        sender: Sender,
        headers: Mapping[str, str],
        api_url: str,
        sanitizer: Sanitizer,
        limit: timedelta,
        *,
        is_enabled: bool,
    ) -> None:
        self._is_enabled = is_enabled
        self._sender, self._headers = sender, headers
        self._url, self._sanitizer, self._limit = URL(f"{api_url}{_PATH}"), sanitizer, limit

    async def find_request_ids(self, endpoint: str, payload: JsonObject, since: datetime) -> tuple[str, ...]:
        """The ids of the endpoint's requests after `since` whose input is this payload, the last ended first.

        Raises:
            HistoryUnavailable: the list cannot be read, or shows no match but lacks some inputs.
        """
        if not self._is_enabled:
            raise HistoryUnavailable(_DISABLED, lasting=True)
        wanted = without_sync_mode(payload)
        earliest = since - CLOCK_SKEW
        items = [item for item in await self._items(endpoint, earliest) if _is_after(item, earliest)]
        found = [item.request_id for item in items if _is_input(item.json_input, wanted)]
        if not found and any(item.json_input is None for item in items):
            raise HistoryUnavailable(_NO_INPUTS)
        return tuple(dict.fromkeys(found))

    async def _items(self, endpoint: str, earliest: datetime) -> list[_Item]:
        items: list[_Item] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page(endpoint, earliest, cursor)
            items += [item for item in page.items if item is not None and item.endpoint_id == endpoint]
            cursor = page.next_cursor
            if not cursor or page.has_more is False:
                return items
        raise HistoryUnavailable(_TOO_LONG)

    async def _page(self, endpoint: str, earliest: datetime, cursor: str | None) -> _Page:
        start = earliest.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # the only form in fal's examples
        wanted = {"endpoint_id": endpoint, "start": start, "expand": "payloads", "limit": str(_PAGE)}
        response = await self._get({**wanted, "cursor": cursor} if cursor else wanted)
        if response.status_code != HTTPStatus.OK:
            answer = read_error_response(response, self._sanitizer).answer
            raise HistoryUnavailable(answer, lasting=response.status_code in _LASTING_STATUSES)
        try:
            return _Page.model_validate(read_json(response.content))
        except (ValueError, ValidationError):
            raise HistoryUnavailable(_NO_HISTORY) from None

    async def _get(self, query: dict[str, str]) -> Response:
        request = Request(
            method="GET",
            url=self._url.with_query(query),
            headers=self._headers,
            timeout=client_timeout(self._limit),
        )
        try:
            return await fetch(self._sender, request, self._limit, _MOST_BYTES)
        except NETWORK_FAILURES as error:
            reason = self._sanitizer.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
            raise HistoryUnavailable(ProviderAnswer(message=f"fal.ai could not be asked ({reason}).")) from error


def without_sync_mode(payload: JsonObject) -> dict[str, JsonValue]:
    """The input as it is sent: with `sync_mode` there would be no result to read later."""
    return {name: item for name, item in payload.items() if name != _NOT_COMPARED}


def _is_input(value: JsonValue, wanted: JsonObject) -> bool:
    return isinstance(value, dict) and same_json(without_sync_mode(value), dict(wanted))


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """Whether two JSON values are equal: 1 equals 1.0, but true does not equal 1, as it would in Python."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same_json(item, other[name]) for name, item in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(same_json, one, other))
        case _:
            return isinstance(one, bool) is isinstance(other, bool) and one == other


def _is_after(item: _Item, earliest: datetime) -> bool:
    began = item.sent_at or item.started_at
    return began is not None and began >= earliest


_NO_HISTORY: Final = ProviderAnswer(message="fal.ai's response is not a list of requests.", status=200)
_NO_INPUTS: Final = ProviderAnswer(
    message="fal.ai's list of requests does not show every input, so it does not identify this job's request.",
    status=200,
)
_DISABLED: Final = ProviderAnswer(
    message="fal's platform API is not called: FAL_QUEUE_URL is a gateway, and FAL_API_URL is not set."
)
_TOO_LONG: Final = ProviderAnswer(message="fal.ai's list of requests is too long to read.", status=200)
