"""Images back at their places in a model's result. Pure."""

from typing import Any

import pytest

from imagegen.jobs import ImageRole
from imagegen.registry import Output, OutputKind
from imagegen.wire.fal_shapes import Placed, with_images

A, B, C = ({"url": f"https://here/{name}"} for name in "abc")


def images(*files: dict[str, Any]) -> list[Placed]:
    return [Placed(ImageRole.IMAGE, file) for file in files]


def output(path: str, kind: OutputKind = OutputKind.IMAGES, role: ImageRole = ImageRole.IMAGE) -> Output:
    return Output(path=path, kind=kind, role=role)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([], {"images": [A, B]}),
        ([output("images")], {"images": [A, B]}),
        ([output("image", OutputKind.IMAGE), output("second", OutputKind.IMAGE)], {"image": A, "second": B}),
        ([output("image", OutputKind.IMAGE)], {"image": A, "images": [B]}),
        ([output("urls", OutputKind.URLS)], {"urls": [A["url"], B["url"]]}),
        ([output("data.image", OutputKind.IMAGE), output("rest")], {"data": {"image": A}, "rest": [B]}),
        ([output("data.images")], {"data": {"images": [A, B]}}),
    ],
)
def test_images_are_where_the_catalog_says(outputs: list[Output], expected: dict[str, Any]) -> None:
    assert with_images({"seed": 1}, outputs, images(A, B)) == {"seed": 1, **expected}


def test_other_members_stay_and_are_not_changed() -> None:
    details: dict[str, Any] = {"seed": 1, "data": {"prompt": "A fox"}}

    shaped = with_images(details, [output("data.image", OutputKind.IMAGE)], images(A))

    assert shaped == {"seed": 1, "data": {"prompt": "A fox", "image": A}}
    assert details == {"seed": 1, "data": {"prompt": "A fox"}}


def test_items_of_a_list_on_the_way_get_one_image_each() -> None:
    details: dict[str, Any] = {"results": [{"score": 1}, {"score": 2}]}

    shaped = with_images(details, [output("results.image")], images(A, B, C))

    assert shaped == {"results": [{"score": 1, "image": A}, {"score": 2, "image": B}, {"image": C}]}


def test_masks_go_to_their_own_output() -> None:
    mask = Placed(ImageRole.MASK, C)
    outputs = [output("image", OutputKind.IMAGE), output("mask_image", OutputKind.IMAGE, ImageRole.MASK)]

    assert with_images({}, outputs, [*images(A), mask]) == {"image": A, "mask_image": C}
    assert with_images({}, [], [*images(A), mask]) == {"images": [A, C]}


def test_result_without_images_is_left_alone() -> None:
    assert with_images({"text": "none"}, [], []) == {"text": "none"}
