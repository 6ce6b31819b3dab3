"""Every fault of the media host, which serves the images."""

import httpx
import pytest

from tests.sandbox.running_sandbox import NANO, Caller, decoded


async def test_media_host_fails_as_often_as_planned(fal: Caller) -> None:
    url = await fal.image_url()
    await fal.plan({"fault": "media_status", "status": 503, "times": 2})

    assert [(await fal.http.get(url)).status_code for _ in range(3)] == [503, 503, 200]


async def test_media_host_is_late(fal: Caller) -> None:
    url = await fal.image_url()
    await fal.plan({"fault": "media_delay", "seconds": 0.3})

    with pytest.raises(httpx.ReadTimeout):
        await fal.http.get(url, timeout=0.1)


@pytest.mark.parametrize("length", ["whole", "absent"])
async def test_image_breaks_off(fal: Caller, length: str) -> None:
    url = await fal.image_url()
    await fal.plan({"fault": "media_truncated", "length": length})

    with pytest.raises(httpx.RemoteProtocolError):
        await fal.http.get(url)


async def test_truncated_image_with_matching_length(fal: Caller) -> None:
    url = await fal.image_url()
    whole = (await fal.http.get(url)).content
    await fal.plan({"fault": "media_truncated", "length": "kept", "keep": 0.25})

    assert (await fal.http.get(url)).content == whole[: len(whole) // 4]


async def test_image_without_content_length(fal: Caller) -> None:
    url = await fal.image_url()
    whole = await fal.http.get(url)
    await fal.plan({"fault": "media_chunked"})
    chunked = await fal.http.get(url)

    assert (chunked.content == whole.content, chunked.headers.get("content-length")) == (True, None)


@pytest.mark.parametrize("other", ["noise", "html", "nothing"])
async def test_other_bytes_under_the_images_content_type(fal: Caller, other: str) -> None:
    url = await fal.image_url()
    await fal.plan({"fault": "media_corrupt", "bytes": other})
    answer = await fal.http.get(url)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    with pytest.raises(OSError, match="cannot identify"):
        decoded(answer.content)


@pytest.mark.parametrize("content_type", ["text/html", None])
async def test_image_under_another_content_type(fal: Caller, content_type: str | None) -> None:
    url = await fal.image_url()
    await fal.plan({"fault": "media_content_type", "content_type": content_type})
    answer = await fal.http.get(url)

    assert (answer.headers.get("content-type"), decoded(answer.content).format) == (content_type, "JPEG")


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("file_type", ["jpeg", "png", "webp"])
async def test_padded_image_is_still_the_image(fal: Caller, file_type: str, has_length: bool) -> None:
    body = {"prompt": "x", "image_urls": ["data:,"], "output_format": file_type}
    item = (await fal.generate(body, NANO)).json()["images"][0]
    small = (await fal.http.get(item["url"])).content
    await fal.plan({"fault": "media_huge", "mebibytes": 3, "content_length": has_length})
    huge = await fal.http.get(item["url"])

    assert len(huge.content) == len(small) + 3 * 1024 * 1024
    assert huge.headers.get("content-length") == (str(len(huge.content)) if has_length else None)
    assert decoded(huge.content).tobytes() == decoded(small).tobytes()
