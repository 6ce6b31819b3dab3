"""The filters of the list of models."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from imagegen.errors import Fault, InvalidQuery
from imagegen.registry import Model, PlainText
from imagegen.registry.capabilities import SizeForm
from imagegen.registry.model_filter import ModelFilter, UnknownChoice

_NAMES: Final = {"category": "category", "tags": "tag"}


class ModelQuery(BaseModel):
    """Which models the list has: those that match everything that is given."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    category: PlainText | None = Field(default=None, description="Their category.", examples=["text-to-image"])
    tag: Annotated[list[PlainText], Field(max_length=20)] = Field(
        default=[], description="A tag of theirs; repeat it for models with several."
    )
    max_cost: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="The most that `costPerImage` may be.", examples=[0.05]
    )
    takes_images: bool | None = Field(default=None, description="Whether requests may have images.")
    takes_mask: bool | None = Field(default=None, description="Whether requests may have a mask.")
    takes_loras: bool | None = Field(default=None, description="Whether requests may have LoRA weights.")
    sizes: SizeForm | None = Field(default=None, description="How requests say the size of their images.")
    q: PlainText | None = Field(
        default=None, description="Words of the name, endpoint, description, category or tags.", examples=["flux"]
    )

    def matching(self, models: Sequence[Model]) -> Sequence[Model]:
        """Those of the models that match.

        Raises:
            InvalidQuery: none of them has the category, or one of the tags.
        """
        wanted = ModelFilter(
            category=self.category,
            tags=self.tag,
            max_cost=None if self.max_cost is None else Decimal(str(self.max_cost)),
            takes_images=self.takes_images,
            takes_mask=self.takes_mask,
            takes_loras=self.takes_loras,
            sizes=self.sizes,
            text=self.q,
        )
        if unknown := [_fault(each) for each in wanted.unknown(models)]:
            raise InvalidQuery(unknown)
        return [model for model in models if wanted.matches(model)]


def _fault(unknown: UnknownChoice) -> Fault:
    name, end = _NAMES[unknown.member], "" if unknown.suggestion else "."
    return Fault(
        pointer=name,
        code="not_allowed",
        message=f"The query parameter {name} {unknown.expected}{end}",
        valid=tuple(unknown.valid),
        suggestion=unknown.suggestion,
        location="query",
    )
