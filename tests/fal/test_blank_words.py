"""Words of fal's that cannot be seen are taken for none."""

from typing import Final

import pytest
from pydantic import JsonValue
from test_results import WORDING, error, said

from imagegen.fal.refusals import read_refusal

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
def test_words_that_cannot_be_seen_are_none(body: JsonValue, status: int) -> None:
    answer = (
        read_refusal(said(body, status, x_fal_error_type=" "), WORDING).answer if status > 200 else error(body).answer
    )

    assert any(word in answer.message for word in ("HTTP status", "no message", "without a picture"))
    assert answer.error_type in {None, "no_media_generated"}
