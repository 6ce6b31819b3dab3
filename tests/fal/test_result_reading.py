"""Reading a result: its images anywhere in it, its details, and why it has no image."""

import json
from decimal import Decimal
from typing import Final

import httpx
import pytest
from dirty_equals import IsPartialDict
from pydantic import JsonValue, SecretStr

from imagegen.errors import ProviderError, ProviderRejected, ProviderUnavailable
from imagegen.fal.error_responses import read_error_response
from imagegen.fal.results import build_reader
from imagegen.fal.sanitize import Sanitizer
from imagegen.jobs import ProviderImage, ProviderResult, result_details
from imagegen.net.http import Response
from tests.support.scripted_http import response

MEDIA: Final = "https://v3.fal.media/files"
A, B, C = f"{MEDIA}/a.png", f"{MEDIA}/b.png", f"{MEDIA}/c.png"
ELSEWHERE: Final = "https://pictures.example/z.png"
DATA: Final = "data:image/png;base64,iVBORw0KGgo="
KEY: Final = "id:a-secret-of-32-characters-or-so"
SANITIZER: Final = Sanitizer(SecretStr(KEY))


def said(body: JsonValue, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return response(httpx.Response(status, json=body, headers=named))


def read(body: JsonValue, sent: JsonValue = None, units: str = "") -> ProviderResult:
    result = build_reader(sent, is_media, SANITIZER).read(said(body, x_fal_billable_units=units))
    assert result is not None
    return result


def is_media(url: str) -> bool:
    return httpx.URL(url).host.endswith("fal.media")


def urls(body: JsonValue, sent: JsonValue = None) -> list[str]:
    return [image.url for image in read(body, sent).images]


def error(body: JsonValue, units: str = "") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read(body, units=units)
    return caught.value


PLACES: dict[str, tuple[JsonValue, list[str]]] = {
    "masks beside images": ({"masks": [{"url": B}], "images": [{"url": A}]}, [A, B]),
    "a mask image": ({"mask_image": {"url": A, "content_type": "image/png"}}, [A]),
    "output": ({"output": {"url": A}}, [A]),
    "output as text": ({"output": A}, [A]),
    "upscaled": ({"upscaled": {"url": A}}, [A]),
    "image_url": ({"image_url": A}, [A]),
    "images as an object": ({"images": {"url": A}}, [A]),
    "images by name": ({"images": {"front": {"url": A}, "back": {"url": B}}}, [A, B]),
    "images by name in lists": ({"images": {"front": [{"url": A}], "back": [{"url": B}]}}, [A, B]),
    "images as text": ({"images": A}, [A]),
    "image beside images": ({"image": {"url": B}, "images": [{"url": A}]}, [A, B]),
    "deep": ({"a": {"b": [{"c": {"url": A}}]}}, [A]),
    "a name of tomorrow": ({"restored_picture": {"url": A, "content_type": "image/webp"}}, [A]),
    "an image of another host": ({"restored": {"url": ELSEWHERE, "content_type": "image/webp"}}, [ELSEWHERE]),
    "another host beside fal's": ({"images": [A], "source": {"url": ELSEWHERE, "content_type": "image/png"}}, [A]),
    "a video that is a picture": ({"video": {"url": A, "content_type": "image/gif"}}, [A]),
    "a data URI": ({"result": {"url": DATA}}, [DATA]),
    "no extension": ({"result": {"url": f"{MEDIA}/zebra/abc"}}, [f"{MEDIA}/zebra/abc"]),
    "bytes of any kind": ({"result": {"url": A, "content_type": "application/octet-stream"}}, [A]),
    "the same twice": ({"images": [{"url": A}], "image": {"url": A}, "output": A.replace("v3.", "V3.")}, [A]),
    "a thumbnail of an image": ({"result": {"url": A, "thumbnail": {"url": B}}}, [A]),
    "a list at the top": ([{"url": A}, {"url": B}], [A, B]),
    "an ordered rest": ({"z": {"url": C}, "masks": [B], "a": {"url": A}}, [C, B, A]),
}


@pytest.mark.parametrize("place", PLACES)
def test_images_are_found_anywhere_in_a_stable_order(place: str) -> None:
    body, expected = PLACES[place]

    assert urls(body) == expected


@pytest.mark.parametrize(
    "beside",
    [
        {"video": {"url": f"{MEDIA}/v.mp4"}},
        {"videos": [{"url": A}]},
        {"model": {"url": f"{MEDIA}/m.bin", "content_type": "model/gltf-binary"}},
        {"docs": {"url": "https://docs.fal.ai/x"}},
        {"link": A},
        {"note": f"See {A}"},
        {"output": "a text"},
        {"output": ELSEWHERE},
        {"file": {"url": 7}},
        {"url": None},
    ],
)
def test_other_files_are_not_images(beside: dict[str, JsonValue]) -> None:
    assert urls({"images": [{"url": B}], **beside}) == [B]


@pytest.mark.parametrize(
    "echoed",
    [A, "https://V3.FAL.MEDIA:443/files/a.png", "http://v3.fal.media/files/a.png", f"{A}#x", f"{MEDIA}/%61.png"],
)
def test_url_of_the_request_is_never_an_image(echoed: str) -> None:
    body: JsonValue = {"images": [{"url": B}], "image_url": echoed, "input": {"image": {"url": echoed}}}

    assert urls(body, {"image_url": A, "prompt": "x"}) == [B]
    assert urls(body, {"prompt": f"as in {A}."}) == [B]


def test_signed_url_of_the_request_matches_without_signature() -> None:
    sent: JsonValue = {"image_urls": [f"{A}?X-Amz-Signature=abc&X-Amz-Date=1"]}

    assert urls({"image": {"url": A}, "mask": {"url": B}}, sent) == [B]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([True, False], [True, False]),
        (True, [True, True]),
        ({"0": False, "1": True}, [False, True]),
        ({"images": [False, True]}, [False, True]),
        ({"nudity": False, "violence": True}, [True, True]),
        ({"nudity": False}, [False, False]),
        ([{"nsfw": True}, {"nsfw": False, "score": 0.1}], [True, False]),
        ([1, 0], [True, False]),
        ({}, [None, None]),
        ("?", [None, None]),
        ([None], [None, None]),
    ],
)
def test_flags_are_read_in_every_form(flags: JsonValue, expected: list[bool | None]) -> None:
    body: JsonValue = {"images": [{"url": A}, {"url": B}], "has_nsfw_concepts": flags}

    assert [image.nsfw for image in read(body).images] == expected


