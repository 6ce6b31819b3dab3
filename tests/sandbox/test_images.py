"""The images are as requested, reproducible, and show how the inputs were used."""

import asyncio
import base64
import socket

import pytest
from dirty_equals import IsInt, IsStr
from PIL import Image, ImageChops, ImageStat

from imagegen.sandbox.inputs import InputImageFetcher
from tests.sandbox.running_sandbox import FLUX, NANO, Caller, Json, decoded

PROMPT = "A lighthouse at dusk"
I2I = "fal-ai/flux/dev/image-to-image"
UNREACHABLE = "http://127.0.0.1:9/nothing.jpg"


def difference(first: Image.Image, second: Image.Image) -> float:
    """Mean difference of the channels, 0 to 255."""
    assert first.size == second.size
    return sum(ImageStat.Stat(ImageChops.difference(first.convert("RGB"), second.convert("RGB"))).mean) / 3


async def bytes_of(fal: Caller, body: Json, endpoint: str = FLUX) -> bytes:
    result = (await fal.generate(body, endpoint)).json()
    return (await fal.http.get(result["images"][0]["url"])).content


async def test_same_input_and_seed_give_the_same_bytes(fal: Caller) -> None:
    body = {"prompt": PROMPT, "seed": 7, "image_size": "square"}

    assert await bytes_of(fal, body) == await bytes_of(fal, body)


@pytest.mark.parametrize("other", [{"seed": 8}, {"prompt": "A lighthouse at dawn"}])
async def test_another_seed_or_prompt_gives_another_image(fal: Caller, other: Json) -> None:
    body = {"prompt": PROMPT, "seed": 7, "image_size": "square"}

    assert difference(await fal.image(body), await fal.image(body | other)) > 1


async def test_another_endpoint_gives_another_image(fal: Caller) -> None:
    body = {"prompt": PROMPT, "seed": 7, "image_size": "square"}

    assert difference(await fal.image(body), await fal.image(body, "fal-ai/flux-pro/v1.1")) > 1


async def test_missing_seed_is_chosen_and_returned(fal: Caller) -> None:
    body = {"prompt": PROMPT, "image_size": {"width": 8, "height": 8}}
    first, second = [(await fal.generate(body)).json()["seed"] for _ in range(2)]

    assert (first, second) == (IsInt(ge=0), IsInt(ge=0))
    assert first != second


@pytest.mark.parametrize(
    ("endpoint", "options", "size"),
    [
        (FLUX, {}, (1024, 768)),
        (FLUX, {"image_size": "square_hd"}, (1024, 1024)),
        (FLUX, {"image_size": "square"}, (512, 512)),
        (FLUX, {"image_size": "portrait_4_3"}, (768, 1024)),
        (FLUX, {"image_size": "portrait_16_9"}, (576, 1024)),
        (FLUX, {"image_size": "landscape_16_9"}, (1024, 576)),
        (FLUX, {"image_size": {"width": 333, "height": 77}}, (333, 77)),
        (FLUX, {"image_size": {"width": 1, "height": 1}}, (1, 1)),
        (FLUX, {"image_size": {"height": 300}}, (512, 300)),
        (NANO, {}, (1024, 1024)),
        (NANO, {"aspect_ratio": "9:16"}, (768, 1376)),
        (NANO, {"aspect_ratio": "21:9", "resolution": "2K"}, (3168, 1344)),
        (NANO, {"aspect_ratio": "1:1", "resolution": "4K"}, (4096, 4096)),
        ("owner/unheard-of", {"width": 200, "height": 100}, (200, 100)),
    ],
)
async def test_image_has_the_requested_size(fal: Caller, endpoint: str, options: Json, size: tuple[int, int]) -> None:
    inputs: Json = {"image_urls": [UNREACHABLE]} if endpoint == NANO else {}

    assert (await fal.image({"prompt": PROMPT, **inputs, **options}, endpoint)).size == size


@pytest.mark.parametrize(
    ("asked", "format_", "content_type", "extension"),
    [("jpeg", "JPEG", "image/jpeg", "jpg"), ("png", "PNG", "image/png", "png"), ("webp", "WEBP", "image/webp", "webp")],
)
async def test_image_has_the_requested_format(
    fal: Caller, asked: str, format_: str, content_type: str, extension: str
) -> None:
    body = {"prompt": PROMPT, "image_urls": [UNREACHABLE], "output_format": asked}
    item = (await fal.generate(body, NANO)).json()["images"][0]
    media = await fal.http.get(item["url"])

    assert item == {
        "url": IsStr(regex=rf"http://.*\.{extension}"),
        "content_type": content_type,
        "file_name": f"0.{extension}",
        "file_size": len(media.content),
        "width": None,
        "height": None,
    }
    assert (decoded(media.content).format, media.headers["content-type"]) == (format_, content_type)
    assert media.headers["content-length"] == str(len(media.content))
    assert "etag" not in media.headers


