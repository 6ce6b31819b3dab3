"""Corpus files with random damage, judged by a decoder. `make mutations` runs longer."""

import io
import os
import random
from collections.abc import Iterator
from typing import Final

import pytest
from PIL import Image

from imagegen.data_uris import read_data_uri
from imagegen.errors import NotAnImage
from imagegen.storage.images.inputs import InputImage, TruncatedImage, examine
from imagegen.storage.images.sniffing import UNKNOWN, identify, is_safe_inline, quiet_pillow
from imagegen.storage.images.store import Images
from tests.support.bucket import Bucket
from tests.support.corpus import data_uri, displayed_size
from tests.support.media_host import Framing, MediaHost
from tests.support.mutations import mutated
from tests.support.specimens import METADATA, stem

CASES: Final = int(os.environ.get("MUTATION_CASES", "10000"))
SEED: Final = int(os.environ.get("MUTATION_SEED") or 1)
# A few changed bytes can make a header claim hundreds of gigapixels, which a decoder starts to allocate.
MOST_PIXELS: Final = 2**24
FRAMINGS: Final[tuple[Framing, ...]] = ("length", "chunked", "close")


def judged(content: bytes) -> tuple[int, int] | None:
    """The size after decoding; None if the last pixel cannot be decoded, or only with gigabytes of memory."""
    try:
        with quiet_pillow(), Image.open(io.BytesIO(content)) as image:
            is_huge = image.width * image.height > MOST_PIXELS
        return None if is_huge else displayed_size(content)
    except Exception:  # noqa: BLE001 - decoders raise whatever they like
        return None


def kept_input(content: bytes) -> InputImage | None:
    try:
        return examine(io.BytesIO(read_data_uri(data_uri(content))))
    except (NotAnImage, TruncatedImage):
        return None


def cases(count: int) -> Iterator[int]:
    return iter(range(SEED * 1_000_000, SEED * 1_000_000 + count))


def check(case: int) -> None:
    """Check that a decodable file is identified with its size, and that a file without a size is safe in a browser."""
    name, content = mutated(case)
    size, found, kept = judged(content), identify(io.BytesIO(content)), kept_input(content)
    if size is not None:
        assert (found.width, found.height) == size, name
        assert kept is not None, name
        assert (kept.width, kept.height, kept.size_bytes) == (*size, len(content)), name
    assert is_safe_inline(found.content_type) is (found.width is not None), name
    assert (found is UNKNOWN) is (found.width is None), name
    assert kept is None or found is not UNKNOWN, name


@pytest.mark.timeout(60)
def test_damaged_files_are_judged_as_a_decoder_does() -> None:
    for case in cases(1500):
        check(case)


async def test_every_damaged_file_that_fal_delivers_is_kept(images: Images, media: MediaHost, bucket: Bucket) -> None:
    for case in cases(60):
        await delivered(case, images, media, bucket)


async def delivered(case: int, images: Images, media: MediaHost, bucket: Bucket) -> None:
    name, content = mutated(case)
    if not content:
        return
    way = random.Random(case).choice((*FRAMINGS, None))
    url = media.serves(content, framing=way) if way else data_uri(content)

    stored = await images.transfer(url, stem(), metadata=METADATA)

    size = judged(content)
    assert size is None or (stored.width, stored.height) == size, name
    assert (stored.size_bytes, await bucket.bytes_of(stored.key)) == (len(content), content), name


@pytest.mark.drill
@pytest.mark.timeout(0)
async def test_requested_number_of_cases(images: Images, media: MediaHost, bucket: Bucket) -> None:
    for number, case in enumerate(cases(CASES), start=1):
        check(case)
        await delivered(case, images, media, bucket)
        if number % 1000 == 0:
            print(f"{number} of {CASES} cases", flush=True)  # noqa: T201 - for the person who waits
