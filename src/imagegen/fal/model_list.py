"""fal's list of models: `GET {FAL_API_URL}/models` of fal's platform API, with the OpenAPI document of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, Field, JsonValue, ValidationError

from imagegen.fal.platform_list import PlatformList
from imagegen.fal.responses import Lenient
from imagegen.net.http import Response, Sender
from imagegen.settings import FalSettings

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
        self._list = PlatformList(settings, sender, "/models", "list of models", limit=_LIMIT, most_bytes=_MOST_BYTES)

    async def find(self, endpoints: Sequence[str], *, documents: bool = True) -> Mapping[str, ListedModel]:
        """Those of some endpoints that fal lists, whether they are active or deprecated.

        Raises:
            ProviderUnavailable: fal could not be asked, or its response cannot be read.
        """
        return await self._list.about(endpoints, self._found, {"expand": "openapi-3.0"} if documents else {})

    async def search(self, text: str) -> Sequence[ListedModel]:
        """The active models that fal finds for a text, in its order.

        Raises:
            ProviderUnavailable: fal could not be asked, or its response cannot be read.
        """
        found: list[ListedModel] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES if self._list.is_enabled else 0):
            wanted = {"q": text, "status": "active", **({"cursor": cursor} if cursor else {})}
            page = self._read(await self._list.page(wanted))
            found += [_listed(row) for row in page.models if row is not None]
            cursor = page.next_cursor
            if not page.has_more or cursor is None:
                break
        return found

    def _found(self, response: Response, endpoints: Sequence[str]) -> Mapping[str, ListedModel]:
        rows = (row for row in self._read(response).models if row is not None and row.endpoint_id in endpoints)
        return {row.endpoint_id: _listed(row) for row in rows}

    def _read(self, response: Response) -> _Page:
        try:
            return _Page.model_validate(json.loads(response.content))
        except (ValidationError, ValueError, RecursionError) as error:
            raise self._list.unavailable("holds no list of models") from error


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
