"""Where the catalog says that a result has its images, these are read, with their roles; if none is there, all are."""

from typing import Any, Final

import pytest

from imagegen.fal.result_images import find_images
from imagegen.registry import Output

Json = dict[str, Any]
HOST: Final = "https://v3.fal.media/"


def output(path: str, **more: str) -> Output:
    return Output.model_validate({"path": path, **more})


def found(payload: Json, *outputs: Output) -> list[tuple[str, str]]:
    images = find_images(payload, (), lambda url: url.startswith(HOST), outputs)
    return [(image.url.removeprefix(HOST), image.role.value) for image in images]


def file(name: str) -> Json:
    return {"url": HOST + name, "content_type": "image/png"}


@pytest.mark.parametrize(
    ("payload", "outputs", "expected"),
    [
        ({"image": file("a")}, [output("image", kind="image")], [("a", "image")]),
        ({"urls": [HOST + "a", HOST + "b"]}, [output("urls", kind="urls")], [("a", "image"), ("b", "image")]),
        ({"svg": HOST + "a.svg"}, [output("svg", kind="url")], [("a.svg", "image")]),
        (
            {"masks": [file("m")], "images": [file("a"), file("b")], "depth": file("d")},
            [output("images"), output("masks", role="mask")],
            [("a", "image"), ("b", "image"), ("m", "mask")],
        ),
        ({"mask": file("m")}, [output("mask", kind="image", role="mask")], [("m", "mask")]),
        (
            {"layers": [{"image": file("a")}, {"image": file("b")}, {"other": file("c")}]},
            [output("layers.image")],
            [("a", "image"), ("b", "image")],
        ),
        ({"data": {"image": file("a")}, "image": file("b")}, [output("data.image", kind="image")], [("a", "image")]),
        ({"images": [file("a")]}, [output("image", kind="image")], [("a", "image")]),
        ({"image": file("a"), "mask": file("a")}, [output("image"), output("mask", role="mask")], [("a", "image")]),
        ({"image": None, "masks": 7}, [output("image"), output("masks.x")], []),
    ],
)
def test_declared_outputs(payload: Json, outputs: list[Output], expected: list[tuple[str, str]]) -> None:
    assert found(payload, *outputs) == expected


def test_flags_of_images_are_not_those_of_masks() -> None:
    payload: Json = {"masks": [file("m")], "images": [file("a")], "has_nsfw_concepts": [True]}

    images = find_images(payload, (), lambda _: True, [output("masks", role="mask"), output("images")])

    assert [image.nsfw for image in images] == [None, True]
