"""From a request's body to images: what to draw, how many, and the result body with their URLs."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from imagegen.sandbox.drawing import DrawingMode, DrawnImage, ImageSpec, InputImage, draw_image, image_size_of
from imagegen.sandbox.endpoint_schemas import JsonObject, complete, find_endpoint
from imagegen.sandbox.images import ImageFiles, SavedImage
from imagegen.sandbox.sizes import output_size
from imagegen.sandbox.store import StoredRequest

_PLACEHOLDER = "picture "
_MOST_IMAGES = 16
_FLUX_MEMBERS = ("url", "width", "height", "content_type")


@dataclass(frozen=True, slots=True)
class InputReference:
    """An input image named in the body: its location in the body, and its URL."""

    loc: tuple[str | int, ...]
    url: str


def input_references(body: JsonObject) -> tuple[DrawingMode, tuple[InputReference, ...]]:
    """The input images of a body, and how they are used."""
    base, face = body.get("base_image_url"), body.get("swap_image_url")
    if isinstance(base, str) and isinstance(face, str):
        pair = (InputReference(("body", "base_image_url"), base), InputReference(("body", "swap_image_url"), face))
        return DrawingMode.SWAP, pair
    several = body.get("image_urls")
    if isinstance(several, list) and several:
        urls = enumerate(several)
        return DrawingMode.EDIT, tuple(InputReference(("body", "image_urls", n), str(url)) for n, url in urls)
    single = body.get("image_url")
    if isinstance(single, str):
        mode = DrawingMode.BLEND if "strength" in body else DrawingMode.EDIT
        return mode, (InputReference(("body", "image_url"), single),)
    named = [*_named_images(body)]
    return (DrawingMode.EDIT if named else DrawingMode.FRESH), tuple(named)


def _named_images(body: JsonObject) -> Iterator[InputReference]:
    """Images that have other names, as most endpoints of the index name them."""
    for name, value in body.items():
        is_image = "image" in name or "mask" in name
        if is_image and isinstance(value, str) and value.startswith(("http://", "https://", "data:image/")):
            yield InputReference(("body", name), value)
        elif is_image and isinstance(value, list):
            urls = enumerate(value)
            yield from (
                InputReference(("body", name, n), url) for n, url in urls if isinstance(url, str) and "://" in url
            )


def image_specs(
    request: StoredRequest, inputs: tuple[InputImage, ...], most: int, detail: int
) -> tuple[ImageSpec, ...]:
    """The images to draw for a request, at most `most`."""
    body = complete(request.endpoint, request.body)
    mode, _ = input_references(body)
    size = output_size(body, image_size_of(inputs[0]) if inputs else None)
    strength = body.get("strength")
    return tuple(
        ImageSpec(
            endpoint=request.endpoint,
            identity=json.dumps(request.body, sort_keys=True),
            prompt="Face swap" if mode is DrawingMode.SWAP else str(body.get("prompt") or ""),
            seed=request.seed + number,
            size=size,
            mode=mode,
            inputs=inputs,
            strength=float(strength) if isinstance(strength, int | float) else 1.0,
            file_type=str(body.get("output_format") or body.get("image_format") or body.get("format") or "jpeg"),
            detail=detail,
        )
        for number in range(min(_count(body) + further_images(request.endpoint), most))
    )


def render_images(request: StoredRequest, specs: Sequence[ImageSpec], files: ImageFiles) -> tuple[SavedImage, ...]:
    """Draw the images and save them; with sync_mode, put them into their URLs."""
    inline = complete(request.endpoint, request.body).get("sync_mode") is True
    drawn = ((number, draw_image(spec)) for number, spec in enumerate(specs))
    return tuple(_inlined(p) if inline else files.save(request.id, number, p) for number, p in drawn)


def result_body(request: StoredRequest, images: Sequence[SavedImage], seconds: float, *, nsfw: bool) -> JsonObject:
    """The endpoint's result. An endpoint without a schema answers like flux."""
    known = find_endpoint(request.endpoint)
    body = complete(request.endpoint, request.body)
    items = [_item(image, flux=known is None or known.by_megapixel) for image in images]
    everything: JsonObject = {
        "image": items[0] if items else None,
        "images": [*items],
        "description": "",
        "timings": {"inference": round(seconds, 3)},
        "seed": request.seed,
        "has_nsfw_concepts": [nsfw for _ in items],
        "prompt": str(body.get("prompt") or ""),
    }
    if known and known.result:
        del everything["image"], everything["images"]
        return dict(known.result.result(items, everything, known.result.further_images()))
    names = known.outputs if known else {"images", "timings", "seed", "has_nsfw_concepts", "prompt"}
    return {name: value for name, value in everything.items() if name in names}


def further_images(endpoint: str) -> int:
    """How many images the endpoint's result has beside those that are asked for and billed, such as masks."""
    known = find_endpoint(endpoint)
    return known.result.further_images() if known and known.result else 0


def with_image_urls(body: JsonValue, images: Sequence[SavedImage]) -> JsonValue:
    """A planned body with each placeholder `picture N` replaced by the URL of image N."""
    match body:
        case dict():
            return {name: with_image_urls(value, images) for name, value in body.items()}
        case list():
            return [with_image_urls(value, images) for value in body]
        case str() if body.startswith(_PLACEHOLDER) and body.removeprefix(_PLACEHOLDER).isdecimal():
            return images[int(body.removeprefix(_PLACEHOLDER)) % len(images)].path
        case _:
            return body


def _count(body: JsonObject) -> int:
    count = body.get("num_images", 1)
    return min(max(count, 1), _MOST_IMAGES) if isinstance(count, int) else 1


def _item(image: SavedImage, *, flux: bool) -> JsonObject:
    """An image in a result. Flux gives its size; other models give the file, with null for width and height."""
    whole: JsonObject = {
        "url": image.path,
        "content_type": image.content_type,
        "file_name": image.name,
        "file_size": image.size,
        "width": image.width if flux else None,
        "height": image.height if flux else None,
    }
    return {name: whole[name] for name in _FLUX_MEMBERS} if flux else whole


def _inlined(image: DrawnImage) -> SavedImage:
    data = base64.b64encode(image.data).decode()
    return SavedImage(
        path=f"data:{image.content_type};base64,{data}",
        name=f"image.{image.extension}",
        width=image.width,
        height=image.height,
        content_type=image.content_type,
        size=len(image.data),
    )
