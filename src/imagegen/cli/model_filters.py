"""The filters of `imagegen models list`, the same for a service and for the catalog."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imagegen.cli.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagegen.registry import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterOptions:
    """Which models are listed: those that match everything that is given."""

    category: Annotated[str | None, typer.Option("--category", help="Their category, such as text-to-image.")] = None
    tags: Annotated[list[str] | None, typer.Option("--tag", help="A tag of theirs; can be repeated.")] = field(
        default=None
    )
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0, help="US dollars: the most that PRICE may be.")
    ] = None
    takes_images: Annotated[
        bool | None, typer.Option("--takes-images/--no-images", help="Whether requests may have images.")
    ] = None
    takes_mask: Annotated[
        bool | None, typer.Option("--takes-mask/--no-mask", help="Whether requests may have a mask.")
    ] = None
    takes_loras: Annotated[
        bool | None, typer.Option("--takes-loras/--no-loras", help="Whether requests may have LoRA weights.")
    ] = None
    sizes: Annotated[
        Literal["pixels", "ratios", "none"] | None,
        typer.Option("--sizes", help="How requests say the size of their images."),
    ] = None
    search: Annotated[
        str | None, typer.Option("--search", metavar="TEXT", help="Words of the name, description, category or tags.")
    ] = None

    @property
    def is_given(self) -> bool:
        """Whether anything is given."""
        return any(value is not None for value in self.query.values())

    @property
    def query(self) -> dict[str, str | float | bool | list[str] | None]:
        """The query of the service's list."""
        return {
            "category": self.category,
            "tag": self.tags or None,
            "maxCost": self.max_cost,
            "takesImages": self.takes_images,
            "takesMask": self.takes_mask,
            "takesLoras": self.takes_loras,
            "sizes": self.sizes,
            "q": self.search,
        }

    def matching(self, models: "Sequence[Model]") -> "Sequence[Model]":
        """Those of the models that match.

        Raises:
            InvalidArgument: none of them has the category, or one of the tags.
        """
        from imagegen.registry.capabilities import SizeForm
        from imagegen.registry.model_filter import ModelFilter

        wanted = ModelFilter(
            category=self.category,
            tags=self.tags or (),
            max_cost=None if self.max_cost is None else Decimal(str(self.max_cost)),
            takes_images=self.takes_images,
            takes_mask=self.takes_mask,
            takes_loras=self.takes_loras,
            sizes=None if self.sizes is None else SizeForm(self.sizes),
            text=self.search,
        )
        for unknown in wanted.unknown(models):
            option = {"category": "--category", "tags": "--tag"}[unknown.member]
            raise InvalidArgument(f"{option} {unknown.given} {unknown.expected}")
        return [model for model in models if wanted.matches(model)]
