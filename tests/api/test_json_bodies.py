"""Reading a JSON body: data URIs are cut out and put back, and the rest is counted."""

import json
from dataclasses import replace
from typing import Any

import pytest

from imagegen.api.http import json_bodies
from imagegen.api.http.json_bodies import ArrivingText, JsonBounds, read_json
from imagegen.api.http.problems import HttpProblem
from imagegen.errors import InvalidInput
from tests.support.properties import given, st

BOUNDS = JsonBounds(most_bytes=4096, most_values=100, most_levels=8, bytes_variable="BYTES", values_variable="VALUES")
WIDE = JsonBounds(
    most_bytes=2**20, most_values=10_000, most_levels=100, bytes_variable="BYTES", values_variable="VALUES"
)
URI = "data:image/png;base64," + "iVBORw0KGgo+/A==" * 1000
ODD = [URI, 'say "data:', "\\", '\\"', "data:", URI + "\\", URI + '"', "é" + URI, "\ud800"]
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(ODD),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([URI, "data:"]), inner),
    max_leaves=30,
)  # fmt: skip


def loaded(text: str, bounds: JsonBounds = BOUNDS) -> Any:
    return read_json(text.encode(), bounds)


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_body_is_parsed_as_it_was_written(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert read_json(text.encode(errors="surrogatepass"), WIDE) == value


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [("/", "\\/"), ("+", "\\u002b"), ("+", "\\u002B"), ("=", "\\u003d"), ("/", "\\u002F"), ("A==i", "A==\\r\\ni")],
)
def test_data_uris_do_not_count_with_any_escapes(escaped: str, plain: str) -> None:
    text = json.dumps({"image_url": URI}).replace(escaped, plain)

    assert len(text) > BOUNDS.most_bytes
    assert loaded(text) == json.loads(text)


@pytest.mark.parametrize("uri", [URI + "\\u0041", URI + "é", URI + "\\\\"])
def test_invalid_data_uri_counts_as_text(uri: str) -> None:
    with pytest.raises(HttpProblem) as refusal:
        loaded(f'{{"image_url":"{uri}"}}')

    assert refusal.value.status_code == 413


def test_data_uri_outside_of_a_string_is_not_json() -> None:
    for text in (f'["a,"{URI}"]', f'[\\"{URI}"]', f'["a" "{URI}"]', f'["{URI}"'):
        with pytest.raises(json.JSONDecodeError):
            loaded(text, WIDE)


@pytest.mark.parametrize("text", ["[" * 9 + "]" * 9, "[" * 5000, '{"a":' * 9 + "1" + "}" * 9, "[[[[[[[[{}]]]]]]]]"])
def test_excessive_nesting_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_json(text.encode(), WIDE if len(text) > BOUNDS.most_bytes else BOUNDS)

    assert refusal.value.faults[0].code == "too_deep"


def test_nesting_up_to_the_bound_is_read() -> None:
    assert loaded("[[[[[[[[1]]]]]]]]") == [[[[[[[[1]]]]]]]]


@pytest.mark.parametrize("count", [99, 100, 101])
def test_values_are_counted_exactly(count: int) -> None:
    text = json.dumps([",[{"] * count)

    if count <= BOUNDS.most_values:
        assert loaded(text) == [",[{"] * count
    else:
        with pytest.raises(InvalidInput, match="VALUES"):
            loaded(text)


@given(st.lists(st.text('"\\,[{]}a', max_size=12), min_size=1, max_size=30), st.integers(1, 9))
def test_escapes_are_counted_wherever_a_step_ends(texts: list[str], size: int) -> None:
    exact = JsonBounds(
        most_bytes=4096, most_values=len(texts) + 1, most_levels=2, bytes_variable="", values_variable=""
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_bodies, "_STEP", size)

        assert loaded(json.dumps([texts]), exact) == [texts]
        with pytest.raises(InvalidInput, match=f"at most {len(texts)} members"):
            loaded(json.dumps([*texts, [0]]), replace(exact, most_values=len(texts)))


def test_byte_order_mark_is_accepted() -> None:
    assert read_json(b"\xef\xbb\xbf[1]", BOUNDS) == [1]


@pytest.mark.parametrize(
    ("text", "too_large"),
    [
        ("x" * 3_000_000, True),
        ('["' + URI * 200 + '"]', False),
        ('["' + URI * 200 + '","' + "x" * 1_100_000 + '"]', True),
        ('["' + URI * 200, False),
        (f'["{URI}",' * 100, False),
    ],
    ids=["text", "a data URI", "text after one", "half a data URI", "many data URIs"],
)
def test_oversized_text_is_detected_while_it_arrives(text: str, too_large: bool) -> None:
    raw, arriving = bytearray(), ArrivingText(WIDE)
    seen = False
    for start in range(0, len(text), 65_536):
        raw += text[start : start + 65_536].encode()
        seen = seen or arriving.is_too_large(raw)

    assert seen is too_large
