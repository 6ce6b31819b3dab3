"""Finding the images in a result, wherever a model puts them.

Where the catalog names the places, these are read. Else `images` and `image` come first, then every other member in
document order. A file that the request itself named is never an image of the result, because some models repeat their
inputs.
"""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final
from urllib.parse import urlsplit

from pydantic import JsonValue

from imagegen.jobs import ImageRole, ProviderImage, normalize_url
from imagegen.json_object import JsonObject
from imagegen.registry import Output

_MAIN: Final = ("images", "image")
# Members that may hold an image's URL as a plain string; under any other name a string is not an image.
_PLAIN_MEMBERS: Final = frozenset(
    {"image_url", "image_urls", "mask", "masks", "mask_url", "mask_image", "output", "outputs", "upscaled", *_MAIN}
)
_TYPES: Final = ("content_type", "contentType", "mime_type", "media_type")
_ANY_BYTES: Final = frozenset({"application/octet-stream", "binary/octet-stream"})
# Endings of paths that are not images, used if there is no content type.
_OTHER_FILES: Final = re.compile(
    r"\.(mp4|webm|mov|mkv|avi|mp3|wav|ogg|flac|m4a|aac|glb|gltf|obj|fbx|ply|stl|usdz|zip|tar|gz|7z|safetensors|ckpt"
    r"|pt|pth|npy|npz|json|jsonl|txt|csv|html?|pdf|srt|vtt|yaml|yml|log)$",
    re.IGNORECASE,
)
# Names of members that are not images, unless their content type says so.
_OTHER_NAMES: Final = re.compile(
    r"video|audio|speech|music|sound|mesh|glb|archive|(^|_)(zip|lora|weights|config|logs?)(_|$)", re.IGNORECASE
)
_FLAGS: Final = ("has_nsfw_concepts", "nsfw_content_detected")
_OWN_FLAGS: Final = ("nsfw", "is_nsfw", "has_nsfw", "has_nsfw_concepts")
_DEEPEST: Final = 16
_MOST_VALUES: Final = 20_000
_MOST_IMAGES: Final = 256


def find_images(
    payload: JsonObject,
    sent: Collection[str],
    is_media_host: Callable[[str], bool],
    outputs: Sequence[Output] = (),
) -> tuple[ProviderImage, ...]:
    """The images of a result, each once.

    Args:
        payload: fal's result.
        sent: the normalized URLs of the request's input.
        is_media_host: whether images may be fetched from a URL.
        outputs: where the catalog says that the images are. If none is there, they are searched everywhere.
    """
    search = _Search(sent, is_media_host, _Flags.of(payload))
    for output in outputs:
        search.add_main(_at(dict(payload), output.path.split(".")), output.role)
    if declared := search.found():
        return declared
    search = _Search(sent, is_media_host, _Flags.of(payload))
    for name in _MAIN:
        search.add_main(payload.get(name))
    search.add_below({name: value for name, value in payload.items() if name not in _MAIN}, 0)
    return search.found()


class _Flags:
    """The safety checker's verdicts: one for all images, one for each by its index, or none."""

    def __init__(self, stated: JsonValue) -> None:
        self._by_index: dict[int, bool | None] = {}
        self._of_all: bool | None = None
        match stated:
            case list():
                self._by_index = dict(enumerate(map(_flag, stated)))
            case dict() if isinstance(listed := next((stated[name] for name in _MAIN if name in stated), None), list):
                self._by_index = dict(enumerate(map(_flag, listed)))
            case dict() if stated and all(name.isdecimal() for name in stated):
                self._by_index = {int(name[:9]): _flag(value) for name, value in stated.items()}
            case _:
                self._of_all = _flag(stated)

    @classmethod
    def of(cls, payload: JsonObject) -> "_Flags":
        """The flags of a result."""
        return cls(next((payload[name] for name in _FLAGS if name in payload), None))

    def at(self, index: int) -> bool | None:
        """The flag of the image at this index of the result's list."""
        return self._by_index.get(index, self._of_all)


