"""Identifying an image by its bytes: type, size as displayed, and completeness."""

import io
import random
import tracemalloc
import zlib

import pytest

from imagegen.errors import NotAnImage
from imagegen.storage.images.end_detection import end_detector_for
from imagegen.storage.images.inputs import TruncatedImage, examine
from imagegen.storage.images.sniffing import HEAD_BYTES, SVG, UNKNOWN, identify, identify_head, is_safe_inline
from tests.support.corpus import (
    NAMES,
    PNG_SIGNATURE,
    SIZE,
    box,
    chunk,
    displayed_size,
    png_with,
    saved,
    segment,
    specimen,
)
from tests.support.specimens import picture

# Pillow requires the end marker, and a browser does not.
SIZES = {"jpeg without end": (300, 200)}


def size_of(name: str) -> tuple[int, int]:
    return SIZES[name] if name in SIZES else displayed_size(specimen(name))


def test_the_corpus_is_large() -> None:
    assert len(NAMES) > 100


@pytest.mark.parametrize("name", NAMES)
def test_corpus_file_has_its_displayed_size(name: str) -> None:
    found = identify(io.BytesIO(specimen(name)))
    kept = examine(io.BytesIO(specimen(name)))

    assert (found.width, found.height) == (kept.width, kept.height) == size_of(name)
    assert is_safe_inline(found.content_type)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("png", "jpeg t", "gif"))])
def test_head_identifies_the_same_as_the_whole_file(name: str) -> None:
    head, whole = identify_head(specimen(name)[:HEAD_BYTES]), identify(io.BytesIO(specimen(name)))

    assert head is None or (head.content_type, head.size) == (whole.content_type, whole.size)


