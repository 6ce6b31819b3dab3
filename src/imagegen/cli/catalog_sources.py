"""What is known of endpoints: from fal's platform API where a key is set, else from the index."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from imagegen.cli.runtime import run
from imagegen.errors import CannotImport
from imagegen.fal import ListedModel, ModelList, Pricing
from imagegen.jobs.cost import UnitPrice
from imagegen.model_import.importing import Source, indexed_source
from imagegen.net.pool import open_pool
from imagegen.settings import Settings

_CONNECTIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of some endpoints.

    Attributes:
        listed: those that fal lists, by id.
        prices: fal's prices, by id.
        is_fals: whether fal was asked; otherwise everything is from the index.
    """

    listed: Mapping[str, ListedModel]
    prices: Mapping[str, UnitPrice]
    is_fals: bool

    def source(self, endpoint: str) -> Source:
        """What is known of an endpoint.

        Raises:
            CannotImport: nothing.
        """
        listed = self.listed.get(endpoint)
        known = indexed_source(endpoint) if listed is None else _listed_source(listed)
        price = self.prices.get(endpoint)
        return known if price is None else replace(known, price=(price.price, price.unit, price.currency))


def facts_of(settings: Settings, endpoints: Sequence[str], *, offline: bool) -> Facts:
    """Ask fal for some endpoints, if a key is set.

    Raises:
        ProviderUnavailable: fal does not answer.
    """
    if offline or settings.fal.key is None or not endpoints:
        return Facts(listed={}, prices={}, is_fals=False)
    return run(_ask(settings, [*dict.fromkeys(endpoints)]))


def found_by_fal(settings: Settings, text: str) -> Sequence[ListedModel]:
    """The models that fal finds for a text; none without a key.

    Raises:
        ProviderUnavailable: fal does not answer.
    """
    return run(_search(settings, text)) if settings.fal.key is not None else ()


def _listed_source(listed: ListedModel) -> Source:
    """What fal says of an endpoint; its parameters as in the index, if fal cannot give its document."""
    document, origin = listed.document, "from fal's platform API"
    if not isinstance(document, dict) or "error" in document:
        with suppress(CannotImport):
            known = indexed_source(listed.endpoint)
            document, origin = known.document, known.origin
    return Source(
        endpoint=listed.endpoint,
        document=document,
        origin=origin,
        title=listed.title,
        category=listed.category,
        is_deprecated=listed.is_deprecated,
        is_training=listed.is_training,
    )


async def _ask(settings: Settings, endpoints: Sequence[str]) -> Facts:
    async with open_pool(_CONNECTIONS) as pool:
        listed = await ModelList(settings.fal, pool).find(endpoints)
        prices = await Pricing(settings.fal, pool).prices(endpoints)
    return Facts(listed=listed, prices=prices, is_fals=True)


async def _search(settings: Settings, text: str) -> Sequence[ListedModel]:
    async with open_pool(_CONNECTIONS) as pool:
        return await ModelList(settings.fal, pool).search(text)
