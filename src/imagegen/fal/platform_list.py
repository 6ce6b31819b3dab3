"""A list of fal's platform API, `{FAL_API_URL}/…`, that is asked about endpoints.

It takes 1 to 50 endpoints at once, and an unknown one fails the whole call.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Final, TypeAlias, TypeVar

from yarl import URL

from imagegen.errors import ProviderAnswer, ProviderUnavailable
from imagegen.fal.sender import NETWORK_FAILURES
from imagegen.fal.urls import may_call_platform_api
from imagegen.net.http import Request, Response, Sender, client_timeout, fetch
from imagegen.settings import FalSettings

_MOST_ENDPOINTS: Final = 50
Query: TypeAlias = Mapping[str, str | Sequence[str]]
T = TypeVar("T")


class PlatformList:
    """Reads one list.

    Args:
        settings: with a key.
        sender: sends the requests.
        path: of the list, below `FAL_API_URL`.
        name: of the list, for errors: "fal.ai's {name} could not be asked".
        limit: how long one response may take.
        most_bytes: how large it may be.

    Attributes:
        is_enabled: whether the key may be sent to `FAL_API_URL`; if not, nothing may be read.
    """

    def __init__(
        self, settings: FalSettings, sender: Sender, path: str, name: str, *, limit: timedelta, most_bytes: int
    ) -> None:
        assert settings.key is not None
        self.is_enabled = may_call_platform_api(settings)
        self._url = URL(f"{settings.api_url}{path}")
        self._headers = {"Authorization": f"Key {settings.key.get_secret_value().strip()}"}
        self._sender, self._name, self._limit, self._most_bytes = sender, name, limit, most_bytes

    async def page(self, wanted: Query) -> Response:
        """One page of the list.

        Raises:
            ProviderUnavailable: fal could not be asked, or did not answer with a page.
        """
        response = await self._get(wanted)
        if response.status_code != HTTPStatus.OK:
            raise self._refused(response)
        return response

    async def about(
        self,
        endpoints: Sequence[str],
        read: Callable[[Response, Sequence[str]], Mapping[str, T]],
        more: Mapping[str, str] | None = None,
    ) -> Mapping[str, T]:
        """What the list says of those endpoints that it knows; nothing if nothing may be read.

        Args:
            endpoints: any number of them.
            read: reads the response about some of them.
            more: further members of the query.

        Raises:
            ProviderUnavailable: fal could not be asked, or did not answer with a page.
        """
        found: dict[str, T] = {}
        for start in range(0, len(endpoints) if self.is_enabled else 0, _MOST_ENDPOINTS):
            found |= await self._about_some(endpoints[start : start + _MOST_ENDPOINTS], read, more or {})
        return found

    async def _about_some(
        self,
        endpoints: Sequence[str],
        read: Callable[[Response, Sequence[str]], Mapping[str, T]],
        more: Mapping[str, str],
    ) -> Mapping[str, T]:
        """Ask for all at once; if one of them is unknown, ask for each half, down to single endpoints."""
        response = await self._get({"endpoint_id": list(endpoints), **more})
        if response.status_code == HTTPStatus.OK:
            return read(response, endpoints)
        if response.status_code != HTTPStatus.NOT_FOUND:
            raise self._refused(response)
        if len(endpoints) == 1:
            return {}
        middle = len(endpoints) // 2
        halves = endpoints[:middle], endpoints[middle:]
        return {
            **await self._about_some(halves[0], read, more),
            **await self._about_some(halves[1], read, more),
        }

    async def _get(self, wanted: Query) -> Response:
        url = self._url.with_query(wanted)
        request = Request(method="GET", url=url, headers=self._headers, timeout=client_timeout(self._limit))
        try:
            return await fetch(self._sender, request, self._limit, self._most_bytes)
        except NETWORK_FAILURES as error:
            raise self.unavailable(f"could not be asked ({type(error).__name__})") from error

    def _refused(self, response: Response) -> ProviderUnavailable:
        return self.unavailable(f"answered with HTTP status {response.status_code}", response.status_code)

    def unavailable(self, problem: str, status: int | None = None) -> ProviderUnavailable:
        """The error of a list that cannot be read."""
        return ProviderUnavailable(ProviderAnswer(message=f"fal.ai's {self._name} {problem}.", status=status))