async def test_requested_number_of_different_images(fal: Caller) -> None:
    body = {"prompt": PROMPT, "num_images": 3, "image_size": "square", "output_format": "png"}
    result = (await fal.generate(body)).json()
    images = [(await fal.http.get(item["url"])).content for item in result["images"]]

    assert (len(set(images)), result["has_nsfw_concepts"]) == (3, [False] * 3)


async def test_sync_mode_puts_the_image_into_its_url(fal: Caller) -> None:
    result = (await fal.generate({"prompt": PROMPT, "sync_mode": True, "output_format": "png"})).json()
    header, _, data = result["images"][0]["url"].partition(",")

    assert (header, decoded(base64.b64decode(data)).size) == ("data:image/png;base64", (1024, 768))


async def test_edit_shows_its_input_and_depends_on_the_seed(fal: Caller) -> None:
    source = await fal.image_url()
    shown = decoded((await fal.http.get(source)).content)
    edited = await fal.image({"prompt": "", "image_urls": [source], "aspect_ratio": "4:3"}, NANO)
    missing = await fal.image({"prompt": "", "image_urls": [UNREACHABLE], "aspect_ratio": "4:3"}, NANO)
    expected = shown.resize(edited.size)  # pyright: ignore[reportUnknownMemberType] - Pillow names numpy's types

    assert difference(edited, expected) < difference(missing, expected)
    assert difference(edited, expected) > 5


async def test_auto_uses_the_ratio_of_the_first_input(fal: Caller) -> None:
    tall = (await fal.generate({"prompt": PROMPT, "image_size": "portrait_16_9"})).json()["images"][0]["url"]

    assert (await fal.image({"prompt": PROMPT, "image_urls": [tall]}, NANO)).size == (768, 1376)


async def test_swap_puts_one_image_into_the_other(fal: Caller) -> None:
    seeds = [{"prompt": PROMPT, "seed": seed, "image_size": "square"} for seed in (1, 2)]
    base, face = [(await fal.generate(body)).json()["images"][0]["url"] for body in seeds]
    swapped = await fal.image({"base_image_url": base, "swap_image_url": face}, "fal-ai/face-swap")
    shown = decoded((await fal.http.get(base)).content)
    corner, middle = (0, 0, 90, 90), (200, 180, 310, 290)

    assert swapped.size == (512, 512)
    assert difference(swapped.crop(corner), shown.crop(corner)) < 8
    assert difference(swapped.crop(middle), shown.crop(middle)) > 8


async def test_less_strength_keeps_more_of_the_source(fal: Caller) -> None:
    source = await fal.image_url()
    shown = decoded((await fal.http.get(source)).content)
    body = {"prompt": "a painting", "image_url": source, "seed": 3}
    weak, strong = [await fal.image(body | {"strength": strength}, I2I) for strength in (0.1, 1.0)]

    assert difference(weak, shown) < difference(strong, shown)


async def test_data_uri_is_accepted_as_input(fal: Caller) -> None:
    source = await fal.image_url()
    data = (await fal.http.get(source)).content
    uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"

    assert (await fal.image({"prompt": "x", "image_url": uri}, I2I)).size == decoded(data).size


@pytest.mark.parametrize(
    "url", ["https://your-template.jpg", "http://10.255.255.1/a.jpg", UNREACHABLE, "not a url", "data:,x", "http://["]
)
async def test_unreachable_input_becomes_a_placeholder_within_1_s(fal: Caller, url: str) -> None:
    async with asyncio.timeout(2):
        image = await fal.image({"prompt": "x", "image_url": url, "seed": 1}, I2I)

    assert image.size == (1024, 768)


async def test_silent_input_host_is_given_up_after_1_s(fal: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.jpg"
        async with asyncio.timeout(2):
            image = await fal.image({"prompt": "x", "image_urls": [url, url]}, NANO)

    assert image.size == (1024, 1024)


@pytest.mark.parametrize(("loopback_only", "looked_up"), [(True, []), (False, ["pictures.test"])])
async def test_loopback_only_resolves_no_other_host(
    monkeypatch: pytest.MonkeyPatch,
    loopback_only: bool,
    looked_up: list[str],
) -> None:
    asked: list[str] = []

    def look_up(host: str | bytes, *_: object, **__: object) -> None:
        asked.append(host if isinstance(host, str) else host.decode())
        raise socket.gaierror("no such host")

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    inputs = InputImageFetcher(loopback_only=loopback_only)
    fetched = await inputs.fetch(["http://pictures.test/a.jpg"])
    await inputs.close()

    assert (fetched[0].reason, asked) == ("not reachable", looked_up)


@pytest.mark.parametrize("prompt", ["", "x" * 5000, "word " * 9000, "日本 Größe\n\nline\ttab 😀", "\x00\u202e"])
async def test_any_prompt_can_be_drawn(fal: Caller, prompt: str) -> None:
    answer = await fal.generate({"prompt": prompt, "image_urls": [UNREACHABLE]}, NANO)

    assert answer.status_code == 200


async def test_too_many_pixels_end_as_image_too_large(fal: Caller) -> None:
    answer = await fal.generate({"prompt": PROMPT, "image_size": {"width": 14142, "height": 14142}})

    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "image_too_large")
