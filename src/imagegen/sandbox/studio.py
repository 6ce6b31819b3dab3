"""From a request's body to pictures: what to draw, how many, and the result body that names them."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from imagegen.sandbox.drawing import Commission, InputPicture, Kind, Picture, draw, measured
from imagegen.sandbox.pictures import PictureFiles, SavedPicture
from imagegen.sandbox.schemas import JsonObject, complete, endpoints
from imagegen.sandbox.sizes import output_size
from imagegen.sandbox.store import StoredRequest

_PLACE = "picture "
_MOST_PICTURES = 16
_FLUX_MEMBERS = ("url", "width", "height", "content_type")


@dataclass(frozen=True, slots=True)
class WantedInput:
    """An input picture that the body names: where in the body, and its URL."""

    loc: tuple[str | int, ...]
    url: str


def wanted_inputs(body: JsonObject) -> tuple[Kind, tuple[WantedInput, ...]]:
    """The input pictures of a body, and what is to be done with them."""
    base, face = body.get("base_image_url"), body.get("swap_image_url")
    if isinstance(base, str) and isinstance(face, str):
        pair = (WantedInput(("body", "base_image_url"), base), WantedInput(("body", "swap_image_url"), face))
        return Kind.SWAP, pair
    several = body.get("image_urls")
    if isinstance(several, list) and several:
        urls = enumerate(several)
        return Kind.EDIT, tuple(WantedInput(("body", "image_urls", n), str(url)) for n, url in urls)
    single = body.get("image_url")
    if isinstance(single, str):
        kind = Kind.BLEND if "strength" in body else Kind.EDIT
        return kind, (WantedInput(("body", "image_url"), single),)
    return Kind.FRESH, ()


def commissions(request: StoredRequest, inputs: tuple[InputPicture, ...], most: int) -> tuple[Commission, ...]:
    """What to draw for a request, at most `most` pictures."""
    body = complete(request.endpoint, request.body)
    kind, _ = wanted_inputs(body)
    size = output_size(body, measured(inputs[0]) if inputs else None)
    strength = body.get("strength")
    return tuple(
        Commission(
            endpoint=request.endpoint,
            identity=json.dumps(request.body, sort_keys=True),
            prompt="Face swap" if kind is Kind.SWAP else str(body.get("prompt") or ""),
            seed=request.seed + number,
            size=size,
            kind=kind,
            inputs=inputs,
            strength=float(strength) if isinstance(strength, int | float) else 1.0,
            file_type=str(body.get("output_format") or "jpeg"),
        )
        for number in range(min(_count(body), most))
    )


def deliver(request: StoredRequest, ordered: Sequence[Commission], files: PictureFiles) -> tuple[SavedPicture, ...]:
    """Draw the pictures and save them, or with sync_mode put them into their URLs."""
    inline = complete(request.endpoint, request.body).get("sync_mode") is True
    drawn = ((number, draw(commission)) for number, commission in enumerate(ordered))
    return tuple(_inlined(p) if inline else files.save(request.id, number, p) for number, p in drawn)


def result_body(request: StoredRequest, pictures: Sequence[SavedPicture], seconds: float, *, nsfw: bool) -> JsonObject:
    """The endpoint's own result; an endpoint without a schema answers like flux."""
    known = endpoints().get(request.endpoint)
    body = complete(request.endpoint, request.body)
    items: list[JsonValue] = [_item(picture, flux=known is None or known.by_megapixel) for picture in pictures]
    everything: JsonObject = {
        "image": items[0] if items else None,
        "images": items,
        "description": "",
        "timings": {"inference": round(seconds, 3)},
        "seed": request.seed,
        "has_nsfw_concepts": [nsfw for _ in items],
        "prompt": str(body.get("prompt") or ""),
    }
    names = known.outputs if known else {"images", "timings", "seed", "has_nsfw_concepts", "prompt"}
    return {name: value for name, value in everything.items() if name in names}


def with_pictures(body: JsonValue, pictures: Sequence[SavedPicture]) -> JsonValue:
    """A planned body with the pictures' URLs in their places."""
    match body:
        case dict():
            return {name: with_pictures(value, pictures) for name, value in body.items()}
        case list():
            return [with_pictures(value, pictures) for value in body]
        case str() if body.startswith(_PLACE) and body.removeprefix(_PLACE).isdecimal():
            return pictures[int(body.removeprefix(_PLACE)) % len(pictures)].path
        case _:
            return body


def _count(body: JsonObject) -> int:
    count = body.get("num_images", 1)
    return min(max(count, 1), _MOST_PICTURES) if isinstance(count, int) else 1


def _item(picture: SavedPicture, *, flux: bool) -> JsonObject:
    """A picture in a result. Only flux tells the size; the others tell the file, with null for width and height."""
    whole: JsonObject = {
        "url": picture.path,
        "content_type": picture.content_type,
        "file_name": picture.name,
        "file_size": picture.size,
        "width": picture.width if flux else None,
        "height": picture.height if flux else None,
    }
    return {name: whole[name] for name in _FLUX_MEMBERS} if flux else whole


def _inlined(picture: Picture) -> SavedPicture:
    data = base64.b64encode(picture.data).decode()
    return SavedPicture(
        path=f"data:{picture.content_type};base64,{data}",
        name=f"image.{picture.extension}",
        width=picture.width,
        height=picture.height,
        content_type=picture.content_type,
        size=len(picture.data),
    )