def test_flag_inside_an_image_counts_if_there_is_no_other() -> None:
    assert read({"images": [{"url": A, "nsfw": True}]}).images == (ProviderImage(url=A, nsfw=True),)


def test_details_keep_other_members_without_image_urls() -> None:
    body: JsonValue = {
        "images": [{"url": A, "width": 8, "content_type": "image/png"}],
        "seed": 2**63,
        "prompt": "a fox\nat night",
        "timings": {"inference": 1.5},
        "has_nsfw_concepts": [False],
        "debug": {"first": A, "step": 3},
        "image_url": ELSEWHERE,
        "empty": [],
    }

    result = read(body, {"image_url": ELSEWHERE}, units="1.5")

    assert (result.billable_units, result.payload) == (
        Decimal("1.5"),
        {
            "seed": 2**63,
            "prompt": "a fox\nat night",
            "timings": {"inference": 1.5},
            "has_nsfw_concepts": [False],
            "debug": {"step": 3},
            "empty": [],
        },
    )


def test_details_hold_no_secret() -> None:
    link = "https://s3.example/b/k?X-Amz-Credential=AKIA&X-Amz-Signature=cafe&x=1"
    body: JsonValue = {
        "image": A,
        "log": f"with {KEY}",
        KEY: 1,
        "see": link,
        "h": "https://i/api/webhooks/fal/J/s3cret",
    }

    text = json.dumps(read(body).payload)

    assert [word for word in (KEY, "AKIA", "cafe", "s3cret") if word in text] == []
    assert "x=1" in text


