"""fal's list of models: `GET {FAL_API_URL}/models` of fal's platform API, with the OpenAPI document of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel, Field, JsonValue, ValidationError
from yarl import URL

from imagegen.errors import ProviderAnswer, ProviderUnavailable
from imagegen.fal.responses import Lenient
from imagegen.fal.sender import NETWORK_FAILURES
from imagegen.fal.urls import may_call_platform_api
from imagegen.net.http import Request, Response, Sender, client_timeout, fetch
from imagegen.settings import FalSettings

_MOST_ENDPOINTS: Final = 50
_MOST_PAGES: Final = 10
_LIMIT: Final = timedelta(seconds=30)
_MOST_BYTES: Final = 2**25


class _Metadata(BaseModel):
    display_name: Lenient[str] = None
    category: Lenient[str] = None
    status: Lenient[str] = None
    kind: Lenient[str] = None


class _Row(BaseModel):
    endpoint_id: str
    metadata: _Metadata = Field(default_factory=_Metadata)
    openapi: JsonValue = None


class _Page(BaseModel):
    models: list[Lenient[_Row]]
    next_cursor: Lenient[str] = None
    has_more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """An endpoint as fal lists it.

    Attributes:
        title: fal's display name; None if it has none.
        category: such as `text-to-image`; None if fal does not say.
        is_deprecated: whether fal is about to end it.
        is_training: whether it trains models and makes none of its own.
        document: its OpenAPI document, if that was asked for; an object with `error` if fal could not give it.
    """

    endpoint: str
    title: str | None
    category: str | None
    is_deprecated: bool
    is_training: bool
    document: JsonValue


class ModelList:
    """Reads fal's list of models. Nothing is read if the key must not be sent to `FAL_API_URL`."""

    def __init__(self, settings: FalSettings, sender: Sender) -> None:
        assert settings.key is not None
        self._is_enabled = may_call_platform_api(settings)
        self._url = URL(f"{settings.api_url}/models")
        self._headers = {"Authorization": f"Key {settings.key.get_secret_value().strip()}"}
        self._sender = sender

    async def find(self, endpoints: Sequence[str], *, documents: bool = True) -> Mapping[str, ListedModel]:
        """Those of some endpoints that fal lists, whether they are active or deprecated.

        Raises:
            ProviderUnavailable: fal could not be asked, or its response cannot be read.
        """
        if not self._is_enabled:
            return {}
        found: dict[str, ListedModel] = {}
        for start in range(0, len(endpoints), _MOST_ENDPOINTS):
            found |= await self._some(endpoints[start : start + _MOST_ENDPOINTS], documents=documents)
        return found

    async def search(self, text: str) -> Sequence[ListedModel]:
        """The active models that fal finds for a text, in its order.

        Raises:
            ProviderUnavailable: fal could not be asked, or its response cannot be read.
        """
        found: list[ListedModel] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES if self._is_enabled else 0):
            wanted = {"q": text, "status": "active", **({"cursor": cursor} if cursor else {})}
            response = await self._get(wanted)
            if response.status_code != HTTPStatus.OK:
                raise _unavailable(f"answered with HTTP status {response.status_code}", response.status_code)
            page = _read(response)
            found += [_listed(row) for row in page.models if row is not None]
            cursor = page.next_cursor
            if not page.has_more or cursor is None:
                break
        return found

    async def _some(self, endpoints: Sequence[str], *, documents: bool) -> Mapping[str, ListedModel]:
        """Ask for all at once; if an unknown one fails the call, ask for each half."""
        expand = {"expand": "openapi-3.0"} if documents else {}
        response = await self._get({"endpoint_id": list(endpoints), **expand})
        if response.status_code == HTTPStatus.OK:
            rows = (row for row in _read(response).models if row is not None and row.endpoint_id in endpoints)
            return {row.endpoint_id: _listed(row) for row in rows}
        if response.status_code != HTTPStatus.NOT_FOUND:
            raise _unavailable(f"answered with HTTP status {response.status_code}", response.status_code)
        if len(endpoints) == 1:
            return {}
        middle = len(endpoints) // 2
        halves = endpoints[:middle], endpoints[middle:]
        return {**await self._some(halves[0], documents=documents), **await self._some(halves[1], documents=documents)}

    async def _get(self, wanted: Mapping[str, str | Sequence[str]]) -> Response:
        url = self._url.with_query(wanted)
        request = Request(method="GET", url=url, headers=self._headers, timeout=client_timeout(_LIMIT))
        try:
            return await fetch(self._sender, request, _LIMIT, _MOST_BYTES)
        except NETWORK_FAILURES as error:
            raise _unavailable(f"could not be asked ({type(error).__name__})") from error


def _read(response: Response) -> _Page:
    try:
        return _Page.model_validate(json.loads(response.content))
    except (ValidationError, ValueError, RecursionError) as error:
        raise _unavailable("holds no list of models") from error


def _listed(row: _Row) -> ListedModel:
    about = row.metadata
    return ListedModel(
        endpoint=row.endpoint_id,
        title=about.display_name,
        category=about.category,
        is_deprecated=about.status == "deprecated",
        is_training=about.kind == "training",
        document=row.openapi,
    )


def _unavailable(problem: str, status: int | None = None) -> ProviderUnavailable:
    return ProviderUnavailable(ProviderAnswer(message=f"fal.ai's list of models {problem}.", status=status))
