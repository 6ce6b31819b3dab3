"""Which models of the catalog a list has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from imagegen.registry.capabilities import SizeForm
from imagegen.registry.documents import closest_match
from imagegen.registry.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownChoice:
    """A value that no model has.

    Attributes:
        member: of the filter: `category` or `tags`.
        given: the value.
        valid: the values that models have.
        suggestion: the most similar of them, if one is.
    """

    member: str
    given: str
    valid: Sequence[str]
    suggestion: str | None

    @property
    def expected(self) -> str:
        """The end of a sentence about the value."""
        if not self.valid:
            return "must be left out, because no model has one"
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"must be one of {', '.join(self.valid)}{hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFilter:
    """What a model must be to be in the list; None means that anything will do.

    Attributes:
        category: its category.
        tags: it has all of them.
        max_cost: in US dollars: one image with its defaults costs at most this.
        takes_images: whether requests may have images.
        takes_mask: whether requests may have a mask.
        takes_loras: whether requests may have LoRA weights.
        sizes: how a request says the size of its images.
        text: words that its name, endpoint, description, category, aliases or tags contain, in any order.
    """

    category: str | None = None
    tags: Sequence[str] = ()
    max_cost: Decimal | None = None
    takes_images: bool | None = None
    takes_mask: bool | None = None
    takes_loras: bool | None = None
    sizes: SizeForm | None = None
    text: str | None = None

    def unknown(self, models: Sequence[Model]) -> Iterator[UnknownChoice]:
        """The category and the tags that none of these models has."""
        categories = [*dict.fromkeys(model.category for model in models)]
        tags = sorted({tag for model in models for tag in model.tags})
        if self.category is not None and self.category not in categories:
            yield _unknown("category", self.category, categories)
        yield from (_unknown("tags", tag, tags) for tag in dict.fromkeys(self.tags) if tag not in tags)

    def matches(self, model: Model) -> bool:
        """Whether a model is in the list."""
        can = model.capabilities
        wanted = (
            (self.category, model.category),
            (self.takes_images, can.takes_images),
            (self.takes_mask, can.takes_mask),
            (self.takes_loras, can.takes_loras),
            (self.sizes, can.sizes),
        )
        return (
            all(value is None or value == found for value, found in wanted)
            and set(self.tags) <= set(model.tags)
            and (self.max_cost is None or model.cost_per_image <= self.max_cost)
            and self._has_text(model)
        )

    def _has_text(self, model: Model) -> bool:
        words = (self.text or "").casefold().split()
        facts = (*model.names, model.endpoint, model.category, model.description, *model.tags)
        text = "\n".join(facts).casefold()
        return all(word in text for word in words)


def _unknown(member: str, given: str, valid: Sequence[str]) -> UnknownChoice:
    return UnknownChoice(member=member, given=given, valid=valid, suggestion=closest_match(given, valid))
