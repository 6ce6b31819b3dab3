"""Every request to S3 that the service knows how to make, made once or more often."""

import re
from contextlib import suppress
from typing import Final

from media_host import MediaHost
from pages import ROOT
from specimens import MIB, PNG, huge_png, stem

from imagegen.errors import TransferError
from imagegen.storage.images import Images

_STORAGE: Final = ROOT / "src/imagegen/storage"


def operations_in_the_source() -> set[str]:
    """S3's own names of all requests that the source makes."""
    source = "".join(file.read_text(encoding="utf-8") for file in sorted(_STORAGE.glob("*.py")))
    called = re.findall(r"client\.([a-z0-9_]+)\(\s*Bucket=", source)
    return {"".join(part.capitalize() for part in name.split("_")) for name in called}


async def every_request(images: Images, media: MediaHost) -> None:
    """Store, read and delete pictures, one of them in parts, and one that breaks off."""
    key_stem = stem()
    await images.bucket.ensure()
    await images.bucket.check()
    await images.bucket.prove(f"{key_stem}/proof", b"a proof")
    whole = await images.transfer(media.serves(PNG), f"{key_stem}/whole", metadata={})
    parts = media.serves(huge_png(10 * MIB), framing="chunked")
    await images.transfer(parts, f"{key_stem}/parts", metadata={})
    with suppress(TransferError):
        broken = media.serves(huge_png(20 * MIB), framing="chunked", cut_at=10 * MIB)
        await images.transfer(broken, f"{key_stem}/broken", metadata={})
    assert await images.bucket.has(whole.key)
    async with images.content(whole.key):
        pass
    await images.discard(f"{key_stem}/")
