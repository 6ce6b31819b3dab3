"""The hash of a body is that of its whole JSON, however long its texts are."""

import hashlib
import json

import pytest
from pydantic import JsonValue

from imagegen.operations.body_hash import hash_body

LONG = "data:image/png;base64," + "iVBORw0KGgo" * 20_000
SIGNED = f"http://localhost/bucket/inputs/u/{'a' * 64}.png"
BODIES: list[JsonValue] = [
    "job-1",
    {},
    {"userId": "u", "inputs": {"prompt": "a fox"}},
    {"b": [LONG, "x", LONG], "a": LONG},
    {"z": LONG + "1", "ä": LONG + "2", "A": {"y": LONG + "3", "x": [[LONG + "4"]]}},
    {"prompt": '\U0001f98a"\\\n\x00\ud800' * 30_000},
    {"prompt": "\x00" * 70_000, "other": "\x00"},
    [None, True, 1, 1.5, LONG],
]


@pytest.mark.parametrize("body", BODIES)
def test_hash_is_of_the_whole_json(body: JsonValue) -> None:
    hashes = hash_body(body)

    assert hashes.sha256 == hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    assert hashes.unsigned_sha256 is None


@pytest.mark.parametrize("beside", ["short", LONG])
def test_signatures_do_not_count_beside_texts_of_any_length(beside: str) -> None:
    first, second, bare = (
        hash_body({"image_urls": [beside, SIGNED + query]}) for query in ("?X-Amz=1&Sig=2", "?X-Amz=3&Sig=4", "")
    )

    assert first.sha256 != second.sha256
    assert first.unsigned_sha256 == second.unsigned_sha256 == bare.sha256
