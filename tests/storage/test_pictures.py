"""What the first bytes of a picture say, and how its end is told."""

import struct

import pytest
from PIL import Image
from specimens import picture

from imagegen.errors import NotAPicture, TransferInterrupted
from imagegen.storage.pictures import HEAD_BYTES, EndWatch, Picture, recognise

SIZE = (1500, 1100)
KINDS: list[tuple[str, dict[str, object]]] = [
    ("png", {}),
    ("jpeg", {"quality": 95}),
    ("jpeg", {"quality": 95, "progressive": True}),
    ("webp", {"quality": 95}),
    ("webp", {"lossless": True}),
    ("webp", {"exif": b"Exif\0\0" + bytes(200), "quality": 95}),
    ("gif", {}),
    ("avif", {"quality": 95, "speed": 10}),
]


def whole(body: bytes, head: Picture, step: int) -> bool:
    watch = EndWatch(head.end)
    for at in range(0, len(body), step):
        watch.feed(body[at : at + step])
    return watch.reached


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_the_head_of_a_picture_tells_its_type_and_size(kind: str, options: dict[str, object]) -> None:
    body = picture(kind, SIZE, **options)
    assert len(body) > HEAD_BYTES

    found = recognise(body[:HEAD_BYTES], whole=False)

    assert (found.content_type, found.width, found.height) == (f"image/{kind}", *SIZE)


@pytest.mark.parametrize("step", [1 << 14, 7])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_picture_is_whole_only_with_its_last_byte(kind: str, options: dict[str, object], step: int) -> None:
    body = picture(kind, (300, 200), **options)
    head = recognise(body, whole=True)

    assert [whole(part, head, step) for part in (body, body[:-1], body[: len(body) // 2])] == [True, False, False]


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
def test_what_follows_the_end_is_no_fault(kind: str) -> None:
    body = picture(kind) + b"metadata of a phone"

    assert whole(body, recognise(body, whole=True), 1000)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_zero_bytes_of_padding_are_no_fault(kind: str, options: dict[str, object]) -> None:
    body = picture(kind, (300, 200), **options) + bytes(20)

    assert whole(body, recognise(body, whole=True), 1000)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    thumbnail = picture("jpeg", (32, 32))
    exif = Image.Exif()
    exif[0x927C] = thumbnail
    body = picture("jpeg", (640, 480), exif=exif.tobytes())
    assert thumbnail[-2:] in body[:-2]

    assert not whole(body[:-2], recognise(body, whole=True), 1000)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_header_that_is_cut_off_is_worth_another_try(kind: str, options: dict[str, object]) -> None:
    head = picture(kind, (300, 200), **options)[: {"gif": 8, "avif": 40}.get(kind, 20)]

    with pytest.raises(TransferInterrupted):
        recognise(head, whole=True)


@pytest.mark.parametrize(
    "start", [b"", b"P", b"<svg xmlns='x'/>", b"RIFF\0\0\0\0WAVE", b"II*\0", b"%PDF-1.7", b"BM1234"]
)
def test_other_bytes_are_no_picture(start: bytes) -> None:
    with pytest.raises(NotAPicture):
        recognise(start + bytes(1000) if start else b"", whole=True)


@pytest.mark.parametrize("kind", ["png", "jpeg", "avif"])
def test_a_picture_with_a_broken_header_is_none(kind: str) -> None:
    with pytest.raises(NotAPicture):
        recognise(picture(kind)[:12] + bytes(HEAD_BYTES), whole=False)


def test_a_picture_of_no_pixels_is_none() -> None:
    with pytest.raises(NotAPicture, match="no pixels"):
        recognise(b"GIF89a" + struct.pack("<HH", 0, 5) + bytes(20), whole=True)
