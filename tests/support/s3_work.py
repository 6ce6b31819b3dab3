"""Makes every request to S3 that the service can make."""

import re
from contextlib import suppress
from typing import Final

from imagegen.errors import TransferError
from imagegen.storage.images.store import Images
from tests.support.media_host import MediaHost
from tests.support.pages import ROOT
from tests.support.specimens import MIB, PNG, huge_png, stem

_STORAGE: Final = ROOT / "src/imagegen/storage"


def operations_in_the_source() -> set[str]:
    """The names of S3 for all requests that the source makes."""
    source = "".join(file.read_text(encoding="utf-8") for file in sorted(_STORAGE.rglob("*.py")))
    called = re.findall(r"client\.([a-z0-9_]+)\(\s*Bucket=", source)
    return {"".join(part.capitalize() for part in name.split("_")) for name in called}


async def every_request(images: Images, media: MediaHost) -> None:
    """Store, read and delete images, one of them in parts, and one that is cut off."""
    key_stem = stem()
    await images.bucket.create_if_missing()
    await images.bucket.check()
    await images.bucket.check_read_write(f"{key_stem}/proof", b"a proof")
    whole = await images.transfer(media.serves(PNG), f"{key_stem}/whole", metadata={})
    parts = media.serves(huge_png(10 * MIB), framing="chunked")
    await images.transfer(parts, f"{key_stem}/parts", metadata={})
    with suppress(TransferError):
        broken = media.serves(huge_png(20 * MIB), framing="chunked", cut_at=10 * MIB)
        await images.transfer(broken, f"{key_stem}/broken", metadata={})
    assert await images.bucket.exists(whole.key)
    async with images.read_content(whole.key):
        pass
    await images.delete_prefix(f"{key_stem}/")
