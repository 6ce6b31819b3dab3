"""Invisible text from fal counts as no text."""

from typing import Final

import pytest
from pydantic import JsonValue

from imagegen.fal.error_responses import read_error_response
from tests.fal.test_result_reading import SANITIZER, error, said

BLANK: Final[list[JsonValue]] = [
    {"detail": " "},
    {"detail": ["", "\t"]},
    {"detail": [{"msg": "\u2028", "type": "\x00"}]},
    {"error": "\u200b"},
    {"error": {"message": "\n"}},
    {"message": " ", "error_type": "  "},
    {"description": "\x1b\u202e"},
]


@pytest.mark.parametrize("status", [200, 422, 503])
@pytest.mark.parametrize("body", BLANK, ids=str)
def test_invisible_text_counts_as_none(body: JsonValue, status: int) -> None:
    answer = (
        read_error_response(said(body, status, x_fal_error_type=" "), SANITIZER).answer
        if status > 200
        else error(body).answer
    )

    assert any(word in answer.message for word in ("HTTP status", "no message", "without an image"))
    assert answer.error_type in {None, "no_media_generated"}
