"""From the document of an endpoint to an entry of the catalog, with what was mapped, left out and guessed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imagegen.errors import CannotImport
from imagegen.model_import.costs import HELP, Cost
from imagegen.model_import.endpoint_documents import EndpointDocument
from imagegen.model_import.json_schemas import IMAGE_SIZE, Json
from imagegen.model_import.outputs import PRODUCTS, Place, image_places, kind_made
from imagegen.model_import.parameter_mapping import MappedParameter, map_parameter

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LEFT_OUT: Final[Mapping[str, str]] = {
    "sync_mode": "the result would be inline and lost for the history",
    "end_user_id": "this service sends no ids of users",
    "request_id": "fal gives the id",
    "webhook_url": "this service has webhooks of its own",
    "webhook": "this service has webhooks of its own",
    "callback_url": "this service has webhooks of its own",
}
_COUNTS: Final = ("max_images", "num_results", "num_samples", "number_of_images")
# Their value changes fal's price at one endpoint or another.
_PRICED: Final = ("resolution", "quality", "rendering_speed", "enable_web_search", "thinking_level", "style")
_KNOWN_PRESETS: Final = frozenset(
    {"square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"}
)
_LARGE: Final = re.compile(r"upscal|super-resolution")
_WORDS: Final[Mapping[str, str]] = {
    "upscaling": r"upscal|aura-sr|super-resolution|esrgan|ccsr",
    "background-removal": r"background/remove|remove-background|birefnet|rembg",
    "vector": r"vectoriz|text-to-vector",
    "face-swap": r"face-swap",
    "image-editing": r"(^|/)edit(/|$)|-edit|kontext|inpaint|fill|eras|outpaint|expand",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedEntry:
    """An entry that no file has yet.

    Attributes:
        name: the model's.
        entry: its keys and values in the order of the catalog; amounts are `Decimal`.
        mapped: how each parameter is offered, as sentences.
        left_out: parameters that the entry lacks, each with the reason.
        guessed: what the document did not say, as sentences.
        notes: where the facts are from, as sentences.
    """

    name: str
    entry: Mapping[str, Any]
    mapped: Sequence[str]
    left_out: Sequence[str]
    guessed: Sequence[str]
    notes: Sequence[str]


def model_name(endpoint: str) -> str:
    """The name of a model: the endpoint's id without fal's own name as its owner, joined by `-`."""
    text = re.sub(r"[^a-z0-9._-]+", "-", endpoint.removeprefix("fal-ai/").casefold()).strip("-._")
    while len(text) > 64:  # noqa: PLR2004 - the longest name
        text = text.partition("-")[2] or text[:64]
    return text


def map_endpoint(
    document: EndpointDocument, cost: Cost | None, *, name: str | None = None, title: str | None = None, today: str
) -> MappedEntry:
    """Map a document to an entry.

    Args:
        document: what fal says of the endpoint.
        cost: its price; None if it is not known.
        name: the model's; default: from the endpoint.
        title: fal's name of the endpoint, for the description.
        today: the day, in ISO 8601.

    Raises:
        CannotImport: it makes no images, a parameter that it requires cannot be offered, or its price is not known.
    """
    places = _places(document)
    if cost is None:
        raise CannotImport(document.endpoint, "no_price", "its price is not known.", HELP)
    left_out = dict(_left_out(document))
    parameters = [
        map_parameter(each, document.inputs[each], document.root, required=each in document.required)
        for each in document.inputs
        if each not in left_out
    ]
    draft = _Draft(document, parameters, cost)
    entry = {
        "falEndpoint": document.endpoint,
        "category": draft.category(),
        "description": _description(title or document.endpoint, draft.category()),
        **draft.lists(),
        **_output(places),
        **draft.price(),
        "verifiedAt": cost.verified or today,
        "source": f"https://fal.ai/models/{document.endpoint}",
        **draft.changes(),
        "example": draft.example(),
    }
    return MappedEntry(
        name=name or model_name(document.endpoint),
        entry=entry,
        mapped=[*draft.mapped()],
        left_out=[f"{each}: {why}" for each, why in left_out.items()],
        guessed=[*(guess for each in parameters for guess in each.guesses), *draft.guesses],
        notes=[f"The price is {cost.origin}."],
    )


def _places(document: EndpointDocument) -> list[Place]:
    places = image_places(document.outputs, document.root)
    made = kind_made(document.category, {} if places else document.outputs)
    if made is not None or not places:
        reason = f"it makes {PRODUCTS[made]}, not images." if made else "its result has no images."
        raise CannotImport(document.endpoint, made or "no_images", reason, "This service makes images only.")
    return places


def _left_out(document: EndpointDocument) -> Iterator[tuple[str, str]]:
    for name in document.inputs:
        why = _LEFT_OUT.get(name)
        if why is None and not _NAME.fullmatch(name):
            why = "its name has other characters than letters, digits and underscores"
        if why is None:
            continue
        if name in document.required:
            reason = f"it requires {name}, which cannot be offered: {why}."
            raise CannotImport(document.endpoint, "unusable_parameter", reason)
        yield name, why


def _output(places: Sequence[Place]) -> Json:
    """The key `output`, unless the images are at `images` alone."""
    if [(place.path, place.kind) for place in places] == [("images", "images")]:
        return {}
    if {"images", "image"} <= {place.path for place in places}:
        places = [place for place in places if place.path != "image"]  # one of several, shown twice
        return _output(places)
    written = [place.written for place in places]
    return {"output": written[0] if len(written) == 1 else written}


def _description(title: str, category: str) -> str:
    words = {
        "text-to-image": "Makes images from a prompt",
        "image-editing": "Changes an image",
        "image-to-image": "Makes images from an image",
        "upscaling": "Enlarges an image",
        "background-removal": "Removes the background of an image",
        "face-swap": "Puts the face of one image into another",
        "vector": "Makes a vector image",
    }
    return f"{words[category]} with {' '.join(title.split())}."


class _Draft:
    """The parts of an entry that depend on all of its parameters."""

    def __init__(self, document: EndpointDocument, parameters: Sequence[MappedParameter], cost: Cost) -> None:
        self._document, self._cost = document, cost
        self._parameters = {each.name: each for each in parameters}
        size = self._parameters.get("image_size")
        takes_pixels = size is not None and IMAGE_SIZE in size.schema.get("anyOf", [size.schema])
        own = {"width", "height"} & self._parameters.keys()
        self._sized = takes_pixels and not own and "image_size" not in document.required
        self.guesses: list[str] = []
        self._required = [name for name in self._parameters if name in document.required]
        self._require_images()

    def _require_images(self) -> None:
        """An editing endpoint needs an image, also if its document requires only the prompt."""
        images = [each.name for each in self._parameters.values() if each.takes_images]
        is_edit = self._document.endpoint.rpartition("/")[2].startswith("edit")
        if is_edit and images and not any(name in self._required for name in images):
            wanted = next((name for name in ("image_urls", "image_url") if name in images), None)
            if wanted is not None:
                self._required.append(wanted)
                self.guesses.append(f"{wanted} is required, because the endpoint edits images")

    def category(self) -> str:
        for category, pattern in _WORDS.items():
            if re.search(pattern, self._document.endpoint) and (category == "vector" or self._takes_images()):
                return category
        return (
            "image-to-image" if any(self._parameters[name].takes_images for name in self._required) else "text-to-image"
        )

    def _takes_images(self) -> bool:
        return any(each.takes_images for each in self._parameters.values())

    def lists(self) -> Json:
        """The names of the parameters, and those that this service makes of a size."""
        others = [name for name in self._parameters if name not in self._required]
        sections = {section: [n for n in others if self._section(n) == section] for section in ("inputs", "options")}
        options = sections["options"]
        if self._sized:
            place = options.index("image_size") + 1
            options[place:place] = ["width", "height"]
        optional = {"optionalInputs": sections["inputs"]} if sections["inputs"] else {}
        return {"requiredInputs": self._required, **optional, "options": options}

    def changes(self) -> Json:
        changes = {each.name: each.change for each in self._parameters.values() if each.change}
        return {"parameters": changes} if changes else {}

    def example(self) -> Json:
        return {"inputs": {name: self._parameters[name].sample for name in self._required}}

    def mapped(self) -> Iterator[str]:
        """How each parameter is offered."""
        for name in self._parameters:
            section = "a required input" if name in self._required else f"an {self._section(name)[:-1]}"
            more = ", also as width and height" if name == "image_size" and self._sized else ""
            yield f"{name} is {section}{more}"

    def price(self) -> Json:
        """`costPerImage` and `pricing`, with what must be known to bound them."""
        entry = dict(self._cost.entry)
        pricing: dict[str, Any] = dict(entry.pop("pricing", {}))
        self._drop_unknown(pricing)
        count = next((name for name in _COUNTS if self._is_whole_number(name)), None)
        if count is not None and "maxImages" not in pricing and pricing.get("unit") != "request":
            pricing["maxImages"] = count
            self.guesses.append(f"{count} multiplies the number of images at most")
        if pricing.get("unit") == "megapixel" and "maxMegapixels" not in pricing and not self._size_is_known():
            pricing["maxMegapixels"] = 64 if _LARGE.search(self._document.endpoint) else 4
            self.guesses.append(f"an image of unknown size costs at most {pricing['maxMegapixels']} megapixels")
        if not pricing.get("table") and not pricing.get("addOns"):
            self._doubt_flat_price(pricing)
        return {**entry, **({"pricing": pricing} if pricing else {})}

    def _drop_unknown(self, pricing: dict[str, Any]) -> None:
        """Leave out rules for parameters that this document does not have."""
        known = self._parameters.keys()
        add_ons = [each for each in pricing.pop("addOns", []) if each["option"] in known]
        table = pricing.pop("table", None)
        if table is not None and {*table["options"]} <= known:
            pricing["table"] = table
        if add_ons:
            pricing["addOns"] = add_ons
        if "inputImages" in pricing and not {*pricing["inputImages"]["inputs"]} <= known:
            del pricing["inputImages"]
        if "maxImages" in pricing and not self._is_whole_number(pricing["maxImages"]):
            del pricing["maxImages"]

    def _is_whole_number(self, name: str) -> bool:
        return name in self._parameters and self._parameters[name].schema.get("type") == "integer"

    def _size_is_known(self) -> bool:
        """Whether the size of every image is known before it is made."""
        size = self._parameters.get("image_size")
        if size is None:
            return False
        default = size.change.get("default")
        presets = {value for branch in size.schema.get("anyOf", [size.schema]) for value in branch.get("enum", [])}
        is_known = default in _KNOWN_PRESETS or isinstance(default, dict)
        return is_known and presets <= _KNOWN_PRESETS

    def _doubt_flat_price(self, pricing: Mapping[str, Any]) -> None:
        doubted = [name for name in _PRICED if name in self._parameters]
        if not self._cost.is_whole and doubted:
            self.guesses.append(f"the price is the same whatever {' and '.join(doubted)}; fal may bill more")
        if not self._cost.is_whole and self._takes_images() and "inputImages" not in pricing:
            self.guesses.append("input images cost nothing; fal may bill them")

    def _section(self, name: str) -> str:
        return self._parameters[name].section