def nested(depth: int) -> JsonValue:
    value: JsonValue = "deep"
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "large",
    [
        {"text": "é" * 10**6},
        {"texts": ["x" * 10_000] * 100},
        {"n" * 1000: 1},
        {f"name{number}": number for number in range(50_000)},
        {"list": list(range(50_000))},
        {"deep": nested(80)},
        {"mask_data": DATA + "A" * 10**6},
    ],
    ids=["text", "texts", "name", "names", "values", "depth", "data"],
)
def test_details_are_bounded_and_marked_as_truncated(large: dict[str, JsonValue]) -> None:
    body: JsonValue = {"images": [A], **large, "seed": 7, "prompt": "a fox"}

    details = read(body).payload

    assert details == IsPartialDict(seed=7, prompt="a fox", truncated=True)
    assert len(json.dumps(details, ensure_ascii=False).encode()) < 66_000
    assert result_details(details) == details


def test_small_result_is_not_marked_as_truncated() -> None:
    assert read({"image": A, "seed": 1}).payload == {"seed": 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"images": []},
        {"images": None, "image": {}},
        {"images": [], "description": " ", "seed": 1},
        {"video": {"url": f"{MEDIA}/v.mp4"}},
        {"detail": [{"type": "no_media_generated", "msg": "fal.ai completed the request without an image."}]},
    ],
)
def test_no_image_gives_the_same_error_from_fal_and_from_us(body: JsonValue) -> None:
    refusal = error(body, units="1")

    assert isinstance(refusal, ProviderRejected)
    assert (refusal.answer.refused, refusal.answer.error_type, refusal.answer.message) == (
        "output",
        "no_media_generated",
        "fal.ai completed the request without an image.",
    )
    assert refusal.answer.billable_units == 1


@pytest.mark.parametrize(
    "body",
    [
        {"images": [], "description": "I cannot create that.", "seed": 3},
        {"images": [], "text": "I cannot create that.", "seed": 3},
        {"image": None, "message": "I cannot create that.", "seed": 3},
    ],
)
def test_model_that_declines_is_rejected_with_its_message(body: JsonValue) -> None:
    answer = error(body).answer

    assert (answer.refused, answer.message, answer.result) == (
        "output",
        "I cannot create that.",
        IsPartialDict(seed=3),
    )


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"type": "content_policy_violation", "msg": "No.", "loc": ["body", "prompt"]}]},
        {"images": [], "detail": [{"type": "content_policy_violation", "msg": "No."}]},
        {"error": {"message": "Blocked by the safety filter."}},
        {"error": "The generated image was flagged as NSFW."},
    ],
)
def test_result_emptied_by_moderation_is_refused_output(body: JsonValue) -> None:
    refusal = error(body)

    assert (refusal.answer.refused, refusal.retryable) == ("output", False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "Face not found in the base image."}, "Face not found in the base image."),
        ({"error": {"msg": "Face not found."}}, "Face not found."),
        ({"images": [], "error": "Face not found."}, "Face not found."),
        ({"detail": "Face not found."}, "Face not found."),
        ({"errors": ["Face not found."]}, "Face not found."),
        (
            {"detail": [{"type": "face_detection_error", "msg": "No face.", "loc": ["body", "base_image_url"]}]},
            "body.base_image_url: No face.",
        ),
    ],
)
def test_error_text_without_moderation_is_not_a_refusal(body: JsonValue, words: str) -> None:
    failure = error(body, units="0")

    assert isinstance(failure, ProviderRejected)
    assert (failure.answer.refused, failure.answer.message, failure.answer.billable_units) == (None, words, 0)


def test_transient_error_stays_retryable() -> None:
    assert isinstance(error({"detail": "x", "error_type": "runner_disconnected"}), ProviderUnavailable)