@pytest.mark.parametrize("step", [1, 7, 1 << 14])
@pytest.mark.parametrize(
    ("kind", "options"), [("png", {}), ("jpeg", {}), ("jpeg", {"progressive": True}), ("gif", {})], ids=str
)
def test_end_is_detected_for_any_chunk_size(kind: str, options: dict[str, object], step: int) -> None:
    body = picture(kind, (60, 40), **options)
    found = identify_head(body)
    assert found is not None

    def reached(part: bytes) -> bool:
        end = end_detector_for(found.content_type, found.pixels_at)
        for at in range(0, len(part), step):
            end.feed(part[at : at + step])
        return end.has_ended

    assert [reached(part) for part in (body, body + b"\r\n", body[:-9], body[: len(body) // 2])] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("step", [1, 1000, 1 << 14])
@pytest.mark.parametrize(("zeros", "ends"), [(12 * 500, True), (12 * 500 + 5, False)])
def test_end_is_detected_behind_zeros(zeros: int, ends: bool, step: int) -> None:
    """Each twelve are a chunk without name and data; five more, and the next chunk's name is not where it should be."""
    body = picture("png", (60, 40))
    body = body[:-12] + bytes(zeros) + body[-12:]
    end = end_detector_for("image/png", 0)
    for at in range(0, len(body), step):
        end.feed(body[at : at + step])

    assert end.has_ended is ends


def test_end_of_a_thumbnail_is_not_the_end() -> None:
    body = specimen("jpeg with a thumbnail")
    found = identify_head(body)
    assert found is not None

    end = end_detector_for(found.content_type, found.pixels_at)
    end.feed(body[:-2])

    assert not end.has_ended


PAGE = b"<!doctype html><html><body><svg></svg></body></html>"
NONE = [
    b"",
    b"P",
    b"%PDF-1.7",
    b"RIFF\0\0\0\0WAVE",
    PAGE,
    b"\x89PNG\r\n\x1a\n" + bytes(900),
    b"GIF89a\0\0\5\0" + bytes(9),
]


@pytest.mark.parametrize("content", [*NONE, *(random.Random(n).randbytes(3000) for n in range(20))])
def test_other_bytes_are_unknown(content: bytes) -> None:
    assert identify(io.BytesIO(content)) is UNKNOWN
    with pytest.raises((NotAnImage, TruncatedImage)):
        examine(io.BytesIO(content))


@pytest.mark.parametrize(
    "content",
    [
        b"<svg/>",
        b"  \n<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        b"\xef\xbb\xbf<?xml version='1.0'?><!-- made by > a program --><svg\nwidth='1'/>",
        b'<?xml version=\'1.0\'?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x" [<!ENTITY a "]>">]><svg>',
        "\ufeff<svg>".encode("utf-16-le"),
        b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>",
    ],
)
def test_svg_is_identified_by_its_first_element(content: bytes) -> None:
    assert identify(io.BytesIO(content)) is SVG
    assert not is_safe_inline(SVG.content_type)
    with pytest.raises(NotAnImage, match="no pixels"):
        examine(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "avif", "tiff"])
def test_half_an_input_image_is_refused(kind: str) -> None:
    body = picture(kind, (400, 300))

    for part in (body[:24], body[: len(body) // 2]) if kind != "tiff" else (body[:24],):
        with pytest.raises((TruncatedImage, NotAnImage)):
            examine(io.BytesIO(part))


def heic(*, turned: int) -> bytes:
    """The boxes of a phone photo that hold its size and rotation."""
    properties = box(b"ispe", bytes(4) + (512).to_bytes(4, "big") * 2)
    properties += box(b"ispe", bytes(4) + (4032).to_bytes(4, "big") + (3024).to_bytes(4, "big"))
    properties += box(b"irot", bytes([turned]))
    associations = bytes(4) + (2).to_bytes(4, "big") + b"\0\1\1\1" + b"\0\2\2\x82\x83"
    inner = box(b"ipco", properties) + box(b"ipma", associations)
    meta = box(b"meta", bytes(4) + box(b"pitm", bytes(4) + b"\0\2") + box(b"iprp", inner))
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + meta + box(b"mdat", bytes(900))


@pytest.mark.parametrize(
    ("turned", "size"), [(0, (4032, 3024)), (1, (3024, 4032)), (2, (4032, 3024)), (3, (3024, 4032))]
)
def test_phone_photo_has_its_displayed_size(turned: int, size: tuple[int, int]) -> None:
    found = identify(io.BytesIO(heic(turned=turned)))

    assert (found.content_type, found.width, found.height) == ("image/heic", *size)


def bits(*numbers: tuple[int, int]) -> bytes:
    value = shift = 0
    for number, count in numbers:
        value |= number << shift
        shift += count
    return value.to_bytes(shift // 8 + 1, "little")


JXL_SMALL = bits((1, 1), (3, 5), (0, 3), (7, 5), (1, 1))  # 32 high, 64 wide, in eighths
JXL_WIDE = bits((0, 1), (1, 2), (1079, 13), (5, 3), (1, 1))  # 1080 high, 16 : 9
JXL_TURNED = bits((0, 1), (1, 2), (1079, 13), (5, 3), (0, 1), (1, 1), (5, 3))


@pytest.mark.parametrize(
    ("header", "size"), [(JXL_SMALL, (64, 32)), (JXL_WIDE, (1920, 1080)), (JXL_TURNED, (1080, 1920))], ids=range(3)
)
def test_jpeg_xl_has_its_displayed_size(header: bytes, size: tuple[int, int]) -> None:
    stream = b"\xff\x0a" + header
    contained = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"jxlc", stream)

    for content in (stream, contained):
        found = identify(io.BytesIO(content))
        assert (found.content_type, found.width, found.height) == ("image/jxl", *size)


def bombs() -> list[bytes]:
    """Files of some kilobytes whose pixels would take gigabytes."""
    header = (60_000).to_bytes(4, "big") * 2 + bytes((8, 6, 0, 0, 0))
    png = PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(2**20))) * 3 + chunk(b"IEND", b"")
    text = png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27))))
    icon = b"\0\0\1\0\1\0" + b"\0\0\0\0\1\0 \0" + len(png).to_bytes(4, "little") + (22).to_bytes(4, "little") + png
    gif = b"GIF89a" + b"\xff\xff" * 2 + bytes(3) + b"," + bytes(4) + b"\xff\xff" * 2 + b"\0\2\2\x4c\1\0;"
    return [png, text, icon, gif]


@pytest.mark.parametrize("content", bombs(), ids=["pixels", "text", "icon", "gif"])
def test_decompression_bomb_is_identified_without_decoding(content: bytes) -> None:
    identify(io.BytesIO(saved("png")))  # loads the decoders

    tracemalloc.start()
    found = identify(io.BytesIO(content))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.width is not None
    assert peak < 8 * 2**20


def test_segments_of_a_jpeg_are_skipped_by_their_length() -> None:
    body = saved("jpeg")
    thumbnail = segment(0xE2, b"MPF" + saved("jpeg", size=(9, 9)))

    found = identify(io.BytesIO(body[:2] + thumbnail * 9 + segment(0xE1, b"\xff\xc0" * 30_000) * 9 + body[2:]))

    assert found.size == SIZE
