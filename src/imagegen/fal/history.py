"""fal's own list of the requests that it was sent: the way back to one whose submit was never answered."""

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import AwareDatetime, BaseModel, JsonValue, ValidationError

from imagegen.errors import HistoryUnavailable, ProviderAnswer
from imagegen.fal.answers import Lenient, RequestId, read_json
from imagegen.fal.refusals import read_refusal
from imagegen.fal.transport import NETWORK_FAILURES, timeouts
from imagegen.fal.wording import LONGEST_LINE, Wording
from imagegen.jobs import JsonObject

# fal's clock and ours may differ by so much. A request of before is then listed too: the caller knows whose it is.
CLOCK_SKEW: Final = timedelta(seconds=30)
_PATH: Final = "/models/requests/by-endpoint"
_PAGE: Final = 100  # the most that fal gives at once
_MOST_PAGES: Final = 50
_NEVER_READABLE: Final = frozenset({401, 403, 404})
_NOT_COMPARED: Final = "sync_mode"


class _Item(BaseModel):
    """A request in the list. Times are fal's; `sent_at` is the earliest that it keeps of a request."""

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
        http: carries the key. The address is only ever made from the setting, so the key goes nowhere else.
        api_url: `FAL_API_URL`.
        wording: cleans what errors repeat.
        limit: of time, for each page.
        may_ask: whether the address may be asked at all (`may_ask_platform`).
    """

    def __init__(
        self, http: httpx.AsyncClient, api_url: str, wording: Wording, limit: timedelta, *, may_ask: bool
    ) -> None:
        self._may_ask = may_ask
        self._http, self._url, self._wording, self._limit = http, f"{api_url}{_PATH}", wording, limit

    async def ids_of(self, endpoint: str, payload: JsonObject, since: datetime) -> tuple[str, ...]:
        """The ids of the endpoint's requests after `since` whose input is this payload, the last ended first.

        Raises:
            HistoryUnavailable: it cannot be read, or shows no match and not every input either.
        """
        if not self._may_ask:
            raise HistoryUnavailable(_NOT_ASKED, lasting=True)
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
        start = earliest.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # the one form that fal's examples have
        wanted = {"endpoint_id": endpoint, "start": start, "expand": "payloads", "limit": str(_PAGE)}
        response = await self._get({**wanted, "cursor": cursor} if cursor else wanted)
        if response.status_code != HTTPStatus.OK:
            answer = read_refusal(response, self._wording).answer
            raise HistoryUnavailable(answer, lasting=response.status_code in _NEVER_READABLE)
        try:
            return _Page.model_validate(read_json(response.content))
        except (ValueError, ValidationError):
            raise HistoryUnavailable(_NO_HISTORY) from None

    async def _get(self, query: dict[str, str]) -> httpx.Response:
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return await self._http.get(self._url, params=query, timeout=timeouts(self._limit))
        except NETWORK_FAILURES as error:
            reason = self._wording.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
            raise HistoryUnavailable(ProviderAnswer(message=f"fal.ai could not be asked ({reason}).")) from error


def without_sync_mode(payload: JsonObject) -> dict[str, JsonValue]:
    """An input as it is sent: `sync_mode` would leave no result to read later."""
    return {name: item for name, item in payload.items() if name != _NOT_COMPARED}


def _is_input(value: JsonValue, wanted: JsonObject) -> bool:
    return isinstance(value, dict) and same_json(without_sync_mode(value), dict(wanted))


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but true is not 1, as it is in Python."""
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


_NO_HISTORY: Final = ProviderAnswer(message="fal.ai's answer is no list of requests.", status=200)
_NO_INPUTS: Final = ProviderAnswer(
    message="fal.ai's list of requests does not show every input, so it cannot tell which request is whose.", status=200
)
_NOT_ASKED: Final = ProviderAnswer(
    message="fal's platform API is not asked: FAL_QUEUE_URL is a gateway, and FAL_API_URL is not set."
)
_TOO_LONG: Final = ProviderAnswer(message="fal.ai's list of requests is too long to be read.", status=200)