@pytest.mark.parametrize("body", [None, "text", 7, [], ["x"], [[A]]])
def test_result_that_is_no_object_is_none(body: JsonValue) -> None:
    assert build_reader(None, is_media, SANITIZER).read(said(body)) is None


@pytest.mark.parametrize(
    ("ctx", "words"),
    [
        ({"min_height": 256, "min_width": 256}, "body.image_url: too small (min_height: 256, min_width: 256)"),
        ({"supported_formats": [".png", ".jpg"]}, "body.image_url: too small (supported_formats: .png, .jpg)"),
        ({"error": {}}, "body.image_url: too small"),
        ({}, "body.image_url: too small"),
        (["odd"], "body.image_url: too small"),
    ],
)
def test_limits_in_an_error_are_shown(ctx: JsonValue, words: str) -> None:
    fault: JsonValue = {"loc": ["body", "image_url"], "msg": "too small", "type": "image_too_small", "ctx": ctx}

    answer = read_error_response(said({"detail": [fault]}, 422), SANITIZER).answer

    assert (answer.message, answer.detail) == (words, (words,))


def test_limits_are_bounded_and_hold_no_secret() -> None:
    ctx: dict[str, JsonValue] = {f"limit{number}": "x" * 1000 for number in range(100)}

    answer = read_error_response(said({"detail": [{"msg": "no", "ctx": {"a": KEY, "b": ctx}}]}, 422), SANITIZER).answer

    assert KEY not in answer.message
    assert len(answer.detail[0]) <= 500


LOCKED: Final = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
TROUBLE: dict[str, Response] = {
    "bad key": said({"detail": "invalid key credentials"}, 401),
    "no such key": said({"detail": "No user found for Key ID and Secret"}, 401),
    "401 without words": response(httpx.Response(401)),
    "402": said({"detail": "Please pay."}, 402),
    "locked": said({"detail": LOCKED}, 403),
    "top up": said({"detail": "User is locked. Reason: TOP_UP."}, 403),
    "locked, with an id": said({"detail": "User is locked. Reason: TOP_UP."}, 403, x_fal_request_id="r"),
    "forbidden": said({"detail": "Forbidden"}, 403),
    "no access": said({"detail": "You do not have access to this application"}, 403),
    "a gateway's page": response(httpx.Response(403, text="<html>403 Forbidden</html>")),
    "typed": said({"detail": "no", "error_type": "user_locked"}, 403),
    "another status": said({"detail": LOCKED}, 409),
    "too many and too poor": said({"detail": LOCKED}, 429),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_account_errors_are_recognized(trouble: str) -> None:
    assert read_error_response(TROUBLE[trouble], SANITIZER).is_account_trouble


@pytest.mark.parametrize(
    "answer",
    [
        said({"detail": [{"type": "content_policy_violation", "msg": "No.", "loc": ["body", "prompt"]}]}, 403),
        said({"detail": "This prompt is not allowed."}, 403),
        said({"detail": "The picture shows a bank balance."}, 422),
        said({"detail": "Access to the image was denied: permission"}, 403, x_fal_request_id="r"),
        said({"detail": "The downstream key is wrong"}, 401, x_fal_request_id="r"),
        said({"detail": "slow down"}, 429),
        said({"error": "Error", "message": "Path /quality not found"}, 404),
        said({"detail": LOCKED}, 500),
    ],
)
def test_model_message_is_not_an_account_error(answer: Response) -> None:
    assert not read_error_response(answer, SANITIZER).is_account_trouble


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("Content policy violation: try another prompt.", "input"),
        ("Your request was rejected by our safety system.", "input"),
        ("The image could not be downloaded.", None),
    ],
)
def test_moderation_without_a_type_is_recognized_by_its_text(words: str, refused: str | None) -> None:
    assert read_error_response(said({"detail": words}, 422, x_fal_request_id="r"), SANITIZER).answer.refused == refused
