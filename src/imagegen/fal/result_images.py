"""Finding the images in a result, wherever a model puts them.

`images` and `image` come first, then every other place in the order of the document. A file that the request itself
named is never taken for an image of the result: some models repeat their inputs.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from pydantic import JsonValue

from imagegen.jobs import ProviderImage, normalised

_MAIN: Final = ("images", "image")
# Members that may hold an image's URL as a plain text; under any other name a text is no image.
_PLAIN: Final = frozenset(
    {"image_url", "image_urls", "mask", "masks", "mask_url", "mask_image", "output", "outputs", "upscaled", *_MAIN}
)
_TYPES: Final = ("content_type", "contentType", "mime_type", "media_type")
_ANY_BYTES: Final = frozenset({"application/octet-stream", "binary/octet-stream"})
# Ends of paths that tell a file from an image where no content type does.
_OTHER_FILES: Final = re.compile(
    r"\.(mp4|webm|mov|mkv|avi|mp3|wav|ogg|flac|m4a|aac|glb|gltf|obj|fbx|ply|stl|usdz|zip|tar|gz|7z|safetensors|ckpt"
    r"|pt|pth|npy|npz|json|jsonl|txt|csv|html?|pdf|srt|vtt|yaml|yml|log)$",
    re.IGNORECASE,
)
# Names of what is no image, unless its content type says so.
_OTHER_NAMES: Final = re.compile(
    r"video|audio|speech|music|sound|mesh|glb|archive|(^|_)(zip|lora|weights|config|logs?)(_|$)", re.IGNORECASE
)
_FLAGS: Final = ("has_nsfw_concepts", "nsfw_content_detected")
_OWN_FLAGS: Final = ("nsfw", "is_nsfw", "has_nsfw", "has_nsfw_concepts")
_DEEPEST: Final = 16
_MOST_VALUES: Final = 20_000
_MOST_IMAGES: Final = 256


def find_images(
    payload: Mapping[str, JsonValue], sent: Collection[str], is_media_host: Callable[[str], bool]
) -> tuple[ProviderImage, ...]:
    """The images of a result, each once.

    Args:
        payload: fal's result.
        sent: the normalised URLs of the request.
        is_media_host: whether images may be fetched from this URL.
    """
    search = _Search(sent, is_media_host, _Flags.of(payload))
    for name in _MAIN:
        search.look_into_main(payload.get(name))
    search.look_into({name: value for name, value in payload.items() if name not in _MAIN}, 0)
    return search.found()


class _Flags:
    """What the safety checker says: of all images, of each by its place, or nothing."""

    def __init__(self, said: JsonValue) -> None:
        self._by_place: dict[int, bool | None] = {}
        self._of_all: bool | None = None
        match said:
            case list():
                self._by_place = dict(enumerate(map(_flag, said)))
            case dict() if isinstance(listed := next((said[name] for name in _MAIN if name in said), None), list):
                self._by_place = dict(enumerate(map(_flag, listed)))
            case dict() if said and all(name.isdecimal() for name in said):
                self._by_place = {int(name[:9]): _flag(value) for name, value in said.items()}
            case _:
                self._of_all = _flag(said)

    @classmethod
    def of(cls, payload: Mapping[str, JsonValue]) -> "_Flags":
        """The flags that a result has beside its images."""
        return cls(next((payload[name] for name in _FLAGS if name in payload), None))

    def at(self, place: int) -> bool | None:
        """Of the image at this place of the result's list."""
        return self._by_place.get(place, self._of_all)


def _flag(said: JsonValue) -> bool | None:
    """One flag: a bool, 0 or 1, or whatever has such values, of which one that is set counts."""
    match said:
        case bool():
            return said
        case 0 | 1:
            return bool(said)
        case dict() | list():
            flags = [_flag(value) for value in (said.values() if isinstance(said, dict) else said)]
            known = [flag for flag in flags if flag is not None]
            return any(known) if known else None
        case _:
            return None


