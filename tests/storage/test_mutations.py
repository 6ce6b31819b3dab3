"""Files of the corpus, broken at random, with a decoder as the judge. `make mutations` tries for longer."""

import io
import os
import random
from collections.abc import Iterator
from typing import Final

import pytest
from bucket import Bucket
from corpus import data_uri, displayed_size
from media_host import Framing, MediaHost
from mutations import mutated
from PIL import Image
from specimens import METADATA, stem

from imagegen.data_uris import read_data_uri
from imagegen.errors import NotAPicture
from imagegen.storage.images import Images
from imagegen.storage.input_pictures import CutOffPicture, InputPicture, examine
from imagegen.storage.pictures import UNKNOWN, is_safe_inline, quiet, recognise

CASES: Final = int(os.environ.get("MUTATION_CASES", "0"))
SEED: Final = int(os.environ.get("MUTATION_SEED") or 1)
# A few changed bytes make a header claim hundreds of gigapixels, which a decoder begins to fill.
MOST_PIXELS: Final = 2**24
FRAMINGS: Final[tuple[Framing, ...]] = ("length", "chunked", "close")


def judged(content: bytes) -> tuple[int, int] | None:
    """The size that a decoder shows, None if it does not get to the last pixel, or only with gigabytes of memory."""
    try:
        with quiet(), Image.open(io.BytesIO(content)) as image:
            is_huge = image.width * image.height > MOST_PIXELS
        return None if is_huge else displayed_size(content)
    except Exception:  # noqa: BLE001 - decoders raise whatever they like
        return None


def kept_input(content: bytes) -> InputPicture | None:
    try:
        return examine(io.BytesIO(read_data_uri(data_uri(content))))
    except (NotAPicture, CutOffPicture):
        return None


def cases(count: int) -> Iterator[int]:
    return iter(range(SEED * 1_000_000, SEED * 1_000_000 + count))


def check(case: int) -> None:
    """What a decoder shows is known and taken, with its size; what has no size is nothing that a browser runs."""
    name, content = mutated(case)
    size, found, kept = judged(content), recognise(io.BytesIO(content)), kept_input(content)
    if size is not None:
        assert (found.width, found.height) == size, name
        assert kept is not None, name
        assert (kept.width, kept.height, kept.size_bytes) == (*size, len(content)), name
    assert is_safe_inline(found.content_type) is (found.width is not None), name
    assert (found is UNKNOWN) is (found.width is None), name
    assert kept is None or found is not UNKNOWN, name


@pytest.mark.timeout(60)
def test_broken_files_are_judged_as_a_decoder_does() -> None:
    for case in cases(1500):
        check(case)


async def test_every_broken_file_that_fal_delivers_is_kept(images: Images, media: MediaHost, bucket: Bucket) -> None:
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


@pytest.mark.skipif(not CASES, reason="only for as long as asked: make mutations CASES=10000")
@pytest.mark.timeout(0)
async def test_as_many_cases_as_asked(images: Images, media: MediaHost, bucket: Bucket) -> None:
    for number, case in enumerate(cases(CASES), start=1):
        check(case)
        await delivered(case, images, media, bucket)
        if number % 1000 == 0:
            print(f"{number} of {CASES} cases", flush=True)  # noqa: T201 - for the person who waits
