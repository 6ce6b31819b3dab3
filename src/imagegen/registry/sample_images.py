"""Drawings for the examples of requests, so that every example can be sent as it stands: to fal.ai, and offline."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from imagegen.json_object import JsonObject
from imagegen.registry.image_inputs import replace_texts

_HOST: Final = "https://example.com/"  # reserved (RFC 2606): it has no images
# Lossless WebP, 512x384 pixels and for the face 384x384.
_PHOTO: Final = (
    "UklGRqQAAABXRUJQVlA4TJcAAAAv/8FfAD9AJmAhiYgCuiVZDEnIBCyWRDaBxHIL5DISAAmZOSxiHagTTfMf/werAckIlRzKDhhFkhQJC2sB"
    "C2MBC2sBC/h/zQ3Piuj/BBz8j/8v+HPHf/gP/yE3Udd3n/gPeEn4fCs8/gNqUq7fKhf/ATNpV6ff6qHe6pMe/wGweZ26X62bz4n/ABj+x//4"
    "H//jf/yP/7E7AA=="
)
_FACE: Final = (
    "UklGRpIAAABXRUJQVlA4TIUAAAAvf8FfACdAmG00f5CxjOPeB0SYbSQ2iCGM6lDvLSQg/h+RTZPk+Y/WC9suGBhFkhRpLGABC2Nh/duaC/j1"
    "VkT/J8Dw//9CPz7+E2R+ffwnyNbx8Z8gW+UervNwLI7/BNr58Z9g+8rxn2CL18234+M/ARWfZ9fHfwJpXx//Ca79vPgP/xE1AA=="
)
_GROUP: Final = (
    "UklGRrgAAABXRUJQVlA4TKsAAAAv/8FfAD9AJABhhE1WyrbYYYQtRAIQsmyJbIxVpspq2jaCivK5Q3nQbso8/9F9w26RQK4U+0EARJGthApW"
    "sIIVrGAFKtj/9Ac+9xfR/wkI/I//G6a937HHf8Asx6874+M/YLbs/a49/gNmS065LuUl11055bqUr4z/gNm8/ebFfwDtl8/3y/EfQNO1/mGv"
    "9Q97/AfAtr3fs8d/wGyPX/fGx3/4D//hP/wHxQAA"
)
_BILLBOARD: Final = (
    "UklGRooAAABXRUJQVlA4TH0AAAAv/8FfACdAmG1kMvy9R3JARyIWTPwdohtGl2I2EiB/h2VaiIU4X/Mf/5cFQBIohiRJWoVRGIVRWH+te/eb"
    "Ef2fgOB//t+wfz//gVr7Xv7jP/7jP/7jP/5jtv/mP0BbPxbXH4vn8x//8R9h1fFjdf2xej7/AVbyP//zP/9nJgA="
)
_DRAWINGS: Final[Mapping[str, str]] = {
    _HOST + name: f"data:image/webp;base64,{drawing}"
    for name, drawing in (
        ("photo.jpg", _PHOTO),
        ("template.jpg", _PHOTO),
        ("face.jpg", _FACE),
        ("group.jpg", _GROUP),
        ("billboard.jpg", _BILLBOARD),
    )
}


def with_drawings(example: JsonObject) -> dict[str, JsonValue]:
    """The example with a drawing, as a data URI, in place of each image at example.com."""
    return {name: replace_texts(value, _DRAWINGS) for name, value in example.items()}