class _Search:
    """The images found so far, in order."""

    def __init__(self, sent: Collection[str], is_media_host: Callable[[str], bool], flags: _Flags) -> None:
        self._seen, self._is_media_host, self._flags = set(sent), is_media_host, flags
        self._images: list[ProviderImage] = []
        self._elsewhere: list[ProviderImage] = []
        self._values = _MOST_VALUES

    def found(self) -> tuple[ProviderImage, ...]:
        """What was found. An image on a host that is not fal's, outside `images` and `image`, is the last resort."""
        return tuple((self._images or self._elsewhere)[:_MOST_IMAGES])

    def look_into_main(self, value: JsonValue) -> None:
        """Take what stands under `images` or `image`: a list, one image, or an object with images by name."""
        match value:
            case list():
                entries = value
            case dict() if not isinstance(value.get("url"), str):
                entries = [entry for part in value.values() for entry in (part if isinstance(part, list) else [part])]
            case _:
                entries = [value]
        for place, entry in enumerate(entries[:_MOST_VALUES]):
            url = entry.get("url") if isinstance(entry, dict) else entry
            if isinstance(url, str) and _is_url(url):
                self._take(url, entry, self._flags.at(place))

    def look_into(self, value: JsonValue, depth: int, name: str = "") -> None:
        """Take every image below this value, in the document's order. `name`: the value's own, or its list's."""
        if depth > _DEEPEST or self._values <= 0:
            return
        self._values -= 1
        if isinstance(value, dict):
            url = value.get("url")
            if isinstance(url, str) and self._is_image_file(value, url, name):
                self._take_other(url, value)
                return
            for own, member in value.items():
                self._look_into_member(own, member, depth)
        elif isinstance(value, list):
            for item in value:
                self.look_into(item, depth + 1, name)

    def _look_into_member(self, name: str, member: JsonValue, depth: int) -> None:
        if name.casefold() in _PLAIN:
            for text in member if isinstance(member, list) else [member]:
                if isinstance(text, str) and self._may_be_image(text):
                    self._take_other(text, None)
        self.look_into(member, depth + 1, name)

    def _is_image_file(self, file: Mapping[str, JsonValue], url: str, name: str) -> bool:
        if not _is_url(url):
            return False
        said = next((kind for name in _TYPES if isinstance(kind := file.get(name), str) and kind), "")
        kind = said.partition(";")[0].strip().casefold()
        if kind and kind not in _ANY_BYTES:
            return kind.startswith("image/")
        return not _OTHER_NAMES.search(name) and self._may_be_image(url)

    def _may_be_image(self, url: str) -> bool:
        """By the URL alone: a data URI of an image, or a file on fal's hosts that does not look like something else."""
        if _is_data(url):
            return url.lstrip()[5:11].casefold() == "image/"
        return _is_url(url) and self._is_media_host(url.strip()) and not _OTHER_FILES.search(_path(url))

    def _take_other(self, url: str, file: JsonValue) -> None:
        if _is_data(url) or self._is_media_host(url.strip()):
            self._take(url, file, self._flags.at(len(self._images)))
        elif (place := normalised(url)) not in self._seen:
            self._seen.add(place)
            self._elsewhere.append(ProviderImage(url=url.strip()))

    def _take(self, url: str, file: JsonValue, flag: bool | None) -> None:
        place = normalised(url)
        if place in self._seen:
            return
        self._seen.add(place)
        own = next((file[name] for name in _OWN_FLAGS if name in file), None) if isinstance(file, dict) else None
        self._images.append(ProviderImage(url=url.strip(), nsfw=flag if flag is not None else _flag(own)))


def _is_data(url: str) -> bool:
    return url.lstrip()[:5].casefold() == "data:"


def _is_url(text: str) -> bool:
    return _is_data(text) or text.lstrip()[:8].casefold().startswith(("http://", "https://"))


def _path(url: str) -> str:
    try:
        return urlsplit(url.strip()).path
    except ValueError:
        return ""