def _flag(value: JsonValue) -> bool | None:
    """One flag: a bool, 0 or 1, or a collection of these, which is set if one of them is."""
    match value:
        case bool():
            return value
        case 0 | 1:
            return bool(value)
        case dict() | list():
            flags = [_flag(item) for item in (value.values() if isinstance(value, dict) else value)]
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
        """The images found. Those on foreign hosts outside `images` and `image` count only if there are no others."""
        return tuple((self._images or self._elsewhere)[:_MOST_IMAGES])

    def add_main(self, value: JsonValue, role: ImageRole = ImageRole.IMAGE) -> None:
        """Add the value of `images` or `image`: a list, one image, or an object with images by name."""
        match value:
            case list():
                entries = value
            case dict() if not isinstance(value.get("url"), str):
                entries = [entry for part in value.values() for entry in (part if isinstance(part, list) else [part])]
            case _:
                entries = [value]
        for index, entry in enumerate(entries[:_MOST_VALUES]):
            url = entry.get("url") if isinstance(entry, dict) else entry
            if isinstance(url, str) and _is_url(url):
                flag = self._flags.at(index) if role is ImageRole.IMAGE else None
                self._add(url, entry, flag, role)

    def add_below(self, value: JsonValue, depth: int, name: str = "") -> None:
        """Add every image below this value, in document order. `name` is the value's own, or its list's."""
        if depth > _DEEPEST or self._values <= 0:
            return
        self._values -= 1
        if isinstance(value, dict):
            url = value.get("url")
            if isinstance(url, str) and self._is_image_file(value, url, name):
                self._add_other(url, value)
                return
            for own, member in value.items():
                self._add_member(own, member, depth)
        elif isinstance(value, list):
            for item in value:
                self.add_below(item, depth + 1, name)

    def _add_member(self, name: str, member: JsonValue, depth: int) -> None:
        if name.casefold() in _PLAIN_MEMBERS:
            for text in member if isinstance(member, list) else [member]:
                if isinstance(text, str) and self._may_be_image(text):
                    self._add_other(text, None)
        self.add_below(member, depth + 1, name)

    def _is_image_file(self, file: JsonObject, url: str, name: str) -> bool:
        if not _is_url(url):
            return False
        stated = next((kind for name in _TYPES if isinstance(kind := file.get(name), str) and kind), "")
        kind = stated.partition(";")[0].strip().casefold()
        if kind and kind not in _ANY_BYTES:
            return kind.startswith("image/")
        return not _OTHER_NAMES.search(name) and self._may_be_image(url)

    def _may_be_image(self, url: str) -> bool:
        """Judged by the URL alone: a data URI of an image, or a file on fal's hosts without another type's ending."""
        if _is_data(url):
            return url.lstrip()[5:11].casefold() == "image/"
        return _is_url(url) and self._is_media_host(url.strip()) and not _OTHER_FILES.search(_path(url))

    def _add_other(self, url: str, file: JsonValue) -> None:
        if _is_data(url) or self._is_media_host(url.strip()):
            self._add(url, file, self._flags.at(len(self._images)))
        elif (key := normalize_url(url)) not in self._seen:
            self._seen.add(key)
            self._elsewhere.append(ProviderImage(url=url.strip()))

    def _add(self, url: str, file: JsonValue, flag: bool | None, role: ImageRole = ImageRole.IMAGE) -> None:
        key = normalize_url(url)
        if key in self._seen:
            return
        self._seen.add(key)
        own = next((file[name] for name in _OWN_FLAGS if name in file), None) if isinstance(file, dict) else None
        nsfw = flag if flag is not None else _flag(own)
        self._images.append(ProviderImage(url=url.strip(), nsfw=nsfw, role=role))


def _at(value: JsonValue, names: Sequence[str]) -> JsonValue:
    """What is at a path. A list on the way stands for each of its items, whose values are listed."""
    for number, name in enumerate(names):
        if isinstance(value, list):
            parts = [_at(item, names[number:]) for item in value[:_MOST_IMAGES]]
            return [entry for part in parts for entry in (part if isinstance(part, list) else [part])]
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_data(url: str) -> bool:
    return url.lstrip()[:5].casefold() == "data:"


def _is_url(text: str) -> bool:
    return _is_data(text) or text.lstrip()[:8].casefold().startswith(("http://", "https://"))


def _path(url: str) -> str:
    try:
        return urlsplit(url.strip()).path
    except ValueError:
        return ""
